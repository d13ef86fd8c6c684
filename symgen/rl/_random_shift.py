"""Random shifts of images (Yarats et al. 2021, Image Augmentation Is All You Need,
arXiv:2004.13649, section 3.1).
"""

import torch
from torch import Tensor

from symgen.rl._storage import Observation, mapped


def shifted(observation: Observation, pad: int, generator: torch.Generator) -> Observation:
    """Every image of a batch moved by up to `pad` pixels, its border repeated.

    An image is a tensor [batch, row, column, channel]; its channels, so all frames of a stack, move
    together. Other observations stay as they are.
    """

    def moved(x: Tensor) -> Tensor:
        if x.dim() != 4:
            return x
        count, height, width, _ = x.shape
        # [2, batch, 1]: down and to the right
        by = torch.randint(-pad, pad + 1, (2, count, 1), generator=generator, device=x.device)
        rows = (torch.arange(height, device=x.device) + by[0]).clamp(0, height - 1)
        columns = (torch.arange(width, device=x.device) + by[1]).clamp(0, width - 1)
        image = torch.arange(count, device=x.device)
        return x[image[:, None, None], rows[:, :, None], columns[:, None, :]]

    return mapped(moved, observation)
