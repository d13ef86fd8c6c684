"""What the file of an adapter offers: the contract of environments and all that asks them.

An adapter is a module, `symgen/envs/<keyword>.py`, with every name of `Adapter` in it. A hook that
does not apply is defined too and says so: None, nothing, or a reason in words. So nobody asks
whether an adapter has one. tests/test_contracts.py has the type checker compare each module with
the protocol, and tests/envs/test_conformance.py holds each to the laws.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel

from symgen import lookup
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.problem.interface import Interface, Observation

if TYPE_CHECKING:  # a spec is checked without Gymnasium
    from gymnasium.vector import VectorEnv

OptionsT = TypeVar("OptionsT", bound=BaseModel)
State = TypeVar("State")

Split = Literal["train", "test", "all"]


@dataclass(frozen=True)
class LevelSet:
    """Which levels an environment has, of an adapter that makes levels from seeds.

    Args:
        seeds: the level seeds; None for always new ones.
        split: the side of the split that the levels belong to; None where the adapter cannot split
            levels by their content.
        test_share: the share of the levels that belong to the test side.
    """

    seeds: range | None
    split: Split | None = None
    test_share: float | None = None


class Outcome(NamedTuple, Generic[State]):
    """What one step leads to."""

    state: State
    reward: float
    terminated: bool
    truncated: bool


class Simulator(ABC, Generic[State]):
    """An environment whose state can be set, so that its symmetry can be tested exactly.

    What it steps is what training steps, with all options.

    Law (what `symgen check-env` tests): observe(g.s) = g.observe(s), and with step(s, a) = (s', r,
    end) also step(g.s, g.a) = (g.s', r, end). States are values: no method changes one.

    Attributes:
        grain: mean difference of two images, in units of their term's scale, that is the
            drawing's and not the world's: edges that are rounded to pixels. Terms that are no
            images, whole or in patches, are compared number by number.
        words: what a generator may do to the world; empty where that follows from the observation
            alone.
        moves: the word of each generator, as the adapter understands the group; a spec may mean
            another.
    """

    grain: float = 0.0
    words: tuple[str, ...] = ()
    moves: dict[str, str]

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> State:
        """A state in mid-episode, as varied as is easy."""

    @abstractmethod
    def observe(self, state: State) -> Observation:
        """The observation in a state, as the space of one environment gives it."""

    @abstractmethod
    def act(self, generator: str, state: State, image: Observation) -> State:
        """g.state for a generator g.

        Args:
            generator: g.
            state: s.
            image: g.observe(state) by the spec's field types; for simulators whose observation is
                the whole state.
        """

    @abstractmethod
    def step(self, state: State, action: np.ndarray) -> Outcome[State]:
        """One step; `action` as the space of one environment takes it."""

    @abstractmethod
    def same(self, one: State, other: State) -> bool:
        """Whether two states are equal, up to rounding where they are real numbers."""

    @abstractmethod
    def describe(self, state: State) -> str:
        """The state in words or a small drawing, for a counterexample."""


class Adapter(Protocol[OptionsT]):
    """A module in symgen/envs whose file name is the keyword in `environment: {adapter: ...}`.

    Every function takes the Options first: what the spec says about the environment, validated.
    """

    @property
    def __name__(self) -> str:
        """The module's name; its last part is the keyword."""

    @property
    def Options(self) -> type[OptionsT]:
        """What a spec may say about the environment, a frozen pydantic model."""

    def interface(self, options: OptionsT, /) -> Interface:
        """Terms and action, known without the environment's package where that is possible.

        Raises:
            Refusal: there is no such environment, or no network takes what it gives.
            UserError: its package is missing.
        """

    def states(self, options: OptionsT, group: Group, /) -> Mapping[str, FieldType] | None:
        """How the group moves what is observed (`states: auto`), by term; None where that is not
        known.
        """

    def actions(self, options: OptionsT, group: Group, /) -> Representation | None:
        """How the group moves the parameters of the action (`actions: auto`); None where that is
        not known.
        """

    def make(
        self, options: OptionsT, num_envs: int, seed: int, /, render: bool = False
    ) -> "VectorEnv":
        """`num_envs` environments side by side, reset from the seed, with `autoreset_mode` in
        their metadata. Where their state can be saved they are a Resumable, see resumable.py;
        elsewhere a training that is gone on with begins fresh episodes, and says so.

        Args:
            options: what the spec says.
            num_envs: how many.
            seed: of their random numbers; another one gives other episodes.
            render: whether frames will be asked for.

        Raises:
            Refusal: there is no such environment.
            UserError: a package is missing.
        """

    def views(self, options: OptionsT, /) -> tuple[str, ...]:
        """The options that change what is observed and nothing that happens.

        Law: environments whose options differ in these alone, reset from the same seed and given
        the same actions, return the same rewards and endings. So a teacher may see what its student
        does not. Empty where nothing is promised.
        """

    def simulator(self, options: OptionsT, group: Group, /) -> Simulator[Any] | str:
        """The environment with its state in the open, or the reason why there is none.

        The states are values of each adapter's own type, which only its simulator looks into.
        """

    def level_set(self, options: OptionsT, /) -> LevelSet | None:
        """Which levels there are; None of an adapter that makes no levels from seeds."""

    def level_contents(self, options: OptionsT, /) -> Iterator[bytes] | None:
        """A digest of one level after the other, the same for levels that are equal up to rotations
        and reflections; None where `level_set` is.
        """

    def names(self, options: OptionsT, /) -> Mapping[str, tuple[str, ...]]:
        """What the entries of a vector or the channels of an image are called, by term; without
        the terms of which it is not known.
        """

    def title(self, options: OptionsT, /) -> str:
        """What an image of this environment is headed with, such as its id."""


def adapter(keyword: str) -> Adapter[BaseModel]:
    """The adapter of a keyword, imported.

    Which Options it takes is known when a spec is read, not to the type checker: it must be given
    its own.

    Raises:
        ValueError: there is no such adapter; with the near miss.

    >>> adapter("gridworld").__name__
    'symgen.envs.gridworld'
    """
    return lookup.module("adapter", keyword)
