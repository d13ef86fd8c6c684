"""Worlds (group, observation, action) and network variants that the conformance suite crosses; no
YAML is involved.

To add a family or an option, add a row to VARIANTS; to add a group or an action, add a row to
WORLDS.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group as named
from symgen.algebra.catalogue import presented
from symgen.algebra.group import Group


@dataclass(frozen=True)
class World:
    """A small environment as seen from the outside, and how a group moves it.

    Args:
        group: the group or its name.
        terms: field type of each term; "discrete point: permutation" is an index, "bytes grid ..."
            8-bit.
        action: representation on the action's parameters.
        kind: discrete, continuous, or the numbers of choices of a multi_discrete one.
        hidden: a fibre that can carry everything observed and done.
        graph: topology and labels; by default complete with offset labels, absolute ones off the
            grid.
        edges: of the topology "edges".
        width: channels of the attention families.
    """

    group: Group | str
    terms: Mapping[str, str]
    action: str
    kind: str | tuple[int, ...] = "discrete"
    hidden: str = "4 regular"
    graph: tuple[str, str] = ("complete", "")
    edges: Sequence[Any] = ()
    width: int | None = None

    @property
    def acting(self) -> Group:
        """The group itself."""
        return named(self.group) if isinstance(self.group, str) else self.group

    @property
    def grids(self) -> list[str]:
        """The shapes of the pictures."""
        return [text.split(":")[0] for text in self.terms.values() if "grid" in text]

    @property
    def places(self) -> set[str]:
        """The different bases of the terms that are no plain vectors."""
        bases = {text.removeprefix("bytes ").split(":")[0] for text in self.terms.values()}
        return {base for base in bases if "point" not in base}

    @property
    def still(self) -> bool:
        """True where the group does not move the actions."""
        return representations.parse(self.acting, self.action).is_trivial


PLANAR = ("C1", "C2", "C4", "D1", "D2", "D4")
PICTURE, KLEIN = "observation", presented(["a", "b"], ["aa", "bb", "abab"], "Klein")
QUATERNIONS = presented(["i", "j"], ["iiii", "iijj", "j^3iji"], "Q8")
PRISM = "graph 6(r=1 2 0 4 5 3, s=3 5 4 0 2 1)"
BARS = [
    *([i, (i + 1) % 3, {"kind": "side"}] for i in range(3)),
    *([3 + i, 3 + (i + 1) % 3, {"kind": "side"}] for i in range(3)),
    *([i, i + 3, {"kind": "rung"}] for i in range(3)),
]
DICT = {
    "picture": "bytes grid 4x4: 2 trivial",
    "velocity": "point: standard + 2 trivial",
    "heading": "discrete point: permutation + trivial",
}

WORLDS: dict[str, World] = {
    "C1 grid 3x4": World("C1", {PICTURE: "grid 3x4: 2 trivial"}, "3 trivial"),
    "C2 grid 4x6": World("C2", {PICTURE: "grid 4x6: 2 trivial"}, "permutation + trivial"),
    "C2 signed picture 3x5": World("C2", {PICTURE: "grid 3x5: trivial + sign"}, "permutation"),
    "C2 two components": World(
        "C2", {"observation": "point: 3 sign"}, "permutation(r=3 4 5 0 1 2)", (3, 3)
    ),
    "C4 grid 5x5": World("C4", {PICTURE: "grid 5x5: 3 trivial"}, "permutation"),
    "C4 heading 6x6": World(
        "C4", {PICTURE: "bytes grid 6x6: trivial + regular"}, "permutation + trivial"
    ),
    "C4 turn moves 4x4": World("C4", {PICTURE: "grid 4x4: 2 trivial"}, "3 trivial"),
    "C4 dict": World("C4", DICT, "permutation"),
    "C4 two pictures": World(
        "C4", {**DICT, "goal": "grid 4x4: trivial + regular"}, "standard + trivial", "continuous"
    ),
    "C4 dict of everything": World(
        "C4", {**DICT, "legs": "tokens 4: 2 trivial"}, "permutation + 3 trivial", (4, 3)
    ),
    "C4 ring of tokens": World("C4", {"observation": "tokens 4: 2 trivial"}, "permutation"),
    "D1 grid 3x5": World("D1", {PICTURE: "grid 3x5: 2 trivial"}, "permutation + 2 trivial"),
    "D1 flip 4x6": World(
        "D1", {PICTURE: "grid 4x6(s=flip): trivial + sign"}, "sign + trivial", "continuous"
    ),
    "D1 cart": World("D1", {"observation": "point: 4 sign"}, "permutation"),
    "D1 pendulum": World("D1", {"observation": "point: trivial + 2 sign"}, "sign", "continuous"),
    "D2 grid 4x6": World("D2", {PICTURE: "grid 4x6: 2 trivial"}, "quotient(s) + quotient(rs)"),
    "D4 grid 5x5": World("D4", {PICTURE: "grid 5x5: 2 trivial"}, "quotient(s)"),
    "D4 heading 6x6": World(
        "D4", {PICTURE: "grid 6x6: trivial + quotient(s)"}, "quotient(s) + trivial"
    ),
    "D4 two components": World(
        "D4", {PICTURE: "grid 4x4: 2 trivial"}, "quotient(s) + 2 trivial", (4, 2)
    ),
    "D4 force": World(
        "D4", {PICTURE: "grid 5x5: trivial", "speed": "point: standard"}, "standard", "continuous"
    ),
    "S3 tokens": World("S3", {"observation": "tokens 3: 2 trivial"}, "permutation"),
    "S5 tokens": World(
        "S5", {"observation": "tokens 5: trivial"}, "3 trivial", hidden="2 permutation", width=16
    ),
    "S5 choice": World(
        "S5", {"observation": "tokens 5: 2 trivial"}, "permutation", hidden="3 permutation"
    ),
    "C4 motors": World("C4", {"observation": "tokens 4: 2 trivial"}, "permutation", "continuous"),
    "C3 plane": World("C3", {"observation": "point: 2 standard"}, "standard", "continuous"),
    "D3 plane": World(
        "D3", {"observation": "point: 2 standard + sign"}, "standard + sign", "continuous"
    ),
    "C8 plane": World("C8", {"observation": "point: standard + trivial"}, "standard", "continuous"),
    "D3 prism": World(
        "D3",
        {"observation": f"{PRISM}: 2 trivial"},
        "permutation",
        graph=("edges", "absolute"),
        edges=BARS,
    ),
    "D3 sides and rungs": World(
        "D3",
        {"observation": f"{PRISM}: 3 trivial"},
        "2 trivial",
        graph=("edges", "kind"),
        edges=BARS,
    ),
    "C2 x C2 grid 3x5": World(
        "C2 x C2",
        {PICTURE: "grid 3x5(r=mirror, r2=flip): 2 trivial"},
        "permutation(r=1 0 2 3, r2=0 1 3 2)",
    ),
    "C2 x C4 vector": World("C2 x C4", {"observation": "point: regular"}, "permutation"),
    "Klein graph": World(
        KLEIN, {"observation": "graph 4(a=1 0 3 2, b=2 3 0 1): 2 trivial"}, "regular"
    ),
    "Q8 vector": World(QUATERNIONS, {"observation": "point: regular + trivial"}, "regular"),
}


@dataclass(frozen=True)
class Variant:
    """Options of a family.

    Args:
        options: what `network:` says; width and hidden come from the world where they are left out.
        fits: for which worlds the options make sense.
        constraint: the spec's constraint, as it would be written there.
        graph: topology and labels in place of the world's.
        oriented: whether the spec's graph says `orientation: triangles`.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    fits: Callable[[World], bool] = lambda world: True
    constraint: Any = "exact"
    graph: tuple[str, str] | None = None
    oriented: bool = False

    @property
    def law(self) -> str:
        """exact, relaxed or none."""
        return self.constraint if isinstance(self.constraint, str) else next(iter(self.constraint))

    @property
    def remembers(self) -> bool:
        """Whether the network has memory, which algorithms that draw single transitions refuse."""
        return self.options.get("memory", "none") != "none"


