"""What is under way while a training runs, as arrays that a checkpoint can hold: environments in
mid-episode and their random numbers, and what a learner remembers of running episodes.

It stands beside what has been learnt (weights, optimisers, statistics). With both a training goes
on as if it had never been stopped; without it, it goes on in fresh episodes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.generic]]
"""A state by name."""
Entry = TypeVar("Entry")


class Resumable(ABC):
    """Something that can be gone on with from what was saved in the middle of it.

    Vector environments that are no Resumable cannot be saved, see envs/_resumed.py.

    Law: after `go_on` with what `under_way` of another with the same arguments gave, it does what
    that other one would have done from there, bit for bit, random numbers included.
    """

    @abstractmethod
    def under_way(self) -> Arrays | str:
        """Its present state, in arrays of its own; or in words why that cannot be saved."""

    @abstractmethod
    def go_on(self, arrays: Arrays) -> None:
        """Take in what `under_way` gave; nothing need have been begun before.

        Raises:
            KeyError, ValueError: it was another's.
        """


def prefixed(prefix: str, named: Mapping[str, Entry]) -> dict[str, Entry]:
    """Arrays or tensors with a prefix to their names.

    >>> list(prefixed("cart.", {"clock": np.zeros(2)}))
    ['cart.clock']
    """
    return {prefix + name: value for name, value in named.items()}


def below(prefix: str, named: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those whose names have a prefix, without it: the inverse of `prefixed`."""
    return {
        name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)
    }


def taken(name: str, arrays: Arrays, like: NDArray) -> NDArray:
    """A copy of one of the arrays.

    Args:
        name: which.
        arrays: all of them.
        like: what stands in its place now.

    Raises:
        KeyError: there is none of that name.
        ValueError: its shape or type is another than that of `like`.

    >>> taken("clock", {"clock": np.ones(2)}, np.zeros(2))
    array([1., 1.])
    """
    array = arrays[name]
    if array.shape != like.shape or array.dtype != like.dtype:
        raise ValueError(
            f"the saved {name} is {array.dtype} {array.shape}, here it is {like.dtype} {like.shape}"
        )
    return array.copy()
