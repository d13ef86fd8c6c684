"""Observations of many environments term by term, whether their space is a Dict or not, and the
final ones in `info` in whatever form they come.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from symgen.envs._stepping import Array, Info
from symgen.problem.interface import Observation

ONLY = "observation"
"""What the term of a space that is no Dict is called."""

Parts = dict[str, Array]
"""Observations by term, batch first."""


def spaces_by_term(space: spaces.Space) -> dict[str, spaces.Space]:
    """The spaces of the terms by name."""
    return dict(space.spaces) if isinstance(space, spaces.Dict) else {ONLY: space}


def set_spaces(envs: VectorWrapper, inner: spaces.Space, named: Mapping[str, spaces.Space]) -> None:
    """Give environments spaces by term; a Dict where `inner` is one, or there are several."""
    together = isinstance(inner, spaces.Dict) or len(named) > 1
    single = spaces.Dict(OrderedDict(named)) if together else named[ONLY]
    envs.single_observation_space = single
    envs.observation_space = batch_space(single, envs.num_envs)


def change_spaces(
    envs: VectorWrapper,
    inner: spaces.Space,
    names: Collection[str],
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Give environments the spaces of `inner`, where the terms called `names` are changed."""
    named = spaces_by_term(inner)
    set_spaces(envs, inner, named | {name: mapped(named[name], change) for name in names})


def mapped(space: spaces.Space, change: Callable[[np.ndarray], np.ndarray]) -> spaces.Space:
    """The space of changed observations; `change` moves entries, and makes copies of them."""
    if isinstance(space, spaces.Box):
        return spaces.Box(change(space.low), change(space.high), dtype=space.dtype.type)
    if isinstance(space, spaces.MultiDiscrete):
        start = change(space.start)
        return spaces.MultiDiscrete(change(space.nvec), dtype=space.dtype.type, start=start)
    if isinstance(space, spaces.MultiBinary):
        return spaces.MultiBinary(change(np.zeros(space.shape)).shape)
    raise TypeError(f"observations of {space} have no entries")


def by_term(observation: Observation) -> Parts:
    """Observations by term."""
    if isinstance(observation, Mapping):
        return dict(observation)
    return {ONLY: observation}


def as_space(envs: VectorEnv, parts: Parts) -> Observation:
    """Observations as the space of environments has them."""
    return parts if isinstance(envs.single_observation_space, spaces.Dict) else parts[ONLY]


def finals_by_term(envs: VectorEnv, info: Info, rows: Array) -> Parts | None:
    """The final observations of some of the environments by term, in whatever form they come: an
    array, an array of arrays or of dicts, a dict of arrays. None where there are none.
    """
    if not len(rows) or "final_obs" not in info:
        return None
    final = info["final_obs"]
    names = spaces_by_term(envs.single_observation_space)
    if isinstance(final, Mapping):
        return {name: _rows(final[name], rows) for name in names}
    chosen = np.asarray(final)[rows]
    if isinstance(chosen[0], Mapping):
        return {name: np.stack([observation[name] for observation in chosen]) for name in names}
    return {ONLY: _rows(final, rows)}


def _rows(batch: object, rows: Array) -> Array:
    """Some rows of an array, or of an array of arrays."""
    chosen = np.asarray(batch)[rows]
    return np.stack(list(chosen)) if chosen.dtype == object else chosen


def with_finals(envs: VectorEnv, info: Info, finals: Parts, rows: Array) -> Info:
    """The info with these final observations: one array for each term, zero in the rows of the
    other environments.
    """
    dense: Parts = {}
    for name, space in spaces_by_term(envs.observation_space).items():
        dense[name] = np.zeros(space.shape or (), space.dtype or np.float32)
        dense[name][rows] = finals[name]
    return {**info, "final_obs": as_space(envs, dense)}
