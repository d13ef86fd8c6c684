"""Every hint's way out works: the golden mistakes, mended as their hints say, are accepted.

A hint that leads to another mistake leads astray. Where the hint mends one thing and the spec needs
a second, that later mistake is named here.
"""

import re

import pytest

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.spec.source import from_text
from tests.test_errors import GOLDEN, _stubs  # noqa: F401 (the environments of the golden specs)

# Golden pair -> what its hints say, the edits that do it, and the codes of what is then still
# wrong.
WAYS_OUT = {
    "action-kind": [("write algorithm: ppo", {"sac": "ppo"}, [])],
    "action-not-permuted": [("without signs", {"[-2, -1]": "[2, 1]"}, [])],
    "action-bounds": [("same bounds", {"[2, 1]": "[1, 2]"}, [])],
    "bad-edit": [
        (
            "did you mean 'environment.id'",
            {
                "environment.ID": "environment.id",
                "  wider: {network.hidden: 16 regular}\n": "",
                "levels: 10": "",
            },
            [],
        )
    ],
    "bad-environment": [("did you mean 'CartPole-v1'", {"CartPol-v1": "CartPole-v1"}, [])],
    "bad-field-type": [("did you mean 'trivial'", {"trivail": "trivial"}, ["blind-policy"])],
    "bad-labels": [
        ("absolute", {"labels: rod": "labels: absolute"}, []),
        ("offset", {"labels: rod": "labels: offset"}, []),
        # it tells no directions apart
        ("distance", {"labels: rod": "labels: distance"}, ["hidden-fibre"]),
    ],
    "bad-representation": [
        ("did you mean 'regular + regular'", {"regulr": "regular"}, ["size-mismatch"])
    ],
    "bad-topology": [("did you mean 'torus'", {"torus 2": "torus"}, [])],
    "bad-presentation": [("small letter", {"[s, S, s]": "[s]"}, [])],
    "blind-policy": [
        ("trivial", {"\n    r: {up: left, left: down, down: right, right: up}": " trivial"}, [])
    ],
    "condition-name": [("another name", {"training:": "plain:"}, [])],
    "fixed-tokens": [
        (
            "weights are shared over tokens",
            {"family: mlp": "family: group_mlp\n  hidden: 16 trivial", "constraint: none": ""},
            [],
        )
    ],
    "hidden-fibre": [("e.g. regular", {"8 trivial": "8 regular"}, [])],
    "idle-triangles": [
        ("global: {layers: 2}", {"global: {layers: 1}": "global: {layers: 2}"}, []),
        ("readout: both in network:", {"\n  readout: token": "\n  readout: both"}, []),
        ("orientation: none", {"orientation: triangles": "orientation: none"}, []),
    ],
    "inexact-rotation": [
        (
            "for the family steerable_conv",
            {
                "states: grid": "states: plane",
                "graph_attention\n  width: 64": "steerable_conv",
                "graph:\n  topology: grid\n  labels: offset\n": "",
            },
            [],
        )
    ],
    "invariant-policy": [
        ("output: equivariant", {"output: invariant": "output: equivariant"}, []),
        ("actions: trivial", {"actions: {s: [1, 0]}": "actions: trivial"}, []),
    ],
    "key-not-text": [("in quotes", {"  0.1:": "  '0.1':"}, [])],
    "missing-generator": [
        ("'r: trivial'", {"4]}": "4], r: trivial}", "0]}": "0], r: trivial}"}, [])
    ],
    "missing-term": [
        (
            "'observation: trivial'",
            {"states: {}": "states: {observation: trivial}"},
            ["blind-policy"],
        )
    ],
    "multiple-documents": [("delete this line", {"---\n": ""}, ["duplicate-key"])],
    "no-memory": [
        ("leave memory: zeroed out", {"memory: zeroed": ""}, []),
        ("memory: lstm", {"8 regular": "8 regular\n  memory: lstm"}, []),
    ],
    "no-picture": [("group_mlp or mlp", {"family: cnn": "family: mlp"}, [])],
    "no-places": [("leave graph: out", {"graph:\n  topology: complete\n": ""}, [])],
    "no-tokens": [
        (
            "group: S4 and states: {observation: tokens}",
            {"D1": "S4", "{s: [-1, -2, -3, -4]}": "tokens", "{s: [1, 0]}": "trivial"},
            [],
        )
    ],
    "number-too-large": [("smaller number", {"100_000_000_000_000_000_000": "100_000"}, [])],
    "patch-size": [("1, 3, 9", {"patch: 2": f"patch: {patch}"}, []) for patch in (1, 3, 9)],
    "plane-action": [
        ("states: grid", {"states:\n    observation: {s: flip}": "states: grid"}, []),
        ("states: plane", {"states:\n    observation: {s: flip}": "states: plane"}, []),
        ("group_conv", {"steerable_conv": "group_conv"}, []),
    ],
    "plane-family": [
        ("family: steerable_conv", {"graph_attention": "steerable_conv"}, []),
        ("C4 or D4", {"C8": "C4", "plane": "grid", "graph_attention": "group_conv"}, []),
        ("C4 or D4", {"C8": "D4", "plane": "grid"}, ["too-large"]),  # a graph of single pixels
    ],
    "pointwise-nonlinearity": [
        ("regular", {"8 sign": "8 regular"}, []),
        ("tanh", {"relu": "tanh"}, ["no-power"]),  # signs alone have no invariant for the value
    ],
    "squashed-action": [("C4 in place of C8", {"C8": "C4"}, [])],
    "stacked-tokens": [
        ("without every", {"every: 100, ": ""}, []),
        ("environment.frames: 1", {"size: 84": "size: 84\n  frames: 1"}, []),
    ],
    "stride": [
        ("kernel of 1 or 3", {"kernel: 2": "kernel: 3"}, []),
        ("stride 1", {"stride: 2": "stride: 1"}, []),
        # 5 rows, which the next layer pools by twos
        ("kernel of 1 or 3", {"kernel: 2": "kernel: 1"}, ["stride"]),
    ],
    "too-large": [("within that bound", {"S100000": "S2"}, [])],
    "unavailable-constraint": [("constraint: none", {"{relaxed: {banks: 2}}": "none"}, [])],
    "unbounded-action": [("algorithm: ppo", {"sac": "ppo"}, [])],
    "unknown-action": [("left", {"bottom": "down"}, [])],
    "unknown-adapter": [("did you mean 'gymnasium_env'", {"gym_env": "gymnasium_env"}, [])],
    "unknown-algorithm": [("did you mean 'ppo'", {"pop": "ppo"}, [])],
    "unknown-family": [("did you mean 'group_mlp'", {"groupmlp": "group_mlp"}, [])],
    "unknown-generator": [("are: s", {"{r: [": "{s: ["}, [])],
    "unknown-group": [("did you mean 'SO2'", {"SO(2)": "SO2"}, ["unknown-generator"] * 2)],
    "unknown-key": [
        (
            "did you mean 'actions'",
            {"action:": "actions:", "hiden": "hidden", "step:": "steps:"},
            [],
        )
    ],
    "unknown-term": [
        (
            "{observation: {s: ...}}",
            {"s: [-1, -2, -3, -4]": "observation: {s: [-1, -2, -3, -4]}"},
            [],
        )
    ],
    "decoder-target": [("leave decoder out", {"\n  decoder: 1.0": ""}, [])],
    "untrained-memory": [
        ("write algorithm: ppo", {"sac": "ppo"}, []),
        ("without memory", {"\n  memory: lstm": ""}, []),
    ],
    "width": [("width: 64", {"width: 60": "width: 64"}, [])],
    "wrong-type": [
        (
            "64 regular",
            {
                "[left, right]": "[1, 0]",
                "hidden: 8": "hidden: 16 regular",
                "shared: yes": "shared: true",
                "1e5": "100000",
            },
            [],
        )
    ],
    "wrong-value": [
        ("did you mean 'exact'", {"exakt": "exact", "rleu": "relu", "steps: 0": "steps: 1"}, [])
    ],
}
CASES = [
    pytest.param(code, *way, id=f"{code} {n}")
    for code, ways in WAYS_OUT.items()
    for n, way in enumerate(ways)
]


def codes(text: str) -> list[str]:
    try:
        check_spec(from_text(text))
    except SpecError as error:
        return [mistake.code for mistake in error.diagnostics]
    return []


@pytest.mark.parametrize(("code", "hint", "edits", "later"), CASES)
def test_the_way_out_of_a_golden_mistake(code, hint, edits, later):
    hints = " ".join(
        re.findall(r"help: (.*)", (GOLDEN / f"{code}.txt").read_text(encoding="utf-8"))
    )
    assert hint in hints
    text = (GOLDEN / f"{code}.yaml").read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    assert codes(text) == later


def test_most_golden_mistakes_have_a_way_out_here():
    assert len(WAYS_OUT) >= 40
