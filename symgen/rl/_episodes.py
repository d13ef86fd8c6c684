"""Returns and lengths of episodes: of those under way, and of the last hundred that ended."""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from symgen.envs._stepping import Flags
from symgen.problem.algorithm import Scalars
from symgen.problem.resumable import Arrays, Resumable, taken

METRICS = {
    "episodes": "episodes finished so far",
    "return": "mean undiscounted return of the last 100 finished episodes, NaN before the first",
    "length": "mean number of transitions of the last 100 finished episodes, NaN before the first",
}
LAST = 100
"""So many episodes the means are taken over."""


class Episodes(Resumable):
    """Counts episodes.

    Args:
        envs: number of environments.

    Attributes:
        finished: episodes that ended so far.
        recent: undiscounted return and number of transitions of the last ones that ended.
    """

    def __init__(self, envs: int) -> None:
        self.finished = 0
        self.recent: deque[tuple[float, int]] = deque(maxlen=LAST)
        self._returns = np.zeros(envs)
        self._lengths = np.zeros(envs, np.int64)

    def begin(self) -> None:
        """No episode is under way."""
        self._returns[:] = 0
        self._lengths[:] = 0

    def step(self, rewards: NDArray[np.floating], valid: Flags, ended: Flags) -> None:
        """Take in one step of every environment; all arrays [env]. What is not valid, a step that
        only starts an episode, belongs to none.
        """
        self._returns += np.where(valid, rewards, 0.0)
        self._lengths += valid
        for env in np.flatnonzero(ended):
            self.recent.append((float(self._returns[env]), int(self._lengths[env])))
            self._returns[env] = 0.0
            self._lengths[env] = 0
            self.finished += 1

    def metrics(self) -> dict[str, float]:
        """METRICS."""
        total = math.nan
        length = math.nan
        if self.recent:
            total, length = np.mean(self.recent, axis=0).tolist()
        return {"episodes": self.finished, "return": total, "length": length}

    def scalars(self) -> Scalars:
        """What `restore` takes, in JSON's types; episodes under way are not part of it."""
        return {"episodes": self.finished, "recent": [list(episode) for episode in self.recent]}

    def restore(self, scalars: Scalars) -> None:
        """Go on from what `scalars` gave."""
        self.finished = scalars["episodes"]
        self.recent.clear()
        self.recent.extend((total, length) for total, length in scalars["recent"])

    def under_way(self) -> Arrays:
        """See Resumable: the episodes under way."""
        return {"returns": self._returns.copy(), "lengths": self._lengths.copy()}

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self._returns = taken("returns", arrays, self._returns)
        self._lengths = taken("lengths", arrays, self._lengths)
