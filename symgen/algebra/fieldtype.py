"""A field type is base x fibre: a finite set the group moves times a representation on the channels there.

Law: (g.x)[p(i)] = rho(g) x[i], with p the permutation of the base and rho the fibre. It prints as
"grid 9x9: 5 trivial + quotient(s)" and the printed form parses back.
"""

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.group import Group
from symgen.algebra.orbits import components
from symgen.algebra.representation import Representation


@dataclass(frozen=True)
class FieldType:
    """How a feature moves.

    Args:
        base: the places.
        fibre: the representation on the channels at one place.
    """

    base: Base
    fibre: Representation

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
        still = all(np.array_equal(p, np.arange(self.base.size)) for p in self.base.permutations)
        return still and self.fibre.is_trivial

    def act(self, word: str, feature: np.ndarray) -> np.ndarray:
        """g.x for a feature of shape (..., places, channels)."""
        fibred = self.fibre.act(word, feature)
        moved = np.empty_like(fibred)
        moved[..., self.base.permutation(word), :] = fibred
        return moved

    def gather(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """For signed permutation fibres: (index, sign) with (g.x).flat[k] = sign[k] * x.flat[index[k]]."""
        codes = np.arange(1, self.size + 1, dtype=np.float64).reshape(self.shape)
        moved = self.act(word, codes).reshape(-1)
        return np.abs(moved).astype(np.int64) - 1, np.sign(moved)

    @cached_property
    def as_representation(self) -> Representation:
        """The whole feature, flattened place by place, as one representation."""
        if self.base.size == 1:
            return self.fibre
        images = []
        for generator in self.group.generators:
            columns = self.act(generator, np.eye(self.size).reshape(self.size, *self.shape))
            images.append(columns.reshape(self.size, self.size).T.copy())
        return Representation(self.group, f"[{self}]", self.size, tuple(images))

    @cached_property
    def entry_orbits(self) -> np.ndarray:
        """The finest partition of the entries that the group preserves, shape (places, channels).

        A statistic that is constant on it (a running scale, a standard deviation) commutes with the group, also where
        the fibre mixes channels: coordinates that a matrix mixes fall together.
        """
        mixing = nx.empty_graph(self.fibre.size)
        for image in self.fibre.images:
            mixing.add_edges_from(np.argwhere(np.abs(image) > 1e-12).tolist())
        channels = np.zeros(self.fibre.size, dtype=np.int64)
        for label, mixed in enumerate(nx.connected_components(mixing)):
            channels[list(mixed)] = label
        places = components(self.base.size, self.base.permutations)
        both = places[:, None] * self.fibre.size + channels[None, :]
        return np.unique(both, return_inverse=True)[1].reshape(self.shape)


def parse(group: Group, text: str) -> FieldType:
    """The field type that prints as `text`, e.g. "grid 9x9: 5 trivial" or "point: signed(s=-1 2)".

    Raises:
        ValueError: the base or the fibre cannot be read.
    """
    base, colon, fibre = text.partition(":")
    if not colon:
        raise ValueError(f"cannot read {text!r} as a field type: BASE: FIBRE, e.g. 'grid 9x9: 3 trivial'")
    return FieldType(bases.parse(group, base), representations.parse(group, fibre.strip()))


def vector(fibre: Representation) -> FieldType:
    """A plain vector: one place with this fibre."""
    return FieldType(bases.point(fibre.group), fibre)
