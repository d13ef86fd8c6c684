"""Groups, representations, bases and field types that the laws run over."""

from symgen.algebra import catalogue
from symgen.algebra.base import Base
from symgen.algebra.base import parse as parse_base
from symgen.algebra.catalogue import group, presented
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation, direct_sum, parse

CATALOGUE = (
    *(
        "C1",
        "C2",
        "C3",
        "C4",
        "C5",
        "C8",
        "C12",
        "D1",
        "D2",
        "D3",
        "D4",
        "D5",
        "D6",
        "S1",
        "S2",
        "S3",
        "S4",
        "S5",
    ),
    *(
        "C2 x C2",
        "C2 x C4",
        "C4 x C4",
        "C1 x D3",
        "D1 x C2",
        "D4 x C2",
        "S3 x D2",
        "C2 x C2 x C2",
        "D2 x D2 x D1 x C3",
    ),
)

PRESENTED: dict[str, tuple[Group, int]] = {
    "quaternions": (presented(["i", "j"], ["iiii", "iijj", "j^3iji"]), 8),
    "klein": (presented(["a", "b"], ["aa", "bb", "abab"]), 4),
    "alternating 4": (presented(["a", "b"], ["aa", "bbb", "ababab"]), 12),
    "alternating 5": (presented(["a", "b"], ["aa", "bbb", "ab" * 5]), 60),
    "PSL(2,7)": (presented(["a", "b"], ["aa", "bbb", "ab" * 7, "abab^2" * 4]), 168),
    "Frobenius 21": (presented(["a", "b"], ["a^7", "bbb", "bbaba^5"]), 21),
    "dicyclic 3": (presented(["a", "x1"], ["a^6", "a^3x1^2", "x1^3ax1a"]), 12),
    "trivial in disguise": (presented(["a", "b"], ["ab^2a^2b^2", "aa", "bbb"]), 1),
    "no generators": (presented([], []), 1),
}

SMALL = ("C1", "C2", "C3", "C4", "D1", "D2", "D3", "D4", "S3", "S4", "C2 x C2", "C2 x C4")

SUMS = (
    "3 trivial",
    "trivial + regular",
    "2 regular + 3 trivial + regular",
    "2 quotient() + trivial",
)


def representations(name: str) -> list[Representation]:
    """Every constructor that fits a catalogue group, and sums of them."""
    this = group(name)
    texts = ["trivial", "regular", "quotient()", "permutation", "sign()", *SUMS]
    texts += [f"quotient({word})" for word in this.generators]
    texts += [f"quotient({word} {word}{this.generators[0]})" for word in this.generators[-1:]]
    found = [parse(this, text) for text in texts]
    found += [parse(this, f"sign({g})") for g in this.generators if _even(this, g)]
    if " x " not in name and name != "S1":
        found += [
            parse(this, "standard"),
            parse(this, "standard + 2 trivial + 2 standard + regular"),
        ]
    return [*found, *_signed(this)]


def _even(this: Group, generator: str) -> bool:
    """Whether every relation has an even number of this letter: then -1 is a representation."""
    return all(this.parse(relation).count(generator) % 2 == 0 for relation in this.relations)


def _signed(this: Group) -> list[Representation]:
    """The regular representation twisted by a sign, as a signed permutation and as a matrix in
    another basis.
    """
    import numpy as np

    from symgen.algebra.representation import matrix, regular, sign, signed_permutation

    twisted = []
    for g in this.generators:
        if _even(this, g):
            codes = {
                h: (t + 1) * (-1 if h == g else 1) for h, t in this.left_multiplication.items()
            }
            twisted.append(signed_permutation(this, codes))
    basis = np.linalg.qr(np.random.default_rng(1).standard_normal((this.order, this.order)))[0]
    if this.generators and this.order <= 12:
        images = {
            g: basis @ image @ basis.T
            for g, image in zip(this.generators, regular(this).images, strict=True)
        }
        twisted.append(matrix(this, images))
        twisted.append(direct_sum(twisted[-1], sign(this, []), (2, twisted[0])))
    return twisted


BASES = {
    "C1": ("point", "grid 2x3", "tokens 3", "graph 4()"),
    "C2": ("grid 3x2", "tokens 2", "graph 3(r=1 0 2)", "grid 2x2(r=flip)"),
    "C3": ("tokens 3", "graph 4(r=1 2 0 3)"),
    "C4": ("grid 3x3", "grid 2x2", "tokens 4"),
    "D1": ("grid 2x3", "grid 3x2(s=flip)", "grid 2x2(s=transpose)", "tokens 2"),
    "D2": ("grid 2x3", "grid 3x3"),
    "D3": ("tokens 3", "graph 3(r=1 2 0, s=0 2 1)"),
    "D4": ("grid 3x3", "grid 2x2", "grid 3x3 + point", "tokens 4"),
    "S3": ("tokens 3", "graph 1(s=0, c=0)"),
    "S4": ("tokens 4",),
    "C2 x C2": ("graph 4(r=1 0 3 2, r2=2 3 0 1)", "grid 2x3(r=mirror, r2=flip)"),
    "C2 x C4": ("tokens 6",),
}


def base_examples(name: str) -> list[Base]:
    """Bases of a group, a point among them."""
    return [parse_base(group(name), text) for text in ("point", *BASES[name])]


assert set(BASES) == set(SMALL)
assert all(
    callable(family) for family in (catalogue.cyclic, catalogue.dihedral, catalogue.symmetric)
)
