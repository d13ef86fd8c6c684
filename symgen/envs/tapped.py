"""One environment seen by two: what it gave last is given once more, to wrappers of another's own.

    tapped = Tapped(envs)                  what the one's wrappers are put around
    again = tapped.again()                 what the other's are: give it the same resets and steps

So a teacher sees in its own way what happens to a student.
"""

import numpy as np
from gymnasium.vector import VectorEnv

from symgen.envs._resumed import StatelessWrapper
from symgen.envs._stepping import Info, ResetOptions, Stepped
from symgen.problem.interface import Observation
from symgen.problem.resumable import Arrays, Resumable


class Tapped(StatelessWrapper):
    """Environments that remember what they gave last, until they are stepped again.

    Args:
        envs: the environments.
    """

    def __init__(self, envs: VectorEnv) -> None:
        super().__init__(envs)
        self.last_reset: tuple[Observation, Info] | None = None
        self.last_step: Stepped[Observation] | None = None

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        self.last_step = None
        self.last_reset = self.env.reset(seed=seed, options=options)
        return self.last_reset

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        self.last_reset = None
        self.last_step = self.env.step(actions)
        return self.last_step

    def again(self) -> "Again":
        """What they gave last, once more."""
        return Again(self)


class Again(VectorEnv, Resumable):
    """Environments that give what others gave last, and change nothing.

    Args:
        tapped: the others.
    """

    def __init__(self, tapped: Tapped) -> None:
        self._tapped = tapped
        self.num_envs = tapped.num_envs
        self.metadata = tapped.metadata
        self.single_observation_space = tapped.single_observation_space
        self.observation_space = tapped.observation_space
        self.single_action_space = tapped.single_action_space
        self.action_space = tapped.action_space

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """What the last reset gave.

        Raises:
            ValueError: it was no reset that came last.
        """
        if self._tapped.last_reset is None:
            raise ValueError("the environments were not reset just now")
        return self._tapped.last_reset

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """What the last step gave.

        Args:
            actions: those of that step, which are not looked at here.

        Raises:
            ValueError: it was no step that came last.
        """
        if self._tapped.last_step is None:
            raise ValueError("the environments were not stepped just now")
        return self._tapped.last_step

    def under_way(self) -> Arrays:
        """Nothing: the others are saved by whom they belong to."""
        return {}

    def go_on(self, arrays: Arrays) -> None:
        """Nothing."""
