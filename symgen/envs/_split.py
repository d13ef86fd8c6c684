"""Which levels are trained on and which are kept for tests: decided by what a level is, not by the
number of its seed.

Two seeds may make the same level: 20,000 seeds of a 7x7 crossing with one river make 20. A level
therefore belongs to a side by its content, and so do its turned and mirrored images, which share
one digest.
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

import numpy as np
from pydantic import Field

from symgen.algebra.base import GRID_MOVES
from symgen.errors import Refusal
from symgen.problem.adapter import Split

TestShare = Annotated[float, Field(gt=0, lt=1)]

SPLIT = (
    "The levels there are, by their content up to turns and mirrors: all, or train or test, with "
    "none in common."
)
TEST_SHARE = (
    "Share of the levels, equal ones counted once, that belong to the test side; training and "
    "tests name the same."
)
ATTEMPTS = 1000
"""Draws of a level before its side of the split counts as empty."""

Drawn = TypeVar("Drawn")
Draw = Callable[[int | list[int]], tuple[Drawn, np.ndarray]]
"""A level and its map, from the seed of its random numbers."""


def content(cells: np.ndarray) -> bytes:
    """A digest of a map [row, column], the same for its eight turned and mirrored images and for no
    other map.

    The place where the agent begins is no part of it: another start on the same map is no new
    level.

    >>> content(np.eye(3)) == content(np.eye(3)[::-1])
    True
    """
    images = [GRID_MOVES[move](turned) for turned in (cells, cells.T) for move in _UPRIGHT]
    # tobytes reads row by row, whatever the strides
    shape, cells_as_bytes = min((image.shape, image.tobytes()) for image in images)
    return hashlib.blake2b(repr(shape).encode() + cells_as_bytes, digest_size=16).digest()


# The half of the square's eight symmetries that keeps rows as rows; the other half comes after a
# transposition.
_UPRIGHT = ("keep", "half_turn", "mirror", "flip")


def side(digest: bytes, test_share: float) -> Split:
    """The side of the split that a level belongs to: its digest, read as a number in [0, 1), is
    below the share.
    """
    return "test" if int.from_bytes(digest[:8], "big") < test_share * 2**64 else "train"


def on_side(draw: Draw[Drawn], seed: int, split: Split, share: float) -> Drawn:
    """The first level of a seed that lies on a side of the split.

    Args:
        draw: the first draw has the level's own seed, the next ones follow from it.
        seed: of the level.
        split: the side; all takes the first draw.
        share: of the levels that are for tests.

    Raises:
        Refusal: there is none among ATTEMPTS draws.
    """
    for attempt in range(ATTEMPTS):
        level, cells = draw(seed if attempt == 0 else [seed, attempt])
        if split == "all" or side(content(cells), share) == split:
            return level
    raise Refusal(
        f"none of {ATTEMPTS} levels drawn for the level seed {seed} belongs to split: {split} "
        f"(test_share {share}): there are too few distinct levels",
        hint="take larger or more varied ones",
    )
