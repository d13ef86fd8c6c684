"""Evaluating under conditions that the run's spec does not have: played, kept apart, and the
standard one stays.
"""

import json

import pytest
from typer.testing import CliRunner

from symgen.cli import app
from symgen.errors import UserError
from symgen.experiment.evaluate import evaluate_run, evaluate_runs
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.run import Run
from symgen.experiment.train import TrainingSettings, train
from symgen.pictures import table
from symgen.spec.source import read
from tests.experiment.test_load import POLE

SPEC = {
    **POLE,
    "train": {**POLE["train"], "steps": 100},
    "evaluate": {"mirrored": {"transform": "s"}},
}
WINDY = {"evaluate.windy.observation_noise": 0.2}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    root = tmp_path_factory.mktemp("runs")
    train(
        read(SPEC),
        TrainingSettings(root=root, evaluation=EvaluationSettings(episodes=4)),
        lambda report: None,
        seeds=[0],
    )
    return Run(root / "dict" / "base" / "0")


def test_only_what_is_changed_is_played_and_stored_apart(run):
    before = {path.name: path.read_bytes() for path in run.folder.glob("evaluation*.json")}
    evaluation = evaluate_run(run, EvaluationSettings(episodes=4, changes=WINDY))
    assert list(evaluation.scores) == ["training", "windy"]
    after = {path.name: path.read_bytes() for path in run.folder.glob("evaluation*.json")}
    assert {name: after[name] for name in before} == before
    [new] = after.keys() - before.keys()
    assert "windy" in new
    assert json.loads(after[new])["changes"] == WINDY
    assert (
        evaluate_runs([run], EvaluationSettings(episodes=4, changes=WINDY), stored=True)
        == evaluation
    )
    assert list(evaluate_runs([run], EvaluationSettings(episodes=4), stored=True).scores) == [
        "training",
        "mirrored",
    ]
    with pytest.raises(UserError) as caught:
        evaluate_runs(
            [run],
            EvaluationSettings(episodes=4, changes={"evaluate.windy.observation_noise": 0.3}),
            stored=True,
        )
    assert caught.value.code == "not-evaluated"
    assert "observation_noise=0.2" in table.detail(evaluation).title


def test_the_change_reaches_the_environment(run):
    rows = evaluate_run(
        run, EvaluationSettings(episodes=4, changes={"evaluate.blind.observation_noise": 50.0})
    ).scores
    assert rows["blind"].lengths.mean != rows["training"].lengths.mean
    ends = {"environment.max_episode_steps": 3}
    rows = evaluate_run(run, EvaluationSettings(episodes=4, changes=ends)).scores
    assert rows["max_episode_steps=3"].lengths.mean == 3 < rows["training"].lengths.mean


def test_the_command(run):
    def typed(*words: str):
        return CliRunner().invoke(app, ["evaluate", str(run.folder), "--episodes", "2", *words])

    done = typed("--set", "evaluate.windy.observation_noise=0.2", "--json")
    assert list(json.loads(done.stdout)["evaluations"][0]["conditions"]) == ["training", "windy"]
    assert typed("--set", "network.width=8").exit_code == 2
    assert "belongs to the training" in typed("--set", "train.steps=8").stderr
    wrong = typed("--set", "evaluate.windy.observation_nose=0.2")
    assert wrong.exit_code == 2
    assert "did you mean 'observation_noise'" in wrong.stderr
