"""Training a finished run longer: the same run goes on, says so, and nothing else may change."""

import json

import pytest
import torch
from typer.testing import CliRunner

from symgen.cli import app
from symgen.errors import UserError
from symgen.experiment import metrics
from symgen.experiment.evaluate import evaluate_runs
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.longer import announcement
from symgen.experiment.run import Run
from symgen.experiment.train import TrainingSettings, train
from symgen.rl._ppo_options import Options
from symgen.spec.edit import edit
from symgen.spec.source import read
from tests.experiment.doubles import SPEC
from tests.experiment.test_load import PENDULUM


def source(steps: int, **edits):
    return edit(read(SPEC), {"train.steps": steps, **edits})


def settings(tmp_path, **options) -> TrainingSettings:
    return TrainingSettings(root=tmp_path, evaluation=None, **options)


def quiet(_report):
    pass


def test_a_finished_run_goes_on_to_more_steps(tmp_path):
    [short], _ = train(source(200), settings(tmp_path), quiet)
    before = metrics.read(short.run.folder)
    ended = short.run.restore("last")
    [longer], _ = train(source(400), settings(tmp_path, resume=True), quiet)
    assert longer.run == short.run
    assert longer.finished
    assert longer.step >= 400 > short.step
    after = metrics.read(longer.run.folder)
    assert after[: len(before)] == before  # the same run, gone on with
    assert [row["update"] for row in after] == list(range(1, len(after) + 1))
    kept = longer.run.restore(f"step-{short.step}")  # the shorter training can still be evaluated
    assert all(torch.equal(value, ended.tensors[name]) for name, value in kept.tensors.items())
    assert json.loads((longer.run.folder / "resolved.json").read_text())["train"]["steps"] == 400
    [resumed] = json.loads((longer.run.folder / "versions.json").read_text())["resumed"]
    assert (resumed["step"], resumed["steps"]) == (short.step, [200, 400])


def test_an_evaluation_of_the_shorter_training_is_not_shown_for_the_longer(tmp_path):
    evaluated = TrainingSettings(root=tmp_path, evaluation=EvaluationSettings(episodes=4))
    [outcome], _ = train(source(100), evaluated, quiet)
    assert evaluate_runs([outcome.run], EvaluationSettings(episodes=4), stored=True)
    evaluate_runs([outcome.run], EvaluationSettings(episodes=2))
    [outcome], _ = train(
        source(200),
        TrainingSettings(root=tmp_path, evaluation=evaluated.evaluation, resume=True),
        quiet,
    )
    assert (
        evaluate_runs([outcome.run], EvaluationSettings(episodes=4), stored=True).settings["step"]
        == outcome.step
    )
    with pytest.raises(UserError, match="is of step") as caught:
        evaluate_runs([outcome.run], EvaluationSettings(episodes=2), stored=True)
    assert caught.value.code == "not-evaluated"


def test_nothing_else_may_change(tmp_path):
    train(source(200), settings(tmp_path), quiet)
    for changed in (source(400, **{"train.gamma": 0.9}), source(100)):
        with pytest.raises(UserError) as caught:
            train(changed, settings(tmp_path, resume=True), quiet)
        assert caught.value.code == "run-changed"
    with pytest.raises(UserError) as caught:  # nor without being asked
        train(source(400), settings(tmp_path), quiet)
    assert caught.value.code == "run-exists"
    assert "--steps" in caught.value.hint


def test_a_longer_training_that_is_stopped_is_not_finished(tmp_path):
    train(source(200), settings(tmp_path), quiet)
    heard = []

    def stop(report):
        heard.append(report)
        if len(heard) > 2:
            # before a checkpoint: the last one says that it is finished, of 200 steps
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(source(600), settings(tmp_path, resume=True), stop)
    run = Run(tmp_path / "dict/base/0")
    assert run.restore("last").finished
    assert json.loads((run.folder / "resolved.json").read_text())["train"]["steps"] == 600
    [outcome], _ = train(source(600), settings(tmp_path, resume=True), quiet)
    assert outcome.finished
    assert outcome.step >= 600


@pytest.mark.slow  # that the replay grows is tested by itself
def test_sac_goes_on_with_a_larger_replay(tmp_path):
    [short], _ = train(read(PENDULUM), settings(tmp_path), quiet)
    [longer], _ = train(
        edit(read(PENDULUM), {"train.steps": 200}), settings(tmp_path, resume=True), quiet
    )
    assert longer.finished
    assert longer.step >= 200 > short.step


def test_schedules_over_the_whole_training_are_spoken_of():
    options = Options.model_validate({"learning_rate": {"from": 0.001, "to": 0.0}})
    text = announcement("runs/x/base/0", (100, 400), 100, options)
    assert "from step 100, to 400 instead of 100" in text
    assert (
        "train.learning_rate goes from 0.001 to 0 over all 400 steps now: it was 0, jumps "
        "to 0.00075" in text
    )
    assert "train." not in announcement("runs/x/base/0", (100, 400), 100, Options())  # control


def test_the_command(tmp_path):
    spec = tmp_path / "tiny.yaml"
    spec.write_text(read(SPEC).text)

    def typed(*words: str):
        return CliRunner().invoke(
            app, ["train", str(spec), "--runs", str(tmp_path), "--episodes", "0", *words]
        )

    assert (
        typed("--set", "train.learning_rate={from: 1e-3, to: 0}", "--variant", "line").exit_code
        == 0
    )
    edits = ["--set", "train.learning_rate={from: 1e-3, to: 0}", "--variant", "line"]
    assert typed(*edits, "--steps", "900").exit_code == 2  # without --resume
    done = typed(*edits, "--resume", "--steps", "900")
    assert done.exit_code == 0
    assert "is trained longer" in done.stderr
    assert "train.learning_rate goes" in done.stderr
    assert "line/0: finished" in done.stdout
    again = typed(*edits, "--resume", "--steps", "900")  # nothing is left to do
    assert again.exit_code == 0
    assert "longer" not in again.stderr
