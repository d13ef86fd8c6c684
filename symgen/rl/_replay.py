"""The replay: the last transitions of every environment, in ring buffers that keep each
observation once.

Every environment has a ring of rows. A row is an observation and what was done there; the
observation that followed is the one in the next row, so it is not stored twice:

    row      t          t + 1       t + 2            t + 3
    holds    s, a, r    s', a', r'  final s          first s of the next episode, a, r
    valid    yes        yes, ended  no transition    yes

The newest row of a ring has an observation and no action yet; like the row of a final observation
it is not valid. Observations keep the dtype of their space (pictures stay bytes).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import Space
from numpy.typing import NDArray
from torch import Tensor

from symgen.envs._stepping import Array, Given, Step
from symgen.errors import UserError
from symgen.nn.observation import as_tensor
from symgen.problem.interface import Action
from symgen.rl._storage import (
    CPU,
    Observation,
    action_storage,
    as_stored,
    mapped,
    parts,
    storage,
    zeros,
)

Indices = NDArray[np.int64]
GIGABYTE = 10**9


@dataclass(frozen=True)
class Batch:
    """Transitions of n steps; every tensor is [transition, ...].

    Args:
        observations: where the action was taken.
        actions: in units of the environment.
        rewards: discounted sum of the n rewards (fewer where the episode ended or goes on beyond
            what is known).
        discounts: what the value of `next_observations` counts: gamma^n, 0 where the episode
            terminated on the way.
        next_observations: n steps later.
    """

    observations: Observation
    actions: Tensor
    rewards: Tensor
    discounts: Tensor
    next_observations: Observation


class Replay:
    """Transitions of several environments, on the device of the network that learns from them.

    Args:
        space: observation space of one environment.
        action: the action.
        capacity: transitions stored, shared evenly by the environments.
        envs: number of environments.
        gigabytes: bound on the memory.
        device: where the rings are kept; which row is the newest is known on the CPU.

    Raises:
        UserError: more memory would be needed, or the observation space holds something other than
            arrays.
    """

    def __init__(
        self,
        space: Space[object],
        action: Action,
        capacity: int,
        envs: int,
        gigabytes: float,
        device: torch.device = CPU,
    ) -> None:
        # beyond the transitions a ring holds the newest row, and one of the episode's end
        self.envs = envs
        self.rows = -(-capacity // envs) + 2
        self.device = device
        _check_memory(space, action, capacity, (envs, self.rows), gigabytes)
        shape = (envs, self.rows)
        try:
            self.observations = storage(space, shape, device)
            self.actions = action_storage(action, shape, torch.float32, device)
            self.rewards = zeros(shape, torch.float32, device)
            self.terminated = zeros(shape, torch.bool, device)
            self.truncated = zeros(shape, torch.bool, device)
            self.valid = zeros(shape, torch.bool, device)
        except torch.OutOfMemoryError as error:
            message = (
                f"a replay of {capacity:,} transitions does not fit on {device}: "
                f"{str(error).splitlines()[0]}"
            )
            raise UserError(
                "replay-memory", message, "write a smaller replay: in train:, or --device cpu"
            ) from error
        self.newest: Indices = np.zeros(envs, np.int64)  # row of each ring without an action yet
        self.filled = 0  # rows in use of the ring in which most are
        self._all = np.arange(envs)

    def __len__(self) -> int:
        """Number of transitions."""
        return int(self.valid.sum())

    @property
    def gigabytes(self) -> float:
        """Memory of the rows in use."""
        sizes = [self.actions.nbytes, self.rewards.nbytes, 3 * self.valid.nbytes]
        sizes += [part.nbytes for part in parts(self.observations)]
        return sum(sizes) * self.filled / self.rows / GIGABYTE

    def begin(self, observation: Given) -> None:
        """Take the observations of `envs.reset()`. An episode under way is cut off, as if it were
        truncated.
        """
        before = self._places(self._all, (self.newest - 1) % self.rows)
        cut = _taken(self.valid, before)  # its next observation is in the newest row, and must stay
        truncated = _taken(self.truncated, before) | cut & ~_taken(self.terminated, before)
        _put(self.truncated, before, truncated)
        self._advance(self._all[cut.cpu().numpy()])
        self._write(self._all, observation)

    def add(self, actions: Array, step: Step, finals: Mapping[int, Given]) -> None:
        """One step of every environment from the newest row on.

        Args:
            actions: [env, ...].
            step: what they led to.
            finals: by environment, the final observation where `step.observation` is already the
                next episode's first.
        """
        here = self._places(self._all, self.newest)
        _put(self.actions, here, as_tensor(actions))
        _put(self.rewards, here, as_tensor(step.rewards))
        _put(self.terminated, here, as_tensor(step.terminated))
        _put(self.truncated, here, as_tensor(step.truncated))
        _put(self.valid, here, as_tensor(step.valid))
        self._advance(self._all)
        for env, final in finals.items():
            only = self._all[env : env + 1]
            self._write(only, mapped(lambda array: np.asarray(array)[None], final))
            self._advance(only)
        self._write(self._all, step.observation)

    def _places(self, envs: Indices, rows: Indices) -> Tensor:
        """Where rows of environments are among all, on the device."""
        return torch.from_numpy(envs * self.rows + rows).to(self.device)

    def _advance(self, envs: Indices) -> None:
        self.newest[envs] = (self.newest[envs] + 1) % self.rows
        self.valid.flatten(0, 1).index_fill_(0, self._places(envs, self.newest[envs]), False)
        if len(envs):
            # a ring that starts anew at row 0 is full
            full = self.rows if (self.newest[envs] == 0).any() else 0
            self.filled = max(self.filled, full, int(self.newest.max()) + 1)

    def _write(self, envs: Indices, observation: Given) -> None:
        self.filled = max(self.filled, 1)
        places = self._places(envs, self.newest[envs])
        given = as_stored(observation, self.observations)
        for rows, values in zip(parts(self.observations), parts(given), strict=True):
            _put(rows, places, values)

    def sample(self, size: int, n_step: int, gamma: float, generator: torch.Generator) -> Batch:
        """Draw transitions, each with the same probability, with replacement.

        The rewards of `n_step` steps are added up, and fewer where the episode ended or was cut off
        or nothing newer is
        known: the target then trusts the value there, discounted accordingly.

        Raises:
            ValueError: there are none.
        """
        places = self._draw(size, generator)
        row = places % self.rows  # in the ring
        first = places - row  # where the ring begins
        now = places
        going = torch.ones_like(places, dtype=torch.bool)
        total = torch.zeros(size, dtype=torch.float32, device=self.device)
        weight = torch.ones(size, dtype=torch.float32, device=self.device)
        dead = ~going
        for _ in range(n_step):
            total = total + torch.where(going, weight * _taken(self.rewards, now), 0.0)
            terminated = _taken(self.terminated, now)
            dead = dead | going & terminated
            ended = terminated | _taken(self.truncated, now)
            row = torch.where(going, (row + 1) % self.rows, row)
            now = first + row
            weight = torch.where(going, weight * gamma, weight)
            going = going & ~ended & _taken(self.valid, now)
        return Batch(
            mapped(lambda rows: _taken(rows, places), self.observations),
            _taken(self.actions, places),
            total,
            weight.masked_fill(dead, 0.0),
            mapped(lambda rows: _taken(rows, now), self.observations),
        )

    def _draw(self, size: int, generator: torch.Generator) -> Tensor:
        """Places of valid transitions: they are drawn until all are."""
        used = max(self.filled, 1)
        places = torch.zeros(size, dtype=torch.int64, device=self.device)
        missing = torch.arange(size, device=self.device)
        while len(missing):
            drawn = torch.randint(
                self.envs * used, (len(missing),), generator=generator, device=self.device
            )
            tried = drawn // used * self.rows + drawn % used
            places.index_copy_(0, missing, tried)
            missing = missing[~_taken(self.valid, tried)]
            if len(missing) == size and not bool(self.valid.any()):
                raise ValueError("the replay is empty")
        return places

    def tensors(self) -> dict[str, Tensor]:
        """What is in the rows, for `restore`."""
        filled = {name: rows[:, : self.filled] for name, rows in self._stored().items()}
        return {**filled, "newest": torch.from_numpy(self.newest), "rows": torch.tensor(self.rows)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take in what `tensors` gave, of rings with as many rows or fewer: a longer training may
        have a larger replay.

        Raises:
            ValueError: it is of other shapes.
        """
        filled = tensors["valid"].shape[1]
        rows = int(tensors["rows"])
        if rows > self.rows:
            raise ValueError(f"the saved replay has rings of {rows} rows, this one of {self.rows}")
        for name, stored in self._stored().items():
            given = tuple(tensors[name].shape)
            if given != (self.envs, filled, *stored.shape[2:]):
                raise ValueError(
                    f"the saved replay holds {name} of shape {given}, this one "
                    f"{tuple(stored.shape)}"
                )
        self.valid.zero_()
        newest = tensors["newest"].numpy()
        # a ring that has come round begins after its newest row, and in a larger one it must begin
        # at the first
        begins = newest + 1 if filled == rows < self.rows else np.zeros_like(newest)
        for name, stored in self._stored().items():
            for env, begin in enumerate(begins.tolist()):
                stored[env, :filled].copy_(tensors[name][env].roll(-begin, 0))
        self.newest[:] = (newest - begins) % rows
        self.filled = filled

    def _stored(self) -> dict[str, Tensor]:
        """Everything kept in rows, by name."""
        return {
            "actions": self.actions,
            "rewards": self.rewards,
            "terminated": self.terminated,
            "truncated": self.truncated,
            "valid": self.valid,
            **_named(self.observations),
        }


