"""softmax(Q K^T) V over few places, written out so that a CPU is quick: the scores never leave the cache.

Features stand channel by channel, (batch, heads, channels, places): heads have few channels, and a product of a flat
matrix with a square one runs up to three times as fast as one with a narrow matrix. With E = 2^(scores - maximum) the
output is (V E^T) / sum(E), where the sum comes as one more row of V, so that nothing the size of the scores is divided.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from symgen.nn.triangle import mixed, mixed_backward

LOG2_E = math.log2(math.e)
IN_CACHE = 262_144
"""How many scores are worked on at a time."""


def attend(q: Tensor, k: Tensor, v: Tensor, symmetrise: bool, mixing: tuple[Tensor, Tensor, Tensor] | None) -> Tensor:
    """softmax(M) V with M = Q K^T, or M + M^T, or the triangles of that.

    Args:
        q: queries, scaled already, shape (batch, heads, channels, places).
        k: keys, likewise.
        v: values, likewise.
        symmetrise: add the transpose; M + M^T = [Q K][K Q]^T.
        mixing: weights (heads, 3, pairs) and the tables jk and ki of one triangle layer; None for none.

    Returns:
        (batch, heads, channels, places).
    """
    left, right = (torch.cat([q, k], 2), torch.cat([k, q], 2)) if symmetrise else (q, k)
    if torch.compiler.is_compiling():  # a compiled graph fits every batch size, and holds torch's own operations alone
        scores = torch.matmul(left.transpose(-1, -2), right)
        if mixing is not None:
            scores = mixed(scores.flatten(2), None, None, *mixing).view_as(scores)
        return torch.matmul(v, torch.softmax(scores, -1).transpose(-1, -2))
    size = max(1, IN_CACHE // (q.shape[1] * q.shape[3] ** 2)) if q.device.type == "cpu" else len(q)
    weights, jk, ki = (None, None, None) if mixing is None else mixing
    # exp2 is four times as quick as exp
    out: Tensor = _Attend.apply(left.contiguous() * LOG2_E, right.contiguous(), v.contiguous(), weights, jk, ki, size)
    return out


class _Attend(torch.autograd.Function):
    """V E^T / sum(E) with E = 2^mixed(left^T right), a few samples at a time; E and the scores are kept."""

    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        v: Tensor,
        weights: Tensor | None,
        jk: Tensor | None,
        ki: Tensor | None,
        size: int,
    ) -> Tensor:
        batch, heads, channels, places = v.shape
        v = nn.functional.pad(v, (0, 0, 0, 1), value=1.0)
        out, powers = torch.empty_like(v), v.new_empty(batch, heads, places, places)
        scores = None if weights is None else torch.empty_like(powers)
        buffer = None if weights is None else v.new_empty(min(size, batch), heads, places**2)
        for piece in _pieces(batch, size):
            y = _matrices(powers[piece])
            x = y if scores is None else _matrices(scores[piece])
            torch.bmm(_matrices(left[piece]).transpose(1, 2), _matrices(right[piece]), out=x)
            if not (buffer is None or weights is None or jk is None or ki is None):
                x, flat = x.view(-1, heads, places**2), y.view(-1, heads, places**2)
                mixed(x, flat, buffer[: len(x)], weights, jk, ki)
            y.sub_(y.amax(-1, keepdim=True)).exp2_()
            torch.bmm(_matrices(v[piece]), y.transpose(1, 2), out=_matrices(out[piece]))
        out, total = out[:, :, :channels], out[:, :, channels:]
        out = out / total
        ctx.size = size
        ctx.save_for_backward(left, right, v, weights, jk, ki, out, total, powers, scores)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        left, right, v, weights, jk, ki, out, total, powers, scores = ctx.saved_tensors
        batch, heads, _, places = out.shape
        grad = grad.contiguous() / total
        # of E's exponent: log(2) E (V^T grad - sum(grad out)), all by one product
        slope = torch.cat([grad, -(grad * out).sum(2, keepdim=True)], 2).mul_(math.log(2.0))
        to_left, to_right, to_v = torch.empty_like(left), torch.empty_like(right), torch.empty_like(grad)
        to_weights = None if weights is None else torch.zeros_like(weights)
        buffers = powers.new_empty(1 if weights is None else 3, min(ctx.size, batch) * heads, places, places)
        for piece in _pieces(batch, ctx.size):
            power = _matrices(powers[piece])
            to_y, *spare = buffers[:, : len(power)]
            torch.bmm(_matrices(grad[piece]), power, out=_matrices(to_v[piece]))
            torch.bmm(_matrices(slope[piece]).transpose(1, 2), _matrices(v[piece]), out=to_y).mul_(power)
            if to_weights is not None:
                flat, x, to_x, buffer = (z.view(-1, heads, places**2) for z in (to_y, scores[piece], *spare))
                to_y = mixed_backward(flat, x, to_x, buffer, weights, jk, ki, to_weights).view_as(to_y)
            torch.bmm(_matrices(right[piece]), to_y.transpose(1, 2), out=_matrices(to_left[piece]))
            torch.bmm(_matrices(left[piece]), to_y, out=_matrices(to_right[piece]))
        return to_left, to_right, to_v, to_weights, None, None, None


def _pieces(batch: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, batch, size)]


def _matrices(x: Tensor) -> Tensor:
    """(batch, heads, channels, places) -> (batch x heads, channels, places), the same memory."""
    return x.view(-1, x.shape[2], x.shape[3])
