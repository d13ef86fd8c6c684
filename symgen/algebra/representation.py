"""The representations that a spec names: one function each, and `parse` for sums such as "2 trivial
+ regular".

Law: every relation of the group holds for the matrices (`check_relations`), and the printed form
parses back. SO2 and O2 have those of frequency at most MAX_FREQUENCY (see `catalogue`): sums of
trivial, sign and irrep(k).
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from symgen.algebra import catalogue
from symgen.algebra import images as written_images
from symgen.algebra.group import Group
from symgen.algebra.homomorphism import (
    MAX_SIZE,
    Kind,
    Representation,
    bounded,
    check_relations,
    direct_sum,
    of_codes,
    permuting,
    trivial,
)
from symgen.algebra.orbits import components
from symgen.algebra.refinement import refined
from symgen.errors import Refusal

__all__ = [
    "MAX_SIZE",
    "Kind",
    "Representation",
    "absolute",
    "check_relations",
    "direct_sum",
    "irrep",
    "matrix",
    "of_codes",
    "parse",
    "permutation",
    "quotient",
    "regular",
    "sign",
    "signed_permutation",
    "standard",
    "trivial",
]


def sign(group: Group, negative: Sequence[str] | None = None) -> Representation:
    """+1 or -1 per generator.

    Args:
        negative: the generators sent to -1; by default s of D<n>, r of C<n>, the odd generators of
            S<n>.

    Raises:
        Refusal: no such homomorphism, or no default for this group.
    """
    if negative is None:
        negative = _odd_generators(group)
    unknown = [g for g in negative if g not in group.generators]
    if unknown:
        raise Refusal(
            f"{unknown[0]!r} is not a generator of {group.name}", code="unknown-generator"
        )
    minus = [g for g in group.generators if g in negative]
    moves = tuple(np.array([-1 if g in minus else 1]) for g in group.generators)
    result = Representation(group, f"sign({' '.join(minus)})", 1, moves)
    check_relations(result)
    return result


def _odd_generators(group: Group) -> list[str]:
    if group.is_symmetric:
        return [g for g in group.generators if _is_odd(group.permutations[g])]
    if group.planar is None:
        raise Refusal(
            f"{group.name} has several signs; say which generators become -1, e.g. sign(r)"
        )
    # a turn by any angle has no sign
    odd = "s" if group.planar.mirrors or group.is_continuous else "r"
    return [g for g in group.generators if g == odd]


def _is_odd(image: Sequence[int]) -> bool:
    return sum(a > b for a, b in itertools.combinations(image, 2)) % 2 == 1


def regular(group: Group) -> Representation:
    """The group permutes its own elements by left multiplication; size = order."""
    _finite(group, "regular")
    return permuting(
        group,
        "regular",
        [group.left_multiplication[g] for g in group.generators],
        len(group.elements),
    )


def quotient(group: Group, words: Sequence[str]) -> Representation:
    """The group permutes the left cosets of the subgroup that the words generate; size = order /
    subgroup order.
    """
    _finite(group, "quotient")
    words = ["".join(word.split()) for word in words]
    cosets = components(len(group.elements), [group.right_multiplication(word) for word in words])
    _, representatives = np.unique(cosets, return_index=True)
    targets = [cosets[group.left_multiplication[g][representatives]] for g in group.generators]
    return permuting(group, f"quotient({' '.join(words)})", targets, len(representatives))


def _finite(group: Group, name: str) -> None:
    if group.is_continuous:
        raise Refusal(
            f"{group.name} has no {name} representation of finite size: sums of trivial, sign and "
            "irrep(k) are; C<n> and D<n> have one",
            code="band-limit",
        )


def irrep(group: Group, k: int) -> Representation:
    """How (cos k t, sin k t) moves as the plane turns: an irreducible representation of C<n>, D<n>,
    SO2 or O2.

    Args:
        k: frequency, 1 <= k < n / 2; the one-dimensional ones are called trivial and sign.

    Raises:
        Refusal: another group, or a frequency that it does not have.

    >>> irrep(catalogue.group("C8"), 2).matrix("r").round(12).tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    if group.planar is None:
        raise Refusal(
            f"irrep(k) is for C<n>, D<n>, SO2 and O2, not for {group.name}; give matrices",
            expected="representation",
        )
    n = group.planar.turns
    top = catalogue.MAX_FREQUENCY if group.is_continuous else (n - 1) // 2
    if not 1 <= k <= top:
        has = f"1 to {top}" if top else "none"
        raise Refusal(
            f"irrep({k}) of {group.name}: the frequencies of its pairs (cos, sin) are {has}",
            expected="representation",
        )
    # the mirror takes the angle t to pi - t
    images = {"r": _turn(n, k), "s": np.diag([(-1.0) ** k, -((-1.0) ** k)])}
    return Representation(group, f"irrep({k})", 2, tuple(images[g] for g in group.generators))


