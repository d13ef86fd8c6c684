"""The named groups, each a function of its number, and groups given by generators and relations.

C<n>: r turns counter-clockwise by 2 pi / n. D<n> has order 2n: r as above, s mirrors left and right
(D1 is s alone). S<n>: s swaps the first two points, c moves every point one on. "A x B" is the
direct product; a generator name taken by the first factor gets the factor's number in the second
("C4 x C4" has r and r2).

SO2 and O2, all turns of the plane, are held as their subgroups C64 and D64. For representations of
frequency at most MAX_FREQUENCY = 15 that loses nothing: an equivariant map between frequencies k
and l, or a kernel of angular frequency j <= k + l < 32 between them, commutes with all turns where
it commutes with 64 of them (no two of these frequencies are equal modulo 64). `representation`
refuses any other representation of them.
"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from symgen.algebra.cosets import enumerate_cosets
from symgen.algebra.group import MAX_ELEMENTS, MAX_LETTERS, Group, Permutation, Planar
from symgen.errors import Refusal

MAX_NUMBER = {"C": 512, "D": 512, "S": 512}
"""Largest n of C<n>, D<n>, S<n>."""
MAX_GENERATORS = 32
"""Largest number of generators of a presented group."""


def cyclic(n: int) -> Group:
    """C<n>, the turns of a regular n-gon."""
    planar = Planar(n, mirrors=False)
    if n == 1:
        return Group("C1", (), (), {}, 1, planar)
    return Group(f"C{n}", ("r",), (f"r^{n}",), {"r": _cycle(n)}, n, planar)


def dihedral(n: int) -> Group:
    """D<n>, turns and mirrors, of order 2n."""
    planar = Planar(n, mirrors=True)
    if n == 1:
        return Group("D1", ("s",), ("ss",), {"s": (1, 0)}, 2, planar)
    images: dict[str, Permutation] = {"r": (1, 0, 3, 2), "s": (2, 3, 0, 1)}
    if n > 2:
        images = {"r": _cycle(n), "s": tuple(-i % n for i in range(n))}
    return Group(f"D{n}", ("r", "s"), (f"r^{n}", "ss", "srsr"), images, 2 * n, planar)


def symmetric(n: int) -> Group:
    """S<n>, all permutations of n points (presentation: Coxeter and Moser, Generators and
    Relations, 6.2).
    """
    if n == 1:
        return Group("S1", (), (), {}, 1, is_symmetric=True)
    swap = (1, 0, *range(2, n))
    if n == 2:
        return Group("S2", ("s",), ("ss",), {"s": swap}, 2, is_symmetric=True)
    relations = ["ss", f"c^{n}", "cs" * (n - 1)]
    if n > 3:
        relations.append(f"sc^{n - 1}sc" * 3)
    relations += [f"sc^{n - j}sc^{j}" * 2 for j in range(2, n // 2 + 1)]
    images = {"s": swap, "c": _cycle(n)}
    order = math.factorial(n)
    return Group(f"S{n}", ("s", "c"), tuple(relations), images, order, is_symmetric=True)


TURNS = 64
"""Number of turns that stand for all."""
MAX_FREQUENCY = 15
"""Largest frequency of a representation of SO2 or O2: four of them add up to less than TURNS."""


def all_turns(name: str) -> Group:
    """SO2 (turns by any angle) or O2 (with mirrors), held as 64 turns."""
    finite = cyclic(TURNS) if name == "SO2" else dihedral(TURNS)
    return replace(finite, name=name, planar=Planar(TURNS, name == "O2", continuous=True))


def _cycle(n: int) -> Permutation:
    return tuple((i + 1) % n for i in range(n))


def product(first: Group, *others: Group) -> Group:
    """The direct product: all act, on disjoint points, and commute.

    >>> print(product(cyclic(2), dihedral(1), cyclic(4)))
    C2 x D1 x C4
    """
    result = first
    for number, factor in enumerate(others, 2):
        result = _times(result, factor, number)
    return result


def _times(first: Group, second: Group, number: int) -> Group:
    """The direct product of two; the second is factor `number` of the whole."""
    rename = _fresh_names(first, second, number)
    n = first.degree
    m = second.degree
    permutations = {g: (*p, *range(n, n + m)) for g, p in first.permutations.items()}
    permutations |= {
        rename[g]: (*range(n), *(n + i for i in p)) for g, p in second.permutations.items()
    }
    relations = list(first.relations)
    relations += ["".join(rename[g] for g in second.parse(word)) for word in second.relations]
    for a in first.generators:
        for b in second.generators:
            back = f"{a}^{first.letter_order(a) - 1}{rename[b]}^{second.letter_order(b) - 1}"
            relations.append(f"{a}{rename[b]}{back}")
    names = (*first.generators, *rename.values())
    order = first.order * second.order
    return Group(f"{first.name} x {second.name}", names, tuple(relations), permutations, order)


def _fresh_names(first: Group, second: Group, number: int) -> dict[str, str]:
    """Names for the second factor's generators: their own, or letter and factor number, counted on
    where taken.
    """
    taken = set(first.generators)
    rename = {}
    for generator in second.generators:
        numbered = (f"{generator[0]}{k}" for k in itertools.count(number))
        name = next(name for name in itertools.chain([generator], numbered) if name not in taken)
        taken.add(name)
        rename[generator] = name
    return rename


_FAMILIES = {"C": cyclic, "D": dihedral, "S": symmetric}


@lru_cache(maxsize=64)
def group(name: str) -> Group:
    """The group a spec names.

    Args:
        name: "C4", "D4", "S5", "SO2", "O2" or a product such as "C2 x C4".

    Raises:
        Refusal: unknown family, or a number out of range.

    >>> group("D4").order, group("C2 x C4").generators
    (8, ('r', 'r2'))
    """
    factors = [part.strip() for part in name.split(" x ")]
    if len(factors) > 1 and {"SO2", "O2"} & set(factors):
        raise Refusal(f"{name!r}: SO2 and O2 stand alone, not in products")
    if len(factors) > 4:
        raise Refusal(
            f"{name!r} has {len(factors)} factors; at most 4 are supported", code="too-large"
        )
    return product(*map(_named, factors))


def _named(name: str) -> Group:
    if name in ("SO2", "O2"):
        return all_turns(name)
    match = re.fullmatch(r"([A-Z])([0-9]{1,6})", name)
    if match is None or match[1] not in _FAMILIES:
        raise Refusal(
            f"unknown group {name!r}: C<n>, D<n>, S<n>, SO2, O2 and products such as 'C2 x C4' are "
            "known"
        )
    number = int(match[2])
    if not 1 <= number <= MAX_NUMBER[match[1]]:
        raise Refusal(
            f"the number of {name!r} must lie between 1 and {MAX_NUMBER[match[1]]}",
            code="too-large",
        )
    return _FAMILIES[match[1]](number)


def presented(generators: Sequence[str], relations: Sequence[str], name: str = "") -> Group:
    """The group with these generators and relations, found by coset enumeration.

    Args:
        generators: names, each one letter, digits may follow.
        relations: words that equal the identity.
        name: for messages; by default the presentation itself.

    Raises:
        Refusal: bad or too many names or words, or no finite group of at most MAX_ELEMENTS
            elements was found.

    >>> presented(["a", "b"], ["aa", "bbb", "abab"]).order
    6
    """
    if len(generators) > MAX_GENERATORS:
        raise Refusal(
            f"{len(generators)} generators are more than {MAX_GENERATORS}", code="too-large"
        )
    for generator in generators:
        if re.fullmatch(r"[a-z][0-9]*", generator) is None:
            raise Refusal(
                f"{generator!r} cannot name a generator: one small letter, digits may follow",
                code="bad-presentation",
            )
    if len(set(generators)) != len(generators):
        raise Refusal("two generators have the same name", code="bad-presentation")
    title = name or _presentation(generators, relations)
    free = Group(title, tuple(generators), (), dict.fromkeys(generators, (0,)))
    words = []
    letters = 0
    for relation in relations:
        words.append(free.parse(relation))
        letters += len(words[-1]) + 1
        if letters > MAX_LETTERS:
            raise Refusal(
                f"relations of more than {MAX_LETTERS} letters, powers written out, are too long",
                code="too-large",
            )
    tables = enumerate_cosets(tuple(generators), words, MAX_ELEMENTS)
    permutations = {g: tuple(table) for g, table in tables.items()}
    order = len(next(iter(permutations.values()), (0,)))
    return Group(title, tuple(generators), tuple(relations), permutations, order)


def _presentation(generators: Sequence[str], relations: Sequence[str]) -> str:
    """The group's name where it is given none: "<r, s | rrr, ss>", many relations counted only."""
    text = ", ".join(relations)
    if len(text) > 120:
        text = f"{len(relations)} relations"
    return f"<{', '.join(generators)} | {text}>"
