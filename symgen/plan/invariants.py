"""What holds for every plan, whatever family made it. Each invariant is a function that yields what
is wrong.
"""

from collections.abc import Callable, Iterator

from symgen.plan.plan import Plan
from symgen.problem.output import ACTION, Privileged, lasting, reads_action

Invariant = Callable[[Plan], Iterator[str]]


def inputs_exist(plan: Plan) -> Iterator[str]:
    """Every input is an observation term, an earlier step or the action, and names are unique."""
    known = set(plan.terms)
    if reads_action(plan.outputs):
        if ACTION in known:
            yield f"{ACTION}: the name is taken"
        known.add(ACTION)
    for step in plan.steps:
        yield from (
            f"{step.name}: input {name} does not exist" for name in step.inputs if name not in known
        )
        if step.name in known:
            yield f"{step.name}: the name is taken"
        known.add(step.name)


def types_meet(plan: Plan) -> Iterator[str]:
    """The type of every input is the type its maker gives; the action moves as the policy does."""
    types = dict(plan.terms) | {step.name: step.operation.output for step in plan.steps}
    if reads_action(plan.outputs) and "policy" in types:
        types[ACTION] = types["policy"]
    for step in plan.steps:
        expected = step.operation.inputs
        if len(step.inputs) != len(expected):
            yield f"{step.name}: {len(step.inputs)} inputs but {len(expected)} types"
        for name, field in zip(step.inputs, expected, strict=False):
            if types.get(name) != field:
                yield f"{step.name}: {name} is {types.get(name)}, expected {field}"


def outputs_are_steps(plan: Plan) -> Iterator[str]:
    """Each output is a step; what is to be invariant is an invariant number."""
    steps = {step.name: step for step in plan.steps}
    for output in plan.outputs:
        if output.name not in steps:
            yield f"there is no step called {output.name}"
        elif output.moves == "invariant":
            field = steps[output.name].operation.output
            if field.size != 1 or not field.is_trivial:
                yield f"the {output.name} is not an invariant number"


def outputs_read_what_they_say(plan: Plan) -> Iterator[str]:
    """An output reads the action where it says so, and nowhere else."""
    reads = {ACTION}
    for step in plan.steps:
        if reads.intersection(step.inputs):
            reads.add(step.name)
    for output in plan.outputs:
        if output.reads == "action" and output.name not in reads:
            yield f"the {output.name} does not read the action"
        if output.reads != "action" and output.name in reads:
            yield f"the {output.name} reads the action"


def training_is_apart(plan: Plan) -> Iterator[str]:
    """No group binds what is for training only, and a privileged critic shares no step with what
    stays.
    """
    if all(output.training is None for output in plan.outputs):
        return
    for step in plan.training_steps:
        if not step.operation.is_free:
            yield f"{step.name}: {plan.family} binds what is for training only"
    stay = {step.name for step in plan.needed(output.name for output in lasting(plan.outputs))}
    for output in plan.outputs:
        if isinstance(output.training, Privileged):
            shared = [step.name for step in plan.needed([output.name]) if step.name in stay]
            if shared:
                yield f"the {output.name} is privileged, and shares {', '.join(shared)}"


INVARIANTS: tuple[Invariant, ...] = (
    inputs_exist,
    types_meet,
    outputs_are_steps,
    outputs_read_what_they_say,
    training_is_apart,
)


def validate(plan: Plan, invariants: tuple[Invariant, ...] = INVARIANTS) -> Plan:
    """The plan itself; ValueError listing every broken invariant (a fault of the family, not of the
    user).
    """
    faults = [fault for invariant in invariants for fault in invariant(plan)]
    if faults:
        raise ValueError("the plan is broken:\n  " + "\n  ".join(faults))
    return plan