def _taken(rows: Tensor, places: Tensor) -> Tensor:
    """The rows [env, row, ...] at some places among all."""
    return rows.flatten(0, 1).index_select(0, places)


def _put(rows: Tensor, places: Tensor, values: Tensor) -> None:
    rows.flatten(0, 1).index_copy_(0, places, values.to(rows))


def _named(observations: Observation) -> dict[str, Tensor]:
    if isinstance(observations, dict):
        return {f"observations.{name}": rows for name, rows in observations.items()}
    return {"observations": observations}


def _check_memory(
    space: Space[object],
    action: Action,
    capacity: int,
    shape: tuple[int, int],
    gigabytes: float,
) -> None:
    """Refuse a replay that would fill the memory hours later, when the last row is written."""
    row = sum(part.nbytes for part in parts(storage(space, (1, 1))))
    row += action_storage(action, (1, 1), torch.float32).nbytes
    row += 4 + 3  # the reward, and three flags
    envs, rows = shape
    needed = row * rows * envs
    allowed = gigabytes * GIGABYTE
    if needed > allowed:
        raise UserError(
            "replay-memory",
            f"a replay of {capacity:,} transitions of {row:,} bytes needs {needed / GIGABYTE:.3g} "
            f"gigabytes, and replay_gigabytes allows {gigabytes:g}",
            f"write replay: {max(2, int(allowed / row) - 3 * envs):_} in train:, or allow more",
        )
