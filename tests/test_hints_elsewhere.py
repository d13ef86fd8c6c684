"""The way out of every hint works: mistakes without a golden pair, in CartPole's spec and
others.
"""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.spec.source import from_text
from tests.test_hints import codes

# The sections where a mistake says nothing else.
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
ARM = {
    "environment": "environment: {adapter: gymnasium_env, id: Arm-v0}",
    "symmetry": "symmetry: {group: C8, states: 2 standard, actions: standard}",
}
RING = {
    "environment": "environment: {adapter: gymnasium_env, id: RingOfFive-v0}",
    "symmetry": "symmetry: {group: C5, states: tokens, actions: regular}",
    "network": "network: {family: graph_attention, width: 40, heads: 1}",
}
LINEAR = "a move is linear"
# A mistake -> sections of its spec, what the hint says, the edits, and what is then wrong.
MISTAKES = {
    "a grid of indices": (
        LAKE,
        "write 'grid 4x4: trivial'",
        {": grid": ": 'grid 4x4: trivial'"},
        [],
    ),
    "a group auto does not know": (
        {**MINIGRID, "symmetry": "symmetry: {group: D44}"},
        "auto knows C2, C4, D1, D2, D4",
        {"D44": "D4"},
        [],
    ),
    "a turned bounded action, sac": (
        {**ARM, "train": "train: {algorithm: sac}"},
        "C4 in place of C8",
        {"C8": "C4"},
        [],
    ),
    "a turned bounded action, ppo": (ARM, "C4 in place of C8", {"C8": "C4"}, []),
    "a turned action without bounds": (
        {**ARM, "train": "train: {algorithm: sac}"},
        "algorithm: ppo, and an action space without bounds",
        {"sac": "ppo", "Arm-v0": "Free-v0"},
        [],
    ),
    "SO2 in a group_mlp": (
        {**ARM, "symmetry": "symmetry: {group: SO2, states: 2 standard, actions: trivial}"},
        "use a finite group, such as C8",
        {"SO2": "C8"},
        [],
    ),
    "O2 in a group_mlp": (
        {**ARM, "symmetry": "symmetry: {group: O2, states: 2 standard, actions: trivial}"},
        "use a finite group, such as D8",
        {"O2": "D8"},
        [],
    ),
    "tokens on a ring, patches": (
        RING,
        "readout: patches",
        {"heads: 1": "heads: 1, readout: patches"},
        [],
    ),
    "tokens on a ring, labels": (
        RING,
        "matrices: [q, k, v] here and labels: absolute in graph:",
        {"heads: 1}": "heads: 1, matrices: [q, k, v]}\ngraph: {labels: absolute}"},
        [],
    ),
    "offset labels of tokens": (
        {**RING, "train": "graph: {labels: offset}"},
        "absolute",
        {"offset": "absolute"},
        [],
    ),
    "a wrong block": (
        {"symmetry": BLOCKS.replace("WRITTEN", "trivial + signd(s=-1 -2 -3)")},
        "did you mean 'point: trivial + signed(s=-1 -2 -3)'",
        {"signd": "signed"},
        [],
    ),
    "commas between images": (
        {"symmetry": BLOCKS.replace("WRITTEN", "trivial + signed(s=[-1, -2, -3])")},
        "did you mean 'point: trivial + signed(s=-1 -2 -3)'",
        {"[-1, -2, -3]": "-1 -2 -3"},
        [],
    ),
    "a block of no kind": (
        {"symmetry": BLOCKS.replace("WRITTEN", "trivial + momentum")},
        "D1 has: trivial, sign, regular",
        {"momentum": "3 sign"},
        [],
    ),
    "blocks without a plus": (
        {"symmetry": BLOCKS.replace("WRITTEN", "trivial 3 sign")},
        "did you mean 'point: trivial + 3 sign'",
        {"trivial 3": "trivial + 3"},
        [],
    ),
    "blocks of another size": (
        {"symmetry": BLOCKS.replace("WRITTEN", "trivial + 2 sign")},
        "must add up to 4",
        {"2 sign": "3 sign"},
        [],
    ),
    "steps that are a rate": (
        {"train": "train: {algorithm: ppo, steps: 3e-4}"},
        "for example 100000",
        {"3e-4": "100000"},
        [],
    ),
    "steps with commas": (
        {"train": "train: {algorithm: ppo, steps: '200,000'}"},
        "write 200000, without quotes",
        {"'200,000'": "200000"},
        [],
    ),
    "seeds: yes": (
        {"train": "train: {algorithm: ppo, seeds: yes}"},
        "for example [0]",
        {"yes": "[0]"},
        [],
    ),
    "no seeds": (
        {"train": "train: {algorithm: ppo, seeds: []}"},
        "one run is made for each seed",
        {"[]": "[3]"},
        [],
    ),
    "hidden: 32": (
        {"network": "network: {family: group_mlp, hidden: 32}"},
        "e.g. '64 regular'",
        {"32": "64 regular"},
        [],
    ),
    "layers: 32": (
        {
            **MINIGRID,
            "symmetry": "symmetry: {group: D4}",
            "network": "network: {family: group_conv, layers: 32}",
        },
        "for example [8 regular, 8 regular]",
        {"32": "[8 regular, 8 regular]"},
        [],
    ),
    "pooling": (
        {
            **MINIGRID,
            "symmetry": "symmetry: {group: D4}",
            "network": "network: {family: group_conv, layers: [{fields: 8 regular, pool: 2}]}",
        },
        "pool: {size: 3, stride: 2}",
        {"pool: 2": "pool: {size: 3, stride: 2}"},
        [],
    ),
    "a shift as a column": (
        {
            "symmetry": "symmetry: {group: D1, states: {observation: {s: [[-1, "
            "0, -1], [0, -1, 0]]}}, "
            "actions: {s: [2, 1, 0]}}",
            "environment": "environment: {adapter: gymnasium_env, id: MountainCar-v0}",
        },
        LINEAR,
        {"[[-1, 0, -1], [0, -1, 0]]": "[[-1, 0], [0, -1]]"},
        [],
    ),
    "a shift as a number": (
        {
            "symmetry": "symmetry: {group: D1, states: {observation: {s: [-1.5, "
            "-2, -3, -4]}}, "
            "actions: {s: [1, 0]}}"
        },
        LINEAR,
        {"-1.5": "-1"},
        [],
    ),
    "a shift by name": (
        {
            "symmetry": "symmetry: {group: D1, states: {observation: {s: [-1, -2, "
            "-3, -4], "
            "about: [1, 2, 3, 4]}}, actions: {s: "
            "[1, 0]}}"
        },
        LINEAR,
        {", about: [1, 2, 3, 4]": ""},
        [],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_way_out_of_a_mistake(name, monkeypatch):
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
    sections, hint, edits, later = MISTAKES[name]
    text = "\n".join(["symgen: 1", *{**SECTIONS, **sections}.values()])
    with pytest.raises(SpecError) as caught:
        check_spec(from_text(text))
    assert any(hint in mistake.hint for mistake in caught.value.diagnostics), str(caught.value)
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    assert codes(text) == later


class Spaces(gymnasium.Env):
    def __init__(self, seen: spaces.Space, done: spaces.Space) -> None:
        self.observation_space = seen
        self.action_space = done
