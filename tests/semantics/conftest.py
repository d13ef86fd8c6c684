"""Small environments of which only the spaces are asked, and specs for them."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from symgen.compiler import check_spec
from symgen.errors import Diagnostic, SpecError
from symgen.problem.problem import Problem


class Stub(gymnasium.Env):
    """An environment that has spaces and nothing else."""

    def __init__(self, observation: spaces.Space, action: spaces.Space) -> None:
        self.observation_space, self.action_space = observation, action


def box(*shape: int, low: float = -1, high: float = 1) -> spaces.Box:
    return spaces.Box(low, high, shape, np.float32)


OBSERVED = spaces.Dict(
    {"place": box(2), "way": spaces.Discrete(4), "view": box(4, 4, 2), "beads": box(5, 3)}
)
WORLDS = {
    "Many-v0": (OBSERVED, spaces.Discrete(4)),
    "Vector-v0": (box(4), spaces.Discrete(2)),
    "Wide-v0": (box(4, 6, 3), spaces.Discrete(2)),
    "Square-v0": (box(6, 6, 3), spaces.Discrete(4)),
    "Beads-v0": (box(5, 2), spaces.Discrete(2)),
    "Arm-v0": (box(4), box(2)),
    "Free-v0": (box(4), box(2, low=-np.inf, high=np.inf)),
    "Crooked-v0": (box(4), spaces.Box(np.float32([0, -1, -1]), np.float32([2, 1, 1]))),
    "Thrust-v0": (box(4), spaces.Box(np.float32([0, 0]), np.float32([np.inf, np.inf]))),
    "Valve-v0": (box(4), spaces.Box(np.float32([-np.inf, 0]), np.float32([0, np.inf]))),
    "Half-v0": (box(4), spaces.Box(np.float32([-np.inf, -1]), np.float32([np.inf, np.inf]))),
    "Knobs-v0": (box(4), spaces.MultiDiscrete([3, 2, 3])),
    "Huge-v0": (box(5000), spaces.Discrete(2)),
    "Pictures-v0": (box(200, 200, 3), spaces.Discrete(2)),
    "Actions-v0": (box(4), spaces.Discrete(5000)),
}


@pytest.fixture(autouse=True)
def _worlds(monkeypatch):
    for name, (observation, action) in WORLDS.items():
        spec = EnvSpec(name, Stub, kwargs={"observation": observation, "action": action})
        monkeypatch.setitem(gymnasium.registry, name, spec)


def spec(world: str = "Vector-v0", **changes: Any) -> dict[str, Any]:
    """A spec for a world of the above; whole sections, and keys of symmetry by their own name."""
    sections = {
        key: changes.pop(key)
        for key in list(changes)
        if key in ("graph", "network", "train", "evaluate")
    }
    return {
        "symgen": 1,
        "environment": {"adapter": "gymnasium_env", "id": world},
        "symmetry": {"group": "D1", "states": "trivial", "actions": "trivial", **changes},
        "network": {"family": "group_mlp", "hidden": "4 regular"},
        **sections,
    }


@pytest.fixture
def solve():
    """(world, changes) -> Problem."""

    def run(world: str = "Vector-v0", **changes: Any) -> Problem:
        return check_spec(spec(world, **changes))

    return run


@pytest.fixture
def mistakes():
    """(world, changes) -> the diagnostics."""

    def run(world: str = "Vector-v0", **changes: Any) -> list[Diagnostic]:
        with pytest.raises(SpecError) as caught:
            check_spec(spec(world, **changes))
        return list(caught.value.diagnostics)

    return run
