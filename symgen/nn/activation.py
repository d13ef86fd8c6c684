"""Pointwise functions by the names that a spec calls them."""

import torch
from torch import Tensor, nn


def activate(name: str, x: Tensor) -> Tensor:
    """The pointwise function of that name, of torch.nn.functional or torch; "none" for x itself."""
    if name == "none":
        return x
    return torch.tanh(x) if name == "tanh" else getattr(nn.functional, name)(x)


def symlog(x: Tensor) -> Tensor:
    """sign(x) log(1 + |x|), which keeps small numbers as they are and large ones apart (Hafner et
    al. 2023, Mastering Diverse Domains through World Models, arXiv:2301.04104, equation 9).
    """
    return torch.copysign(x.abs().log1p(), x)
