"""A study that is killed again and again ends as one that was not."""

import json

import pytest

from symgen.experiment import checkpoint
from symgen.experiment.run import LAST
from tests.study.killed import begun, killed, runs_below, same_study, uninterrupted


def test_a_study_that_is_killed_twice_ends_with_the_same_bits(tmp_path):
    check(tmp_path, steps=512, kills=2)


@pytest.mark.slow(6)
def test_a_study_that_is_killed_ten_times_ends_with_the_same_bits(tmp_path):
    check(tmp_path, steps=4096, kills=10)


@pytest.mark.slow(1)
def test_two_commands_on_one_folder_share_the_work(tmp_path):
    whole = uninterrupted(tmp_path / "whole", 1024)
    root = tmp_path / "shared"
    commands = [begun(root, 1024), begun(root, 1024)]
    for command in commands:
        command.communicate()
    assert [command.returncode for command in commands] == [0, 0]
    runs = runs_below(root)
    assert same_study(runs, whole)
    for run in runs:  # nothing was done twice
        assert "resumed" not in (run.folder / "versions.json").read_text()


def check(tmp_path, steps, kills):
    whole = uninterrupted(tmp_path / "whole", steps)
    ended, log = killed(tmp_path / "killed", steps, kills, seed=7)
    assert len(whole) == 4
    assert log == (["worker", "parent"] * kills)[:kills]
    assert same_study(ended, whole)
    versions = [json.loads((run.folder / "versions.json").read_text()) for run in ended]
    resumed = [entry for each in versions for entry in each.get("resumed", [])]
    assert resumed  # or nothing was interrupted
    assert all(entry["exact"] for entry in resumed)
    # the comparison can fail
    last = whole[0].restore(LAST)
    name = next(name for name in last.tensors if name.startswith("network."))
    last.tensors[name].view(-1)[0] += 1e-6
    checkpoint.write(whole[0].checkpoints, LAST, last)
    assert not same_study(ended, whole)
