"""Outputs for training only: a privileged critic and a decoder, of every family. They train, the
policy does not know of them, and nothing of them is claimed.
"""

import copy
import math
from dataclasses import replace
from functools import cache

import gymnasium
import numpy as np
import pytest
import torch
from bandit import bandits, options
from gymnasium import spaces

from symgen import lookup
from symgen.compiler import check_spec, compile_spec, plan_spec
from symgen.errors import SpecError
from symgen.problem.output import lasting
from symgen.problem.training import PLAIN
from symgen.rl._batch import Batch
from symgen.rl.ppo import Learner, loss
from symgen.spec.edit import edit
from symgen.spec.source import read
from tests.plan.test_distinct import BASES

BOTH = {"privileged": {"hidden": [8, 8]}, "decoder": 1.0}
FAMILIES = lookup.keywords("family")
MASKED = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1", "hide": [2, 4]},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular", "memory": "gru"},
}


class Pixels(gymnasium.Env):
    """An image of real numbers, and four actions that a turn of it moves round."""

    observation_space = spaces.Box(-1, 1, (9, 9, 2), np.float32)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._seen(), {}

    def step(self, action):
        self.steps += 1
        return self._seen(), float(action == 0), self.steps == 5, False, {}

    def _seen(self):
        return self.np_random.uniform(-1, 1, (9, 9, 2)).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def _pixels():
    gymnasium.register("RealPixels-v0", Pixels)
    yield
    del gymnasium.registry["RealPixels-v0"]


IMAGE = {
    "environment": {"adapter": "gymnasium_env", "id": "RealPixels-v0"},
    "symmetry": {
        "group": "C4",
        "states": {"observation": "grid"},
        "actions": {"r": [1, 2, 3, 0]},
    },
}


def spec_of(family, **train):
    """The smallest spec of a family that the tests of plans know, of images of real numbers."""
    base = BASES[family]
    if base["environment"]["adapter"] == "gridworld":
        base = {**base, **IMAGE}
    constraint = "exact" if lookup.module("family", family).BINDS else "none"
    return {
        **base,
        "symmetry": {**base["symmetry"], "constraint": constraint},
        "network": {"family": family, **base["network"]},
        "train": {"algorithm": "ppo", "steps": 64, **train},
    }


def trained(compiled, updates=2, **train):
    """The rows of a short training."""
    given = options("ppo", envs=2, **{"rollout": 8, **train})
    envs = compiled.environment(2, seed=0)
    steps = 2 * given.rollout * updates
    try:
        learner = Learner(compiled.network, envs, given, steps=steps, seed=0)
        return [row for row, _ in zip(learner, range(updates), strict=False)]
    finally:
        envs.close()


def moved_weights(network, before):
    return {
        name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])
    }


# -------------------------------------------------------------------------------------------------
# every family


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_with_both_and_stays_exact(family):
    compiled = compile_spec(spec_of(family, **BOTH), seed=0)
    plan = compiled.plan
    network = compiled.network
    assert {step.name for step in plan.training_steps} == {"privileged_value", "value", "decoder"}
    assert all(step.operation.is_free for step in plan.training_steps)
    verification = compiled.verification
    assert verification.unmeasured == ("value", "decoder")
    assert "not measured: value, decoder, for training only" in str(verification)
    assert {"value", "decoder"}.isdisjoint(row.output.split(" ")[0] for row in verification.rows)
    if lookup.module("family", family).BINDS:
        assert verification.exact
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    rows = trained(compiled, **BOTH)
    assert all(
        math.isfinite(value) for row in rows for value in (row["value_loss"], row["decoder_loss"])
    )
    assert rows[-1]["decoder_loss"] > 0
    of_training = {f"steps.{step.name}." for step in plan.training_steps}
    moved = moved_weights(network, before)
    assert all(any(name.startswith(step) for name in moved) for step in of_training)
    if lookup.module("family", family).BINDS:
        assert compiled.verify().exact


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_those_of_what_acts(family):
    lone = plan_spec(check_spec(spec_of(family, **BOTH)))
    plain = plan_spec(check_spec(spec_of(family)))
    assert plain.training_weights == 0
    assert plain.training_steps == ()
    assert lone.weights <= plain.weights
    assert lone.weights + lone.training_weights == sum(step.weights for step in lone.steps)
    acting = lone.needed(output.name for output in lasting(lone.outputs))
    assert lone.weights == sum(step.weights for step in acting)
    # no layer of a critic is left that nothing reads
    assert {step.name for step in (*acting, *lone.training_steps)} == {s.name for s in lone.steps}
    assert f"{lone.weights:,} weights, and {lone.training_weights:,} for training only" in str(lone)
    assert "training only" not in str(plain)


