"""Planar steerable convolutions: coefficients times a solved basis, and one plain convolution.

K = sum_b w_b K_b with the basis of `steerable.kernels` for each pair of fibre atoms (Weiler & Cesa
2019, section 2.3). The filter is expanded once per optimiser step: `Network.expanded` holds it in
between.

What keeps turns between pixels close to exact is stated here: kernels are band-limited
(`steerable.rings`), pictures are made smaller by a binomial blur, never by picking pixels of a
rough feature, and on a plane features count inside the largest disc only, whose edge is soft.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra import base as bases
from symgen.algebra import plane as planes
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import Representation, trivial
from symgen.algebra.sampling import Sampling
from symgen.algebra.steerable import Vectors, exact_words, kernels, thresholds, with_gates
from symgen.algebra.tying import bias
from symgen.nn._fast_expansion import Expandable
from symgen.nn.activation import activate
from symgen.nn.build import module
from symgen.nn.exact import ExactBuffers
from symgen.nn.symmetry_breaking import BrokenMaps
from symgen.nn.tied_linear import TiedLinear, TiedMatrix
from symgen.operations import steerable_conv as operations

BLUR = {False: (1.0, 3.0, 3.0, 1.0), True: (1.0, 4.0, 6.0, 4.0, 1.0)}
"""Binomial weights before every second pixel is taken, for an even and for an odd number of pixels:
both keep the centre of the picture where it is."""


class SteerableKernel(ExactBuffers):
    """A kernel as a function of its coefficients.

    Law: kernel()[:, :, g u] = rho_out(g) kernel()[:, :, u] rho_in(g)^-1 where g takes pixels to
        pixels.

    Args:
        target: fibre of the output.
        source: fibre of the input.
        side: side of the kernel in pixels, odd.
        gain: standard deviation of an output entry for unit-variance inputs at initialisation.
        relaxation: coefficients of their own for every pixel of the kernel, equal at first, so that
            the kernel is exact then: W[o, p; i, q](u) = sum_b w[o, b, i](u) basis_b[p, q](u) (Wang
            et al. 2022, "Approximately equivariant networks for imperfectly symmetric dynamics",
            section 3.2, who start from unequal ones).
    """

    def __init__(
        self,
        target: Representation,
        source: Representation,
        side: int,
        gain: float = 1.0,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        self.side = side
        self.target = target
        self.source = source
        self.rows = [(copies, atom.size) for copies, atom in target.blocks]
        self.columns = [(copies, atom.size) for copies, atom in source.blocks]
        total = 0
        for i, (copies, one) in enumerate(target.blocks):
            for j, (repeats, other) in enumerate(source.blocks):
                basis = torch.from_numpy(kernels(one, other, side))
                self.register_buffer(
                    f"basis{i}_{j}", basis, persistent=False
                )  # [basis, out, pixel, in]
                total += copies * repeats * len(basis)
        # every basis kernel has norm 1: `total` is the summed squared norm of all rows of the
        # kernel
        deviation = gain * math.sqrt(target.size / max(total, 1))
        weight = torch.empty(total).uniform_(-1, 1) * math.sqrt(3) * deviation
        self.relaxation = relaxation
        self.weight = nn.Parameter(
            weight if relaxation is None else weight.unsqueeze(1).repeat(1, side**2)
        )

    def penalty(self) -> Tensor | None:
        """The variance of the coefficients over the pixels, their mean; None where
        the kernel is exact.
        """
        return None if self.relaxation is None else self.weight.var(1, unbiased=False).mean()

    def broken_maps(self) -> BrokenMaps | None:
        """How far it is from the kernels that commute, for nn.symmetry_breaking; None where
        the kernel is exact.
        """
        if self.relaxation is None:
            return None
        kernel = self().double().permute(0, 2, 3, 1).flatten(1, 2).cpu()
        return BrokenMaps(
            kernel, kernel - self._nearest(kernel), self.target.group.generators, self._moved
        )

    def _moved(self, word: str, kernel: Tensor) -> Tensor:
        """rho_out(g) K(g^-1 u) rho_in(g)^-1 for K of shape (out, pixel, in); between pixels, by
        interpolation.
        """
        window = bases.plane(self.target.group, self.side, self.side)
        moved = self.source.act(word, window.act(word, kernel.numpy()))
        return torch.from_numpy(
            np.moveaxis(self.target.act(word, np.moveaxis(moved, 0, -1)), -1, 0).copy()
        )

    def _nearest(self, kernel: Tensor) -> Tensor:
        """The mean over the group where it takes pixels to pixels, else the nearest kernel that the
        basis spans.
        """
        words = list(exact_words(self.target.group))
        if len(words) == self.target.group.order:
            return torch.stack([self._moved(word, kernel) for word in words]).mean(0)
        found = torch.zeros_like(kernel)
        top = 0
        for i, (copies, size) in enumerate(self.rows):
            left = 0
            bottom = top + copies * size
            for j, (repeats, width) in enumerate(self.columns):
                right = left + repeats * width
                basis = self.get_buffer(f"basis{i}_{j}").cpu()
                block = kernel[top:bottom, :, left:right].reshape(copies, size, -1, repeats, width)
                weight = torch.einsum("tausb,kaub->tsk", block, basis)
                spanned = torch.einsum("tsk,kaub->tausb", weight, basis)
                found[top:bottom, :, left:right] = spanned.reshape(bottom - top, -1, right - left)
                left = right
            top = bottom
        return found

    def forward(self) -> Tensor:
        """Shape (target.size, source.size, side, side), in torch's channels_last format."""
        rows = []
        start = 0
        for i, (copies, size) in enumerate(self.rows):
            row = []
            for j, (repeats, width) in enumerate(self.columns):
                basis = self.get_buffer(f"basis{i}_{j}").to(self.weight.dtype)
                stop = start + copies * repeats * len(basis)
                block = self._combined(
                    self.weight[start:stop].unflatten(0, (copies * repeats, len(basis))), basis
                )
                block = block.view(copies, repeats, size, self.side**2, width).permute(
                    0, 2, 3, 1, 4
                )
                row.append(block.reshape(copies * size, self.side**2, repeats * width))
                start = stop
            rows.append(row[0] if len(row) == 1 else torch.cat(row, -1))
        kernel = rows[0] if len(rows) == 1 else torch.cat(rows)
        return kernel.unflatten(1, (self.side, self.side)).permute(0, 3, 1, 2)

    def _combined(self, weight: Tensor, basis: Tensor) -> Tensor:
        """Coefficients (pairs, basis) or (pairs, basis, pixels) -> kernels (pairs, out x pixels x
        in).
        """
        if self.relaxation is None:
            return weight @ basis.flatten(1)
        return torch.einsum("nku,kaub->naub", weight, basis)


