"""mirror_loss: what a network pays for what it does otherwise where all is moved."""

import dataclasses
import math

import pytest
import torch

from symgen import lookup
from symgen.compiler import check_spec, compile_spec, plan_spec
from symgen.constraints.mirror_loss import METRICS
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.problem.problem import Problem
from tests.constraints.agents import (
    CARTPOLE,
    EXACT,
    PENDULUM,
    codes,
    learner,
    network,
    training,
    with_constraint,
)
from tests.families.problems import observations, problem
from tests.nn.test_group_action import actions, tensors

ROWS = 12
BOTH = {"mirror_loss": {"weight": 1.0, "value": 1.0}}
GENERATORS = {"mirror_loss": {"weight": 1.0, "value": 1.0, "elements": "generators"}}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(this: Problem, rows=ROWS):
    """Observations and actions of an environment, float64."""
    observed = observations(this.interface, rows)
    observed = observed["observation"] if this.interface.single else observed
    return tensors(observed), tensors(actions(this.interface.action, rows))


def said(built, this: Problem, observed, acted, side):
    """What a loss of this side is made of."""
    if side is None:
        return built(observed)[0]
    names = tuple(output.name for output in this.outputs if output.side == side)
    reads = any(o.reads == "action" for o in this.outputs if o.name in names)
    return built.heads(built.encode(observed), names, acted if reads else None)


def penalties(built, this: Problem, rule=None):
    """The penalty of each loss that the algorithm has."""
    rule = rule or training(this)
    observed, acted = batch(this)
    sides = (None,) if {o.name for o in this.outputs} & {"value"} else ("actor", "critic")
    result = {}
    for side in sides:
        outputs = said(built, this, observed, acted, side)
        result[side] = rule.penalty(built, observed, acted, outputs, side, generator())
    return result


# family that the group binds, a world, and an algorithm
AGENTS = [
    ("C4 dict of everything", "ppo"),
    ("C2 two components", "ppo"),
    ("D3 plane", "ppo"),
    ("D1 flip 4x6", "ppo"),
    ("C4 two pictures", "sac"),
    ("D4 force", "sac"),
    ("D1 pendulum", "sac"),
    ("D1 cart", "discrete_sac"),
    ("D4 grid 5x5", "discrete_sac"),
]


@pytest.mark.parametrize(("world", "algorithm"), AGENTS)
@pytest.mark.parametrize("constraint", [BOTH, GENERATORS])
def test_an_exact_network_pays_nothing(world, algorithm, constraint):
    def paid(family, options=None):
        this = problem(world, family, options, constraint, algorithm=algorithm)
        built = network(this, torch.float64)
        return [float(penalty.detach()) for penalty in penalties(built, this).values()]

    assert max(map(abs, paid("group_mlp", {"activation": "tanh"}))) < 1e-12
    # control; tanh without shifts is odd, and so may be a symmetry
    assert min(paid("mlp", {"activation": "relu"})) > 1e-5


def by_hand(built, this: Problem, element: str):
    """The policy's and the value's term of PPO or discrete SAC for one element, row by row."""
    observed, _ = batch(this)
    given = observed.numpy()
    moved = act_on_observation(this.interface, this.observation, element, given)
    with torch.no_grad():
        before, after = (built(torch.from_numpy(x))[0] for x in (given, moved))
    expected = torch.from_numpy(this.action.act(element, before["policy"].numpy()))
    p = expected.softmax(-1)
    divergence = (p * (p.log() - after["policy"].log_softmax(-1))).sum(-1).mean()
    return float(divergence), before, after


def test_a_categorical_policy_by_hand():
    this = problem("D4 grid 5x5", "mlp", constraint=GENERATORS)
    this = dataclasses.replace(
        this,
        constraint_options=this.constraint_options.model_copy(update={"weight": 2.0, "value": 3.0}),
    )
    built = network(this, torch.float64)
    expected = 0.0
    for element in ("r", "s"):
        divergence, before, after = by_hand(built, this, element)
        gap = (after["value"] - before["value"]).square().mean()
        expected += (2 * divergence + 3 * float(gap)) / 2
    (paid,) = penalties(built, this).values()
    assert float(paid.detach()) == pytest.approx(expected, abs=1e-12)


def test_a_value_for_each_action_by_hand():
    this = problem("D1 cart", "mlp", constraint=BOTH, algorithm="discrete_sac")
    built = network(this, torch.float64)
    divergence, before, after = by_hand(built, this, "s")
    paid = penalties(built, this)
    gaps = [after[name] - before[name].flip(-1) for name in ("q1", "q2")]
    assert float(paid["actor"].detach()) == pytest.approx(divergence, abs=1e-12)
    assert float(paid["critic"].detach()) == pytest.approx(
        float(torch.cat(gaps, 1).square().mean())
    )


