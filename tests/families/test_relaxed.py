"""Relaxed networks learn to break the symmetry where the data does, and only there."""

import numpy as np
import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import Network, build
from symgen.nn.tied_linear import TiedMatrix
from symgen.problem.group_action import act_on_term
from symgen.problem.problem import Problem
from tests.families.examples import World
from tests.families.laws import equivariance_errors
from tests.families.problems import faults_of, observations, problem

WORLDS = {
    "D1 regular": World("D1", {"observation": "point: trivial + 2 sign"}, "sign", "continuous"),
    "C2 signed": World(
        "C2", {"observation": "point: 3 sign"}, "permutation", hidden="3 sign + 3 regular"
    ),
    "C4 regular": World("C4", {"observation": "grid 3x3: trivial"}, "permutation"),
    "D4 quotient": World(
        "D4",
        {"observation": "grid 3x3: trivial"},
        "quotient(s)",
        hidden="2 regular + 3 quotient(s)",
    ),
    "S3 permutation": World(
        "S3", {"observation": "tokens 3: 2 trivial"}, "permutation", hidden="3 permutation"
    ),
}
FORMS = {
    "banks": {"banks": 2},
    "input": {"banks": 2, "index": "input"},
    "one bank": {"banks": 1},
    "residual": {"form": "residual"},
}


def fitted(this: Problem, symmetric: bool, steps: int = 100) -> Network:
    """Trained in float64 on whole orbits of observations.

    A free matrix has entries whose gradient vanishes on symmetric data; Adam divides what rounding
    leaves of it by its own size, until it is no longer small. The residual form is therefore
    trained by plain gradient descent.

    Args:
        this: the problem.
        symmetric: whether the targets move as the observations do; otherwise they are random.
        steps: of the optimiser.
    """
    torch.manual_seed(0)
    built = build(plan_spec(this), this.interface).double()
    given, words = observations(this.interface, 8), this.group.elements
    closed = {
        term.name: np.concatenate(
            [
                act_on_term(term, this.observation[term.name], word, given[term.name])
                for word in words
            ]
        )
        for term in this.interface.terms
    }
    random = np.random.default_rng(1)
    policy, value = random.standard_normal((8, this.action.size)), random.standard_normal(8)
    targets = (
        (
            np.concatenate([this.action.act(word, policy) for word in words]),
            np.tile(value, len(words)),
        )
        if symmetric
        else (
            random.standard_normal((8 * len(words), this.action.size)),
            random.standard_normal(8 * len(words)),
        )
    )
    goals = [torch.from_numpy(target) for target in targets]
    free = this.constraint_options.form == "residual"
    optimiser = (
        torch.optim.SGD(built.parameters(), 0.03)
        if free
        else torch.optim.Adam(built.parameters(), 1e-2)
    )
    for _ in range(steps):
        outputs, _ = built(closed)
        said = (outputs["policy"], outputs["value"][:, 0])
        loss = sum((x - y).square().mean() for x, y in zip(said, goals, strict=True))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return built


def spreads(network: Network) -> list[float]:
    """max w - min w of every relaxed map with banks."""
    banks = [
        each.banks
        for each in network.modules()
        if isinstance(each, TiedMatrix) and each.banks is not None
    ]
    return [float(each.spread()) for each in banks]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("world", WORLDS)
def test_symmetry_is_kept_by_symmetric_data_and_broken_by_other(world, form):
    """Wang et al. 2024, proposition 3.1: with data closed under the group relaxed weights stay
    equal.
    """
    chosen = {"activation": "tanh"} if world == "C2 signed" else {}
    this = problem(WORLDS[world], "group_mlp", chosen, {"relaxed": FORMS[form]})
    kept, broken = fitted(this, symmetric=True), fitted(this, symmetric=False)
    assert max(row.error for row in equivariance_errors(kept, this, torch.float64)) <= 1e-6
    assert max(kept.symmetry_breaking().values()) <= 1e-6
    assert max(row.error for row in equivariance_errors(broken, this, torch.float64)) > 1e-2
    assert max(broken.symmetry_breaking().values()) > 1e-2
    assert len(spreads(kept)) == len(spreads(broken)) == (0 if form == "residual" else 6)
    if form != "residual":
        assert max(spreads(kept)) <= 1e-6
        assert max(spreads(broken)) > 1e-2


