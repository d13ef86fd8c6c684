"""From observation terms to features with the hidden fibre: patches, points, and the class
token.
"""

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra import base as bases
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.tying import bias
from symgen.nn.activation import activate
from symgen.nn.build import module
from symgen.nn.tied_linear import TiedLinear, TiedMatrix
from symgen.operations import embedding as operations
from symgen.operations.tied_linear import Scope


class PatchEmbedding(nn.Module):
    """Every patch of an image becomes one place: an equivariant map of (in-patch grid x fibre) ->
    hidden fibre.

    Rotating the whole image rotates the grid of patches and inside each patch; the map
    commutes with the latter.

    Args:
        target: (patch grid) x hidden fibre.
        source: (pixel grid) x observed fibre.
        patch: side of a patch in pixels; divides both sides of the image.
        bias_gain: see TiedLinear.
        relaxation: see TiedLinear.
    """

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        patch: int,
        bias_gain: float = 0.0,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.grid = target.base.shape
        self.channels = source.fibre.size
        inside = FieldType(bases.resize(source.base, patch, patch), source.fibre)
        self.linear = TiedLinear(
            vector(target.fibre), inside, bias_gain=bias_gain, relaxation=relaxation
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, patches, hidden channels)."""
        rows, columns = self.grid
        x = x.view(-1, rows, self.patch, columns, self.patch, self.channels).transpose(2, 3)
        matrix, shift = self.linear.expansion()
        return nn.functional.linear(
            x.reshape(-1, rows * columns, self.patch**2 * self.channels), matrix, shift
        )


class JoinToken(nn.Module):
    """Put a class token before the places: a learnt invariant vector plus everything observed at a
    point.

    Args:
        field: type of the places.
        points: number of further inputs of type point x the same fibre, which are added to the
            token.
    """

    def __init__(self, field: FieldType, points: int = 0) -> None:
        super().__init__()
        fibre = vector(field.fibre)
        self.token = TiedMatrix(fibre, fibre, gain=0.5, table=bias(fibre))

    def forward(self, x: Tensor, *points: Tensor) -> Tensor:
        """(batch, places, channels) and (batch, 1, channels) each -> (batch, 1 + places,
        channels).
        """
        token = self.token().view(1, 1, -1).expand(x.shape[0], 1, -1)
        for point in points:
            token = token + point
        return torch.cat([token, x], 1)


class Places(nn.Module):
    """Some of the places: the class token, or the patches.

    Args:
        start: first place.
        stop: one past the last place.
    """

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start = start
        self.stop = stop

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, stop - start, channels)."""
        return x[:, self.start : self.stop]


class Add(nn.Module):
    """The sum of features of one type."""

    def forward(self, x: Tensor, *further: Tensor) -> Tensor:
        """Features of equal shape -> their sum."""
        for y in further:
            x = x + y
        return x


class Nonlinear(nn.Module):
    """An equivariant map followed by a pointwise nonlinearity.

    Args:
        target: type of the output; its fibre allows the nonlinearity (permutations any, signed ones
            odd functions).
        sources: types of the inputs, whose images are added.
        activation: name in torch.nn.functional, or "tanh".
        scope: see TiedLinear.
        gain: see TiedLinear.
        relaxation: see TiedLinear.
    """

    def __init__(
        self,
        target: FieldType,
        sources: tuple[FieldType, ...],
        activation: str,
        scope: Scope = "feature",
        gain: float = 2**0.5,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        gains = gain / np.sqrt(len(sources))
        self.linear = nn.ModuleList(
            TiedLinear(
                target, source, scope, gains, bias=k == 0, bias_gain=0.1, relaxation=relaxation
            )
            for k, source in enumerate(sources)
        )
        self.activation = activation

    def forward(self, *inputs: Tensor) -> Tensor:
        """One feature per source -> one of the target type."""
        total = self.linear[0](inputs[0])
        for layer, x in zip(self.linear[1:], inputs[1:], strict=True):
            total = total + layer(x)
        return activate(self.activation, total)


@module.register
def _(operation: operations.Nonlinear) -> Nonlinear:
    return Nonlinear(
        operation.target,
        operation.sources,
        operation.activation,
        operation.scope,
        relaxation=operation.relaxation,
    )


@module.register
def _(operation: operations.PatchEmbedding) -> PatchEmbedding:
    return PatchEmbedding(
        operation.target,
        operation.source,
        operation.patch,
        operation.bias_gain,
        operation.relaxation,
    )


@module.register
def _(operation: operations.JoinToken) -> JoinToken:
    return JoinToken(operation.field, operation.points)


@module.register
def _(operation: operations.Places) -> Places:
    return Places(operation.start, operation.start + operation.target.base.size)


@module.register
def _(operation: operations.Add) -> Add:
    return Add()
