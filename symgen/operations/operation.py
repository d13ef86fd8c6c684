"""An operation: what one step of a network computes, as a frozen value. No torch.

Law: two operations that compute different functions are different values, and print differently.
Law: the module that `nn` builds of an operation has as many weights as the operation says.
"""

import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Literal, Self

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Relaxation
from symgen.operations.maps import Map

Bound = Literal["exact", "relaxed", "none"]
MAX_EDGES = 12
"""Most edges that are printed one by one."""


@dataclass(frozen=True)
class Operation:
    """What a step computes.

    Args:
        relaxation: how its maps may break the symmetry; None where they are exact.
    """

    relaxation: Relaxation | None = field(default=None, kw_only=True)

    READS: ClassVar[str] = "source"
    """The field that holds the type of the input, or the types of all inputs."""
    GIVES: ClassVar[str] = "target"
    """The field that holds the type of the output."""

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """Type of each input."""
        read: FieldType | tuple[FieldType, ...] = getattr(self, self.READS)
        return read if isinstance(read, tuple) else (read,)

    @property
    def output(self) -> FieldType:
        """Type of the output."""
        given: FieldType = getattr(self, self.GIVES)
        return given

    @property
    def maps(self) -> tuple[Map, ...]:
        """The linear maps that it is made of and a constraint may relax."""
        return ()

    @property
    def own_weights(self) -> int:
        """Weights beside those of the maps."""
        return 0

    @property
    def state(self) -> FieldType | None:
        """Type of its memory from one step of the environment to the next; None for no memory."""
        return None

    @property
    def is_free(self) -> bool:
        """Whether no group binds its weights."""
        return False

    @property
    def broken_weights(self) -> int:
        """How many weights may break the symmetry."""
        how = self.relaxation
        return 0 if how is None else sum(linear.broken_weights(how) for linear in self.maps)

    @property
    def weights(self) -> int:
        """Number of trainable numbers."""
        return sum(linear.weights for linear in self.maps) + self.own_weights + self.broken_weights

    @property
    def bound(self) -> Bound:
        """How the group binds the weights."""
        if self.is_free:
            return "none"
        return "exact" if self.relaxation is None else "relaxed"

    def relaxed(self, how: Relaxation) -> Self:
        """The same with maps that may break the symmetry; itself where it has none such."""
        loose = replace(self, relaxation=how)
        return loose if loose.broken_weights else self

    def __str__(self) -> str:
        """The name, and every setting that is not the default and no type of input or output."""
        settings = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != each.default
        }
        types = (*self.inputs, self.inputs, self.output)
        words = [
            f"{name}={printed(value)}"
            for name, value in settings.items()
            if not any(value is known or value == known for known in types)
        ]
        return f"{type(self).__name__}({', '.join(words)})" if words else type(self).__name__


def printed(value: object) -> str:
    """A setting as text: lists with blanks between, so that a line of a plan stays short."""
    if isinstance(value, tuple):
        return f"[{' '.join(printed(entry) for entry in value)}]"
    if isinstance(value, Graph):
        return f"({value.topology} on {value.base}, {value.kind}{_edges(value)})"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _edges(graph: Graph) -> str:
    """The edges of a graph that is given edge by edge; of many, what tells them from others."""
    words = [f"{i}-{j}{dict(attributes) or ''}" for i, j, attributes in graph.edges]
    if len(words) > MAX_EDGES:
        digest = hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]
        words = [f"{len(words)} edges {digest}"]
    return f", {' '.join(words)}" if words else ""


@dataclass(frozen=True)
class Free(Operation):
    """An operation that no group binds."""

    @property
    def is_free(self) -> bool:
        """True."""
        return True
