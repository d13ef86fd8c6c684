"""A base as a value: the finite set of places that a group moves, and one final class for each kind
of it. Those made of pixels stand in `pixels`.

A permutation p sends place i to p[i], so (g.x)[p[i]] = x[i].
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal, final

import numpy as np

from symgen.algebra.group import Group
from symgen.algebra.orbits import components
from symgen.errors import Refusal

Kind = Literal["point", "grid", "graph", "tokens", "plane"]
MAX_PLACES = 16384
"""Largest number of places of one base."""


@dataclass(frozen=True, eq=False)
class Base(ABC):
    """A finite set of places with a group action.

    Law: the printed form parses back, so that bases of one group with one name are the same.

    Args:
        group: the group.
    """

    group: Group

    kind: ClassVar[Kind]
    is_picture: ClassVar[bool] = False
    """Whether the places are pixels: rows and columns."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """() for a point, (rows, columns) for a picture, (n,) otherwise."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Printed form."""

    @property
    @abstractmethod
    def permutations(self) -> tuple[np.ndarray, ...]:
        """One index array per generator, in the group's order; none for a plane."""

    @property
    @abstractmethod
    def orbits(self) -> np.ndarray:
        """Orbit label of each place, shape (size,)."""

    @abstractmethod
    def is_exact(self, word: str) -> bool:
        """Whether a word permutes the places."""

    @abstractmethod
    def permutation(self, word: str) -> np.ndarray:
        """Where each place goes under a word; ValueError where it does not permute them (see
        `is_exact`).
        """

    @abstractmethod
    def act(self, word: str, feature: np.ndarray) -> np.ndarray:
        """The places of a feature (..., places, channels) moved, its channels left alone."""

    def resized(self, rows: int, columns: int) -> "Base":
        """The picture of another size that the group moves in the same way; ValueError of what is
        no picture.
        """
        raise ValueError(f"only a grid has another size such as {rows}x{columns}, not {self}")

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Base):
            return NotImplemented
        return (self.kind, self.name, self.group) == (other.kind, other.name, other.group)

    def __hash__(self) -> int:
        return hash((self.group.name, self.name))

    @cached_property
    def size(self) -> int:
        """Number of places."""
        return int(np.prod(self.shape, dtype=np.int64))

    @cached_property
    def coordinates(self) -> np.ndarray:
        """Integer coordinates, shape (size, axes): (row, column) on a picture, the index elsewhere,
        none at a point.
        """
        return np.indices(self.shape).reshape(len(self.shape), self.size).T

    def is_still(self, word: str) -> bool:
        """Whether a word moves no place."""
        return self.is_exact(word) and np.array_equal(self.permutation(word), np.arange(self.size))


class Permuted(Base):
    """A base whose places every element permutes.

    Law: the permutation of a product is the product of the permutations; every relation is the
        identity.
    """

    @cached_property
    def orbits(self) -> np.ndarray:
        """Orbit label of each place, shape (size,)."""
        return components(self.size, self.permutations)

    def is_exact(self, word: str) -> bool:
        """Always."""
        return True

    def permutation(self, word: str) -> np.ndarray:
        """Where each place goes under a word."""
        images = dict(zip(self.group.generators, self.permutations, strict=True))
        return self.group.evaluate(
            word, images, lambda after, before: after[before], np.arange(self.size)
        )

    def act(self, word: str, feature: np.ndarray) -> np.ndarray:
        """See Base."""
        return permuted(self.permutation(word), feature)


@final
@dataclass(frozen=True, eq=False)
class Point(Permuted):
    """One place that nothing moves."""

    kind: ClassVar[Kind] = "point"
    shape: ClassVar[tuple[int, ...]] = ()
    name: ClassVar[str] = "point"

    @cached_property
    def permutations(self) -> tuple[np.ndarray, ...]:
        """One index array per generator."""
        return tuple(np.zeros(1, dtype=np.int64) for _ in self.group.generators)


@final
@dataclass(frozen=True, eq=False)
class Tokens(Permuted):
    """n interchangeable places, moved by the group's own permutations.

    Args:
        count: number of places.

    Raises:
        Refusal: the group permutes another number of points.
    """

    count: int

    kind: ClassVar[Kind] = "tokens"

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.group.generators and self.group.degree != self.count:
            raise Refusal(
                f"{self.group} permutes {self.group.degree} tokens, not {self.count}",
                code="size-mismatch",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return (self.count,)

    @property
    def name(self) -> str:
        """Printed form."""
        return f"tokens {self.count}"

    @cached_property
    def permutations(self) -> tuple[np.ndarray, ...]:
        """One index array per generator."""
        images = (self.group.permutations[generator] for generator in self.group.generators)
        return tuple(np.array(image, dtype=np.int64) for image in images)


@final
@dataclass(frozen=True, eq=False)
class Points(Permuted):
    """n places with a permutation of them for each generator.

    Args:
        count: number of places.
        images: one index array per generator, in the group's order.

    Raises:
        Refusal: a relation breaks.
    """

    count: int
    images: tuple[np.ndarray, ...] = field(repr=False)

    kind: ClassVar[Kind] = "graph"

    def __post_init__(self) -> None:
        check_size(self.size)
        check_relations(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return (self.count,)

    @cached_property
    def name(self) -> str:
        """Printed form."""
        return f"graph {self.count}({self.group.written(self.images)})"

    @property
    def permutations(self) -> tuple[np.ndarray, ...]:
        """One index array per generator."""
        return self.images


@final
@dataclass(frozen=True, eq=False)
class Union(Permuted):
    """The disjoint union: the places of `first`, then those of `second`.

    Args:
        first: of the same group.
        second: of the same group.

    Raises:
        ValueError: they are moved by two groups.
        Refusal: a plane, which stands alone.
    """

    first: Base
    second: Base

    kind: ClassVar[Kind] = "graph"

    def __post_init__(self) -> None:
        if self.first.group != self.second.group:
            raise ValueError(
                f"{self.first} is moved by {self.first.group}, {self.second} by {self.second.group}"
            )
        if not (isinstance(self.first, Permuted) and isinstance(self.second, Permuted)):
            raise Refusal(f"{self} is no base: a plane stands alone")
        check_size(self.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return (self.first.size + self.second.size,)

    @cached_property
    def name(self) -> str:
        """Printed form."""
        return f"{self.first.name} + {self.second.name}"

    @cached_property
    def permutations(self) -> tuple[np.ndarray, ...]:
        """One index array per generator."""
        pairs = zip(self.first.permutations, self.second.permutations, strict=True)
        return tuple(np.concatenate([a, b + self.first.size]) for a, b in pairs)


def check_size(size: int) -> None:
    """Refuse a number of places that no base has."""
    if not 1 <= size <= MAX_PLACES:
        raise Refusal(f"a base has between 1 and {MAX_PLACES} places, not {size}", code="too-large")


def check_relations(base: Permuted) -> None:
    """Refuse permutations for which a relation of the group does not hold."""
    for relation in base.group.relations:
        if not base.is_still(relation):
            name = base.name if len(base.name) <= 80 else f"{base.name[:77]}..."
            raise Refusal(
                f"the relation {relation} = identity of {base.group} does not hold on {name}",
                code="broken-relation",
            )


def permuted(targets: np.ndarray, feature: np.ndarray) -> np.ndarray:
    """A feature (..., places, channels) of which place i goes to targets[i]."""
    moved = np.empty_like(feature)
    moved[..., targets, :] = feature
    return moved
