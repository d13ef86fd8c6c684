"""Group convolutions of images: a lifting or group convolution is one plain convolution with a
tied kernel.

W[o, g; c, h](u) = psi[o, c, g^-1 h](g^-1 u) for copies of the regular fibre (Cohen & Welling 2016,
"Group equivariant convolutional networks", section 6.1). In general: the kernel is an equivariant
map from a window of the image to the fibre at one place, whatever signed permutation of channels
each fibre is; trivial -> regular is the lifting convolution.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.sampling import window
from symgen.nn._fast_convolution import convolve, kernel_of, largest
from symgen.nn._fast_folded_norm import folded
from symgen.nn.activation import activate
from symgen.nn.build import module
from symgen.nn.norm import FieldBatchNorm, FieldNorm
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import group_conv as operations

PoolKind = Literal["max", "mean"]


class GroupConv(nn.Module):
    """An equivariant convolution of an image; then, where asked for, a norm, a nonlinearity and
    pooling.

    Law: conv(g.x) = g.conv(x) for every g, where the windows are symmetric (see algebra.sampling).

    Args:
        operation: what it computes. A norm comes with a shift of its own in place of the bias; the
            mean of pooling is that of the pixels inside the image.
    """

    def __init__(self, operation: operations.GroupConv) -> None:
        super().__init__()
        sampling = operation.sampling
        source = operation.source
        self.grid = source.base.shape
        self.kernel = sampling.kernel
        self.stride = sampling.stride
        self.padding = sampling.padding
        fibre = vector(operation.target.fibre)
        around = FieldType(window(source.base, sampling), source.fibre)
        self.linear = TiedLinear(
            fibre,
            around,
            gain=2**0.5,
            bias=operation.norm == "none",
            bias_gain=0.1,
            relaxation=operation.relaxation,
        )
        self.batch_norm = FieldBatchNorm(fibre) if operation.norm == "batch" else None
        self.layer_norm = FieldNorm(fibre) if operation.norm == "layer" else None
        self.activation = operation.activation
        self.pool_kind = operation.pool_kind
        pool = operation.pool
        self.pool = None if pool is None else (pool.kernel, pool.stride, pool.padding)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, windows, channels of the target)."""
        matrix, shift = self.linear.expansion()
        frozen = not self.training or self.linear._expanded is not None
        if self.batch_norm is not None and frozen:
            matrix, shift = folded(self.batch_norm, matrix)
        image = x.reshape(-1, *self.grid, x.shape[-1])
        kernel = kernel_of(matrix, self.kernel)
        y = convolve(image, kernel, shift, self.stride, self.padding)
        if self.batch_norm is not None and not frozen:
            y = self.batch_norm(y)
        if self.layer_norm is not None:
            y = self.layer_norm(y)
        return self._pooled(y).flatten(1, 2)

    def _pooled(self, y: Tensor) -> Tensor:
        """Nonlinearity and pooling of (batch, rows, columns, channels)."""
        if self.pool is None:
            return activate(self.activation, y)
        if self.pool_kind == "max":
            return largest(self.activation, y, self.pool)
        mean = nn.functional.avg_pool2d
        inside = activate(self.activation, y).permute(0, 3, 1, 2)
        return mean(inside, *self.pool, count_include_pad=False).permute(0, 2, 3, 1)


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
        rows = [torch.nonzero(orbits == k).reshape(-1) for k in range(int(orbits.max()) + 1)]
        # an orbit's first channel fills the row up: it changes no maximum
        longest = max(map(len, rows))
        filled = [torch.cat([row, row[:1].expand(longest - len(row))]) for row in rows]
        members = torch.stack(filled)
        share = torch.stack([(orbits == k) / len(row) for k, row in enumerate(rows)])
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
    return GroupConv(operation)


@module.register
def _(operation: operations.GroupPool) -> GroupPool:
    return GroupPool(operation.source, operation.kind)


@module.register
def _(operation: operations.MeanPlaces) -> MeanPlaces:
    return MeanPlaces()
