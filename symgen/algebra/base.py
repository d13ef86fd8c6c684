"""Bases: the finite set of places the group moves, and how.

A permutation p sends place i to p[i], so (g.x)[p[i]] = x[i]. Grids are indexed [row, column], flattened row by row;
r turns the picture counter-clockwise, s mirrors left and right. A base prints as "grid 9x9" and parses back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from symgen.algebra.group import Group
from symgen.algebra.orbits import components

Kind = Literal["point", "grid", "graph", "tokens"]
MAX_PLACES = 16384
"""Largest number of places of one base."""

GRID_MOVES = {
    "keep": lambda picture: picture,
    "turn": np.rot90,
    "half_turn": lambda picture: np.rot90(picture, 2),
    "turn_back": lambda picture: np.rot90(picture, 3),
    "mirror": np.fliplr,
    "flip": np.flipud,
    "transpose": np.transpose,
}
"""Words for what a generator does to a picture [row, column]; the exact symmetries of a pixel grid."""


@dataclass(frozen=True, eq=False)
class Base:
    """A finite set with a group action.

    Args:
        group: the group.
        kind: "point", "grid", "graph" or "tokens".
        shape: () for a point, (rows, columns) for a grid, (n,) otherwise.
        permutations: one index array per generator, in the group's order.
        name: printed form.
    """

    group: Group
    kind: Kind
    shape: tuple[int, ...]
    permutations: tuple[np.ndarray, ...] = field(repr=False)
    name: str

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Base) and (self.group.name, self.name) == (other.group.name, other.name)

    def __hash__(self) -> int:
        return hash((self.group.name, self.name))

    @cached_property
    def size(self) -> int:
        """Number of places."""
        return int(np.prod(self.shape, dtype=np.int64))

    @cached_property
    def orbits(self) -> np.ndarray:
        """Orbit label of each place, shape (size,)."""
        return components(self.size, self.permutations)

    def permutation(self, word: str) -> np.ndarray:
        """Where each place goes under a word."""
        result = np.arange(self.size)
        for letter in reversed(self.group.parse(word)):
            result = self.permutations[self.group.generators.index(letter)][result]
        return result

    @cached_property
    def coordinates(self) -> np.ndarray:
        """Integer coordinates, shape (size, axes): (row, column) on a grid, the index elsewhere, none at a point."""
        return (
            np.stack([axis.reshape(-1) for axis in np.indices(self.shape)], -1) if self.shape else np.zeros((1, 0), int)
        )


def point(group: Group) -> Base:
    """One place that nothing moves."""
    return Base(group, "point", (), tuple(np.zeros(1, dtype=np.int64) for _ in group.generators), "point")


def grid(group: Group, rows: int, columns: int, moves: Mapping[str, str] | None = None) -> Base:
    """The pixels of a picture.

    Args:
        rows: number of rows.
        columns: number of columns.
        moves: a word of GRID_MOVES per generator; by default r and s of C1, C2, C4, D1, D2, D4 as in the module's text.

    Raises:
        ValueError: a move changes the shape, the group has no exact action on pixels, or a relation breaks.
    """
    _bounded(rows * columns)
    named = moves is not None
    moves = moves if moves is not None else planar_moves(group)
    indices, permutations = np.arange(rows * columns).reshape(rows, columns), []
    for generator in group.generators:
        if moves[generator] not in GRID_MOVES:
            raise ValueError(f"unknown move {moves[generator]!r} of a grid; known: {', '.join(GRID_MOVES)}")
        moved = GRID_MOVES[moves[generator]](indices)
        if moved.shape != indices.shape:
            raise ValueError(f"{moves[generator]} ({generator}) needs a square grid, not {rows}x{columns}")
        permutations.append(np.argsort(moved.reshape(-1)))
    name = f"grid {rows}x{columns}"
    name += f"({', '.join(f'{g}={moves[g]}' for g in group.generators)})" if named else ""
    return _checked(Base(group, "grid", (rows, columns), tuple(permutations), name))


def planar_moves(group: Group) -> dict[str, str]:
    """What r and s of C1, C2, C4, D1, D2, D4 do to a picture; ValueError for any other group."""
    turns = {
        "C1": {},
        "C2": {"r": "half_turn"},
        "C4": {"r": "turn"},
        "D1": {},
        "D2": {"r": "half_turn"},
        "D4": {"r": "turn"},
    }
    if group.name not in turns:
        raise ValueError(f"a pixel grid carries C1, C2, C4, D1, D2 and D4 exactly, not {group.name}")
    return {**turns[group.name], **({"s": "mirror"} if group.name.startswith("D") else {})}


def tokens(group: Group, n: int) -> Base:
    """n interchangeable places moved by the group's own permutations (S<n>: all orders; C<n>: the turns of a ring)."""
    _bounded(n)
    if group.generators and group.degree != n:
        raise ValueError(f"{group.name} permutes {group.degree} tokens, not {n}")
    arrays = tuple(np.array(group.permutations[g], dtype=np.int64) for g in group.generators)
    return Base(group, "tokens", (n,), arrays, f"tokens {n}")


