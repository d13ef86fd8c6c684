"""Environments of Gymnasium one after another, whose states are saved where they are known: those
of classic control. What another class keeps to itself cannot be told from outside.
"""

import gymnasium
import numpy as np
from gymnasium import wrappers
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray

from symgen.envs._generator_words import set_words, words_of
from symgen.envs._gymnasium_simulator import classic, is_patched
from symgen.envs._hidden_entries import HiddenEntries
from symgen.problem.resumable import Arrays, Resumable, taken

BORNE = (
    wrappers.TimeLimit,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    HiddenEntries,
)
"""Wrappers that remember nothing but the steps of an episode."""


class OneByOne(SyncVectorEnv, Resumable):
    """Gymnasium's, saved where all that its environments remember is `state`, the steps of their
    episode, and their random numbers.

    What they remember only until the next reset (whether an episode has ended) or for drawing is
    left out.
    """

    def under_way(self) -> Arrays | str:
        """See Resumable."""
        for env in self.envs:
            if reason := unknown(env):
                return reason
        states = [np.asarray(vars(env.unwrapped)["state"]) for env in self.envs]
        return {
            "state": np.array(states, np.float64),
            # some keep float32 after a step and float64 after a reset, which matters to their sums
            "single": np.array([state.dtype == np.float32 for state in states]),
            "steps": self._steps(),
            "resetting": self._autoreset_envs.copy(),
            "random": words_of([env.unwrapped.np_random for env in self.envs]),
        }

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self.reset()
        here = self.under_way()
        if isinstance(here, str):
            raise ValueError(here)
        state, single, steps, resetting, random = (taken(n, arrays, x) for n, x in here.items())
        for env, row, is_single in zip(self.envs, state, single.tolist(), strict=True):
            vars(env.unwrapped)["state"] = row.astype(np.float32 if is_single else np.float64)
        for env, row in zip(self.envs, steps.tolist(), strict=True):
            for limit, elapsed in zip(_limits(env), row, strict=True):
                limit._elapsed_steps = elapsed
        self._autoreset_envs = resetting
        set_words([env.unwrapped.np_random for env in self.envs], random)

    def _steps(self) -> NDArray[np.int64]:
        """[env, limit], steps of the episode so far as each time limit counts them."""
        rows = [[limit._elapsed_steps or 0 for limit in _limits(env)] for env in self.envs]
        return np.array(rows, np.int64).reshape(self.num_envs, -1)


def unknown(env: gymnasium.Env) -> str:
    """Why the state of an environment cannot be saved; "" where it can."""
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    while isinstance(env, gymnasium.Wrapper):
        if type(env) not in BORNE or is_patched(env):
            return f"the state of {name} cannot be saved: {type(env).__name__} stands around it"
        env = env.env
    known = type(env) in classic() and not is_patched(env)
    return "" if known else f"the state of {name} cannot be saved"


def _limits(env: gymnasium.Env) -> list[wrappers.TimeLimit]:
    """The time limits around an environment, the outermost first."""
    limits = []
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, wrappers.TimeLimit):
            limits.append(env)
        env = env.env
    return limits
