"""Dividing rewards by the running standard deviation of the discounted return."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.problem.resumable import Arrays, Resumable, taken

Array = NDArray[Any]


class RewardScale(Resumable):
    """Running statistics of the discounted return; only its spread is used, so signs and zeros of
    rewards stay.

    Args:
        envs: number of environments.
        gamma: discount.

    Source: Engstrom et al. 2020, Implementation Matters in Deep Policy Gradients
    (arXiv:2005.12729), section 2; mean and variance are merged batch by batch as in Chan et al.
    1979, equation 2.1.
    """

    def __init__(self, envs: int, gamma: float) -> None:
        self.gamma = gamma
        self.discounted = np.zeros(envs)  # return so far of the running episode of each environment
        self.count, self.mean, self.squares = (
            0.0,
            0.0,
            0.0,
        )  # squares: sum of squared deviations from the mean

    @property
    def std(self) -> float:
        """Standard deviation seen so far, 1 before anything was seen."""
        return math.sqrt(self.squares / self.count) if self.count else 1.0

    def scale(self, rewards: Array, ended: NDArray[np.bool_], valid: NDArray[np.bool_]) -> Array:
        """Take one rollout into the statistics and return its rewards divided by `std`; all arrays
        [step, env].
        """
        returns = np.empty_like(rewards, dtype=np.float64)
        for step in range(len(rewards)):
            self.discounted = self.gamma * self.discounted + rewards[step]
            returns[step] = self.discounted
            self.discounted = np.where(ended[step], 0.0, self.discounted)
        self._merge(returns[valid])
        return rewards / (self.std + 1e-8)

    def _merge(self, values: Array) -> None:
        if not values.size:
            return
        delta = values.mean() - self.mean
        total = self.count + values.size
        self.squares += float(
            values.var() * values.size + delta**2 * self.count * values.size / total
        )
        self.mean += float(delta * values.size / total)
        self.count = total

    def state(self) -> list[float]:
        """What `restore` takes; episodes under way are not part of it."""
        return [self.count, self.mean, self.squares]

    def restore(self, state: list[float]) -> None:
        """Set the statistics to what `state` gave."""
        self.count, self.mean, self.squares = state
        self.discounted[:] = 0

    def under_way(self) -> Arrays:
        """See Resumable: the returns of the episodes under way."""
        return {"discounted": self.discounted.copy()}

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self.discounted = taken("discounted", arrays, self.discounted)
