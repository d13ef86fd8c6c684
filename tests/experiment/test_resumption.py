"""A training that was killed and goes on ends with the bits of one that was not; where environments
cannot be saved, it says so.
"""

import shutil
from dataclasses import replace

import pytest

from symgen import lookup
from symgen.experiment import checkpoint
from symgen.experiment.run import LAST, Run
from symgen.experiment.train import announcements
from symgen.rl._under_way import OLDER, PREFIX, fresh_episodes, inexact
from symgen.spec.edit import edit
from symgen.spec.source import read
from tests.experiment.doubles import SPEC
from tests.experiment.interrupted import (
    killed,
    resumed,
    resumption,
    rows,
    same_bits,
    same_weights,
    settings,
    trained,
)

CART = {
    "symgen": 1,
    "environment": {"adapter": "cartpole_swingup", "max_episode_steps": 11, "stagger": True},
    "symmetry": {"group": "D1", "states": "auto", "actions": "auto"},
    "network": {"family": "group_mlp", "hidden": "2 regular", "depth": 1},
}
PPO = {
    "algorithm": "ppo",
    "steps": 160,
    "envs": 2,
    "rollout": 8,
    "minibatch": 8,
    "epochs": 2,
    "normalise_rewards": True,
}
SOFT = {"steps": 160, "envs": 2, "warmup": 32, "report": 16, "batch": 4, "updates": 0.25}
TRAININGS = {
    "ppo": {**SPEC, "train": PPO},
    "recurrent": {
        **CART,
        "environment": {**CART["environment"], "frames": 2, "previous": ["action", "reward"]},
        "network": {**CART["network"], "memory": "gru"},
        "train": {**PPO, "sequence": 4},
    },
    "sac": {**CART, "train": {"algorithm": "sac", **SOFT}},
    "discrete_sac": {**SPEC, "train": {"algorithm": "discrete_sac", **SOFT}},
}
every_training = pytest.mark.parametrize("name", TRAININGS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """By name, a run that was not killed and one that was, trained when they are asked for."""
    known = {}

    def by_name(name):
        if name not in known:
            root = tmp_path_factory.mktemp(name)
            source = read(TRAININGS[name])
            known[name] = (trained(source, root / "whole"), killed(source, root / "killed"))
        return known[name]

    return by_name


def copied(run: Run, root) -> Run:
    shutil.copytree(run.folder.parents[2], root)
    return Run(root / run.label)


@every_training
def test_a_killed_training_ends_with_the_same_bits(name, runs, tmp_path):
    whole, cut = runs(name)
    assert whole.restore(LAST).update >= 10
    again = resumed(read(TRAININGS[name]), copied(cut, tmp_path / "runs"))
    assert rows(again) == rows(whole)
    assert same_bits(again, whole)
    assert resumption(again)["exact"] is True
    assert "why" not in resumption(again)


def without_environments(run: Run) -> None:
    """Make its last checkpoint one of an older version."""
    saved = run.restore(LAST)
    tensors = {name: x for name, x in saved.tensors.items() if PREFIX not in name}
    assert len(tensors) < len(saved.tensors)
    numbers = {
        name: value
        for name, value in saved.scalars.items()
        if name not in ("fresh_episodes", "device")
    }
    checkpoint.write(run.checkpoints, LAST, replace(saved, tensors=tensors, scalars=numbers))


@every_training
def test_without_the_environments_it_goes_on_elsewhere_and_says_so(name, runs, tmp_path):
    whole, cut = runs(name)
    run = copied(cut, tmp_path / "runs")
    without_environments(run)
    source = read(TRAININGS[name])
    [line] = announcements(source, settings(tmp_path / "runs", resume=True))
    assert line == f"{run.folder} goes on in fresh episodes, not bit for bit: {OLDER}"
    resumed(source, run)
    assert not same_weights(run, whole)
    assert (resumption(run)["exact"], resumption(run)["why"]) == (False, OLDER)


STUDENT = {
    "symgen": 1,
    "environment": CART["environment"],
    "symmetry": {
        "group": "S5",
        "states": {"observation": "tokens"},
        "actions": "trivial",
        "output": "invariant",
    },
    "network": {"family": "sensor_attention", "memory": "gru", "readout": "deep_sets"},
    "train": {
        **{key: PPO[key] for key in ("steps", "envs", "rollout", "minibatch")},
        "algorithm": "clone",
        "student_share": 0.5,
        "sequence": 4,
        "sensors": {"shuffle": "per_episode"},
    },
}


def test_a_killed_student_ends_with_the_same_bits(runs, tmp_path):
    # a teacher that remembers, and sees frames and actions that the student does not
    teacher, _ = runs("recurrent")
    source = edit(read(STUDENT), {"train.teacher": str(teacher.folder)})
    whole = trained(source, tmp_path / "whole")
    run = killed(source, tmp_path / "killed")
    assert any("view.envs." in name for name in run.restore(LAST).tensors)
    again = resumed(source, run)
    assert rows(again) == rows(whole)
    assert same_bits(again, whole)
    assert resumption(again)["exact"] is True


def test_every_algorithm_is_killed():
    tried = {training["train"]["algorithm"] for training in (*TRAININGS.values(), STUDENT)}
    assert tried == set(lookup.keywords("algorithm"))


def test_what_goes_on_elsewhere_is_not_called_exact():
    here = {"fresh_episodes": "", "device": "cpu"}
    assert fresh_episodes(here, "cpu") == inexact(here, "cpu") == ""
    assert fresh_episodes(here, "cuda") == inexact(here, "cuda") != ""
    there = {"fresh_episodes": "", "device": "cuda"}
    assert fresh_episodes(there, "cuda") == ""
    assert inexact(there, "cuda") == "what cuda computes need not come out alike twice"


def test_what_is_exact_is_not_announced(runs):
    _, cut = runs("ppo")
    root = cut.folder.parents[2]
    assert announcements(read(TRAININGS["ppo"]), settings(root, resume=True)) == []


def test_a_part_that_is_missing_is_a_damaged_checkpoint(runs, tmp_path):
    _, cut = runs("ppo")
    run = copied(cut, tmp_path / "runs")
    saved = run.restore(LAST)
    tensors = {name: x for name, x in saved.tensors.items() if not name.endswith("envs.random")}
    assert len(tensors) == len(saved.tensors) - 1
    checkpoint.write(run.checkpoints, LAST, replace(saved, tensors=tensors))
    with pytest.raises(Exception, match="the learner cannot go on from the checkpoint: 'random'"):
        resumed(read(TRAININGS["ppo"]), run)


INDICES = {
    **SPEC,
    "environment": {"adapter": "gymnasium_env", "id": "FrozenLake-v1"},
    "symmetry": {
        "group": "C1", "states": "trivial", "actions": "trivial", "constraint": "none"
    },
    "network": {"family": "mlp", "width": 8},
    "train": PPO,
    "evaluate": {},
}  # fmt: skip


def test_environments_that_cannot_be_saved_are_named(tmp_path):
    source = read(INDICES)
    run = killed(source, tmp_path)
    why = "the state of FrozenLake-v1 cannot be saved"
    assert not any(PREFIX in name for name in run.restore(LAST).tensors)
    [line] = announcements(source, settings(tmp_path, resume=True))
    assert line.endswith(f"goes on in fresh episodes, not bit for bit: {why}")
    resumed(source, run)
    assert (resumption(run)["exact"], resumption(run)["why"]) == (False, why)
    assert announcements(source, settings(tmp_path, resume=True)) == []  # nothing is left to do


def test_a_replay_that_is_not_saved_is_a_reason(tmp_path):
    source = edit(read(TRAININGS["sac"]), {"train.saved_gigabytes": 0.0})
    run = killed(source, tmp_path)
    resumed(source, run)
    assert resumption(run)["exact"] is False
    assert "saved_gigabytes allows 0" in resumption(run)["why"]
