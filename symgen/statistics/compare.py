"""Two arms compared at a fixed number of seeds: the difference, its interval, a permutation test.

Environment seeds are paired across arms (Patterson et al., JMLR 25(318), 2024): two runs of one
seed meet the same levels, so that their difference varies less than either. The tests are exact for
any distribution of scores: Pitman 1937; Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010)
for p-values from random permutations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from symgen.statistics._permutations import least_p, p_value
from symgen.statistics.aggregate import Aggregate, mean
from symgen.statistics.correct import CORRECTIONS, Correction
from symgen.statistics.intervals import LEVEL, RESAMPLES, drawn_rows, few_seeds, percentiles
from symgen.statistics.scores import Scores

Decision = Literal["better", "worse", "not told apart"]
ALPHA = 0.05


@dataclass(frozen=True)
class Difference:
    """How much more one arm scores than another.

    Args:
        value: aggregate of the first minus aggregate of the second.
        low: lower end of its bootstrap interval; NaN where one seed leaves nothing to resample.
        high: upper end.
        level: nominal coverage of the interval.
        p: of the permutation test that the arms score alike, two-sided, uncorrected.
        least_p: the smallest p that so many seeds can give: no effect, however large, shows below.
        paired: whether both arms have the same seeds, resampled together for the interval.
        test: `sign flips` exchanges the arms within seeds, `labels` exchanges them across seeds.
        seeds: those of the first arm and of the second that count.
        notes: what a report must say beside it.
    """

    value: float
    low: float
    high: float
    level: float
    p: float
    least_p: float
    paired: bool
    test: Literal["sign flips", "labels"]
    seeds: tuple[int, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two arms by name, after correction for all the comparisons made with this one.

    Args:
        first: name of an arm.
        second: name of another.
        difference: first minus second.
        p: corrected.
        decision: of the first against the second, at the level of the correction. `not told apart`
            is no sign that they are alike.
    """

    first: str
    second: str
    difference: Difference
    p: float
    decision: Decision


def difference(
    first: Scores,
    second: Scores,
    aggregate: Aggregate = mean,
    level: float = LEVEL,
    least: float = ALPHA,
    resamples: int = RESAMPLES,
) -> Difference:
    """First arm minus second, with interval and permutation test.

    Seeds without a score are left out and named; where the rest are not the same seeds, nothing is
    paired, which the notes say. Sign flips of n pairs give no p below 2 / 2^n (n = 5: 0.0625), so
    where that exceeds `least` labels are permuted instead (n = 5: 2 / 252). The choice follows from
    the number of seeds alone, never from scores. Permuted labels ignore pairs: exact where pairs
    are independent, too careful where they rise and fall together.

    Args:
        first: scores of an arm.
        second: scores of another, on the same tasks.
        aggregate: one of `aggregate`.
        level: nominal coverage of the interval.
        least: the p below which a difference would count.
        resamples: of the bootstrap; and of the permutations, where all are more than these.

    Raises:
        ValueError: different tasks, or an arm without any complete seed.
    """
    if first.tasks != second.tasks or first.kind != second.kind:
        raise ValueError(f"arms on different tasks: {first.tasks}, {second.tasks}")
    ours, theirs = _aligned(first.complete(), second.complete())
    paired = ours.seeds == theirs.seeds
    flipped = paired and least_p(ours, theirs, "sign flips") <= least
    test: Literal["sign flips", "labels"] = "sign flips" if flipped else "labels"
    smallest = least_p(ours, theirs, test)
    notes = [*_missing(first, second), *_design_notes(paired, test, smallest, least)]
    fewest = min(len(ours.seeds), len(theirs.seeds))
    low, high = _interval(ours, theirs, aggregate, level, resamples)
    return Difference(
        value=float(aggregate(ours.values) - aggregate(theirs.values)),
        low=low,
        high=high,
        level=level,
        p=p_value(ours, theirs, aggregate, test, resamples),
        least_p=smallest,
        paired=paired,
        test=test,
        seeds=(len(ours.seeds), len(theirs.seeds)),
        notes=tuple(note for note in (*notes, few_seeds(fewest)) if note),
    )