def on_places(world: World) -> bool:
    """One base for all terms that are no plain vectors, and a group whose regular fibre is small
    (or not needed).
    """
    return len(world.places) == 1 and (world.acting.order <= 16 or world.still)


def on_grid(*, patch: int = 1) -> Callable[[World], bool]:
    """Pictures that patches of this size tile."""

    def fits(world: World) -> bool:
        sides = [
            int(side)
            for grid in world.grids
            for pair in re.findall(r"(\d+)x(\d+)", grid)
            for side in pair
        ]
        return bool(sides) and on_places(world) and all(side % patch == 0 for side in sides)

    return fits


def remembering(world: World) -> bool:
    """Worlds in which small networks show what they remember: of a few features that S5 permutes
    there are hardly any invariants in which it matters how memory and input lie to each other.
    """
    return world.acting.name != "S5"


def on_odd_grid(world: World) -> bool:
    """Pictures with odd sides."""
    return bool(world.grids) and all(
        int(side) % 2 for grid in world.grids for side in re.findall(r"\d+", grid)[:2]
    )


def on_turning_grid(world: World) -> bool:
    """Pictures that are turned and never mirrored."""
    return on_grid()(world) and world.acting.name in ("C1", "C2", "C4")


def one_picture(world: World) -> bool:
    """Exactly one picture."""
    return len(world.grids) == 1


