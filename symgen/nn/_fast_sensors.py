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
    h, c, _ = _Through.apply(
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
    """(gates, U, h, c, starts) -> (h of every step, the last c, what became of the gates).

    Every step works on blocks that fit the cache, and in place where it can: the gates are
    overwritten by their activations.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, recall: Tensor, h: Tensor, c: Tensor, begins: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.mark_dirty(gates)
        ctx.set_materialize_grads(False)
        size = len(h)
        results = gates.new_empty(len(gates), *h.shape)
        cells = torch.empty_like(results)
        bounded = torch.empty_like(results)  # tanh(c)
        first = (h, c)
        starting = begins.flatten(1).any(1).tolist()
        for t, starts in enumerate(starting):
            if starts:
                h = h.masked_fill(begins[t], 0.0)
                c = c.masked_fill(begins[t], 0.0)
            act = gates[t].addmm_(recall, h)
            act[: 3 * size].sigmoid_()
            act[3 * size :].tanh_()
            o, i, f, candidate = act.view(4, size, -1)
            c = torch.mul(f, c, out=cells[t]).addcmul_(i, candidate)
            torch.tanh(c, out=bounded[t])
            h = torch.mul(o, bounded[t], out=results[t])
        ctx.starting = starting
        ctx.save_for_backward(recall, gates, results, cells, bounded, begins, *first)
        return results, c.clone(), gates

    @staticmethod
    def backward(
        ctx: Any, d_results: Tensor | None, d_last: Tensor | None, _: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        recall, gates, results, cells, bounded, begins, *first = ctx.saved_tensors
        steps, size, width = results.shape
        sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
        tanh_backward = torch.ops.aten.tanh_backward.grad_input
        d_gates = torch.empty_like(gates)
        d_recall = torch.zeros_like(recall)
        d_h = torch.zeros_like(results[0])
        d_c = torch.zeros_like(d_h) if d_last is None else d_last.clone()
        through = torch.empty_like(d_h)
        back = recall.t().contiguous()
        for t in range(steps - 1, -1, -1):
            h, c = (results[t - 1], cells[t - 1]) if t else first
            if ctx.starting[t]:
                h = h.masked_fill(begins[t], 0.0)
                c = c.masked_fill(begins[t], 0.0)
            o, i, f, candidate = gates[t].view(4, size, width)
            if d_results is not None:
                d_h.add_(d_results[t])
            torch.mul(d_h, o, out=through)
            d_c.add_(tanh_backward(through, bounded[t], grad_input=through))
            d_gate = d_gates[t].view(4, size, width)
            torch.mul(d_h, bounded[t], out=d_gate[0])
            torch.mul(d_c, candidate, out=d_gate[1])
            torch.mul(d_c, c, out=d_gate[2])
            torch.mul(d_c, i, out=d_gate[3])
            acts = gates[t].view(4, size, width)
            sigmoid_backward(d_gate[:3], acts[:3], grad_input=d_gate[:3])
            tanh_backward(d_gate[3], candidate, grad_input=d_gate[3])
            d_recall.addmm_(d_gates[t], h.t())
            torch.mm(back, d_gates[t], out=d_h)
            d_c.mul_(f)
            if ctx.starting[t]:
                d_h.masked_fill_(begins[t], 0.0)
                d_c.masked_fill_(begins[t], 0.0)
        return d_gates, d_recall, d_h, d_c, None
