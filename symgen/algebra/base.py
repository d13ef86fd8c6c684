"""The bases that a spec names: one function each, and `parse` for printed forms such as "grid 9x9".

Law: a base prints as what `parse` reads.
"""

import re
from collections.abc import Mapping, Sequence
from functools import reduce

from symgen.algebra import images as written_images
from symgen.algebra.group import Group
from symgen.algebra.pixels import GRID_MOVES, Grid, Plane, usual_moves
from symgen.algebra.places import (
    MAX_PLACES,
    Base,
    Point,
    Points,
    Tokens,
    Union,
    check_size,
)
from symgen.errors import Refusal

__all__ = [
    "GRID_MOVES",
    "MAX_PLACES",
    "Base",
    "Grid",
    "Plane",
    "Point",
    "Points",
    "Tokens",
    "Union",
    "graph",
    "grid",
    "has_usual_moves",
    "is_usual",
    "parse",
    "planar_moves",
    "plane",
    "point",
    "resize",
    "tokens",
    "union",
]

MAX_UNION = 64
"""Largest number of pieces of a disjoint union."""


def point(group: Group) -> Point:
    """One place that nothing moves."""
    return Point(group)


def grid(group: Group, rows: int, columns: int, moves: Mapping[str, str] | None = None) -> Grid:
    """The pixels of a picture.

    Args:
        rows: number of rows.
        columns: number of columns.
        moves: a word of GRID_MOVES per generator; by default r turns and s mirrors, of C1, C2, C4,
            D1, D2, D4.

    Raises:
        Refusal: a move changes the shape, the group has no exact action on pixels, or a relation
            breaks.
    """
    words = planar_moves(group) if moves is None else moves
    written_images.covered(group, words)
    return Grid(group, rows, columns, tuple(words[generator] for generator in group.generators))


def plane(group: Group, rows: int, columns: int) -> Plane:
    """A square picture that C<n>, D<n>, SO2 or O2 turns about its centre, with interpolation.

    Raises:
        Refusal: another group, or a picture that is not square.
    """
    return Plane(group, rows, columns)


def planar_moves(group: Group) -> dict[str, str]:
    """What r and s of C1, C2, C4, D1, D2, D4 do to a picture; Refusal for any other group."""
    moves = usual_moves(group)
    if moves is None:
        raise Refusal(
            f"a pixel grid carries C1, C2, C4, D1, D2 and D4 exactly, not {group.name}",
            code="inexact-rotation",
        )
    return moves


def has_usual_moves(group: Group) -> bool:
    """Whether a picture may be called a grid without saying how the group moves it."""
    return usual_moves(group) is not None


def is_usual(base: Base) -> bool:
    """Whether the group moves a grid as `grid` lets it by default.

    >>> from symgen.algebra.catalogue import group
    >>> is_usual(parse(group("D1"), "grid 3x5")), is_usual(parse(group("D1"), "grid 3x5(s=flip)"))
    (True, False)
    """
    return isinstance(base, Grid) and base.has_usual_moves


def tokens(group: Group, n: int) -> Tokens:
    """n interchangeable places moved by the group's own permutations (S<n>: all orders; C<n>: the
    turns of a ring).
    """
    return Tokens(group, n)


def graph(group: Group, images: Mapping[str, Sequence[int]], n: int | None = None) -> Points:
    """n places with a permutation per generator: i goes to images[g][i].

    Raises:
        Refusal: an image is not a permutation, or a relation breaks.
    """
    written_images.covered(group, images)
    size = n if n is not None else len(next(iter(images.values()), (0,)))
    check_size(size)
    arrays = [written_images.permutation(g, images[g], size) for g in group.generators]
    return Points(group, size, tuple(arrays))


def union(first: Base, second: Base) -> Union:
    """The disjoint union: the places of `first`, then those of `second`; both of one group."""
    return Union(first.group, first, second)


def resize(base: Base, rows: int, columns: int) -> Base:
    """The grid (or plane) of another size that the group moves in the same way."""
    return base.resized(rows, columns)


_BASE = re.compile(
    r"(point|grid|graph|tokens|plane)(?:\s+([0-9]{1,6})(?:x([0-9]{1,6}))?)?\s*(?:\(([^()]*)\))?"
)


def parse(group: Group, text: str) -> Base:
    """The base that prints as `text`: "point", "grid 9x9", "grid 5x7(s=flip)", "tokens 5", "graph
    3(r=1 2 0)".

    >>> from symgen.algebra.catalogue import group
    >>> parse(group("D1"), "grid 2x3 + point").size
    7
    """
    pieces = text.split("+")
    if len(pieces) > MAX_UNION:
        raise Refusal(
            f"a base of {len(pieces)} pieces is too large; at most {MAX_UNION} are supported",
            code="too-large",
        )
    return reduce(union, [_piece(group, piece) for piece in pieces])


def _piece(group: Group, text: str) -> Base:
    match = _BASE.fullmatch(text.strip())
    kind, first, second, argument = match.groups() if match else ("", "", None, None)
    images = None if argument is None else written_images.read(group, argument)
    if kind == "point" and not first and argument is None:
        return point(group)
    if kind == "grid" and first and second:
        return grid(group, int(first), int(second), images)
    if kind == "plane" and first and second and argument is None:
        return plane(group, int(first), int(second))
    if kind == "tokens" and first and not second and argument is None:
        return tokens(group, int(first))
    if kind == "graph" and first and not second and (images is not None or not group.generators):
        return graph(
            group, {g: written_images.numbers(t) for g, t in (images or {}).items()}, int(first)
        )
    raise Refusal(
        f"cannot read {text.strip()!r} as a base: point, grid HxW, plane HxW, tokens N or graph "
        "N(g=...)",
        part=text.strip(),
        expected="base",
    )
