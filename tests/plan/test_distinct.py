"""Two specs that compile to different functions have different plans, in equality and in print:
over pairs of changes of every option of every family, and of what stands around the network.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations
from typing import Any

import pytest

from symgen import lookup
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import parse
from symgen.compiler import check_spec, plan_spec
from symgen.operations.embedding import Nonlinear
from symgen.plan.plan import Plan
from symgen.spec.edit import edit
from symgen.spec.source import read

CART: dict[str, Any] = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
}
IMAGE: dict[str, Any] = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 9},
    "symmetry": {"group": "C4"},
}

TOKENS: dict[str, Any] = {
    "symgen": 1,
    "environment": {
        "adapter": "gridworld",
        "size": 9,
        "patches": 3,
        "frames": 2,
        "previous": ["action"],
    },
    "symmetry": {"group": "S9", "states": {"observation": "tokens"}, "actions": "trivial"},
}

LAYERS = ["4 regular", "4 regular"]
BASES: dict[str, dict[str, Any]] = {
    "mlp": {**CART, "network": {"width": 8}},
    "group_mlp": {**CART, "network": {"hidden": "4 regular"}},
    "cnn": {**IMAGE, "network": {"channels": [4, 4], "width": 8}},
    "vit": {**IMAGE, "network": {"width": 8, "heads": 2}},
    "group_conv": {**IMAGE, "network": {"layers": LAYERS, "hidden": "4 regular"}},
    "steerable_conv": {**IMAGE, "network": {"layers": LAYERS}},
    "graph_attention": {**IMAGE, "network": {"width": 32, "heads": 2, "patch": 3}},
    "sensor_attention": {**TOKENS, "network": {"memory": "none"}},
}
KERNEL = {"kernel": 5, "padding": 2}
CHANGES: dict[str, dict[str, list[Any]]] = {
    "mlp": {
        "width": [9],
        "depth": [1, 3],
        "activation": ["relu", "gelu", "silu"],
        "shared": [True],
        "memory": ["gru", "lstm"],
    },
    "group_mlp": {
        "hidden": ["5 regular", "4 regular + 1 trivial"],
        "depth": [1, 3],
        "activation": ["tanh", "gelu", "silu"],
        "shared": [True],
        "memory": ["gru", "lstm"],
    },
    "cnn": {
        "channels": [
            [4, 5],
            [4],
            [{"channels": 4, "kernel": 5}, 4],
            [{"channels": 4, "padding": 0}, 4],
            [{"channels": 4, "stride": 2}, 4],
            [{"channels": 4, "pool": 2}, 4],
        ],
        "width": [9],
        "towers": [[8], [8, 8]],
    },
    "vit": {
        "width": [10],
        "heads": [1],
        "layers": [1],
        "patch": [3],
        "positions": ["none"],
        "expansion": [2],
    },
    "group_conv": {
        "layers": [
            ["4 regular", "5 regular"],
            [{"fields": "4 regular", **KERNEL}, "4 regular"],
            [{"fields": "4 regular", "padding": 0}, "4 regular"],
            [{"fields": "4 regular", "stride": 2}, "4 regular"],
            [{"fields": "4 regular", "pool": {"size": 3, "stride": 2, "padding": 1}}, "4 regular"],
        ],
        "activation": ["tanh", "gelu", "silu"],
        "norm": ["batch", "layer"],
        "pool_kind": ["mean"],
        "group_pool": ["max", "mean"],
        "readout": ["pool"],
        "hidden": ["5 regular"],
        "towers": [["4 regular"]],
    },
    "steerable_conv": {
        "layers": [
            ["4 regular", "5 regular"],
            [{"fields": "4 regular", "kernel": 5}, "4 regular"],
            [{"fields": "4 regular", "padding": 0}, "4 regular"],
            [{"fields": "4 regular", "stride": 2}, "4 regular"],
            [{"fields": "4 regular", "pool": 2}, "4 regular"],
        ],
        "activation": ["elu", "tanh", "gelu", "silu"],
        "vectors": ["norm"],
        "hidden": ["5 regular"],
    },
    "graph_attention": {
        "global": [{"layers": 1}],
        "local": [
            {"window": 3},
            {"window": 5},
            {"window": 3, "layers": 2},
            {"window": 3, "readout": "patches"},
            {"window": 3, "readout": "both"},
            {"window": 3, "width": 16, "heads": 1},
            {"window": 3, "heads": 1},
            {"window": 1, "downscale": 3},
            {"window": 1, "downscale": 3, "kernel": 3},
        ],
        "readout": ["patches", "both"],
        "width": [40],
        "heads": [1],
        "patch": [1],
        "fibre": ["regular"],
        "matrices": [["q"], ["q", "k"], ["v"], ["q", "k", "v", "left"], ["hadamard"], ["additive"]],
        "symmetrise": [False, "both"],
        "score_activation": ["gelu", "relu", "tanh"],
        "triangles": [2],
        "dropout": [0.1],
        "expansion": [1, 2],
    },
    "sensor_attention": {
        "squash": ["none"],
        "memory": ["gru", "lstm"],
        "hidden": [0, 9],
        "sees_previous_action": [False],
        "differences": [True],
        "position_codes": [True],
        "normalise_frames": [True],
        "value_size": [4],
        "readout": ["deep_sets"],  # pma stands beside key_heads
        "slots": [9],
        "queries": ["learnt"],
        "query_size": [6],
        "key_size": [16],
        "key_heads": [2],
        "weights": ["softmax"],
        "pooling": ["sum", "root"],
        "scale": [True],
        "bias": [True],
        "outer": ["tanh", "relu_norm"],
        "grid": [[2, 8], [8, 2]],
        "convolutions": [
            [{"channels": 5, "kernel": 2}],
            [{"channels": 4, "kernel": 1}],
            [{"channels": 4, "kernel": 2, "stride": 2}],
            [{"channels": 4, "kernel": 2}, {"channels": 4, "kernel": 1}],
        ],
        "votes": [5, 6],
        "head_memory": ["gru", "lstm"],
        "head": [[], [32], [64, 64]],
        "activation": ["relu", "gelu", "silu"],
        "shared": [True],
    },
}
SLOTS = {"network.grid": [4, 4], "network.convolutions": [{"channels": 4, "kernel": 2}]}
# What an option needs beside it to mean anything.
BESIDE: dict[tuple[str, str], dict[str, Any]] = {
    ("group_conv", "pool_kind"): {
        "network.layers": [{"fields": "4 regular", "pool": 3}, "4 regular"]
    },
    ("steerable_conv", "vectors"): {
        "network.layers": ["4 regular + 2 irrep(1)", "4 regular + 2 irrep(1)"]
    },
    ("graph_attention", "triangles"): {"graph": {"orientation": "triangles"}},
    ("graph_attention", "fibre"): {"symmetry.actions": "trivial"},
    ("sensor_attention", "squash"): {
        "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
        "symmetry.group": "S4",
    },
    ("sensor_attention", "key_heads"): {"network.readout": "pma"},
    ("sensor_attention", "grid"): {**SLOTS, "network.key_size": 12},
    ("sensor_attention", "convolutions"): SLOTS,
    ("sensor_attention", "votes"): {"network.grid": [4, 4], "network.votes": 4},
}
AROUND: list[tuple[str, dict[str, Any]]] = [
    ("group_mlp", {"symmetry.constraint": "relaxed"}),
    ("group_mlp", {"symmetry.constraint": {"relaxed": {"banks": 3}}}),
    ("group_mlp", {"symmetry.constraint": {"relaxed": {"index": "input"}}}),
    ("group_mlp", {"symmetry.constraint": {"relaxed": {"form": "residual"}}}),
    ("group_mlp", {"train": {"algorithm": "ppo", "clip_observations": 5.0}}),
    ("group_mlp", {"train": {"algorithm": "ppo", "clip_observations": None}}),
    ("group_mlp", {"symmetry.actions": "trivial"}),
    ("graph_attention", {"graph": {"topology": "king"}}),
    ("graph_attention", {"graph": {"topology": "torus"}}),
    ("graph_attention", {"graph": {"topology": "radius 2"}}),
    ("graph_attention", {"graph": {"labels": "distance"}}),
    ("graph_attention", {"graph": {"labels": "absolute"}}),
    ("graph_attention", {"symmetry.constraint": "relaxed"}),
    ("group_conv", {"symmetry.constraint": "relaxed"}),
    ("group_conv", {"symmetry.constraint": {"relaxed": {"form": "residual"}}}),
    ("steerable_conv", {"symmetry.constraint": "relaxed"}),
]


def planned(family: str, changes: dict[str, Any]) -> Plan:
    """The plan of a family's base with changes by dotted path."""
    values = {**BASES[family], "network": {"family": family, **BASES[family]["network"]}}
    if not lookup.module("family", family).BINDS:
        values = {**values, "symmetry": {**values["symmetry"], "constraint": "none"}}
    return plan_spec(check_spec(edit(read(values), changes)))


