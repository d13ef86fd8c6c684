"""Numbers over episodes and seeds: means with bootstrap intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
_CHUNK = 1_000_000  # numbers drawn at once, so that 10,000 episodes need no gigabyte


class StoredEstimate(TypedDict):
    """An Estimate as JSON, where an absent interval is null."""

    mean: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class Estimate:
    """A mean and its bootstrap interval.

    Args:
        mean: the mean of the values.
        low: lower end of the interval; NaN where one value leaves nothing to resample.
        high: upper end of the interval; NaN likewise.
        count: how many values.
    """

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{_short(self.mean)}"
        return f"{_short(self.mean)} [{_short(self.low)}, {_short(self.high)}]"

    def to_dict(self) -> StoredEstimate:
        """Plain values for JSON."""
        absent = math.isnan(self.low)
        return {
            "mean": self.mean,
            "low": None if absent else self.low,
            "high": None if absent else self.high,
            "count": self.count,
        }

    @classmethod
    def from_dict(cls, values: StoredEstimate) -> "Estimate":
        """The inverse of `to_dict`."""
        low = values["low"]
        high = values["high"]
        return cls(
            float(values["mean"]),
            low=math.nan if low is None else float(low),
            high=math.nan if high is None else float(high),
            count=int(values["count"]),
        )


def estimate(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """The mean of `values` with its percentile bootstrap interval; the same values give the same
    interval.

    Args:
        values: at least one finite number (returns of episodes, or means of seeds).
        level: coverage of the interval.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0 or not np.isfinite(data).all():
        raise ValueError(f"an estimate needs finite values, got {list(values)[:5]}")
    mean = float(data.mean())
    if data.size == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    tail = (1 - level) / 2
    low, high = np.quantile(_resampled_means(data), [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), data.size)


def _resampled_means(data: np.ndarray) -> np.ndarray:
    """Means of RESAMPLES resamples with replacement, [resamples]."""
    rng = np.random.default_rng(0)
    rows = max(1, _CHUNK // data.size)
    means = [
        data[rng.integers(data.size, size=(min(rows, RESAMPLES - start), data.size))].mean(axis=1)
        for start in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(means)


def _short(value: float) -> str:
    """Two decimals near 1, one near 100, none beyond: what an interval can support."""
    size = abs(value)
    if size < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if size < 1000 else f"{value:.0f}"
