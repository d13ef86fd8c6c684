"""A state that a mirror fixes, with two equally good actions beside a useless one."""

import dataclasses
import json

import gymnasium
import numpy as np
import pytest
import torch
from torch.distributions import Categorical

import symgen
from symgen.compiler import check_spec
from symgen.experiment import evaluate
from symgen.experiment.evaluation import ConditionScores, Evaluation, EvaluationSettings, over_seeds
from symgen.experiment.run import Run
from symgen.experiment.sampled import beside, better, divides
from symgen.experiment.stored import stored_evaluation
from symgen.pictures import table
from symgen.statistics.estimate import Estimate
from tests.experiment.doubles import SPEC
from tests.experiment.test_load import PENDULUM, POLE


class Fork(gymnasium.Env):
    """Before a wall: left and right are good, ahead is not. Every observation is its own mirror
    image.
    """

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), float(action != 1), True, False, {}


FORK = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "Fork-v0"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1]}},
        "actions": {"s": [2, 1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
}


class Undecided:
    """A policy that a mirror leaves as it is: 0.3 for each good action, 0.4 for the wall."""

    device = torch.device("cpu")

    def initial_state(self, batch):
        return {}

    def decide(self, observation, state=None):
        return Categorical(probs=torch.tensor([0.3, 0.4, 0.3]).expand(len(observation), 3)), {}

    def expanded(self):
        return torch.no_grad()


@pytest.fixture
def fork(monkeypatch):
    monkeypatch.setitem(
        gymnasium.registry, "Fork-v0", gymnasium.envs.registration.EnvSpec("Fork-v0", Fork)
    )
    return dataclasses.replace(symgen.compile(FORK, verify=False), network=Undecided())


def test_sampled_actions_return_what_the_most_probable_ones_miss(fork):
    few = EvaluationSettings(episodes=64, envs=8)
    probable = evaluate._scores(evaluate._play(fork, {}, few, lambda: False))
    drawn = evaluate._sampled(fork, few, lambda: False)
    assert probable.returns.mean == 0.0
    assert 0.4 < drawn.returns.mean < 0.8  # 0.6
    assert better(drawn.returns, probable.returns)
    assert (
        evaluate._sampled(fork, EvaluationSettings(episodes=64, sample=True), lambda: False) is None
    )


def test_only_where_a_symmetry_divides_a_choice(fork):
    assert divides(fork.problem)
    assert divides(check_spec(POLE))
    assert not divides(check_spec(SPEC))  # no constraint
    for changes in ({"actions": "trivial"}, {"actions": "trivial", "output": "invariant"}):
        assert not divides(check_spec({**FORK, "symmetry": {**FORK["symmetry"], **changes}}))
    assert not divides(check_spec(PENDULUM))  # the mean of a Gaussian is not divided


def row(mean: float) -> ConditionScores:
    return ConditionScores(Estimate(mean, mean - 0.1, mean + 0.1, 10), Estimate(9.0, 8.0, 10.0, 10))


def an_evaluation(seed: int, sampled: ConditionScores | None) -> Evaluation:
    used = {"episodes": 10, "actions": "most probable"}
    return Evaluation("s", "v", (seed,), "episodes", {"training": row(0.33)}, used, None, sampled)


def test_both_are_printed_and_explained_where_they_differ():
    assert "most probable actions 0.33 [0.23, 0.43], sampled 0.87" in table.sampled(
        an_evaluation(0, row(0.87))
    )
    assert "--sample" in table.sampled(an_evaluation(0, row(0.87)))
    assert "--sample" not in table.sampled(an_evaluation(0, row(0.35)))
    assert "--sample" not in beside(row(0.1).returns, row(0.9).returns)
    assert table.sampled(an_evaluation(0, None)) == ""
    some = [an_evaluation(0, row(0.87)), an_evaluation(1, row(0.35)), an_evaluation(2, None)]
    assert len(table.misleading(some)) == 1
    assert "s/v" in table.misleading(some)[0]


def test_over_seeds():
    both = over_seeds([an_evaluation(0, row(0.8)), an_evaluation(1, row(0.9))])
    assert both.sampled.returns.mean == pytest.approx(0.85)
    assert over_seeds([an_evaluation(0, row(0.8)), an_evaluation(1, None)]).sampled is None


def test_it_is_stored(tmp_path, monkeypatch):
    from symgen.experiment.train import TrainingSettings, train
    from symgen.spec.source import read

    settings = TrainingSettings(root=tmp_path, evaluation=EvaluationSettings(episodes=4))
    train(
        read({**POLE, "train": {**POLE["train"], "steps": 100}}),
        settings,
        lambda report: None,
        seeds=[0],
    )
    run = Run(tmp_path / "dict" / "base" / "0")
    stored = stored_evaluation(run, EvaluationSettings(episodes=4))
    assert stored.sampled.returns.count == 4
    values = json.loads(next(run.folder.glob("evaluation*.json")).read_text())
    assert values["training_sampled"]["return"]["mean"] == stored.sampled.returns.mean
