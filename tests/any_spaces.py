"""An environment of the spaces that it is told, for random specs."""

import gymnasium
import numpy as np
from gymnasium import spaces

ID = "AnySpaces-v0"

Space = dict[str, object]
"""Arguments of `observed` or of `acted`."""


class AnySpaces(gymnasium.Env):
    """It is never stepped."""

    def __init__(self, terms: dict[str, Space], action: Space) -> None:
        seen = {name: observed(**term) for name, term in terms.items()}
        self.observation_space = spaces.Dict(seen)
        if list(seen) == ["observation"]:
            self.observation_space = seen["observation"]
        self.action_space = acted(**action)


def observed(n: int = 0, shape: tuple[int, ...] = (), eight_bit: bool = False) -> spaces.Space:
    if n:
        return spaces.Discrete(n)
    if eight_bit:
        return spaces.Box(0, 255, tuple(shape), np.uint8)
    return spaces.Box(-np.inf, np.inf, tuple(shape), np.float32)


def acted(
    n: int = 0, choices: tuple[int, ...] = (), box: int = 0, bound: float = np.inf
) -> spaces.Space:
    if n:
        return spaces.Discrete(n)
    if choices:
        return spaces.MultiDiscrete(choices)
    return spaces.Box(-bound, bound, (box,), np.float32)


if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point=AnySpaces)
