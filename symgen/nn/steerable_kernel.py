"""Steerable kernels: K = sum_b w_b K_b with the basis of `steerable.kernels` for each pair of fibre
atoms (Weiler & Cesa 2019, "General E(2)-equivariant steerable CNNs", section 2.3).
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra import base as bases
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import Representation
from symgen.algebra.steerable import exact_words, kernels
from symgen.nn.exact import ExactBuffers
from symgen.nn.symmetry_breaking import BrokenMaps


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
        for i, (copies, row) in enumerate(target.blocks):
            for j, (repeats, column) in enumerate(source.blocks):
                basis = torch.from_numpy(kernels(row, column, side))  # [basis, out, pixel, in]
                self.register_buffer(f"basis{i}_{j}", basis, persistent=False)
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
        nearest = torch.zeros_like(kernel)
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
                nearest[top:bottom, :, left:right] = spanned.reshape(bottom - top, -1, right - left)
                left = right
            top = bottom
        return nearest

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
