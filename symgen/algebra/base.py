"""Bases: the finite set of places the group moves, and how.

A permutation p sends place i to p[i], so (g.x)[p[i]] = x[i]. Grids are indexed [row, column],
flattened row by row; r turns the picture counter-clockwise, s mirrors left and right. A base prints
as "grid 9x9" and parses back.

A "plane" is the exception: a picture that C<n>, D<n>, SO2 or O2 turns by any angle, with
interpolation (see `plane`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Literal

import numpy as np

from symgen.algebra import images as written_images
from symgen.algebra import plane as planes
from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.partition import components
from symgen.errors import Refusal

Kind = Literal["point", "grid", "graph", "tokens", "plane"]
MAX_PLACES = 16384
"""Largest number of places of one base."""
MAX_UNION = 64
"""Largest number of pieces of a disjoint union."""

GRID_MOVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "keep": lambda picture: picture,
    "turn": np.rot90,
    "half_turn": lambda picture: np.rot90(picture, 2),
    "turn_back": lambda picture: np.rot90(picture, 3),
    "mirror": np.fliplr,
    "flip": np.flipud,
    "transpose": np.transpose,
}
"""Words for what a generator does to a picture [row, column]; the exact symmetries of a pixel grid.
"""


@dataclass(frozen=True, eq=False)
class Base:
    """A finite set with a group action.

    Args:
        group: the group.
        kind: "point", "grid", "graph", "tokens" or "plane".
        shape: () for a point, (rows, columns) for a grid or plane, (n,) otherwise.
        permutations: one index array per generator, in the group's order; none for a plane.
        name: printed form.
        turns: for a plane one orthogonal 2 x 2 matrix per generator (x to the right, y up).
    """

    group: Group
    kind: Kind
    shape: tuple[int, ...]
    permutations: tuple[np.ndarray, ...] = field(repr=False)
    name: str
    turns: tuple[np.ndarray, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Base):
            return self is other
        same = (self.name, self.shape, self.group) == (other.name, other.shape, other.group)
        return (
            same
            and self.kind == other.kind
            and all(map(np.array_equal, self.permutations, other.permutations))
        )

    def __hash__(self) -> int:
        return hash((self.group.name, self.name))

    @cached_property
    def size(self) -> int:
        """Number of places."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def is_picture(self) -> bool:
        """True for a grid and for a plane."""
        return self.kind in ("grid", "plane")

    @cached_property
    def orbits(self) -> np.ndarray:
        """Orbit label of each place, shape (size,); the places of a plane flow into each other."""
        return (
            np.zeros(self.size, dtype=np.int64)
            if self.kind == "plane"
            else components(self.size, self.permutations)
        )

    def is_exact(self, word: str) -> bool:
        """Whether a word permutes the places; False where it turns a plane by an angle between its
        pixels.
        """
        return self.kind != "plane" or planes.is_exact(self._turn(word))

    def is_still(self, word: str) -> bool:
        """Whether a word moves no place."""
        return self.is_exact(word) and np.array_equal(self.permutation(word), np.arange(self.size))

    def act(self, word: str, feature: np.ndarray) -> np.ndarray:
        """The places of a feature (..., places, channels) moved, its channels left alone."""
        if not self.is_exact(word):
            index, weight = planes.interpolation(
                self.shape, tuple(self._turn(word).reshape(-1).tolist())
            )
            weight = weight.astype(feature.dtype) if feature.dtype.kind == "f" else weight
            # the four neighbours one after the other: less memory than all at once
            return np.asarray(
                sum(feature[..., index[:, k], :] * weight[:, k, None] for k in range(4))
            )
        moved = np.empty_like(feature)
        moved[..., self.permutation(word), :] = feature
        return moved

    def _turn(self, word: str) -> np.ndarray:
        images = dict(zip(self.group.generators, self.turns, strict=True))
        return planes.rounded(self.group.evaluate(word, images, np.matmul, np.eye(2)))

    def permutation(self, word: str) -> np.ndarray:
        """Where each place goes under a word; ValueError where it does not permute them (see
        `is_exact`).
        """
        if self.kind == "plane":
            if not self.is_exact(word):
                raise ValueError(
                    f"{word} takes the pixels of {self} between pixels: it is no permutation"
                )
            return planes.permutation(self.shape, self._turn(word))
        images = dict(zip(self.group.generators, self.permutations, strict=True))
        return self.group.evaluate(
            word, images, lambda after, before: after[before], np.arange(self.size)
        )

    @cached_property
    def coordinates(self) -> np.ndarray:
        """Integer coordinates, shape (size, axes): (row, column) on a grid, the index elsewhere,
        none at a point.
        """
        return np.indices(self.shape).reshape(len(self.shape), self.size).T


