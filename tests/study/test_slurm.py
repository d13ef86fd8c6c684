"""An array of commands that go on from the folder, by submitit's executor on this machine."""

import importlib.util
import os
import pickle
import sys

import pytest

from symgen.errors import UserError
from symgen.study import slurm
from symgen.study.engine import tasks_of
from tests.study.killed import runs_below, same_study, settings, tiny, uninterrupted

needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None, reason="submitit is not installed"
)
STEPS = 256


def test_without_submitit_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        slurm.submit([], tmp_path, {})
    assert caught.value.code == "missing-package"


@needs_submitit
@pytest.mark.parametrize("options", [{"nonsense": "1"}, {"cluster": "nowhere"}])
def test_what_submitit_refuses_is_a_users_mistake(tmp_path, options):
    with pytest.raises(UserError) as caught:
        slurm.submit([], tmp_path, {"cluster": "local", **options})
    assert caught.value.code == "cluster-unreachable"


@needs_submitit
def test_what_is_queued_again_is_the_same_command(tmp_path):
    [task, *_], _ = tasks_of(tiny(STEPS), settings(tmp_path))
    command = slurm.Command(task)
    again = pickle.loads(pickle.dumps(command.checkpoint()))
    assert again.function.task.run == task.run
    assert (again.args, again.kwargs) == ((), {})


@needs_submitit
@pytest.mark.slow(1)
def test_the_array_gives_the_same_bits_and_is_submitted_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    whole = uninterrupted(tmp_path / "whole", STEPS)
    tasks, _ = tasks_of(tiny(STEPS), settings(tmp_path / "slurm"))
    options = {"cluster": "local", "timeout_min": "5"}
    jobs = slurm.submit(tasks, tmp_path / "logs", options)
    assert [job.result() for job in jobs] == ["finished"] * len(tasks)
    assert same_study(runs_below(tmp_path / "slurm"), whole)
    assert slurm.submit(tasks, tmp_path / "logs", options) == []
