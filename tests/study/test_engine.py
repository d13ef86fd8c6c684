"""A study runs, and the same command again repeats nothing."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from symgen.cli import app
from symgen.errors import UserError
from symgen.experiment.files import read_json
from symgen.experiment.run import find
from symgen.experiment.train import TrainingSettings
from symgen.experiment.workers import Raised, Returned
from symgen.spec.source import read
from symgen.study import engine
from symgen.study.begun import begun
from symgen.study.decided import seeds_of
from symgen.study.engine import run_study, summarise, tasks_of
from symgen.study.matrix import matrix
from symgen.study.study import study_of
from symgen.study.work import found_done, run_one
from tests.study.killed import EPISODES, settings, tiny
from tests.study.specs import LAVA


def test_a_study_is_run_once(tmp_path):
    path = tmp_path / "lava.yaml"
    path.write_text(read({**LAVA, "ablate": {"network.depth": [2]}}).text)
    command = ["ablate", str(path), "--runs", str(tmp_path / "runs"), "--no-probe", "--json"]
    command += ["--episodes", "0"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    runs = find(tmp_path / "runs" / "lava")
    assert [run.label for run in runs] == ["lava/base/0", "lava/network.depth=2/0"]
    assert all(run.finished for run in runs)
    arms = [json.loads((run.folder / "arm.json").read_text()) for run in runs]
    assert [arm["name"] for arm in arms] == ["base", "network.depth=2"]
    assert arms[1]["edits"] == {"network.depth": 2}
    # the base run is that of `symgen train`, with the text that was written
    assert "ablate" in (runs[0].folder / "spec.yaml").read_text()
    before = [(run.checkpoints / "last.json").stat().st_mtime_ns for run in runs]
    # what is left to do is done: the evaluation
    again = CliRunner().invoke(app, [*command[:-3], "--episodes", "2"])
    assert again.exit_code == 0, again.output
    assert "Mean return over 2 episodes" in again.output
    assert [(run.checkpoints / "last.json").stat().st_mtime_ns for run in runs] == before


def test_seeds_are_those_of_the_spec_and_then_others():
    assert seeds_of((5, 1), 1) == (5,)
    assert seeds_of((5, 1), 5) == (5, 1, 0, 2, 3)


def test_an_arm_that_fails_is_listed_and_the_others_run(tmp_path):
    study = matrix(study_of(read({**LAVA, "ablate": {"network.depth": [2]}}))).study
    gone = {**study.arms[0].edits, "train.algorithm": "gone"}
    broken = replace(study.arms[0], name="broken", edits=gone)
    settings = TrainingSettings(root=tmp_path, evaluation=None)
    study = replace(study, arms=(broken, study.arms[1]))
    failed, trained = run_study(study, settings, lambda report: None)
    assert "unknown-algorithm" in failed.failure
    assert trained.finished
    assert not trained.failure


def test_runs_are_handed_out_seed_by_seed(tmp_path):
    tasks, failures = tasks_of(tiny(64), settings(tmp_path))
    labels = [task.label for task in tasks]
    assert labels == ["base/0", "network.depth=2/0", "base/1", "network.depth=2/1"]
    assert not failures


def test_a_changed_spec_is_refused_before_anything_runs(tmp_path):
    tasks, _ = tasks_of(tiny(64), settings(tmp_path))
    run_one(tasks[1], lambda report: None, lambda: False)
    study = tiny(64)
    arm = replace(study.arms[1], edits={**study.arms[1].edits, "train.epochs": 3})
    with pytest.raises(UserError) as caught:
        tasks_of(replace(study, arms=(study.arms[0], arm)), settings(tmp_path))
    assert caught.value.code == "run-changed"


def test_a_run_that_another_process_has_is_left_to_it(tmp_path):
    [task, *_], _ = tasks_of(tiny(64), settings(tmp_path))
    with task.run.locked():
        assert run_one(task, lambda report: None, lambda: False) is None
    assert found_done(task) is None
    run_one(task, lambda report: None, lambda: False)
    assert found_done(task).finished


class Inside:
    """An executor of this process; runs in `busy` are another's until they were asked for twice."""

    is_free = True

    def __init__(self, busy=(), fails=()):
        self.begun = []
        self._busy = dict.fromkeys(busy, 2)
        self._fails = fails
        self._messages = []

    def begin(self, index, task):
        self.begun.append(task.label)
        if self._busy.get(task.label, 0):
            self._busy[task.label] -= 1
            self._messages.append(Returned(index, None))
        elif task.label in self._fails:
            self._messages.append(Raised(index, RuntimeError("a bug")))
        else:
            result = run_one(task, lambda report: None, lambda: False)
            self._messages.append(Returned(index, result))

    def receive(self, patience=0.0):
        messages = self._messages
        self._messages = []
        return messages

    def stop(self):
        pass

    def close(self):
        pass


def test_what_fails_is_listed_and_what_is_busy_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "BUSY", 0.01)
    executor = Inside(busy=["base/0"], fails=["network.depth=2/1"])
    heard = []
    base, deep = run_study(tiny(64), settings(tmp_path), heard.append, lambda: executor)
    assert executor.begun.count("base/0") == 3
    assert base.finished
    assert not base.is_interrupted
    assert deep.failures == {"network.depth=2/1": "a bug"}
    assert (heard[-1].runs, heard[-1].done, heard[-1].failed) == (4, 3, 1)
    assert heard[-1].share == 1
    # the same again asks for what failed, and for nothing else
    again = Inside()
    outcomes = run_study(tiny(64), settings(tmp_path), heard.append, lambda: again)
    assert again.begun == ["network.depth=2/1"]
    assert all(outcome.finished for outcome in outcomes)
    summarise(outcomes, settings(tmp_path))
    for outcome in outcomes:
        folder = outcome.runs[0].folder.parent
        assert read_json(folder / EPISODES.file)["seeds"] == [0, 1]
        assert (folder / "learning_curve.png").exists()


def test_what_was_trimmed_is_gone_on_with(tmp_path):
    whole = matrix(tiny(64))
    assert begun(whole, tmp_path) is None
    arms = [replace(arm, edits={**arm.edits, "train.steps": 32}) for arm in whole.study.arms]
    study = replace(whole.study, arms=tuple(arms), seeds=(0,))
    tasks, _ = tasks_of(study, settings(tmp_path))
    run_one(tasks[0], lambda report: None, lambda: False)
    before = begun(whole, tmp_path)
    assert str(before) == "1 seeds, 32 steps"
    applied = before.applied(whole)
    assert applied.study.seeds == (0,)
    assert [arm.edits["train.steps"] for arm in applied.study.arms] == [32, 32]
    assert [row.steps for row in applied.rows] == [32, 32]
