"""Outputs that could show nothing of the symmetry are refused before there is a weight; their
neighbours are not.
"""

import pytest
import torch

from symgen import lookup
from symgen.compiler import compile_spec, plan_spec
from symgen.errors import SpecError
from symgen.families import _attention_rules, _group_conv_rules
from symgen.nn.network import build
from symgen.proofs.verify import Setting, verify
from tests.families.examples import World
from tests.families.problems import problem

POINT = "observation"
SHRINKING = {"stride": 2, "padding": 0, "pool": 2}
ATTENDING = {
    "fibre": "quotient(r)",
    "width": 24,
    "heads": 1,
    "matrices": ["q"],
    "local": {"readout": "both"},
}
# family, world, options, what is said; options that are accepted
WITHOUT_POWER = {
    "r moves no hidden channel": (
        "group_mlp",
        World("D2", {POINT: "point: regular"}, "permutation", "continuous"),
        {"hidden": "4 quotient(r)"},
        "cannot carry|same for actions that r exchanges",
        {"hidden": "4 regular"},
    ),
    "pictures whose turn no hidden channel shows": (
        "group_mlp",
        World("D2", {POINT: "grid 4x6: trivial"}, "permutation"),
        {"hidden": "4 quotient(r)"},
        "policy would be the same for actions that r exchanges",
        {"hidden": "4 quotient(r) + regular"},
    ),
    "signs have no invariants": (
        "group_mlp",
        World("D1", {POINT: "point: 4 sign"}, "permutation"),
        {"hidden": "8 sign + 4 trivial", "activation": "tanh"},
        "value would be a constant",
        {"hidden": "8 regular", "activation": "tanh"},
    ),
    "no kernel reaches the fields": (
        "group_conv",
        World("C2", {POINT: "grid 3x3(r=keep): 2 sign"}, "3 trivial"),
        {"layers": ["4 trivial"], "hidden": "4 regular"},
        "no kernel leads",
        {"layers": ["4 regular"], "hidden": "4 regular"},
    ),
    "towers of signs": (
        "group_conv",
        World("C2", {POINT: "grid 4x4: 2 trivial"}, "permutation"),
        {
            "layers": ["6 regular"],
            "hidden": "4 regular",
            "towers": ["4 sign"],
            "activation": "tanh",
        },
        "value would be a constant",
        {
            "layers": ["6 regular"],
            "hidden": "4 regular",
            "towers": ["4 sign + regular"],
            "activation": "tanh",
        },
    ),
    "a vector has no invariant": (
        "steerable_conv",
        World("C4", {POINT: "grid 5x5: 2 trivial"}, "permutation"),
        {"layers": ["2 trivial + irrep(1)", "4 irrep(1)"], "hidden": None},
        "value would be a constant|cannot",
        {"layers": ["2 trivial + irrep(1)", "4 irrep(1) + 2 trivial"], "hidden": "4 regular"},
    ),
    "a kernel on one pixel": (
        "steerable_conv",
        World("C4", {POINT: "grid 9x9: 2 trivial"}, "permutation"),
        {
            "layers": [
                {"fields": "4 regular", "pool": 2},
                {**SHRINKING, "fields": "6 trivial"},
                "4 regular",
            ]
        },
        "policy would be the same for actions that r exchanges",
        {
            "layers": [
                {"fields": "4 regular", "pool": 2},
                {**SHRINKING, "fields": "6 regular"},
                "4 regular",
            ]
        },
    ),
    "a kernel that turns too slowly for a mirror": (
        "steerable_conv",
        World("D4", {POINT: "grid 7x7: 2 trivial"}, "quotient(r)"),
        {"layers": [{"fields": "6 quotient(r)", "kernel": 5}]},
        "policy would be the same for actions that s exchanges",
        {"layers": [{"fields": "6 regular", "kernel": 5}]},
    ),
    "a window on one pixel": (
        "group_conv",
        World("C4", {POINT: "grid 3x3: 2 trivial"}, "permutation"),
        {"layers": [{"fields": "4 trivial", "padding": 0}, "4 regular"], "hidden": "4 regular"},
        "policy would be the same for actions that r exchanges",
        {"layers": [{"fields": "4 regular", "padding": 0}, "4 regular"], "hidden": "4 regular"},
    ),
    "attention that tells no mirror": (
        "graph_attention",
        World("D4", {POINT: "grid 9x9: 2 trivial"}, "quotient(r) + trivial"),
        ATTENDING,
        "policy would be the same for actions that s exchanges",
        {**ATTENDING, "fibre": "regular"},
    ),
    "few patches that tell no mirror": (
        "graph_attention",
        World("D4", {POINT: "grid 3x3: 2 trivial"}, "quotient(r) + trivial"),
        {**ATTENDING, "local": None, "readout": "patches"},
        "policy would be the same for actions that s exchanges",
        {**ATTENDING, "local": None, "readout": "patches", "matrices": ["q", "v"]},
    ),
}


