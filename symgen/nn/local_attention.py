"""Local attention: a small transformer on the window around every patch, with shared weights.

Weissenbacher et al. 2024, section 4 and figure 10: rotating the whole image permutes the windows
and rotates inside each of them. The pixels of a window stay a field that the group moves, and reach
the patch by an equivariant map, so that both laws hold exactly; flattened into channels they would
be inert.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import vector
from symgen.algebra.windows import windows
from symgen.nn.build import built, module
from symgen.nn.embedding import JoinToken, Nonlinear
from symgen.nn.norm import FieldNorm
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import local_attention as operations


class LocalAttention(nn.Module):
    """Windows of pixels -> one place per patch.

    Args:
        operation: what it computes.
    """

    index: Tensor

    def __init__(self, operation: operations.LocalAttention) -> None:
        super().__init__()
        relaxation = operation.relaxation
        window = operation.window
        fibre = vector(operation.target.fibre)
        # [patch, pixel of its window], -1 outside the image: reads the zeros that stand after it
        index = windows(operation.source.base, operation.size, operation.patch)
        self.patches, self.inside = index.shape
        self.overlaps_edge = bool((index < 0).any())
        self.register_buffer("index", torch.from_numpy(index.reshape(-1).copy()), persistent=False)
        reads_token = operation.readout != "patches"
        reads_pixels = operation.readout != "token"
        block = replace(operation.block, relaxation=relaxation)
        self.join = JoinToken(window) if reads_token else None
        self.blocks = nn.ModuleList(built(block) for _ in range(operation.layers))
        self.norm = FieldNorm(window)
        self.token = None
        self.slim = None
        self.pixels = None
        if reads_token:
            self.token = TiedLinear(fibre, vector(window.fibre), relaxation=relaxation)
        if reads_pixels:
            slim = operation.slim
            self.slim = Nonlinear(slim, (window,), "gelu", "place", relaxation=relaxation)
            self.pixels = TiedLinear(fibre, slim, bias=not reads_token, relaxation=relaxation)

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
    return LocalAttention(operation)
