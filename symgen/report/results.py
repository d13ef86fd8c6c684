"""What the scores say, worked out by symgen.statistics. The seed is the unit.

One condition is named beforehand (`training`, where nothing else is said): the arms are compared
with the reference under it, corrected for their number. All other conditions together are a second
family of comparisons, corrected for theirs. Differences are of means, since a trimmed mean of few
seeds cannot tell apart what differs in its trimmed ends; tables show interquartile means.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symgen.errors import UserError
from symgen.report.data import ArmData, ReportData, SpecData
from symgen.semantics.evaluate import TRAINING
from symgen.statistics.compare import ALPHA, Comparison, compare
from symgen.statistics.improvement import probability_of_improvement
from symgen.statistics.intervals import Interval, bootstrap
from symgen.statistics.scores import Scores
from symgen.statistics.tolerance import Tolerance, tolerance

Range = tuple[float, float]
"""The scores of an environment that count as 0 and as 1."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One arm under one condition.

    Args:
        arm: which.
        condition: which.
        scores: of its seeds, one column.
        iqm: interquartile mean with its interval.
        mean: the mean of the seeds.
        success: mean success rate; NaN where the environment reports none.
        spread: where runs lie; None of one seed.
        improvement: probability that a run of it beats one of the reference; None of the reference,
            and where that has no scores.
        comparison: with the reference, corrected; None likewise.
    """

    arm: ArmData
    condition: str
    scores: Scores
    iqm: Interval
    mean: float
    success: float
    spread: Tolerance | None
    improvement: Interval | None
    comparison: Comparison | None


@dataclass(frozen=True, eq=False)
class SpecResults:
    """The results of one spec.

    Args:
        spec: which.
        primary: the condition named beforehand.
        cells: by condition and arm.
    """

    spec: SpecData
    primary: str
    cells: Mapping[tuple[str, str], Cell]

    def under(self, condition: str) -> list[Cell]:
        """The arms that have scores under a condition, in their order."""
        return [
            self.cells[condition, arm.name]
            for arm in self.spec.arms
            if (condition, arm.name) in self.cells
        ]

    @property
    def compared(self) -> list[Cell]:
        """The arms compared with the reference under the primary condition."""
        return [cell for cell in self.under(self.primary) if cell.comparison]

    @property
    def others(self) -> list[Cell]:
        """The comparisons under all other conditions."""
        conditions = [name for name in self.spec.conditions if name != self.primary]
        return [cell for name in conditions for cell in self.under(name) if cell.comparison]


@dataclass(frozen=True, eq=False)
class Aggregated:
    """Arms that several specs have in common, over their environments.

    Args:
        ranges: by spec: what counts as 0 and as 1.
        iqm: by arm.
        comparisons: with the reference, corrected.
    """

    ranges: Mapping[str, Range]
    iqm: Mapping[str, Interval]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that was worked out.

    Args:
        data: what it was worked out from.
        specs: the results of each.
        aggregated: over environments; None of one spec, and where ranges are not stated.
        alpha: the chance of any false difference, per family of comparisons.
    """

    data: ReportData
    specs: tuple[SpecResults, ...]
    aggregated: Aggregated | None
    alpha: float = ALPHA


def work_out(
    data: ReportData, condition: str = "", ranges: Mapping[str, Range] | None = None
) -> Results:
    """The results.

    Args:
        data: of the runs.
        condition: the primary one; training's own where it is empty.
        ranges: by spec, for an aggregate over environments.

    Raises:
        UserError: no spec has such a condition; a range is of no spec, or empty.
    """
    specs = tuple(_of_spec(spec, condition or TRAINING) for spec in data.specs)
    stated = ranges or {}
    _check_ranges(stated, data)
    if len(specs) < 2 or len(stated) < len(specs):
        return Results(data, specs, None)
    return Results(data, specs, _aggregated(specs, stated))


def seeds_needed(comparisons: int, alpha: float = ALPHA) -> int:
    """The fewest seeds per arm with which any one difference could be told among so many.

    >>> seeds_needed(1), seeds_needed(7)
    (4, 6)
    """
    seeds = 2
    while comparisons * 2 / min(math.comb(2 * seeds, seeds), 10_000) > alpha and seeds < 100:
        seeds += 1
    return seeds


def undecidable(cells: Sequence[Cell], alpha: float = ALPHA) -> bool:
    """Whether so few seeds could not have told any arm apart, however large its difference."""
    least = [cell.comparison.difference.least_p for cell in cells if cell.comparison]
    return bool(least) and min(least) * len(least) > alpha


