"""The replay: the last transitions of every environment, in numpy ring buffers that keep each observation once.

Every environment has a ring of rows. A row is an observation and what was done there; the observation that followed is
the one in the next row, so it is not stored twice:

    row      t          t + 1       t + 2            t + 3
    holds    s, a, r    s', a', r'  final s          first s of the next episode, a, r
    valid    yes        yes, ended  no transition    yes

The newest row of a ring has an observation and no action yet; like the row of a final observation it is not valid.
Observations keep the dtype of their space (pictures stay bytes).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import Space
from numpy.typing import NDArray
from torch import Tensor

from symgen.errors import UserError
from symgen.rl._rollout import Observation, each, storage

Array = NDArray[Any]
GIGABYTE = 10**9


@dataclass(frozen=True)
class Batch:
    """Transitions of n steps; every tensor is [transition, ...].

    Args:
        observations: where the action was taken.
        actions: in units of the environment.
        rewards: discounted sum of the n rewards (fewer where the episode ended or goes on beyond what is known).
        discounts: what the value of `next_observations` counts: gamma^n, 0 where the episode terminated on the way.
        next_observations: n steps later.
    """

    observations: Observation
    actions: Tensor
    rewards: Tensor
    discounts: Tensor
    next_observations: Observation


class Replay:
    """Transitions of several environments.

    Args:
        space: observation space of one environment.
        components: of an action.
        capacity: transitions remembered, shared evenly by the environments.
        envs: number of environments.
        gigabytes: bound on the memory.

    Raises:
        UserError: more memory would be needed, or the observation space holds something other than arrays.
    """

    def __init__(self, space: Space[Any], components: int, capacity: int, envs: int, gigabytes: float) -> None:
        # beyond the transitions a ring holds the newest row, and one of the episode's end
        self.envs, self.rows = envs, -(-capacity // envs) + 2
        _check_memory(space, components, capacity, (envs, self.rows), gigabytes)
        shape = (envs, self.rows)
        self.observations: Observation = each(lambda tensor: tensor.numpy(), storage(space, shape))
        self.actions = np.zeros((*shape, components), np.float32)
        self.rewards = np.zeros(shape, np.float32)
        self.terminated = np.zeros(shape, np.bool_)
        self.truncated = np.zeros(shape, np.bool_)
        self.valid = np.zeros(shape, np.bool_)
        self.newest = np.zeros(envs, np.int64)  # row of each ring without an action yet
        self.filled = 0  # rows in use of the ring in which most are
        self._all = np.arange(envs)

    def __len__(self) -> int:
        """Number of transitions."""
        return int(self.valid.sum())

    @property
    def gigabytes(self) -> float:
        """Memory of the rows in use."""
        sizes = [self.actions.nbytes, self.rewards.nbytes, 3 * self.valid.nbytes]
        each(lambda array: sizes.append(array.nbytes), self.observations)
        return sum(sizes) * self.filled / self.rows / GIGABYTE

    def begin(self, observation: Observation) -> None:
        """Take the observations of `envs.reset()`. An episode under way is cut off, as if it were truncated."""
        before = (self._all, (self.newest - 1) % self.rows)
        cut = self.valid[before]  # its next observation is in the newest row, and must stay
        self.truncated[before] |= cut & ~self.terminated[before]
        self._advance(self._all[cut])
        self._write(self._all, observation)

    def add(
        self,
        actions: Array,
        rewards: Array,
        terminated: Array,
        truncated: Array,
        valid: Array,
        observation: Observation,
        finals: dict[int, Observation],
    ) -> None:
        """One step of every environment from the newest row on.

        Args:
            actions: [env, component].
            rewards: [env].
            terminated: [env].
            truncated: [env].
            valid: [env]; False for a step that only starts an episode.
            observation: what the environments returned, which the next step acts on.
            finals: by environment, the final observation where `observation` is already the next episode's first.
        """
        here = (self._all, self.newest)
        self.actions[here], self.rewards[here] = actions, rewards
        self.terminated[here], self.truncated[here], self.valid[here] = terminated, truncated, valid
        self._advance(self._all)
        for env, final in finals.items():
            only = self._all[env : env + 1]
            self._write(only, each(lambda array: np.asarray(array)[None], final))
            self._advance(only)
        self._write(self._all, observation)

    def _advance(self, envs: Array) -> None:
        self.newest[envs] = (self.newest[envs] + 1) % self.rows
        self.valid[envs, self.newest[envs]] = False
        if len(envs):
            # a ring that starts anew at row 0 is full
            full = self.rows if (self.newest[envs] == 0).any() else 0
            self.filled = max(self.filled, full, int(self.newest.max()) + 1)

    def _write(self, envs: Array, observation: Observation) -> None:
        self.filled = max(self.filled, 1)
        rows = self.newest[envs]
        if isinstance(self.observations, dict):
            for name, array in self.observations.items():
                array[envs, rows] = observation[name]
        else:
            self.observations[envs, rows] = observation

    def sample(self, size: int, n_step: int, gamma: float, generator: torch.Generator) -> Batch:
        """Draw transitions, each with the same probability, with replacement.

        The rewards of `n_step` steps are added up, and fewer where the episode ended or was cut off or nothing newer is
        known: the target then trusts the value there, discounted accordingly.

        Raises:
            ValueError: there are none.
        """
        envs, rows = self._draw(size, generator)
        now, total, weight = rows, np.zeros(size, np.float32), np.ones(size, np.float32)
        going, dead = np.ones(size, np.bool_), np.zeros(size, np.bool_)
        for _ in range(n_step):
            total += np.where(going, weight * self.rewards[envs, now], 0)
            terminated = self.terminated[envs, now]
            dead |= going & terminated
            ended = terminated | self.truncated[envs, now]
            now = np.where(going, (now + 1) % self.rows, now)
            weight = np.where(going, weight * np.float32(gamma), weight)
            going &= ~ended & self.valid[envs, now]
        return Batch(
            each(lambda array: torch.from_numpy(array[envs, rows]), self.observations),
            torch.from_numpy(self.actions[envs, rows]),
            torch.from_numpy(total),
            torch.from_numpy(np.where(dead, np.float32(0), weight)),
            each(lambda array: torch.from_numpy(array[envs, now]), self.observations),
        )

    def _draw(self, size: int, generator: torch.Generator) -> tuple[Array, Array]:
        """Environments and rows of valid transitions: rows are drawn until all are."""
        envs, rows = np.zeros(size, np.int64), np.zeros(size, np.int64)
        missing = np.arange(size)
        while len(missing):
            flat = torch.randint(self.envs * max(self.filled, 1), (len(missing),), generator=generator).numpy()
            envs[missing], rows[missing] = np.divmod(flat, max(self.filled, 1))
            missing = missing[~self.valid[envs[missing], rows[missing]]]
            if len(missing) == size and not self.valid.any():
                raise ValueError("the replay is empty")
        return envs, rows

    def tensors(self) -> dict[str, Tensor]:
        """What is in the rows, for `restore`."""
        names = ("actions", "rewards", "terminated", "truncated", "valid")
        arrays = {name: getattr(self, name) for name in names} | _named(self.observations)
        found = {name: torch.from_numpy(array[:, : self.filled]) for name, array in arrays.items()}
        return {**found, "newest": torch.from_numpy(self.newest), "rows": torch.tensor(self.rows)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take in what `tensors` gave, of rings with as many rows or fewer: a longer training may have a larger replay.

        Raises:
            ValueError: it is of other shapes.
        """
        names = ("actions", "rewards", "terminated", "truncated", "valid")
        arrays = {name: getattr(self, name) for name in names} | _named(self.observations)
        filled, rows = tensors["valid"].shape[1], int(tensors["rows"])
        if rows > self.rows:
            raise ValueError(f"the saved replay has rings of {rows} rows, this one of {self.rows}")
        for name, array in arrays.items():
            given = tuple(tensors[name].shape)
            if given != (self.envs, filled, *array.shape[2:]):
                raise ValueError(f"the saved replay holds {name} of shape {given}, this one {array.shape}")
        self.valid[:] = False
        newest = tensors["newest"].numpy()
        # a ring that has come round begins after its newest row, and in a larger one it must begin at the first
        begins = newest + 1 if filled == rows < self.rows else np.zeros_like(newest)
        for name, array in arrays.items():
            for env, begin in enumerate(begins):
                ring = tensors[name][env].numpy()
                array[env, :filled] = np.roll(ring, -begin, axis=0) if begin else ring
        self.newest[:] = (newest - begins) % rows
        self.filled = filled


def _named(observations: Observation) -> dict[str, Array]:
    if isinstance(observations, dict):
        return {f"observations.{name}": array for name, array in observations.items()}
    return {"observations": observations}


def _check_memory(space: Space[Any], components: int, capacity: int, shape: tuple[int, int], gigabytes: float) -> None:
    """Refuse a replay that would fill the memory hours later, when the last row is written."""
    sizes: list[int] = []
    each(lambda tensor: sizes.append(tensor.nbytes), storage(space, (1, 1)))
    (envs, rows), row = shape, sum(sizes) + 4 * components + 4 + 3
    needed, allowed = row * rows * envs, gigabytes * GIGABYTE
    if needed > allowed:
        raise UserError(
            "replay-memory",
            f"a replay of {capacity:,} transitions of {row:,} bytes needs {needed / GIGABYTE:.3g} gigabytes, and "
            f"replay_gigabytes allows {gigabytes:g}",
            f"write replay: {max(2, int(allowed / row) - 3 * envs):_} in train:, or allow more",
        )
