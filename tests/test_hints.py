"""Every hint's way out works: the golden mistakes, mended as their hints say, are accepted.

A hint that leads to another mistake leads astray. Where the hint mends one thing and the spec needs
a second, that later mistake is named here.
"""

import re

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

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
    "bad-edit": [("did you mean 'environment.id'", {
        "environment.ID": "environment.id", "  wider: {network.hidden: 16 "
                                            "regular}\n": "", "levels: 10": ""}, [])],
    "bad-environment": [("did you mean 'CartPole-v1'", {"CartPol-v1": "CartPole-v1"}, [])],
    "bad-field-type": [("did you mean 'trivial'", {"trivail": "trivial"}, ["blind-policy"])],
    "bad-labels": [
        ("absolute", {"labels: rod": "labels: absolute"}, []),
        ("offset", {"labels: rod": "labels: offset"}, []),
        ("distance", {"labels: rod": "labels: distance"}, ["hidden-fibre"]),  # it tells no directions apart
    ],
    "bad-representation": [("did you mean 'regular + "
                            "regular'", {"regulr": "regular"}, ["size-mismatch"])],
    "bad-topology": [("did you mean 'torus'", {"torus 2": "torus"}, [])],
    "bad-presentation": [("small letter", {"[s, S, s]": "[s]"}, [])],
    "blind-policy": [("trivial", {"\n    r: {up: left, left: down, down: right, "
                                  "right: up}": " trivial"}, [])],
    "condition-name": [("another name", {"training:": "plain:"}, [])],
    "hidden-fibre": [("e.g. regular", {"8 trivial": "8 regular"}, [])],
    "idle-triangles": [
        ("global: {layers: 2}", {"global: {layers: 1}": "global: {layers: 2}"}, []),
        ("readout: both in network:", {"\n  readout: token": "\n  readout: both"}, []),
        ("orientation: none", {"orientation: triangles": "orientation: none"}, []),
    ],
    "inexact-rotation": [("for the family steerable_conv", {
        "states: grid": "states: plane", "graph_attention\n  width: 64": "steerable_conv",
        "graph:\n  topology: grid\n  labels: offset\n": ""}, [])],
    "invariant-policy": [
        ("output: equivariant", {"output: invariant": "output: equivariant"}, []),
        ("actions: trivial", {"actions: {s: [1, 0]}": "actions: trivial"}, []),
    ],
    "key-not-text": [("in quotes", {"  0.1:": "  '0.1':"}, [])],
    "missing-generator": [("'r: trivial'", {"4]}": "4], r: trivial}", "0]}": "0], r: trivial}"}, [])],
    "missing-term": [("'observation: trivial'", {"states: {}": "states: {observation: "
                                                               "trivial}"}, ["blind-policy"])],
    "multiple-documents": [("delete this line", {"---\n": ""}, ["duplicate-key"])],
    "no-picture": [("group_mlp or mlp", {"family: cnn": "family: mlp"}, [])],
    "no-places": [("leave graph: out", {"graph:\n  topology: complete\n": ""}, [])],
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
    "stride": [
        ("kernel of 1 or 3", {"kernel: 2": "kernel: 3"}, []),
        ("stride 1", {"stride: 2": "stride: 1"}, []),
        ("kernel of 1 or 3", {"kernel: 2": "kernel: 1"}, ["stride"]),  # 5 rows, which the next layer pools by twos
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
    "unknown-key": [("did you mean 'actions'", {"action:": "actions:", "hiden": "hidden", "step:": "steps:"}, [])],
    "unknown-term": [("{observation: {s: ...}}", {"s: [-1, -2, -3, -4]": "observation: {s: [-1, -2, -3, -4]}"}, [])],
    "width": [("width: 64", {"width: 60": "width: 64"}, [])],
    "wrong-type": [("64 regular", {"[left, right]": "[1, 0]", "hidden: 8": "hidden: 16 regular",
                                   "shared: yes": "shared: true", "1e5": "100000"}, [])],
    "wrong-value": [("did you mean 'exact'", {"exakt": "exact", "rleu": "relu", "steps: 0": "steps: 1"}, [])],
}  # fmt: skip
CASES = [
    pytest.param(code, *way, id=f"{code} {n}")
    for code, ways in WAYS_OUT.items()
    for n, way in enumerate(ways)
]


