"""What more than one family has to refuse."""

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation, trivial
from symgen.algebra.tying import linear_weights
from symgen.errors import Refusal
from symgen.problem.fault import Fault
from symgen.problem.problem import Problem
from symgen.spec.source import Place


def moved_fibre(group: Group) -> str:
    """The hint for a fibre that must be moved: what the group has of it, or the group that has
    one.
    """
    if group.is_continuous:
        return (
            f"use a finite group, such as {nearest_finite(group)}, with a fibre that it moves, "
            "e.g. regular"
        )
    return "use a fibre that the group moves, e.g. regular"


def nearest_finite(group: Group) -> str:
    """A finite group of turns in place of SO2, and of turns and mirrors in place of O2."""
    return "D8" if "s" in group.generators else "C8"


def unreadable_fibre(group: Group, error: Refusal) -> Fault:
    """A hidden fibre that the group does not have."""
    path: Place = ("network", "hidden")
    if group.is_continuous:
        return Fault(
            "hidden-fibre",
            path,
            str(error),
            f"{moved_fibre(group)}; or family: steerable_conv for pictures",
        )
    return Fault("hidden-fibre", path, str(error), "write e.g. hidden: 16 regular")


def carries_actions(problem: Problem, features: FieldType, path: Place) -> list[Fault]:
    """The last features must be able to move the policy as the group moves the actions.

    Where the only equivariant maps features -> action factor through the invariants although the
    group moves the actions, the policy would be the same for actions that the group exchanges.
    """
    if problem.action.is_trivial or carries(vector(problem.action), vector(features.fibre)):
        return []
    message = (
        f"features of type {features.fibre} cannot tell apart actions that {problem.group} "
        "exchanges"
    )
    return [Fault("hidden-fibre", path, message, moved_fibre(problem.group))]


def carries_observations(problem: Problem, hidden: FieldType, path: Place) -> list[Fault]:
    """The hidden fibre must be able to receive every observed fibre, or what it says (a heading, a
    sign) is lost.
    """
    faults = []
    for name, field in problem.observation.items():
        for _, atom in field.fibre.blocks:
            if not atom.is_trivial and not carries(vector(hidden.fibre), vector(atom)):
                message = (
                    f"the fibre {hidden.fibre} cannot carry {atom}, which {name} has: it "
                    "would be lost"
                )
                faults.append(Fault("hidden-fibre", path, message, moved_fibre(problem.group)))
    return faults


def carries(target: FieldType, source: FieldType) -> bool:
    """True where some equivariant map source -> target does not factor through the invariants."""
    one = vector(trivial(source.group))
    through = linear_weights(target, one, with_bias=False) * linear_weights(
        one, source, with_bias=False
    )
    return linear_weights(target, source, with_bias=False) > through


LEAST_COPIES = 3
"""Fewest orbits of channels that LayerNorm leaves something of: one becomes zero, and two become +1
and -1.
"""


def normalised(fibre: Representation, path: Place, hint: str) -> list[Fault]:
    """LayerNorm over the channels at one place needs several orbits of them.

    Where nothing that is observed has a direction, channels that the group exchanges are equal. One
    orbit then has no variance (rounding errors are divided by their own size), and of two only the
    sign of their difference is left.
    """
    copies = int(vector(fibre).entry_orbits.max()) + 1
    if copies >= LEAST_COPIES:
        return []
    message = (
        f"channels are normalised, and of {fibre} too little is left: at least "
        f"{LEAST_COPIES} copies are needed"
    )
    return [Fault("width", path, message, hint)]


def least_width(size: int, heads: int) -> int:
    """The smallest width of at least LEAST_COPIES copies of a fibre of this size that the heads
    divide.
    """
    return size * heads * -(-LEAST_COPIES // heads)


ODD = ("tanh",)


def pointwise(fibre: Representation, activation: str, path: Place) -> list[Fault]:
    """A nonlinearity of each channel alone commutes with permutations; with signs only where it is
    odd.
    """
    if fibre.kind == "permutation" or (fibre.kind == "signed" and activation in ODD):
        return []
    message = f"{activation} does not commute with the fibre {fibre} ({fibre.kind})"
    way_out = (
        "use a fibre that permutes its channels (regular, quotient, trivial), or tanh on a "
        "signed one"
    )
    if fibre.group.is_continuous:
        way_out = moved_fibre(fibre.group)
    return [Fault("pointwise-nonlinearity", path, message, way_out)]


def one_picture(problem: Problem, family: str) -> list[Fault]:
    """A family for pictures needs exactly one term that lives on a grid."""
    grids = [name for name, field in problem.observation.items() if field.base.is_picture]
    if len(grids) == 1:
        return []
    found = ", ".join(grids) or "none"
    message = f"{family} needs one observation term on a grid; found {found}"
    return [
        Fault(
            "no-picture",
            ("network", "family"),
            message,
            "choose group_mlp or mlp, or a view with one picture",
        )
    ]


def patches_fit(problem: Problem, patch: int) -> list[Fault]:
    """The patch must divide both sides of the picture."""
    faults = []
    for name, field in problem.observation.items():
        if field.base.is_picture and any(side % patch for side in field.base.shape):
            rows, columns = field.base.shape
            good = [
                p for p in range(1, min(rows, columns) + 1) if rows % p == 0 and columns % p == 0
            ]
            message = f"patches of {patch} pixels do not tile {name}, which is {rows}x{columns}"
            hint = f"choose a patch that divides both sides: {', '.join(map(str, good))}"
            faults.append(Fault("patch-size", ("network", "patch"), message, hint))
    return faults
