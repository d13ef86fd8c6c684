"""The linear maps that operations are made of: counted, loosened and drawn from what they are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import steerable
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Relaxation, bank_weights, residual_weights
from symgen.algebra.representation import Representation
from symgen.algebra.tying import linear_weights


class Map(ABC):
    """A linear map that commutes with the group."""

    @property
    @abstractmethod
    def weights(self) -> int:
        """Number of free weights of the exact map."""

    @abstractmethod
    def broken_weights(self, how: Relaxation) -> int:
        """How many weights it gets more by a relaxation; 0 where this form does nothing to it."""


@dataclass(frozen=True)
class TiedMap(Map):
    """An equivariant matrix between two field types: dim Hom weights, and an invariant bias.

    Args:
        target: type of the rows.
        source: type of the columns.
        bias: whether there is a bias.
        window: whether the source is what a kernel sees around a pixel.
    """

    target: FieldType
    source: FieldType
    bias: bool = True
    window: bool = False

    @property
    def weights(self) -> int:
        """dim Hom(source, target), and the invariants of the target for the bias."""
        return linear_weights(self.target, self.source, with_bias=self.bias)

    def broken_weights(self, how: Relaxation) -> int:
        """Of a free matrix with a free bias, or of the weights of the banks and further banks."""
        if how.form == "residual":
            return residual_weights(self.target, self.source, with_bias=self.bias)
        if how.form == "banks":
            return bank_weights(self.target, self.source, how.banks, how.index)
        return 0


@dataclass(frozen=True)
class GraphMap(Map):
    """Graph matrices, one for each channel: theta[label of the pair of places].

    Args:
        graph: whose pairs are labelled.
        fibre: of the features; copies of one representation, which share nothing.
    """

    graph: Graph
    fibre: Representation

    @cached_property
    def labels(self) -> np.ndarray:
        """Label of (target place, source place, channel of the atom), -1 for no edge."""
        ((_, atom),) = self.fibre.blocks
        return self.graph.fibre_labels(atom)

    @property
    def weights(self) -> int:
        """One for each label and copy."""
        ((copies, _),) = self.fibre.blocks
        return copies * (int(self.labels.max()) + 1)

    def broken_weights(self, how: Relaxation) -> int:
        """In the form "residual" one for each fine label and channel."""
        if how.form != "residual":
            return 0
        return self.fibre.size * (int(fine_labels(self.graph).max()) + 1)


def fine_labels(graph: Graph) -> np.ndarray:
    """Labels (n, n) that no group merges: offsets on a grid, every pair its own elsewhere; -1 for
    no edge.
    """
    if graph.base.kind == "grid":
        rows, columns = graph.base.shape
        plain = bases.grid(group("C1"), rows, columns)
        return graphs.build(plain, graph.topology, "offset", graph.edges).labels
    edges = graph.adjacency
    return np.where(edges, np.cumsum(edges).reshape(edges.shape) - 1, -1)


@dataclass(frozen=True)
class SteeredMap(Map):
    """A steerable kernel: coefficients of a solved basis.

    Args:
        target: fibre of the output, gates included.
        source: field type of the input.
        side: side of the kernel in pixels.
    """

    target: Representation
    source: FieldType
    side: int

    @property
    def weights(self) -> int:
        """The coefficients."""
        return steerable.weights(self.target, self.source.fibre, self.side)

    def broken_weights(self, how: Relaxation) -> int:
        """In the form "pixels" coefficients of its own for every pixel but one."""
        return self.weights * (self.side**2 - 1) if how.form == "pixels" else 0