def codes(text: str) -> list[str]:
    try:
        check_spec(from_text(text))
    except SpecError as error:
        return [each.code for each in error.diagnostics]
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


# Mistakes that have no golden pair of their own: a spec's sections, what the hint says, the edits,
# what is then wrong.
SECTIONS = {
    "environment": "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    "symmetry": "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: "
    "[1, 0]}}",
    "network": "network: {family: group_mlp, hidden: 8 regular}",
    "train": "train: {algorithm: ppo}",
}
LAKE = {
    "environment": "environment: {adapter: gymnasium_env, id: FrozenLake-v1}",
    "symmetry": "symmetry: {group: C4, states: {observation: grid}, actions: trivial}",
    "network": "network: {family: graph_attention, width: 32, heads: 1}",
}
BLOCKS = "symmetry: {group: D1, states: 'point: WRITTEN', actions: {s: [1, 0]}}"
MINIGRID = {
    "environment": "environment: {adapter: minigrid, id: MiniGrid-LavaCrossingS9N1-v0}",
    "network": "network: {family: group_conv, layers: [8 regular]}",
}
ARM = {"environment": "environment: {adapter: gymnasium_env, id: Arm-v0}",
       "symmetry": "symmetry: {group: C8, states: 2 standard, actions: standard}"}  # fmt: skip
RING = {"environment": "environment: {adapter: gymnasium_env, id: RingOfFive-v0}",
        "symmetry": "symmetry: {group: C5, states: tokens, actions: regular}",
        "network": "network: {family: graph_attention, width: 40, heads: 1}"}  # fmt: skip
