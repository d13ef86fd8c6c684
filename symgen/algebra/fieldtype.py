"""A field type is base x fibre: a finite set the group moves times a representation on the channels
there.

Law: (g.x)[p(i)] = rho(g) x[i], with p the permutation of the base and rho the fibre. It prints as
"grid 9x9: 5 trivial + quotient(s)" and the printed form parses back.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.base import Base, Plane, Point
from symgen.algebra.group import Group
from symgen.algebra.homomorphism import MAX_DENSE
from symgen.algebra.orbits import joined, number
from symgen.algebra.representation import Representation
from symgen.errors import Refusal


@dataclass(frozen=True)
class FieldType:
    """How a feature moves.

    Args:
        base: the places.
        fibre: the representation on the channels at one place.

    Raises:
        ValueError: base and fibre belong to different groups.
    """

    base: Base
    fibre: Representation

    def __post_init__(self) -> None:
        if self.base.group != self.fibre.group:
            raise ValueError(
                f"the base {self.base} is moved by {self.base.group}, the fibre by "
                f"{self.fibre.group}"
            )

    def __str__(self) -> str:
        return f"{self.base}: {self.fibre}"

    @property
    def group(self) -> Group:
        """The group that acts."""
        return self.base.group

    @property
    def shape(self) -> tuple[int, int]:
        """(places, channels) of one feature."""
        return self.base.size, self.fibre.size

    @property
    def size(self) -> int:
        """Number of entries of one feature."""
        return self.base.size * self.fibre.size

    @cached_property
    def is_trivial(self) -> bool:
        """True where the group moves no entry."""
        return self.fibre.is_trivial and all(map(self.base.is_still, self.group.generators))

    def act(self, word: str, feature: np.ndarray) -> np.ndarray:
        """g.x for a feature of shape (..., places, channels)."""
        if feature.shape[-2:] != self.shape:
            raise ValueError(
                f"a feature of {self} has shape (..., {self.shape[0]}, {self.shape[1]}), not "
                f"{feature.shape}"
            )
        return self.base.act(word, self.fibre.act(word, feature))

    def gather(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """For signed permutation fibres: (index, sign) with (g.x).flat[k] = sign[k] *
        x.flat[index[k]].
        """
        if not self.fibre.is_signed_permutation:
            raise ValueError(f"the fibre of {self} does not permute channels")
        moved = self.act(word, np.arange(1, self.size + 1).reshape(self.shape)).reshape(-1)
        return np.abs(moved) - 1, np.sign(moved).astype(np.float64)

    @cached_property
    def as_representation(self) -> Representation:
        """The whole feature, flattened place by place, as one representation."""
        if self.base.size == 1:
            return self.fibre
        if isinstance(self.base, Plane):
            raise ValueError(f"{self} is moved by interpolation, which is no representation")
        if not self.fibre.is_signed_permutation and self.size > MAX_DENSE:
            raise Refusal(
                f"{self} has {self.size} entries; matrices are written out up to {MAX_DENSE}",
                code="too-large",
            )
        return Representation(
            self.group, f"[{self}]", self.size, tuple(map(self._move, self.group.generators))
        )

    def _move(self, generator: str) -> np.ndarray:
        """The codes of a generator on the flattened feature, or its matrix."""
        if not self.fibre.is_signed_permutation:
            columns = self.act(generator, np.eye(self.size).reshape(self.size, *self.shape))
            return columns.reshape(self.size, self.size).T.copy()
        index, sign = self.gather(generator)
        move = np.empty(self.size, dtype=np.int64)
        move[index] = (np.arange(self.size) + 1) * sign.astype(np.int64)
        return move

    @cached_property
    def entry_orbits(self) -> np.ndarray:
        """The finest partition of the entries that no generator mixes, shape (places, channels).

        Law: scaling the entries commutes with the group exactly where the scale is constant on the
        parts (a running scale, a standard deviation). Where the fibre is a matrix, coordinates that
        it mixes fall together; on a plane, all places do.
        """
        if isinstance(self.base, Plane):
            return np.broadcast_to(vector(self.fibre).entry_orbits, self.shape).copy()
        entries = np.arange(self.size).reshape(self.shape)
        links = [(entries[:0, 0], entries[:0, 0])]
        for generator, places in zip(self.group.generators, self.base.permutations, strict=True):
            for target, source in _mixed_channels(self.fibre, generator):
                links.append(
                    (entries[places][:, target].reshape(-1), entries[:, source].reshape(-1))
                )
        a, b = (np.concatenate(side) for side in zip(*links, strict=True))
        return number(joined(self.size, a, b)).reshape(self.shape)


def _mixed_channels(fibre: Representation, generator: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of index arrays (to, from): the generator takes channel from[k] into channel to[k]."""
    if fibre.is_signed_permutation:
        return [(fibre.signed_permutation(generator)[0], np.arange(fibre.size))]
    pairs = []
    start = 0
    for count, atom in fibre.blocks:
        target, source = np.nonzero(np.abs(atom.matrix(generator)) > 1e-12)
        shift = start + atom.size * np.arange(count)[:, None]
        pairs.append(((target + shift).reshape(-1), (source + shift).reshape(-1)))
        start += count * atom.size
    return pairs


def parse(group: Group, text: str) -> FieldType:
    """The field type that prints as `text`, e.g. "grid 9x9: 5 trivial" or "point: signed(s=-1 2)".

    Raises:
        Refusal: the base or the fibre cannot be read.
    """
    base, colon, fibre = text.partition(":")
    if not colon:
        raise Refusal(
            f"cannot read {text!r} as a field type: BASE: FIBRE, e.g. 'grid 9x9: 3 trivial'"
        )
    return FieldType(bases.parse(group, base), representations.parse(group, fibre.strip()))


def vector(fibre: Representation) -> FieldType:
    """A plain vector: one place with this fibre."""
    return FieldType(Point(fibre.group), fibre)
