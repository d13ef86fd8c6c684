"""What holds for every plan, whatever family made it. Each invariant is a function that yields what is wrong."""

from collections.abc import Callable, Iterator

from symgen.plan.ir import Plan

Invariant = Callable[[Plan], Iterator[str]]


def inputs_exist(plan: Plan) -> Iterator[str]:
    """Every input is an observation term or an earlier step, and names are unique."""
    known = set(plan.terms)
    for step in plan.steps:
        yield from (f"{step.name}: input {name} does not exist" for name in step.inputs if name not in known)
        if step.name in known:
            yield f"{step.name}: the name is taken"
        known.add(step.name)


def types_meet(plan: Plan) -> Iterator[str]:
    """The type of every input is the type its maker gives."""
    made = dict(plan.terms) | {step.name: step.out_type for step in plan.steps}
    for step in plan.steps:
        if len(step.inputs) != len(step.in_types):
            yield f"{step.name}: {len(step.inputs)} inputs but {len(step.in_types)} types"
        for name, expected in zip(step.inputs, step.in_types, strict=False):
            if made.get(name) != expected:
                yield f"{step.name}: {name} is {made.get(name)}, expected {expected}"


def ends_in_policy_and_value(plan: Plan) -> Iterator[str]:
    """There is a policy step and a value step, and the value is invariant."""
    names = [step.name for step in plan.steps]
    yield from (f"there is no step called {name}" for name in ("policy", "value") if name not in names)
    if "value" in names and (plan.step("value").out_type.size != 1 or not plan.step("value").out_type.is_trivial):
        yield "the value is not an invariant number"


INVARIANTS: tuple[Invariant, ...] = (inputs_exist, types_meet, ends_in_policy_and_value)


def validate(plan: Plan, invariants: tuple[Invariant, ...] = INVARIANTS) -> Plan:
    """The plan itself; ValueError listing every broken invariant (a fault of the family, not of the user)."""
    faults = [fault for invariant in invariants for fault in invariant(plan)]
    if faults:
        raise ValueError("the plan is broken:\n  " + "\n  ".join(faults))
    return plan