class FieldActivation(nn.Module):
    """A nonlinearity that commutes with any fibre.

    Atoms that permute their channels take a pointwise one. Of any other atom the direction is kept
    and the length
    changed: "gated", times the sigmoid of an invariant channel of its own (Weiler et al. 2018, "3D
    steerable CNNs", section 4.4), or "norm", relu(length - threshold) with a learnt threshold
    (Worrall et al. 2017, "Harmonic networks", section 4.2).

    Args:
        fibre: of the features.
        activation: name in torch.nn.functional, or "tanh".
        vectors: what happens to atoms that do not permute their channels.
    """

    def __init__(self, fibre: Representation, activation: str, vectors: Vectors) -> None:
        super().__init__()
        self.blocks = [
            (copies, atom.size, atom.kind == "permutation") for copies, atom in fibre.blocks
        ]
        self.size = fibre.size
        self.activation = activation
        learnt = thresholds(fibre, vectors)
        self.threshold = nn.Parameter(torch.full((learnt,), 0.1)) if learnt else None
        self.pointwise = fibre.kind == "permutation"

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels and gates) -> (..., channels)."""
        if self.pointwise:
            return activate(self.activation, x)
        parts = []
        start = 0
        first = 0
        for copies, size, permutes in self.blocks:
            part = x[..., start : start + copies * size]
            if permutes:
                parts.append(activate(self.activation, part))
            else:
                each = part.unflatten(-1, (copies, size))
                parts.append(
                    (each * self._factor(each, x, first, copies).unsqueeze(-1)).flatten(-2)
                )
                first += copies
            start += copies * size
        return torch.cat(parts, -1)

    def _factor(self, each: Tensor, x: Tensor, first: int, copies: int) -> Tensor:
        """What each vector is multiplied by, (..., copies)."""
        if self.threshold is None:
            return torch.sigmoid(x[..., self.size + first : self.size + first + copies])
        length = (each.square().sum(-1) + 1e-12).sqrt()
        return nn.functional.relu(length - self.threshold[first : first + copies]) / length


class SteerableConv(Expandable[tuple[Tensor, Tensor | None]]):
    """A steerable convolution of a picture, a nonlinearity, and blurred pooling where asked for.

    Law: conv(g.x) = g.conv(x); up to the interpolation error of smooth pictures where g turns a
        plane between pixels.

    Args:
        target: (grid or plane of what is left) x fields.
        source: (grid or plane) x fields.
        sampling: windows of the convolution.
        activation: for fields that permute their channels, see FieldActivation.
        vectors: for the others.
        pool: whether to blur and keep every second pixel.
        relaxation: see SteerableKernel; the bias stays tied.
    """

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        sampling: Sampling,
        activation: str = "relu",
        vectors: Vectors = "gated",
        pool: bool = False,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        self.grid = source.base.shape
        self.stride = sampling.stride
        self.padding = sampling.padding
        fibre = with_gates(target.fibre, vectors)
        self.kernel = SteerableKernel(fibre, source.fibre, sampling.kernel, 2**0.5, relaxation)
        shift = bias(vector(fibre))
        one = vector(trivial(fibre.group))
        self.bias = TiedMatrix(vector(fibre), one, 0.1, shift) if shift.weights else None
        self.activation = FieldActivation(target.fibre, activation, vectors)
        self.pool = Blur(tuple(map(sampling.count, source.base.shape))) if pool else None
        self.disc = Disc(target.base) if target.base.kind == "plane" else None

    def expand(self) -> tuple[Tensor, Tensor | None]:
        """The filter and the bias as plain tensors."""
        return self.kernel(), None if self.bias is None else self.bias().squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, fewer pixels, channels of the target)."""
        kernel, shift = self.expansion()
        picture = x.reshape(-1, *self.grid, x.shape[-1]).permute(
            0, 3, 1, 2
        )  # channels_last: nothing is copied
        y = nn.functional.conv2d(picture, kernel, shift, self.stride, self.padding)
        y = self.activation(y.permute(0, 2, 3, 1))
        y = y if self.pool is None else self.pool(y)
        return y.flatten(1, 2) if self.disc is None else self.disc(y.flatten(1, 2))


class Blur(ExactBuffers):
    """Every second pixel of a picture blurred with binomial weights (Zhang 2019, "Making
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
    """Features inside the largest disc of a plane, fading at its edge: what turning cannot move out
    of the picture.

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
    return SteerableConv(
        operation.target,
        operation.source,
        operation.sampling,
        operation.activation,
        operation.vectors,
        operation.pool,
        operation.relaxation,
    )


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
