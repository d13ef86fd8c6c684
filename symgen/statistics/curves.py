"""Learning curves: on one grid, under them, across a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from symgen.statistics.aggregate import Aggregate, iqm
from symgen.statistics.intervals import LEVEL, few_seeds, percentiles

RESAMPLES = 2_000


@dataclass(frozen=True, eq=False)
class Curve:
    """What one run scored as it learned.

    Args:
        steps: [record], rising: environment steps, or seconds.
        scores: [record].

    Raises:
        ValueError: no record, shapes that differ, steps that do not rise, no number.
    """

    steps: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        if self.steps.ndim != 1 or self.steps.shape != self.scores.shape or not len(self.steps):
            raise ValueError(f"a curve of {self.steps.shape} steps, {self.scores.shape} scores")
        if not (np.isfinite(self.steps).all() and np.isfinite(self.scores).all()):
            raise ValueError("a curve needs finite steps and scores")
        if (np.diff(self.steps) <= 0).any():
            raise ValueError("the steps of a curve rise")


@dataclass(frozen=True, eq=False)
class Band:
    """Curves of several seeds as one, with a pointwise interval.

    Args:
        grid: [point].
        value: aggregate over seeds, [point].
        low: lower ends, [point]; NaN of one seed. Pointwise: the whole curve leaves the band more
            often than the level says.
        high: upper ends, [point].
        level: nominal coverage at one point.
        warning: what a report must say beside it.
    """

    grid: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    warning: str = ""


@dataclass(frozen=True, eq=False)
class Reached:
    """When each seed reached a threshold.

    Args:
        steps: [seed]: of the first record that counts; where never, of the last record (censored).
        reached: [seed]: whether it was.
        threshold: the score.
    """

    steps: np.ndarray
    reached: np.ndarray
    threshold: float

    @property
    def median(self) -> float:
        """Steps after which half of the runs have reached it (Kaplan and Meier 1958, so that runs
        that ended early count as far as they went); infinite where fewer than half ever did.
        """
        times = stats.CensoredData.right_censored(self.steps, ~self.reached)
        remaining = stats.ecdf(times).sf
        below = remaining.probabilities <= 0.5
        return float(remaining.quantiles[below][0]) if below.any() else np.inf

    def __str__(self) -> str:
        count = f"{int(self.reached.sum())} of {len(self.steps)} seeds"
        if np.isinf(self.median):
            return f"not reached by half ({count})"
        return f"{self.median:.0f} ({count})"


def shared_grid(curves: Sequence[Curve], points: int = 101) -> np.ndarray:
    """Equally spaced points over the range that every curve covers, [point].

    Raises:
        ValueError: there is no such range.
    """
    start = max(float(curve.steps[0]) for curve in curves)
    end = min(float(curve.steps[-1]) for curve in curves)
    if start >= end:
        raise ValueError(f"the curves share no range: they begin by {start:g} and end by {end:g}")
    return np.linspace(start, end, points)


def on_grid(curves: Sequence[Curve], grid: np.ndarray) -> np.ndarray:
    """Curves interpolated linearly, [seed, point]; NaN where a run has no record to both sides: no
    score is made up beyond a run's end.

    >>> on_grid([Curve(np.array([0.0, 2.0]), np.array([1.0, 3.0]))], np.array([1.0, 2.0, 3.0]))
    array([[ 2.,  3., nan]])
    """
    rows = [
        np.interp(grid, curve.steps, curve.scores, left=np.nan, right=np.nan) for curve in curves
    ]
    return np.stack(rows)


def area(grid: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Area under each curve over the length of the grid, by the trapezoidal rule: the mean score
    while learning, in the score's own unit. NaN where a curve does not cover the grid.

    Args:
        grid: [point], rising, two or more.
        curves: [seed, point].

    Returns:
        [seed].
    """
    widths = np.diff(grid)
    heights = (curves[:, 1:] + curves[:, :-1]) / 2
    return np.asarray(heights @ widths / widths.sum())


def steps_to(curves: Sequence[Curve], threshold: float, held: int = 1) -> Reached:
    """When each run reached a score, which it must hold for some records.

    Args:
        curves: one per seed.
        threshold: the score.
        held: how many records in a row must have it; the first of them counts. With one record, a
            lucky one is enough, and noisy arms look fast.

    Raises:
        ValueError: `held` below one.
    """
    if held < 1:
        raise ValueError(f"held for {held} records")
    firsts = [_first_held(curve.scores >= threshold, held) for curve in curves]
    steps = [
        curve.steps[-1 if first is None else first]
        for curve, first in zip(curves, firsts, strict=True)
    ]
    reached = np.array([first is not None for first in firsts])
    return Reached(np.array(steps, dtype=np.float64), reached, threshold)


def _first_held(above: np.ndarray, held: int) -> int | None:
    """Where the first `held` trues in a row begin."""
    if len(above) < held:
        return None
    runs = np.lib.stride_tricks.sliding_window_view(above, held).all(axis=1)
    return int(runs.argmax()) if runs.any() else None


def band(
    grid: np.ndarray,
    curves: np.ndarray,
    aggregate: Aggregate = iqm,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Band:
    """Aggregate over seeds at every point, with bootstrap intervals of whole curves.

    Args:
        grid: [point].
        curves: [seed, point]; a point where some curve is NaN has no value.
        aggregate: one of `aggregate`, of the seeds at one point.
        level: nominal coverage at a point.
        resamples: how many.
    """
    seeds = len(curves)
    value = aggregate(curves.T[:, :, None])
    low = high = np.full_like(value, np.nan)
    whole = np.isfinite(curves).all(axis=0)
    value = np.where(whole, value, np.nan)
    if seeds > 1 and whole.any():
        rows = np.random.default_rng(0).integers(seeds, size=(resamples, seeds))
        resampled = np.stack([aggregate(curve[rows][:, :, None]) for curve in curves.T], axis=-1)
        low, high = np.where(whole, percentiles(resampled, level), np.nan)
    return Band(grid, value, low, high, level, few_seeds(seeds))
