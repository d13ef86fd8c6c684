"""Training for real, on a tiny spec: the folder, resuming, reproducing."""

import copy
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from symgen.errors import UserError
from symgen.experiment import metrics
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.files import read_json, write_json
from symgen.experiment.fit import Saving
from symgen.experiment.run import Run
from symgen.experiment.train import TrainingSettings, Unverified, train
from symgen.spec.edit import edit
from symgen.spec.source import read
from tests.experiment.doubles import SPEC
from tests.experiment.interrupted import same_bits

TIMES = ("seconds", "steps_per_second")


def a_source(**edits):
    return edit(read(SPEC), {"train.steps": 300, **edits})


def settings(tmp_path, **options) -> TrainingSettings:
    return TrainingSettings(root=tmp_path, **{"evaluation": None, **options})


def rows(run: Run) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in metrics.read(run.folder)]


def quiet(_report):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One finished and evaluated run."""
    root = tmp_path_factory.mktemp("runs")
    [outcome], _ = train(
        a_source(), TrainingSettings(root=root, evaluation=EvaluationSettings(episodes=8)), quiet
    )
    return outcome


def test_the_folder_of_a_run(trained):
    run = trained.run
    assert run.label == "dict/base/0"
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        ".lock", "spec.yaml", "resolved.json", "plan.txt", "verification.json", "versions.json",
        "metrics.jsonl", "events", "checkpoints", "evaluation.episodes=8.json",
        "learning_curve.png",
    }  # fmt: skip
    assert trained.finished
    assert run.finished


def test_the_spec_of_a_run_compiles_to_the_same_run(trained):
    from symgen.compiler import check_spec
    from symgen.experiment.in_force import resolved

    again = resolved(check_spec(trained.run.folder / "spec.yaml"))
    recorded = read_json(trained.run.folder / "resolved.json")
    assert json.loads(json.dumps(again)) == recorded
    assert recorded["train"]["gamma"] == 0.99  # a default, written out
    assert "weights" in (trained.run.folder / "plan.txt").read_text()


def test_metrics_are_a_line_per_update(trained):
    lines = metrics.read(trained.run.folder)
    assert [row["update"] for row in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["step"] == trained.step >= 300
    assert all({"step", "return", "seconds", "policy_loss"} <= row.keys() for row in lines)


def test_no_pickle_anywhere(trained):
    suffixes = {path.suffix for path in trained.run.checkpoints.iterdir()}
    assert suffixes == {".json", ".safetensors"}


def test_the_same_seed_gives_the_same_run(tmp_path, trained):
    [again], _ = train(a_source(), settings(tmp_path), quiet)
    assert rows(again.run) == rows(trained.run)
    [second], _ = train(a_source(), settings(tmp_path), quiet, seeds=[1])
    assert rows(second.run) != rows(trained.run)  # control


def test_seeds_side_by_side_give_the_same_runs(tmp_path, trained):
    heard = []
    outcomes, _ = train(a_source(), settings(tmp_path, jobs=2), heard.append, seeds=[0, 1])
    assert [outcome.run.seed for outcome in outcomes] == [0, 1]
    assert rows(outcomes[0].run) == rows(trained.run)
    assert {report.seed for report in heard} == {0, 1}
    assert (tmp_path / "dict" / "base" / "learning_curve.png").exists()


def test_a_run_in_the_way_is_not_overwritten(tmp_path):
    train(a_source(), settings(tmp_path), quiet)
    before = (tmp_path / "dict/base/0/metrics.jsonl").read_text()
    with pytest.raises(UserError, match="finished already") as caught:
        train(a_source(), settings(tmp_path), quiet)
    assert "--resume" in caught.value.hint
    assert "--force" in caught.value.hint
    assert (tmp_path / "dict/base/0/metrics.jsonl").read_text() == before
    train(a_source(), settings(tmp_path, resume=True), quiet)  # there is nothing left to do
    assert (tmp_path / "dict/base/0/metrics.jsonl").read_text() == before
    train(a_source(), settings(tmp_path, force=True), quiet)
    assert (tmp_path / "dict/base/0/metrics.jsonl").read_text() != before  # times differ


def test_a_changed_spec_is_not_resumed(tmp_path):
    train(a_source(), settings(tmp_path), quiet)
    with pytest.raises(UserError) as caught:
        train(a_source(**{"train.gamma": 0.5}), settings(tmp_path, resume=True), quiet)
    assert caught.value.code == "run-changed"
    assert "train.gamma: 0.99 -> 0.5" in caught.value.message
    outcomes, _ = train(a_source(**{"train.seeds": [0, 1]}), settings(tmp_path, resume=True), quiet)
    assert [outcome.run.seed for outcome in outcomes] == [
        0,
        1,
    ]  # more seeds change nothing about seed 0


def test_new_conditions_are_evaluated_in_a_finished_run(tmp_path):
    resumed = settings(tmp_path, resume=True, evaluation=EvaluationSettings(episodes=4))
    [outcome], _ = train(a_source(), resumed, quiet)

    def conditions() -> list[str]:
        return list(read_json(outcome.run.folder / "evaluation.episodes=4.json")["conditions"])

    assert conditions() == ["training", "rotated", "harder"]
    train(a_source(evaluate={"noisy": {"observation_noise": 0.5}}), resumed, quiet)
    assert conditions() == ["training", "noisy"]


def test_an_evaluation_of_less_training_or_fewer_episodes_is_made_anew(tmp_path):
    resumed = settings(tmp_path, resume=True, evaluation=EvaluationSettings(episodes=4))
    [outcome], _ = train(a_source(), resumed, quiet)
    path = outcome.run.folder / "evaluation.episodes=4.json"
    good = read_json(path)
    for key, value in {
        "step": 7,
        "episodes": 2,
        "actions": "sampled",
        "evaluation_seed": 1,
    }.items():
        write_json(path, {**good, key: value})
        train(a_source(), resumed, quiet)
        assert json.loads(path.read_text())[key] == good[key] != value
    write_json(path, {**good, "python": "mine"})  # control: one that is current is kept
    train(a_source(), resumed, quiet)
    assert json.loads(path.read_text())["python"] == "mine"


def test_a_spec_without_train_says_so(tmp_path):
    values = {key: value for key, value in SPEC.items() if key != "train"}
    with pytest.raises(UserError, match="no train: section"):
        train(read(values), settings(tmp_path), quiet)


def test_what_does_not_hold_is_not_trained(tmp_path, monkeypatch):
    from symgen.proofs import verify
    from symgen.proofs.verify import Row, Verification

    broken = Verification((Row("r", "policy", "float64", 0.1, 1.0, 1e-12, "broken"),))
    monkeypatch.setattr(verify, "verify", lambda *_, **__: broken)
    with pytest.raises(Unverified) as caught:
        train(a_source(), settings(tmp_path), quiet)
    assert caught.value.verification is broken
    assert not (tmp_path / "dict/base/0/metrics.jsonl").exists()


TRAIN = """
import sys
from pathlib import Path
from symgen.experiment.fit import Saving
from symgen.experiment.train import TrainingSettings, train
from symgen.spec.source import read
settings = TrainingSettings(root=Path(sys.argv[2]), saving=Saving(seconds=0), evaluation=None)
train(read(sys.argv[1]), settings, lambda report: None)
"""


def test_a_killed_training_is_resumed(tmp_path):
    spec = copy.deepcopy(SPEC)
    spec["train"]["steps"] = 1500
    source = read(spec)
    (tmp_path / "spec.yaml").write_text(source.text)
    run = Run(tmp_path / "runs" / "spec" / "base" / "0")
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(tmp_path / "spec.yaml"), str(tmp_path / "runs")]
    )
    deadline = time.monotonic() + 60
    while len(metrics.read(run.folder)) < 4 or not run.resumable:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert not run.finished
    [whole], _ = train(source, settings(tmp_path / "whole"), quiet)
    begin = run.restore("last")
    heard = []
    saved = TrainingSettings(
        root=tmp_path / "runs", resume=True, saving=Saving(seconds=0), evaluation=None
    )
    [outcome], _ = train(read(tmp_path / "spec.yaml"), saved, heard.append)
    assert outcome.finished
    training = [report for report in heard if not report.note]
    assert training[0].step > begin.step  # it went on from there, not from the beginning
    lines = metrics.read(run.folder)
    assert [row["update"] for row in lines] == list(range(1, len(lines) + 1))
    steps = [row["step"] for row in lines]
    assert steps == sorted(set(steps))
    assert lines[begin.update - 1]["step"] == begin.step
    [resumed] = json.loads((run.folder / "versions.json").read_text())["resumed"]
    assert resumed["step"] == begin.step
    assert resumed["exact"] is True
    # another process ends with the bits that the first would have ended with
    assert rows(run) == rows(whole.run)
    assert same_bits(run, whole.run)


def test_a_damaged_checkpoint_is_a_clear_mistake(tmp_path):
    train(a_source(), settings(tmp_path), quiet)
    run = Run(tmp_path / "dict/base/0")
    [tensors] = run.checkpoints.glob("last-*.safetensors")
    os.truncate(tensors, 100)
    with pytest.raises(UserError) as caught:
        train(a_source(), settings(tmp_path, resume=True), quiet)
    assert caught.value.code == "checkpoint-damaged"
    assert "best" in caught.value.hint
    train(a_source(), settings(tmp_path, force=True), quiet)  # the way out


def test_weights_belong_to_the_seed(tmp_path):
    outcomes, _ = train(
        a_source(), settings(tmp_path, saving=Saving(seconds=0, keep=1)), quiet, seeds=[0, 1]
    )
    first = [min(outcome.run.checkpoints.glob("step-*.json")) for outcome in outcomes]
    tensors = [
        outcome.run.restore(path.stem).tensors
        for outcome, path in zip(outcomes, first, strict=True)
    ]
    different = [name for name in tensors[0] if not torch.equal(tensors[0][name], tensors[1][name])]
    assert any(name.startswith("network.") for name in different)
