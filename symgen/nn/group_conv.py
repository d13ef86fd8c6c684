"""Group convolutions of pictures: a lifting or group convolution is one plain convolution with a
tied kernel.

W[o, g; c, h](u) = psi[o, c, g^-1 h](g^-1 u) for copies of the regular fibre (Cohen & Welling 2016,
"Group equivariant convolutional networks", section 6.1). In general: the kernel is an equivariant
map from a window of the picture to the fibre at one place, whatever signed permutation of channels
each fibre is; trivial -> regular is the lifting convolution.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.sampling import Sampling, window
from symgen.nn.activation import activate
from symgen.nn.build import module
from symgen.nn.norm import FieldBatchNorm, FieldNorm
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import group_conv as operations

Norm = Literal["none", "batch", "layer"]
PoolKind = Literal["max", "mean"]
MONOTONE = ("relu", "tanh")
"""Activations that commute with taking the largest value: applied after it, on fewer pixels."""


class GroupConv(nn.Module):
    """An equivariant convolution of a picture; then, where asked for, a norm, a nonlinearity and
    pooling.

    Law: conv(g.x) = g.conv(x) for every g, where the windows are symmetric (see algebra.sampling).

    Args:
        target: (grid of the windows that are left) x fibre.
        source: (pixel grid) x fibre.
        sampling: windows of the convolution.
        activation: name in torch.nn.functional, or "tanh"; the target's fibre allows it.
        norm: between convolution and nonlinearity; either comes with a shift of its own in place of
            the bias.
        pool: windows of the pooling.
        pool_kind: the largest value (where the fibre permutes) or the mean of those inside the
            picture.
        gain: see TiedMatrix.
        relaxation: see TiedLinear.
    """

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        sampling: Sampling,
        activation: str = "relu",
        norm: Norm = "none",
        pool: Sampling | None = None,
        pool_kind: PoolKind = "max",
        gain: float = 2**0.5,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        self.grid = source.base.shape
        self.kernel = sampling.kernel
        self.stride = sampling.stride
        self.padding = sampling.padding
        fibre = vector(target.fibre)
        around = FieldType(window(source.base, sampling), source.fibre)
        self.linear = TiedLinear(
            fibre, around, gain=gain, bias=norm == "none", bias_gain=0.1, relaxation=relaxation
        )
        self.batch_norm = FieldBatchNorm(fibre) if norm == "batch" else None
        self.layer_norm = FieldNorm(fibre) if norm == "layer" else None
        self.activation = activation
        self.pool_kind = pool_kind
        self.pool = None if pool is None else (pool.kernel, pool.stride, pool.padding)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, windows, channels of the target).

        Features lie channel by channel at each pixel, which is a picture in torch's channels_last
        format: nothing is copied, and this is the fastest format for a convolution.
        """
        matrix, shift = self.linear._expanded or self.linear.expand()
        frozen = not self.training or self.linear._expanded is not None
        if self.batch_norm is not None and frozen:
            matrix, shift = self.batch_norm.folded(matrix)
        y = self._convolve(x, matrix, shift)
        if self.batch_norm is not None and not frozen:
            y = self.batch_norm(y)
        if self.layer_norm is not None:
            y = self.layer_norm(y)
        return self._finish(y).flatten(1, 2)

    def _convolve(self, x: Tensor, matrix: Tensor, shift: Tensor | None) -> Tensor:
        """(batch, pixels, channels) -> (batch, rows, columns, channels)."""
        picture = x.reshape(-1, *self.grid, x.shape[-1]).permute(0, 3, 1, 2)
        weight = matrix.view(-1, self.kernel, self.kernel, x.shape[-1]).permute(0, 3, 1, 2)
        y = nn.functional.conv2d(picture, weight, shift, self.stride, self.padding)
        return y.permute(0, 2, 3, 1)

    def _finish(self, y: Tensor) -> Tensor:
        """Nonlinearity and pooling of (batch, rows, columns, channels)."""
        if self.pool is None:
            return activate(self.activation, y)
        if self.pool_kind == "mean":
            mean = nn.functional.avg_pool2d
            inside = activate(self.activation, y).permute(0, 3, 1, 2)
            return mean(inside, *self.pool, count_include_pad=False).permute(0, 2, 3, 1)
        late = self.activation in MONOTONE
        y = y if late else activate(self.activation, y)
        y = nn.functional.max_pool2d(y.permute(0, 3, 1, 2), *self.pool).permute(0, 2, 3, 1)
        return activate(self.activation, y) if late else y


class GroupPool(nn.Module):
    """The largest value or the mean over the channels that the group exchanges: one invariant
    channel per orbit.

    Args:
        source: base x fibre; the fibre permutes its channels.
        kind: "max" or "mean".

    Raises:
        ValueError: the fibre does more than permute.
    """

    members: Tensor
    share: Tensor

    def __init__(self, source: FieldType, kind: PoolKind) -> None:
        super().__init__()
        if source.fibre.kind != "permutation":
            raise ValueError(f"{kind} over channels is no invariant of the fibre {source.fibre}")
        orbits = torch.from_numpy(vector(source.fibre).entry_orbits.reshape(-1))
        each = [torch.nonzero(orbits == k).reshape(-1) for k in range(int(orbits.max()) + 1)]
        # an orbit's first channel fills the row up: it changes no maximum
        longest = max(map(len, each))
        members = torch.stack(
            [torch.cat([one, one[:1].expand(longest - len(one))]) for one in each]
        )
        share = torch.stack([(orbits == k) / len(one) for k, one in enumerate(each)])
        self.kind = kind
        self.register_buffer("members", members, persistent=False)  # [orbit, channel of it]
        self.register_buffer("share", share.double(), persistent=False)  # [orbit, channel]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, places, orbits of channels)."""
        if self.kind == "mean":
            return nn.functional.linear(x, self.share.to(x.dtype))
        return x[..., self.members].amax(-1)


class MeanPlaces(nn.Module):
    """The mean over the places: a vector with the fibre of the places."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, 1, channels)."""
        return x.mean(1, keepdim=True)


@module.register
def _(operation: operations.GroupConv) -> GroupConv:
    return GroupConv(
        operation.target,
        operation.source,
        operation.sampling,
        activation=operation.activation,
        norm=operation.norm,
        pool=operation.pool,
        pool_kind=operation.pool_kind,
        relaxation=operation.relaxation,
    )


@module.register
def _(operation: operations.GroupPool) -> GroupPool:
    return GroupPool(operation.source, operation.kind)


@module.register
def _(operation: operations.MeanPlaces) -> MeanPlaces:
    return MeanPlaces()
