"""A step with memory, carried through a sequence."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symgen.nn._fast_expansion import held

__all__ = ["Cell", "carried"]


class Cell(nn.Module):
    """A module with memory that has a faster way through a sequence than step by step."""

    def through(
        self, rows: Sequence[Tensor], memory: Tensor, starts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As `carried`; nothing is held."""
        raise NotImplementedError


def carried(
    module: nn.Module, rows: Sequence[Tensor], memory: Tensor, starts: Tensor
) -> tuple[Tensor, Tensor]:
    """What a step with memory gives, flat over step x environment, and its memory afterwards.

    Args:
        module: called with its inputs and its memory; gives its output and the memory after it.
        rows: its inputs, each [step, environment, place, channel].
        memory: before the first step, [environment, place, channel].
        starts: [step, environment]: episodes begin there, so that the memory is zero before that
            step.
    """
    if isinstance(module, Cell) and not torch.compiler.is_compiling():
        with held(module):
            return module.through(rows, memory, starts)
    results = []
    zero = memory.new_zeros(())
    begins = starts.to(memory.device)[:, :, None, None]
    with held(module):  # its matrices are made once, not in every step
        for step in range(len(starts)):
            # `where`, and no product: what is no number before an episode is forgotten, too
            memory = torch.where(begins[step], zero, memory)
            result, memory = module(*[x[step] for x in rows], memory)
            results.append(result)
    return torch.cat(results), memory
