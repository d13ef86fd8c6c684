"""What a constraint that moves what a network is trained on must refuse. No torch."""

import numpy as np

from symgen.problem.fault import Fault
from symgen.problem.group_action import holds_image
from symgen.problem.problem import Problem
from symgen.spec.source import Place

PATH: Place = ("symmetry", "constraint")


def moving_faults(problem: Problem) -> list[Fault]:
    """Rotations by any angle; stored observations that cannot hold what the group makes of them;
    and memories, for what is remembered after moved observations only who sees them all can know.
    """
    keyword = problem.spec.symmetry.constraint_name
    if problem.group.is_continuous:
        message = f"{keyword} takes elements from a list, and {problem.group} has no end of them"
        return [fault(message, "use a finite subgroup, such as C4 or D4")]
    for term in problem.interface.terms:
        field = problem.observation[term.name]
        if term.layout != "discrete" and not holds_image(field, np.dtype(term.dtype)):
            message = (
                f"{keyword} moves observations as they are stored, and {term.dtype} cannot hold "
                f"{field.fibre} of {term.name}"
            )
            return [
                fault(message, "let a wrapper make real numbers of it, or use another constraint")
            ]
    steps = problem.family.plan(problem.design)
    if any(step.operation.state is not None for step in steps):
        message = f"{keyword} moves single observations, and this network remembers earlier ones"
        return [fault(message, "use a network without memory, or another constraint")]
    return []


def count_faults(problem: Problem, most: int, hint: str) -> list[Fault]:
    """A group of more elements than are taken; to take some of them would favour these.

    Args:
        problem: whose group it is.
        most: number of elements.
        hint: the way out.
    """
    group = problem.group
    if group.order <= most:
        return []
    keyword = problem.spec.symmetry.constraint_name
    message = f"{keyword} takes {most} elements at most, and {group} has {group.order}"
    return [fault(message, hint)]


def fault(message: str, hint: str) -> Fault:
    """An objection to the constraint."""
    return Fault("unavailable-constraint", PATH, message, hint)
