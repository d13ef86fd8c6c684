"""Environments that fail: a clear mistake with the place in their code, and nothing is lost."""

import re

import numpy as np
import pytest
from gymnasium import spaces

from symgen.compiler import check_spec
from symgen.envs import guarded
from symgen.envs.guarded import environments, misfit
from symgen.errors import UserError
from symgen.experiment import metrics
from symgen.experiment.evaluate import evaluate_run
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.fit import Saving
from symgen.experiment.run import Run
from symgen.experiment.train import TrainingSettings, train
from symgen.proofs.check_env import check_environment
from symgen.spec.edit import edit
from symgen.spec.source import read
from tests.envs.faulty import FAULT, FAULTS, SPEC


def a_problem(**edits):
    return check_spec(edit(read(SPEC), edits) if edits else read(SPEC))


def quiet(_report):
    pass


def play(problem, steps: int = 8) -> None:
    envs = environments(problem, 2, seed=0)
    try:
        envs.reset(seed=0)
        for _ in range(steps):
            envs.step(np.zeros(2, np.int64))
    finally:
        envs.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_a_users_mistake(fault, monkeypatch):
    problem = a_problem()
    play(problem)  # control
    monkeypatch.setenv(FAULT, f"{fault} {0 if fault == 'make' else 3}")
    with pytest.raises(UserError) as caught:
        play(problem, 30)
    assert caught.value.code == "environment-failed"
    assert "Faulty" not in caught.value.hint


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("fault", ["reset", "step"])
def test_the_message_names_the_place(fault, vectorization, monkeypatch):
    problem = a_problem(**{"environment.vectorization": vectorization})
    monkeypatch.setenv(FAULT, f"{fault} 3")
    with pytest.raises(UserError) as caught:
        play(problem, 30)
    assert f"ZeroDivisionError: lost in {fault}" in caught.value.message
    assert re.search(r"faulty\.py:\d+, in _fault$", caught.value.message)
    assert "gymnasium" not in caught.value.message


def test_a_changed_shape_is_named(monkeypatch):
    problem = a_problem()
    monkeypatch.setenv(FAULT, "shape 3")
    with pytest.raises(
        UserError, match=r"environment 0 gave another observation.*shape is \(3,\), not \(2,\)"
    ):
        play(problem)


def test_a_process_that_dies_is_told(monkeypatch):
    problem = a_problem(**{"environment.vectorization": "async"})
    play(problem)  # control
    monkeypatch.setenv(FAULT, "die 3")
    with pytest.raises(UserError, match=r"has died \(exit status 7\)"):
        play(problem)


def test_a_bug_of_symgens_own_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), guarded.blamed("step"):
        exec(compile("1 / 0", f"{guarded.PACKAGE}/envs/own.py", "exec"))
    with pytest.raises(UserError, match="division by zero"), guarded.blamed("step"):
        exec(compile("1 / 0", "/somewhere/theirs.py", "exec"))


@pytest.mark.parametrize(
    ("space", "observation", "words"),
    [
        (spaces.Box(-1, 1, (2,)), np.zeros(2), ""),
        (spaces.Box(-1, 1, (2,)), np.zeros((2, 1)), "its shape is (2, 1), not (2,)"),
        (spaces.Box(0, 255, (2,), np.uint8), np.zeros(2), "it is of float64, not uint8"),
        (spaces.Discrete(3), 2, ""),
        (spaces.Discrete(3), 3, "3 is no index of Discrete(3)"),
        (spaces.Dict({"a": spaces.Box(-1, 1, (2,))}), {"a": np.zeros(2), "more": 1}, ""),
        (
            spaces.Dict({"a": spaces.Box(-1, 1, (2,))}),
            {"a": np.zeros(3)},
            "a: its shape is (3,), not (2,)",
        ),
        (spaces.Dict({"a": spaces.Box(-1, 1, (2,))}), np.zeros(2), "it is a ndarray, not a dict"),
    ],
)
def test_misfits(space, observation, words):
    assert misfit(space, observation) == words


@pytest.mark.parametrize("fault", ["step", "shape"])
def test_training_keeps_its_last_checkpoint_and_goes_on(fault, tmp_path, monkeypatch):
    how = {"root": tmp_path, "evaluation": None, "saving": Saving(seconds=0)}
    run = Run(tmp_path / "dict" / "base" / "0")
    monkeypatch.setenv(FAULT, f"{fault} 12")  # in the second update
    with pytest.raises(UserError, match="--resume") as caught:
        train(read(SPEC), TrainingSettings(**how), quiet)
    assert caught.value.code == "environment-failed"
    assert run.restore("last").update == 1
    monkeypatch.delenv(FAULT)
    [outcome], _ = train(read(SPEC), TrainingSettings(resume=True, **how), quiet)
    assert outcome.finished
    updates = [row["update"] for row in metrics.read(run.folder)]
    assert updates == list(range(1, len(updates) + 1))


def test_evaluation_and_check_env_say_so_too(tmp_path, monkeypatch):
    train(read(SPEC), TrainingSettings(root=tmp_path, evaluation=None), quiet)
    monkeypatch.setenv(FAULT, "step 3")
    with pytest.raises(UserError, match="lost in step"):
        evaluate_run(Run(tmp_path / "dict" / "base" / "0"), EvaluationSettings(episodes=4))
    with pytest.raises(UserError, match="lost in step"):
        check_environment(a_problem(), samples=10)
