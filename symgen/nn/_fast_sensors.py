"""Long short-term memory at every place through a sequence, with a backward pass over time written
by hand.

A cell of few channels at many places is a chain of small kernels, whose cost is their number. Gates
lie here as (gate and channel, environment and place): a gate is a block of rows, so that one kernel
serves several gates, and what does not depend on the step after it is computed for all steps at
once. The same numbers as the cell step by step, up to rounding.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = ["ORDER", "lstm_through"]

ORDER = (3, 0, 1, 2)
"""Output, input, forget, candidate: three sigmoids stand together, and so do those that c needs."""


def lstm_through(
    rows: Tensor, recall: Tensor, memory: Tensor, starts: Tensor
) -> tuple[Tensor, Tensor]:
    """A sequence of steps of nn.sensors.PlaceLSTM.

    Args:
        rows: what the inputs give to the gates, with the biases: [step, gate and channel,
            environment and place], gates in ORDER.
        recall: U, (gate and channel, channel), gates in ORDER.
        memory: before the first step, [environment, place, h and c].
        starts: [step, environment], where the memory is zero before the step.

    Returns:
        The outputs, [step and environment, place, channel], and the memory after the last step.
    """
    steps, envs = starts.shape
    places = memory.shape[1]
    channels = recall.shape[1]
    before = memory.flatten(0, 1).t()
    begins = starts.to(rows.device).repeat_interleave(places, 1)
    h, c = _Through.apply(
        rows,
        recall,
        before[:channels].contiguous(),
        before[channels:].contiguous(),
        begins.unsqueeze(1),
    )
    outputs = h.transpose(1, 2).reshape(steps * envs, places, channels)
    after = torch.cat([h[-1], c], 0).t().reshape(envs, places, 2 * channels)
    return outputs, after


class _Through(torch.autograd.Function):
    """(gates, U, h, c, starts) -> (h of every step, the last c)."""

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, recall: Tensor, h: Tensor, c: Tensor, begins: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps = len(gates)
        size = len(h)
        acts = torch.empty_like(gates)
        earlier_h = gates.new_empty(steps, *h.shape)
        earlier_c = torch.empty_like(earlier_h)
        bounded = torch.empty_like(earlier_h)  # tanh(c)
        results = torch.empty_like(earlier_h)
        zero = gates.new_zeros(())  # not a product: what is no number is forgotten, too
        for t in range(steps):
            torch.where(begins[t], zero, h, out=earlier_h[t])
            torch.where(begins[t], zero, c, out=earlier_c[t])
            act = torch.addmm(gates[t], recall, earlier_h[t], out=acts[t])
            act[: 3 * size].sigmoid_()
            act[3 * size :].tanh_()
            o, i, f, candidate = act.view(4, size, -1)
            c = torch.addcmul(f * earlier_c[t], i, candidate)
            torch.tanh(c, out=bounded[t])
            h = torch.mul(o, bounded[t], out=results[t])
        ctx.save_for_backward(recall, acts, earlier_h, earlier_c, bounded, begins)
        return results, c

    @staticmethod
    def backward(ctx: Any, d_results: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        recall, acts, earlier_h, earlier_c, bounded, begins = ctx.saved_tensors
        steps, size, width = earlier_h.shape
        gate = acts.view(steps, 4, size, width)
        o, i, f, candidate = gate.unbind(1)
        slope = gate[:, :3] * (1 - gate[:, :3])
        # derivatives of h by o's gate and by c, and of c by the gates of i, f and the candidate
        by_o = bounded * slope[:, 0]
        by_c = o * (1 - bounded.square())
        of_c = torch.stack(
            [candidate * slope[:, 1], earlier_c * slope[:, 2], i * (1 - candidate.square())], 1
        )
        d_gates = torch.empty_like(gate)
        back = recall.t().contiguous()
        d_h = torch.zeros_like(earlier_h[0])
        going_on = ~begins
        for t in range(steps - 1, -1, -1):
            d_h = d_h + d_results[t]
            torch.mul(d_h, by_o[t], out=d_gates[t, 0])
            d_c = torch.addcmul(d_c, d_h, by_c[t])
            torch.mul(d_c, of_c[t], out=d_gates[t, 1:])
            d_h = (back @ d_gates[t].view(4 * size, width)) * going_on[t]
            d_c = d_c * f[t] * going_on[t]
        flat = d_gates.view(steps, 4 * size, width)
        d_recall = torch.bmm(flat, earlier_h.transpose(1, 2)).sum(0)
        return flat, d_recall, d_h, d_c, None