@pytest.mark.parametrize("constraint", ["exact", "relaxed"])
@pytest.mark.parametrize("case", WITHOUT_POWER)
def test_what_has_no_power_is_refused(case, constraint):
    family, world, options, said, right = WITHOUT_POWER[case]
    with pytest.raises(ValueError, match=said):
        problem(world, family, options, constraint)
    problem(world, family, right, constraint)


@pytest.mark.parametrize(
    "case", [case for case in WITHOUT_POWER if "one pixel" in case or "mirror" in case]
)
def test_what_is_refused_has_no_power_and_its_neighbour_has(case, monkeypatch):
    family, world, options, _, right = WITHOUT_POWER[case]
    assert measured(problem(world, family, right)).holds
    rules = {"graph_attention": _attention_rules, "group_conv": _group_conv_rules}
    where = rules.get(family, lookup.module("family", family))
    monkeypatch.setattr(where, "output_faults", lambda *_: [])
    rows = measured(problem(world, family, options)).rows
    assert {row.output for row in rows if row.verdict == "no power"} == {"policy"}


def measured(of):
    """What verification says of a network with this problem."""
    torch.manual_seed(0)
    return verify(build(plan_spec(of), of.interface), Setting.of(of))


@pytest.mark.parametrize("depth", [1, 2])
def test_critics_that_lose_what_moves_are_refused(depth):
    """Signs see observation and action move, and from signs nothing leads to an invariant."""
    world = World("C2", {POINT: "point: 2 sign + trivial"}, "2 sign", "continuous")
    options = {"hidden": "8 sign + 8 trivial", "activation": "tanh", "depth": depth}
    with pytest.raises(
        ValueError, match=r"no-power.*critics would not see that r moves the observation"
    ):
        problem(world, "group_mlp", options, algorithm="sac")
    problem(world, "group_mlp", {**options, "hidden": "8 regular"}, algorithm="sac")


def frozen(group, states, actions="trivial", **network):
    return {
        "symgen": 1,
        "environment": {"adapter": "gymnasium_env", "id": "FrozenLake-v1"},
        "symmetry": {"group": group, "states": {POINT: states}, "actions": actions},
        "network": {"family": "group_mlp", "hidden": "4 regular", **network},
    }


def test_indices_of_one_orbit_have_no_value():
    with pytest.raises(SpecError, match="one-orbit"):
        compile_spec(frozen("C16", "point: regular"))
    assert compile_spec(
        frozen("C8", "point: 2 regular", hidden="16 regular"), seed=0
    ).verification.holds


def test_indices_that_stay_say_nothing_of_the_actions():
    """Each value is fixed by a mirror, and any mirror exchanges the actions: at every value they
    are equal.
    """
    exchanged = {"r": "trivial", "s": [2, 1, 4, 3]}
    with pytest.raises(SpecError, match=r"blind-policy.*as s does"):
        compile_spec(frozen("D4", "point: 4 quotient(s)", exchanged))
    turned = {"r": [2, 3, 4, 1], "s": [1, 4, 3, 2]}
    assert compile_spec(
        frozen("D4", "point: 4 quotient(s)", turned, hidden="16 regular"), seed=0
    ).verification.holds


def test_a_network_whose_units_are_all_shut_is_drawn_again():
    """Of one regular field every unit has the same bias; seeds that had power keep their
    weights.
    """
    spec = {
        "symgen": 1,
        "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
        "symmetry": {"group": "D1", "states": {POINT: "4 sign"}, "actions": "regular"},
        "network": {"family": "group_mlp", "hidden": "1 regular", "depth": 3, "shared": True},
    }
    spec["symmetry"]["states"] = {POINT: {"s": [-1, -2, -3, -4]}}
    again = 0
    for seed in range(12):
        drawn, first = compile_spec(spec, seed=seed), compile_spec(spec, seed=seed, verify=False)
        assert drawn.verification.holds
        same = all(
            (a == b).all()
            for a, b in zip(drawn.network.parameters(), first.network.parameters(), strict=True)
        )
        assert same == (not first.verify().without_power)
        again += not same
    assert 0 < again < 12
