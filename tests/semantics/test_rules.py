"""What must hold of a Problem: constraint, policy, family; and all of it together."""

import inspect

import numpy as np
import pytest
import torch

from symgen.errors import Refusal, SpecError
from symgen.semantics import ablate, action_rules, evaluate, rules


@pytest.mark.parametrize("constraint", ["none", {"relaxed": {"form": "residual", "banks": 4}}])
def test_constraints_that_are_not_offered(mistakes, constraint):
    assert [mistake.code for mistake in mistakes(constraint=constraint)] == [
        "unavailable-constraint"
    ]


def test_invariant_policies(mistakes, solve):
    (mistake,) = mistakes(output="invariant", states="4 sign", actions="regular")
    assert mistake.code == "invariant-policy"
    assert solve(output="invariant", states="4 sign", actions="trivial")
    assert solve(output="equivariant", states="4 sign", actions="trivial")


@pytest.mark.parametrize(
    ("group", "states", "actions", "blind"),
    [
        ("D1", "4 sign", "regular", ""),
        ("D1", "trivial", "trivial", ""),
        ("D1", "trivial", "regular", "s"),
        (
            "C2 x D1",
            {"observation": {"r": "trivial", "s": [-1, 2, 3, 4]}},
            {"r": [2, 1], "s": "trivial"},
            "r",
        ),
        (
            "C2 x D1",
            {"observation": {"r": [-1, 2, 3, 4], "s": "trivial"}},
            {"r": [2, 1], "s": "trivial"},
            "",
        ),
        (
            "C2 x C2",
            {"observation": {"r": [-1, 2, 3, 4], "r2": [-1, 2, 3, 4]}},
            {"r": [2, 1], "r2": "trivial"},
            "r2r",
        ),
    ],
)
def test_blind_policies(mistakes, solve, group, states, actions, blind):
    changes = {"group": group, "states": states, "actions": actions}
    if blind:
        (mistake,) = mistakes(**changes)
        assert (mistake.code, mistake.message.split()[0]) == ("blind-policy", blind)
    else:
        assert solve(**changes)
    assert solve(**changes, constraint="none", network={"family": "mlp"})


@pytest.mark.parametrize(
    ("hidden", "activation", "codes"),
    [
        ("4 regular", "relu", set()),
        ("4 sign + 4 regular", "tanh", set()),
        ("4 sign", "tanh", {"no-power"}),
        ("4 sign", "relu", {"pointwise-nonlinearity"}),
        ("4 trivial", "relu", {"hidden-fibre"}),
        ("2 nothing", "relu", {"hidden-fibre"}),
    ],
)
def test_hidden_fibres(mistakes, solve, hidden, activation, codes):
    changes = {
        "states": "4 sign",
        "actions": {"s": "trivial"} if hidden == "4 sign" else "regular",
        "network": {"family": "group_mlp", "hidden": hidden, "activation": activation},
    }
    if codes:
        assert {mistake.code for mistake in mistakes(**changes)} == codes
    else:
        assert solve(**changes)


def test_rules_are_run_together(mistakes):
    told = mistakes(
        constraint="none",
        output="invariant",
        states="4 sign",
        actions="regular",
        network={"family": "group_mlp", "hidden": "4 trivial"},
        evaluate={"a": {"transform": "q"}},
    )
    codes = {mistake.code for mistake in told}
    assert codes == {"unavailable-constraint", "invariant-policy", "hidden-fibre", "bad-word"}


def test_each_rule_says_which_code_it_gives():
    for rule in rules.RULES:
        assert rule.__doc__


def test_every_rule_is_listed():
    written = {
        function
        for file in (rules, action_rules, evaluate, ablate)
        for name, function in vars(file).items()
        if not name.startswith("_") and inspect.isfunction(function)
        if list(inspect.signature(function).parameters) == ["problem", "findings"]
    }
    assert len(written) == 16
    assert written == set(rules.RULES)


def test_mistakes_of_options_come_with_those_of_the_spec(mistakes):
    told = mistakes(
        output="sideways",
        network={"family": "group_mlp", "hiden": 3},
        train={"algorithm": "ppo", "lr": 1},
    )
    assert [mistake.code for mistake in told] == ["wrong-value", "unknown-key", "unknown-key"]


