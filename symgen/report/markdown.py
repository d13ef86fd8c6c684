"""The report as Markdown: the sentences and the tables; figures are files beside it."""

from collections.abc import Mapping

from symgen.report import tables
from symgen.report.contents import Contents, SpecContents
from symgen.report.html import grouped
from symgen.report.tables import Table


def markdown(contents: Contents, figures: Mapping[str, str]) -> str:
    """The page.

    Args:
        contents: of the report.
        figures: by anchor of a figure, the file that shows it; of those that are not there nothing
            is said.
    """
    results = contents.results
    names = ", ".join(spec.spec.name for spec in results.specs)
    lines = [f"# {names}", ""]
    for kind, together in grouped(contents.sentences):
        text = " ".join(sentence.text for sentence in together)
        lines += [f"**{kind.capitalize()}.** {text}", ""]
    if results.aggregated is not None:
        lines += _table(tables.aggregated(results.aggregated, results.specs[0].spec))
    for spec in contents.specs:
        lines += _spec(spec, figures)
    return "\n".join(lines).rstrip() + "\n"


def _spec(contents: SpecContents, figures: Mapping[str, str]) -> list[str]:
    lines = [f"## {contents.results.spec.name}", ""]
    for drawing in contents.drawings:
        if drawing.id in figures:
            lines += [f"[{drawing.caption}]({figures[drawing.id]})", ""]
    for shown in contents.tables.values():
        for table in shown:
            lines += _table(table)
    lines += ["Runs: " + ", ".join(_runs(contents)), ""]
    return lines


def _runs(contents: SpecContents) -> list[str]:
    return [
        f"{run.label} (commit {run.versions.get('commit') or 'unknown'})"
        for arm in contents.results.spec.arms
        for run in arm.runs
    ]


def _table(table: Table) -> list[str]:
    marks = ["---", *["---:"] * (len(table.header) - 1)]
    rows = [
        [entry.text + (" (control)" if entry.control else "") for entry in row]
        for row in table.rows
    ]
    lines = [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        for cells in (list(table.header), marks, *rows)
    ]
    note = [table.note, ""] if table.note else []
    return [f"### {table.title}", "", *lines, "", *note]