# -------------------------------------------------------------------------------------------------
# the policy does not know of them


@cache
def _cartpole(**train):
    return compile_spec(
        {**spec_of("group_mlp"), "train": {"algorithm": "ppo", "steps": 64, **train}},
        seed=0,
        verify=False,
    )


def cartpole(**train):
    compiled = _cartpole(**train)
    return replace(compiled, network=copy.deepcopy(compiled.network))


def shake(network, start):
    """Change every weight whose name begins so."""
    changed = 0
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.startswith(start):
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
                changed += 1
    assert changed


def policy_gradient(network, observation):
    network.zero_grad()
    outputs, _ = network(observation)
    outputs["policy"].square().sum().backward()
    return {n: w.grad.clone() for n, w in network.named_parameters() if w.grad is not None}


def test_the_policy_does_not_depend_on_what_is_for_training_only():
    observation = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    network = cartpole(privileged=True, decoder=1.0).network
    said = network(observation)[0]
    gradient = policy_gradient(network, observation)
    assert not any("value" in name or "decoder" in name for name in gradient)
    shake(network, ("steps.privileged_value", "steps.value", "steps.decoder"))
    again = network(observation)[0]
    assert torch.equal(said["policy"], again["policy"])
    assert not torch.equal(said["value"], again["value"])
    assert not torch.equal(said["decoder"], again["decoder"])
    after = policy_gradient(network, observation)
    assert all(torch.equal(gradient[name], after[name]) for name in gradient)


def value_gradient(network, observation):
    network.zero_grad()
    network.value(observation).sum().backward()
    return {name for name, w in network.named_parameters() if w.grad is not None}


def test_a_privileged_critic_shares_nothing_and_a_shared_one_does():
    observation = torch.randn(5, 4)
    shared = edit(read(spec_of("group_mlp")), {"network.shared": True})
    plain = compile_spec(shared, seed=0, verify=False).network
    assert any("hidden" in name for name in value_gradient(plain, observation))
    lone = compile_spec(edit(shared, {"train.privileged": True}), seed=0, verify=False).network
    assert {name.split(".")[1] for name in value_gradient(lone, observation)} == {
        "privileged_value",
        "value",
    }
    own = {name.split(".")[1] for name in lone.judging_parameters()}
    assert own == {"privileged_value", "value"}
    # control: of what is shared nothing is the critic's own
    assert {name.split(".")[1] for name in plain.judging_parameters()} == {"value"}


def test_a_decoder_trains_the_features_of_the_policy():
    network = cartpole(decoder=1.0).network
    outputs, _ = network(torch.randn(5, 4))
    outputs["decoder"].square().mean().backward()
    reached = {n.split(".")[1] for n, w in network.named_parameters() if w.grad is not None}
    assert reached == {"policy_hidden1", "policy_hidden2", "decoder"}


def test_a_decoder_gives_what_it_misses_of_the_observation():
    network = cartpole(decoder=1.0).network
    observation = torch.tensor([[1.0, -3.0, 0.0, 7.0]])
    values = network.encode(observation)
    features = network._go_on(network.plan.needed(["decoder"]), values, {})
    assert features == {}
    linear = network.steps["decoder"].linear
    target = torch.tensor([math.log(2), -math.log(4), 0.0, math.log(8)])
    expected = linear(values["policy_hidden2"].flatten(1)) - target
    assert torch.allclose(values["decoder"].flatten(1), expected, atol=1e-6)


