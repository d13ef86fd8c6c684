"""Representations: how a group moves the channels at one point.

One orthogonal matrix per generator. Law: every relation of the group holds for the matrices (`check_relations`).
A representation prints as a sum such as "2 trivial + regular"; the printed form parses back.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from symgen.algebra.group import Group

Kind = Literal["permutation", "signed", "matrix"]
MAX_SIZE = 8192
"""Largest size of one representation."""


@dataclass(frozen=True, eq=False)
class Representation:
    """A group homomorphism into orthogonal matrices.

    Args:
        group: the group.
        name: printed form.
        images: one (size, size) float64 matrix per generator, in the group's order.
        size: dimension.
        blocks: direct summands as (multiplicity, atom); an atom is its own single block.
    """

    group: Group
    name: str
    size: int
    images: tuple[np.ndarray, ...] = field(repr=False)
    parts: tuple[tuple[int, "Representation"], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Representation) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @cached_property
    def _key(self) -> tuple[str, str, int]:
        return self.group.name, self.name, self.size

    @property
    def blocks(self) -> tuple[tuple[int, "Representation"], ...]:
        """The direct summands, (multiplicity, atom) in order."""
        return self.parts or ((1, self),)

    @cached_property
    def kind(self) -> Kind:
        """The most special kind that every generator has: decides which nonlinearities commute with it."""
        if not all(_is_signed_permutation(image) for image in self.images):
            return "matrix"
        return "permutation" if all((image >= 0).all() for image in self.images) else "signed"

    @property
    def is_signed_permutation(self) -> bool:
        """True where every generator permutes the coordinates up to sign."""
        return self.kind != "matrix"

    @cached_property
    def is_trivial(self) -> bool:
        """True where the group moves nothing."""
        return all(np.array_equal(image, np.eye(self.size)) for image in self.images)

    def matrix(self, word: str) -> np.ndarray:
        """The matrix of a word, float64 of shape (size, size)."""
        position = {g: k for k, g in enumerate(self.group.generators)}
        result = np.eye(self.size)
        for letter, run in itertools.groupby(self.group.parse(word)):
            result = result @ np.linalg.matrix_power(self.images[position[letter]], len(list(run)))
        return result

    def act(self, word: str, vectors: np.ndarray) -> np.ndarray:
        """g.x for vectors of shape (..., size)."""
        if self.is_signed_permutation:
            for letter in reversed(self.group.parse(word)):
                target, signs = self.signed_permutation(letter)
                moved = np.empty_like(vectors)
                moved[..., target] = vectors if self.kind == "permutation" else vectors * signs.astype(vectors.dtype)
                vectors = moved
            return vectors
        return vectors @ self.matrix(word).T.astype(vectors.dtype)

    def signed_permutation(self, generator: str) -> tuple[np.ndarray, np.ndarray]:
        """For a signed permutation: where each coordinate goes and the sign it takes."""
        if not self.is_signed_permutation:
            raise ValueError(f"{self.name} does not permute coordinates")
        return self._signed[self.group.generators.index(generator)]

    @cached_property
    def _signed(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        return tuple(
            (np.abs(image).argmax(0), image[np.abs(image).argmax(0), np.arange(self.size)]) for image in self.images
        )


def _is_signed_permutation(image: np.ndarray) -> bool:
    absolute = np.abs(image)
    exact = bool(np.isin(absolute, (0.0, 1.0)).all())
    return exact and bool((absolute.sum(0) == 1).all() and (absolute.sum(1) == 1).all())


def check_relations(representation: Representation) -> None:
    """Raise ValueError naming the first relation that the matrices break, or a matrix that is not orthogonal."""
    group = representation.group
    for generator, image in zip(group.generators, representation.images, strict=True):
        if not np.allclose(image @ image.T, np.eye(representation.size), atol=1e-9):
            raise ValueError(f"the matrix of {generator} is not orthogonal")
    probe = np.eye(representation.size)
    if representation.is_signed_permutation:  # one vector of distinct entries tells signed permutations apart
        probe = np.arange(1.0, representation.size + 1)[None]
    for relation in group.relations:
        if not np.allclose(representation.act(relation, probe), probe, atol=1e-8):
            raise ValueError(f"the relation {relation} = identity of {group.name} does not hold for {representation}")


def trivial(group: Group) -> Representation:
    """The group moves nothing."""
    return Representation(group, "trivial", 1, tuple(np.eye(1) for _ in group.generators))


def sign(group: Group, negative: Sequence[str] | None = None) -> Representation:
    """+1 or -1 per generator.

    Args:
        negative: the generators sent to -1; by default s of D<n> and S<n> (for S<n> also c where it is odd), r of C<n>.

    Raises:
        ValueError: no such homomorphism.
    """
    if negative is None:
        letter = {"C": "r", "D": "s"}.get(group.name[0])
        odd = [g for g in group.generators if _parity(group.permutations[g])] if group.name[0] == "S" else [letter]
        negative = [g for g in group.generators if g in odd]
    unknown = [g for g in negative if g not in group.generators]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a generator of {group.name}")
    images = tuple(np.array([[-1.0 if g in negative else 1.0]]) for g in group.generators)
    result = Representation(group, f"sign({' '.join(negative)})", 1, images)
    check_relations(result)
    return result


def _parity(permutation: Sequence[int]) -> bool:
    return sum(a > b for a, b in itertools.combinations(permutation, 2)) % 2 == 1


def regular(group: Group) -> Representation:
    """The group permutes its own elements by left multiplication; size = order."""
    return _permuting(group, "regular", [group.left_multiplication[g] for g in group.generators], len(group.elements))


def quotient(group: Group, words: Sequence[str]) -> Representation:
    """The group permutes the left cosets of the subgroup that the words generate; size = order / subgroup order."""
    table = {g: {e: group.element(g + e) for e in group.elements} for g in group.generators}
    subgroup = {""}
    frontier = [""]
    while frontier:
        fresh = {group.element(e + w) for e in frontier for w in words} - subgroup
        subgroup |= fresh
        frontier = list(fresh)
    coset_of: dict[str, int] = {}
    representatives: list[str] = []
    for element in group.elements:
        if element not in coset_of:
            coset_of |= {group.element(element + h): len(representatives) for h in subgroup}
            representatives.append(element)
    images = [np.array([coset_of[table[g][e]] for e in representatives]) for g in group.generators]
    return _permuting(group, f"quotient({' '.join(words)})", images, len(representatives))


def standard(group: Group) -> Representation:
    """The defining geometric action: the plane for C<n> and D<n> (x to the right, y up), R^n less its mean for S<n>."""
    family, digits = group.name[0], group.name[1:]
    if not digits.isdigit() or family not in "CDS":
        raise ValueError(f"{group.name} has no standard representation; give matrices")
    n = int(digits)
    if family == "S":
        if n == 1:
            raise ValueError("S1 has no standard representation")
        # Orthonormal basis of the vectors of sum zero: Helmert contrasts.
        basis = np.array([[1.0] * k + [-k] + [0.0] * (n - k - 1) for k in range(1, n)])
        basis /= np.linalg.norm(basis, axis=1, keepdims=True)
        images = tuple(basis @ np.eye(n)[list(group.permutations[g])].T @ basis.T for g in group.generators)
        return Representation(group, "standard", n - 1, images)
    c, s = np.cos(2 * np.pi / n), np.sin(2 * np.pi / n)
    turn = np.array([[c, -s], [s, c]])
    turn = np.round(turn) if n in (1, 2, 4) else turn
    plane = {"r": turn, "s": np.diag([-1.0, 1.0])}
    return Representation(group, "standard", 2, tuple(plane[g] for g in group.generators))


def permutation(group: Group, images: Mapping[str, Sequence[int]] | None = None) -> Representation:
    """A permutation of coordinates per generator, i goes to images[g][i]; by default the group's own."""
    named = images is not None
    images = images if images is not None else group.permutations
    arrays = []
    size = len(next(iter(images.values()), (0,)))
    for g in group.generators:
        array = np.asarray(images[g], dtype=np.int64)
        if array.shape != (size,) or sorted(array.tolist()) != list(range(size)):
            raise ValueError(f"the image of {g} is not a permutation of 0..{size - 1}")
        arrays.append(array)
    text = ", ".join(f"{g}={' '.join(map(str, images[g]))}" for g in group.generators)
    result = _permuting(group, f"permutation({text})" if named else "permutation", arrays, size)
    check_relations(result)
    return result


