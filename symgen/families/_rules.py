"""What more than one family has to refuse."""

from typing import Any, NamedTuple

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation, trivial
from symgen.algebra.tying import tie


class Fault(NamedTuple):
    """A family's objection to a problem; the semantics attach the line.

    Args:
        code: error code, a key of symgen.errors.CODES.
        path: where in the spec.
        message: the cause.
        hint: the way out.
    """

    code: str
    path: tuple[str, ...]
    message: str
    hint: str


def carries_actions(problem: Any, features: FieldType, path: tuple[str, ...]) -> list[Fault]:
    """The last features must be able to move the policy as the group moves the actions.

    Where the only equivariant maps features -> action factor through the invariants although the group moves the
    actions, the policy would be the same for actions that the group exchanges.
    """
    if problem.action.is_trivial or _carries(problem.action, features.fibre):
        return []
    message = f"features of type {features.fibre} cannot tell apart actions that {problem.group} exchanges"
    return [Fault("hidden-fibre", path, message, "use a fibre that the group moves, e.g. regular")]


def carries_observations(problem: Any, hidden: FieldType, path: tuple[str, ...]) -> list[Fault]:
    """The hidden fibre must be able to receive every observed fibre, or what it says (a heading, a sign) is lost."""
    faults = []
    for name, field in problem.observation.items():
        for _, atom in field.fibre.blocks:
            if not atom.is_trivial and not _carries(hidden.fibre, atom):
                message = f"the fibre {hidden.fibre} cannot carry {atom}, which {name} has: it would be lost"
                faults.append(Fault("hidden-fibre", path, message, "use a fibre that the group moves, e.g. regular"))
    return faults


def _carries(target: Representation, source: Representation) -> bool:
    """True where some equivariant map source -> target does not factor through the invariants."""
    one = vector(trivial(source.group))
    through = tie(vector(target), one).weights * tie(one, vector(source)).weights
    return tie(vector(target), vector(source)).weights > through


def one_picture(problem: Any, family: str) -> list[Fault]:
    """A family for pictures needs exactly one term that lives on a grid."""
    grids = [name for name, field in problem.observation.items() if field.base.kind == "grid"]
    if len(grids) == 1:
        return []
    found = ", ".join(grids) or "none"
    message = f"{family} needs one observation term on a grid; found {found}"
    return [Fault("no-picture", ("network", "family"), message, "choose group_mlp or mlp, or a view with one picture")]


def patches_fit(problem: Any, patch: int) -> list[Fault]:
    """The patch must divide both sides of the picture."""
    faults = []
    for name, field in problem.observation.items():
        if field.base.kind == "grid" and any(side % patch for side in field.base.shape):
            rows, columns = field.base.shape
            good = [p for p in range(1, min(rows, columns) + 1) if rows % p == 0 and columns % p == 0]
            message = f"patches of {patch} pixels do not tile {name}, which is {rows}x{columns}"
            hint = f"choose a patch that divides both sides: {', '.join(map(str, good))}"
            faults.append(Fault("patch-size", ("network", "patch"), message, hint))
    return faults
