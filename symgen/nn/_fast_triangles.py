"""The sums over triangles of all pairs of places at once, in memory that the caller may lend.

On the way forward the scores alone are kept; autograd would keep the gathered copies, too.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx


class Mixing(NamedTuple):
    """What one layer multiplies and gathers, for the scores of n places.

    Args:
        weights: of the terms ij, jk and ki, shape (heads, 3, n * n).
        sides: index of the pairs (j, k) and (k, i) among the n * n scores, shape (2, n * n).
    """

    weights: Tensor
    sides: Tensor


def mixed_scores(scores: Tensor, mixing: Mixing) -> Tensor:
    """`mix` of (batch, heads, i, j), in the same shape, with a way back."""
    flat = scores.flatten(2)
    # an exported graph holds torch's own operations alone
    if torch.compiler.is_exporting():
        return mix(flat, mixing).view_as(scores)
    mixed: Tensor = _Mix.apply(flat, *mixing)
    return mixed.view_as(scores)


def mix(
    x: Tensor, mixing: Mixing, out: Tensor | None = None, spare: Tensor | None = None
) -> Tensor:
    """y[b,h,p] = w[h,0,p] x[b,h,p] + w[h,1,p] x[b,h,jk[p]] + w[h,2,p] x[b,h,ki[p]], in `out` if
    given, where jk and ki are the sides.

    Args:
        x: scores, shape (batch, heads, pairs).
        mixing: what is multiplied and gathered.
        out: tensor of that shape for the result.
        spare: another one to work in.
    """
    y = torch.mul(x, mixing.weights[:, 0], out=out)
    for term, index in enumerate(mixing.sides, 1):
        y.addcmul_(_gather(x, index, spare), mixing.weights[:, term])
    return y


def mix_backward(
    grad: Tensor, x: Tensor, mixing: Mixing, to_weights: Tensor, out: Tensor, spare: Tensor
) -> Tensor:
    """The gradient to x of `mix`, in `out`; that to the weights is added to `to_weights`."""
    torch.mul(grad, mixing.weights[:, 0], out=out)
    to_weights[:, 0] += torch.mul(grad, x, out=spare).sum(0)
    rows = out.view(-1, out.shape[-1])
    for term, index in enumerate(mixing.sides, 1):
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


class _Mix(torch.autograd.Function):
    """`mix`, which keeps x alone for the way back and gathers again there: autograd would keep the
    gathered copies.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weights: Tensor, sides: Tensor) -> Tensor:
        ctx.save_for_backward(x, weights, sides)
        return mix(x, Mixing(weights, sides))

    @staticmethod
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        x, weights, sides = saved
        to_x = torch.empty_like(x)
        spare = torch.empty_like(x)
        to_weights = torch.zeros_like(weights)
        mix_backward(grad.contiguous(), x, Mixing(weights, sides), to_weights, to_x, spare)
        return to_x, to_weights, None
