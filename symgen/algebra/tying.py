"""How the entries of an equivariant linear map depend on its free weights.

Between signed permutation actions every entry is one weight times a sign (or zero): a table of
indices. Otherwise each block of the map is a combination of basis matrices. The tables are what
`nn.tied_linear` turns weights into matrices with; the number of weights is dim Hom (section "orbits
of pairs" of the design, and Maron et al. 2019, "Invariant and equivariant graph networks", section
3).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.orbits import hom_dimension, intertwiners, signed_pair_orbits
from symgen.algebra.representation import Representation
from symgen.errors import Refusal

MAX_ENTRIES = 16_777_216
"""Largest number of entries of one tied matrix."""


@dataclass(frozen=True, eq=False)
class Block:
    """One pair of fibre atoms with multiplicities: weights (targets, sources, dim Hom) times a
    basis.

    Args:
        rows: the rows it fills, shape (targets, atom rows).
        columns: the columns it fills, shape (sources, atom columns).
        basis: shape (dim Hom, atom rows, atom columns).
    """

    rows: np.ndarray
    columns: np.ndarray
    basis: np.ndarray

    @property
    def weights(self) -> int:
        """Number of free weights."""
        return len(self.rows) * len(self.columns) * len(self.basis)


@dataclass(frozen=True, eq=False)
class Tying:
    """An equivariant matrix (target.size, source.size) as a function of its free weights.

    Args:
        shape: shape of the matrix, fields flattened place by place.
        weights: number of free weights.
        index: shape `shape`, weight of each entry, -1 where it vanishes; None where blocks are
            needed.
        sign: shape `shape`, +1 or -1; None where all are +1 or blocks are needed.
        blocks: for actions that are no signed permutations.
    """

    shape: tuple[int, int]
    weights: int
    index: np.ndarray | None
    sign: np.ndarray | None
    blocks: tuple[Block, ...] = ()

    @property
    def entries(self) -> float:
        """Sum over the weights of the squared norm of the matrix that the weight multiplies."""
        if self.index is not None:
            return float((self.index >= 0).sum())
        return float(sum(len(b.rows) * len(b.columns) * (b.basis**2).sum() for b in self.blocks))


@lru_cache(maxsize=32)
def tie(target: FieldType, source: FieldType) -> Tying:
    """The table of the equivariant linear maps source -> target.

    Raises:
        Refusal: the matrix is too large, or too many intertwiners would have to be solved for.
    """
    if target.size * source.size > MAX_ENTRIES:
        raise Refusal(
            f"a map {source} -> {target} has more than {MAX_ENTRIES} entries", code="too-large"
        )
    if target.fibre.is_signed_permutation and source.fibre.is_signed_permutation:
        return _indexed(target, source)
    return _solved(target, source)


def bias(target: FieldType) -> Tying:
    """The table of the invariant features of a type: what may be added to it. Shape (target.size,
    1).
    """
    return tie(target, number(target.group))


def number(group: Group) -> FieldType:
    """The type of one number that no element moves."""
    return vector(representations.trivial(group))


@lru_cache(maxsize=1024)
def linear_weights(
    target: FieldType, source: FieldType, scope: str = "feature", with_bias: bool = True
) -> int:
    """Number of weights of an equivariant linear map, of whole features or of the fibre at every
    place.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.fieldtype import parse
    >>> d4 = group("D4")
    >>> linear_weights(parse(d4, "point: regular"), parse(d4, "grid 9x9: 3 trivial"))
    244
    """
    if scope == "place":
        target = vector(target.fibre)
        source = vector(source.fibre)
    return _weights(target, source) + (_weights(target, number(target.group)) if with_bias else 0)


def _weights(target: FieldType, source: FieldType) -> int:
    """dim Hom, without writing any table out."""
    return sum(
        copies
        * repeats
        * _block_weights(FieldType(target.base, row_atom), FieldType(source.base, column_atom))
        for copies, row_atom in target.fibre.blocks
        for repeats, column_atom in source.fibre.blocks
    )


@lru_cache(maxsize=256)
def _block_weights(target: FieldType, source: FieldType) -> int:
    return hom_dimension(target.as_representation, source.as_representation)


def _indexed(target: FieldType, source: FieldType) -> Tying:
    index = np.full((target.size, source.size), -1, dtype=np.int64)
    sign = np.ones(index.shape)
    offset = 0
    for rows, row_atom in _channels(target):
        for columns, column_atom in _channels(source):
            labels, signs = _block_orbits(
                FieldType(target.base, row_atom), FieldType(source.base, column_atom)
            )
            count = int(labels.max(initial=-1)) + 1
            copy = (
                np.arange(len(rows) * len(columns)).reshape(len(rows), len(columns)) * count
                + offset
            )
            tiled = np.where(labels >= 0, copy[:, :, None, None] + labels, -1)
            where = np.ix_(rows.reshape(-1), columns.reshape(-1))
            index[where] = tiled.transpose(0, 2, 1, 3).reshape(rows.size, columns.size)
            sign[where] = np.tile(signs, (len(rows), len(columns)))
            offset += len(rows) * len(columns) * count
    return Tying((target.size, source.size), offset, index, None if (sign > 0).all() else sign)


@lru_cache(maxsize=32)
def _block_orbits(target: FieldType, source: FieldType) -> tuple[np.ndarray, np.ndarray]:
    return signed_pair_orbits(target.as_representation, source.as_representation)


def _solved(target: FieldType, source: FieldType) -> Tying:
    blocks = []
    for rows, row_atom in _channels(target):
        for columns, column_atom in _channels(source):
            basis = intertwiners(
                FieldType(target.base, row_atom).as_representation,
                FieldType(source.base, column_atom).as_representation,
            )
            if len(basis):
                blocks.append(Block(rows, columns, basis))
    shape = (target.size, source.size)
    return Tying(shape, sum(b.weights for b in blocks), None, None, tuple(blocks))


def _channels(field: FieldType) -> list[tuple[np.ndarray, Representation]]:
    """For each fibre block the flat entries of its copies, shape (copies, places * atom size), and
    the atom.
    """
    result = []
    start = 0
    entries = np.arange(field.size).reshape(field.shape)
    for copies, atom in field.fibre.blocks:
        stop = start + copies * atom.size
        block = entries[:, start:stop].reshape(field.base.size, copies, atom.size)
        result.append((block.transpose(1, 0, 2).reshape(copies, -1), atom))
        start = stop
    return result
