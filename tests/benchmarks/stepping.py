"""How fast environments are stepped, learning apart."""

import time

import gymnasium
import numpy as np

REPEATS = 4
"""Of each measurement; the first run may also fill pools of levels."""


def speed(envs, steps):
    """Steps per second of random actions, the best of several runs; the environments are closed."""
    rng = np.random.default_rng(0)
    envs.reset(seed=0)
    space = envs.single_action_space
    shape = (steps, envs.num_envs)
    if isinstance(space, gymnasium.spaces.Box):
        actions = rng.uniform(-1, 1, (*shape, 1))
    else:
        actions = rng.integers(space.n, size=shape)
    best = np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        for action in actions:
            envs.step(action)
        best = min(best, time.perf_counter() - start)
    envs.close()
    return steps * envs.num_envs / best
