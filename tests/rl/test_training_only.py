"""Outputs for training only: a privileged critic and a decoder, of every family. They train, the
policy does not know of them, and nothing of them is claimed.
"""

import copy
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from bandit import options
from with_training_only import BOTH, spec_of, trained

from symgen import lookup
from symgen.compiler import check_spec, compile_spec, plan_spec
from symgen.nn.network import build
from symgen.problem.output import lasting
from symgen.problem.training import PLAIN
from symgen.rl._batch import Batch
from symgen.rl.ppo import loss
from symgen.spec.edit import edit
from symgen.spec.source import read

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


@pytest.mark.parametrize("family", ["cnn", "group_conv"])
def test_a_critic_of_its_own_takes_the_place_of_the_critic_of_towers(family):
    towers = {"cnn": [8], "group_conv": ["4 regular"]}[family]
    names = {}
    for privileged in (False, True):
        source = edit(read(spec_of(family, privileged=privileged)), {"network.towers": towers})
        names[privileged] = {step.name for step in plan_spec(check_spec(source)).steps}
    assert {"critic_map", "critic_features", "value_hidden1"} <= names[False]
    assert names[True] - names[False] == {"privileged_value"}
    assert not any(name.startswith("critic") for name in names[True])


def test_what_is_for_training_only_is_never_relaxed():
    source = edit(read(spec_of("group_mlp", **BOTH)), {"symmetry.constraint": "relaxed"})
    compiled = compile_spec(source, seed=0)
    bound = {step.name: step.operation.bound for step in compiled.plan.steps}
    assert {bound[name] for name in ("privileged_value", "value", "decoder")} == {"none"}
    assert bound["policy"] == "relaxed"
    assert compiled.verification.unmeasured == ("value", "decoder")
    assert compiled.verification.holds


@pytest.mark.parametrize("family", FAMILIES)
def test_the_policy_goes_on_without_them(family):
    """Planned with what lasts alone, the network takes the trained weights and acts the same."""
    compiled = compile_spec(spec_of(family, **BOTH), seed=0, verify=False)
    lone = replace(compiled.problem, outputs=lasting(compiled.problem.outputs))
    network = build(plan_spec(lone), lone.interface)
    assert sum(weight.numel() for weight in network.parameters()) == compiled.plan.weights
    weights = compiled.network.state_dict()
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    envs = compiled.environment(3, seed=0)
    observation, _ = envs.reset(seed=0)
    envs.close()
    parameters = compiled.network.eval().compute(("policy",), observation)[0]["policy"]
    assert torch.equal(parameters, network.eval()(observation)[0]["policy"])
    with pytest.raises(ValueError, match="has no value"):
        network.value(observation)


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
