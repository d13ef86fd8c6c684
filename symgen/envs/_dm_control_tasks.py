"""What is known of the tasks of dm_control without it: sizes, and how the group moves them.

Signs are of s, which swaps left and right (x becomes -x) in the x-z plane that cartpole, acrobot,
ball_in_cup and pendulum live in. Reacher lies in the x-y plane: its joint angles are linear under y
-> -y only, so that s is that mirror for its state, while its picture, seen from above, has the
turns and mirrors of the square.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from typing import NamedTuple

import numpy as np

from symgen.algebra.group import Group
from symgen.envs import _compass

Signs = tuple[int, ...]


@dataclass(frozen=True)
class Domain:
    """One domain of the suite.

    Args:
        tasks: the names of its tasks.
        terms: observation terms, in the order of their names, with the sign that the mirror gives
            each entry.
        action: names of the action's components, with their signs.
        joints: signs of the joints, of positions and velocities alike.
        planar: whether it lies flat and is seen from above.
    """

    tasks: tuple[str, ...]
    terms: Mapping[str, Signs]
    action: Mapping[str, int]
    joints: Signs
    planar: bool = False


DOMAINS = {
    "acrobot": Domain(
        ("swingup", "swingup_sparse"),
        {"orientations": (-1, -1, 1, 1), "velocity": (-1, -1)},
        {"elbow": -1},
        (-1, -1),
    ),
    "ball_in_cup": Domain(
        ("catch",),
        {"position": (-1, 1, -1, 1), "velocity": (-1, 1, -1, 1)},
        {"x": -1, "z": 1},
        (-1, 1, -1, 1),
    ),
    "cartpole": Domain(
        ("balance", "balance_sparse", "swingup", "swingup_sparse"),
        {"position": (-1, 1, -1), "velocity": (-1, -1)},
        {"slide": -1},
        (-1, -1),
    ),
    "pendulum": Domain(
        ("swingup",), {"orientation": (1, -1), "velocity": (-1,)}, {"torque": -1}, (-1,)
    ),
    "reacher": Domain(
        ("easy", "hard"),
        {"position": (-1, -1), "to_target": (1, -1), "velocity": (-1, -1)},
        {"shoulder": -1, "wrist": -1},
        (-1, -1),
        planar=True,
    ),
}

_BALL = ("cup x", "cup z", "ball x", "ball z")
ENTRIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "acrobot": {
        "orientations": ("sin upper arm", "sin lower arm", "cos upper arm", "cos lower arm"),
        "velocity": ("shoulder", "elbow"),
    },
    "ball_in_cup": {"position": _BALL, "velocity": _BALL},
    "cartpole": {"position": ("cart", "cos pole", "sin pole"), "velocity": ("cart", "pole")},
    "pendulum": {"orientation": ("cos angle", "sin angle"), "velocity": ("angle",)},
    "reacher": {
        "position": ("shoulder", "wrist"),
        "to_target": ("x", "y"),
        "velocity": ("shoulder", "wrist"),
    },
}
"""Names of the entries of each term, as the suite computes them."""

ANGLES = {
    "keep": (1, 0.0),
    "turn": (1, pi / 2),
    "half_turn": (1, pi),
    "turn_back": (1, -pi / 2),
    "mirror": (-1, pi),
    "flip": (-1, 0.0),
    "transpose": (-1, -pi / 2),
}
"""For each word of GRID_MOVES (sign, offset): a direction of angle t, seen from above, goes to sign
* t + offset.
"""


class Pose(NamedTuple):
    """The physical state: joint positions and velocities, and reacher's target (x, y), else
    nothing.
    """

    positions: tuple[float, ...]
    velocities: tuple[float, ...]
    target: tuple[float, ...] = ()


def moves_of(domain: Domain, group: Group, pixels: bool) -> dict[str, str] | None:
    """What each generator does to the world, as a word of GRID_MOVES; None where that is no
    symmetry of the domain.
    """
    moves = _compass.moves_of(group)
    if moves is None:
        return None
    if pixels and domain.planar:
        return moves
    if any(move != "mirror" for move in moves.values()):
        return None
    return dict.fromkeys(moves, "flip" if domain.planar else "mirror")


def action_signs(domain: Domain, move: str) -> Signs:
    """The signs of the action's components under one of the moves of `moves_of`: turns leave
    torques alone.

    >>> action_signs(DOMAINS["ball_in_cup"], "mirror")
    (-1, 1)
    >>> action_signs(DOMAINS["reacher"], "half_turn")
    (1, 1)
    """
    signs = tuple(domain.action.values())
    return signs if move in _compass.REVERSING else (1,) * len(signs)


def moved(domain: Domain, move: str, pose: Pose) -> Pose:
    """The pose after one of the moves of `moves_of`."""
    sign, offset = ANGLES[move]
    signs = np.array(domain.joints if sign < 0 else (1,) * len(domain.joints))
    positions = signs * pose.positions
    velocities = signs * pose.velocities
    if not domain.planar:
        return Pose(tuple(positions.tolist()), tuple(velocities.tolist()))
    positions[0] += offset  # the wrist is measured from the arm
    c, s = np.round([np.cos(offset), np.sin(offset)])
    x, y = pose.target
    target = (c * x - s * sign * y, s * x + c * sign * y)
    return Pose(tuple(positions.tolist()), tuple(velocities.tolist()), tuple(map(float, target)))