def usual_picture(world: World) -> bool:
    """Exactly one picture, turned and mirrored as pictures are."""
    return (
        one_picture(world)
        and world.acting.name in PLANAR
        and not any("(" in text for text in world.terms.values())
    )


def both(*conditions: Callable[[World], bool]) -> Callable[[World], bool]:
    """All conditions hold."""
    return lambda world: all(condition(world) for condition in conditions)


def on_sensors(world: World) -> bool:
    """One set of places that are no pixels, and nothing else that has places."""
    return len(world.places) == 1 and not world.grids


def moving_sensors(world: World) -> bool:
    """Sensors and actions that are moved together."""
    return on_sensors(world) and not world.still


ONE = {"global": {"layers": 1}, "heads": 4}

SENSORS = {"memory": "none", "slots": 6, "head": [16]}
NO_FRAMES = {"differences": False, "normalise_frames": False}  # see test_sensor_attention.py

WIDE = {"hidden": "16 regular"}  # relu leaves something of so many

VARIANTS: dict[str, dict[str, Variant]] = {
    "graph_attention": {
        "token": Variant(ONE, on_places),
        "patches": Variant({**ONE, "readout": "patches"}, on_places),
        "both": Variant({**ONE, "readout": "both", "global": {"layers": 2}}, on_places),
        "qkv": Variant(
            {**ONE, "matrices": ["q", "k", "v"], "symmetrise": False, "expansion": 2, "heads": 1}, on_places
        ),
        "v": Variant({**ONE, "matrices": ["v"]}, on_places),
        "trivial fibre": Variant({**ONE, "fibre": "trivial"}, both(on_places, lambda world: world.still)),
        "permutation fibre": Variant({**ONE, "fibre": "permutation", "width": 20}, lambda world: world.group == "S5"),
        "patch 2": Variant({**ONE, "patch": 2}, on_grid(patch=2)),
        "patch 3": Variant({**ONE, "patch": 3, "readout": "both"}, on_grid(patch=3)),
        "king": Variant(ONE, on_grid(), graph=("king", "offset")),
        "torus": Variant(ONE, on_grid(), graph=("torus", "offset")),
        "radius": Variant(ONE, on_grid(), graph=("radius 2.3", "absolute")),
        "distance": Variant({**ONE, "patch": 2}, on_grid(patch=2), graph=("grid", "distance")),
        "local tokens": Variant({**ONE, "local": {"window": 3}}, on_grid()),
        "local pixels": Variant({**ONE, "local": {"window": 3, "layers": 2, "readout": "patches"}}, on_grid()),
        "local both": Variant({**ONE, "patch": 2, "local": {"window": 4, "readout": "both"}}, on_grid(patch=2)),
        "relaxed": Variant({**ONE, "readout": "both"}, on_places, constraint="relaxed"),
        "relaxed windows": Variant(
            {**ONE, "local": {"window": 3, "readout": "both"}, "readout": "both", "expansion": 1},
            on_grid(),
            constraint={"relaxed": {"regulariser": 1e-3}},
        ),
        "on the scores": Variant(
            {
                **ONE,
                "matrices": ["v", "left", "additive", "hadamard"],
                "score_activation": "gelu",
                "dropout": 0.3,
                "readout": "both",
            },
            on_places,
        ),
        "two softmaxes": Variant({**ONE, "symmetrise": "both"}, on_places),
        "triangles": Variant({**ONE, "global": {"layers": 2}}, on_turning_grid, oriented=True),
        "two triangles": Variant({**ONE, "triangles": 2, "readout": "patches"}, on_turning_grid, oriented=True),
    },
    "group_mlp": {
        "two trunks": Variant(),
        "shared": Variant({"shared": True, "depth": 1, "activation": "gelu"}),
        "tanh": Variant({"depth": 3, "activation": "tanh"}),
        "signs": Variant(
            {"hidden": "4 sign + 3 regular", "activation": "tanh"}, lambda world: world.acting.order == 2
        ),
        "relaxed": Variant(constraint="relaxed"),
        "relaxed input": Variant({"activation": "tanh"}, constraint={"relaxed": {"banks": 3, "index": "input"}}),
        "relaxed signs": Variant(
            {"hidden": "4 sign + 3 regular", "activation": "tanh", "shared": True},
            lambda world: world.acting.order == 2,
            constraint={"relaxed": {"banks": 1, "regulariser": 1e-3}},
        ),
        "residual": Variant({"shared": True}, constraint={"relaxed": {"form": "residual", "regulariser": 1e-3}}),
        "gru": Variant({"memory": "gru"}, remembering),
        "lstm": Variant({"memory": "lstm", "shared": True, "depth": 1, "activation": "tanh"}),
        "relaxed gru": Variant({"memory": "gru", "shared": True}, remembering, constraint="relaxed"),
        "residual lstm": Variant(
            {"memory": "lstm", "depth": 1}, constraint={"relaxed": {"form": "residual", "regulariser": 1e-3}}
        ),
    },
    "group_conv": {
        "two layers": Variant({"layers": ["6 regular", {"fields": "6 regular"}], **WIDE}, one_picture),
        "pool the places": Variant({"layers": ["6 regular", "6 regular"], "readout": "pool", **WIDE}, one_picture),
        "even kernels and strides": Variant(
            {
                "layers": [{"fields": "6 regular", "kernel": 2, "stride": 2, "padding": 0}, {"fields": "6 regular"}],
                "pool_kind": "mean",
                "activation": "gelu",
            },
            both(one_picture, on_grid(patch=2)),
        ),
        "overlapping pools": Variant(
            {
                "layers": [{"fields": "6 regular + 4 trivial", "padding": 2, "pool": {"size": 3}}],
                "norm": "layer",
                "activation": "tanh",
                **WIDE,
            },
            both(one_picture, on_odd_grid),
        ),
        "tiles": Variant(
            {"layers": [{"fields": "6 regular", "pool": 2}], "norm": "batch", **WIDE},
            both(one_picture, on_grid(patch=2)),
        ),
        "towers": Variant(
            {"layers": ["6 regular"], "hidden": "4 regular", "towers": ["6 regular"], "activation": "silu"}, one_picture
        ),
        "invariant places": Variant({"layers": ["6 regular", "8 regular"], "group_pool": "max", **WIDE}, one_picture),
        "invariant": Variant(
            {"layers": ["6 regular", "8 regular"], "group_pool": "mean", "readout": "pool", **WIDE},
            both(one_picture, lambda world: world.still),
        ),
        "relaxed": Variant(
            {"layers": ["6 regular", {"fields": "4 regular + "
                                                "2 trivial"}], "activation": "silu", **WIDE},
            one_picture,
            constraint="relaxed",
        ),
        "relaxed input": Variant(
            {"layers": ["6 regular", "6 regular"], "readout": "pool", "norm": "batch", "activation": "silu", **WIDE},
            one_picture,
            constraint={"relaxed": {"banks": 3, "index": "input", "regulariser": 1e-3}},
        ),
        "residual": Variant(
            {"layers": [{"fields": "6 regular"}], "activation": "silu"},
            one_picture,
            constraint={"relaxed": {"form": "residual"}},
        ),
        "signs": Variant(
            {"layers": ["3 sign + 2 regular", "2 sign + 2 regular"], "activation": "tanh", "norm": "batch"},
            both(one_picture, lambda world: world.acting.order == 2),
        ),
    },
    "steerable_conv": {
        "two layers": Variant({"layers": ["6 regular", {"fields": "6 regular"}], "activation": "silu"}, usual_picture),
        "smaller": Variant(
            {
                "layers": [{"fields": "6 regular", "kernel": 5, "pool": 2}, "8 regular"],
                "activation": "elu",
                "hidden": "8 regular",
            },
            usual_picture,
        ),
        "vectors": Variant(
            {"layers": ["4 trivial + 4 regular + 4 irrep(1)", "4 regular + 4 "
                                                              "irrep(1)"], "activation": "elu"},
            both(usual_picture, lambda world: world.acting.name in ("C4", "D4")),
        ),
        "thresholds": Variant(
            {"layers": ["4 regular + 4 sign", "6 regular + 4 sign"], "vectors": "norm", "hidden": "6 regular + 4 sign"},
            both(usual_picture, lambda world: world.acting.name in ("C2", "D1", "D4")),
        ),
        "relaxed": Variant(
            {"layers": ["6 regular", "6 regular"], "activation": "gelu"}, usual_picture, constraint="relaxed"
        ),
        "relaxed penalty": Variant(
            {"layers": [{"fields": "8 regular", "padding": 1}], "hidden": "12 regular"},
            usual_picture,
            constraint={"relaxed": {"regulariser": 1e-3}},
        ),
    },
    "cnn": {
        "two layers": Variant({"channels": [4, 3], "width": 8}, one_picture, "none"),
        "one layer": Variant({"channels": [2], "width": 4}, one_picture, "none"),
        "towers": Variant(
            {"channels": [{"channels": 4, "kernel": 2, "pool": 2}], "width": 5, "towers": [6, 7]},
            both(one_picture, on_grid(patch=2)),
            "none",
        ),
    },
    "vit": {
        "positions": Variant({"width": 8, "heads": 2, "layers": 1}, one_picture, "none"),
        "expansion": Variant(
            {"width": 8, "heads": 1, "expansion": 2, "patch": 2}, both(one_picture, on_grid(patch=2)), "none"
        ),
        "bag of patches": Variant(
            {"width": 8, "heads": 2, "layers": 1, "positions": "none"},
            both(one_picture, lambda world: not world.still),
            "none",
        ),
    },
    "sensor_attention": {
        "lstm": Variant({**SENSORS, "memory": "lstm", "hidden": 6, **NO_FRAMES}, on_sensors),
        "gru": Variant(
            {"memory": "gru", "hidden": 6, "weights": "softmax", "scale": True, "bias": True, "outer": "tanh",
             "queries": "learnt", "query_size": 4, "key_size": 8, "shared": True},
            on_sensors,
        ),
        "layer": Variant({**SENSORS, "hidden": 8, "value_size": 8, "outer": "relu_norm", "pooling": "sum"}, on_sensors),
        "keys themselves": Variant(
            {**SENSORS, "hidden": 0, "pooling": "root", "position_codes": True, "squash": "none"}, on_sensors
        ),
        "deep sets": Variant(
            {**SENSORS, "hidden": 8, "readout": "deep_sets", "sees_previous_action": False}, on_sensors
        ),
        "pma": Variant(
            {**SENSORS, "hidden": 8, "readout": "pma", "key_heads": 2, "key_size": 8, "activation": "silu"}, on_sensors
        ),
        "convolutions": Variant(
            {**SENSORS, "hidden": 8, "value_size": 4, "slots": 12, "grid": [3, 4],
             "convolutions": [{"channels": 8, "kernel": 2}], "activation": "gelu"},
            on_sensors,
        ),
        "votes": Variant(
            {**SENSORS, "hidden": 8, "value_size": 6, "slots": 12, "grid": [3, 4], "votes": 12, "head_memory": "gru"},
            both(on_sensors, lambda world: world.still),
        ),
        "relaxed": Variant({**SENSORS, "hidden": 8}, moving_sensors, constraint="relaxed"),
    },
    "mlp": {
        "two trunks": Variant({"width": 8}, constraint="none"),
        "shared": Variant({"width": 8, "depth": 3, "shared": True, "activation": "silu"}, constraint="none"),
        "gru": Variant({"width": 8, "memory": "gru"}, constraint="none"),
        "lstm": Variant({"width": 8, "memory": "lstm", "shared": True}, constraint="none"),
    },
}  # fmt: skip


def cases(wide: bool) -> list[tuple[str, str, str]]:
    """(family, variant, world): all that fit; or, for each family, every world once and every
    variant at least once.
    """
    result = []
    for family, variants in VARIANTS.items():
        fitting = {
            w: [v for v, row in variants.items() if row.fits(world)] for w, world in WORLDS.items()
        }
        pairs = [(v, w) for w, names in fitting.items() for v in names]
        if not wide:
            chosen = [
                (names[k % len(names)], w) for k, (w, names) in enumerate(fitting.items()) if names
            ]
            missing = {
                v: (v, w) for v, w in reversed(pairs) if v not in {each for each, _ in chosen}
            }
            pairs = [*chosen, *missing.values()]
        result += [(family, *pair) for pair in pairs]
    return result


def judged_cases() -> list[tuple[str, str, str]]:
    """All that algorithms with action-value critics train: real actions, and nothing remembered."""
    return [
        (family, variant, world)
        for family, variant, world in cases(wide=True)
        if WORLDS[world].kind == "continuous" and not VARIANTS[family][variant].remembers
    ]
