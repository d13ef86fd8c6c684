"""What a network remembers along a rollout, and what an update needs so that it can be remembered
again with gradients.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from symgen.envs._stepping import Flags
from symgen.problem.resumable import Arrays, Resumable, taken
from symgen.problem.training import Trained

State = dict[str, Tensor]
"""By name of the step that has memory, each [env, places, channels]; {} without memory."""


class Memory(Resumable):
    """The state of a network, from step to step and from rollout to rollout.

    Args:
        network: whose state it is; one without memory has the empty state.
        steps: steps per rollout.
        envs: number of environments.
        length: of the sequences that a rollout is cut into for an update; 0 means the rollout.

    Attributes:
        length: of the sequences.
        state: before the next step.
        starts: [step, env], where an episode begins, so that the state is zero before that step.
        stored: the state before each sequence, by name [sequence of an environment, env, places,
            channels].
    """

    def __init__(self, network: Trained, steps: int, envs: int, length: int = 0) -> None:
        self.length = length or steps
        self.state = network.initial_state(envs) if network.states else {}
        self.starts: Flags = np.zeros((steps, envs), np.bool_)
        self.stored = {
            name: x.new_zeros(steps // self.length, *x.shape) for name, x in self.state.items()
        }

    @property
    def begun(self) -> State:
        """The state before each sequence, those of all environments in turn, by name [sequence,
        places, channels].
        """
        return {name: x.flatten(0, 1) for name, x in self.stored.items()}

    def begin(self) -> None:
        """Forget everything: all environments have been reset."""
        self.state = {name: torch.zeros_like(x) for name, x in self.state.items()}

    def before(self, step: int, starts: Flags) -> State:
        """The state that step `step` of a rollout goes on from, noting it where a sequence begins.

        Args:
            step: of the rollout.
            starts: [env], whether an episode begins with what that step sees.
        """
        self.starts[step] = starts
        state = forgotten(self.state, starts)
        if step % self.length == 0:
            for name, x in state.items():
                self.stored[name][step // self.length] = x
        return state

    def under_way(self) -> Arrays:
        """See Resumable: the state before the next step."""
        return {name: x.cpu().numpy().copy() for name, x in self.state.items()}

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self.state = {
            name: torch.from_numpy(taken(name, arrays, x.cpu().numpy())).to(x.device)
            for name, x in self.state.items()
        }


def forgotten(state: Mapping[str, Tensor], starts: Flags) -> State:
    """The state, zero where an episode begins."""
    if not state or not starts.any():
        return dict(state)
    some = next(iter(state.values()))
    begins = torch.from_numpy(starts).to(some.device)[:, None, None]
    return {name: x.masked_fill(begins, 0) for name, x in state.items()}


def of_environment(state: Mapping[str, Tensor], env: int) -> State:
    """The state of one environment, each [places, channels]."""
    return {name: x[env] for name, x in state.items()}


def stacked(states: Sequence[Mapping[str, Tensor]]) -> State:
    """States of single environments as one batch."""
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}
