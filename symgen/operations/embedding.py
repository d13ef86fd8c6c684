"""From observation terms to features with the hidden fibre: patches, points, and the class
token.
"""

from dataclasses import dataclass
from typing import ClassVar

from symgen.algebra import base as bases
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import bias
from symgen.operations.maps import Map, TiedMap
from symgen.operations.operation import Operation
from symgen.operations.tied_linear import Scope, at_scope


@dataclass(frozen=True)
class Nonlinear(Operation):
    """Equivariant maps of several inputs, added up, and a pointwise nonlinearity.

    Args:
        target: type of the output; its fibre allows the nonlinearity.
        sources: types of the inputs.
        activation: "tanh" or a name in torch.nn.functional.
        scope: see TiedLinear.
    """

    READS: ClassVar[str] = "sources"

    target: FieldType
    sources: tuple[FieldType, ...]
    activation: str
    scope: Scope = "feature"

    @property
    def maps(self) -> tuple[Map, ...]:
        """One for each source; the first has the bias."""
        return tuple(
            at_scope(self.target, source, self.scope, bias=k == 0)
            for k, source in enumerate(self.sources)
        )


@dataclass(frozen=True)
class PatchEmbedding(Operation):
    """Every patch of an image becomes one place.

    Args:
        target: (patch grid) x hidden fibre.
        source: (pixel grid) x observed fibre.
        patch: side of a patch in pixels.
        bias_gain: see TiedLinear.
    """

    target: FieldType
    source: FieldType
    patch: int
    bias_gain: float = 0.0

    @property
    def maps(self) -> tuple[Map, ...]:
        """From the pixels of a patch to its channels."""
        pixels = bases.resize(self.source.base, self.patch, self.patch)
        return (TiedMap(vector(self.target.fibre), FieldType(pixels, self.source.fibre)),)


@dataclass(frozen=True)
class JoinToken(Operation):
    """A class token before the places: a learnt invariant vector plus what is observed at a point.

    Args:
        field: type of the places.
        points: number of further inputs of type point x the same fibre.
    """

    field: FieldType
    points: int = 0

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The places, then the points."""
        return (self.field, *(vector(self.field.fibre),) * self.points)

    @property
    def output(self) -> FieldType:
        """A point and the places."""
        base = bases.union(bases.point(self.field.group), self.field.base)
        return FieldType(base, self.field.fibre)

    @property
    def own_weights(self) -> int:
        """The invariant vector."""
        return bias(vector(self.field.fibre)).weights


@dataclass(frozen=True)
class Places(Operation):
    """Some of the places: the class token, or the patches.

    Args:
        source: type of the input.
        target: type of the places that are kept.
        start: the first of them.
    """

    source: FieldType
    target: FieldType
    start: int


@dataclass(frozen=True)
class Add(Operation):
    """The sum of features of one type.

    Args:
        field: the type.
        count: how many are added.
    """

    GIVES: ClassVar[str] = "field"

    field: FieldType
    count: int

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The type, so many times."""
        return (self.field,) * self.count
