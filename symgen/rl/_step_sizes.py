"""PPO's optimiser: Adam with one step size, or with another for what only the critic needs."""

import torch
from torch import Tensor

from symgen.problem.training import Trained
from symgen.rl._ppo_options import Options
from symgen.rl._schedule import at


def adam(network: Trained, options: Options) -> torch.optim.Adam:
    """Adam over all weights; those that only the critic needs are a group of their own where they
    have a `critic_learning_rate`.
    """
    weights = dict(network.named_parameters())
    groups = [list(weights.values())]
    if options.critic_learning_rate is not None:
        judging = network.judging_parameters()
        others = [weight for name, weight in weights.items() if name not in judging]
        groups = [others, list(judging.values())]
    parts = [{"params": group} for group in groups]
    return torch.optim.Adam(parts, eps=options.adam_eps, fused=True)


def follow(optimiser: torch.optim.Optimizer, options: Options, progress: float) -> dict[str, float]:
    """Give every group its step size of now, and say them by name.

    Args:
        optimiser: as `adam` makes it.
        options: with the schedules.
        progress: share of the training done, 0 to 1.
    """
    rate = at(options.learning_rate, progress)
    critic_rate = rate
    if options.critic_learning_rate is not None:
        critic_rate = at(options.critic_learning_rate, progress)
    # one group, or the critic's own as the second
    for group, step_size in zip(optimiser.param_groups, (rate, critic_rate), strict=False):
        group["lr"] = step_size
    return {"learning_rate": rate, "critic_learning_rate": critic_rate}


def shorten(optimiser: torch.optim.Optimizer, longest: float) -> Tensor:
    """Shorten the gradient of every group by itself; the norm of all of them before."""
    norms = [
        torch.nn.utils.clip_grad_norm_(group["params"], longest) for group in optimiser.param_groups
    ]
    return norms[0] if len(norms) == 1 else torch.stack(norms).norm()
