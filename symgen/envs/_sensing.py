"""What becomes of the tokens of an observation, as a value: without Gymnasium,
so that a spec can be checked with it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.envs._counted import orders

Order = NDArray[np.int64]
"""[environment, token that the agent sees], which token it is."""

# What random numbers are drawn for; see `_counted`.
_OCCLUDED = 0
_SHUFFLED = 1
NOISE = 2


@dataclass(frozen=True)
class Sensing:
    """What happens to the tokens of an observation, in this order.

    Args:
        duplicate: how many times the whole list of tokens is there.
        noise_channels: so many tokens of Gaussian noise follow it.
        sigma: the standard deviation of that noise, in the units of the observation.
        occlude: this fraction of all these tokens, a subset drawn for each episode, is taken away.
        zeroed: they are set to zero instead.
        shuffle: what is left stands in a random order, drawn for each episode.
        every: steps of an episode after which another order is drawn; 0 for never.
    """

    duplicate: int = 1
    noise_channels: int = 0
    sigma: float = 0.1
    occlude: float = 0.0
    zeroed: bool = False
    shuffle: bool = False
    every: int = 0

    def listed(self, tokens: int) -> int:
        """How many there are before any is taken away."""
        return self.duplicate * tokens + self.noise_channels

    def missing(self, tokens: int) -> int:
        """How many of them are occluded."""
        return round(self.occlude * self.listed(tokens))

    def seen(self, tokens: int) -> int:
        """How many tokens the agent sees of so many that the environment gives.

        >>> Sensing(duplicate=2, noise_channels=5, occlude=0.2).seen(5)
        12
        """
        return self.listed(tokens) - (0 if self.zeroed else self.missing(tokens))

    def order(self, tokens: int, seeds: Order, rows: Order, episode: Order, count: Order) -> Order:
        """What the agents of some environments see.

        Args:
            tokens: how many the environment gives; noise has the numbers after them, and the number
                after that is a token of zeros.
            seeds: [row], of the evaluation or training.
            rows: [row], the number of each environment.
            episode: [row], the number of its episode.
            count: [row], how many times another order has been drawn in it.
        """
        listed = self.listed(tokens)
        copies = np.tile(np.arange(tokens), self.duplicate)
        numbers = np.concatenate([copies, np.arange(tokens, tokens + self.noise_channels)])
        order: Order = np.tile(numbers, (len(rows), 1))
        missing = self.missing(tokens)
        if missing:
            drawn = orders(listed, seeds, _OCCLUDED, rows, episode)
            if self.zeroed:
                np.put_along_axis(order, drawn[:, :missing], tokens + self.noise_channels, axis=1)
            else:
                order = np.take_along_axis(order, np.sort(drawn[:, missing:], axis=1), axis=1)
        if self.shuffle:
            drawn = orders(order.shape[1], seeds, _SHUFFLED, rows, episode, count)
            order = np.take_along_axis(order, drawn, axis=1)
        return order
