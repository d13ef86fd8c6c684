"""MiniGrid's map as numbers: one code per cell, and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from symgen.envs._minigrid_worlds import EMPTY

if TYPE_CHECKING:
    from minigrid.core.world_object import WorldObj
    from minigrid.minigrid_env import MiniGridEnv


def codes_of(env: "MiniGridEnv") -> list[int]:
    """The code of every cell of MiniGrid's map, row by row."""
    return [EMPTY if thing is None else _code(thing) for thing in env.grid.grid]


def map_of(env: "MiniGridEnv") -> np.ndarray:
    """The codes of MiniGrid's map as it lies, [row, column]."""
    return np.array(codes_of(env), dtype=np.uint8).reshape(env.height, env.width)


def held_by(env: "MiniGridEnv") -> int:
    """The code of what the agent carries, EMPTY for nothing."""
    return EMPTY if env.carrying is None else _code(env.carrying)


def fill(env: "MiniGridEnv", codes: Sequence[int]) -> None:
    """Put things by their codes into MiniGrid's map, row by row."""
    env.grid.grid = [_thing(code) for code in codes]


def give(env: "MiniGridEnv", code: int) -> None:
    """Let the agent carry the thing of a code."""
    vars(env)["carrying"] = _thing(code)  # which MiniGrid types as None


def _thing(code: int) -> "WorldObj | None":
    """The thing of a code; None of an empty cell."""
    from minigrid.core.world_object import WorldObj

    return WorldObj.decode(code // 18, code // 3 % 6, code % 3)


def _code(thing: "WorldObj") -> int:
    kind, colour, state = thing.encode()
    return int(18 * kind + 3 * colour + state)
