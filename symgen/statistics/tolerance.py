"""Where the runs lie, as opposed to where their mean lies: tolerance intervals.

Patterson et al., "Empirical design in reinforcement learning", JMLR 25(318), 2024: an
interval for the mean shrinks with more seeds, one for the runs does not, and what a user gets is a
run. Without a form of the distribution the ends are order statistics (Wilks 1941).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Tolerance:
    """An interval that holds a share of all runs, those to come included.

    Args:
        low: an order statistic of the runs.
        high: one as far from the top as `low` from the bottom.
        content: the share of runs asked for.
        confidence: how often, over studies, an interval made in this way should hold that share.
        held: the share that the interval does hold with that confidence: less than `content` where
            there are too few runs, and then `low` and `high` are the extremes.
        runs: how many.
        warning: what a report must say beside it; "" where nothing.
    """

    low: float
    high: float
    content: float
    confidence: float
    held: float
    runs: int
    warning: str = ""


def tolerance(values: np.ndarray, content: float = 0.9, confidence: float = 0.95) -> Tolerance:
    """The narrowest symmetric pair of order statistics that holds `content` of all runs.

    The share of the distribution between the r-th lowest and the r-th highest of n runs is
    Beta(n - 2r + 1, 2r) distributed, whatever the distribution (discrete ones hold more).
    90 % with 95 % confidence takes 46 runs; the extremes of ten hold 61 %, of five 34 %.

    Args:
        values: [seed], the scores of one task.
        content: beta in the paper, in (0, 1).
        confidence: 1 - alpha in the paper, in (0, 1).

    Raises:
        ValueError: fewer than two runs, one without a score, or shares outside (0, 1).

    >>> tolerance(np.arange(10.0)).warning
    'too few runs: the extremes of 10 hold 61 % of all runs with 95 % confidence, not 90 %'
    """
    runs = np.sort(np.asarray(values, dtype=np.float64))
    if runs.ndim != 1 or len(runs) < 2 or not np.isfinite(runs).all():
        raise ValueError(f"a tolerance interval needs two finite scores or more, got {runs[:5]}")
    if not (0 < content < 1 and 0 < confidence < 1):
        raise ValueError(f"content {content} and confidence {confidence} are not in (0, 1)")
    count = len(runs)
    ranks = np.arange(1, count // 2 + 1)
    certain = stats.beta.sf(content, count - 2 * ranks + 1, 2 * ranks) >= confidence
    rank = int(ranks[certain].max(initial=1))
    held = float(stats.beta.ppf(1 - confidence, count - 2 * rank + 1, 2 * rank))
    warning = "" if certain[0] else _too_few(count, held, content, confidence)
    ends = (float(runs[rank - 1]), float(runs[count - rank]))
    return Tolerance(*ends, content, confidence, held, count, warning)


def _too_few(count: int, held: float, content: float, confidence: float) -> str:
    return (
        f"too few runs: the extremes of {count} hold {100 * held:.0f} % of all runs with "
        f"{100 * confidence:.0f} % confidence, not {100 * content:.0f} %"
    )