def test_action_values_by_hand():
    this = problem("D4 force", "mlp", constraint=GENERATORS, algorithm="sac")
    built = network(this, torch.float64)
    observed, acted = batch(this)
    expected = 0.0
    for element in ("r", "s"):
        moved = act_on_observation(
            this.interface, this.observation, element, {k: x.numpy() for k, x in observed.items()}
        )
        turned = act_on_action(this.interface.action, this.action, element, acted.numpy())
        after = built.q(moved, torch.from_numpy(turned))
        expected += float((after - built.q(observed, acted)).square().mean().detach()) / 2
    assert float(penalties(built, this)["critic"].detach()) == pytest.approx(expected)


def test_deviations_count():
    """Means that agree, and deviations that do not."""
    this = problem("D1 pendulum", "mlp", constraint=BOTH, algorithm="sac")
    built = network(this, torch.float64)
    with torch.no_grad():
        for name, weight in built.named_parameters():
            if name.startswith("steps.policy."):
                weight.zero_()
    assert float(penalties(built, this)["actor"].detach()) > 1e-6


# -------------------------------------------------------------------------------------------------
# gradients


def gradients(built, penalty):
    """Names of the weights that a penalty trains."""
    names, weights = zip(*built.named_parameters(), strict=True)
    grads = torch.autograd.grad(penalty, weights, allow_unused=True, retain_graph=True)
    return {
        name
        for name, grad in zip(names, grads, strict=True)
        if grad is not None and bool(grad.any())
    }


@pytest.mark.parametrize(
    ("constraint", "trained"),
    [
        (BOTH, {"policy", "policy_hidden", "value", "value_hidden", "scale"}),
        ({"mirror_loss": {"value": 0.0}}, {"policy", "policy_hidden", "scale"}),
        ({"mirror_loss": {"weight": 0.0}}, {"value", "value_hidden"}),
    ],
)
def test_gradients_reach_what_a_weight_is_given_for(constraint, trained):
    this = problem("D1 flip 4x6", "mlp", constraint=constraint)
    built = network(this, torch.float64)
    (paid,) = penalties(built, this).values()
    assert {name.split(".")[1] for name in gradients(built, paid)} == trained


def test_the_sides_of_sac_are_apart():
    this = problem("D4 force", "mlp", constraint=BOTH, algorithm="sac")
    built = network(this, torch.float64)
    paid = penalties(built, this)
    assert gradients(built, paid["actor"]) <= set(built.actor_parameters())
    assert gradients(built, paid["critic"]) <= set(built.critic_parameters())
    assert gradients(built, paid["actor"])
    assert gradients(built, paid["critic"])


@pytest.mark.parametrize(("world", "algorithm"), AGENTS)
def test_the_unmoved_side_is_a_target(world, algorithm):
    this = problem(world, "mlp", constraint=BOTH, algorithm=algorithm)
    built = network(this, torch.float64)
    observed, acted = batch(this)
    side = None if algorithm == "ppo" else "critic"
    outputs = said(built, this, observed, acted, side)
    leaves = {name: x.detach().requires_grad_() for name, x in outputs.items()}
    paid = training(this).penalty(built, observed, acted, leaves, side, generator())
    assert all(
        grad is None
        for grad in torch.autograd.grad(
            paid, list(leaves.values()), allow_unused=True, retain_graph=True
        )
    )
    assert gradients(built, paid)  # control


def test_paying_less_is_being_more_equivariant():
    this = problem("D1 cart", "mlp", {"width": 8, "activation": "relu"}, BOTH)
    built = network(this)
    optimiser = torch.optim.Adam(built.parameters(), 1e-2)
    rule = training(this)
    paid = []
    for _ in range(40):
        (penalty,) = penalties(built, this, rule).values()
        paid.append(float(penalty.detach()))
        optimiser.zero_grad()
        penalty.backward()
        optimiser.step()
    assert paid[-1] < 0.1 * paid[0]
    with torch.no_grad():
        assert float(built(batch(this)[0])[0]["policy"].std(0).max()) > 1e-3  # no constant


# -------------------------------------------------------------------------------------------------
# what is drawn


def test_random_elements_are_never_the_identity():
    """Of two elements one is left, for every row."""
    this = problem("D1 cart", "mlp", {"activation": "relu"}, BOTH)
    built = network(this, torch.float64)
    divergence, before, after = by_hand(built, this, "s")
    gap = float((after["value"] - before["value"]).square().mean())
    (paid,) = penalties(built, this).values()
    assert float(paid.detach()) == pytest.approx(divergence + gap, abs=1e-12)
    assert divergence > 1e-5


def test_they_differ_from_row_to_row():
    this = problem("D4 force", "mlp", constraint=BOTH)
    built = network(this, torch.float64)
    rule = training(this)
    observed, acted = batch(this)
    with torch.no_grad():
        outputs, _ = built(observed)
        paid = {
            float(rule.penalty(built, observed, acted, outputs, None, generator(seed)))
            for seed in range(4)
        }
    assert len(paid) == 4


