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
    one: np.ndarray, other: np.ndarray, rng: np.random.Generator, permutations: int = 999
) -> EnergyTest:
    """Test two samples of independent rows.

    Args:
        one: (n, features).
        other: (m, features).
        rng: source of the permutations.
        permutations: their number; p is at least 1 / (permutations + 1).

    >>> rng = np.random.default_rng(0)
    >>> energy_test(rng.normal(size=(100, 2)), rng.normal(size=(100, 2)), rng).p > 0.01
    True
    >>> energy_test(rng.normal(size=(100, 2)), rng.normal(1.0, size=(100, 2)), rng).p
    0.001
    """
    pooled = np.concatenate([one, other]).astype(np.float64)
    square = (pooled**2).sum(1)
    distances = np.sqrt(np.maximum(square[:, None] + square[None] - 2 * pooled @ pooled.T, 0.0))
    labels = np.zeros((len(pooled), permutations + 1))
    labels[: len(one), 0] = 1.0
    for column in range(1, permutations + 1):
        labels[rng.permutation(len(pooled))[: len(one)], column] = 1.0
    within = np.einsum("ij,ij->j", labels, distances @ labels)
    touching = labels.T @ distances.sum(1)
    n = len(one)
    m = len(other)
    across = touching - within
    rest = distances.sum() - 2 * touching + within
    energy = 2 * across / (n * m) - within / n**2 - rest / m**2
    return EnergyTest(float(energy[0]), float((energy >= energy[0] * (1 - 1e-12)).mean()))


def standardised(one: list[np.ndarray], other: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of features side by side, each entry with pooled deviation 1, each block with the same
    weight.

    Args:
        one: blocks (n, k) of the first sample; entries that never vary are left out.
        other: the same blocks of the second.
    """
    columns: list[tuple[np.ndarray, np.ndarray]] = []
    for mine, theirs in zip(one, other, strict=True):
        pooled = np.concatenate([mine, theirs])
        deviation = pooled.std(0)
        mean = pooled.mean(0)
        varies = deviation > 1e-9 * (1.0 + np.abs(mean))
        scale = deviation[varies] * np.sqrt(max(varies.sum(), 1))
        columns.append(
            ((mine[:, varies] - mean[varies]) / scale, (theirs[:, varies] - mean[varies]) / scale)
        )
    return np.concatenate([mine for mine, _ in columns], 1), np.concatenate(
        [theirs for _, theirs in columns], 1
    )
