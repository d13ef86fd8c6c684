"""Environments whose state is a level with an agent in it: they can be put into any such state."""

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import numpy as np

from symgen.algebra.base import GRID_MOVES
from symgen.envs._stepping import Stepped
from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.interface import Observation


class Placed(Protocol):
    """A level, where the agent is in it, and the time."""

    def turned(self, move: str) -> Self:
        """The state after a word of GRID_MOVES."""

    def same(self, other: Self) -> bool:
        """Whether nothing differs."""

    def described(self) -> str:
        """The time, what the agent carries, and a drawing."""


State = TypeVar("State", bound=Placed)


class Settable(Protocol[State]):
    """Environments side by side that can be put into states."""

    def sample(self, rng: np.random.Generator, /) -> State:
        """A state in mid-episode, as varied as is easy."""

    def load(self, states: Sequence[State], /) -> np.ndarray:
        """Put every environment into a state; returns the observations."""

    def states(self) -> list[State]:
        """The states the environments are in, as `load` takes them."""

    def step(self, actions: np.ndarray, /) -> Stepped[np.ndarray]:
        """One step of every environment."""


class LevelSimulator(Simulator[State]):
    """One of the very environments that training uses.

    Args:
        envs: that environment, alone.
        shape: rows and columns of its map; rotations by a quarter need a square.
        moves: what each generator does to the map, as a word of GRID_MOVES.
    """

    def __init__(
        self, envs: Settable[State], shape: tuple[int, int], moves: dict[str, str]
    ) -> None:
        rows, columns = shape
        self._envs = envs
        self.moves = moves
        self.words = tuple(GRID_MOVES) if rows == columns else ("half_turn", "mirror", "flip")

    def sample(self, rng: np.random.Generator) -> State:
        """See Simulator."""
        return self._envs.sample(rng)

    def observe(self, state: State) -> np.ndarray:
        """See Simulator."""
        observation: np.ndarray = self._envs.load([state])[0]
        return observation

    def act(self, generator: str, state: State, image: Observation) -> State:
        """See Simulator."""
        return state.turned(self.moves[generator])

    def step(self, state: State, action: np.ndarray) -> Outcome[State]:
        """See Simulator."""
        self._envs.load([state])
        _, reward, terminated, truncated, _ = self._envs.step(np.array([action]))
        after = self._envs.states()[0]
        return Outcome(after, float(reward[0]), bool(terminated[0]), bool(truncated[0]))

    def same(self, one: State, other: State) -> bool:
        """See Simulator."""
        return one.same(other)

    def describe(self, state: State) -> str:
        """See Simulator."""
        return state.described()
