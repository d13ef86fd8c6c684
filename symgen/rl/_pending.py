"""What the next step of a soft actor-critic acts on."""

from symgen.envs._stepping import Given
from symgen.problem.resumable import Arrays, Resumable
from symgen.rl._replay import Replay
from symgen.rl._storage import arrays_of, given_of


class Pending(Resumable):
    """The newest observations, as the environments gave them, which are in the replay too.

    Args:
        replay: of the learner.
        gigabytes: the largest replay that is saved.

    Attributes:
        observation: what is acted on next.
    """

    observation: Given

    def __init__(self, replay: Replay, gigabytes: float) -> None:
        self._replay = replay
        self._gigabytes = gigabytes

    def under_way(self) -> Arrays | str:
        """See Resumable: without the replay there is nothing to go on with."""
        if not self.replay_is_saved:
            return (
                f"its replay of {self._replay.gigabytes:.3g} gigabytes is not saved, of which "
                f"saved_gigabytes allows {self._gigabytes:g}"
            )
        return arrays_of(self.observation)

    @property
    def replay_is_saved(self) -> bool:
        """Whether the replay is small enough."""
        return self._replay.gigabytes <= self._gigabytes

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self.observation = given_of(arrays)
