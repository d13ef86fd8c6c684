"""How likely a run of one arm beats a run of another (Agarwal et al. 2021, section 4.3)."""

from collections.abc import Iterator

import numpy as np

from symgen.statistics.intervals import (
    LEVEL,
    Interval,
    drawn_rows,
    few_seeds,
    percentiles,
    require_scores,
)
from symgen.statistics.scores import Scores

RESAMPLES = 2_000


def probability_of_improvement(
    first: Scores, second: Scores, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval:
    """P(a run of `first` scores more than one of `second`), ties counted half, mean over tasks.

    That is Mann and Whitney's U over the number of pairs. It says how often, not by how much, and
    its interval is no test: an interval without 1/2 is not a corrected decision.

    Args:
        first: scores of an arm.
        second: scores of another on the same tasks; both are resampled independently.
        level: nominal coverage.
        resamples: how many.

    Raises:
        ValueError: different tasks, or a seed without a score.

    >>> from symgen.statistics.scores import scores
    >>> probability_of_improvement(scores([1.0, 2.0]), scores([0.0, 2.0])).value
    0.625
    """
    require_scores(first)
    require_scores(second)
    if first.tasks != second.tasks or first.kind != second.kind:
        raise ValueError(f"arms on different tasks: {first.tasks}, {second.tasks}")
    value = float(_wins(first.values, second.values))
    seeds = min(len(first.seeds), len(second.seeds))
    if seeds == 1:
        return Interval(value, np.nan, np.nan, level, 1, few_seeds(1))
    rng = np.random.default_rng(0)
    wins = [
        _wins(rows_of_first, rows_of_second)
        for rows_of_first, rows_of_second in zip(
            _resampled(first, rng, resamples), _resampled(second, rng, resamples), strict=True
        )
    ]
    low, high = percentiles(np.array(wins), level)
    return Interval(value, float(low), float(high), level, seeds, few_seeds(seeds))


def _resampled(scores: Scores, rng: np.random.Generator, resamples: int) -> Iterator[np.ndarray]:
    """Resampled scores one at a time, [seed, task]."""
    columns = np.arange(scores.values.shape[1])
    for rows in drawn_rows(rng, scores.values.shape, scores.kind, resamples):
        yield from scores.values[rows, columns]


def _wins(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of pairs won by `first` [n, task] over `second` [m, task]; ties are half."""
    above = first[:, None] > second
    equal = first[:, None] == second
    return np.asarray((above + 0.5 * equal).mean())
