"""Bases made of pixels: a grid, whose pixels the group permutes, and a plane, between whose pixels
it turns.

Pictures are indexed [row, column], flattened row by row; r turns them counter-clockwise, s mirrors
left and right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import numpy as np

from symgen.algebra import plane as planes
from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.algebra.places import Base, Kind, Permuted, check_relations, check_size, permuted
from symgen.errors import Refusal

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


@final
@dataclass(frozen=True, eq=False)
class Grid(Permuted):
    """The pixels of a picture.

    Args:
        rows: number of rows.
        columns: number of columns.
        moves: a word of GRID_MOVES per generator, in the group's order.

    Raises:
        Refusal: a move is unknown or changes the shape, or a relation breaks.
    """

    rows: int
    columns: int
    moves: tuple[str, ...]

    kind: ClassVar[Kind] = "grid"
    is_picture: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            size = f"{self.rows}x{self.columns}"
            raise Refusal(f"a grid has at least one row and one column, not {size}")
        check_size(self.size)
        for generator, word in zip(self.group.generators, self.moves, strict=True):
            if word not in GRID_MOVES:
                known = ", ".join(GRID_MOVES)
                raise Refusal(f"unknown move {word!r} of a grid; known: {known}")
            if self._moved(word).shape != self.shape:
                raise Refusal(
                    f"{word} ({generator}) needs a square grid, not {self.rows}x{self.columns}",
                    code="inexact-rotation",
                )
        check_relations(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns)."""
        return (self.rows, self.columns)

    @cached_property
    def name(self) -> str:
        """Printed form: the moves only where they are not the usual ones."""
        size = f"grid {self.rows}x{self.columns}"
        if self.has_usual_moves:
            return size
        words = zip(self.group.generators, self.moves, strict=True)
        return f"{size}({', '.join(f'{generator}={word}' for generator, word in words)})"

    @property
    def has_usual_moves(self) -> bool:
        """Whether the group moves the picture as one without moves written out."""
        usual = usual_moves(self.group)
        return usual is not None and self.moves == tuple(usual.values())

    @cached_property
    def permutations(self) -> tuple[np.ndarray, ...]:
        """One index array per generator."""
        return tuple(np.argsort(self._moved(word).reshape(-1)) for word in self.moves)

    def _moved(self, word: str) -> np.ndarray:
        return GRID_MOVES[word](np.arange(self.size).reshape(self.shape))

    def resized(self, rows: int, columns: int) -> "Grid":
        """The grid of another size that the group moves in the same way."""
        return Grid(self.group, rows, columns, self.moves)


@final
@dataclass(frozen=True, eq=False)
class Plane(Base):
    """A square picture that C<n>, D<n>, SO2 or O2 turns by any angle, with interpolation (see
    `plane`).

    Law: turning by two angles one after the other is turning by their sum, exactly where both take
        pixels to pixels and up to the interpolation's error elsewhere.

    Args:
        rows: number of rows.
        columns: number of columns, the same.

    Raises:
        Refusal: a group that turns no plane, or a picture that is not square.
    """

    rows: int
    columns: int

    kind: ClassVar[Kind] = "plane"
    is_picture: ClassVar[bool] = True
    permutations: ClassVar[tuple[np.ndarray, ...]] = ()

    def __post_init__(self) -> None:
        if self.group.planar is None:
            raise Refusal(f"the plane is turned by C<n>, D<n>, SO2 and O2, not by {self.group}")
        if self.rows != self.columns:
            raise Refusal(
                f"a plane needs a square picture, not {self.rows}x{self.columns}",
                code="inexact-rotation",
            )
        check_size(self.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns)."""
        return (self.rows, self.columns)

    @property
    def name(self) -> str:
        """Printed form."""
        return f"plane {self.rows}x{self.columns}"

    @cached_property
    def turns(self) -> tuple[np.ndarray, ...]:
        """One orthogonal 2 x 2 matrix per generator: x to the right, y up."""
        return representations.standard(self.group).images

    @cached_property
    def orbits(self) -> np.ndarray:
        """One label for all: interpolation lets the pixels flow into each other."""
        return np.zeros(self.size, dtype=np.int64)

    def is_exact(self, word: str) -> bool:
        """Whether a word takes pixels to pixels; False where it turns by an angle between them."""
        return planes.is_exact(self._turn(word))

    def permutation(self, word: str) -> np.ndarray:
        """Where each pixel goes; ValueError where a word takes it between others."""
        turn = self._turn(word)
        if not planes.is_exact(turn):
            raise ValueError(
                f"{word} takes the pixels of {self} between pixels: it is no permutation"
            )
        return planes.permutation(self.shape, turn)

    def act(self, word: str, feature: np.ndarray) -> np.ndarray:
        """See Base; between pixels, bilinear interpolation."""
        if self.is_exact(word):
            return permuted(self.permutation(word), feature)
        index, weight = self.interpolation(word)
        weight = weight.astype(feature.dtype) if feature.dtype.kind == "f" else weight
        # the four neighbours one after the other: less memory than all at once
        return np.asarray(sum(feature[..., index[:, k], :] * weight[:, k, None] for k in range(4)))

    def interpolation(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel of g.x the four pixels of x that it is made of, and their weights; both
        (pixels, 4).
        """
        return planes.interpolation(self.shape, tuple(self._turn(word).reshape(-1).tolist()))

    def resized(self, rows: int, columns: int) -> "Plane":
        """The plane of another size."""
        return Plane(self.group, rows, columns)

    def _turn(self, word: str) -> np.ndarray:
        images = dict(zip(self.group.generators, self.turns, strict=True))
        return planes.rounded(self.group.evaluate(word, images, np.matmul, np.eye(2)))


def usual_moves(group: Group) -> dict[str, str] | None:
    """What each generator of C1, C2, C4, D1, D2, D4 does to a picture unless the spec says
    otherwise; None for any other group.
    """
    if group.planar is None or group.planar.turns not in (1, 2, 4):
        return None
    words = {"r": "half_turn" if group.planar.turns == 2 else "turn", "s": "mirror"}
    return {generator: words[generator] for generator in group.generators}
