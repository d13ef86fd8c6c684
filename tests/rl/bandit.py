"""The smallest tasks: one action of two pays, in environments that look like well-known ones, so
that networks compiled for those can be trained on them; by an algorithm of any keyword.
"""

import copy
import functools

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorWrapper

from symgen import lookup
from symgen.compiler import check_spec, compile_spec
from symgen.errors import SpecError
from symgen.problem.training import PLAIN
from symgen.rl._labels import TEACHER, Labels

ENVIRONMENTS = {
    "discrete": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "continuous": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
}
SMALL = {
    "envs": 2,
    "gamma": 0.5,
    "rollout": 16,
    "minibatch": 16,
    "epochs": 2,
    "warmup": 16,
    "batch": 16,
    "report": 16,
    "updates": 0.5,
    "teacher": "runs/nobody/base/0",
    "student_share": 0.5,
}
"""Of these options, those that an algorithm has."""
NEEDED = ("teacher",)
"""Of those, the ones that a spec cannot do without."""
LENGTH = 4


class Bandit(gymnasium.Env):
    """Shows the time, pays 1 for the second action (of a continuous one: for the upper half), and
    ends after LENGTH steps: every episode begins alike.
    """

    def __init__(self, kind="discrete", reward=1.0, shown=0.0, mask=False):
        plain = gymnasium.make(ENVIRONMENTS[kind]["id"])
        self.observation_space = spaces.Box(-10, 10, plain.observation_space.shape, np.float32)
        self.action_space = plain.action_space
        self.kind, self.reward, self.shown, self.mask = kind, reward, shown, mask

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self._observe(), {"action_mask": np.ones(2, np.int8)} if self.mask else {}

    def step(self, action):
        self.time += 1
        right = float(np.ravel(action)[0]) > 0
        return self._observe(), self.reward * right, self.time == LENGTH, False, {}

    def _observe(self):
        seen = np.zeros(self.observation_space.shape, np.float32)
        seen[0] = self.time / LENGTH
        seen[1] = self.shown
        return seen


class Told(VectorWrapper):
    """Bandits beside whom a teacher stands: it prefers what pays, the more the better it pays."""

    def reset(self, **given):
        observation, info = self.env.reset(**given)
        return observation, {**info, TEACHER: self._labels()}

    def step(self, actions):
        *stepped, info = self.env.step(actions)
        return *stepped, {**info, TEACHER: self._labels()}

    def _labels(self):
        bandit = self.env.unwrapped.envs[0].unwrapped
        rows = (self.num_envs, 1)
        if bandit.kind == "continuous":
            return Labels(torch.full(rows, bandit.reward), torch.full(rows, -1.0))
        return Labels(torch.tensor([0.0, bandit.reward]).expand(self.num_envs, 2))


def bandits(kind, mode=AutoresetMode.SAME_STEP, number=2, **settings):
    envs = [lambda: Bandit(kind, **settings)] * number
    return Told(SyncVectorEnv(envs, autoreset_mode=mode))


def spec(keyword, kind, constraint="none", **network):
    """A spec of a small free network; `network` says more of it."""
    fields = lookup.options("algorithm", keyword).model_fields
    needed = {name: SMALL[name] for name in NEEDED if name in fields}
    return {
        "symgen": 1,
        "environment": ENVIRONMENTS[kind],
        "symmetry": {
            "group": "C1",
            "constraint": constraint,
            "states": "trivial",
            "actions": "trivial",
        },
        "network": {"family": "mlp", "width": 16, "depth": 1, **network},
        "train": {"algorithm": keyword, "steps": 100, **needed},
    }


def objections(keyword, kind, **network):
    """What is wrong with an algorithm for a kind of action, and for such a network."""
    try:
        check_spec(spec(keyword, kind, **network))
    except SpecError as error:
        return error.diagnostics
    return ()


@functools.cache
def accepted(keyword):
    """The kinds of actions that an algorithm has nothing to object to."""
    return tuple(kind for kind in ENVIRONMENTS if not objections(keyword, kind))


@functools.cache
def _network(keyword, kind):
    return compile_spec(spec(keyword, kind), seed=0, verify=False).network


def network(keyword, kind):
    return copy.deepcopy(_network(keyword, kind))


def options(keyword, **changes):
    model = lookup.options("algorithm", keyword)
    known = {name: value for name, value in SMALL.items() if name in model.model_fields}
    return model.model_validate({**known, **changes})


def rates(keyword, value):
    """All step sizes of an algorithm at one value."""
    fields = lookup.options("algorithm", keyword).model_fields
    return {name: value for name in fields if name.endswith("rate")}


def diverging(keyword):
    """Options under which rewards that are far too large end in losses that are no numbers."""
    fields = lookup.options("algorithm", keyword).model_fields
    return {**rates(keyword, 1.0), **({"loss": "mse"} if "loss" in fields else {})}


def learner(keyword, kind, envs=None, steps=96, seed=0, training=PLAIN, **changes):
    envs = envs or bandits(kind)
    given = options(keyword, **{"envs": envs.num_envs, **changes})
    learns = lookup.module("algorithm", keyword).Learner
    return learns(network(keyword, kind), envs, given, steps=steps, seed=seed, training=training)
