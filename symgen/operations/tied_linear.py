"""Equivariant linear maps."""

from dataclasses import dataclass
from typing import Literal

from symgen.algebra.fieldtype import FieldType, vector
from symgen.operations.maps import Map, TiedMap
from symgen.operations.operation import Operation

Scope = Literal["feature", "place"]


@dataclass(frozen=True)
class TiedLinear(Operation):
    """An equivariant linear map of whole features, or of the fibre at every place.

    Args:
        target: type of the output.
        source: type of the input.
        scope: "feature" or "place", see nn.tied_linear.
        gain: size of the initial weights.
        bias_gain: size of the initial bias.
    """

    target: FieldType
    source: FieldType
    scope: Scope = "feature"
    gain: float = 1.0
    bias_gain: float = 0.0

    @property
    def maps(self) -> tuple[Map, ...]:
        """The one map."""
        return (at_scope(self.target, self.source, self.scope),)


def at_scope(target: FieldType, source: FieldType, scope: Scope, bias: bool = True) -> TiedMap:
    """A map of whole features, or of the fibres at one place."""
    if scope == "place":
        return TiedMap(vector(target.fibre), vector(source.fibre), bias)
    return TiedMap(target, source, bias)
