"""One rollout: every environment is stepped by the policy into storage that was allocated once.

`next_values` holds the value of the observation that truly followed a step, whichever way the
environments start their next episode (see envs/_stepping.py). A network with memory says it in the
state of that moment.
"""

import numpy as np
import torch
from gymnasium import Space
from torch import Tensor

from symgen.envs._finite import check_finite
from symgen.envs._stepping import Given, Stepper, final_observation
from symgen.nn import distributions
from symgen.problem.training import Trained
from symgen.rl._episodes import Episodes
from symgen.rl._memory import Memory, State, forgotten, of_environment, stacked
from symgen.rl._storage import (
    Observation,
    action_storage,
    as_stored,
    mapped,
    parts,
    stack,
    storage,
)


class Buffer:
    """Storage of one rollout, allocated once. What the network reads and says is kept on its
    device.

    What environments say beside observations (rewards, endings, which steps are transitions) is
    gathered on the CPU. The last row of `observations` and the network's state are where the next
    rollout goes on from.

    Args:
        network: what is stored of it: its action, its memory, on its device and in its dtype.
        space: observation space of one environment: a Dict of arrays, or arrays alone.
        steps: steps per rollout.
        envs: number of environments.
        sequence: length of the sequences that a network with memory is trained through; 0 means
            the rollout.

    Raises:
        UserError: the observation space holds something other than arrays.
    """

    def __init__(
        self, network: Trained, space: Space[object], steps: int, envs: int, sequence: int = 0
    ) -> None:
        self.steps = steps
        self.envs = envs
        self.action = network.action
        _, weight = next(network.named_parameters())
        self.device = weight.device
        rows = (steps, envs)
        # row t: what step t acts on
        self.observations = storage(space, (steps + 1, envs), weight.device)
        self.actions = action_storage(self.action, rows, weight.dtype, weight.device)
        self.parameters = weight.new_zeros(*rows, self.action.parameters)
        self.log_std: Tensor | None = None  # of a continuous action, [dim]
        self.values = weight.new_zeros(rows)
        self.next_values = weight.new_zeros(rows)
        self.memory = Memory(network, steps, envs, sequence)
        self.rewards = torch.zeros(rows, dtype=weight.dtype)
        self.terminated = torch.zeros(rows, dtype=torch.bool)
        self.truncated = torch.zeros(rows, dtype=torch.bool)
        self.valid = torch.ones(rows, dtype=torch.bool)

    def begin(self, observation: Given) -> None:
        """Take the observation of `envs.reset()`, and remember nothing."""
        self.write(self.steps, observation)
        self.memory.begin()

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


@torch.no_grad()
def rollout(
    network: Trained,
    stepper: Stepper,
    buffer: Buffer,
    episodes: Episodes,
    generator: torch.Generator,
) -> None:
    """Step every environment `buffer.steps` times with actions drawn from the policy, and fill the
    buffer.

    Args:
        network: the policy and the value.
        stepper: environments whose observations `buffer` has seen last (`begin`, or the rollout
            before).
        buffer: written in place.
        episodes: takes in what is stepped.
        generator: source of the actions' randomness, on the network's device.

    Raises:
        UserError: the environment returns a number that is not finite.
    """
    memory = buffer.memory
    rewards = buffer.rewards.numpy()
    valid = buffer.valid.numpy()
    terminated = buffer.terminated.numpy()
    truncated = buffer.truncated.numpy()
    finals: list[tuple[int, int, Given, State]] = []  # step, environment, observation, state

    buffer.roll()
    with network.expanded():
        for step in range(buffer.steps):
            state = memory.before(step, stepper.starts)
            outputs, memory.state = network(buffer.observation(step), state)
            buffer.parameters[step] = outputs["policy"]
            buffer.values[step] = outputs["value"][:, 0]
            log_std = log_std_of(outputs)
            # a view of a weight asks for gradients even here
            buffer.log_std = None if log_std is None else log_std.detach()
            action = distributions.sample(
                buffer.action, buffer.parameters[step], buffer.log_std, generator
            )
            buffer.actions[step] = action

            after = stepper.step(action.cpu().numpy())
            rewards[step] = after.rewards
            terminated[step] = after.terminated
            truncated[step] = after.truncated
            valid[step] = after.valid
            buffer.write(step + 1, after.observation)
            check_finite({}, rewards[step])
            episodes.step(rewards[step], after.valid, after.ended)
            if stepper.same_step:
                cut = np.flatnonzero(after.truncated & ~after.terminated).tolist()
                for env in cut:
                    final = final_observation(after.info, env)
                    finals.append((step, env, final, of_environment(memory.state, env)))

        buffer.next_values[:-1] = buffer.values[1:]
        state = forgotten(memory.state, stepper.starts)
        buffer.next_values[-1] = _values(network, buffer.observation(buffer.steps), state)
        if finals:
            steps, envs, observations, states = zip(*finals, strict=True)
            where = torch.tensor([steps, envs]).to(buffer.device)
            final_values = _values(network, stack(observations), stacked(states))
            buffer.next_values.index_put_((where[0], where[1]), final_values.to(buffer.values))


def log_std_of(outputs: dict[str, Tensor]) -> Tensor | None:
    """Logarithm of a continuous action's deviation, [dim]: one row, for it is the same in all."""
    return outputs["scale"][0] if "scale" in outputs else None


def _values(network: Trained, observation: Observation, state: State) -> Tensor:
    outputs, _ = network(observation, state)
    return outputs["value"][:, 0]
