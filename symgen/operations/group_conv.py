"""Group convolutions of images."""

from dataclasses import dataclass
from typing import Literal

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.sampling import Sampling, window
from symgen.algebra.tying import bias
from symgen.operations.maps import Map, TiedMap
from symgen.operations.norm import channel_orbits, norm_weights
from symgen.operations.operation import Operation


@dataclass(frozen=True)
class GroupConv(Operation):
    """An equivariant convolution; then a norm, a nonlinearity and pooling, where asked for.

    Args:
        target: (grid of what is left) x fibre.
        source: grid x fibre.
        sampling: windows of the convolution.
        activation: "tanh" or a name in torch.nn.functional; "none" for none.
        norm: over the batch, over the channels at a place, or none.
        pool: windows of the pooling.
        pool_kind: what is taken of a window.
    """

    target: FieldType
    source: FieldType
    sampling: Sampling
    activation: str = "relu"
    norm: Literal["none", "batch", "layer"] = "none"
    pool: Sampling | None = None
    pool_kind: Literal["max", "mean"] = "max"

    @property
    def maps(self) -> tuple[Map, ...]:
        """From the window around a pixel to its channels; a norm has the bias."""
        around = FieldType(window(self.source.base, self.sampling), self.source.fibre)
        return (TiedMap(vector(self.target.fibre), around, self.norm == "none", window=True),)

    @property
    def own_weights(self) -> int:
        """Those of the norm."""
        if self.norm == "batch":
            return channel_orbits(self.target) + bias(vector(self.target.fibre)).weights
        return norm_weights(self.target) if self.norm == "layer" else 0


@dataclass(frozen=True)
class GroupPool(Operation):
    """The largest, or the mean, of the channels that the group exchanges.

    Args:
        source: the type of the input.
        kind: which.
    """

    source: FieldType
    kind: Literal["max", "mean"]

    @property
    def output(self) -> FieldType:
        """One invariant channel for each orbit."""
        return invariants(self.source)


def invariants(field: FieldType) -> FieldType:
    """One invariant channel in the place of each orbit of channels."""
    trivial = representations.trivial(field.group)
    return FieldType(field.base, representations.direct_sum((channel_orbits(field), trivial)))


@dataclass(frozen=True)
class MeanPlaces(Operation):
    """The mean over the places.

    Args:
        source: the type of the input.
    """

    source: FieldType

    @property
    def output(self) -> FieldType:
        """Its fibre at a point."""
        return vector(self.source.fibre)
