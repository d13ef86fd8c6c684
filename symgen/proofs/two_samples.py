"""Do two samples come from one distribution? The energy distance with a permutation p-value.

Szekely and Rizzo, "Energy statistics: a class of statistics based on distances", JSPI 143 (2013),
eq. (2.5) and section 6: E = 2 mean|X - Y| - mean|X - X'| - mean|Y - Y'| is zero only for equal
distributions, and permuting the labels gives its distribution in that case, whatever it is.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EnergyTest:
    """What a test found.

    Args:
        distance: the energy distance of the samples.
        p: share of the label permutations (the given labels included) with at least this distance.
    """

    distance: float
    p: float


def energy_test(
    first: np.ndarray, second: np.ndarray, rng: np.random.Generator, permutations: int = 999
) -> EnergyTest:
    """Test two samples of independent rows.

    Args:
        first: (n, features).
        second: (m, features).
        rng: source of the permutations.
        permutations: their number; p is at least 1 / (permutations + 1).

    >>> rng = np.random.default_rng(0)
    >>> energy_test(rng.normal(size=(100, 2)), rng.normal(size=(100, 2)), rng).p > 0.01
    True
    >>> energy_test(rng.normal(size=(100, 2)), rng.normal(1.0, size=(100, 2)), rng).p
    0.001
    """
    pooled = np.concatenate([first, second]).astype(np.float64)
    square = (pooled**2).sum(1)
    distances = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * pooled @ pooled.T, 0.0))
    labels = np.zeros((len(pooled), permutations + 1))
    labels[: len(first), 0] = 1.0
    for column in range(1, permutations + 1):
        labels[rng.permutation(len(pooled))[: len(first)], column] = 1.0
    within = np.einsum("ij,ij->j", labels, distances @ labels)
    touching = labels.T @ distances.sum(1)
    n = len(first)
    m = len(second)
    across = touching - within
    rest = distances.sum() - 2 * touching + within
    energy = 2 * across / (n * m) - within / n**2 - rest / m**2
    return EnergyTest(float(energy[0]), float((energy >= energy[0] * (1 - 1e-12)).mean()))


def standardised(
    first: list[np.ndarray], second: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of features side by side, each entry with pooled deviation 1, each block with the same
    weight.

    Args:
        first: blocks (n, k) of the first sample; entries that never vary are left out.
        second: the same blocks of the second.
    """
    ours = []
    others = []
    for mine, theirs in zip(first, second, strict=True):
        pooled = np.concatenate([mine, theirs])
        deviation = pooled.std(0)
        mean = pooled.mean(0)
        varies = deviation > 1e-9 * (1.0 + np.abs(mean))
        scale = deviation[varies] * np.sqrt(max(varies.sum(), 1))
        ours.append((mine[:, varies] - mean[varies]) / scale)
        others.append((theirs[:, varies] - mean[varies]) / scale)
    return np.concatenate(ours, 1), np.concatenate(others, 1)
