"""Numbers that a cast of the network must not round."""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from symgen.nn.device import widest


class ExactBuffers(nn.Module):
    """A module whose float64 buffers stay float64 whatever the network is cast to.

    Law: network.float().double() is as exact as it was; weights are rounded, tables and moments are
    not. A device that has no float64 gets float32.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        kept = {
            name: x for name, x in self.named_buffers(recurse=False) if x.dtype == torch.float64
        }
        longest = widest(fn(torch.zeros(())).device)
        for name, buffer in kept.items():
            setattr(self, name, buffer.to(longest))  # before it goes there
        super()._apply(fn, recurse)
        for name, buffer in kept.items():
            moved = getattr(self, name)
            if moved.dtype != longest:
                setattr(self, name, buffer.to(moved.device, longest))
        return self
