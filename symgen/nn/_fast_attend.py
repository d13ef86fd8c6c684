"""softmax(Q K^T) V over few places, written out so that a CPU is quick: the scores never leave the
cache.

Features stand channel by channel, (batch, heads, channels, places): heads have few channels, and a
product of a flat matrix with a square one runs up to three times as fast as one with a narrow
matrix. With E = 2^(scores - maximum) the output is (V E^T) / sum(E), where the sum comes as one
more row of V, so that nothing the size of the scores is divided.
"""

import math

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable
from torch.overrides import has_torch_function

from symgen.nn._fast_pieces import score_slices
from symgen.nn._fast_triangles import Mixing, mix, mix_backward

LOG2_E = math.log2(math.e)


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
    left = torch.cat([q, k], 2) if symmetrise else q
    right = torch.cat([k, q], 2) if symmetrise else k
    # torch's own operations alone, for a compiled graph, and where an attention recorder listens
    if torch.compiler.is_compiling() or has_torch_function((q,)):
        scores = torch.matmul(left.transpose(-1, -2), right)
        scores = scores if mixing is None else mix(scores.flatten(2), mixing).view_as(scores)
        return torch.matmul(v, torch.softmax(scores, -1).transpose(-1, -2))
    # exp2 is four times as quick as exp
    left = left.contiguous() * LOG2_E
    keep = torch.is_grad_enabled()
    out: Tensor = _Attend.apply(keep, left, right.contiguous(), v.contiguous(), *(mixing or ()))
    return out


class _Attend(torch.autograd.Function):
    """V E^T / sum(E) with E = 2^mix(left^T right), a few samples at a time; E and the scores are
    kept.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, keep: bool, left: Tensor, right: Tensor, v: Tensor, *tables: Tensor
    ) -> Tensor:
        batch, heads, channels, places = v.shape
        v = nn.functional.pad(v, (0, 0, 0, 1), value=1.0)
        out = torch.empty_like(v)
        slices = score_slices(v)
        mixing = Mixing(*tables) if tables else None
        # where nothing is kept, the same memory serves every piece
        samples = batch if keep else len(v[slices[0]])
        powers = v.new_empty(samples, heads, places, places)
        scores = powers if mixing is None else torch.empty_like(powers)
        spare = powers if mixing is None else torch.empty_like(powers[slices[0]])
        for piece in slices:
            here = piece if keep else slice(len(v[piece]))
            score = scores[here]
            power = powers[here]
            _product(left[piece].transpose(2, 3), right[piece], out=score)
            if mixing is not None:
                mix(score.flatten(2), mixing, power.flatten(2), spare[: len(score)].flatten(2))
            power.sub_(power.amax(-1, keepdim=True)).exp2_()
            _product(v[piece], power.transpose(2, 3), out=out[piece])
        total = out[:, :, channels:]
        out = out[:, :, :channels] / total
        if keep:
            ctx.save_for_backward(left, right, v, out, total, powers, scores, *tables)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad: Tensor) -> tuple[Tensor | None, ...]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        left, right, v, out, total, powers, scores, *tables = saved
        grad = grad.contiguous() / total
        # of E's exponent: log(2) E (V^T grad - sum(grad out)), all by one product
        slope = torch.cat([grad, -(grad * out).sum(2, keepdim=True)], 2).mul_(math.log(2.0))
        to_left = torch.empty_like(left)
        to_right = torch.empty_like(right)
        to_v = torch.empty_like(grad)
        mixing = Mixing(*tables) if tables else None
        to_weights = [] if mixing is None else [torch.zeros_like(mixing.weights)]
        slices = score_slices(v)
        buffers = v.new_empty(1 if mixing is None else 3, *powers[slices[0]].shape)
        for piece in slices:
            power = powers[piece]
            to_score, *spare = buffers[:, : len(power)]
            _product(grad[piece], power, out=to_v[piece])
            _product(slope[piece].transpose(2, 3), v[piece], out=to_score)
            to_score.mul_(power)
            if mixing is not None:
                to_mixed = to_score.flatten(2)
                score = scores[piece].flatten(2)
                lent = [buffer.flatten(2) for buffer in spare]
                unmixed = mix_backward(to_mixed, score, mixing, to_weights[0], *lent)
                to_score = unmixed.view_as(to_score)
            _product(right[piece], to_score.transpose(2, 3), out=to_left[piece])
            _product(left[piece], to_score, out=to_right[piece])
        return None, to_left, to_right, to_v, *to_weights, *(None for _ in tables[1:])


def _product(left: Tensor, right: Tensor, out: Tensor) -> None:
    """left @ right in `out`, each (batch, heads, rows, columns); none is copied."""
    torch.bmm(left.flatten(0, 1), right.flatten(0, 1), out=out.view(-1, *out.shape[2:]))