def variants(family: str) -> Iterator[tuple[str, Plan]]:
    """The base, and a plan for each change of one option and of what stands around."""
    yield "as it is", planned(family, {})
    for option, values in CHANGES[family].items():
        beside = BESIDE.get((family, option), {})
        if beside:
            yield f"beside {option}", planned(family, beside)
        for value in values:
            yield f"{option}: {value}", planned(family, {**beside, f"network.{option}": value})
    for name, changes in AROUND:
        if name == family:
            yield str(changes), planned(family, changes)


@pytest.mark.parametrize("family", lookup.keywords("family"))
def test_different_functions_have_different_plans(family):
    plans = dict(variants(family))
    for (one, first), (other, second) in combinations(plans.items(), 2):
        assert first != second, f"{one} and {other} have equal plans"
        assert str(first) != str(second), f"{one} and {other} print alike"


@pytest.mark.parametrize("family", lookup.keywords("family"))
def test_every_option_is_changed(family):
    options = {
        field.alias or name for name, field in lookup.options("family", family).model_fields.items()
    }
    assert options == set(CHANGES[family])


def test_the_same_spec_has_the_same_plan_and_a_hidden_setting_is_seen():
    assert planned("group_mlp", {}) == planned("group_mlp", {})
    hidden = parse(group("D1"), "point: 4 regular")
    relu = Nonlinear(hidden, (hidden,), "relu")
    # the control: settings that neither equality nor print look at
    assert {each.name for each in fields(relu)} == {
        "relaxation",
        "target",
        "sources",
        "activation",
        "scope",
    }
    assert relu != replace(relu, activation="gelu")
    assert str(relu) != str(replace(relu, activation="gelu"))
