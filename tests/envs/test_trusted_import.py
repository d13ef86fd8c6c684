"""Environments of the user's own: `symgen --import MODULE`."""

import sys

import pytest

import symgen
from symgen.envs import gymnasium_env

MODULE = """
import gymnasium
import numpy as np


class Line(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-10, 10, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.ones(1, np.float32), 0.0, False, True, {}


gymnasium.register("OwnLine-v0", entry_point=Line)
"""
SPEC = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "OwnLine-v0"},
    "symmetry": {"group": "D1", "states": {"observation": {"s": [-1]}}, "actions": {"s": [1, 0]}},
    "network": {"family": "group_mlp", "hidden": "2 regular"},
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_line.py").write_text(MODULE)
    (tmp_path / "own_broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("own_line", None)
    gymnasium_env.gymnasium.registry.pop("OwnLine-v0", None)
    gymnasium_env._interface.cache_clear()


def test_a_named_module_is_imported_first(own, monkeypatch):
    with pytest.raises(symgen.SpecError, match="has no 'OwnLine-v0'"):
        symgen.check(SPEC)
    monkeypatch.setenv(gymnasium_env.TRUSTED, "own_line")
    assert symgen.check(SPEC).interface.action.sizes == (2,)


@pytest.mark.parametrize(("name", "cause"), [("own_missing", "No module named"), ("own_broken", "ZeroDivisionError")])
def test_a_module_that_fails_is_told(own, monkeypatch, name, cause):
    monkeypatch.setenv(gymnasium_env.TRUSTED, name)
    with pytest.raises(symgen.SpecError) as caught:
        symgen.check(SPEC)
    (found,) = caught.value.diagnostics
    assert found.code == "import-failed"
    assert cause in found.message


def test_a_spec_cannot_name_a_module():
    spec = {**SPEC, "environment": {"adapter": "gymnasium_env", "id": "os:OwnLine-v0"}}
    with pytest.raises(symgen.SpecError, match="--import"):
        symgen.check(spec)
