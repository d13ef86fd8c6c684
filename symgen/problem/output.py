"""What an algorithm asks a network for: outputs, declared by name, and how the group moves each.

PPO asks for a policy and a value, SAC for a policy and two action-value critics. Families, network
and proofs loop over what is declared; none of them knows an algorithm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation

ACTION = "action"
"""The name under which outputs read the action: no observation term and no step."""


@dataclass(frozen=True)
class Output:
    """One output of a network: the step of this name in the plan.

    Args:
        name: such as "policy", "value", "q1".
        moves: as the policy's parameters ("action"), as the deviations of its components
            ("deviation", see `field_of`), or not at all ("invariant").
        side: which loss trains the layers that it has of its own.
        reads: "observation", "action" (observation and action), or "nothing" (weights alone).
        gain: size of the head's initial weights.
        squashed: whether the policy's Gaussian goes through tanh into the bounds of the action.
    """

    name: str
    moves: Literal["action", "deviation", "invariant"]
    side: Literal["actor", "critic"]
    reads: Literal["observation", "action", "nothing"] = "observation"
    gain: float = 1.0
    squashed: bool = False

    def __str__(self) -> str:
        moves = {"invariant": "invariant", "action": "as the action"}.get(self.moves, self.moves)
        reads = "" if self.reads == "observation" else f", reads {self.reads}"
        squashed = ", squashed" if self.squashed else ""
        return f"{self.name} ({self.side}, {moves}{reads}{squashed})"


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
    """The outputs that judge: values, and action values."""
    return tuple(output for output in outputs if output.side == "critic")


def actors(outputs: Iterable[Output]) -> tuple[Output, ...]:
    """The outputs that say what the policy does, and read the observation."""
    return tuple(
        output for output in outputs if output.side == "actor" and output.reads != "nothing"
    )


def reads_action(outputs: Iterable[Output]) -> bool:
    """Whether any output is a function of observation and action."""
    return any(output.reads == "action" for output in outputs)


def is_squashed(outputs: Iterable[Output]) -> bool:
    """Whether the policy acts inside the bounds of the action, by tanh."""
    return any(output.squashed for output in outputs)
