"""A network with memory from the front end: trained, stopped, gone on with, evaluated under the
group, drawn, asked to act; and what it buys where velocities are hidden.
"""

from pathlib import Path

import numpy as np
import pytest

from symgen.experiment import metrics
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.fit import Saving
from symgen.experiment.load import loaded
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.train import TrainingSettings, train
from symgen.pictures.show import show_run
from symgen.pictures.video import film
from symgen.proofs.verify import Setting, verify
from symgen.spec.edit import edit
from symgen.spec.source import read

MASKED = Path(__file__).parents[2] / "specs" / "control" / "cartpole_masked_d1.yaml"
SMALL = {
    "environment.max_episode_steps": 12,
    "network.hidden": "4 regular",
    "train.steps": 256,
    "train.seeds": [0],
    "train.rollout": 32,
    "train.sequence": 8,
    "train.envs": 4,
    "train.minibatch": 64,
    "evaluate": {"mirrored": {"transform": "s"}},
}


def small(**changes):
    """The shipped spec, made small."""
    return edit(read(MASKED), SMALL | changes)


@pytest.fixture(scope="module", params=["gru", "lstm"])
def trained(request, tmp_path_factory):
    """One finished and evaluated run."""
    settings = TrainingSettings(
        root=tmp_path_factory.mktemp("runs"), evaluation=EvaluationSettings(episodes=4)
    )
    source = small(**{"network.memory": request.param})
    [outcome], _ = train(source, settings, lambda report: None)
    return outcome


def test_a_run_is_trained_and_evaluated(trained):
    assert trained.finished
    assert metrics.read(trained.run.folder)[-1]["step"] >= 256
    rows = stored_evaluation(trained.run, EvaluationSettings(episodes=4)).scores
    # the mirrored environment is the same one to an equivariant policy
    assert rows["mirrored"].returns.mean == pytest.approx(rows["training"].returns.mean, rel=1e-3)


def test_fifty_steps_of_a_trained_network_are_exact(trained):
    compiled, _ = loaded(trained.run, "last")
    report = verify(compiled.network, Setting.of(compiled.problem), steps=50)
    assert report.exact
    wide = [row for row in report.rows if row.dtype == "float64"]
    assert {"policy over 50 steps", "state of value_memory"} <= {row.output for row in wide}
    assert max(row.error for row in wide) <= 1e-12


def test_it_acts_step_by_step(trained):
    compiled, _ = loaded(trained.run, "last")
    envs = compiled.environment(3)
    observation, _ = envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"policy_memory, value_memory has memory: ask policy\(\)"):
        compiled.act(observation)
    policy = compiled.policy()
    policy.reset(3)
    starts = np.ones(3, np.bool_)
    for _ in range(15):  # beyond the end of an episode
        action = policy.act(observation, starts)
        assert action.shape == (3,)
        observation, _, terminated, truncated, _ = envs.step(action)
        starts = terminated | truncated
    envs.close()


def test_a_stopped_run_goes_on(tmp_path):
    def interrupt(report):
        if report.step >= 120:
            raise KeyboardInterrupt

    settings = TrainingSettings(root=tmp_path, evaluation=None, saving=Saving(0))
    with pytest.raises(KeyboardInterrupt):
        train(small(), settings, interrupt)
    again = TrainingSettings(root=tmp_path, evaluation=None, resume=True)
    [outcome], _ = train(small(), again, lambda report: None)
    assert outcome.finished
    rows = metrics.read(outcome.run.folder)
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))


def test_pictures_of_a_run(trained, tmp_path):
    drawn = show_run(trained.run.folder, tmp_path)
    names = {path.name for path in drawn.pictures}
    assert {"actions.png", "observation.png", "weights.png", "learning_curve.png"} <= names
    film(trained.run, EvaluationSettings(episodes=1), tmp_path / "episode.gif")
    assert (tmp_path / "episode.gif").stat().st_size > 0


@pytest.mark.slow
def test_what_is_hidden_must_be_remembered(tmp_path):
    """In a fraction of the shipped budget: 195 is the threshold of CartPole-v0."""
    returns = {}
    for memory in ("gru", "none"):
        source = edit(
            read(MASKED), {"train.steps": 40_000, "train.seeds": [0], "network.memory": memory}
        )
        settings = TrainingSettings(root=tmp_path / memory, evaluation=EvaluationSettings())
        [outcome], _ = train(source, settings, lambda report: None)
        scores = stored_evaluation(outcome.run, EvaluationSettings()).scores
        returns[memory] = scores["training"].returns.mean
    assert returns["gru"] > 195, returns
    assert returns["none"] < 60, returns
