"""Maps between copies of the regular representation, as one smaller product per character of the
group.

Where every element of the group is its own inverse (C2, D1, D2 and their products) the characters
chi are +-1 and turn the regular representation diagonal (Serre 1977, "Linear representations of
finite groups", section 2.4): with x^_chi = sum_h chi(h) x_h, and A^ alike, an equivariant y = A x
is

    y^_chi = A^_chi x^_chi,        y_g = 1/|G| sum_chi chi(g) y^_chi,

which takes 1/|G| of the products of the written out matrix and of its gradient.
"""

from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import regular
from symgen.algebra.tying import tie

Signs = tuple[tuple[int, ...], ...]

MIN_ENTRIES = 65_536
"""Smaller matrices are faster written out."""


class Spectral(nn.Module):
    """The product with a tied matrix n regular -> m regular, from its free weights.

    Args:
        characters: value of each character on each element, +-1, shape (order, order).
        labels: which weight of a block of the matrix stands at (identity, h), shape (order,).
        targets: m.
        sources: n.
    """

    def __init__(
        self, characters: np.ndarray, labels: np.ndarray, targets: int, sources: int
    ) -> None:
        super().__init__()
        self.sizes = targets, sources
        # plain numbers: sums and differences are faster than products with a table of so few
        self.characters: Signs = tuple(map(tuple, characters.tolist()))  # [chi][h]
        self.of_weights: Signs = tuple(
            map(tuple, characters[:, labels.argsort()].tolist())
        )  # [chi][weight of a block]

    def rearranged(self, index: Tensor) -> Tensor:
        """The index table of a tied matrix for weights [weight of a block, target, source], not
        block by block.
        """
        order = len(self.characters)
        return index % order * (self.sizes[0] * self.sizes[1]) + index // order

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        """(batch, places, n * order) and the weights (m * n * order,) -> (batch, places, m *
        order).
        """
        order = len(self.characters)
        kernels = _transformed(weight.view(order, *self.sizes).unbind(), self.of_weights)
        spectrum = _transformed(x.reshape(-1, self.sizes[1], order).unbind(-1), self.characters)
        y = [
            nn.functional.linear(part / order, kernel)
            for part, kernel in zip(spectrum, kernels, strict=True)
        ]
        columns = tuple(zip(*self.characters, strict=True))  # [h][chi]
        whole = torch.stack(_transformed(tuple(y), columns), -1)
        return whole.reshape(*x.shape[:-1], self.sizes[0] * order)


def _transformed(parts: tuple[Tensor, ...], signs: Signs) -> list[Tensor]:
    """Sums of the parts with each row of signs."""
    sums = []
    for row in signs:
        total = parts[0] if row[0] > 0 else -parts[0]
        for part, sign in zip(parts[1:], row[1:], strict=True):
            total = total + part if sign > 0 else total - part
        sums.append(total)
    return sums


def spectral(target: FieldType, source: FieldType) -> Spectral | None:
    """The product for these types; None where it is not possible or does not pay."""
    if target.base.size * source.base.size > 1 or target.size * source.size < MIN_ENTRIES:
        return None
    group = target.group
    # first: the regular representation of a large group cannot be written down
    table = characters(group)
    if table is None:
        return None
    atom = regular(group)
    blocks = [field.fibre.blocks for field in (target, source)]
    if any(len(block) != 1 or block[0][1] != atom for block in blocks):
        return None
    labels = tie(vector(atom), vector(atom)).index
    assert labels is not None  # the regular representation permutes
    return Spectral(table, labels[0], blocks[0][0][0], blocks[1][0][0])


def characters(group: Group) -> np.ndarray | None:
    """The homomorphisms to +-1, values by element, shape (order, order); None where there are fewer
    than elements.

    >>> from symgen.algebra.catalogue import group
    >>> characters(group("D1")).tolist(), characters(group("C4"))
    ([[1, 1], [1, -1]], None)
    """
    if not 1 < group.order <= 16:
        return None
    table = []
    for signs in product((1, -1), repeat=len(group.generators)):
        image = dict(zip(group.generators, signs, strict=True))

        def value(word: str, image: dict[str, int] = image) -> int:
            return int(np.prod([image[letter] for letter in group.parse(word)], dtype=np.int64))

        if all(value(relation) == 1 for relation in group.relations):
            table.append([value(word) for word in group.elements])
    return np.array(table) if len(table) == group.order else None
