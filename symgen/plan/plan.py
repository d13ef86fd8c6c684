"""The plan: a network as typed steps, its weights counted before any tensor exists.

A step is an operation with a name and the names of what it reads; `nn` builds the operation, so a
plan needs no torch. Law (plan.invariants): every input exists, and its type is the one its maker
promised.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from symgen.algebra.fieldtype import FieldType
from symgen.operations.operation import Operation
from symgen.problem.output import Output, lasting


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
        """Number of trainable numbers in all steps but those for training only."""
        return sum(step.weights for step in self.steps) - self.training_weights

    @property
    def training_weights(self) -> int:
        """Number of trainable numbers in the steps for training only."""
        return sum(step.weights for step in self.training_steps)

    @property
    def training_steps(self) -> tuple[Step, ...]:
        """The steps that only outputs for training need."""
        passing = [output.name for output in self.outputs if output.training_only]
        if not passing:
            return ()
        stay = {step.name for step in self.needed(o.name for o in lasting(self.outputs))}
        return tuple(step for step in self.needed(passing) if step.name not in stay)

    def needed(self, names: Iterable[str]) -> tuple[Step, ...]:
        """The steps with these names, and all that lead to them, in order."""
        wanted = set(names)
        kept = []
        for step in reversed(self.steps):
            if step.name in wanted:
                wanted.update(step.inputs)
                kept.append(step)
        return tuple(reversed(kept))

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
