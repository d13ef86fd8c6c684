"""What every form of a report is made from: results, sentences, tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from symgen.report import tables
from symgen.report.data import REFERENCE, gather
from symgen.report.figures import Drawing, drawings
from symgen.report.learning import learning
from symgen.report.results import Range, Results, SpecResults, work_out
from symgen.report.tables import Table
from symgen.report.words import Sentence, sentences


@dataclass(frozen=True, eq=False)
class SpecContents:
    """What is shown of one spec.

    Args:
        results: its results.
        tables: by section of the report: varied, scores, learning, symmetry, costs.
        drawings: its figures.
    """

    results: SpecResults
    tables: Mapping[str, tuple[Table, ...]]
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, eq=False)
class Contents:
    """What is shown.

    Args:
        results: everything that was worked out.
        sentences: the first screen.
        specs: one after the other.
    """

    results: Results
    sentences: tuple[Sentence, ...]
    specs: tuple[SpecContents, ...]


def contents_of(
    paths: Sequence[Path],
    reference: str = REFERENCE,
    condition: str = "",
    ranges: Mapping[str, Range] | None = None,
    drawn: bool = True,
) -> Contents:
    """The contents of a report.

    Args:
        paths: run folders: of seeds, variants or specs.
        reference: the arm that the others are compared with.
        condition: the primary one; training's own where it is empty.
        ranges: by spec: the scores that count as 0 and as 1, for an aggregate over specs.
        drawn: whether figures are needed.

    Raises:
        UserError: see `gather` and `work_out`.
    """
    results = work_out(gather(paths, reference), condition, ranges)
    specs = tuple(_of_spec(spec, drawn) for spec in results.specs)
    return Contents(results, tuple(sentences(results)), specs)


def _of_spec(results: SpecResults, drawn: bool) -> SpecContents:
    spec = results.spec
    learnt = learning(spec)
    conditions = sorted(spec.conditions, key=lambda name: name != results.primary)
    return SpecContents(
        results,
        {
            "varied": (tables.arms(spec),),
            "scores": tuple(tables.condition(results, name) for name in conditions),
            "learning": (tables.learning(spec, learnt),),
            "symmetry": (tables.equivariance(spec),),
            "costs": (tables.costs(spec),),
        },
        tuple(drawings(results, learnt)) if drawn else (),
    )