def _turn(n: int, k: int = 1) -> np.ndarray:
    """The turn by 2 pi k / n, without rounding errors where it takes axes to axes."""
    c = np.cos(2 * np.pi * k / n)
    s = np.sin(2 * np.pi * k / n)
    turn = np.array([[c, -s], [s, c]])
    return np.round(turn) if 4 * k % n == 0 else turn


def standard(group: Group) -> Representation:
    """The defining geometric action: on the plane (x to the right, y up); of S<n> on R^n less its
    mean.
    """
    if group.planar is not None:
        plane = {"r": _turn(group.planar.turns), "s": np.diag([-1.0, 1.0])}
        return Representation(group, "standard", 2, tuple(plane[g] for g in group.generators))
    n = group.degree
    if not group.is_symmetric or n == 1:
        raise Refusal(f"{group.name} has no standard representation; give matrices")
    # Orthonormal basis of the vectors of sum zero: Helmert contrasts.
    basis = np.array([[1.0] * k + [-k] + [0.0] * (n - k - 1) for k in range(1, n)])
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    moves = tuple(basis[:, list(group.permutations[g])] @ basis.T for g in group.generators)
    return Representation(
        group, "standard", n - 1, tuple(np.round(m) if n == 2 else m for m in moves)
    )


def permutation(group: Group, images: Mapping[str, Sequence[int]] | None = None) -> Representation:
    """A permutation of coordinates per generator, i goes to images[g][i]; by default the group's
    own.
    """
    if images is None:
        _finite(group, "permutation")
        targets = [np.array(group.permutations[g], dtype=np.int64) for g in group.generators]
        return permuting(group, "permutation", targets, group.degree)
    written_images.covered(group, images)
    size = len(next(iter(images.values()), (0,)))
    targets = [written_images.permutation(g, images[g], size) for g in group.generators]
    return of_codes(group, size, [target + 1 for target in targets])


def signed_permutation(group: Group, images: Mapping[str, Sequence[int]]) -> Representation:
    """A signed permutation per generator, 1-based: entry i goes to |k|, times the sign of k =
    images[g][i].
    """
    written_images.covered(group, images)
    size = len(next(iter(images.values()), (1,)))
    codes = [written_images.signed_permutation(g, images[g], size) for g in group.generators]
    return of_codes(group, size, codes, signed=True)


def absolute(representation: Representation) -> Representation:
    """|rho(g)|: how sizes move where rho moves numbers up to sign, e.g. a standard deviation beside
    its mean.

    Raises:
        ValueError: the representation mixes coordinates.

    >>> print(absolute(parse(catalogue.group("D1"), "2 sign + regular")))
    2 trivial + regular
    """
    return direct_sum(*((count, _without_signs(atom)) for count, atom in representation.blocks))


def _without_signs(atom: Representation) -> Representation:
    if atom.kind == "matrix":
        raise ValueError(f"{atom} mixes coordinates: it has no absolute value that moves them")
    if atom.kind == "permutation":
        return atom
    if atom.size == 1:
        return trivial(atom.group)
    targets = {g: atom.signed_permutation(g)[0].tolist() for g in atom.group.generators}
    return permutation(atom.group, targets)