def _of_spec(spec: SpecData, primary: str) -> SpecResults:
    if spec.conditions and primary not in spec.conditions:
        there = ", ".join(spec.conditions)
        message = f"{spec.name} was not evaluated under {primary!r}"
        raise UserError("not-comparable", message, f"its conditions: {there}")
    scores = {
        (condition, arm.name): of_arm(arm, condition)
        for condition in spec.conditions
        for arm in spec.arms
    }
    known = {key: value for key, value in scores.items() if value is not None}
    names = [name for name in spec.conditions if name != primary]
    comparisons = _compared(spec, known, [primary]) | _compared(spec, known, names)
    cells = {}
    for (condition, name), value in known.items():
        arm = spec.arm(name)
        if arm is not None:
            reference = known.get((condition, spec.reference.name))
            key = (condition, name)
            cells[key] = _cell(arm, condition, value, reference, comparisons.get(key))
    return SpecResults(spec, primary, cells)


def of_arm(arm: ArmData, condition: str) -> Scores | None:
    """The scores of an arm's seeds under a condition; None where it has none."""
    runs = [run for run in arm.runs if not math.isnan(run.score(condition))]
    if not runs:
        return None
    values = np.array([[run.score(condition)] for run in runs])
    return Scores(values, tuple(run.seed for run in runs), (condition,), "conditions")


def _compared(
    spec: SpecData, scores: Mapping[tuple[str, str], Scores], conditions: Sequence[str]
) -> dict[tuple[str, str], Comparison]:
    """Every arm with the reference under some conditions, corrected for all of these together."""
    reference = spec.reference.name
    keys = [
        (condition, arm.name)
        for condition in conditions
        for arm in spec.arms[1:]
        if (condition, arm.name) in scores and (condition, reference) in scores
    ]
    if not keys:
        return {}
    named = {f"{condition}\n{name}": value for (condition, name), value in scores.items()}
    pairs = [(f"{condition}\n{name}", f"{condition}\n{reference}") for condition, name in keys]
    return dict(zip(keys, compare(named, pairs), strict=True))


def _cell(
    arm: ArmData,
    condition: str,
    scores: Scores,
    reference: Scores | None,
    comparison: Comparison | None,
) -> Cell:
    successes = [run.success(condition) for run in arm.runs if run.seed in scores.seeds]
    several = len(scores.seeds) > 1
    return Cell(
        arm=arm,
        condition=condition,
        scores=scores,
        iqm=bootstrap(scores),
        mean=float(scores.values.mean()),
        success=float(np.mean(successes)),
        spread=tolerance(scores.values[:, 0]) if several else None,
        improvement=(
            probability_of_improvement(scores, reference)
            if comparison is not None and reference is not None
            else None
        ),
        comparison=comparison,
    )


def _check_ranges(ranges: Mapping[str, Range], data: ReportData) -> None:
    names = [spec.name for spec in data.specs]
    for name, (low, high) in ranges.items():
        if name not in names:
            message = f"a range is stated for {name!r}, of which there are no runs"
            raise UserError("not-comparable", message, f"specs here: {', '.join(names)}")
        if not low < high:
            message = f"the range {low:g},{high:g} of {name} is empty"
            raise UserError("not-comparable", message, "the lower end comes first")


def _aggregated(specs: Sequence[SpecResults], ranges: Mapping[str, Range]) -> Aggregated | None:
    """Arms over environments: seeds that every environment has of an arm."""
    first, *rest = specs
    shared = [
        arm.name for arm in first.spec.arms if all(other.spec.arm(arm.name) for other in rest)
    ]
    scores = {name: _normalised(name, specs, ranges) for name in shared}
    known = {name: value for name, value in scores.items() if value is not None}
    reference = first.spec.reference.name
    pairs = [(name, reference) for name in known if name != reference and reference in known]
    return Aggregated(
        ranges=ranges,
        iqm={name: bootstrap(value) for name, value in known.items()},
        comparisons=tuple(compare(known, pairs)) if pairs else (),
    )


def _normalised(
    name: str, specs: Sequence[SpecResults], ranges: Mapping[str, Range]
) -> Scores | None:
    columns = []
    for results in specs:
        cell = results.cells.get((results.primary, name))
        if cell is None:
            return None
        low, high = ranges[results.spec.name]
        scaled = (cell.scores.values[:, 0] - low) / (high - low)
        columns.append(dict(zip(cell.scores.seeds, scaled.tolist(), strict=True)))
    seeds = sorted(set(columns[0]).intersection(*columns[1:]))
    if not seeds:
        return None
    values = np.array([[column[seed] for column in columns] for seed in seeds])
    return Scores(values, tuple(seeds), tuple(r.spec.name for r in specs), "environments")
