"""Storage of observations and actions: tensors, or dicts of them, as their space lays them out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from gymnasium import Space, spaces
from torch import Tensor

from symgen.envs._stepping import Array, Given
from symgen.errors import UserError
from symgen.nn.observation import as_tensor
from symgen.problem.interface import Action
from symgen.problem.resumable import Arrays, below, prefixed

CPU = torch.device("cpu")
ONLY = "observation"
Observation = Tensor | dict[str, Tensor]
"""A batch of observations, batch first, in the space's own layout and dtype."""

Part = TypeVar("Part")
Result = TypeVar("Result")


def mapped(
    function: Callable[[Part], Result], observation: Part | dict[str, Part]
) -> Result | dict[str, Result]:
    """Apply `function` to the array, or to every array of the dict."""
    if isinstance(observation, dict):
        return {name: function(part) for name, part in observation.items()}
    return function(observation)


def parts(observation: Part | dict[str, Part]) -> list[Part]:
    """The array, or all arrays of the dict.

    >>> parts({"a": 1, "b": 2}), parts(3)
    ([1, 2], [3])
    """
    return list(observation.values()) if isinstance(observation, dict) else [observation]


def as_stored(given: Given, stored: Observation) -> Observation:
    """What an environment gave as tensors on the CPU, in the names and dtypes of what is stored.

    Raises:
        ValueError: one is a dict and the other is not.
    """
    if isinstance(stored, dict) and isinstance(given, dict):
        return {name: as_tensor(given[name]).to(rows.dtype) for name, rows in stored.items()}
    if isinstance(stored, dict) or isinstance(given, dict):
        raise ValueError(f"a {type(given).__name__} is given, a {type(stored).__name__} is stored")
    return as_tensor(given).to(stored.dtype)


def arrays_of(observation: Observation | Given) -> Arrays:
    """Observations as arrays by name, copied, for a checkpoint."""
    if isinstance(observation, dict):
        return prefixed(f"{ONLY}.", {name: _array(part) for name, part in observation.items()})
    return {ONLY: _array(observation)}


def _array(part: Tensor | Array) -> Array:
    return np.array(part.cpu() if isinstance(part, Tensor) else part)


def given_of(arrays: Arrays) -> Given:
    """The observations that `arrays_of` gave, among other arrays.

    Raises:
        KeyError: there are none.

    >>> given_of(arrays_of({"seen": np.arange(2)}))
    {'seen': array([0, 1])}
    """
    terms = below(f"{ONLY}.", arrays)
    return terms or arrays[ONLY].copy()


def joined(first: Observation, second: Observation) -> Observation:
    """Two batches of observations as one.

    Raises:
        ValueError: one is a dict and the other is not.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        return {name: torch.cat([rows, second[name]]) for name, rows in first.items()}
    if isinstance(first, dict) or isinstance(second, dict):
        raise ValueError(f"a {type(first).__name__} cannot be joined to a {type(second).__name__}")
    return torch.cat([first, second])


def stack(observations: Sequence[Given]) -> Observation:
    """Single observations as one batch of tensors."""
    first = observations[0]
    if not isinstance(first, dict):
        return torch.from_numpy(np.stack([np.asarray(part) for part in observations]))
    columns = {
        name: [part[name] for part in observations if isinstance(part, dict)] for name in first
    }
    return {name: torch.from_numpy(np.stack(column)) for name, column in columns.items()}


def storage(space: Space[object], rows: tuple[int, int], device: torch.device = CPU) -> Observation:
    """Zeros for `rows` observations of `space`.

    Raises:
        UserError: the space holds something other than arrays.
    """
    if not isinstance(space, spaces.Dict):
        return _array_storage(space, rows, device)
    if any(isinstance(inner, spaces.Dict) for inner in space.values()):
        raise _not_arrays(space)
    return {name: _array_storage(inner, rows, device) for name, inner in space.items()}


def _array_storage(space: Space[object], rows: tuple[int, int], device: torch.device) -> Tensor:
    if space.shape is None or space.dtype is None:
        raise _not_arrays(space)
    dtype = torch.from_numpy(np.zeros((), space.dtype)).dtype
    return zeros((*rows, *space.shape), dtype, device)


def _not_arrays(space: Space[object]) -> UserError:
    return UserError(
        "observation-space",
        f"observations must be arrays or a flat dict of arrays, but the space is {space}",
        "flatten it with gymnasium.wrappers.FlattenObservation, or drop the part that is not "
        "an array",
    )


def action_storage(
    action: Action, rows: tuple[int, int], dtype: torch.dtype, device: torch.device = CPU
) -> Tensor:
    """Zeros for `rows` actions: an index, one for every component, or reals of type `dtype`."""
    if action.kind == "discrete":
        return zeros(rows, torch.int64, device)
    if action.kind == "multi_discrete":
        return zeros((*rows, len(action.sizes)), torch.int64, device)
    return zeros((*rows, *action.sizes), dtype, device)


def zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros; on the CPU numpy's, whose memory is taken when it is first written (a replay may never
    fill).
    """
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(shape, torch.empty((), dtype=dtype).numpy().dtype))