def matrix(group: Group, images: Mapping[str, Sequence[Sequence[float]]]) -> Representation:
    """An orthogonal matrix per generator; digits that were rounded in typing are restored (see
    `refinement`).
    """
    written_images.covered(group, images)
    try:
        arrays = tuple(np.array(images[g], dtype=np.float64) for g in group.generators)
    except (TypeError, ValueError):
        raise Refusal("a matrix is a list of rows of numbers, all of one length") from None
    size = len(arrays[0]) if arrays and arrays[0].ndim else 1
    for g, array in zip(group.generators, arrays, strict=True):
        if array.shape != (size, size) or size == 0:
            raise Refusal(f"the matrix of {g} has shape {array.shape}, expected ({size}, {size})")
    rows = [[" ".join(f"{x:.17g}" for x in row) + ";" for row in array] for array in arrays]
    text = ", ".join(f"{g}={' '.join(r)[:-1]}" for g, r in zip(group.generators, rows, strict=True))
    exact = refined(group, dict(zip(group.generators, arrays, strict=True)))
    result = Representation(
        group, f"matrix({text})", size, tuple(exact[g] for g in group.generators)
    )
    check_relations(result)
    return result


MAX_SUMMANDS = 1024
"""Largest number of summands that are written out."""
_SUMMAND = re.compile(r"\s*(?:([0-9]{1,12})\s+)?([a-z_]+)\s*(?:\(([^()]*)\))?\s*")
_PLUS = re.compile(r"\+(?![^()]*\))")
NAMES = (
    "trivial",
    "sign",
    "irrep",
    "regular",
    "standard",
    "quotient",
    "permutation",
    "signed",
    "matrix",
)


@lru_cache(maxsize=256)
def parse(group: Group, text: str) -> Representation:
    """The representation that prints as `text`, e.g. "2 trivial + quotient(s) + signed(s=-1 2)".

    Raises:
        Refusal: a name is unknown or an argument does not fit the group.
    """
    if text.count("+") >= MAX_SUMMANDS:
        raise Refusal(
            f"a sum of more than {MAX_SUMMANDS} representations is too long; use multiplicities",
            code="too-large",
        )
    summands: list[tuple[int, Representation]] = []
    size = 0
    for part in _PLUS.split(text):
        match = _SUMMAND.fullmatch(part)
        if match is None or match[2] not in NAMES:
            raise Refusal(
                f"cannot read {part.strip()!r} as a representation; known: {', '.join(NAMES)}",
                part=part.strip(),
                expected="representation",
            )
        count = int(match[1] or 1)
        atom = _atom(group, match[2], match[3])
        size = bounded(size + count * atom.size, "the sum")
        summands.append((count, atom))
    return direct_sum(*summands)


@lru_cache(maxsize=64)
def _atom(group: Group, name: str, argument: str | None) -> Representation:
    if name in ("signed", "matrix") and argument is None:
        raise Refusal(
            f"{name} needs its images, e.g. "
            f"{name}({', '.join(f'{g}=...' for g in group.generators)})"
        )
    if name in ("trivial", "regular", "standard"):
        if argument is not None:
            raise Refusal(f"{name} takes no argument, not ({argument})")
        return {"trivial": trivial, "regular": regular, "standard": standard}[name](group)
    if name == "irrep":
        if not re.fullmatch(r"[0-9]{1,3}", argument or ""):
            raise Refusal("irrep needs its frequency, e.g. irrep(1)", expected="representation")
        return irrep(group, int(argument or 0))
    if name == "quotient":
        return quotient(group, (argument or "").split())
    if name == "sign":
        return sign(group, None if argument is None else argument.split())
    if argument is None:
        return permutation(group)
    images = written_images.read(group, argument)
    if name == "matrix":
        return matrix(group, {g: _rows(text) for g, text in images.items()})
    numbers = {g: written_images.numbers(text) for g, text in images.items()}
    return (
        permutation(group, numbers) if name == "permutation" else signed_permutation(group, numbers)
    )


def _rows(text: str) -> list[list[float]]:
    try:
        return [[float(number) for number in row.split()] for row in text.split(";")]
    except ValueError:
        raise Refusal(
            f"cannot read {text!r} as a matrix: rows separated by ';', numbers by blanks"
        ) from None
