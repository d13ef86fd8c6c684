"""Stratified bootstrap intervals (Agarwal et al. 2021, arXiv:2108.13264, section 4.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from symgen.statistics.aggregate import Aggregate, iqm
from symgen.statistics.scores import Scores, Tasks

RESAMPLES = 10_000
LEVEL = 0.95
FEW = 5
_CHUNK = 1_000_000  # numbers drawn at once

# How often a 95 % interval of the mean of so many seeds on one task holds the true mean: for normal
# scores, and where 36 % of the seeds fail (0 to 50) and the others score near 900. Of 2000
# simulated studies each: python -m tests.benchmarks.bench_statistics --coverage --studies 2000
COVERAGE = {
    2: (0.51, 0.45),
    3: (0.75, 0.69),
    4: (0.80, 0.82),
    5: (0.85, 0.83),
    10: (0.90, 0.89),
    20: (0.92, 0.94),
}


@dataclass(frozen=True)
class Interval:
    """A number with its bootstrap interval.

    Args:
        value: the aggregate of the scores themselves.
        low: lower end; NaN where one seed leaves nothing to resample.
        high: upper end; NaN likewise.
        level: nominal coverage, which few seeds do not reach.
        seeds: how many.
        warning: what a report must say beside it; "" where nothing.
    """

    value: float
    low: float
    high: float
    level: float
    seeds: int
    warning: str = ""


def few_seeds(seeds: int) -> str:
    """The warning that intervals of so many seeds carry; "" from five on.

    >>> few_seeds(5)
    ''
    """
    if seeds >= FEW:
        return ""
    if seeds < 2:
        return "one seed: no spread between seeds can be known"
    normal, bimodal = COVERAGE[seeds]
    return (
        f"{seeds} seeds: an interval said to hold the mean in 95 % of studies holds it in about "
        f"{normal:.0%} (in {bimodal:.0%} where some seeds fail altogether); take five or more"
    )


def bootstrap(
    scores: Scores,
    aggregate: Aggregate = iqm,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """An aggregate with its percentile bootstrap interval; the same scores give the same interval.

    Of few seeds such an interval is far too narrow: said to hold the mean in 95 % of studies, it
    does in 75 % of those with three seeds, 85 % with five, 90 % with ten (COVERAGE). Resamples vary
    less than seeds do, by (n - 1) / n, and no resample leaves the range of what was seen.

    Args:
        scores: of one arm.
        aggregate: one of `aggregate`, or any function of [..., seed, task].
        level: nominal coverage.
        resamples: how many.

    Raises:
        ValueError: a seed without a score (see `Scores.complete`).
    """
    require_scores(scores)
    seeds, tasks = scores.values.shape
    value = float(aggregate(scores.values))
    if seeds == 1:
        return Interval(value, np.nan, np.nan, level, 1, few_seeds(1))
    rng = np.random.default_rng(0)
    draws = drawn_rows(rng, (seeds, tasks), scores.kind, resamples)
    low, high = percentiles(distribution(scores.values, aggregate, draws), level)
    return Interval(value, float(low), float(high), level, seeds, few_seeds(seeds))


def require_scores(scores: Scores) -> None:
    """Raises ValueError where a seed lacks a score."""
    if scores.without_score:
        raise ValueError(f"seeds {scores.without_score} have no score on some task")


def drawn_rows(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    kind: Tasks,
    resamples: int,
    chunk: int | None = None,
) -> Iterator[np.ndarray]:
    """Rows drawn with replacement, in chunks of [resample, seed, task].

    Args:
        rng: source of the draws.
        shape: seeds, tasks.
        kind: `environments` draws for every task anew, `conditions` whole rows.
        resamples: how many in all.
        chunk: how many at once; as memory allows where nothing is said.
    """
    seeds, tasks = shape
    width = tasks if kind == "environments" else 1
    chunk = chunk or max(1, _CHUNK // (seeds * tasks))
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        drawn = rng.integers(seeds, size=(count, seeds, width))
        yield np.broadcast_to(drawn, (count, seeds, tasks))


def distribution(
    values: np.ndarray, aggregate: Aggregate, draws: Iterator[np.ndarray]
) -> np.ndarray:
    """The aggregate of every resample, [resample, ...].

    Args:
        values: [seed, task].
        aggregate: of [..., seed, task].
        draws: rows drawn, [resample, seed, task] each.
    """
    columns = np.arange(values.shape[1])
    return np.concatenate([aggregate(values[rows, columns]) for rows in draws])


def percentiles(distribution: np.ndarray, level: float) -> np.ndarray:
    """Lower and upper end of the interval, [2, ...], of resampled numbers [resample, ...]."""
    tail = (1 - level) / 2
    return np.quantile(distribution, [tail, 1 - tail], axis=0)
