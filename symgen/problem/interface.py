"""What an environment looks like from the outside: named observation terms and actions. No torch,
no environment.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np

Layout = Literal["vector", "image", "tokens", "discrete"]
ActionKind = Literal["discrete", "multi_discrete", "continuous"]


@dataclass(frozen=True)
class Term:
    """One named observation.

    Args:
        name: key in the Dict space; "observation" where the space is not a Dict.
        shape: shape of one observation of this term, without the batch axis.
        dtype: numpy dtype name.
        layout: "vector" (n,), "image" (row, column, channel), "tokens" (n,) or (n, k), "discrete"
            ().
        size: number of values of a discrete term, else 0.
        scale: the network divides the raw values by this (255 for 8-bit pictures).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    layout: Layout = "vector"
    size: int = 0
    scale: float = 1.0


@dataclass(frozen=True)
class Action:
    """The action space.

    Args:
        kind: "discrete", "multi_discrete" or "continuous".
        names: one name per discrete action, or per component of the others.
        sizes: (n,) for discrete, the number of choices per component for multi_discrete, (dim,) for
            continuous.
        low: lower bounds of a continuous action, empty otherwise.
        high: upper bounds of a continuous action, empty otherwise.
    """

    kind: ActionKind
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def parameters(self) -> int:
        """Size of the vector the policy head emits: logits for each choice, or the mean."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Interface:
    """Observation terms and action of an environment.

    Args:
        terms: the observation terms in the order of the space.
        action: the action space.
        single: True where the observation space is not a Dict; its one term is then called
            "observation".
    """

    terms: tuple[Term, ...]
    action: Action
    single: bool

    def term(self, name: str) -> Term:
        """The term called `name`; raises KeyError where there is none."""
        return {term.name: term for term in self.terms}[name]


State = TypeVar("State")


class Outcome(NamedTuple):
    """What one step leads to; `state` is whatever the simulator's states are."""

    state: Any
    reward: float
    terminated: bool
    truncated: bool


class Simulator(ABC, Generic[State]):
    """An environment whose state can be set, so that its symmetry can be tested exactly.

    `simulator(options, group)` of an adapter returns one, or the reason why there is none. What it
    steps is what training steps, with all options.

    Law (what `symgen check-env` tests): observe(g.s) = g.observe(s), and with step(s, a) = (s', r,
    end) also step(g.s, g.a) = (g.s', r, end). States are values: no method changes one.

    Attributes:
        grain: mean difference of two pictures, in units of their term's scale, that is the
            drawing's and not the world's: edges that are rounded to pixels. Terms that are no
            pictures are compared number by number.
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
    def observe(self, state: State) -> Any:
        """The observation in a state, as the space of one environment gives it."""

    @abstractmethod
    def act(self, generator: str, state: State, image: Any) -> State:
        """g.state for a generator g.

        Args:
            image: g.observe(state) by the spec's field types; for simulators whose observation is
                the whole state.
        """

    @abstractmethod
    def step(self, state: State, action: Any) -> Outcome:
        """One step; `action` as the space of one environment takes it."""

    @abstractmethod
    def same(self, one: State, other: State) -> bool:
        """Whether two states are equal, up to rounding where they are real numbers."""

    @abstractmethod
    def describe(self, state: State) -> str:
        """The state in words or a small drawing, for a counterexample."""
