"""The triangle layer of SiT: scores of a pair mixed with those of the two other sides of a triangle, eq. 4.

Weissenbacher et al. 2024: Gamma_rot[i,j] = Theta[i->j->k] Gamma[i,j] + Theta[j->k->i] Gamma[j,k] + Theta[k->i->j]
Gamma[k,i]. The third vertex k is found by a right turn, so a mirror changes the layer and a turn does not.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.triangles import Triangles


class TriangleLayer(nn.Module):
    """Mix the scores of every pair of places with those of its triangle; weights per head and angle.

    Args:
        triangles: tables for the n places of the graph.
        heads: number of heads.
        tokens: number of places before those n; their rows and columns pass through.
        layers: 1, or 2 as in SiT*: the second is Theta_2(gelu(Gamma_rot)) - Gamma_rot.

    The weights start as U(-1, 1), so that the three terms together keep the variance of the scores.
    """

    jk: Tensor
    ki: Tensor
    labels: Tensor
    graph_pairs: Tensor

    def __init__(self, triangles: Triangles, heads: int, tokens: int = 0, layers: int = 1) -> None:
        super().__init__()
        places = triangles.degenerate.shape[0]
        full = places + tokens
        grid = np.arange(full**2).reshape(full, full)
        inner = grid[tokens:, tokens:]
        for name, table in (("jk", triangles.jk), ("ki", triangles.ki)):
            index = grid.copy()
            index[tokens:, tokens:] = inner.reshape(-1)[table].reshape(places, places)
            self.register_buffer(name, torch.from_numpy(index.reshape(-1)), persistent=False)
        labels = np.zeros((3, full, full), dtype=np.int64)
        labels[:, tokens:, tokens:] = np.stack([triangles.labels_ij, triangles.labels_jk, triangles.labels_ki])
        self.register_buffer("labels", torch.from_numpy(labels.reshape(-1)), persistent=False)
        graph_pairs = np.zeros((full, full), dtype=bool)
        graph_pairs[tokens:, tokens:] = True
        self.register_buffer("graph_pairs", torch.from_numpy(graph_pairs.reshape(-1)), persistent=False)
        self.tokens = tokens
        self.theta = nn.Parameter(torch.empty(layers, heads, triangles.label_count).uniform_(-1, 1))
        self._expanded: Tensor | None = None

    def expand(self) -> Tensor:
        """Weights of the terms ij, jk and ki of each layer, shape (layers, heads, 3, pairs)."""
        layers, heads, count = self.theta.shape
        weights = self.theta.view(-1, count).index_select(1, self.labels).view(layers, heads, 3, -1)
        if not self.tokens:
            return weights
        through = torch.tensor([1.0, 0.0, 0.0], dtype=weights.dtype, device=weights.device).view(3, 1)
        return torch.where(self.graph_pairs, weights, through)

    def weights(self) -> Tensor:
        """As `expand`, or what is held of it meanwhile."""
        return self.expand() if self._expanded is None else self._expanded

    def forward(self, scores: Tensor, weights: Tensor | None = None) -> Tensor:
        """(batch, heads, places, places) -> the same shape; `weights` from `weights()`, where they are at hand."""
        weights = self.weights() if weights is None else weights
        flat = scores.flatten(2)
        mixed = self._mix(flat, weights[0])
        for layer in range(1, weights.shape[0]):
            again = self._mix(nn.functional.gelu(mixed), weights[layer]) - mixed
            mixed = torch.where(self.graph_pairs, again, mixed) if self.tokens else again
        return mixed.view_as(scores)

    def _mix(self, flat: Tensor, weights: Tensor) -> Tensor:
        # an exported graph holds torch's own operations alone
        if torch.compiler.is_exporting():
            return mixed(flat, None, None, weights, self.jk, self.ki)
        y: Tensor = _Mix.apply(flat, weights, self.jk, self.ki)
        return y


class _Mix(torch.autograd.Function):
    """y[b,h,p] = w[h,0,p] x[b,h,p] + w[h,1,p] x[b,h,jk[p]] + w[h,2,p] x[b,h,ki[p]].

    Keeps x alone for the way back and gathers again there: autograd would keep both gathered copies.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, jk: Tensor, ki: Tensor) -> Tensor:
        ctx.save_for_backward(x, weights, jk, ki)
        return mixed(x, None, None, weights, jk, ki)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weights, jk, ki = ctx.saved_tensors
        to_weights = torch.zeros_like(weights)
        buffers = torch.empty_like(x), torch.empty_like(x)
        return mixed_backward(grad.contiguous(), x, *buffers, weights, jk, ki, to_weights), to_weights, None, None


def mixed(x: Tensor, y: Tensor | None, buffer: Tensor | None, weights: Tensor, jk: Tensor, ki: Tensor) -> Tensor:
    """The formula of _Mix; x of shape (batch, heads, pairs), weights (heads, 3, pairs); in y and a buffer, if given."""
    y = torch.mul(x, weights[:, 0], out=y)
    for k, index in ((1, jk), (2, ki)):
        y.addcmul_(_gather(x, index, buffer), weights[:, k])
    return y


def mixed_backward(
    grad: Tensor, x: Tensor, to_x: Tensor, buffer: Tensor, weights: Tensor, jk: Tensor, ki: Tensor, to_weights: Tensor
) -> Tensor:
    """The gradient to x of `mixed`, in `to_x`; that to the weights is added to `to_weights`."""
    torch.mul(grad, weights[:, 0], out=to_x)
    to_weights[:, 0] += torch.mul(grad, x, out=buffer).sum(0)
    rows = to_x.view(-1, to_x.shape[-1])
    for k, index in ((1, jk), (2, ki)):
        torch.mul(grad, weights[:, k], out=buffer)
        rows.scatter_add_(1, index.expand_as(rows), buffer.view_as(rows))
        to_weights[:, k] += _gather(x, index, buffer).mul_(grad).sum(0)
    return to_x


def _gather(x: Tensor, index: Tensor, buffer: Tensor | None) -> Tensor:
    """x[..., index], in the buffer; on two axes, where torch gathers quickest."""
    rows = x.reshape(-1, x.shape[-1])
    return torch.index_select(rows, 1, index, out=None if buffer is None else buffer.view_as(rows)).view(x.shape)
