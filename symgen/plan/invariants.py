"""What holds for every plan, whatever family made it. Each invariant is a function that yields what
is wrong.
"""

from collections.abc import Callable, Iterator

from symgen.plan.plan import ACTION, Plan

Invariant = Callable[[Plan], Iterator[str]]


def inputs_exist(plan: Plan) -> Iterator[str]:
    """Every input is an observation term, an earlier step or the action, and names are unique."""
    known = set(plan.terms)
    if plan.judges_actions:
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
    """The type of every input is the type its maker gives; the action moves as the policy's mean."""
    made = dict(plan.terms) | {step.name: step.out_type for step in plan.steps}
    if plan.judges_actions and "policy" in made:
        made[ACTION] = made["policy"]
    for step in plan.steps:
        if len(step.inputs) != len(step.in_types):
            yield f"{step.name}: {len(step.inputs)} inputs but {len(step.in_types)} types"
        for name, expected in zip(step.inputs, step.in_types, strict=False):
            if made.get(name) != expected:
                yield f"{step.name}: {name} is {made.get(name)}, expected {expected}"


def ends_in_policy_and_critics(plan: Plan) -> Iterator[str]:
    """There is a policy and a value, or a policy, its deviation and two Q; what judges is
    invariant.
    """
    names = [step.name for step in plan.steps]
    yield from (f"there is no step called {name}" for name in plan.ends if name not in names)
    for name in ("value", "q1", "q2"):
        if name in names and (
            plan.step(name).out_type.size != 1 or not plan.step(name).out_type.is_trivial
        ):
            yield f"the {name} is not an invariant number"


def critics_read_the_action(plan: Plan) -> Iterator[str]:
    """The two Q read the action, and nothing that acting needs does."""
    if not plan.judges_actions:
        return
    reads = {ACTION}
    for step in plan.steps:
        if reads.intersection(step.inputs):
            reads.add(step.name)
    yield from (
        f"the {name} does not read the action" for name in ("q1", "q2") if name not in reads
    )
    yield from (f"the {name} reads the action" for name in ("policy", "log_std") if name in reads)


INVARIANTS: tuple[Invariant, ...] = (
    inputs_exist,
    types_meet,
    ends_in_policy_and_critics,
    critics_read_the_action,
)


def validate(plan: Plan, invariants: tuple[Invariant, ...] = INVARIANTS) -> Plan:
    """The plan itself; ValueError listing every broken invariant (a fault of the family, not of the
    user).
    """
    faults = [fault for invariant in invariants for fault in invariant(plan)]
    if faults:
        raise ValueError("the plan is broken:\n  " + "\n  ".join(faults))
    return plan
