"""Entries of an observed vector that the agent is not shown, such as velocities: what it does not
see it has to remember.
"""

import gymnasium
import numpy as np
from gymnasium import spaces

from symgen.errors import Refusal


class HiddenEntries(gymnasium.ObservationWrapper):
    """An environment whose vector lacks some entries; the environment itself goes on as before.

    Args:
        env: observes a vector.
        hidden: entries that are left out, counted from 1.

    Raises:
        Refusal: it observes no vector, or one without these entries, or nothing would be left.
    """

    def __init__(self, env: gymnasium.Env, hidden: tuple[int, ...]) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise Refusal(
                f"entries of a vector can be hidden, and the observation is {space}",
                hint="leave hide out",
            )
        (count,) = space.shape
        beyond = [entry for entry in hidden if entry > count]
        if beyond:
            raise Refusal(
                f"entry {beyond[0]} is to be hidden, and the observation has {count}",
                hint=f"count the entries from 1 to {count}",
            )
        self._shown = np.array([k for k in range(count) if k + 1 not in hidden], dtype=np.intp)
        if not len(self._shown):
            raise Refusal(
                f"all {count} entries of the observation are to be hidden",
                hint="leave one of them out of hide",
            )
        low, high = space.low[self._shown], space.high[self._shown]
        self.observation_space = spaces.Box(low, high, dtype=space.dtype.type)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """The entries that are shown."""
        return observation[self._shown]
