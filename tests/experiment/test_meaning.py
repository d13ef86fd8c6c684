"""Checkpoints of older versions are loaded where their weights mean the same, and refused where
not.
"""

import gymnasium
import numpy as np
import pytest

from symgen.compiler import check_spec
from symgen.errors import UserError
from symgen.experiment.meaning import CHANGES, MEANING, Change, check
from tests.experiment.doubles import SPEC

CARTPOLE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
    "train": {"algorithm": "ppo", "steps": 100, "normalise_observations": False},
}
NORMALISED = {
    **CARTPOLE,
    "train": {"algorithm": "ppo", "steps": 100, "normalise_observations": True},
}


def test_versions_grow_and_say_what_changed():
    assert list(CHANGES) == list(range(2, MEANING + 1))
    assert all(isinstance(change, Change) and change.what for change in CHANGES.values())


def test_an_old_checkpoint_that_the_changes_do_not_concern_is_loaded():
    check(1, check_spec(SPEC), "last")  # cells are 0 or 1: clamping never did anything
    check(1, check_spec(NORMALISED), "last")
    check(MEANING, check_spec(CARTPOLE), "last")


def test_an_old_checkpoint_that_meant_something_else_is_refused():
    with pytest.raises(UserError, match=r"no longer clamped to \+-10") as caught:
        check(1, check_spec(CARTPOLE), "runs/a/base/0/checkpoints/last")
    assert caught.value.code == "checkpoint-meaning"
    assert "--force" in caught.value.hint


def test_pictures_that_are_scaled_now_meant_something_else():
    class Floats(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (5, 5, 1), np.float32)
        action_space = gymnasium.spaces.Discrete(2)

    class Bytes(Floats):
        observation_space = gymnasium.spaces.Box(0, 255, (5, 5, 1), np.uint8)

    for kind in (Floats, Bytes):
        gymnasium.register(f"{kind.__name__}-v0", kind)
    try:
        spec = {"symgen": 1, "network": {"family": "cnn"}}
        spec["symmetry"] = {
            "group": "C1",
            "states": "trivial",
            "actions": "trivial",
            "constraint": "none",
        }
        floats, bytes_ = (
            check_spec({**spec, "environment": {"adapter": "gymnasium_env", "id": f"{name}-v0"}})
            for name in ("Floats", "Bytes")
        )
    finally:
        for name in ("Floats-v0", "Bytes-v0"):
            del gymnasium.registry[name]
    with pytest.raises(UserError, match="divided by the bound"):
        check(2, floats, "last")
    check(2, bytes_, "last")


def test_a_newer_checkpoint_is_refused():
    with pytest.raises(UserError, match="newer symgen"):
        check(MEANING + 1, check_spec(SPEC), "last")
