"""The smallest specs of every family with outputs for training only, and short trainings."""

import gymnasium
import numpy as np
from bandit import options
from gymnasium import spaces

from symgen import lookup
from symgen.rl.ppo import Learner
from tests.plan.test_distinct import BASES

BOTH = {"privileged": {"hidden": [8, 8]}, "decoder": 1.0}


class Pixels(gymnasium.Env):
    """An image of real numbers, and four actions that a turn of it moves round."""

    observation_space = spaces.Box(-1, 1, (9, 9, 2), np.float32)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, action):
        self.steps += 1
        return self._seen(), float(action == 0), self.steps == 5, False, {}

    def _seen(self):
        return self.np_random.uniform(-1, 1, (9, 9, 2)).astype(np.float32)


gymnasium.register("RealPixels-v0", Pixels)

IMAGE = {
    "environment": {"adapter": "gymnasium_env", "id": "RealPixels-v0"},
    "symmetry": {
        "group": "C4",
        "states": {"observation": "grid"},
        "actions": {"r": [1, 2, 3, 0]},
    },
}
TOKENS = {
    "environment": {**IMAGE["environment"], "patches": 3},
    "symmetry": {"group": "S9", "states": {"observation": "tokens"}, "actions": "trivial"},
}


def spec_of(family, **train):
    """The smallest spec of a family that the tests of plans know, of images of real numbers."""
    base = BASES[family]
    if base["environment"]["adapter"] == "gridworld":
        base = {**base, **(TOKENS if family == "sensor_attention" else IMAGE)}
    constraint = "exact" if lookup.module("family", family).BINDS else "none"
    return {
        **base,
        "symmetry": {**base["symmetry"], "constraint": constraint},
        "network": {"family": family, **base["network"]},
        "train": {"algorithm": "ppo", "steps": 64, **train},
    }


def trained(compiled, updates=2, **train):
    """The rows of a short training."""
    given = options("ppo", envs=2, **{"rollout": 8, **train})
    envs = compiled.environment(2, seed=0)
    steps = 2 * given.rollout * updates
    try:
        learner = Learner(compiled.network, envs, given, steps=steps, seed=0)
        return [row for row, _ in zip(learner, range(updates), strict=False)]
    finally:
        envs.close()