def signed_permutation(group: Group, images: Mapping[str, Sequence[int]]) -> Representation:
    """A signed permutation per generator, 1-based: entry i goes to |k|, times the sign of k = images[g][i]."""
    size = len(next(iter(images.values()), (1,)))
    matrices = []
    for g in group.generators:
        targets = np.asarray(images[g], dtype=np.int64)
        if targets.shape != (size,) or sorted(np.abs(targets).tolist()) != list(range(1, size + 1)):
            raise ValueError(f"the image of {g} is not a signed permutation of 1..{size}")
        matrix_ = np.zeros((size, size))
        matrix_[np.abs(targets) - 1, np.arange(size)] = np.sign(targets)
        matrices.append(matrix_)
    text = ", ".join(f"{g}={' '.join(map(str, images[g]))}" for g in group.generators)
    result = Representation(group, f"signed({text})", size, tuple(matrices))
    check_relations(result)
    return result


def matrix(group: Group, images: Mapping[str, Sequence[Sequence[float]]]) -> Representation:
    """An orthogonal matrix per generator."""
    arrays = tuple(np.array(images[g], dtype=np.float64) for g in group.generators)
    size = len(arrays[0]) if arrays else 1
    for g, array in zip(group.generators, arrays, strict=True):
        if array.shape != (size, size):
            raise ValueError(f"the matrix of {g} has shape {array.shape}, expected ({size}, {size})")
    rows = {
        g: "; ".join(" ".join(f"{x:.17g}" for x in row) for row in a)
        for g, a in zip(group.generators, arrays, strict=True)
    }
    text = ", ".join(f"{g}={rows[g]}" for g in group.generators)
    result = Representation(group, f"matrix({text})", size, arrays)
    check_relations(result)
    return result


