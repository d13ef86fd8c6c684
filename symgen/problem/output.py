"""What an algorithm asks a network for: outputs, declared by name, and how the group moves each.

PPO asks for a policy and a value, SAC for a policy and two action-value critics. Families, network
and proofs loop over what is declared; none of them knows an algorithm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation

ACTION = "action"
"""The name under which outputs read the action: no observation term and no step."""


@dataclass(frozen=True)
class Privileged:
    """Of an output for training only: a free perceptron on all observation terms as they are given,
    which shares nothing with the policy.

    Args:
        hidden: sizes of its hidden layers.
    """

    hidden: tuple[int, ...]


@dataclass(frozen=True)
class Decoder:
    """Of an output for training only: what a linear map of the policy's features misses of some
    terms, sign(o) log(1 + |o|).

    Args:
        terms: their names, in the order of the space.
        size: how many entries they have together.
    """

    terms: tuple[str, ...]
    size: int


TrainingOnly: TypeAlias = Privileged | Decoder
"""What an output is made of that no policy needs: no group binds it, and nothing proves it."""


@dataclass(frozen=True)
class Output:
    """One output of a network: the step of this name in the plan.

    Args:
        name: such as "policy", "value", "q1".
        moves: as the policy's parameters ("action"), as the deviations of its components
            ("deviation", see `field_of`), not at all ("invariant"), or as no law says ("free").
        side: which loss trains the layers that it has of its own.
        reads: "observation", "action" (observation and action), or "nothing" (weights alone).
        gain: size of the head's initial weights.
        squashed: whether the policy's Gaussian goes through tanh into the bounds of the action.
        training: what it is made of, where it is for training only: families then give it no
            layers of their own, and nothing is claimed or measured of it. None for what stays.
    """

    name: str
    moves: Literal["action", "deviation", "invariant", "free"]
    side: Literal["actor", "critic"]
    reads: Literal["observation", "action", "nothing"] = "observation"
    gain: float = 1.0
    squashed: bool = False
    training: TrainingOnly | None = None

    @property
    def training_only(self) -> bool:
        """Whether it is gone once training is over."""
        return self.training is not None

    def __str__(self) -> str:
        moves = {"invariant": "invariant", "action": "as the action"}.get(self.moves, self.moves)
        reads = "" if self.reads == "observation" else f", reads {self.reads}"
        squashed = ", squashed" if self.squashed else ""
        training = ", training only" if self.training_only else ""
        return f"{self.name} ({self.side}, {moves}{reads}{squashed}{training})"


def field_of(output: Output, action: Representation) -> FieldType:
    """How an output moves.

    A deviation moves by |rho(g)| where the group moves the action up to sign: the covariance
    diag(sigma^2) then moves as it must. Where the group mixes components, one invariant number
    stands for all that it mixes.

    Args:
        output: the output.
        action: how the group moves the policy's parameters.
    """
    if output.moves == "invariant":
        return vector(representations.trivial(action.group))
    if isinstance(output.training, Decoder):
        one = representations.trivial(action.group)
        return vector(representations.direct_sum((output.training.size, one)))
    if output.moves == "action" or output.reads == "nothing":
        return vector(action)
    if action.is_signed_permutation:
        return vector(representations.absolute(action))
    orbits = int(vector(action).entry_orbits.max()) + 1
    return vector(representations.direct_sum((orbits, representations.trivial(action.group))))


def moved_by(output: Output, action: Representation) -> Representation:
    """How the group moves an output as a network gives it, flat.

    A network gives one deviation for each component of the action: where the group mixes those they
    are equal, and it moves none.

    Args:
        output: the output.
        action: how the group moves the policy's parameters.
    """
    if output.moves != "deviation":
        return field_of(output, action).fibre
    if action.is_signed_permutation:
        return representations.absolute(action)
    return representations.direct_sum((action.size, representations.trivial(action.group)))


def critics(outputs: Iterable[Output]) -> tuple[Output, ...]:
    """The outputs that judge, values and action values, and whose layers a family makes: those for
    training only are not among them.
    """
    return tuple(o for o in outputs if o.side == "critic" and o.training is None)


def actors(outputs: Iterable[Output]) -> tuple[Output, ...]:
    """The outputs that say what the policy does, and read the observation."""
    return tuple(
        output
        for output in outputs
        if output.side == "actor" and output.reads != "nothing" and output.training is None
    )


def lasting(outputs: Iterable[Output]) -> tuple[Output, ...]:
    """All but those for training only."""
    return tuple(output for output in outputs if not output.training_only)


def reads_action(outputs: Iterable[Output]) -> bool:
    """Whether any output is a function of observation and action."""
    return any(output.reads == "action" for output in outputs)


def is_squashed(outputs: Iterable[Output]) -> bool:
    """Whether the policy acts inside the bounds of the action, by tanh."""
    return any(output.squashed for output in outputs)
