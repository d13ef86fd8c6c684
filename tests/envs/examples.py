"""Small environments of every adapter, for the conformance suite.

To add an adapter, add rows to EXAMPLES, MISTAKES and UNKNOWN; to add an option that changes what is
seen or done, add a row to EXAMPLES.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from symgen.algebra.catalogue import group
from symgen.algebra.group import Group
from symgen.compiler import check_spec
from symgen.envs._hidden_rows import HiddenRows
from symgen.problem.problem import Problem
from tests.envs import drawing


@dataclass(frozen=True)
class Example:
    """A small environment, and a group that acts on it.

    Args:
        adapter: the keyword.
        options: of the environment; its episodes end soon, if the adapter can say so.
        group: a group under which it is symmetric, at least in what is seen and done.
        states: how the group moves what is observed; "auto" where the adapter knows it.
        actions: how it moves the actions.
        package: the optional package that it needs, as Python imports it.
        draws: whether it needs a renderer.
        slow: whether it takes seconds.
    """

    adapter: str
    options: Mapping[str, Any]
    group: str = "D4"
    states: Any = "auto"
    actions: Any = "auto"
    package: str = ""
    draws: bool = False
    slow: bool = False

    @property
    def acting(self) -> Group:
        """The group itself."""
        return group(self.group)

    @property
    def problem(self) -> Problem:
        """What a spec with this environment states."""
        return check_spec(spec(self.adapter, self.options, self.group, self.states, self.actions))


def spec(
    adapter: str,
    options: Mapping[str, Any],
    group: str = "C1",
    states: Any = "trivial",
    actions: Any = "trivial",
) -> dict[str, Any]:
    """A spec around an environment."""
    return {
        "symgen": 1,
        "environment": {"adapter": adapter, **options},
        "symmetry": {"group": group, "states": states, "actions": actions, "constraint": "none"},
        "network": {"family": "mlp", "width": 8},
    }


LAVA = "MiniGrid-LavaCrossingS9N1-v0"
DOOR = "MiniGrid-DoorKey-5x5-v0"
SIGNS = {"observation": {"s": [-1, -2, -3, -4]}}
SHORT = {"max_steps": 6}
# left and right are swapped: legs 1 and 4, 2 and 3, whose hips turn about the vertical
ANT_SIGNS = [
    *(1, 2, -3, 4, -5, -12, 13, -10, 11, -8, 9, -6, 7),
    *(14, -15, 16, -17, 18, -19, -26, 27, -24, 25, -22, 23, -20, 21),
]
ANT_ACTIONS = [-3, 4, -1, 2, -7, 8, -5, 6]  # of legs 4, 1, 2, 3
CONTROL = {"package": "dm_control", "group": "D1"}

EXAMPLES: dict[str, Example] = {
    "gridworld": Example("gridworld", {"size": 5, "levels": 20, **SHORT}),
    "gridworld turn": Example(
        "gridworld", {"moves": "turn", "kind": "maze", "levels": 20, **SHORT}
    ),
    "gridworld ahead": Example("gridworld", {"moves": "turn", "heading": "ahead", **SHORT}),
    "gridworld egocentric": Example(
        "gridworld", {"moves": "turn", "view": "egocentric", "window": 5, **SHORT}
    ),
    "gridworld rgb": Example(
        "gridworld", {"view": "rgb", "resolution": 12, "mirror": True, **SHORT}
    ),
    "gridworld chiral": Example(
        "gridworld", {"kind": "chiral_maze", "levels": 20, "orientation": 1, **SHORT}, "C4"
    ),
    "gridworld scattered": Example(
        "gridworld", {"kind": "scattered", "size": 7, "split": "train", "levels": 20, **SHORT}
    ),
    "minigrid": Example("minigrid", {"id": LAVA, "levels": 10, **SHORT}, package="minigrid"),
    "minigrid doors": Example(
        "minigrid", {"id": DOOR, "moves": "turn", "levels": 10, **SHORT}, package="minigrid"
    ),
    "minigrid egocentric": Example(
        "minigrid", {"id": DOOR, "moves": "turn", "view": "egocentric", **SHORT}, package="minigrid"
    ),
    "minigrid rgb": Example(
        "minigrid",
        {"id": [LAVA, "MiniGrid-LavaCrossingS9N2-v0"], "view": "rgb", "resolution": 18, **SHORT},
        package="minigrid",
    ),
    "cartpole_swingup": Example("cartpole_swingup", {"max_episode_steps": 6}, "D1"),
    "cartpole_swingup redundant": Example(
        "cartpole_swingup", {"harder": True, "redundant": True, "max_episode_steps": 6}, "D1"
    ),
    "dm_control cartpole": Example(
        "dm_control", {"domain": "cartpole", "task": "balance", "episode_length": 6}, **CONTROL
    ),
    "dm_control reacher": Example(
        "dm_control",
        {"domain": "reacher", "task": "easy", "episode_length": 6, "action_repeat": 2},
        **CONTROL,
    ),
    "dm_control ball_in_cup": Example(
        "dm_control", {"domain": "ball_in_cup", "task": "catch", "episode_length": 6}, **CONTROL
    ),
    "dm_control pixels": Example(
        "dm_control",
        {
            "domain": "reacher",
            "task": "hard",
            "observe": "pixels",
            "picture": "symmetric",
            "size": 16,
            "episode_length": 6,
        },
        "D4",
        package="dm_control",
        draws=True,
        slow=True,
    ),
    "gymnasium_env cartpole": Example(
        "gymnasium_env",
        {"id": "CartPole-v1", "max_episode_steps": 6},
        "D1",
        SIGNS,
        {"s": {"left": "right", "right": "left"}},
    ),
    "gymnasium_env native": Example(
        "gymnasium_env",
        {"id": "CartPole-v1", "max_episode_steps": 6, "vectorization": "native"},
        "D1",
        SIGNS,
        {"s": {"left": "right", "right": "left"}},
    ),
    "gymnasium_env processes": Example(
        "gymnasium_env",
        {"id": "CartPole-v1", "max_episode_steps": 6, "vectorization": "async"},
        "D1",
        SIGNS,
        {"s": {"left": "right", "right": "left"}},
        slow=True,
    ),
    "gymnasium_env hiding velocities": Example(
        "gymnasium_env",
        {"id": "CartPole-v1", "max_episode_steps": 6, "hide": [2, 4]},
        "D1",
        {"observation": {"s": [-1, -2]}},
        {"s": {"left": "right", "right": "left"}},
    ),
    "gymnasium_env continuous": Example(
        "gymnasium_env",
        {"id": "Pendulum-v1", "max_episode_steps": 6},
        "D1",
        {"observation": {"s": [1, -2, -3]}},
        {"s": [-1]},
    ),
    "gymnasium_env index": Example(
        "gymnasium_env",
        {"id": "FrozenLake-v1", "max_episode_steps": 6},
        "D1",
        {"observation": {"s": [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]}},
        {"s": {"left": "up", "up": "left", "right": "down", "down": "right"}},
    ),
    "gymnasium_env ant": Example(
        "gymnasium_env",
        {
            "id": "Ant-v5",
            "kwargs": {"include_cfrc_ext_in_observation": False},
            "max_episode_steps": 6,
        },
        "D1",
        {"observation": {"s": ANT_SIGNS}},
        {"s": ANT_ACTIONS},
        package="mujoco",
    ),
    "atari": Example(
        "atari",
        {"game": "Pong", "max_steps": 6},
        "D1",
        {"observation": {"s": "flip"}},
        {
            "s": {
                "left": "right",
                "right": "left",
                "left_fire": "right_fire",
                "right_fire": "left_fire",
            }
        },
        package="ale_py",
    ),
    "atari coloured": Example(
        "atari",
        {
            "game": "Breakout",
            "gray": False,
            "size": 20,
            "frame_skip": 3,
            "sticky": 0.25,
            "terminal_on_life_loss": True,
            "hide_rows": {"top": 2},
            "max_steps": 6,
        },
        "D1",
        {"observation": {"s": "mirror"}},
        {"s": {"left": "right", "right": "left"}},
        package="ale_py",
    ),
    "atari memory": Example(
        "atari",
        {
            "game": "Pong",
            "observes": "ram",
            "ram": [49, 54, 51, 50],
            "only_actions": ["noop", "right", "left"],
            "max_steps": 6,
        },
        "D1",
        {"observation": {"s": [1, 2, 4, 3]}},
        {"s": {"left": "right", "right": "left"}},
        package="ale_py",
    ),
    "car_racing": Example(
        "car_racing",
        {"max_steps": 6},
        "D1",
        {"observation": {"s": "mirror"}},
        {"s": [-1, 2, 3]},
        package="Box2D",
    ),
    "car_racing elsewhere": Example(
        "car_racing",
        {
            "gray": False,
            "background": "stripes",
            "hide_rows": {"bottom": 12},
            "action_repeat": 2,
            "stop_after": 4,
            "vectorization": "async",
        },
        "D1",
        {"observation": {"s": "mirror"}},
        {"s": [-1, 2, 3]},
        package="Box2D",
        slow=True,
    ),
    "procgen": Example("procgen", {"name": "leaper", "reduce": 8, "levels": 20}, package="procgen"),
    "procgen turning": Example(
        "procgen", {"name": "caveflyer", "reduce": 16, "backgrounds": False}, package="procgen"
    ),
}

UNKNOWN = {
    "cartpole_swingup": "S5",
    "gridworld": "S5",
    "minigrid": "S5",
    "dm_control": "S5",
    "gymnasium_env": "D1",
    "atari": "D1",
    "car_racing": "D1",
    "procgen": "S5",
}
"""A group of which each adapter does not know what it does."""

MISTAKES: dict[str, tuple[Mapping[str, Any], ...]] = {
    "gridworld": (
        {"size": 8},
        {"size": 7, "crossings": 9},
        {"view": "rgba"},
        {"kind": "maze", "density": 0.3},
        {"size": 7, "split": "test"},  # too few levels to split
        {"sise": 7},
    ),
    "minigrid": (
        {},
        {"id": "MiniGrid-LavaCrosing-v0"},
        {"id": DOOR, "goal": "random"},
        {"id": [LAVA, DOOR]},
        {"id": LAVA, "heading": "ahead"},
    ),
    "cartpole_swingup": (
        {"tilt": 91},
        {"wind": -11.0},
        {"max_episode_steps": 0},
        {"hard": True},
    ),
    "dm_control": (
        {"domain": "cartpole", "task": "catch"},
        {"domain": "walker", "task": "walk"},
        {"domain": "cartpole", "task": "balance", "tilt_gravity": 100.0},
    ),
    "gymnasium_env": (
        {"id": "CartPol-v1"},
        {"id": "module:CartPole-v1"},
        {"id": "CartPole-v1", "kwargs": {"gravty": 1}},
        {"id": "CartPole-v1", "kwargs": {"render_mode": "human"}},
        {"id": "CartPole-v1", "vectorization": "threads"},
        {"id": "CartPole-v1", "hide": [5]},
        {"id": "CartPole-v1", "hide": [0]},
        {"id": "CartPole-v1", "hide": [2], "vectorization": "native"},
        {"id": "FrozenLake-v1", "hide": [1]},
    ),
    "atari": (
        {},
        {"game": "Pongg"},
        {"game": "pong"},
        {"game": "Chess"},
        {"game": "Pong", "size": 84, "hide_rows": {"top": 50, "bottom": 34}},
        {"game": "Pong", "hide_rows": {"left": 1}},
        {"game": "Pong", "ram": [49]},
        {"game": "Pong", "observes": "ram", "ram": [128]},
        {"game": "Pong", "only_actions": ["up"]},
        {"game": "Pong", "only_actions": ["left", "left"]},
        {"game": "Pong", "sticky": 1.5},
        {"game": "Pong", "frame_skip": 0},
    ),
    "car_racing": (
        {"background": "photograph"},
        {"hide_rows": {"top": 84, "bottom": 12}},
        {"hide_rows": 12},
        {"stop_after": 0},
        {"action_repeat": 0},
    ),
    "procgen": (
        {"name": "pong"},
        {"name": "maze", "distribution_mode": "extreme"},
        {"name": "maze", "reduce": 3},
        {"name": "maze", "seed_range": [0, 2**31]},
    ),
}
"""Options that each adapter refuses."""

VIEWS: dict[str, dict[str, Any]] = {
    "gridworld": {"view": "egocentric", "window": 5},
    "gridworld rgb": {"view": "full", "resolution": None},
    "minigrid": {"view": "egocentric"},
    "minigrid rgb": {"resolution": 27},
    "cartpole_swingup": {"redundant": True},
    "dm_control reacher": {"observe": "pixels", "size": 16, "frames": 2, "picture": "symmetric"},
    "gymnasium_env cartpole": {"hide": (2, 4)},
    "atari coloured": {"observes": "ram", "hide_rows": HiddenRows(), "gray": True, "size": 40},
    "atari memory": {"observes": "pixels", "ram": (), "threads": 1},
    "car_racing": {"gray": False, "background": "noise", "hide_rows": HiddenRows(top=9)},
}
"""Other views of examples' environments: all options that an adapter says are views."""


def parameters(names: Mapping[str, Example] = EXAMPLES) -> list[Any]:
    """The names of examples as parameters, those that take seconds marked so."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if example.slow else name
        for name, example in names.items()
    ]


def available(name: str) -> Example:
    """An example, where this machine has what it needs; else the test is skipped and says why."""
    example = EXAMPLES[name]
    if example.package and importlib.util.find_spec(example.package) is None:
        pytest.skip(f"needs the package {example.package}")
    if example.draws and not drawing.drawable():
        pytest.skip(drawing.REASON)
    return example
