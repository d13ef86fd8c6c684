"""The four directions of a grid world, and how the symmetries of an image move them.

Rows grow downwards. A quarter turn counter-clockwise takes up to left, left to down, and so on, so
that directions are numbered in that order and `turn` is i -> i + 1.
"""

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.base import GRID_MOVES, planar_moves
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.errors import Refusal

DIRECTIONS = ("up", "left", "down", "right")
HEADINGS = tuple(f"heading {name}" for name in DIRECTIONS)
"""Names of the channels that show where the agent looks."""
ORIENTATION = "Quarter turns counter-clockwise of the whole level."
MIRROR = "Mirror the whole level left and right, before it is turned."
"""What the options say that lay a level down, see `oriented`."""
STEPS = np.array([(-1, 0), (0, -1), (1, 0), (0, 1)])
"""(rows, columns) of one step in each direction."""

DIRECTION_IMAGES = {
    "keep": (0, 1, 2, 3),
    "turn": (1, 2, 3, 0),
    "half_turn": (2, 3, 0, 1),
    "turn_back": (3, 0, 1, 2),
    "mirror": (0, 3, 2, 1),
    "flip": (2, 1, 0, 3),
    "transpose": (1, 0, 3, 2),
}
"""For each word of GRID_MOVES: direction i becomes direction images[i]."""

REVERSING = frozenset({"mirror", "flip", "transpose"})
"""The words that swap left turns and right turns."""


UNPLACED = "what the group does to a picture is not known"
"""Why there is no simulator for such a group."""


def moves_of(group: Group) -> dict[str, str] | None:
    """What each generator does to a picture (a word of GRID_MOVES), or None where the group has no
    planar meaning.
    """
    try:
        return planar_moves(group)
    except Refusal:
        return None


def turned(picture: np.ndarray, move: str) -> np.ndarray:
    """A picture (row, column) after one of GRID_MOVES, as a fresh array."""
    return np.ascontiguousarray(GRID_MOVES[move](picture))


def turned_place(place: tuple[int, int], shape: tuple[int, ...], move: str) -> tuple[int, int]:
    """Where a place (row, column) of a picture of this shape goes under one of GRID_MOVES."""
    mark = np.zeros(shape, dtype=bool)
    mark[place] = True
    row, column = np.argwhere(turned(mark, move))[0].tolist()
    return row, column


def oriented(picture: np.ndarray, orientation: int, mirror: bool) -> np.ndarray:
    """A picture (row, column, ...) mirrored first where asked, then turned by `orientation` quarter
    turns.
    """
    return np.ascontiguousarray(np.rot90(np.fliplr(picture) if mirror else picture, orientation))


def oriented_directions(orientation: int, mirror: bool) -> np.ndarray:
    """Where each direction goes when the level is mirrored where asked and then turned, (4,)."""
    image = np.array(DIRECTION_IMAGES["mirror" if mirror else "keep"])
    return (image + orientation) % 4


def permuting(group: Group, images: dict[str, tuple[int, ...]], size: int) -> Representation:
    """The permutation representation with these images; plainly trivial where nothing moves."""
    if all(image == tuple(range(size)) for image in images.values()):
        return representations.direct_sum((size, representations.trivial(group)))
    return representations.permutation(group, images)


def directions(group: Group, others: int = 0) -> Representation | None:
    """How the group permutes (up, left, down, right), followed by `others` actions that it does not
    move.
    """
    moves = moves_of(group)
    if moves is None:
        return None
    images = {g: (*DIRECTION_IMAGES[move], *range(4, 4 + others)) for g, move in moves.items()}
    return permuting(group, images, 4 + others)


def turns(group: Group, others: int = 1) -> Representation | None:
    """How the group permutes (turn left, turn right), followed by `others` actions that it does not
    move.
    """
    if group.planar is None:
        return None
    rest = tuple(range(2, 2 + others))
    images = {g: ((1, 0, *rest) if g == "s" else (0, 1, *rest)) for g in group.generators}
    return permuting(group, images, 2 + others)


def image_field(
    group: Group, shape: tuple[int, ...], headings: bool = False, from_behind: bool = False
) -> FieldType | None:
    """How the group moves an image of the world; None where it has no planar meaning.

    Args:
        group: the group.
        shape: rows, columns, channels.
        headings: whether the last four channels are directions; the others keep their value.
        from_behind: whether the image turns with the agent, so that rotations leave it alone and
            reflections swap its left and right.
    """
    moves = moves_of(group)
    if moves is None:
        return None
    if from_behind:
        moves = {g: "mirror" if move in REVERSING else "keep" for g, move in moves.items()}
    rows, columns, channels = shape
    trivial = representations.trivial(group)
    fibre = representations.direct_sum((channels, trivial))
    four = directions(group)
    if headings and four is not None:
        fibre = representations.direct_sum((channels - 4, trivial), four)
    return FieldType(bases.grid(group, rows, columns, moves), fibre)
