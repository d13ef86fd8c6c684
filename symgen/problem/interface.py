"""What an environment looks like from the outside: named observation terms and actions. No torch,
no environment.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Layout = Literal["vector", "image", "tokens", "discrete"]
ActionKind = Literal["discrete", "multi_discrete", "continuous"]

AS_GIVEN = "as_given_"
"""Before the name of a term in training: what the environment gave, where the agent's sensors see
it otherwise (another order, some of it zero). Outputs for training only read it."""

Observation = np.ndarray | Mapping[str, np.ndarray]
"""What a space gives, for one environment or a batch: an array, or arrays by term."""


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

    @cached_property
    def places(self) -> int:
        """Number of pixels or tokens; 1 of a vector and of an index."""
        if self.layout == "image":
            return self.shape[0] * self.shape[1]
        return self.shape[0] if self.layout == "tokens" else 1

    @cached_property
    def channels(self) -> int:
        """Number of entries at each place; an index counts as one entry per value (one-hot)."""
        if self.layout == "discrete":
            return self.size
        return math.prod(self.shape[{"image": 2, "tokens": 1, "vector": 0}[self.layout] :])

    @cached_property
    def entries(self) -> int:
        """Number of entries, places times channels."""
        return self.places * self.channels


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

    @cached_property
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

    def by_term(self, observation: Observation) -> dict[str, np.ndarray]:
        """An observation, or a batch of them, as an array for each term."""
        if isinstance(observation, Mapping):
            return {term.name: np.asarray(observation[term.name]) for term in self.terms}
        return {self.terms[0].name: np.asarray(observation)}

    def as_space(self, parts: Mapping[str, np.ndarray]) -> Observation:
        """The inverse of `by_term`: as the space gives it."""
        return parts[self.terms[0].name] if self.single else parts
