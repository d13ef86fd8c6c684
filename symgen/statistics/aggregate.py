"""One number for the scores of an arm.

Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021
(arXiv:2108.13264), section 4.3. Every function takes [..., seed, task] and gives [...], so that all
resamples of a bootstrap are aggregated at once.
"""

from collections.abc import Callable

import numpy as np

Aggregate = Callable[[np.ndarray], np.ndarray]

_TRIMMED = 0.25


def mean(values: np.ndarray) -> np.ndarray:
    """Mean over tasks of the mean over seeds."""
    return np.asarray(values.mean(axis=-2).mean(axis=-1))


def median(values: np.ndarray) -> np.ndarray:
    """Median over tasks of the mean over seeds: of one task it is that task's mean."""
    return np.asarray(np.median(values.mean(axis=-2), axis=-1))


def iqm(values: np.ndarray) -> np.ndarray:
    """Interquartile mean: of all runs of all tasks, without the lowest and the highest quarter.

    A quarter is rounded down, so that of few runs it is something else by another name: of three it
    is the mean (nothing is trimmed), of four the median, of five the mean of the middle three.

    >>> float(iqm(np.array([[0.0], [1.0], [2.0], [9.0]])))
    1.5
    >>> float(iqm(np.array([[0.0], [1.0], [8.0]])))
    3.0
    """
    runs = np.sort(values.reshape(*values.shape[:-2], -1), axis=-1)
    count = runs.shape[-1]
    cut = int(_TRIMMED * count)
    return np.asarray(runs[..., cut : count - cut].mean(axis=-1))


def optimality_gap(values: np.ndarray, optimum: float = 1.0) -> np.ndarray:
    """What is missing to the optimum, where scores above it count as it: less is better.

    Args:
        values: [..., seed, task], normalised so that `optimum` is what one wants.
        optimum: gamma in the paper.
    """
    return np.asarray(optimum - np.minimum(values, optimum).mean(axis=(-2, -1)))


AGGREGATES: dict[str, Aggregate] = {"iqm": iqm, "mean": mean, "median": median}
