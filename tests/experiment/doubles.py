"""Stand-ins: a learner that only counts, vector environments of known episodes, and a spec that
trains in a second.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import nn

from symgen.experiment.run import Run

SPEC: dict[str, Any] = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 5, "crossings": 0, "levels": 20},
    "symmetry": {"group": "C4", "constraint": "none"},
    "network": {"family": "cnn"},
    "train": {
        "algorithm": "ppo", "steps": 500, "seeds": [0], "envs": 8, "rollout": 8,
        "minibatch": 64, "epochs": 1,
    },
    "evaluate": {"rotated": {"transform": "r"}, "harder": {"environment.crossings": 1}},
}  # fmt: skip


class CountingLearner:
    """Adds 1 to the network's weights per update of 10 steps; its random state is part of its
    tensors.
    """

    def __init__(self, network: nn.Linear, steps: int, returns=lambda update: float(update)):
        self.network, self.steps, self.returns = network, steps, returns
        self.update, self.generator = 0, torch.Generator().manual_seed(0)

    def __iter__(self):
        while self.update * 10 < self.steps:
            self.update += 1
            drawn = torch.rand((), generator=self.generator).item()
            with torch.no_grad():
                self.network.weight += 1
            yield {
                "update": self.update,
                "step": 10 * self.update,
                "return": self.returns(self.update),
                "drawn": drawn,
            }

    def tensors(self):
        return {"random": self.generator.get_state()}

    def scalars(self):
        return {"update": self.update}

    def restore(self, tensors, scalars):
        self.generator.set_state(tensors["random"])
        self.update = scalars["update"]


def counting(steps: int = 100, **options: Any) -> tuple[nn.Linear, CountingLearner]:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    return network, CountingLearner(network, steps, **options)


def new_run(tmp_path, seed: int = 0) -> Run:
    run = Run(tmp_path / "spec" / "base" / str(seed))
    run.folder.mkdir(parents=True)
    return run


class Still:
    """Does nothing, whatever it sees."""

    def reset(self, count):
        pass

    def act(self, observation, starts=None):
        return np.zeros(len(observation), int)


class Script(VectorEnv):
    """Environment i plays episodes of given lengths, over and over; each step is worth 1.

    Args:
        lengths: of the episodes of each environment.
        mode: how it resets itself.
        success: report success at the ending of episodes longer than this.
    """

    def __init__(self, lengths, mode=AutoresetMode.NEXT_STEP, success=None):
        self.lengths, self.success, self.num_envs = lengths, success, len(lengths)
        self.metadata = {"autoreset_mode": mode}
        self.single_observation_space = spaces.Box(-1, 1, (1,))
        self.single_action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.episode, self.time = np.zeros(self.num_envs, int), np.zeros(self.num_envs, int)
        self.ended = np.zeros(self.num_envs, bool)
        return np.zeros((self.num_envs, 1)), {}

    def step(self, actions):
        next_step = self.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
        resetting = self.ended if next_step else np.zeros(self.num_envs, bool)
        self.time = np.where(resetting, 0, self.time + 1)
        limit = np.array(
            [own[k % len(own)] for own, k in zip(self.lengths, self.episode, strict=True)]
        )
        self.ended = (self.time == limit) & ~resetting
        info = {}
        if self.success is not None and self.ended.any():
            info = {"success": self.ended & (limit > self.success), "_success": self.ended.copy()}
        self.episode += self.ended
        if not next_step:
            self.time[self.ended] = 0
        # a resetting step pays 1 here, which must not count
        return (
            np.zeros((self.num_envs, 1)),
            np.ones(self.num_envs),
            self.ended,
            np.zeros_like(self.ended),
            info,
        )
