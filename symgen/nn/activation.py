"""Pointwise functions by the names that a spec calls them."""

import torch
from torch import Tensor, nn


def activate(name: str, x: Tensor) -> Tensor:
    """The pointwise function of that name, of torch.nn.functional or torch; "none" for x itself."""
    if name == "none":
        return x
    return torch.tanh(x) if name == "tanh" else getattr(nn.functional, name)(x)
