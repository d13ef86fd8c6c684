"""Sampled actions beside the most probable ones, where a symmetry divides a choice among its
images.

In an observation that an element g fixes, an equivariant policy gives the actions a and g.a the
same probability. What is good there is divided among its images, and the most probable action may
be one that is good for nothing: with left 0.3, right 0.3 and ahead 0.4, where left and right lead
round a wall, it runs into the wall for ever.
"""

from symgen.problem.problem import Problem
from symgen.statistics.estimate import Estimate


def divides(problem: Problem) -> bool:
    """Whether a policy of `problem` may have to: its actions are discrete, the group moves them,
    the network obeys.
    """
    symmetry = problem.spec.symmetry
    obeys = problem.constraint.PROMISE != "none" and symmetry.output == "equivariant"
    return obeys and problem.interface.action.kind != "continuous" and not problem.action.is_trivial


def better(drawn: Estimate, probable: Estimate) -> bool:
    """Whether sampled actions return more than the most probable ones, beyond what their intervals
    leave open.
    """
    return drawn.mean > probable.mean and not drawn.low <= probable.high


def beside(drawn: Estimate, probable: Estimate) -> str:
    """A sentence on both, and where they differ what that means."""
    both = f"training: most probable actions {probable}, sampled {drawn}"
    if not better(drawn, probable):
        return both
    return (
        f"{both}\nwhere an element of the group fixes what is observed, a good action shares its "
        "probability with its "
        "images, and the most probable one may be another: see --sample"
    )