@pytest.mark.parametrize(
    ("world", "constraint"),
    [
        ("C1 grid 3x4", BOTH),
        ("C1 grid 3x4", GENERATORS),
        ("D1 cart", {"mirror_loss": {"weight": 0.0, "value": 0.0}}),
    ],
)
def test_nothing_to_compare_is_no_penalty(world, constraint):
    this = problem(world, "mlp", constraint=constraint)
    rule = training(this)
    assert penalties(network(this), this, rule) == {None: None}
    assert rule.measured(network(this), 1, False) == {}


# -------------------------------------------------------------------------------------------------
# learners


@pytest.mark.parametrize("spec", [CARTPOLE, PENDULUM], ids=["ppo", "sac"])
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, set(METRICS)),
        ({"value": 0.0}, {"mirror_loss/policy"}),
        ({"weight": 0.0}, {"mirror_loss/value"}),
    ],
)
def test_terms_are_measured(spec, options, names):
    rows = list(learner(with_constraint(spec, {"mirror_loss": options})))
    known = lookup.module("algorithm", spec["train"]["algorithm"]).METRICS
    last = rows[-1]
    assert last.keys() - known.keys() == names
    assert all(math.isfinite(last[name]) and last[name] > 0 for name in names)
    if spec is PENDULUM:  # nothing is learnt before the warm-up is over
        assert not rows[0].keys() & METRICS.keys()


def test_discrete_sac_has_both_terms():
    train = {"algorithm": "discrete_sac", "steps": 80, "warmup": 40, "batch": 16, "report": 40}
    spec = {**with_constraint(CARTPOLE, "mirror_loss"), "train": train}
    *_, last = learner(spec)
    assert METRICS.keys() <= last.keys()


def test_measuring_begins_anew():
    this = problem("D1 cart", "mlp", constraint=BOTH)
    built = network(this)
    rule = training(this)
    penalties(built, this, rule)
    first = rule.measured(built, 1, False)
    assert first.keys() == METRICS.keys()
    assert rule.measured(built, 2, False) == {}


def test_the_penalty_makes_ppo_more_equivariant():
    def broken(constraint):
        train = {"steps": 800, "epochs": 4, "learning_rate": 1e-2}
        one = learner(with_constraint(CARTPOLE, constraint, train=train))
        for _ in one:
            pass
        seen = torch.randn(256, 4, generator=generator())
        with torch.no_grad():
            there, back = (one.network.policy(x).logits for x in (seen, -seen))
        return float((there - back.flip(-1)).abs().mean())

    assert broken({"mirror_loss": {"weight": 5.0}}) < 0.6 * broken("none")


# -------------------------------------------------------------------------------------------------
# what is claimed, and what is refused


@pytest.mark.parametrize("family", ["mlp", "group_mlp"])
def test_verify_measures_and_claims_nothing(family):
    chosen = EXACT if family == "group_mlp" else None
    report = compile_spec(with_constraint(CARTPOLE, "mirror_loss", chosen), seed=0).verification
    assert report.holds
    assert report.exact == (family == "group_mlp")
    assert "the spec claims no symmetry" in str(report)


def test_the_network_is_what_none_makes():
    plain, paying = (
        plan_spec(check_spec(with_constraint(CARTPOLE, name))) for name in ("none", "mirror_loss")
    )
    assert str(plain) == str(paying)


@pytest.mark.parametrize(
    ("group", "elements", "said"),
    [
        ("C512", "random", ""),
        ("C512 x C5", "random", "mirror_loss takes 2048 elements at most, and C512 x C5 has 2560"),
        ("C512 x C5", "generators", ""),
        ("SO2", "generators", "mirror_loss takes elements from a list, and SO2 has no end of them"),
    ],
)
def test_groups_that_cannot_be_listed_are_refused(group, elements, said):
    symmetry = {
        "group": group,
        "states": "3 trivial",
        "actions": "trivial",
        "constraint": {"mirror_loss": {"elements": elements}},
    }
    mistakes = codes({**PENDULUM, "symmetry": symmetry})
    assert [each[:2] for each in mistakes] == ([("unavailable-constraint", said)] if said else [])
    if "2048" in said:
        assert mistakes[0][2] == "write elements: generators, or use a smaller group"


def test_a_divergence_is_of_the_same_numbers_in_float32():
    this = problem("D3 plane", "mlp", constraint=GENERATORS)
    double = network(this, torch.float64)
    single = network(this)
    (expected,), (paid,) = (penalties(one, this).values() for one in (double, single))
    assert float(paid.detach()) == pytest.approx(float(expected.detach()), rel=1e-3)