LINEAR = "a move is linear"
OTHERS = {
    "a grid of indices": (LAKE, "write 'grid 4x4: trivial'", {": grid": ": 'grid 4x4: trivial'"}, []),
    "a group auto does not know": ({**MINIGRID, "symmetry": "symmetry: {group: D44}"},
                                   "auto knows C2, C4, D1, D2, D4", {"D44": "D4"}, []),
    "a turned bounded action, sac": ({**ARM, "train": "train: "
                                                      "{algorithm: sac}"}, "C4 in place of C8",
                                     {"C8": "C4"}, []),
    "a turned bounded action, ppo": (ARM, "C4 in place of C8", {"C8": "C4"}, []),
    "a turned action without bounds": ({**ARM, "train": "train: {algorithm: sac}"},
                                       "algorithm: ppo, and an action space without bounds",
                                       {"sac": "ppo", "Arm-v0": "Free-v0"}, []),
    "SO2 in a group_mlp": ({**ARM, "symmetry": "symmetry: {group: SO2, states: 2 standard, "
                                               "actions: trivial}"},
                           "use a finite group, such as C8", {"SO2": "C8"}, []),
    "O2 in a group_mlp": ({**ARM, "symmetry": "symmetry: {group: O2, states: 2 standard, actions: "
                                              "trivial}"},
                          "use a finite group, such as D8", {"O2": "D8"}, []),
    "tokens on a ring, patches": (RING, "readout: patches", {"heads: 1": "heads: 1, readout: patches"}, []),
    "tokens on a ring, labels": (RING, "matrices: [q, k, v] here and labels: absolute in graph:",
                                 {"heads: 1}": "heads: 1, matrices: [q, k, v]}\ngraph: {labels: "
                                               "absolute}"}, []),
    "offset labels of tokens": ({**RING, "train": "graph: "
                                                  "{labels: offset}"}, "absolute", {"offset": "absolute"}, []),
    "a wrong block": ({"symmetry": BLOCKS.replace("WRITTEN", "trivial + signd(s=-1 -2 -3)")},
                      "did you mean 'point: trivial + "
                      "signed(s=-1 -2 -3)'", {"signd": "signed"}, []),
    "commas between images": ({"symmetry": BLOCKS.replace("WRITTEN", "trivial + signed(s=[-1, "
                                                                     "-2, -3])")},
                              "did you mean 'point: trivial + "
                              "signed(s=-1 -2 -3)'", {"[-1, -2, -3]": "-1 -2 -3"}, []),
    "a block of no kind": ({"symmetry": BLOCKS.replace("WRITTEN", "trivial + momentum")},
                           "D1 has: trivial, sign, regular", {"momentum": "3 sign"}, []),
    "blocks without a plus": ({"symmetry": BLOCKS.replace("WRITTEN", "trivial 3 sign")},
                              "did you mean 'point: trivial "
                              "+ 3 sign'", {"trivial 3": "trivial + 3"}, []),
    "blocks of another size": ({"symmetry": BLOCKS.replace("WRITTEN", "trivial + 2 sign")},
                               "must add up to 4", {"2 sign": "3 sign"}, []),
    "steps that are a rate": ({"train": "train: {algorithm: ppo, "
                                        "steps: 3e-4}"}, "for example 100000",
                              {"3e-4": "100000"}, []),
    "steps with commas": ({"train": "train: {algorithm: ppo, steps: "
                                    "'200,000'}"}, "write 200000, without quotes",
                          {"'200,000'": "200000"}, []),
    "seeds: yes": ({"train": "train: {algorithm: ppo, "
                             "seeds: yes}"}, "for example [0]", {"yes": "[0]"}, []),
    "no seeds": ({"train": "train: {algorithm: ppo, "
                           "seeds: []}"}, "one run is made for each seed", {"[]": "[3]"}, []),
    "hidden: 32": ({"network": "network: {family: group_mlp, hidden: 32}"}, "e.g. '64 regular'",
                   {"32": "64 regular"}, []),
    "layers: 32": ({**MINIGRID, "symmetry": "symmetry: {group: D4}",
                    "network": "network: {family: group_conv, layers: 32}"},
                   "for example [8 regular, 8 regular]", {"32": "[8 regular, 8 regular]"}, []),
    "pooling": ({**MINIGRID, "symmetry": "symmetry: {group: D4}",
                 "network": "network: {family: group_conv, layers: [{fields: 8 regular, "
                            "pool: 2}]}"},
                "pool: {size: 3, stride: 2}", {"pool: 2": "pool: {size: 3, stride: 2}"}, []),
    "a shift as a column": ({"symmetry": "symmetry: {group: D1, states: {observation: {s: [[-1, "
                                         "0, -1], [0, -1, 0]]}}, "
                             "actions: {s: [2, 1, 0]}}", "environment": "environment: {adapter: gymnasium_env, "
                             "id: MountainCar-v0}"}, LINEAR, {"[[-1, 0, -1], "
                                                              "[0, -1, 0]]": "[[-1, 0], [0, -1]]"}, []),
    "a shift as a number": ({"symmetry": "symmetry: {group: D1, states: {observation: {s: [-1.5, "
                                         "-2, -3, -4]}}, "
                             "actions: {s: [1, 0]}}"}, LINEAR, {"-1.5": "-1"}, []),
    "a shift by name": ({"symmetry": "symmetry: {group: D1, states: {observation: {s: [-1, -2, "
                                     "-3, -4], "
                         "about: [1, 2, 3, 4]}}, actions: {s: "
                         "[1, 0]}}"}, LINEAR, {", about: [1, 2, 3, 4]": ""}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_the_way_out_of_another_mistake(name, monkeypatch):
    box = spaces.Box(-1, 1, (2,), np.float32)
    worlds = {
        "Arm-v0": (spaces.Box(-1, 1, (4,), np.float32), box),
        "Free-v0": (
            spaces.Box(-1, 1, (4,), np.float32),
            spaces.Box(-np.inf, np.inf, (2,), np.float32),
        ),
        "RingOfFive-v0": (spaces.Box(-1, 1, (5, 2), np.float32), spaces.Discrete(5)),
    }
    for world, (seen, done) in worlds.items():
        spec = gymnasium.envs.registration.EnvSpec(
            world, Spaces, kwargs={"seen": seen, "done": done}
        )
        monkeypatch.setitem(gymnasium.registry, world, spec)
    sections, hint, edits, later = OTHERS[name]
    text = "\n".join(["symgen: 1", *{**SECTIONS, **sections}.values()])
    with pytest.raises(SpecError) as caught:
        check_spec(from_text(text))
    assert any(hint in each.hint for each in caught.value.diagnostics), str(caught.value)
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    assert codes(text) == later


class Spaces(gymnasium.Env):
    def __init__(self, seen: spaces.Space, done: spaces.Space) -> None:
        self.observation_space, self.action_space = seen, done
