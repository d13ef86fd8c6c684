"""The states of numpy's random generators as arrays of whole numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]
"""[generator, 6]: state and increment of PCG64, 128 bits each, the upper half first; whether half a
word is left over, and which.
"""

_HALF = 2**64


def words_of(generators: Sequence[np.random.Generator]) -> Words:
    """The states of generators such as `np.random.default_rng` makes.

    Raises:
        TypeError: one is not PCG64.
    """
    words: list[list[int]] = []
    for generator in generators:
        _check(generator)
        whole = generator.bit_generator.state
        state = whole["state"]["state"]
        step = whole["state"]["inc"]
        rest = (whole["has_uint32"], whole["uinteger"])
        words.append([*divmod(state, _HALF), *divmod(step, _HALF), *rest])
    # the same bits: not everything that stores arrays takes unsigned ones
    return np.array(words, np.uint64).reshape(-1, 6).view(np.int64)


def set_words(generators: Sequence[np.random.Generator], words: Words) -> None:
    """Put generators into the states that `words_of` gave.

    Raises:
        TypeError: one is not PCG64.
        ValueError: there are more of them, or fewer.

    >>> first = np.random.default_rng(0)
    >>> second = np.random.default_rng(1)
    >>> set_words([second], words_of([first]))
    >>> bool(first.random() == second.random())
    True
    """
    if words.shape != (len(generators), 6) or words.dtype != np.int64:
        raise ValueError(
            f"{len(generators)} generators have words of shape {(len(generators), 6)}, "
            f"not {words.dtype} {words.shape}"
        )
    for generator, row in zip(generators, words.view(np.uint64).tolist(), strict=True):
        _check(generator)
        generator.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": row[0] * _HALF + row[1], "inc": row[2] * _HALF + row[3]},
            "has_uint32": row[4],
            "uinteger": row[5],
        }


def _check(generator: np.random.Generator) -> None:
    if type(generator.bit_generator) is not np.random.PCG64:
        raise TypeError(f"{type(generator.bit_generator).__name__} is not PCG64")