def compare(
    arms: Mapping[str, Scores],
    pairs: Sequence[tuple[str, str]],
    aggregate: Aggregate = mean,
    correction: Correction = "holm",
    alpha: float = ALPHA,
    resamples: int = RESAMPLES,
) -> list[Comparison]:
    """Pairs of arms told apart, or not, with p-values corrected for their number.

    The pairs are to be named before the scores are seen: a baseline against every other arm costs
    less than all against all.

    Args:
        arms: scores by name.
        pairs: names of the arms compared, first and second.
        aggregate: one of `aggregate`.
        correction: `holm` bounds the chance of any false difference, `benjamini_hochberg` the share
            of false ones among those claimed.
        alpha: the bound.
        resamples: of bootstrap and permutations.

    Raises:
        ValueError: no pair, or as in `difference`.
    """
    if not pairs:
        raise ValueError("no pairs to compare")
    differences = [
        difference(arms[first], arms[second], aggregate, 1 - alpha, alpha / len(pairs), resamples)
        for first, second in pairs
    ]
    corrected = CORRECTIONS[correction]([difference.p for difference in differences])
    return [
        Comparison(first, second, difference, float(p), _decision(difference.value, p, alpha))
        for (first, second), difference, p in zip(pairs, differences, corrected, strict=True)
    ]


def _decision(value: float, p: float, alpha: float) -> Decision:
    if p > alpha or value == 0:
        return "not told apart"
    return "better" if value > 0 else "worse"


def _aligned(first: Scores, second: Scores) -> tuple[Scores, Scores]:
    """Both arms with the second's rows in the order of the first's, where the seeds are the same
    ones.
    """
    if set(first.seeds) != set(second.seeds):
        return first, second
    order = [second.seeds.index(seed) for seed in first.seeds]
    return first, replace(second, values=second.values[order], seeds=first.seeds)


def _missing(first: Scores, second: Scores) -> list[str]:
    """What is to be said of seeds that one arm lacks."""
    notes = [
        f"the {name} arm has no score for seeds {', '.join(map(str, arm.without_score))}; "
        "broken-off runs left out can flatter an arm"
        for name, arm in (("first", first), ("second", second))
        if arm.without_score
    ]
    alone = set(first.complete().seeds) ^ set(second.complete().seeds)
    if alone:
        listed = ", ".join(map(str, sorted(alone)))
        notes.append(f"not paired: only one arm has scores for seeds {listed}")
    return notes


def _design_notes(paired: bool, test: str, smallest: float, least: float) -> list[str]:
    """What is to be said of the number of seeds."""
    if smallest > least:
        return [f"so few seeds cannot give p below {smallest:.2g}, and {least:.2g} is needed"]
    if paired and test == "labels":
        return ["labels are permuted across seeds: so few pairs cannot give p small enough"]
    return []


def _interval(
    first: Scores, second: Scores, aggregate: Aggregate, level: float, resamples: int
) -> tuple[float, float]:
    """Bootstrap interval of the difference; pairs are drawn together."""
    if min(len(first.seeds), len(second.seeds)) == 1:
        return np.nan, np.nan
    rng = np.random.default_rng(0)
    columns = np.arange(len(first.tasks))
    resampled = []
    for rows in drawn_rows(rng, first.values.shape, first.kind, resamples):
        rows_of_second = rows
        if first.seeds != second.seeds:
            shape = second.values.shape
            (rows_of_second,) = drawn_rows(rng, shape, second.kind, len(rows), chunk=len(rows))
        difference = aggregate(first.values[rows, columns])
        resampled.append(difference - aggregate(second.values[rows_of_second, columns]))
    low, high = percentiles(np.concatenate(resampled), level)
    return float(low), float(high)
