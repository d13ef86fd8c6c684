"""A finite group is its generators and relations; its elements come on demand.

A word such as "rrs" is a product read as a composition: first s, then r, then r. A letter may carry
digits ("r2") and a power ("r^3"). Law: every relation is the identity; `Group` refuses to be built
otherwise.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import NamedTuple, TypeVar

import numpy as np

from symgen.errors import Refusal

T = TypeVar("T")
MAX_ELEMENTS = 2048
"""Largest group whose elements are listed (regular and quotient representations need the list)."""
MAX_LETTERS = 65536
"""Longest word, powers written out."""

_TOKEN = re.compile(r"\s*([a-z][0-9]*)(?:\^([0-9]{1,4}))?\s*")

Permutation = tuple[int, ...]


class Planar(NamedTuple):
    """How a group moves the plane: r turns it counter-clockwise by 2 pi / turns, s mirrors left and
    right.

    Args:
        turns: number of turns about the origin; 1 where there is no r.
        mirrors: whether there is an s.
        continuous: whether the turns stand for those by any angle (see `catalogue`).
    """

    turns: int
    mirrors: bool
    continuous: bool = False


@dataclass(frozen=True)
class Group:
    """A finite group given by generators, relations and a faithful permutation action.

    Args:
        name: as written in a spec, e.g. "D4" or "C2 x C4".
        generators: generator names; none for the trivial group.
        relations: words equal to the identity.
        permutations: for each generator a permutation p of 0..n-1 (i goes to p[i]); together
            faithful.
        known_order: number of elements, where it is known without listing them.
        planar: how it moves the plane; None where that is not said. A group that is given by
            generators and relations may bear any name and moves no plane.
        is_symmetric: whether it is given as all permutations of its points.

    Raises:
        ValueError: a permutation is none, or a relation does not hold for the permutations.
    """

    name: str
    generators: tuple[str, ...]
    relations: tuple[str, ...]
    permutations: Mapping[str, Permutation] = field(repr=False, hash=False)
    known_order: int | None = field(default=None, repr=False, compare=False)
    planar: Planar | None = field(default=None, repr=False, hash=False)
    is_symmetric: bool = field(default=False, repr=False, hash=False)

    def __post_init__(self) -> None:
        if set(self.permutations) != set(self.generators):
            raise ValueError(
                f"{self.name} needs one permutation for each of "
                f"{', '.join(self.generators) or 'none'}"
            )
        for generator in self.generators:
            if sorted(self.permutations[generator]) != list(range(self.degree)):
                raise ValueError(
                    f"generator {generator} of {self.name} is not a permutation of "
                    f"0..{self.degree - 1}"
                )
        # arrays: S<n> has about n / 2 relations of length n
        images = {g: np.array(permutation) for g, permutation in self.permutations.items()}
        identity = np.arange(self.degree)
        for relation in self.relations:
            moved = self.evaluate(relation, images, lambda after, before: after[before], identity)
            if not np.array_equal(moved, identity):
                raise ValueError(f"relation {relation} does not hold in {self.name}")

    def __str__(self) -> str:
        return self.name

    @property
    def is_continuous(self) -> bool:
        """True of SO2 and O2, whose listed elements stand for turns by any angle."""
        return self.planar is not None and self.planar.continuous

    def written(self, images: Iterable[Iterable[object]]) -> str:
        """The images of the generators, in their order, as a spec has them: "r=1 2 0, s=0 2 1"."""
        pairs = zip(self.generators, images, strict=True)
        return ", ".join(f"{generator}={' '.join(map(str, image))}" for generator, image in pairs)

    @cached_property
    def degree(self) -> int:
        """Number of points of the faithful permutation action."""
        return max((len(p) for p in self.permutations.values()), default=1)

    @cached_property
    def _identity(self) -> Permutation:
        return tuple(range(self.degree))

    def parse(self, word: str) -> tuple[str, ...]:
        """The generators of a word, left to right; Refusal on an unknown letter or a stray
        character.

        >>> from symgen.algebra.catalogue import group
        >>> group("D4").parse("r^2 s")
        ('r', 'r', 's')
        """
        letters: list[str] = []
        position = 0
        while position < len(word):
            match = _TOKEN.match(word, position)
            if match is None:
                raise Refusal(
                    f"cannot read {word!r} as a word in "
                    f"{', '.join(self.generators) or 'no generators'}"
                )
            if match[1] not in self.generators:
                known = ", ".join(self.generators) or "none"
                raise Refusal(
                    f"{match[1]!r} is not a generator of {self.name} (generators: {known})",
                    code="unknown-generator",
                )
            power = 1 if match[2] is None else int(match[2])
            if len(letters) + power > MAX_LETTERS:
                raise Refusal(
                    f"a word of more than {MAX_LETTERS} letters, powers written out, is too long",
                    code="too-large",
                )
            letters += [match[1]] * power
            position = match.end()
        return tuple(letters)

    def evaluate(
        self, word: str, images: Mapping[str, T], product: Callable[[T, T], T], identity: T
    ) -> T:
        """The image of a word under the homomorphism that sends each generator g to images[g].

        Args:
            word: a word; the product of its letters' images is taken, runs by repeated squaring.
            images: image of each generator.
            product: (after, before) -> their product.
            identity: the neutral element.
        """
        result = identity
        for letter, run in groupby(reversed(self.parse(word))):
            result = product(_power(images[letter], len(list(run)), product, identity), result)
        return result

    def permutation(self, word: str) -> Permutation:
        """The faithful permutation of a word."""
        return self.evaluate(word, self.permutations, _compose, self._identity)

    @cached_property
    def order(self) -> int:
        """Number of elements (known in closed form for the catalogue, otherwise by listing)."""
        return self.known_order if self.known_order is not None else len(self.elements)

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """One shortest word per element, the identity "" first; Refusal above MAX_ELEMENTS."""
        return tuple(self._words.values())

    @cached_property
    def _words(self) -> dict[Permutation, str]:
        if self.known_order is not None and self.known_order > MAX_ELEMENTS:
            raise Refusal(
                f"{self.name} has {_about(self.known_order)} elements; at most {MAX_ELEMENTS} are "
                "listed",
                code="too-large",
            )
        words = {self._identity: ""}
        frontier = [self._identity]
        while frontier:
            fresh = []
            for element in frontier:
                for generator in self.generators:
                    image = self.permutations[generator]
                    product = _compose(image, element)
                    if product not in words:
                        words[product] = generator + words[element]
                        fresh.append(product)
            if len(words) > MAX_ELEMENTS:
                raise Refusal(
                    f"{self.name} has more than {MAX_ELEMENTS} elements; they cannot be listed",
                    code="too-large",
                )
            frontier = fresh
        return words

    def element(self, word: str) -> str:
        """The listed word of the same element.

        >>> from symgen.algebra.catalogue import group
        >>> group("C4").element("rrrrr")
        'r'
        """
        return self._words[self.permutation(word)]

    def inverse(self, word: str) -> str:
        """A word of the inverse element, without listing the group.

        >>> from symgen.algebra.catalogue import group
        >>> group("D4").inverse("rs")
        'srrr'
        """
        runs = [(letter, len(list(run))) for letter, run in groupby(reversed(self.parse(word)))]
        return "".join(letter * (-count % self.letter_order(letter)) for letter, count in runs)

    def letter_order(self, generator: str) -> int:
        """Order of one generator: the least common multiple of its cycle lengths."""
        image = self.permutations[generator]
        seen = set()
        order = 1
        for start in range(self.degree):
            length = 0
            i = start
            while i not in seen:
                seen.add(i)
                i = image[i]
                length += 1
            order = math.lcm(order, max(length, 1))
        return order

    @cached_property
    def _index(self) -> dict[Permutation, int]:
        return {permutation: k for k, permutation in enumerate(self._words)}

    @cached_property
    def left_multiplication(self) -> dict[str, np.ndarray]:
        """For each generator g the index of g.e for each listed element e, shape (order,)."""
        return {
            g: np.array(
                [self._index[_compose(self.permutations[g], e)] for e in self._index],
                dtype=np.int64,
            )
            for g in self.generators
        }

    def right_multiplication(self, word: str) -> np.ndarray:
        """The index of e.w for each listed element e, shape (order,)."""
        factor = self.permutation(word)
        return np.array([self._index[_compose(e, factor)] for e in self._index], dtype=np.int64)


def _compose(after: Permutation, before: Permutation) -> Permutation:
    return tuple([after[i] for i in before])


def _power(base: T, exponent: int, product: Callable[[T, T], T], identity: T) -> T:
    result = identity
    while exponent:
        result = product(base, result) if exponent & 1 else result
        exponent >>= 1
        base = product(base, base) if exponent else base
    return result


def _about(count: int) -> str:
    return str(count) if count < 10**9 else f"about 10^{len(str(count)) - 1}"