def test_acting_carries_out_the_steps_of_the_policy_alone():
    compiled = cartpole(privileged=True, decoder=1.0)
    called = set()
    for name, module in compiled.network.steps.items():
        module.register_forward_hook(lambda *_, name=name: called.add(name))
    compiled.act(np.zeros(4, np.float32))
    assert called == {"normal_observation", "policy_hidden1", "policy_hidden2", "policy"}
    compiled.network(torch.zeros(1, 4))
    assert {"privileged_value", "value", "decoder"} < called  # control


# -------------------------------------------------------------------------------------------------
# training


def test_the_previous_action_and_reward_are_not_decoded():
    source = edit(read(MASKED), {"environment.previous": ["action", "reward"]})
    source = edit(source, {"train": {"algorithm": "ppo", "steps": 64, **BOTH}})
    compiled = compile_spec(source, seed=0)
    assert compiled.verification.exact
    assert compiled.plan.step("decoder").inputs == ("policy_memory", "observation")
    # the critic of its own reads them as it reads all terms
    judge = compiled.plan.step("privileged_value")
    assert judge.inputs == ("observation", "previous_action", "previous_reward")
    assert trained(compiled, **BOTH)[-1]["decoder_loss"] > 0


@pytest.mark.parametrize("memory", ["gru", "lstm"])
def test_a_policy_that_remembers_trains_with_both(memory):
    source = edit(
        read(MASKED), {"network.memory": memory, "train": {"algorithm": "ppo", "steps": 64, **BOTH}}
    )
    compiled = compile_spec(source, seed=0)
    assert compiled.verification.exact
    assert "policy over 50 steps" in str(compiled.verification)
    network = compiled.network
    # the critic of its own has no memory, nor has anything but the policy
    assert set(network.states) == {"policy_memory"}
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    rows = trained(compiled, sequence=4, **BOTH)
    assert all(row["first_ratio"] < 1e-5 for row in rows)
    assert rows[-1]["decoder_loss"] > 0
    assert moved_weights(network, before) == set(before)
    assert compiled.verify().exact


def test_what_is_decoded_becomes_known():
    lost = {}
    for weight in (None, 10.0):
        compiled = cartpole(decoder=1.0)
        given = {} if weight is None else {"decoder": weight}
        trained(compiled, updates=30, rollout=16, learning_rate=0.01, **given)
        observation = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)) * 0.1
        with torch.no_grad():
            lost[weight] = float(compiled.network(observation)[0]["decoder"].square().mean())
    assert lost[10.0] < 0.5 * lost[None]


def test_without_the_options_there_are_no_such_losses():
    (row,) = trained(cartpole(), updates=1)
    assert row["decoder_loss"] == 0
    assert row["critic_learning_rate"] == row["learning_rate"]


def test_the_loss_of_the_decoder_has_its_weight():
    network = cartpole(decoder=1.0).network

    def total(weight):
        given = options("ppo", decoder=weight)
        rows = torch.linspace(-1, 1, 6)
        batch = Batch(torch.ones(6, 4), torch.zeros(6, dtype=torch.long), rows, rows, rows, rows)
        arguments = (network, batch, given, 0.2, 0.0, PLAIN, torch.Generator())
        value, parts = loss(*arguments)
        return value.item(), parts[5].item()

    plain, _ = total(None)
    for weight in (0.5, 2.0):
        value, missed = total(weight)
        assert missed > 0
        assert value == pytest.approx(plain + weight * missed, rel=1e-5)


# -------------------------------------------------------------------------------------------------
# the critic's step size


def weights_after(updates=2, **train):
    compiled = cartpole(privileged=True)
    trained(compiled, updates, **train)
    return dict(compiled.network.named_parameters())


