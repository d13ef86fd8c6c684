"""Planar steerable convolutions, for rotations by any angle."""

from dataclasses import dataclass
from typing import ClassVar

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.sampling import Sampling
from symgen.algebra.steerable import Vectors, thresholds, with_gates
from symgen.algebra.tying import bias
from symgen.operations.maps import Map, SteeredMap, TiedMap
from symgen.operations.operation import Operation


@dataclass(frozen=True)
class SteerableConv(Operation):
    """A steerable convolution, a nonlinearity for any fibre, and blurred pooling where asked for.

    Args:
        target: (grid or plane of what is left) x fields.
        source: (grid or plane) x fields.
        sampling: windows of the convolution.
        activation: of fields that permute their channels.
        vectors: nonlinearity of the others.
        pool: whether to blur and keep every second pixel.
    """

    target: FieldType
    source: FieldType
    sampling: Sampling
    activation: str = "relu"
    vectors: Vectors = "gated"
    pool: bool = False

    @property
    def maps(self) -> tuple[Map, ...]:
        """The kernel, which also makes the gates."""
        inner = with_gates(self.target.fibre, self.vectors)
        return (SteeredMap(inner, self.source, self.sampling.kernel),)

    @property
    def own_weights(self) -> int:
        """A bias for every invariant, and the thresholds of the nonlinearity."""
        inner = vector(with_gates(self.target.fibre, self.vectors))
        return bias(inner).weights + thresholds(self.target.fibre, self.vectors)


@dataclass(frozen=True)
class SteerableLinear(Operation):
    """Equivariant maps of vectors, added up, and a nonlinearity for any fibre.

    Args:
        target: type of the output, a point.
        sources: types of the inputs, points.
        activation: of fields that permute their channels.
        vectors: nonlinearity of the others.
    """

    READS: ClassVar[str] = "sources"

    target: FieldType
    sources: tuple[FieldType, ...]
    activation: str
    vectors: Vectors = "gated"

    @property
    def maps(self) -> tuple[Map, ...]:
        """One for each source; the first has the bias."""
        inner = vector(with_gates(self.target.fibre, self.vectors))
        return tuple(TiedMap(inner, source, bias=k == 0) for k, source in enumerate(self.sources))

    @property
    def own_weights(self) -> int:
        """The thresholds of the nonlinearity."""
        return thresholds(self.target.fibre, self.vectors)


@dataclass(frozen=True)
class Disc(Operation):
    """Features inside the largest disc of a plane, fading at its edge.

    Args:
        field: type of input and output.
    """

    READS: ClassVar[str] = "field"
    GIVES: ClassVar[str] = "field"

    field: FieldType


@dataclass(frozen=True)
class MeanOverPicture(Operation):
    """The mean over the pixels of a grid, or over the disc of a plane.

    Args:
        source: the type of the input.
    """

    source: FieldType

    @property
    def output(self) -> FieldType:
        """Its fibre at a point."""
        return vector(self.source.fibre)
