"""Local attention: a small transformer on the window around every patch, with shared weights.

Weissenbacher et al. 2024, section 4 and figure 10: turning the whole picture permutes the windows
and turns inside each of them. The pixels of a window stay a field that the group moves, and reach
the patch by an equivariant map, so that both laws hold exactly; flattened into channels they would
be inert.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.windows import windows
from symgen.nn.build import built, module
from symgen.nn.embedding import JoinToken, Nonlinear
from symgen.nn.norm import FieldNorm
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import attention
from symgen.operations import local_attention as operations

Readout = Literal["token", "patches", "both"]


class LocalAttention(nn.Module):
    """Windows of pixels -> one place per patch.

    Args:
        target: (patch grid) x hidden fibre.
        window: (grid of the pixels in a window) x local fibre.
        slim: the same grid x the few channels per pixel that the readout "patches" keeps.
        index: the pixels of each window, shape (patches, pixels in a window), -1 outside the
            picture.
        block: what each block of attention computes.
        layers: number of blocks.
        readout: what becomes of a window: its token, its pixels ("patches", as in the paper), or
            both, added up.
        relaxation: how the maps of the readout may break the symmetry, see TiedLinear.
    """

    index: Tensor

    def __init__(
        self,
        target: FieldType,
        window: FieldType,
        slim: FieldType,
        index: np.ndarray,
        block: attention.GraphAttention,
        layers: int = 1,
        readout: Readout = "token",
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        self.patches, self.inside = index.shape
        # -1 reads the row of zeros that stands after the picture
        self.overlaps_edge = bool((index < 0).any())
        self.register_buffer("index", torch.from_numpy(index.reshape(-1).copy()), persistent=False)
        self.join = JoinToken(window) if readout != "patches" else None
        self.blocks = nn.ModuleList(built(block) for _ in range(layers))
        self.norm = FieldNorm(window)
        fibre = vector(target.fibre)
        self.token = (
            TiedLinear(fibre, vector(window.fibre), relaxation=relaxation)
            if readout != "patches"
            else None
        )
        self.slim = (
            Nonlinear(slim, (window,), "gelu", "place", relaxation=relaxation)
            if readout != "token"
            else None
        )
        self.pixels = (
            TiedLinear(fibre, slim, bias=readout == "patches", relaxation=relaxation)
            if readout != "token"
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, local channels) -> (batch, patches, channels)."""
        batch = x.shape[0]
        x = nn.functional.pad(x, (0, 0, 0, 1)) if self.overlaps_edge else x
        index = self.index.remainder(x.shape[1])
        x = x.index_select(1, index).view(batch * self.patches, self.inside, x.shape[-1])
        x = x if self.join is None else self.join(x)
        for block in self.blocks:
            x = block(x)
        return self._read(self.norm(x)).view(batch, self.patches, -1)

    def _read(self, x: Tensor) -> Tensor:
        """(batch x patches, places, local channels) -> (batch x patches, 1, channels)."""
        parts = []
        if self.token is not None:
            parts.append(self.token(x[:, :1]))
        if self.slim is not None and self.pixels is not None:
            parts.append(self.pixels(self.slim(x[:, -self.inside :])))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


@module.register
def _(operation: operations.LocalAttention) -> LocalAttention:
    block = replace(operation.block, relaxation=operation.relaxation)
    return LocalAttention(
        operation.target,
        operation.window,
        operation.slim,
        windows(operation.source.base, operation.size, operation.patch),
        block,
        operation.layers,
        operation.readout,
        operation.relaxation,
    )
