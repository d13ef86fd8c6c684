"""A run says where it was trained, is evaluated and resumed elsewhere, and a device that is not
there is a mistake.
"""

import json

import pytest
import torch
from typer.testing import CliRunner

from symgen.cli import app
from symgen.compiler import compile_spec
from symgen.errors import UserError
from symgen.experiment import evaluate, evaluation, load, train
from symgen.experiment.fit import Saving
from symgen.experiment.run import Run
from symgen.nn import device
from symgen.spec.source import from_text
from tests.pretend import ELSEWHERE, elsewhere

SPEC = """symgen: 1
environment: {adapter: gymnasium_env, id: CartPole-v1}
symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: [1, 0]}}
network: {family: group_mlp, hidden: 4 regular}
train: {algorithm: ppo, steps: 64, envs: 2, rollout: 16, minibatch: 32}
"""
GONE = "cuda:7"  # no machine of ours has so many


@pytest.fixture
def away(monkeypatch):
    """The device "meta" may be named."""
    real = device.chosen

    def chosen(name):
        return ELSEWHERE if name == "meta" else real(name)

    for module in (device, train, load):
        monkeypatch.setattr(module, "chosen", chosen)
    with elsewhere(monkeypatch):
        yield


def trained(tmp_path, where):
    settings = train.TrainingSettings(tmp_path, saving=Saving(0), device=where, evaluation=None)
    source = from_text(SPEC, "cart.yaml")
    train.train(source, settings, lambda report: None)
    return Run(tmp_path / "cart" / "base" / "0")


def told(run, name="versions.json"):
    return json.loads((run.folder / name).read_text())


def test_trained_elsewhere_evaluated_and_resumed_here(away, tmp_path):
    run = trained(tmp_path, "meta")
    assert told(run)["device"] == "meta"
    assert told(run, "verification.json")["device"] == "meta"
    weights = run.restore("last").tensors
    assert {x.device.type for x in weights.values()} == {"cpu"}
    settings = evaluation.EvaluationSettings(episodes=2, envs=2)
    evaluate.evaluate_run(run, settings)
    assert told(run, settings.file)["versions"]["device"] == "cpu"
    # and goes on here, to more steps than it was begun with
    source = from_text(SPEC.replace("steps: 64", "steps: 96"), "cart.yaml")
    again = train.TrainingSettings(tmp_path, resume=True, saving=Saving(0), evaluation=None)
    [outcome], _ = train.train(source, again, lambda report: None)
    assert outcome.finished
    assert outcome.step >= 96
    assert [resumption["device"] for resumption in told(run)["resumed"]] == ["cpu"]


def test_a_run_on_the_cpu_says_so(tmp_path):
    run = trained(tmp_path, "auto" if not torch.cuda.is_available() else "cpu")
    assert told(run)["device"] in ("cpu", "mps")


@pytest.mark.parametrize("verb", ["train", "verify", "evaluate"])
@pytest.mark.parametrize("name", [GONE, "gpu"])
def test_a_device_that_is_not_there_is_said_before_any_work(tmp_path, verb, name):
    (tmp_path / "cart.yaml").write_text(SPEC)
    target = str(tmp_path / "cart.yaml") if verb != "evaluate" else str(tmp_path)
    more = ["--runs", str(tmp_path / "runs")] if verb == "train" else []
    done = CliRunner().invoke(app, [verb, target, *more, "--device", name, "--json"])
    assert done.exit_code == 2, done.output
    [diagnostic] = json.loads(done.stdout)["diagnostics"]
    assert (diagnostic["code"], "cpu" in diagnostic["hint"]) == ("device-not-found", True)
    assert not (tmp_path / "runs").exists()


def test_compile_and_verify_elsewhere(away):
    compiled = compile_spec(from_text(SPEC, "cart.yaml"), seed=0, device="meta")
    here = compile_spec(from_text(SPEC, "cart.yaml"), seed=0)
    assert compiled.network.device == ELSEWHERE
    assert (
        compiled.verification.rows == here.verification.rows
    )  # the same weights, wherever they are
    assert str(compiled.verification).endswith("measured on meta")
    assert "measured on" not in str(here.verification)


def test_verify_where_there_is_no_float64(away, monkeypatch):
    monkeypatch.setattr(device, "NARROW", {"meta"})
    monkeypatch.setattr("symgen.proofs.verification.NARROW", {"meta"})
    compiled = compile_spec(from_text(SPEC, "cart.yaml"), seed=0, device="meta")
    here = compile_spec(from_text(SPEC, "cart.yaml"), seed=0)
    assert compiled.verification.rows == here.verification.rows
    assert str(compiled.verification).endswith("measured on meta, float64 on the cpu: it has none")


def test_compile_refuses_a_device_that_is_not_there():
    with pytest.raises(UserError, match="is not there"):
        compile_spec(from_text(SPEC, "cart.yaml"), device=GONE)
