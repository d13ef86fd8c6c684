"""The spaces of Gymnasium as terms and actions."""

import numpy as np
from gymnasium import spaces

from symgen.errors import Refusal
from symgen.problem.interface import Action, Interface, Layout, Term

ACTION_NAMES = {
    "CartPole": ("left", "right"),
    "MountainCar": ("left", "coast", "right"),
    "Acrobot": ("negative", "none", "positive"),
    "LunarLander": ("none", "left_engine", "main_engine", "right_engine"),
    "FrozenLake": ("left", "down", "right", "up"),
    "FrozenLake8x8": ("left", "down", "right", "up"),
    "CliffWalking": ("up", "right", "down", "left"),
    "CliffWalkingSlippery": ("up", "right", "down", "left"),
    "Taxi": ("south", "north", "east", "west", "pickup", "dropoff"),
}
"""Names of discrete actions as Gymnasium documents them, by the id without its version; others are
action_0, ...
"""


MAX_PIXEL = 65_535.0
"""Bounds of a picture beyond this are those of its dtype, and say nothing of what is in it."""


LAYOUTS: dict[int, Layout] = {1: "vector", 2: "tokens", 3: "image"}
"""By the number of axes."""


def interface_of(observation: spaces.Space, action: spaces.Space, name: str) -> Interface:
    """The interface of two spaces of one environment.

    Args:
        observation: what it gives.
        action: what it takes.
        name: of the environment, for messages and for the names of its actions.

    Raises:
        Refusal: a space that no term or action describes.
    """
    acts = _action(action, name)
    if not isinstance(observation, spaces.Dict):
        return Interface((_term("observation", observation, name),), acts, single=True)
    terms = tuple(_term(key, inner, name) for key, inner in observation.items())
    return Interface(terms, acts, single=False)


def _term(key: str, space: spaces.Space, name: str) -> Term:
    if isinstance(space, spaces.Discrete):
        if space.start != 0:
            raise Refusal(
                f"the term {key} of {name} counts from {space.start}",
                hint="only indices from 0 are supported",
            )
        return Term(key, (), str(space.dtype), "discrete", int(space.n))
    if isinstance(space, spaces.Dict):
        raise Refusal(
            f"the term {key} of {name} is a dict in a dict", hint="only flat dicts are supported"
        )
    if not isinstance(space, spaces.Box | spaces.MultiBinary | spaces.MultiDiscrete):
        raise Refusal(
            f"the term {key} of {name} is a {type(space).__name__} space, which has no array form"
        )
    if len(space.shape) not in LAYOUTS or 0 in space.shape:
        raise Refusal(
            f"the term {key} of {name} has the shape {space.shape}",
            hint="vectors (n), tokens (n, k) and pictures (row, column, channel) are supported",
        )
    layout = LAYOUTS[len(space.shape)]
    return Term(key, space.shape, str(space.dtype), layout, scale=_scale(space, layout))


def _scale(space: spaces.Space, layout: str) -> float:
    """What the network divides a term by: 255 for bytes in any dtype, and the largest bound of a
    picture's numbers.

    One number for the whole term, so that it commutes with the group.
    """
    if not isinstance(space, spaces.Box):
        return 1.0
    largest = float(max(np.abs(space.low).max(), np.abs(space.high).max()))
    pixels = bool((space.high == 255).all()) and bool((space.low == 0).all())
    if pixels or (layout == "image" and 1 < largest <= MAX_PIXEL):
        return largest
    return 1.0


def _action(space: spaces.Space, name: str) -> Action:
    if isinstance(space, spaces.Discrete):
        names = ACTION_NAMES.get(name.rsplit("-v", 1)[0], ())
        count = int(space.n)
        return Action("discrete", names if len(names) == count else _numbered(count), (count,))
    if isinstance(space, spaces.MultiBinary) and len(space.shape) == 1:
        count = space.shape[0]
        return Action("multi_discrete", _numbered(count), (2,) * count)
    if isinstance(space, spaces.MultiDiscrete) and len(space.shape) == 1:
        choices = tuple(space.nvec.tolist())
        return Action("multi_discrete", _numbered(len(choices)), choices)
    if (
        isinstance(space, spaces.Box)
        and len(space.shape) == 1
        and np.issubdtype(space.dtype, np.floating)
    ):
        low = tuple(space.low.tolist())
        high = tuple(space.high.tolist())
        return Action("continuous", _numbered(space.shape[0]), space.shape, low, high)
    raise Refusal(
        f"the actions of {name} are {space}",
        hint="Discrete, MultiDiscrete, MultiBinary and real vectors are supported",
    )


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"action_{k}" for k in range(count))
