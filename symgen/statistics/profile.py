"""Performance profiles: the share of runs above every score (Agarwal et al. 2021, section 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symgen.statistics.intervals import (
    LEVEL,
    distribution,
    drawn_rows,
    few_seeds,
    percentiles,
    require_scores,
)
from symgen.statistics.scores import Scores

RESAMPLES = 2_000


@dataclass(frozen=True, eq=False)
class Profile:
    """The share of runs that score above each of some thresholds.

    Args:
        thresholds: tau in the paper, [threshold].
        shares: of all runs on all tasks, [threshold], falling.
        low: lower ends of the pointwise intervals, [threshold]; NaN of one seed.
        high: upper ends, [threshold]. Pointwise: the whole profile lies within them less often
            than the level says.
        level: nominal coverage at one threshold.
        warning: what a report must say beside it.
    """

    thresholds: np.ndarray
    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    warning: str = ""


def profile(
    scores: Scores,
    thresholds: Sequence[float] | np.ndarray,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Profile:
    """The performance profile of an arm, with pointwise bootstrap bands.

    Args:
        scores: of one arm; of tasks on one scale.
        thresholds: [threshold].
        level: nominal coverage of the band at one threshold.
        resamples: how many.

    Raises:
        ValueError: a seed without a score.
    """
    require_scores(scores)
    taus = np.asarray(thresholds, dtype=np.float64)

    def shares_above(values: np.ndarray) -> np.ndarray:
        runs = values.reshape(*values.shape[:-2], -1)
        return np.stack([(runs > tau).mean(axis=-1) for tau in taus], axis=-1)

    shares = shares_above(scores.values)
    seeds, tasks = scores.values.shape
    low = high = np.full_like(shares, np.nan)
    if seeds > 1:
        draws = drawn_rows(np.random.default_rng(0), (seeds, tasks), scores.kind, resamples)
        low, high = percentiles(distribution(scores.values, shares_above, draws), level)
    return Profile(taus, shares, low, high, level, few_seeds(seeds))
