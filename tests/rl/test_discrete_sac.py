"""Discrete SAC: targets by hand, losses against obvious twins, what it asks of a problem, and what
it learns.
"""

import math
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from doubles import Identity, SmallDiscreteSoft, identity_action, identity_envs
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from symgen.compiler import check_spec, compile_spec
from symgen.errors import SpecError
from symgen.rl._replay import Batch
from symgen.rl.discrete_sac import (
    ACTOR,
    CRITICS,
    METRICS,
    Learner,
    Options,
    action_values,
    actor_loss,
    targets,
)
from tests.constraints.agents import CARTPOLE, PENDULUM

SMALL = {"envs": 2, "warmup": 20, "batch": 16, "report": 20}


def network(seed=0, features=4):
    return SmallDiscreteSoft(features, identity_action("discrete"), hidden=16, seed=seed)


def learner(steps=100, seed=0, mode=AutoresetMode.NEXT_STEP, **changes):
    given = Options.model_validate({**SMALL, **changes})
    return Learner(
        network(), identity_envs(2, mode, kind="discrete"), given, steps=steps, seed=seed
    )


def test_every_metric_has_a_meaning():
    for row in learner():
        assert set(row) == set(METRICS)
        assert all(isinstance(value, int | float) for value in row.values())


@pytest.mark.parametrize("wrong", [{"target_entropy": 1.5}, {"target_entropy": -0.1}, {"tau": 0.0}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        Options.model_validate({**SMALL, **wrong})
    assert Options.model_validate(SMALL).target_entropy == 0.98  # control


# -------------------------------------------------------------------------------------------------
# target and losses


class Fixed:
    """Logits and action values that can be followed by hand."""

    def __init__(self, logits, q1, q2):
        self.outputs = {"policy": logits, "q1": q1, "q2": q2}

    def encode(self, observation):
        return {"rows": observation[:, 0].long()}

    def heads(self, features, names):
        return {name: torch.tensor(self.outputs[name])[features["rows"]] for name in names}


def test_targets_by_hand_terminated_beside_truncated():
    # two actions with probabilities 3/4 and 1/4; the smaller Q of them are 10 and 20, 8 and 40
    policy = Fixed([[math.log(3.0), 0.0]] * 2, [[0.0, 0.0]] * 2, [[0.0, 0.0]] * 2)
    judge = Fixed([[0.0, 0.0]] * 2, [[10.0, 25.0], [8.0, 40.0]], [[11.0, 20.0], [9.0, 41.0]])
    batch = Batch(
        torch.zeros(3, 1),
        torch.zeros(3, dtype=torch.int64),
        torch.tensor([1.0, 2.0, 4.0]),
        torch.tensor([0.5, 0.0, 0.25]),  # goes on; terminated; truncated after two steps
        torch.tensor([[0.0], [0.0], [1.0]]),
    )
    wanted = targets(policy, judge, batch, torch.tensor(0.0))
    first, second = 0.75 * 10 + 0.25 * 20, 0.75 * 8 + 0.25 * 40
    assert wanted.tolist() == pytest.approx([1 + 0.5 * first, 2.0, 4 + 0.25 * second])
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    wanted = targets(policy, judge, batch, torch.tensor(0.3))
    expected = [1 + 0.5 * (first + 0.3 * entropy), 2.0, 4 + 0.25 * (second + 0.3 * entropy)]
    assert wanted.tolist() == pytest.approx(expected)


def test_the_actors_loss_is_the_mean_over_actions_drawn():
    torch.manual_seed(0)
    logits = torch.randn(5, 3, requires_grad=True)
    smaller = torch.randn(5, 3)
    loss, negative_entropy = actor_loss(logits, smaller, torch.tensor(0.3))
    law = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(negative_entropy, -law.entropy().detach())
    drawn = law.sample((200_000,))
    rows = torch.arange(5).expand_as(drawn)
    sampled = (0.3 * law.log_prob(drawn) - smaller[rows, drawn]).mean()
    assert loss.item() == pytest.approx(sampled.item(), abs=0.01)
    # its gradient leads where the policy is exp(Q / temperature)
    best = (smaller / 0.3).requires_grad_()
    (gradient,) = torch.autograd.grad(actor_loss(best, smaller, torch.tensor(0.3))[0], best)
    assert gradient.abs().max() < 1e-6
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().max() > 1e-3  # control


def test_a_gradient_step_moves_the_values_of_the_actions_taken():
    run = learner(steps=40)
    next(iter(run))
    batch = run._draw()
    before = action_values(run.network.heads(run.network.encode(batch.observations), CRITICS))
    wanted = targets(run.network, run.target.network, batch, run.temperature.value)
    said = run.improve(batch)
    rows = torch.arange(len(wanted))
    taken = before[rows, :, batch.actions]
    error = (taken - wanted[:, None]).square().sum(1).mean()
    assert said["critic_loss"].item() == pytest.approx(error.item(), rel=1e-5)
    assert said["q"].item() == pytest.approx(taken.mean().item(), rel=1e-5)


def test_each_loss_moves_its_own_weights_only():
    run = learner(steps=40)
    next(iter(run))
    names = {part: set(weights) for part, weights in run._weights.items()}
    assert names["actor"] == {
        name for name in dict(run.network.named_parameters()) if "actor" in name
    }
    assert not names["actor"] & names["critic"]
    before = {name: x.clone() for name, x in run.network.named_parameters()}
    batch = run._draw()
    outputs = run.network.heads(run.network.encode(batch.observations), ACTOR)
    run._descend("actor", outputs["policy"].square().mean(), batch, outputs)
    moved = {name for name, x in run.network.named_parameters() if not torch.equal(x, before[name])}
    assert moved == names["actor"]


def test_the_temperature_goes_where_the_entropy_is_the_target():
    def after(share, **changes):
        run = learner(steps=200, target_entropy=share, temperature_rate=0.01, **changes)
        return list(run)[-1]["temperature"]

    assert after(1.0) > 0.99 > after(0.0)
    assert after(0.0, temperature=0.2) == pytest.approx(0.2)
    assert learner().target_entropy() == pytest.approx(0.98 * math.log(4))


def test_actions_are_indices_in_the_replay_and_in_the_environment():
    run = learner(steps=60)
    list(run)
    assert run.replay.actions.dtype == torch.int64
    assert set(run.replay.actions[run.replay.valid].tolist()) == {0, 1, 2, 3}


# -------------------------------------------------------------------------------------------------
# what it asks of a problem

ASKED = {
    "network": {"family": "group_mlp", "hidden": "16 regular"},
    "train": {"algorithm": "discrete_sac", "steps": 100},
}
SPEC = {**CARTPOLE, **ASKED}
CONTINUOUS = {**PENDULUM, **ASKED}


def test_a_continuous_action_is_refused_with_the_way_out():
    with pytest.raises(SpecError, match="action-kind") as caught:
        check_spec(CONTINUOUS)
    (mistake,) = caught.value.diagnostics
    assert mistake.message.startswith("discrete_sac needs a discrete action")
    assert "ppo or sac" in mistake.hint
    check_spec({**CONTINUOUS, "train": {"algorithm": "sac", "steps": 100}})  # control


@pytest.mark.parametrize("shared", [True, False])
def test_the_values_of_actions_move_as_the_actions_do(shared):
    compiled = compile_spec({**SPEC, "network": {**SPEC["network"], "shared": shared}}, seed=0)
    verification = compiled.verification
    assert verification.holds
    assert {row.output for row in verification.rows} == {"policy", "q1", "q2"}
    assert {row.verdict for row in verification.rows} == {"exact"}
    free = {**SPEC, "network": {"family": "mlp"}}
    free["symmetry"] = {**SPEC["symmetry"], "constraint": "none"}
    broken = compile_spec(free, seed=0).verification
    assert {row.verdict for row in broken.rows} == {"broken"}  # control


# -------------------------------------------------------------------------------------------------
# learning


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_the_identity_is_learnt_within_its_budget(mode):
    net = network()

    def score():
        envs = identity_envs(64, kind="discrete")
        observation, _ = envs.reset(seed=99)
        total = 0.0
        for _ in range(Identity.LENGTH):
            observation, reward, *_ = envs.step(net.best(observation))
            total += float(reward.mean())
        return total / Identity.LENGTH

    assert score() < 0.75  # control: untrained
    rates = dict.fromkeys(("actor_rate", "critic_rate", "temperature_rate"), 3e-3)
    given = Options(
        envs=8,
        warmup=200,
        batch=64,
        updates=0.3,
        gamma=0.5,
        target_entropy=0.1,
        report=300,
        **rates,
    )
    envs = identity_envs(8, mode, kind="discrete")
    rows = list(Learner(net, envs, given, steps=1800, seed=1))
    assert score() > 0.95
    assert rows[-1]["return"] > rows[0]["return"]
    assert rows[-1]["entropy"] < rows[1]["entropy"]


CARTPOLE = Path(__file__).parents[2] / "specs" / "control" / "cartpole_d1_discrete_sac.yaml"


def played(policy, episodes=100):
    """Mean return of actions drawn from a policy, one episode per environment."""
    envs = gymnasium.make_vec("CartPole-v1", episodes, vectorization_mode="sync")
    observation, _ = envs.reset(seed=10_000)
    running, total = np.ones(episodes, bool), np.zeros(episodes)
    while running.any():
        with torch.no_grad():
            actions = policy(observation).sample()
        observation, reward, terminated, truncated, _ = envs.step(actions.numpy())
        total += reward * running
        running &= ~(terminated | truncated)
    return total.mean()


@pytest.mark.slow(minutes=2)
def test_cartpole_is_solved_within_the_steps_of_its_spec():
    seed = 0
    compiled = compile_spec(CARTPOLE, seed=seed)
    problem = compiled.problem
    given = problem.algorithm_options
    envs = problem.adapter.make(problem.adapter_options, given.envs, seed)
    steps = problem.spec.train.steps
    assert steps == 60_000
    assert played(compiled.network.policy) < 50  # control: untrained
    rows = list(Learner(compiled.network, envs, given, steps=steps, seed=seed))
    assert played(compiled.network.policy) >= 475
    # of the last 100 episodes of the training itself, which are 50,000 steps where all are solved
    assert rows[-1]["return"] >= 475
    assert compiled.verify().holds
