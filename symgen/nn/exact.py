"""Numbers that a cast of the network must not round."""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn


class ExactBuffers(nn.Module):
    """A module whose float64 buffers stay float64 whatever the network is cast to.

    Law: network.float().double() is as exact as it was; weights are rounded, tables and moments are not.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        kept = {name: x for name, x in self.named_buffers(recurse=False) if x.dtype == torch.float64}
        super()._apply(fn, recurse)
        for name, buffer in kept.items():
            moved = getattr(self, name)
            if moved.dtype != torch.float64:
                setattr(self, name, buffer.to(moved.device))
        return self
