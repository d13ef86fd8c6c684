"""What a rollout is written into, whatever is learnt from it."""

import torch
from gymnasium import Space
from torch import Tensor

from symgen.envs._finite import check_finite
from symgen.envs._stepping import Given
from symgen.problem.resumable import Arrays, below, prefixed
from symgen.problem.training import Trained
from symgen.rl._memory import Memory
from symgen.rl._storage import (
    Observation,
    action_storage,
    arrays_of,
    as_stored,
    given_of,
    mapped,
    parts,
    storage,
)


class RolloutStorage:
    """Storage of one rollout, allocated once, on the network's device: what is seen, done and said.

    The last row of `observations` and the network's state are where the next rollout goes on from.

    Args:
        network: what is stored of it: its action, its memory, on its device and in its dtype.
        space: observation space of one environment: a Dict of arrays, or arrays alone.
        steps: steps per rollout.
        envs: number of environments.
        sequence: length of the sequences that the rollout is cut into; 0 means the rollout.

    Attributes:
        observations: what each step acts on, [step + 1, env, ...].
        actions: as they were drawn, before they were clipped to their bounds, [step, env, ...].
        parameters: logits or means that a policy or a teacher says, [step, env, size].
        valid: which steps are transitions, [step, env], on the CPU.
        memory: the network's.

    Raises:
        UserError: the observation space holds something other than arrays.
    """

    def __init__(
        self, network: Trained, space: Space[object], steps: int, envs: int, sequence: int
    ) -> None:
        self.steps = steps
        self.envs = envs
        self.action = network.action
        _, weight = next(network.named_parameters())
        self.device = weight.device
        self.dtype = weight.dtype
        rows = (steps, envs)
        self.observations = storage(space, (steps + 1, envs), self.device)
        self.actions = action_storage(self.action, rows, self.dtype, self.device)
        self.parameters = self.zeros(*rows, self.action.parameters)
        self.valid = torch.ones(rows, dtype=torch.bool)
        self.memory = Memory(network, steps, envs, sequence)

    def zeros(self, *shape: int) -> Tensor:
        """Zeros of the network's dtype on its device."""
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def roll(self) -> None:
        """Move the last observation to the front."""
        for part in parts(self.observations):
            part[0].copy_(part[-1])

    def observation(self, step: int) -> Observation:
        """The batch of observations [env, ...] before step `step`."""
        return mapped(lambda part: part[step], self.observations)

    def write(self, step: int, observation: Given) -> None:
        """Keep what step `step` acts on, in the space's own dtype, in which it must be finite."""
        given = as_stored(observation, self.observations)
        check_finite(given)
        for rows, values in zip(parts(self.observations), parts(given), strict=True):
            rows[step].copy_(values)

    def last(self) -> Arrays:
        """Where the next rollout goes on from, for a checkpoint."""
        row = arrays_of(self.observation(self.steps))
        return {**row, **prefixed("memory.", self.memory.under_way())}

    def put_last(self, arrays: Arrays) -> None:
        """Take in what `last` gave, among other arrays."""
        self.write(self.steps, given_of(arrays))
        self.memory.go_on(below("memory.", arrays))

    def cut(self, x: Tensor) -> Tensor:
        """[step, env, ...] -> [step, sequence, ...], the sequences of all environments in turn, on
        the network's device.
        """
        count = self.steps // self.memory.length
        rows = x[: self.steps].to(self.device).unflatten(0, (count, self.memory.length))
        return rows.transpose(0, 1).flatten(1, 2)
