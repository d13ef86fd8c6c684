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
from symgen.problem.resumable import Arrays, Resumable
from symgen.problem.training import Trained
from symgen.rl._episodes import Episodes
from symgen.rl._memory import State, forgotten, of_environment, stacked
from symgen.rl._rollout_storage import RolloutStorage
from symgen.rl._storage import Observation, stack


class Buffer(RolloutStorage, Resumable):
    """Storage of one rollout for an algorithm that learns from rewards.

    What environments say beside observations (rewards, endings, which steps are transitions) is
    gathered on the CPU.

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
        super().__init__(network, space, steps, envs, sequence)
        rows = (steps, envs)
        self.log_std: Tensor | None = None  # of a continuous action, [dim]
        self.values = self.zeros(*rows)
        self.next_values = self.zeros(*rows)
        self.rewards = torch.zeros(rows, dtype=self.dtype)
        self.terminated = torch.zeros(rows, dtype=torch.bool)
        self.truncated = torch.zeros(rows, dtype=torch.bool)

    def begin(self, observation: Given) -> None:
        """Take the observation of `envs.reset()`, and remember nothing."""
        self.write(self.steps, observation)
        self.memory.begin()

    def under_way(self) -> Arrays:
        """See Resumable: what the next rollout begins with."""
        return self.last()

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self.put_last(arrays)


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
