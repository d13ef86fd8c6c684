"""A study runs, and the same command again repeats nothing."""

import json
from dataclasses import replace

from typer.testing import CliRunner

from symgen._study_verbs import _seeds
from symgen.cli import app
from symgen.experiment.run import find
from symgen.experiment.train import TrainingSettings
from symgen.spec.source import read
from symgen.study.engine import run_study
from symgen.study.matrix import matrix
from symgen.study.study import study_of
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
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0, again.output
    assert [(run.checkpoints / "last.json").stat().st_mtime_ns for run in runs] == before


def test_seeds_are_those_of_the_spec_and_then_others():
    assert _seeds((5, 1), 1) == (5,)
    assert _seeds((5, 1), 5) == (5, 1, 0, 2, 3)


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
