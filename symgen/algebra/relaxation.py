"""Which weight of a bank scales each row or column of a tied matrix, and how many weights a map
with banks has.

A map with banks is W[o, g; c, h] = sum_l w_l(g) psi_l[o, c, g^-1 h]: L exact maps psi_l (banks),
each with one weight for every element g (Wang et al. 2022, "Approximately equivariant networks for
imperfectly symmetric dynamics"). With w_l constant over g it is exact. A fibre's atom need not be
the regular one: g is then a channel of the atom.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation
from symgen.algebra.tying import linear_weights

Side = Literal["output", "input"]
Form = Literal["banks", "residual", "pixels"]


@dataclass(frozen=True)
class Relaxation:
    """How a linear map may break the symmetry; every form is exact at first.

    Args:
        form: "banks": several exact maps, added up with a weight for each group element.
            "residual": an exact map and a free one, zero at first (Finzi et al. 2021, "Residual
            pathway priors"). "pixels": coefficients of a kernel for each of its pixels, equal at
            first.
        banks: number of exact maps of the form "banks".
        index: which group element the weight of a bank belongs to: that of the channel that is
            written or of the one that is read.
    """

    form: Form
    banks: int = 2
    index: Side = "output"

    def __str__(self) -> str:
        return f"{self.banks} banks, {self.index}" if self.form == "banks" else self.form


@dataclass(frozen=True, eq=False)
class Scaling:
    """One weight for every channel of one copy of each distinct atom of a fibre, shared by copies
    and places.

    Law: scaling the fibre's channels commutes with the group where the weights are constant on the
        parts.

    Args:
        side: whether the weights scale the rows (output) or the columns (input) of a matrix.
        index: weight of each row or column, shape (size of the field,).
        part: the part of each weight, shape (weights,): channels that the group mixes belong
            together.
    """

    side: Side
    index: np.ndarray
    part: np.ndarray

    @property
    def weights(self) -> int:
        """Number of weights of one bank."""
        return len(self.part)


def scaling(target: FieldType, source: FieldType, side: Side) -> Scaling | None:
    """The weights of banks of the maps source -> target.

    Where no channel of the chosen side is exchanged with another, scaling them breaks nothing: then
    the other side is taken, and where that is so for both there is nothing to relax (None).
    """
    sides: tuple[Side, Side] = ("output", "input") if side == "output" else ("input", "output")
    for chosen in sides:
        field = target if chosen == "output" else source
        index, part = _channels(field.fibre)
        if len(part) > part.max() + 1:
            return Scaling(chosen, np.tile(index, field.base.size), part)
    return None


def _channels(fibre: Representation) -> tuple[np.ndarray, np.ndarray]:
    """For each channel the channel of its atom, the distinct atoms one after the other; and the
    parts of those.
    """
    starts: dict[Representation, int] = {}
    index: list[np.ndarray] = []
    parts: list[np.ndarray] = [np.zeros(0, dtype=np.int64)]
    for copies, atom in fibre.blocks:
        if atom not in starts:
            starts[atom] = sum(map(len, parts))
            parts.append(
                vector(atom).entry_orbits.reshape(-1)
                + max(int(p.max(initial=-1)) + 1 for p in parts)
            )
        index.append(np.tile(starts[atom] + np.arange(atom.size), copies))
    return np.concatenate(index), np.concatenate(parts)


def bank_weights(target: FieldType, source: FieldType, banks: int, side: Side = "output") -> int:
    """How many weights a map with banks has beyond those of the exact map: L weights per channel, L
    - 1 more banks.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.fieldtype import parse
    >>> target = parse(group("C4"), "point: 16 regular")
    >>> bank_weights(target, parse(group("C4"), "grid 3x3: 16 regular"), banks=2)
    9224
    """
    scales = scaling(target, source, side)
    if scales is None:
        return 0
    return banks * scales.weights + (banks - 1) * linear_weights(target, source, with_bias=False)


def residual_weights(target: FieldType, source: FieldType, with_bias: bool = True) -> int:
    """How many weights the free map beside an exact one has, with its free bias."""
    return target.size * (source.size + with_bias)
