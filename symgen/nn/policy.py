"""A network at play: what it remembers of the episodes under way, and the actions it takes.

policy = Policy(network)
policy.reset(envs.num_envs)
actions = policy.act(observation, starts)       once per step of the environments
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from symgen.algebra.fieldtype import FieldType
from symgen.nn.observation import Observation

__all__ = ["Actions", "Policy"]

Actions: TypeAlias = NDArray[np.generic]
"""A batch: indices [batch], indices [batch, component] or reals [batch, component]."""


class Decider(Protocol):
    """What a policy asks of a network; `symgen.nn.network.Network` is one."""

    @property
    def states(self) -> Mapping[str, FieldType]:
        """Field type of each step's memory; empty where it has none."""
        ...

    def initial_state(self, batch: int) -> dict[str, Tensor]:
        """The memory at the start of an episode."""
        ...

    def decide(
        self, observation: Observation, state: dict[str, Tensor] | None = None
    ) -> tuple[Distribution, dict[str, Tensor]]:
        """The distribution of actions, and the memory afterwards."""
        ...


class Policy:
    """Plays several environments side by side, each with a memory of its own.

    Law: what is done in one environment depends neither on the others nor on what was seen before
    the start of its episode.

    Args:
        network: says how actions are distributed. Its weights are not copied.
        sample: draw actions, by torch's global random state, instead of taking the mode.
        convert: what becomes of the actions in the end, such as the map to those of an environment.
    """

    def __init__(
        self,
        network: Decider,
        *,
        sample: bool = False,
        convert: Callable[[Actions], Actions] | None = None,
    ) -> None:
        self._network = network
        self._sample = sample
        self._convert = convert
        self._state: dict[str, Tensor] | None = None

    def reset(self, count: int) -> None:
        """Forget everything: episodes begin in `count` environments."""
        self._state = self._network.initial_state(count)

    @torch.no_grad()
    def act(self, observation: Observation, starts: NDArray[np.bool_] | None = None) -> Actions:
        """One action for each observation of a batch.

        Args:
            observation: of every environment, as the space gives it; a single one is a batch of
                one.
            starts: [environment], where an episode begins with this observation; None where none
                does.

        Raises:
            ValueError: the network has memory, and this is another number of environments than
                `reset` said.
        """
        distribution, after = self._network.decide(observation, self._remembered(starts))
        chosen = distribution.sample() if self._sample else distribution.mode
        self._check_count(len(chosen))
        self._state = after
        actions: Actions = chosen.cpu().numpy()
        return actions if self._convert is None else self._convert(actions)

    def _remembered(self, starts: NDArray[np.bool_] | None) -> dict[str, Tensor] | None:
        """The memory before the step, zero where an episode begins."""
        if not self._state or starts is None or not starts.any():
            return self._state
        going_on = torch.from_numpy(~starts)
        return {
            name: memory.where(going_on.to(memory.device)[:, None, None], memory.new_zeros(()))
            for name, memory in self._state.items()
        }

    def _check_count(self, count: int) -> None:
        """A memory of one environment would serve any number of them."""
        for memory in (self._state or {}).values():
            if len(memory) != count:
                raise ValueError(
                    f"the policy was reset for {len(memory)} environments, and sees {count}"
                )