@pytest.mark.parametrize(
    ("family", "settings", "key"),
    [
        ("graph_attention", {"banks": 2}, "banks"),
        ("graph_attention", {"index": "input"}, "index"),
        ("graph_attention", {"form": "banks"}, "form"),
        ("graph_attention", {"form": "residual", "regulariser": 1e-3}, None),
        ("graph_attention", {"regulariser": 1e-3}, None),
        ("group_mlp", {"form": "residual", "banks": 2}, "banks"),
        ("group_mlp", {"form": "residual", "regulariser": 1e-3}, None),
        ("group_mlp", {"form": "banks", "banks": 3, "index": "input", "regulariser": 1e-3}, None),
    ],
)
def test_settings_that_a_form_does_not_have_are_refused(family, settings, key):
    if key is None:
        this = problem("C4 grid 5x5", family, {}, {"relaxed": settings})
        assert faults_of(this) == []
        return
    with pytest.raises(ValueError, match=f"code='unavailable-constraint'.*'relaxed', '{key}'"):
        problem("C4 grid 5x5", family, {}, {"relaxed": settings})


ODD = {"hidden": "8 sign + 4 trivial", "activation": "tanh"}


def test_a_value_that_can_only_be_a_constant_is_refused():
    cart, pendulum = (
        World("D1", {"observation": "point: 4 sign"}, "sign", "continuous"),
        "D1 pendulum",
    )
    for how in (
        "exact",
        "relaxed",
        {"relaxed": {"form": "residual"}},
    ):  # the free map is zero at first
        with pytest.raises(ValueError, match="the value would be a constant"):
            problem(cart, "group_mlp", ODD, how)
    problem(pendulum, "group_mlp", ODD)  # one component is even
    problem(cart, "group_mlp", {**ODD, "hidden": "8 sign + 4 regular"})


def test_banks_must_have_something_to_weigh():
    with pytest.raises(ValueError, match="banks have nothing to weigh"):
        problem("D1 pendulum", "group_mlp", ODD, "relaxed")
    problem("D1 pendulum", "group_mlp", {**ODD, "hidden": "8 sign + 4 regular"}, "relaxed")
    problem("D1 pendulum", "group_mlp", ODD, {"relaxed": {"form": "residual"}})


def test_weights_are_counted_by_hand():
    """C4 on a 3x3 picture, 2 regular fields: every bank more is a kernel more, and four weights of
    its own.
    """
    world = World("C4", {"observation": "grid 3x3: trivial"}, "permutation")
    options = {"hidden": "2 regular", "depth": 1, "shared": True}
    plans = {
        name: plan_spec(problem(world, "group_mlp", options, how))
        for name, how in {
            "exact": "exact",
            "one": {"relaxed": {"banks": 1}},
            "three": {"relaxed": {"banks": 3}},
        }.items()
    }
    weights = {
        name: {s.name: s.weights for s in plan.steps if s.weights} for name, plan in plans.items()
    }
    # 2 fields: 9 pixels each and a bias; 2 kernels of 4 and a bias; 2 sums and a bias
    assert weights["exact"] == {"hidden1": 2 * 9 + 2, "policy": 2 * 4 + 1, "value": 2 + 1}
    assert weights["one"] == {name: count + 4 for name, count in weights["exact"].items()}
    assert weights["three"] == {
        "hidden1": 3 * 18 + 2 + 12,
        "policy": 3 * 8 + 1 + 12,
        "value": 3 * 2 + 1 + 12,
    }
    assert {s.operation.bound for s in plans["three"].steps if s.weights} == {"relaxed"}
