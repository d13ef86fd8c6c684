"""Environments of the user's own: `symgen --import MODULE`."""

import json
import sys

import gymnasium
import pytest
from typer.testing import CliRunner

import symgen
from symgen.cli import app
from symgen.envs import gymnasium_env
from symgen.envs._trusted import OWN, TRUSTED
from symgen.experiment.files import write_json
from symgen.experiment.train import TrainingSettings, train
from symgen.spec.source import read

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


BROKEN = {
    "own_broken": "import os\n\n1 / 0\n",
    "own_typo": "import os\ndef f(:\n    pass\n",
    "own_leaving": "import sys\nsys.exit(3)\n",
    "own_needy": "\nimport nowhere_to_be_found\n",
    "own_chain": "import own_broken\n",
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_line.py").write_text(MODULE)
    for name, text in BROKEN.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("own_line", *BROKEN):
        sys.modules.pop(name, None)
    gymnasium.registry.pop("OwnLine-v0", None)
    gymnasium_env._interface.cache_clear()


def test_a_named_module_is_imported_first(own, monkeypatch):
    with pytest.raises(symgen.SpecError, match="has no 'OwnLine-v0'"):
        symgen.check(SPEC)
    monkeypatch.setenv(TRUSTED, "own_line")
    assert symgen.check(SPEC).interface.action.sizes == (2,)


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        (
            "own_missing",
            "--import own_missing failed: ModuleNotFoundError: No module named",
            "in the working folder",
        ),
        (
            "own_line.py",
            "--import own_line.py failed: ModuleNotFoundError",
            "write --import own_line",
        ),
        (
            "sub/own_line.py",
            "--import sub/own_line.py failed: ModuleNotFoundError",
            "write --import sub.own_line",
        ),
        (
            "own_broken",
            "failed at own_broken.py:3: ZeroDivisionError: division by zero",
            "import own_broken",
        ),
        ("own_typo", "failed at own_typo.py:2: SyntaxError: invalid syntax", "mend it"),
        ("own_leaving", "failed at own_leaving.py:2: SystemExit: 3", "mend it"),
        (
            "own_needy",
            "failed at own_needy.py:2: ModuleNotFoundError: No module named 'nowhere",
            "mend it",
        ),
        (
            "own_chain",
            "failed at own_broken.py:3 (which own_chain.py:1 led to): ZeroDivisionError",
            "own_chain",
        ),
    ],
)
def test_a_module_that_fails_is_told_with_its_place(own, monkeypatch, name, words, hint):
    monkeypatch.setenv(TRUSTED, name)
    with pytest.raises(symgen.SpecError) as caught:
        symgen.check(SPEC)
    (found,) = caught.value.diagnostics
    assert found.code == "import-failed"
    assert words in found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("id_", "near"), [("OwnCar-v0", ""), ("CartPol-v1", "did you mean 'CartPole-v1'? If not, ")]
)
def test_an_id_that_is_not_registered_may_be_of_ones_own(own, monkeypatch, id_, near):
    spec = {**SPEC, "environment": {"adapter": "gymnasium_env", "id": id_}}
    for trusted, message in (
        ("", f"has no '{id_}'"),
        ("own_line", f"has no '{id_}', nor has any module imported: own"),
    ):
        monkeypatch.setenv(TRUSTED, trusted)
        with pytest.raises(symgen.SpecError) as caught:
            symgen.check(spec)
        (found,) = caught.value.diagnostics
        assert message in found.message
        assert found.hint == f"{near}{OWN}"
    assert "symgen --import MODULE" in OWN


@pytest.mark.parametrize("typed", [["--import", "own_line"], ["--import=own_line"]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_import_is_taken_before_and_after_the_verb(own, monkeypatch, typed, place):
    monkeypatch.setenv(TRUSTED, "")  # what the command sets is undone
    with open("own.yaml", "w", encoding="utf-8") as file:
        json.dump(SPEC, file)
    words = ["check", "own.yaml"]
    done = CliRunner().invoke(app, [*words[:place], *typed, *words[place:]])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "words", [["check", "own.yaml", "--import"], ["check", "--import", "--json", "own.yaml"]]
)
def test_import_needs_a_module(own, words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "needs the name of a module" in done.output


@pytest.fixture
def run(own, tmp_path, monkeypatch):
    """A run of an own environment, whose module is then forgotten."""
    monkeypatch.setenv(TRUSTED, "own_line")
    network = {**SPEC["network"], "hidden": "2 regular"}
    learning = {
        "algorithm": "ppo",
        "steps": 16,
        "seeds": [0],
        "envs": 2,
        "rollout": 8,
        "minibatch": 16,
    }
    (tmp_path / "own.yaml").write_text(json.dumps({**SPEC, "network": network, "train": learning}))
    train(
        read(tmp_path / "own.yaml"),
        TrainingSettings(root=tmp_path / "runs", evaluation=None),
        lambda report: None,
    )
    gymnasium.registry.pop("OwnLine-v0")
    gymnasium_env._interface.cache_clear()
    sys.modules.pop("own_line")
    monkeypatch.setenv(TRUSTED, "")
    return tmp_path / "runs" / "own" / "base" / "0"


def test_a_run_knows_the_modules_it_was_trained_with(run, monkeypatch):
    versions = json.loads((run / "versions.json").read_text())
    assert versions["imports"] == ["own_line"]
    del versions["checksum"]  # written anew
    older = {
        **versions,
        "imports": [],
        "command": ["symgen", "--import", "own_line", "train", "own.yaml"],
    }
    for known in (versions, older):
        write_json(run / "versions.json", known)
        for use in ("evaluate", "show"):
            done = CliRunner().invoke(app, [use, str(run)])
            assert done.exit_code == 2
            assert f"{run} was trained with --import own_line: put that after symgen" in done.output
    (run / "versions.json").write_text("{")
    with pytest.raises(symgen.SpecError, match="is known by the module that registers it"):
        symgen.load(run)
    monkeypatch.setenv(TRUSTED, "own_line")
    assert symgen.load(run).network is not None


def test_a_spec_cannot_name_a_module():
    spec = {**SPEC, "environment": {"adapter": "gymnasium_env", "id": "os:OwnLine-v0"}}
    with pytest.raises(symgen.SpecError, match="--import"):
        symgen.check(spec)