def test_the_critic_may_have_a_step_size_of_its_own():
    still = weights_after(critic_learning_rate=0.0)
    start = dict(cartpole(privileged=True).network.named_parameters())
    for name, weight in still.items():
        of_critic = "value" in name
        assert torch.equal(weight, start[name]) is of_critic, name
    # control: with the step size of all others it is trained as they are
    assert not torch.equal(
        weights_after()["steps.value.linear.weight"], start["steps.value.linear.weight"]
    )


def test_the_same_step_size_apart_changes_what_is_shortened_together():
    # no gradient is as long as this, so that only the step sizes could differ
    long = {"max_grad_norm": 1e9, "learning_rate": 0.003}
    together, apart = weights_after(**long), weights_after(critic_learning_rate=0.003, **long)
    assert all(torch.equal(together[name], apart[name]) for name in together)
    short = {"max_grad_norm": 1e-3, "learning_rate": 0.003, "adam_eps": 1.0}
    together, apart = weights_after(**short), weights_after(critic_learning_rate=0.003, **short)
    assert not all(torch.equal(together[name], apart[name]) for name in together)


def test_a_training_with_two_step_sizes_is_restored():
    def learner():
        compiled = cartpole(privileged=True)
        given = options("ppo", envs=2, critic_learning_rate=0.003, privileged=True)
        # episodes begin alike and end with the updates
        return Learner(compiled.network, bandits("discrete"), given, steps=96, seed=0)

    def numbers(rows):
        return [{k: v for k, v in row.items() if k != "steps_per_second"} for row in rows]

    whole = numbers(learner())
    first = learner()
    next(iter(first))
    second = learner()
    second.network.load_state_dict({k: x.clone() for k, x in first.network.state_dict().items()})
    second.restore({k: x.clone() for k, x in first.tensors().items()}, first.scalars())
    assert numbers(second) == whole[1:]


# -------------------------------------------------------------------------------------------------
# what is refused


def refused(spec):
    with pytest.raises(SpecError) as caught:
        check_spec(spec)
    return [(mistake.code, mistake.hint) for mistake in caught.value.diagnostics]


def constrained(constraint, **train):
    return edit(read(spec_of("mlp", **train)), {"symmetry.constraint": constraint})


def test_copies_are_not_decoded():
    ((code, hint),) = refused(constrained("augment", decoder=1.0))
    assert code == "unavailable-constraint"
    assert "train.decoder" in hint
    check_spec(constrained("augment", privileged=True))  # control


def test_mirror_loss_leaves_out_what_is_for_training_only():
    with_value = {"mirror_loss": {"value": 0.5}}
    ((code, hint),) = refused(constrained(with_value, privileged=True))
    assert code == "unavailable-constraint"
    assert "train.privileged" in hint
    check_spec(constrained(with_value))  # control
    rows = {}
    for name, train in (("plain", {}), ("both", {"privileged": True, "decoder": 1.0})):
        compiled = compile_spec(constrained("mirror_loss", **train), seed=0, verify=False)
        given = options("ppo", envs=2, **train)
        training = compiled.problem.constraint.training(
            compiled.problem, compiled.problem.constraint_options
        )
        envs = compiled.environment(2, seed=0)
        learner = Learner(compiled.network, envs, given, steps=64, seed=0, training=training)
        rows[name] = list(learner)[-1]
        envs.close()
    assert "mirror_loss/value" in rows["plain"]
    assert "mirror_loss/policy" in rows["both"]
    assert "mirror_loss/value" not in rows["both"]


@pytest.mark.parametrize("algorithm", [a for a in lookup.keywords("algorithm") if a != "ppo"])
def test_other_algorithms_do_not_offer_it(algorithm):
    for name, value in BOTH.items():
        spec = {**spec_of("mlp"), "train": {"algorithm": algorithm, "steps": 64, name: value}}
        assert "unknown-key" in [code for code, _ in refused(spec)]


@pytest.mark.parametrize("value", [3, "yes", {"hidden": []}, {"hidden": [0]}, {"width": 3}, None])
def test_privileged_is_a_word_or_layers(value):
    (code, _), *others = refused(spec_of("mlp", privileged=value))
    assert code in ("wrong-type", "wrong-value", "unknown-key")
    assert others == []
