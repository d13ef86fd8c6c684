"""The deviation of a continuous action that is the same in every state."""

from dataclasses import dataclass

from symgen.algebra.fieldtype import FieldType
from symgen.operations.operation import Operation


@dataclass(frozen=True)
class ContinuousScale(Operation):
    """The logarithm of the deviation, one number per orbit of components; it reads nothing.

    Args:
        target: type of the action.
        initial: starting value.
    """

    target: FieldType
    initial: float = 0.0

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """None."""
        return ()

    @property
    def own_weights(self) -> int:
        """One for each orbit."""
        return int(self.target.entry_orbits.max()) + 1
