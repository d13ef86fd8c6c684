"""The target network: a copy whose critics go slowly where the trained ones are."""

import copy
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from symgen.rl import _adam_state


class HasCritics(Protocol):
    """A network with critics."""

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        """The critics' weights and those of what they share with the policy, by name."""
        ...


Network = TypeVar("Network", bound=HasCritics)


class Target(Generic[Network]):
    """Polyak averages of a network's critics (Lillicrap et al. 2016, arXiv:1509.02971, algorithm
    1).

    Args:
        online: the network that is trained.

    Attributes:
        network: the copy.
    """

    def __init__(self, online: Network) -> None:
        self.network = copy.deepcopy(online)
        self.online_parameters: list[Tensor] = list(online.critic_parameters().values())
        self.target_parameters: list[Tensor] = list(self.network.critic_parameters().values())

    @torch.no_grad()
    def update(self, tau: float) -> None:
        """target <- target + tau * (online - target)."""
        torch._foreach_lerp_(self.target_parameters, self.online_parameters, tau)

    def tensors(self) -> dict[str, Tensor]:
        """The target parameters by name, for a checkpoint."""
        return {name: x.detach() for name, x in self.network.critic_parameters().items()}

    def check(self, saved: dict[str, Tensor]) -> None:
        """Raise ValueError where `saved` belongs to another network."""
        _adam_state.check_shapes(saved, self.network.critic_parameters())

    @torch.no_grad()
    def restore(self, saved: dict[str, Tensor]) -> None:
        """Take in what `tensors` gave."""
        for name, weight in self.network.critic_parameters().items():
            weight.copy_(saved[name])
