"""Soft actor-critic from the front end: trained, stopped, gone on with, evaluated under the group,
drawn.
"""

import math

import pytest

from symgen.experiment import metrics
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.fit import Saving
from symgen.experiment.load import loaded
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.train import TrainingSettings, train
from symgen.rl.sac import METRICS
from symgen.spec.edit import edit
from symgen.spec.source import read

SPEC = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1", "max_episode_steps": 20},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [1, -2, -3]}},
        "actions": {"s": [-1]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular", "depth": 1},
    "train": {"algorithm": "sac", "steps": 120, "warmup": 40, "report": 20, "batch": 8},
    "evaluate": {"mirrored": {"transform": "s"}},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One finished and evaluated run; every checkpoint was kept."""
    settings = TrainingSettings(
        root=tmp_path_factory.mktemp("runs"),
        evaluation=EvaluationSettings(episodes=4),
        saving=Saving(0, 1),
    )
    [outcome], _ = train(read(SPEC), settings, lambda report: None)
    return outcome


def test_a_run_is_trained_and_evaluated(trained):
    lines = metrics.read(trained.run.folder)
    assert trained.finished
    assert [row["step"] for row in lines] == [20, 40, 60, 80, 100, 120]
    assert lines[-1].keys() - {"seconds"} == METRICS.keys()
    assert math.isnan(lines[0]["critic_loss"])  # nothing was learnt during the warm-up
    assert math.isfinite(lines[-1]["critic_loss"])
    rows = stored_evaluation(trained.run, EvaluationSettings(episodes=4)).scores
    # the mirrored environment is the same one to an equivariant policy
    assert rows["mirrored"].returns.mean == pytest.approx(rows["training"].returns.mean, rel=1e-3)
    compiled, _ = loaded(trained.run, "last")
    assert compiled.verify().exact


def test_only_the_last_checkpoint_holds_the_replay(trained):
    def tensors(name):
        return {tensor.partition(".")[0] for tensor in trained.run.restore(name).tensors}

    assert tensors("last") == {"network", "learner"}
    assert "learner.replay.observations" in trained.run.restore("last").tensors
    assert tensors("best") == tensors("step-60") == {"network"}
    assert loaded(trained.run, "step-60")[1].step == 60


def test_a_stopped_run_goes_on_with_its_replay(tmp_path):
    seen = []

    def interrupt(report):
        seen.append(report.step)
        if report.step == 60:
            raise KeyboardInterrupt

    settings = TrainingSettings(root=tmp_path, evaluation=None, saving=Saving(0))
    with pytest.raises(KeyboardInterrupt):
        train(read(SPEC), settings, interrupt)
    [outcome], _ = train(
        read(SPEC),
        TrainingSettings(root=tmp_path, evaluation=None, resume=True),
        lambda report: None,
    )
    assert outcome.finished
    rows = metrics.read(outcome.run.folder)
    assert [row["update"] for row in rows] == [1, 2, 3, 4, 5, 6]
    # no second warm-up, and nothing forgotten
    assert rows[3]["gradient_steps"] == rows[2]["gradient_steps"] + 20
    replay = outcome.run.restore("last").tensors["learner.replay.valid"]
    assert int(replay.sum()) == 120


def test_another_number_of_components_is_no_matter_of_the_algorithm(tmp_path):
    plain = edit(
        read(SPEC), {"network": {"family": "mlp", "width": 8}, "symmetry.constraint": "none"}
    )
    [outcome], _ = train(
        plain, TrainingSettings(root=tmp_path, evaluation=None), lambda report: None
    )
    assert outcome.finished