def graph(group: Group, images: Mapping[str, Sequence[int]], n: int | None = None) -> Base:
    """n places with a permutation per generator: i goes to images[g][i].

    Raises:
        ValueError: an image is not a permutation, or a relation breaks.
    """
    size = n if n is not None else len(next(iter(images.values()), (0,)))
    _bounded(size)
    arrays = []
    for generator in group.generators:
        array = np.asarray(images[generator], dtype=np.int64)
        if sorted(array.tolist()) != list(range(size)):
            raise ValueError(f"the image of {generator} is not a permutation of 0..{size - 1}")
        arrays.append(array)
    text = ", ".join(f"{g}={' '.join(map(str, images[g]))}" for g in group.generators)
    return _checked(Base(group, "graph", (size,), tuple(arrays), f"graph {size}({text})"))


def union(first: Base, second: Base) -> Base:
    """The disjoint union: the places of `first`, then those of `second`."""
    arrays = [np.concatenate([a, b + first.size]) for a, b in zip(first.permutations, second.permutations, strict=True)]
    return Base(first.group, "graph", (first.size + second.size,), tuple(arrays), f"{first.name} + {second.name}")


def resize(base: Base, rows: int, columns: int) -> Base:
    """The grid of another size that the group moves in the same way."""
    moves = base.name.partition("(")[1:]
    return parse(base.group, f"grid {rows}x{columns}{''.join(moves)}")


def _bounded(size: int) -> None:
    if not 1 <= size <= MAX_PLACES:
        raise ValueError(f"a base has between 1 and {MAX_PLACES} places, not {size}")


def _checked(base: Base) -> Base:
    for relation in base.group.relations:
        if not np.array_equal(base.permutation(relation), np.arange(base.size)):
            raise ValueError(f"the relation {relation} = identity of {base.group.name} does not hold on {base.name}")
    return base


_BASE = re.compile(r"(point|grid|graph|tokens)(?:\s+(\d{1,6})(?:x(\d{1,6}))?)?\s*(?:\(([^()]*)\))?")


def parse(group: Group, text: str) -> Base:
    """The base that prints as `text`: "point", "grid 9x9", "grid 5x7(s=flip)", "tokens 5", "graph 3(r=1 2 0)"."""
    if "+" in text:
        first, _, rest = text.partition("+")
        return union(parse(group, first), parse(group, rest))
    found = _BASE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"cannot read {text.strip()!r} as a base: point, grid HxW, tokens N or graph N(g=...)")
    kind, first, second, argument = found.groups()
    images = dict(part.split("=", 1) for part in (argument or "").split(",") if "=" in part)
    images = {key.strip(): value.strip() for key, value in images.items()}
    if argument is not None and set(images) != set(group.generators):
        raise ValueError(f"images are needed for exactly the generators {', '.join(group.generators)}")
    if kind == "point" and first is None:
        return point(group)
    if kind == "grid" and second is not None:
        return grid(group, int(first), int(second), images if argument is not None else None)
    if kind == "tokens" and first and not second:
        return tokens(group, int(first))
    if kind == "graph" and first and not second and (argument is not None or not group.generators):
        return graph(group, {g: [int(x) for x in t.split()] for g, t in images.items()}, int(first))
    raise ValueError(f"cannot read {text.strip()!r} as a base: point, grid HxW, tokens N or graph N(g=...)")
