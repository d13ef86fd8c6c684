"""The report as one page: no network, no script, styles and figures inside."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from symgen.report import tables
from symgen.report.contents import Contents, SpecContents
from symgen.report.data import ArmData
from symgen.report.figures import Drawing
from symgen.report.numbers import number
from symgen.report.results import Results
from symgen.report.run_data import RunData, shown_versions
from symgen.report.tables import Table
from symgen.report.words import Sentence

TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page.

    Args:
        id: its anchor.
        title: its heading.
        figures: (anchor, caption, SVG).
        tables: below the figures.
    """

    id: str
    title: str
    figures: tuple[tuple[str, str, str], ...]
    tables: tuple[Table, ...]


def page(contents: Contents) -> str:
    """The page."""
    # optional means not imported: only a page needs it
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["marked"] = _marked
    environment.filters["kept"] = _kept_together
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    results = contents.results
    names = [spec.spec.name for spec in results.specs]
    return template.render(
        title=" and ".join(names) if len(names) < 4 else f"{len(names)} specs",
        sentences=grouped(contents.sentences),
        anchors=_anchors(contents),
        together=_together(results),
        specs=[(spec.results.spec, _sections(spec)) for spec in contents.specs],
        versions=_versions,
        resumed=_resumed,
        number=number,
        empty=results.data.empty,
        alpha=results.alpha,
    )


def _together(results: Results) -> Table | None:
    if results.aggregated is None:
        return None
    return tables.aggregated(results.aggregated, results.specs[0].spec)


def _sections(contents: SpecContents) -> list[Section]:
    by_section: dict[str, list[Drawing]] = {}
    for drawing in contents.drawings:
        by_section.setdefault(drawing.section, []).append(drawing)
    titles = {
        "varied": "What varied",
        "scores": "What came out, by condition",
        "learning": "How the arms learned",
        "symmetry": "What became of the symmetry",
        "costs": "What it cost",
    }
    return [
        Section(
            f"{name}-{contents.results.spec.id}",
            title,
            tuple((d.id, d.caption, d.svg()) for d in by_section.get(name, [])),
            contents.tables[name],
        )
        for name, title in titles.items()
    ]


def _anchors(contents: Contents) -> dict[str, dict[str, str]]:
    """Where the names in sentences lead, by the spec that they are about: arms, conditions, specs;
    where they are about several, arms lead to the first spec.
    """
    anchors: dict[str, dict[str, str]] = {}
    for spec in contents.specs:
        data = spec.results.spec
        named = {data.name: f"spec-{data.id}"}
        named |= {arm.name: arm.id for arm in data.arms}
        conditions = sorted(data.conditions, key=lambda name: name != spec.results.primary)
        tables_of = zip(conditions, spec.tables["scores"], strict=True)
        named |= {name: table.id for name, table in tables_of}
        anchors[data.name] = named
        anchors[""] = named | anchors.get("", {})
    return anchors


def _marked(text: str, anchors: Mapping[str, str]) -> str:
    """`names` of a sentence as links in code; it is HTML, and everything else is escaped."""

    def code(name: re.Match[str]) -> str:
        shown = f"<code>{html.escape(name[1])}</code>"
        anchor = anchors.get(name[1])
        return f'<a href="#{anchor}">{shown}</a>' if anchor else shown

    parts = re.split(r"(`[^`]*`)", text.replace("p = ", "p\u00a0=\u00a0"))
    return "".join(
        re.sub(r"`([^`]*)`", code, part) if part.startswith("`") else html.escape(part)
        for part in parts
    )


def _kept_together(text: str) -> str:
    """The ends of an interval stay on one line, also where a table wraps."""
    return re.sub(r"\[[^\]]*\]", lambda ends: ends[0].replace(" ", "\u00a0"), text)


def _versions(arm: ArmData) -> Mapping[str, list[RunData]]:
    """The runs of an arm by what they were made with: mostly one line for all of them."""
    by_text: dict[str, list[RunData]] = {}
    for run in arm.runs:
        by_text.setdefault(shown_versions(run.versions), []).append(run)
    return by_text


def _resumed(run: RunData) -> int:
    """How often a run was gone on with."""
    resumed = run.versions.get("resumed")
    return len(resumed) if isinstance(resumed, Sequence) else 0


def grouped(sentences: Sequence[Sentence]) -> list[tuple[str, list[Sentence]]]:
    """Sentences of one kind, and about one spec, that follow one another, together."""
    runs = groupby(sentences, key=lambda sentence: (sentence.kind, sentence.spec))
    return [(kind, list(together)) for (kind, _), together in runs]
