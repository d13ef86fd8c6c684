"""Specs that are drawn, and what a picture's file looks like."""

from pathlib import Path
from typing import Any

ATTENTION = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 5, "crossings": 1, "levels": 20},
    "symmetry": {
        "group": "C4",
        "actions": {"r": {"up": "left", "left": "down", "down": "right", "right": "up"}},
    },
    "graph": {"topology": "king", "labels": "offset", "orientation": "triangles"},
    "network": {
        "family": "graph_attention",
        "width": 16,
        "heads": 2,
        "readout": "patches",
        "global": {"layers": 2},
    },
}
CARTPOLE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
}

SENSORS: dict[str, Any] = {
    "symgen": 1,
    "environment": {"adapter": "cartpole_swingup", "previous": ["action"]},
    "symmetry": {"group": "S5", "states": {"observation": "tokens"}, "actions": "trivial"},
    "network": {"family": "sensor_attention", "slots": 6},
}
_CUT = {"adapter": "gridworld", "size": 9, "patches": 3, "frames": 2, "previous": ["action"]}
PATCHES: dict[str, Any] = {
    **SENSORS,
    "environment": _CUT,
    "symmetry": {**SENSORS["symmetry"], "group": "S9"},
    "network": {
        **SENSORS["network"], "memory": "none", "weights": "softmax", "differences": True,
    },
}  # fmt: skip


def edited(spec: dict, **sections: dict) -> dict:
    return {**spec, **{name: {**spec.get(name, {}), **values} for name, values in sections.items()}}


def is_png(path: Path) -> bool:
    content = path.read_bytes()
    return content[:8] == b"\x89PNG\r\n\x1a\n" and content[-8:-4] == b"IEND" and len(content) > 4000
