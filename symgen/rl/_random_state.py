"""The state of a random generator in a checkpoint, which each kind of device has in a form of its
own.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

NAME = "random"


def tensors(generator: torch.Generator) -> dict[str, Tensor]:
    """The state, under a name that tells the kind of device: "random", or "random.cuda"."""
    return {_name(generator): generator.get_state()}


def restore(generator: torch.Generator, saved: Mapping[str, Tensor], *seeds: int) -> None:
    """Take in what `tensors` gave; where it was saved on another kind of device, begin anew from
    `seeds`.

    Raises:
        KeyError: nothing was saved.
    """
    own = _name(generator)
    if own in saved:
        generator.set_state(saved[own])
    elif any(name.split(".")[0] == NAME for name in saved):
        generator.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
    else:
        raise KeyError(own)


def _name(generator: torch.Generator) -> str:
    return NAME if generator.device.type == "cpu" else f"{NAME}.{generator.device.type}"
