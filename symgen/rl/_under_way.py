"""What a learner is in the middle of, in its checkpoint: environments, running episodes, memories.

Where all of it can be saved, a restored training goes on bit for bit. Where some of it cannot, none
of it is saved: the training goes on in fresh episodes, and its checkpoint says why.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from symgen.problem.algorithm import Scalars
from symgen.problem.resumable import Resumable, below, prefixed

__all__ = ["UnderWay", "fresh_episodes", "inexact"]

PREFIX = "under_way."
"""Of the tensors in a checkpoint."""
WHY = "fresh_episodes"
DEVICE = "device"
OLDER = "its checkpoint is of an older version of symgen, which did not save environments"


class UnderWay:
    """What is under way in a training.

    Args:
        device: of the network, whose random numbers are the learner's.
        parts: what it consists of.

    Attributes:
        begun: whether the environments have been reset, or gone on with.
    """

    def __init__(self, device: torch.device, **parts: Resumable) -> None:
        self.begun = False
        self._device = device.type
        self._parts = parts

    def tensors(self) -> dict[str, Tensor]:
        """The state of all parts; nothing where one of them cannot be saved."""
        result: dict[str, Tensor] = {}
        for name, part in self._parts.items() if self.begun else ():
            arrays = part.under_way()
            if isinstance(arrays, str):
                return {}
            for key, array in prefixed(f"{PREFIX}{name}.", arrays).items():
                result[key] = torch.from_numpy(np.asarray(array))
        return result

    def scalars(self) -> Scalars:
        """What `fresh_episodes` reads."""
        return {WHY: self._why(), DEVICE: self._device}

    def _why(self) -> str:
        """Why nothing can be saved; "" where all can."""
        if not self.begun:
            return "no episode had begun"
        states = (part.under_way() for part in self._parts.values())
        return next((state for state in states if isinstance(state, str)), "")

    def restore(self, tensors: Mapping[str, Tensor], scalars: Scalars) -> None:
        """Go on where `tensors` and `scalars` were taken, or begin anew where `fresh_episodes` says
        why.

        Raises:
            KeyError, ValueError: they were another training's.
        """
        self.begun = not fresh_episodes(scalars, self._device)
        if not self.begun:
            return
        arrays = {name: x.cpu().numpy() for name, x in tensors.items() if name.startswith(PREFIX)}
        for name, part in self._parts.items():
            part.go_on(below(f"{PREFIX}{name}.", arrays))


def fresh_episodes(scalars: Scalars, device: str) -> str:
    """Why a training that is restored begins fresh episodes; "" where it goes on with its own.

    Args:
        scalars: of its learner.
        device: the kind of device on which it goes on.
    """
    if WHY not in scalars:
        return OLDER
    if scalars[DEVICE] != device:
        return f"it was trained on {scalars[DEVICE]}, and {device} draws other random numbers"
    why: str = scalars[WHY]
    return why


def inexact(scalars: Scalars, device: str) -> str:
    """Why a training that is restored does not go on bit for bit; "" where it does. Arguments as of
    `fresh_episodes`.

    Elsewhere than on the CPU all is restored, too, but the kernels there may add up in any order.
    """
    why = fresh_episodes(scalars, device)
    if not why and device != "cpu":
        return f"what {device} computes need not come out alike twice"
    return why
