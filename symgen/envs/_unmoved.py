"""What an adapter says that knows of no symmetry: only the group that moves nothing is known."""

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation


def image_field(group: Group, shape: tuple[int, int, int]) -> FieldType | None:
    """The field type of an image (rows, columns, channels); None where the group moves anything."""
    if group.order > 1:
        return None
    rows, columns, channels = shape
    fibre = representations.direct_sum((channels, representations.trivial(group)))
    return FieldType(bases.grid(group, rows, columns, {}), fibre)


def parameters(group: Group, count: int) -> Representation | None:
    """On so many parameters of an action; None where the group moves anything."""
    if group.order > 1:
        return None
    return representations.direct_sum((count, representations.trivial(group)))
