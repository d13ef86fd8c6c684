"""The plan: a network as typed steps, its weights counted before any tensor exists.

A step names the module that carries it out ("attention.GraphAttention" is the class in
`symgen/nn/attention.py`), so a plan needs no torch. Law (plan.invariants): every input exists, its
type is the one its maker promised, and the weights of the built module are as many as the step
says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from symgen.algebra.fieldtype import FieldType
from symgen.problem.output import Output

Constraint = Literal["exact", "relaxed", "none"]
ACTION = "action"
"""The name under which critics of (observation, action) read the action: no observation term and no
step.
"""


@dataclass(frozen=True)
class Step:
    """One module of the network.

    Args:
        name: unique within the plan; the module's name in the network's state_dict.
        module: "<file>.<Class>" below symgen/nn.
        inputs: names of observation terms or earlier steps.
        in_types: field type of each input.
        out_type: field type of the output.
        constraint: how the group binds the weights.
        weights: number of trainable numbers.
        arguments: keyword arguments of the module.
    """

    name: str
    module: str
    inputs: tuple[str, ...]
    in_types: tuple[FieldType, ...]
    out_type: FieldType
    constraint: Constraint
    weights: int
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Plan:
    """A network before it is built.

    Args:
        family: keyword of the family that planned it.
        terms: field type of every observation term, by name.
        steps: in order; "policy" gives the policy's parameters, "value" the value. Where the
            critics judge actions, "q1" and "q2" take the place of the value, and "log_std" gives
            the logarithm of the policy's deviation.
    """

    family: str
    terms: Mapping[str, FieldType]
    steps: tuple[Step, ...]

    @property
    def weights(self) -> int:
        """Number of trainable numbers in all steps."""
        return sum(step.weights for step in self.steps)

    @property
    def judges_actions(self) -> bool:
        """True where the critics are functions of observation and action."""
        return any(step.name == "q1" for step in self.steps)

    @property
    def ends(self) -> tuple[str, ...]:
        """The names of the steps that are the network's outputs."""
        return ("policy", "log_std", "q1", "q2") if self.judges_actions else ("policy", "value")

    def step(self, name: str) -> Step:
        """The step called `name`; KeyError where there is none."""
        return {step.name: step for step in self.steps}[name]

    def __str__(self) -> str:
        from symgen.plan.text import text

        return text(self)


def memory_of(step: Step) -> FieldType | None:
    """Field type of what a step remembers from one observation to the next; None where nothing."""
    return None


def declared_outputs(plan: Plan) -> tuple[Output, ...]:
    """The outputs that the plan's steps are for, as its algorithm declared them."""
    if plan.judges_actions:
        return (
            Output("policy", "action", "actor", squashed=True),
            Output("log_std", "deviation", "actor"),
            Output("q1", "invariant", "critic", reads="action"),
            Output("q2", "invariant", "critic", reads="action"),
        )
    outputs = (Output("policy", "action", "actor"), Output("value", "invariant", "critic"))
    if any(step.name == "scale" for step in plan.steps):
        return (*outputs, Output("scale", "deviation", "actor", reads="nothing"))
    return outputs
