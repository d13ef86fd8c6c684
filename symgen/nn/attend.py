"""softmax(Q K^T) V over few places, written out so that a CPU is quick: the scores never leave the
cache.

Features stand channel by channel, (batch, heads, channels, places): heads have few channels, and a
product of a flat matrix with a square one runs up to three times as fast as one with a narrow
matrix. With E = 2^(scores - maximum) the output is (V E^T) / sum(E), where the sum comes as one
more row of V, so that nothing the size of the scores is divided.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import has_torch_function

from symgen.nn.triangle import Mixing, mix, mix_backward

LOG2_E = math.log2(math.e)
IN_CACHE = 262_144
"""How many scores are worked on at a time."""


def attend(
    q: Tensor, k: Tensor, v: Tensor, symmetrise: bool, mixing: Mixing | None = None
) -> Tensor:
    """softmax(M) V with M = Q K^T, or M + M^T, or the triangles of that.

    Args:
        q: queries, scaled already, shape (batch, heads, channels, places).
        k: keys, likewise.
        v: values, likewise.
        symmetrise: add the transpose; M + M^T = [Q K][K Q]^T.
        mixing: of one triangle layer; None for none.

    Returns:
        (batch, heads, channels, places).
    """
    left, right = (torch.cat([q, k], 2), torch.cat([k, q], 2)) if symmetrise else (q, k)
    # torch's own operations alone, for a compiled graph, and where somebody listens to the
    # attention
    if torch.compiler.is_compiling() or has_torch_function((q,)):
        scores = torch.matmul(left.transpose(-1, -2), right)
        scores = scores if mixing is None else mix(scores.flatten(2), mixing).view_as(scores)
        return torch.matmul(v, torch.softmax(scores, -1).transpose(-1, -2))
    # exp2 is four times as quick as exp
    left, right, v = left.contiguous() * LOG2_E, right.contiguous(), v.contiguous()
    out: Tensor = _Attend.apply(
        left, right, v, *(mixing or (None, None, None)), torch.is_grad_enabled()
    )
    return out


class _Attend(torch.autograd.Function):
    """V E^T / sum(E) with E = 2^mix(left^T right), a few samples at a time; E and the scores are
    kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        v: Tensor,
        weights: Tensor | None,
        jk: Any,
        ki: Any,
        keep: bool,
    ) -> Tensor:
        batch, heads, channels, places = v.shape
        v = nn.functional.pad(v, (0, 0, 0, 1), value=1.0)
        out = torch.empty_like(v)
        pieces = _pieces(v)
        # where nothing is kept, the same memory serves every piece
        powers = v.new_empty(batch if keep else len(v[pieces[0]]), heads, places, places)
        scores = powers if weights is None else torch.empty_like(powers)
        spare = None if weights is None else torch.empty_like(powers[pieces[0]])
        for piece in pieces:
            x, y = (each[piece] if keep else each[: len(v[piece])] for each in (scores, powers))
            torch.bmm(
                _matrices(left[piece]).transpose(1, 2), _matrices(right[piece]), out=_matrices(x)
            )
            if weights is not None and spare is not None:
                mix(x.flatten(2), Mixing(weights, jk, ki), y.flatten(2), spare[: len(x)].flatten(2))
            y.sub_(y.amax(-1, keepdim=True)).exp2_()
            torch.bmm(_matrices(v[piece]), _matrices(y).transpose(1, 2), out=_matrices(out[piece]))
        out, total = out[:, :, :channels], out[:, :, channels:]
        out = out / total
        if keep:
            ctx.save_for_backward(left, right, v, weights, jk, ki, out, total, powers, scores)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, v, weights, jk, ki, out, total, powers, scores = ctx.saved_tensors
        grad = grad.contiguous() / total
        # of E's exponent: log(2) E (V^T grad - sum(grad out)), all by one product
        slope = torch.cat([grad, -(grad * out).sum(2, keepdim=True)], 2).mul_(math.log(2.0))
        to_left = torch.empty_like(left)
        to_right = torch.empty_like(right)
        to_v = torch.empty_like(grad)
        to_weights = None if weights is None else torch.zeros_like(weights)
        pieces = _pieces(v)
        buffers = v.new_empty(1 if weights is None else 3, *powers[pieces[0]].shape)
        for piece in pieces:
            power = powers[piece]
            to_y, *spare = buffers[:, : len(power)]
            torch.bmm(_matrices(grad[piece]), _matrices(power), out=_matrices(to_v[piece]))
            torch.bmm(
                _matrices(slope[piece]).transpose(1, 2), _matrices(v[piece]), out=_matrices(to_y)
            )
            to_y.mul_(power)
            if to_weights is not None:
                flat = (each.flatten(2) for each in spare)
                mixing = Mixing(weights, jk, ki)
                to_x = mix_backward(
                    to_y.flatten(2), scores[piece].flatten(2), mixing, to_weights, *flat
                )
                to_y = to_x.view_as(to_y)
            torch.bmm(
                _matrices(right[piece]),
                _matrices(to_y).transpose(1, 2),
                out=_matrices(to_left[piece]),
            )
            torch.bmm(_matrices(left[piece]), _matrices(to_y), out=_matrices(to_right[piece]))
        return to_left, to_right, to_v, to_weights, None, None, None


def _pieces(v: Tensor) -> list[slice]:
    """A few samples at a time, as many as a processor's cache holds the scores of."""
    batch, heads, _, places = v.shape
    size = max(1, IN_CACHE // (heads * places**2)) if v.device.type == "cpu" else batch
    return [slice(start, start + size) for start in range(0, batch, size)]


def _matrices(x: Tensor) -> Tensor:
    """(batch, heads, rows, columns) -> (batch x heads, rows, columns), the same memory."""
    return x.view(-1, x.shape[2], x.shape[3])