def point(group: Group) -> Base:
    """One place that nothing moves."""
    return Base(
        group, "point", (), tuple(np.zeros(1, dtype=np.int64) for _ in group.generators), "point"
    )


def grid(group: Group, rows: int, columns: int, moves: Mapping[str, str] | None = None) -> Base:
    """The pixels of a picture.

    Args:
        rows: number of rows.
        columns: number of columns.
        moves: a word of GRID_MOVES per generator; by default r and s of C1, C2, C4, D1, D2, D4 as
            in the module's text.

    Raises:
        Refusal: a move changes the shape, the group has no exact action on pixels, or a relation
            breaks.
    """
    if rows < 1 or columns < 1:
        raise Refusal(f"a grid has at least one row and one column, not {rows}x{columns}")
    _bounded(rows * columns)
    usual = _usual_moves(group)
    moves = moves if moves is not None else planar_moves(group)
    written_images.covered(group, moves)
    indices = np.arange(rows * columns).reshape(rows, columns)
    permutations = []
    for generator in group.generators:
        if moves[generator] not in GRID_MOVES:
            raise Refusal(
                f"unknown move {moves[generator]!r} of a grid; known: {', '.join(GRID_MOVES)}"
            )
        moved = GRID_MOVES[moves[generator]](indices)
        if moved.shape != indices.shape:
            raise Refusal(
                f"{moves[generator]} ({generator}) needs a square grid, not {rows}x{columns}",
                code="inexact-rotation",
            )
        permutations.append(np.argsort(moved.reshape(-1)))
    name = f"grid {rows}x{columns}"
    if moves != usual:
        name += f"({', '.join(f'{g}={moves[g]}' for g in group.generators)})"
    return _checked(Base(group, "grid", (rows, columns), tuple(permutations), name))


def plane(group: Group, rows: int, columns: int) -> Base:
    """A square picture that C<n>, D<n>, SO2 or O2 turns about its centre, with interpolation.

    Raises:
        Refusal: another group, or a picture that is not square.
    """
    if group.planar is None:
        raise Refusal(f"the plane is turned by C<n>, D<n>, SO2 and O2, not by {group.name}")
    if rows != columns:
        raise Refusal(
            f"a plane needs a square picture, not {rows}x{columns}", code="inexact-rotation"
        )
    _bounded(rows * columns)
    turns = tuple(representations.standard(group).matrix(g) for g in group.generators)
    return Base(group, "plane", (rows, columns), (), f"plane {rows}x{columns}", turns)


def planar_moves(group: Group) -> dict[str, str]:
    """What r and s of C1, C2, C4, D1, D2, D4 do to a picture; Refusal for any other group."""
    moves = _usual_moves(group)
    if moves is None:
        raise Refusal(
            f"a pixel grid carries C1, C2, C4, D1, D2 and D4 exactly, not {group.name}",
            code="inexact-rotation",
        )
    return moves


def has_usual_moves(group: Group) -> bool:
    """Whether a picture may be called a grid without saying how the group moves it."""
    return _usual_moves(group) is not None


