"""Which environments begin an episode, told of steps and resets: for wrappers that forget there."""

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from symgen.envs._stepping import Flags, ResetOptions, autoreset_mode
from symgen.problem.resumable import Arrays, Resumable, taken


class Starts(Resumable):
    """Which environments begin an episode with the observation that they have just given.

    Args:
        envs: environments that reset themselves.

    Raises:
        UserError: they do not say that they do.
    """

    def __init__(self, envs: VectorEnv) -> None:
        self._same_step = autoreset_mode(envs) is AutoresetMode.SAME_STEP
        self._ended = np.zeros(envs.num_envs, np.bool_)

    def reset(self, options: ResetOptions) -> Flags:
        """Before a reset, which takes its mask out of the options: [env], which of them begin."""
        begin = np.ones(len(self._ended), np.bool_)
        if options is not None and "reset_mask" in options:
            begin = np.array(options["reset_mask"], np.bool_)
        self._ended = self._ended & ~begin
        return begin

    def step(self, ended: Flags) -> Flags:
        """After a step: [env], which of them begin.

        Args:
            ended: [env], whose episodes the step has ended.
        """
        begin = ended if self._same_step else self._ended
        self._ended = ended
        return begin

    def under_way(self) -> Arrays:
        """See Resumable."""
        return {"ended": self._ended.copy()}

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self._ended = taken("ended", arrays, self._ended)
