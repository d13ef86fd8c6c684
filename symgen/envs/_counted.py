"""Random numbers that are functions of counters: the same for the same seed, environment, episode
and step, whatever was drawn before.

A stateful generator would give other numbers as soon as one agent's episodes are longer than
another's, or as other environments stand beside; numbers of counters pair the episodes of any two
agents.

The finaliser is splitmix64's (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
generators", figure 13), applied once for each counter.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def words(*counters: int | NDArray[np.int64]) -> Words:
    """64 random bits for every combination of counters.

    Args:
        counters: not negative; arrays are broadcast against each other.

    >>> words(1, np.arange(3)).tolist() == [int(words(1, k)[0]) for k in range(3)]
    True
    """
    mixed = np.zeros(1, np.uint64)
    for counter in counters:
        mixed = _finalised((mixed ^ np.atleast_1d(counter).astype(np.uint64)) + _GOLDEN)
    return mixed


def _finalised(x: Words) -> Words:
    """A bijection of 64 bits in which every bit depends on every other."""
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))


def orders(size: int, *counters: int | NDArray[np.int64]) -> NDArray[np.int64]:
    """A uniform random order of `size` things for every combination of counters.

    Args:
        size: of each order.
        counters: arrays of one shape, or numbers.

    Returns:
        [..., size], a permutation of 0, 1, ... in each row.
    """
    last = [np.asarray(counter)[..., None] for counter in counters]
    # two of the 64-bit words are equal once in ages
    return np.argsort(words(*last, np.arange(size)), axis=-1)


def normal(*counters: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """A standard normal number for every combination of counters (Box and Muller 1958)."""
    radius = np.sqrt(-2 * np.log(_unit(words(*counters, 0))))
    return radius * np.cos(2 * np.pi * _unit(words(*counters, 1)))


def _unit(bits: Words) -> NDArray[np.float64]:
    """Uniform in (0, 1]."""
    return ((bits >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53
