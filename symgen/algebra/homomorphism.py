"""A representation as a value: a group homomorphism into orthogonal matrices, and sums of such."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from symgen.algebra import catalogue, codes
from symgen.algebra.group import Group
from symgen.algebra.refinement import stretch
from symgen.errors import Refusal

Kind = Literal["permutation", "signed", "matrix"]
MAX_SIZE = 65536
"""Largest size of one representation."""
MAX_DENSE = 4096
"""Largest size of a matrix that is written out."""


@dataclass(frozen=True, eq=False)
class Representation:
    """A group homomorphism into orthogonal matrices.

    A signed permutation is held as codes (coordinate i goes to |code[i]| - 1 and takes its sign),
    any other matrix as it is, and a direct sum by its summands only, so that large representations
    stay small.

    Args:
        group: the group.
        name: printed form.
        size: dimension.
        moves: for an atom one array per generator, in the group's order: codes of shape (size,) or
            a matrix (size, size); matrices that are signed permutations become codes.
        parts: for a direct sum (multiplicity, atom) in order.
    """

    group: Group
    name: str
    size: int
    moves: tuple[np.ndarray, ...] = field(default=(), repr=False)
    parts: tuple[tuple[int, "Representation"], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        coded = [move if move.ndim == 1 else codes.of_matrix(move) for move in self.moves]
        moves = tuple(m if c is None else c for m, c in zip(self.moves, coded, strict=True))
        object.__setattr__(self, "moves", moves)

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Representation):
            return self is other
        same = (self.name, self.size, self.group) == (other.name, other.size, other.group)
        moves = itertools.zip_longest(self.moves, other.moves)
        return same and self.parts == other.parts and all(np.array_equal(a, b) for a, b in moves)

    def __hash__(self) -> int:
        return hash((self.group.name, self.name, self.size))

    @cached_property
    def _identity(self) -> np.ndarray:
        """The codes of what moves nothing."""
        return np.arange(1, self.size + 1)

    @property
    def blocks(self) -> tuple[tuple[int, "Representation"], ...]:
        """The direct summands, (multiplicity, atom) in order; an atom is its own single block."""
        return self.parts or ((1, self),)

    @cached_property
    def kind(self) -> Kind:
        """The most special kind that every generator has: decides which nonlinearities commute with
        it.
        """
        kinds = {atom.kind for _, atom in self.parts}
        if "matrix" in kinds or any(move.ndim == 2 for move in self.moves):
            return "matrix"
        if "signed" in kinds or any((move < 0).any() for move in self.moves):
            return "signed"
        return "permutation"

    @property
    def is_signed_permutation(self) -> bool:
        """True where every generator permutes the coordinates up to sign."""
        return self.kind != "matrix"

    @cached_property
    def is_trivial(self) -> bool:
        """True where the group moves nothing."""
        if self.parts:
            return all(atom.is_trivial for _, atom in self.parts)
        return all(move.ndim == 1 and np.array_equal(move, self._identity) for move in self.moves)

    @cached_property
    def images(self) -> tuple[np.ndarray, ...]:
        """One (size, size) float64 matrix per generator, in the group's order."""
        return tuple(self.matrix(generator) for generator in self.group.generators)

    def matrix(self, word: str) -> np.ndarray:
        """The matrix of a word, float64 of shape (size, size); Refusal where it is too large to
        write out.
        """
        if self.size > MAX_DENSE:
            raise Refusal(
                f"{short(self.name)} has size {self.size}; matrices are written out up to "
                f"{MAX_DENSE}",
                code="too-large",
            )
        if self.is_signed_permutation:
            return codes.to_matrix(self._codes(word))
        if self.parts:
            return _block_diagonal(
                [m for n, atom in self.parts for m in [atom.matrix(word)] * n], self.size
            )
        dense = [move if move.ndim == 2 else codes.to_matrix(move) for move in self.moves]
        images = dict(zip(self.group.generators, dense, strict=True))
        return self.group.evaluate(word, images, np.matmul, np.eye(self.size))

    def is_still(self, word: str) -> bool:
        """Whether a word moves nothing."""
        if self.is_signed_permutation:
            return np.array_equal(self._codes(word), self._identity)
        return np.allclose(self.matrix(word), np.eye(self.size), atol=1e-8)

    def act(self, word: str, vectors: np.ndarray) -> np.ndarray:
        """g.x for vectors of shape (..., size), in their own precision (whole numbers times a
        matrix: float64).
        """
        if vectors.shape[-1:] != (self.size,):
            raise ValueError(
                f"{short(self.name)} acts on (..., {self.size}), not on {vectors.shape}"
            )
        if self.is_signed_permutation:
            return self._permuted(word, vectors)
        moved = vectors if vectors.dtype.kind in "fc" else vectors.astype(np.float64)
        if not self.parts:
            return np.asarray(moved @ self.matrix(word).T.astype(moved.dtype))
        blocks = []
        start = 0
        for count, atom in self.parts:
            stop = start + count * atom.size
            block = moved[..., start:stop].reshape(*moved.shape[:-1], count, atom.size)
            blocks.append(atom.act(word, block).reshape(*moved.shape[:-1], stop - start))
            start = stop
        return np.concatenate(blocks, -1)

    def _permuted(self, word: str, vectors: np.ndarray) -> np.ndarray:
        target, signs = self.signed_permutation(word)
        moved = np.empty_like(vectors)
        if (signs > 0).all():
            moved[..., target] = vectors
        elif vectors.dtype.kind in "ub":
            raise ValueError(
                f"{short(self.name)} changes signs, which numbers of type {vectors.dtype} do not "
                "have"
            )
        else:
            moved[..., target] = vectors * signs.astype(vectors.dtype)
        return moved

    def signed_permutation(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """For a signed permutation: where each coordinate goes under a word, and its sign."""
        moved = self._codes(word)
        return np.abs(moved) - 1, np.sign(moved).astype(np.float64)

    def _codes(self, word: str) -> np.ndarray:
        if not self.is_signed_permutation:
            raise ValueError(f"{short(self.name)} does not permute coordinates")
        if self.parts:
            return codes.stack([(count, atom._codes(word)) for count, atom in self.parts])
        moves = dict(zip(self.group.generators, self.moves, strict=True))
        return self.group.evaluate(
            word,
            moves,
            lambda after, before: after[np.abs(before) - 1] * np.sign(before),
            self._identity,
        )


def _block_diagonal(matrices: Sequence[np.ndarray], size: int) -> np.ndarray:
    result = np.zeros((size, size))
    start = 0
    for block in matrices:
        result[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return result


def short(name: str) -> str:
    """A name for messages."""
    return name if len(name) <= 80 else f"{name[:77]}..."


def check_relations(representation: Representation) -> None:
    """Raise Refusal naming the first relation that the matrices break, or a matrix that is not
    orthogonal.

    Of SO2 and O2, held as 64 turns, only representations of low frequency are those of all turns
    (see `catalogue`).
    """
    group = representation.group
    if not representation.parts:
        for generator, move in zip(group.generators, representation.moves, strict=True):
            # a signed permutation, held as codes, is orthogonal
            error = stretch(move) if move.ndim == 2 else 0.0
            if error > 1e-9:
                raise Refusal(
                    f"the matrix of {generator} is not orthogonal: M M^T is off the identity by "
                    f"{error:.1e}",
                    code="not-orthogonal",
                )
    for relation in group.relations:
        if not representation.is_still(relation):
            name = short(representation.name)
            raise Refusal(
                f"the relation {relation} = identity of {group.name} does not hold for {name}",
                code="broken-relation",
            )
    if group.is_continuous:
        _check_frequencies(representation)


def _check_frequencies(representation: Representation) -> None:
    angles = np.angle(np.linalg.eigvals(representation.matrix("r")))
    highest = np.abs(angles).max() * catalogue.TURNS / (2 * np.pi)
    if highest > catalogue.MAX_FREQUENCY + 0.5:
        raise Refusal(
            f"{short(representation.name)} has frequency {highest:.0f}; of {representation.group} "
            f"those up to {catalogue.MAX_FREQUENCY} are built, as sums of trivial, sign and "
            "irrep(k)",
            code="band-limit",
        )


def bounded(size: int, name: str) -> int:
    """The size, where it lies within the bounds."""
    if not 1 <= size <= MAX_SIZE:
        raise Refusal(
            f"{short(name)} has size {size}; sizes between 1 and {MAX_SIZE} are supported",
            code="too-large",
        )
    return size


def trivial(group: Group) -> Representation:
    """The group moves nothing."""
    return permuting(group, "trivial", [np.zeros(1, dtype=np.int64)] * len(group.generators), 1)


def permuting(group: Group, name: str, targets: Sequence[np.ndarray], size: int) -> Representation:
    """The group permutes coordinates, i goes to targets[g][i]; under any name."""
    return Representation(group, name, bounded(size, name), tuple(target + 1 for target in targets))


def of_codes(
    group: Group, size: int, codes: Sequence[np.ndarray], signed: bool = False
) -> Representation:
    """The representation by permutations, or by signed permutations.

    Args:
        group: the group.
        size: dimension.
        codes: for each generator in the group's order where each entry goes, from 1 on, times the
            sign that it takes.
        signed: whether the printed form has signs.

    Raises:
        Refusal: a relation of the group does not hold.
    """
    name = f"signed({group.written(codes)})"
    if not signed:
        name = f"permutation({group.written(code - 1 for code in codes)})"
    result = Representation(group, name, bounded(size, name), tuple(codes))
    check_relations(result)
    return result


def direct_sum(*summands: Representation | tuple[int, Representation]) -> Representation:
    """The direct sum of representations or (multiplicity, representation) pairs of one group; equal
    neighbours join.
    """
    blocks: list[tuple[int, Representation]] = []
    for summand in summands:
        count, part = summand if isinstance(summand, tuple) else (1, summand)
        bounded(count * part.size, f"{count} {part.name}")
        for inner, atom in _times(count, part):
            if blocks and blocks[-1][1] == atom:
                blocks[-1] = (blocks[-1][0] + inner, atom)
            else:
                blocks.append((inner, atom))
    if not blocks:
        raise ValueError("a direct sum needs at least one summand")
    group = blocks[0][1].group
    if any(atom.group != group for _, atom in blocks):
        names = sorted({str(atom.group) for _, atom in blocks})
        raise ValueError(f"a direct sum is of one group, not of {', '.join(names)}")
    size = bounded(sum(n * atom.size for n, atom in blocks), "the sum")
    if len(blocks) == 1 and blocks[0][0] == 1:
        return blocks[0][1]
    name = " + ".join(atom.name if n == 1 else f"{n} {atom.name}" for n, atom in blocks)
    return Representation(group, name, size, parts=tuple(blocks))


def _times(count: int, representation: Representation) -> tuple[tuple[int, Representation], ...]:
    """The blocks of so many copies; of a single block, one with a larger multiplicity."""
    if len(representation.blocks) > 1:
        return representation.blocks * count
    ((multiplicity, atom),) = representation.blocks
    return ((count * multiplicity, atom),)
