"""The deviation of a continuous action that is the same in every state."""

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.nn.build import module
from symgen.operations import scale as operations


class ContinuousScale(nn.Module):
    """The logarithm of the standard deviation of a continuous action, one number per orbit of
    components.

    Args:
        target: type of the action.
        initial: starting value.
    """

    orbit: Tensor

    def __init__(self, target: FieldType, initial: float = 0.0) -> None:
        super().__init__()
        orbit = torch.from_numpy(vector(target.fibre).entry_orbits.reshape(-1))
        self.register_buffer("orbit", orbit, persistent=False)
        self.weight = nn.Parameter(torch.full((int(orbit.max()) + 1,), initial))

    def forward(self) -> Tensor:
        """Shape (dim,)."""
        return self.weight[self.orbit]


@module.register
def _(operation: operations.ContinuousScale) -> ContinuousScale:
    return ContinuousScale(operation.target, operation.initial)
