"""What a teacher says of a batch of observations, and where a learner finds it: in the info of its
environments, which belongs to the observations that `reset` or `step` returns with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from symgen.problem.resumable import Arrays

__all__ = ["TEACHER", "Labels", "labels_in"]

TEACHER = "teacher"
"""The key in the info."""


@dataclass(frozen=True)
class Labels:
    """The teacher's distribution of actions in every environment.

    Args:
        parameters: logits, or the mean of a Gaussian in units of the environment, [env, size].
        log_std: logarithm of the Gaussian's deviation, [env, dim]; None of discrete actions.
    """

    parameters: Tensor
    log_std: Tensor | None = None

    def to_arrays(self) -> Arrays:
        """For a checkpoint."""
        arrays = {"parameters": self.parameters.cpu().numpy().copy()}
        if self.log_std is not None:
            arrays["log_std"] = self.log_std.cpu().numpy().copy()
        return arrays

    @staticmethod
    def from_arrays(arrays: Arrays, device: torch.device) -> "Labels":
        """What `to_arrays` gave."""
        tensors = {
            name: torch.from_numpy(array.copy()).to(device) for name, array in arrays.items()
        }
        return Labels(tensors["parameters"], tensors.get("log_std"))


def labels_in(info: Mapping[str, object]) -> Labels:
    """The labels of the observations that the info came with.

    Raises:
        ValueError: there are none.
    """
    labels = info.get(TEACHER)
    if not isinstance(labels, Labels):
        raise ValueError(f"info[{TEACHER!r}] of the environments holds no labels, but {labels!r}")
    return labels