def _permuting(group: Group, name: str, targets: Sequence[np.ndarray], size: int) -> Representation:
    if size > MAX_SIZE:
        raise ValueError(f"{name} of {group.name} has size {size}; at most {MAX_SIZE} is supported")
    images = []
    for target in targets:
        image = np.zeros((size, size))
        image[target, np.arange(size)] = 1.0
        images.append(image)
    return Representation(group, name, size, tuple(images))


def direct_sum(*summands: Representation | tuple[int, Representation]) -> Representation:
    """The direct sum of representations or (multiplicity, representation) pairs of one group."""
    blocks: list[tuple[int, Representation]] = []
    for summand in summands:
        count, part = summand if isinstance(summand, tuple) else (1, summand)
        for inner, atom in part.blocks if count == 1 or len(part.blocks) == 1 else part.blocks * count:
            inner = inner * count if len(part.blocks) == 1 else inner
            if blocks and blocks[-1][1] == atom:
                blocks[-1] = (blocks[-1][0] + inner, atom)
            elif inner:
                blocks.append((inner, atom))
    if not blocks:
        raise ValueError("a direct sum needs at least one summand")
    if len(blocks) == 1 and blocks[0][0] == 1:
        return blocks[0][1]
    group, size = blocks[0][1].group, sum(n * atom.size for n, atom in blocks)
    if size > MAX_SIZE:
        raise ValueError(f"the sum has size {size}; at most {MAX_SIZE} is supported")
    images = tuple(
        _block_diagonal([atom.images[k] for n, atom in blocks for _ in range(n)], size)
        for k in range(len(group.generators))
    )
    name = " + ".join(atom.name if n == 1 else f"{n} {atom.name}" for n, atom in blocks)
    return Representation(group, name, size, images, tuple(blocks))


def _block_diagonal(matrices: Sequence[np.ndarray], size: int) -> np.ndarray:
    result, start = np.zeros((size, size)), 0
    for block in matrices:
        result[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return result


_SUMMAND = re.compile(r"\s*(?:(\d{1,6})\s+)?([a-z_]+)\s*(?:\(([^()]*)\))?\s*")
_NAMES = ("trivial", "sign", "regular", "standard", "quotient", "permutation", "signed", "matrix")


@lru_cache(maxsize=256)
def parse(group: Group, text: str) -> Representation:
    """The representation that prints as `text`, e.g. "2 trivial + quotient(s) + signed(s=-1 2)".

    Raises:
        ValueError: a name is unknown or an argument does not fit the group.
    """
    summands: list[tuple[int, Representation]] = []
    for part in text.split("+"):
        found = _SUMMAND.fullmatch(part)
        if found is None or found[2] not in _NAMES:
            raise ValueError(f"cannot read {part.strip()!r} as a representation; known: {', '.join(_NAMES)}")
        count = int(found[1] or 1)
        if not 1 <= count <= MAX_SIZE:
            raise ValueError(f"the multiplicity {count} must lie between 1 and {MAX_SIZE}")
        summands.append((count, _atom(group, found[2], found[3])))
    return direct_sum(*summands)


def _atom(group: Group, name: str, argument: str | None) -> Representation:
    if name in ("signed", "matrix") and argument is None:
        raise ValueError(f"{name} needs its images, e.g. {name}({', '.join(f'{g}=...' for g in group.generators)})")
    if name == "quotient":
        return quotient(group, (argument or "").split())
    if name == "sign":
        return sign(group, None if argument is None else argument.split())
    if name == "permutation" and argument is None:
        return permutation(group)
    if name in ("trivial", "regular", "standard"):
        return {"trivial": trivial, "regular": regular, "standard": standard}[name](group)
    images = _images(group, argument or "")
    if name == "matrix":
        return matrix(group, {g: [[float(x) for x in row.split()] for row in t.split(";")] for g, t in images.items()})
    numbers = {g: [int(x) for x in t.split()] for g, t in images.items()}
    return permutation(group, numbers) if name == "permutation" else signed_permutation(group, numbers)


def _images(group: Group, argument: str) -> dict[str, str]:
    pairs = dict(part.split("=", 1) for part in argument.split(",") if "=" in part)
    images = {key.strip(): value.strip() for key, value in pairs.items()}
    if set(images) != set(group.generators):
        raise ValueError(f"images are needed for exactly the generators {', '.join(group.generators)}")
    return images
