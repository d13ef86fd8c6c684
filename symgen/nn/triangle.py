"""The triangle layer of SiT: scores of a pair mixed with those of the two other sides of a
triangle, eq. 4.

Weissenbacher et al. 2024: Gamma_rot[i,j] = Theta[i->j->k] Gamma[i,j] + Theta[j->k->i] Gamma[j,k] +
Theta[k->i->j] Gamma[k,i]. The third vertex k is found by a right turn, so a mirror changes the
layer and a turn does not.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.triangles import Triangles
from symgen.nn.expandable import Expandable


class Mixing(NamedTuple):
    """What one layer multiplies and gathers, for the scores of n places.

    Args:
        weights: of the terms ij, jk and ki, shape (heads, 3, n * n).
        jk: index of the pair (j, k) among the n * n scores, shape (n * n,).
        ki: index of the pair (k, i).
    """

    weights: Tensor
    jk: Tensor
    ki: Tensor


class TriangleLayer(Expandable[list[Mixing]]):
    """Mix the scores of every pair of places with those of its triangle; weights per head and
    angle.

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
        for name, table in _tables(triangles, tokens).items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        self.tokens = tokens
        self.theta = nn.Parameter(torch.empty(layers, heads, triangles.label_count).uniform_(-1, 1))

    def expand(self) -> list[Mixing]:
        """What each layer multiplies and gathers."""
        return [self._mixing(theta) for theta in self.theta.unbind(0)]

    def _mixing(self, theta: Tensor) -> Mixing:
        # two weights more: of a pair without a triangle, whose three terms are the pair itself; and
        # of a token's pair
        one = torch.ones_like(theta[:, :1])
        weights = torch.cat([theta, 3 * theta[:, :1], one, torch.zeros_like(one)], 1)
        # the way back of gather is quicker than that of index_select
        weights = weights.gather(1, self.labels.expand(len(theta), -1))
        return Mixing(weights.view(len(theta), 3, -1), self.jk, self.ki)

    def weights(self) -> list[Mixing]:
        """As `expand`, or what is held of it meanwhile."""
        return self.expand() if self._expanded is None else self._expanded

    def forward(self, scores: Tensor, layers: list[Mixing] | None = None) -> Tensor:
        """(batch, heads, i, j) -> the same shape; `layers` from `weights()`, where they are at
        hand.
        """
        first, *others = self.weights() if layers is None else layers
        mixed = _apply(scores, first)
        for layer in others:
            again = _apply(nn.functional.gelu(mixed), layer) - mixed
            mixed = torch.where(self.graph_pairs, again, mixed) if self.tokens else again
        return mixed


def _tables(triangles: Triangles, tokens: int) -> dict[str, np.ndarray]:
    """The buffers of TriangleLayer; three labels more, see TriangleLayer.expand."""
    places = triangles.degenerate.shape[0]
    count = triangles.label_count
    full = places + tokens
    inner = slice(tokens, None)
    real = ~triangles.degenerate
    labels = np.stack([np.full((full, full), count + extra) for extra in (1, 2, 2)])
    terms = (triangles.labels_ij, triangles.labels_jk, triangles.labels_ki)
    for table, term, otherwise in zip(labels, terms, (count, count + 2, count + 2), strict=True):
        table[inner, inner] = np.where(real, term, otherwise)
    itself = np.arange(full**2).reshape(full, full)
    indices = {"jk": itself.copy(), "ki": itself.copy()}
    for name, table in indices.items():
        first, second = np.divmod(getattr(triangles, name).reshape(places, places), places)
        table[inner, inner] = np.where(
            real, itself[tokens + first, tokens + second], itself[inner, inner]
        )
    graph_pairs = np.zeros((full, full), dtype=bool)
    graph_pairs[inner, inner] = True
    flat = {name: table.reshape(-1) for name, table in {"labels": labels, **indices}.items()}
    return {**flat, "graph_pairs": graph_pairs}


def mix(
    x: Tensor, mixing: Mixing, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """y[b,h,p] = w[h,0,p] x[b,h,p] + w[h,1,p] x[b,h,jk[p]] + w[h,2,p] x[b,h,ki[p]], in `out` if
    given.

    Args:
        x: scores, shape (batch, heads, pairs).
        mixing: what is multiplied and gathered.
        out: tensor of that shape for the result.
        spare: another one to work in.
    """
    y = torch.mul(x, mixing.weights[:, 0], out=out)
    for term, index in ((1, mixing.jk), (2, mixing.ki)):
        y.addcmul_(_gather(x, index, spare), mixing.weights[:, term])
    return y


def mix_backward(
    grad: Tensor, x: Tensor, mixing: Mixing, to_weights: Tensor, out: Tensor, spare: Tensor
) -> Tensor:
    """The gradient to x of `mix`, in `out`; that to the weights is added to `to_weights`."""
    torch.mul(grad, mixing.weights[:, 0], out=out)
    to_weights[:, 0] += torch.mul(grad, x, out=spare).sum(0)
    rows = out.view(-1, out.shape[-1])
    for term, index in ((1, mixing.jk), (2, mixing.ki)):
        torch.mul(grad, mixing.weights[:, term], out=spare)
        rows.scatter_add_(1, index.expand_as(rows), spare.view_as(rows))
        to_weights[:, term] += _gather(x, index, spare).mul_(grad).sum(0)
    return out


def _gather(x: Tensor, index: Tensor, spare: Tensor | None) -> Tensor:
    """x[..., index], in `spare` if given; on two axes, where torch gathers quickest."""
    rows = x.reshape(-1, x.shape[-1])
    return torch.index_select(
        rows, 1, index, out=None if spare is None else spare.view_as(rows)
    ).view(x.shape)


def _apply(x: Tensor, mixing: Mixing) -> Tensor:
    flat = x.flatten(2)
    # an exported graph holds torch's own operations alone
    mixed: Tensor = (
        mix(flat, mixing) if torch.compiler.is_exporting() else _Mix.apply(flat, *mixing)
    )
    return mixed.view_as(x)


class _Mix(torch.autograd.Function):
    """`mix`, which keeps x alone for the way back and gathers again there: autograd would keep the
    gathered copies.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, jk: Tensor, ki: Tensor) -> Tensor:
        ctx.save_for_backward(x, weights, jk, ki)
        return mix(x, Mixing(weights, jk, ki))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weights, jk, ki = ctx.saved_tensors
        to_x = torch.empty_like(x)
        spare = torch.empty_like(x)
        to_weights = torch.zeros_like(weights)
        mix_backward(grad.contiguous(), x, Mixing(weights, jk, ki), to_weights, to_x, spare)
        return to_x, to_weights, None, None
