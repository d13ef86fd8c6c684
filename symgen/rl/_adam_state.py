"""The state of an Adam optimiser by the names of the weights, for checkpoints."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from symgen.problem.resumable import below

Weights = Mapping[str, nn.Parameter]


def tensors(
    optimiser: torch.optim.Optimizer, weights: Weights, prefix: str = "adam."
) -> dict[str, Tensor]:
    """The state as "<prefix><key>.<weight>", such as "adam.exp_avg.steps.policy.matrix.weight"."""
    pairs = (
        (name, key, value)
        for name, w in weights.items()
        for key, value in optimiser.state[w].items()
    )
    return {f"{prefix}{key}.{name}": value for name, key, value in pairs}


def restore(
    optimiser: torch.optim.Optimizer,
    weights: Weights,
    saved: Mapping[str, Tensor],
    prefix: str = "adam.",
) -> None:
    """Take in what `tensors` gave under the same prefix; other tensors may stand beside it.

    Raises:
        ValueError: it belongs to other weights.
    """
    saved = below(prefix, saved)
    averages = below("exp_avg.", saved)
    check_shapes(averages, weights)
    for name in averages:
        optimiser.state[weights[name]] = {
            key: saved[f"{key}.{name}"].to(weights[name].device, copy=True)
            for key in ("step", "exp_avg", "exp_avg_sq")
        }


def check_shapes(saved: Mapping[str, Tensor], weights: Weights) -> None:
    """Raise ValueError where a saved tensor has no weight of its name and shape."""
    for name, value in saved.items():
        weight = weights.get(name)
        if weight is None or weight.shape != value.shape:
            here = None if weight is None else tuple(weight.shape)
            raise ValueError(
                f"saved state of weight {name} is {tuple(value.shape)}, the network's is {here}"
            )