def is_usual(base: Base) -> bool:
    """Whether the group moves a grid as `grid` lets it by default.

    >>> from symgen.algebra.catalogue import group
    >>> is_usual(parse(group("D1"), "grid 3x5")), is_usual(parse(group("D1"), "grid 3x5(s=flip)"))
    (True, False)
    """
    if base.kind != "grid":
        return False
    try:
        rows, columns = base.shape
        return base == grid(base.group, rows, columns)
    except Refusal:  # no default for this group, or none on a picture of this shape
        return False


def _usual_moves(group: Group) -> dict[str, str] | None:
    if group.planar is None or group.planar.turns not in (1, 2, 4):
        return None
    words = {"r": "half_turn" if group.planar.turns == 2 else "turn", "s": "mirror"}
    return {generator: words[generator] for generator in group.generators}


def tokens(group: Group, n: int) -> Base:
    """n interchangeable places moved by the group's own permutations (S<n>: all orders; C<n>: the
    turns of a ring).
    """
    _bounded(n)
    if group.generators and group.degree != n:
        raise Refusal(f"{group.name} permutes {group.degree} tokens, not {n}", code="size-mismatch")
    arrays = tuple(np.array(group.permutations[g], dtype=np.int64) for g in group.generators)
    return Base(group, "tokens", (n,), arrays, f"tokens {n}")


def graph(group: Group, images: Mapping[str, Sequence[int]], n: int | None = None) -> Base:
    """n places with a permutation per generator: i goes to images[g][i].

    Raises:
        Refusal: an image is not a permutation, or a relation breaks.
    """
    written_images.covered(group, images)
    size = n if n is not None else len(next(iter(images.values()), (0,)))
    _bounded(size)
    arrays = [written_images.permutation(g, images[g], size) for g in group.generators]
    text = written_images.written(group, dict(zip(group.generators, arrays, strict=True)))
    return _checked(Base(group, "graph", (size,), tuple(arrays), f"graph {size}({text})"))


def union(first: Base, second: Base) -> Base:
    """The disjoint union: the places of `first`, then those of `second`; both of one group."""
    if first.group != second.group:
        raise ValueError(f"{first} is moved by {first.group}, {second} by {second.group}")
    if "plane" in (first.kind, second.kind):
        raise Refusal(f"{first} + {second} is no base: a plane stands alone")
    _bounded(first.size + second.size)
    arrays = [
        np.concatenate([a, b + first.size])
        for a, b in zip(first.permutations, second.permutations, strict=True)
    ]
    return Base(
        first.group,
        "graph",
        (first.size + second.size,),
        tuple(arrays),
        f"{first.name} + {second.name}",
    )


def resize(base: Base, rows: int, columns: int) -> Base:
    """The grid (or plane) of another size that the group moves in the same way."""
    if base.kind == "plane":
        return plane(base.group, rows, columns)
    if base.kind != "grid":
        raise ValueError(f"only a grid has another size, not {base}")
    _, bracket, moves = base.name.partition("(")
    return parse(base.group, f"grid {rows}x{columns}{bracket}{moves}")


def _bounded(size: int) -> None:
    if not 1 <= size <= MAX_PLACES:
        raise Refusal(f"a base has between 1 and {MAX_PLACES} places, not {size}", code="too-large")


def _checked(base: Base) -> Base:
    for relation in base.group.relations:
        if not np.array_equal(base.permutation(relation), np.arange(base.size)):
            name = base.name if len(base.name) <= 80 else f"{base.name[:77]}..."
            raise Refusal(
                f"the relation {relation} = identity of {base.group.name} does not hold on {name}",
                code="broken-relation",
            )
    return base


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
    found = _BASE.fullmatch(text.strip())
    kind, first, second, argument = found.group(1, 2, 3, 4) if found else ("", "", None, None)
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
        "N(g=...)"
    )