def test_unknown_keywords(mistakes):
    told = mistakes(network={"family": "groupmlp"}, train={"algorithm": "poo"})
    assert [(mistake.code, mistake.hint.split("?")[0]) for mistake in told] == [
        ("unknown-family", "did you mean 'group_mlp'"),
        ("unknown-algorithm", "did you mean 'ppo'"),
    ]


def test_an_environment_that_raises_anything(mistakes, monkeypatch):
    def raising(options):
        raise ZeroDivisionError("in other people's code")

    monkeypatch.setattr("symgen.envs.gymnasium_env.interface", raising)
    (mistake,) = mistakes()
    assert (mistake.code, "ZeroDivisionError" in mistake.message) == ("bad-environment", True)


def test_a_missing_package_is_told_at_its_line(mistakes, monkeypatch):
    from symgen.errors import UserError

    def raising(options):
        raise UserError("missing-package", "it needs x", "pip install x")

    monkeypatch.setattr("symgen.envs.gymnasium_env.interface", raising)
    (mistake,) = mistakes()
    assert (mistake.code, mistake.line, mistake.hint) == ("missing-package", 2, "pip install x")


def test_a_problem_prints_itself(solve):
    text = str(
        solve(
            states="4 sign",
            actions={"s": [1, 0]},
            train={"algorithm": "ppo"},
            evaluate={"a": {"transform": "s"}},
        )
    )
    for part in (
        "Vector-v0",
        "D1",
        "point: 4 sign(s)",
        "permutation(s=1 0)",
        "exact",
        "group_mlp",
        "ppo",
        "evaluate a",
    ):
        assert part in text


def test_sizes_that_only_the_plan_finds(solve):
    problem = solve()
    with pytest.raises(SpecError) as caught, rules.sizes_refused(problem):
        raise Refusal("a map has more than 5 entries", code="too-large")
    assert [mistake.code for mistake in caught.value.diagnostics] == ["too-large"]


def test_other_errors_of_the_plan_are_bugs(solve):
    problem = solve()
    with pytest.raises(Refusal, match="a bug"), rules.sizes_refused(problem):
        raise Refusal("a bug", code="broken-relation")
    # words that the message of a refused size has, too
    with pytest.raises(ValueError, match="more than 5"), rules.sizes_refused(problem):
        raise ValueError("a map has more than 5 entries")
    # torch's own, of a batch normalisation that is trained on one sample
    batch_norm = torch.nn.BatchNorm1d(3)
    with (
        pytest.raises(ValueError, match="Expected more than 1 value per channel"),
        rules.sizes_refused(problem),
    ):
        batch_norm(torch.zeros(1, 3))
    # numpy's own
    with pytest.raises(ValueError, match="cannot reshape"), rules.sizes_refused(problem):
        np.zeros(5).reshape(2, 3)


REMEMBERING = {"family": "group_mlp", "hidden": "4 regular", "memory": "gru"}


@pytest.mark.parametrize(("algorithm", "world"), [("sac", "Arm-v0"), ("discrete_sac", "Vector-v0")])
def test_a_memory_needs_an_algorithm_that_trains_on_sequences(mistakes, solve, algorithm, world):
    acts = "2 sign" if world == "Arm-v0" else "regular"
    changes = {"states": "4 sign", "actions": acts, "network": REMEMBERING}
    train = {"algorithm": algorithm, "steps": 1000}
    (mistake,) = mistakes(world, **changes, train=train)
    assert mistake.code == "untrained-memory"
    assert solve(world, **changes, train={**train, "algorithm": "ppo"})
    assert solve(world, **changes)
    assert solve(world, **{**changes, "network": {**REMEMBERING, "memory": "none"}}, train=train)


def test_a_memory_is_looked_for_in_networks_that_can_be_planned_only(mistakes):
    """What is wrong otherwise is said first, whatever the network is made of."""
    network = {**REMEMBERING, "hidden": "4 irregular"}
    train = {"algorithm": "discrete_sac", "steps": 1000}
    (mistake,) = mistakes(states="4 sign", actions="regular", network=network, train=train)
    assert mistake.code == "hidden-fibre"
