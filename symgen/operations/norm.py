"""Normalisations that commute with the group."""

from dataclasses import dataclass
from typing import ClassVar

from symgen.algebra.fieldtype import FieldType, vector
from symgen.operations.operation import Operation


@dataclass(frozen=True)
class _Normalisation(Operation):
    """Features of one type to features of the same type.

    Args:
        field: the type.
    """

    READS: ClassVar[str] = "field"
    GIVES: ClassVar[str] = "field"

    field: FieldType


@dataclass(frozen=True)
class RunningNorm(_Normalisation):
    """Running mean and deviation, averaged over orbits; nothing until an algorithm feeds them.

    Args:
        field: the type.
        clip: largest normalised entry, in standard deviations; None for no bound.
    """

    clip: float | None = 10.0


@dataclass(frozen=True)
class FieldNorm(_Normalisation):
    """LayerNorm over the channels of each place, with one scale and shift per orbit of channels."""

    @property
    def own_weights(self) -> int:
        """Scale and shift of every orbit of channels; a copy may have several orbits."""
        return norm_weights(self.field)


@dataclass(frozen=True)
class NormedTanh(_Normalisation):
    """FieldNorm, then tanh: bounded features that keep their type."""

    @property
    def own_weights(self) -> int:
        """Those of the norm."""
        return norm_weights(self.field)


def norm_weights(field: FieldType) -> int:
    """Weights of one FieldNorm.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.fieldtype import parse
    >>> norm_weights(parse(group("C2"), "point: 3 regular"))
    6
    >>> norm_weights(parse(group("C1"), "point: 3 standard"))
    12
    """
    return 2 * channel_orbits(field)


def channel_orbits(field: FieldType) -> int:
    """Number of orbits of the channels at one place."""
    return int(vector(field.fibre).entry_orbits.max()) + 1
