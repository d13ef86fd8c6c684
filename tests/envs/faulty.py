"""An environment of one's own that goes wrong on request."""

import os
import sys

import gymnasium
import numpy as np
from gymnasium import spaces

ID = "Faulty-v0"
FAULT = "SYMGEN_TESTS_FAULT"
"""Environment variable: what goes wrong, as "<fault> <step>"; it reaches other processes, and can
be taken back.
"""
GOOD = np.zeros(2, np.float32)


class Faulty(gymnasium.Env):
    """Two numbers, two actions, episodes of ten steps; a mirror does nothing to it."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.steps = self.time = 0
        self._fault("make")

    def _fault(self, where: str) -> str:
        fault, _, when = os.environ.get(FAULT, "").partition(" ")
        if fault == where and self.steps >= int(when or 0):
            raise ZeroDivisionError(f"lost in {where}")
        return fault if self.steps >= int(when or 0) else ""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self._fault("reset")
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), {}

    def step(self, action):
        self.steps = self.steps + 1
        self.time = self.time + 1
        fault = self._fault("step")
        if fault == "die":
            os._exit(7)
        if fault == "exit":
            sys.exit(7)
        if fault == "four":
            return GOOD, 0.0, False, {}
        observation = {
            "shape": np.zeros(3, np.float32),
            "scalar": 0.5,
            "none": None,
            "text": "left",
            "complex": np.zeros(2, np.complex64),
            "ragged": [[1.0], [1.0, 2.0]],
        }.get(fault, self.np_random.uniform(-1, 1, 2).astype(np.float32))
        reward = "much" if fault == "reward" else float(action)
        info = None if fault == "info" else {}
        return observation, reward, False, self.time >= 10, info


if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point=Faulty)

FAULTS = (
    *("make", "reset", "step", "exit", "four"),
    *("shape", "scalar", "none", "text", "complex", "ragged", "reward", "info"),
)

SPEC = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": ID},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
    "train": {
        "algorithm": "ppo",
        "steps": 64,
        "seeds": [0],
        "envs": 2,
        "rollout": 8,
        "minibatch": 16,
        "epochs": 1,
    },
}
