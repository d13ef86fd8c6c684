"""The plan: a network as typed steps, its weights counted before any tensor exists.

A step is an operation with a name and the names of what it reads; `nn` builds the operation, so a
plan needs no torch. Law (plan.invariants): every input exists, and its type is the one its maker
promised.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from symgen.algebra.fieldtype import FieldType
from symgen.operations.operation import Operation
from symgen.problem.output import Output


@dataclass(frozen=True)
class Step:
    """One operation in its place.

    Args:
        name: unique within the plan; the module's name in the network's state_dict.
        inputs: names of observation terms, earlier steps, or the action.
        operation: what is computed.
    """

    name: str
    inputs: tuple[str, ...]
    operation: Operation

    @property
    def weights(self) -> int:
        """Number of trainable numbers."""
        return self.operation.weights


@dataclass(frozen=True)
class Plan:
    """A network before it is built.

    Args:
        family: keyword of the family that planned it.
        terms: field type of every observation term, by name.
        steps: in order.
        outputs: what the algorithm asked for; each is a step.
    """

    family: str
    terms: Mapping[str, FieldType]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]

    @property
    def weights(self) -> int:
        """Number of trainable numbers in all steps."""
        return sum(step.weights for step in self.steps)

    @property
    def states(self) -> dict[str, FieldType]:
        """Type of the memory of every step that has one, by name."""
        states = ((step.name, step.operation.state) for step in self.steps)
        return {name: state for name, state in states if state is not None}

    def step(self, name: str) -> Step:
        """The step called `name`; KeyError where there is none."""
        return {step.name: step for step in self.steps}[name]

    def __str__(self) -> str:
        from symgen.plan.text import text

        return text(self)
