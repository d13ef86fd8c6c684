"""What resetting and stepping a vector environment takes and gives."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

Observed = TypeVar("Observed")

Info = dict[str, object]
"""What is told beside an observation, by name, for all environments together."""
Stepped = tuple[Observed, np.ndarray, np.ndarray, np.ndarray, Info]
"""What a step of `n` environments gives: observations, rewards (n,), terminated (n,), truncated (n,),
info.
"""
ResetOptions = dict[str, object] | None
Seed = int | Sequence[int] | None

Several = TypeVar("Several", SyncVectorEnv, AsyncVectorEnv)


def first_action(space: spaces.Space) -> np.ndarray:
    """The number that indices of a space of actions begin with; 0 of every other space.

    >>> first_action(spaces.Discrete(3, start=-1)).item(), first_action(spaces.Box(0, 1)).item()
    (-1, 0)
    """
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        return np.asarray(space.start)
    return np.asarray(0)


def reset_from(envs: Several, seed: int) -> Several:
    """The same environments, reset from a seed: the next `reset()` without one goes on from it.

    Each has a seed of its own from one sequence; seed, seed + 1, ... would share environments
    between seeds.
    """
    envs.reset(seed=np.random.SeedSequence(seed).generate_state(envs.num_envs).tolist())
    return envs
