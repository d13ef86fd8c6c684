"""Planar steerable convolutions: coefficients times a solved basis, and one plain convolution.

The filter (see steerable_kernel) is expanded once per optimiser step: `Network.expanded` holds it
in between.

What keeps rotations between pixels close to exact is stated here: kernels are band-limited
(`steerable.rings`), images are made smaller by a binomial blur, never by picking pixels of a rough
feature, and on a plane features count inside the largest disc only, whose edge is soft.
"""

import math

import torch
from torch import Tensor, nn

from symgen.algebra import plane as planes
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import trivial
from symgen.algebra.steerable import Vectors, with_gates
from symgen.algebra.tying import bias
from symgen.nn._fast_convolution import convolve
from symgen.nn._fast_expansion import Expandable
from symgen.nn.build import module
from symgen.nn.exact import ExactBuffers
from symgen.nn.field_activation import FieldActivation
from symgen.nn.steerable_kernel import SteerableKernel
from symgen.nn.tied_linear import TiedLinear, TiedMatrix
from symgen.operations import steerable_conv as operations

BLUR = {False: (1.0, 3.0, 3.0, 1.0), True: (1.0, 4.0, 6.0, 4.0, 1.0)}
"""Binomial weights before every second pixel is taken, for an even and for an odd number of pixels:
both keep the centre of the image where it is."""


class SteerableConv(Expandable[tuple[Tensor, Tensor | None]]):
    """A steerable convolution of an image, a nonlinearity, and blurred pooling where asked for.

    Law: conv(g.x) = g.conv(x); up to the interpolation error of smooth images where g rotates a
        plane between pixels.

    Args:
        operation: what it computes; with a relaxation the bias stays tied.
    """

    def __init__(self, operation: operations.SteerableConv) -> None:
        super().__init__()
        sampling = operation.sampling
        source = operation.source
        target = operation.target
        self.grid = source.base.shape
        self.stride = sampling.stride
        self.padding = sampling.padding
        fibre = with_gates(target.fibre, operation.vectors)
        self.kernel = SteerableKernel(
            fibre, source.fibre, sampling.kernel, 2**0.5, operation.relaxation
        )
        shift = bias(vector(fibre))
        number = vector(trivial(fibre.group))
        self.bias = TiedMatrix(vector(fibre), number, 0.1, shift) if shift.weights else None
        self.activation = FieldActivation(target.fibre, operation.activation, operation.vectors)
        shape = tuple(map(sampling.count, source.base.shape))
        self.pool = Blur(shape) if operation.pool else None
        self.disc = Disc(target.base) if target.base.kind == "plane" else None

    def expand(self) -> tuple[Tensor, Tensor | None]:
        """The filter and the bias as plain tensors."""
        return self.kernel(), None if self.bias is None else self.bias().squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, fewer pixels, channels of the target)."""
        kernel, shift = self.expansion()
        image = x.reshape(-1, *self.grid, x.shape[-1])
        y = convolve(image, kernel, shift, self.stride, self.padding)
        y = self.activation(y)
        y = y if self.pool is None else self.pool(y)
        return y.flatten(1, 2) if self.disc is None else self.disc(y.flatten(1, 2))


class Blur(ExactBuffers):
    """Every second pixel of an image blurred with binomial weights (Zhang 2019, "Making
    convolutional networks shift-invariant again", section 3).

    Args:
        shape: (rows, columns).
    """

    weight: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        down, across = (torch.tensor(BLUR[size % 2 == 1], dtype=torch.float64) for size in shape)
        self.padding = ((len(down) - 1) // 2, (len(across) - 1) // 2)
        self.register_buffer(
            "weight", torch.outer(down / down.sum(), across / across.sum()), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, rows, columns, channels) -> half the rows and columns, rounded up."""
        channels = x.shape[-1]
        weight = self.weight.to(x.dtype).expand(channels, 1, -1, -1)
        blurred = nn.functional.conv2d(
            x.permute(0, 3, 1, 2), weight, None, 2, self.padding, groups=channels
        )
        return blurred.permute(0, 2, 3, 1)


class Disc(ExactBuffers):
    """Features inside the largest disc of a plane, fading at its edge: what a rotation cannot move
    out of the image.

    Args:
        base: a plane.
    """

    inside: Tensor

    def __init__(self, base: Base) -> None:
        super().__init__()
        self.register_buffer(
            "inside", torch.from_numpy(planes.disc(base.shape)).unsqueeze(-1), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> the same."""
        return x * self.inside.to(x.dtype)


class MeanOverPicture(ExactBuffers):
    """The mean over the pixels of a grid, or over the disc of a plane: a vector with the fibre of
    the pixels.

    Args:
        base: a grid or a plane.
    """

    share: Tensor

    def __init__(self, base: Base) -> None:
        super().__init__()
        share = planes.disc(base.shape) if base.kind == "plane" else planes.disc(base.shape) * 0 + 1
        self.register_buffer(
            "share", torch.from_numpy(share / share.sum()).unsqueeze(0), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, 1, channels)."""
        return self.share.to(x.dtype) @ x


class SteerableLinear(nn.Module):
    """An equivariant map of vectors, and a nonlinearity for any fibre.

    Args:
        target: type of the output, a point.
        sources: types of the inputs, points, whose images are added.
        activation: see FieldActivation.
        vectors: see FieldActivation.
    """

    def __init__(
        self,
        target: FieldType,
        sources: tuple[FieldType, ...],
        activation: str,
        vectors: Vectors = "gated",
    ) -> None:
        super().__init__()
        inner = vector(with_gates(target.fibre, vectors))
        gain = math.sqrt(2 / len(sources))
        self.linear = nn.ModuleList(
            TiedLinear(inner, source, gain=gain, bias=k == 0, bias_gain=0.1)
            for k, source in enumerate(sources)
        )
        self.activation = FieldActivation(target.fibre, activation, vectors)

    def forward(self, *inputs: Tensor) -> Tensor:
        """One vector per source, (batch, 1, channels) each -> one of the target type."""
        total = self.linear[0](inputs[0])
        for layer, x in zip(self.linear[1:], inputs[1:], strict=True):
            total = total + layer(x)
        return self.activation(total)


@module.register
def _(operation: operations.SteerableConv) -> SteerableConv:
    return SteerableConv(operation)


@module.register
def _(operation: operations.SteerableLinear) -> SteerableLinear:
    return SteerableLinear(
        operation.target, operation.sources, operation.activation, operation.vectors
    )


@module.register
def _(operation: operations.Disc) -> Disc:
    return Disc(operation.field.base)


@module.register
def _(operation: operations.MeanOverPicture) -> MeanOverPicture:
    return MeanOverPicture(operation.source.base)
