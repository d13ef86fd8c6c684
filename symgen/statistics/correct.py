"""p-values of many comparisons, corrected."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

Correction = Literal["holm", "benjamini_hochberg"]


def holm(p: Sequence[float]) -> np.ndarray:
    """Holm's step-down correction (Scand. J. Statist. 6, 1979): the chance of any false difference
    stays below the level (family-wise error), whatever the dependence of the comparisons.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return corrected


def benjamini_hochberg(p: Sequence[float]) -> np.ndarray:
    """Benjamini and Hochberg's correction (J. R. Statist. Soc. B 57, 1995): of the differences
    claimed, the expected share of false ones stays below the level. Weaker than `holm`.
    """
    return np.asarray(stats.false_discovery_control(np.asarray(p), method="bh"))


CORRECTIONS = {"holm": holm, "benjamini_hochberg": benjamini_hochberg}
