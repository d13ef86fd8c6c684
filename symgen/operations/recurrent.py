"""Recurrent cells: what is remembered from one step of the environment to the next.

The maps from the input to all gates are one, and so are those from the memory: their target is the
hidden type once for each gate. A gate acts on every channel alone, so the group must permute the
channels.
"""

from dataclasses import dataclass
from typing import Literal

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import direct_sum
from symgen.operations.maps import Map, TiedMap
from symgen.operations.operation import Free, Operation

OF_GRU = 3
"""Gates: reset, update, and what may become the memory."""
OF_LSTM = 4
"""Gates: input, forget, what may be added to the cell, and output."""
Kind = Literal["gru", "lstm"]
GATES: dict[Kind, int] = {"gru": OF_GRU, "lstm": OF_LSTM}
"""Gates of a cell by its keyword."""


@dataclass(frozen=True)
class _Cell(Operation):
    """From features to features that depend on those before.

    Args:
        source: type of the input.
        hidden: type of the output, a point.
    """

    source: FieldType
    hidden: FieldType

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The source."""
        return (self.source,)

    @property
    def output(self) -> FieldType:
        """The hidden type."""
        return self.hidden


@dataclass(frozen=True)
class GRU(_Cell):
    """A gated recurrent unit, whose memory is its output; the group permutes its channels."""

    def __post_init__(self) -> None:
        _check_gates(self.hidden)

    @property
    def state(self) -> FieldType:
        """The hidden type."""
        return self.hidden

    @property
    def maps(self) -> tuple[Map, ...]:
        """To the gates: of the input, with the bias, and of the memory."""
        return _to_gates(OF_GRU, self.hidden, self.source)


@dataclass(frozen=True)
class LSTM(_Cell):
    """Long short-term memory: the last output, and a cell; the group permutes their channels."""

    def __post_init__(self) -> None:
        _check_gates(self.hidden)

    @property
    def state(self) -> FieldType:
        """The output, then the cell."""
        return repeated(self.hidden, 2)

    @property
    def maps(self) -> tuple[Map, ...]:
        """To the gates: of the input, with the bias, and of the last output."""
        return _to_gates(OF_LSTM, self.hidden, self.source)


@dataclass(frozen=True)
class FreeGRU(Free, _Cell):
    """The same unit with dense layers; the source, too, is a point."""

    @property
    def state(self) -> FieldType:
        """The hidden type."""
        return self.hidden

    @property
    def own_weights(self) -> int:
        """Two matrices and a bias for each gate."""
        return OF_GRU * self.hidden.size * (self.source.size + self.hidden.size + 1)


@dataclass(frozen=True)
class FreeLSTM(Free, _Cell):
    """The same memory with dense layers; the source, too, is a point."""

    @property
    def state(self) -> FieldType:
        """The output, then the cell."""
        return repeated(self.hidden, 2)

    @property
    def own_weights(self) -> int:
        """Two matrices and a bias for each gate."""
        return OF_LSTM * self.hidden.size * (self.source.size + self.hidden.size + 1)


def repeated(field: FieldType, count: int) -> FieldType:
    """So many features of a type at a point, one after the other."""
    return vector(direct_sum((count, field.fibre)))


def _to_gates(gates: int, hidden: FieldType, source: FieldType) -> tuple[Map, ...]:
    target = repeated(hidden, gates)
    return (TiedMap(target, source), TiedMap(target, hidden, bias=False))


def _check_gates(hidden: FieldType) -> None:
    if hidden.base.size > 1 or hidden.fibre.kind != "permutation":
        raise ValueError(f"gates act on channels that the group permutes, at a point: not {hidden}")
