"""Matrices typed with a few digits become an exact representation, the nearest one.

If rho is a homomorphism up to errors of size e, then the average over the group of rho(g h)
rho(h)^-1 is one up to errors of size e^2 (Kazhdan 1982, "On epsilon-representations"), so that a
few rounds reach machine precision.
"""

import re

import numpy as np

from symgen.algebra.group import MAX_ELEMENTS, Group

TYPED = 1e-5
"""Largest deviation from a representation that is put down to rounding."""
MAX_ENTRIES = 4_194_304
"""Largest number of matrix entries, over all elements, that are averaged."""

Matrices = dict[str, np.ndarray]


def refined(group: Group, images: Matrices) -> Matrices:
    """The orthogonal representation next to these matrices, one (d, d) matrix per generator.

    Matrices that are exact already, that are far from any representation, or that are too many to
    average are returned as they are.

    >>> from symgen.algebra.catalogue import group
    >>> turn = refined(group("C3"), {"r": np.array([[-0.5, -0.8660254], [0.8660254, -0.5]])})["r"]
    >>> bool(abs(turn[1, 0] - 3**0.5 / 2) < 1e-15)
    True
    """
    size = max((len(image) for image in images.values()), default=0)
    if (
        group.order > MAX_ELEMENTS
        or group.order * size**2 > MAX_ENTRIES
        or not 1e-14 < deviation(group, images) < TYPED
    ):
        return images
    for _ in range(3):
        every = _elements(group, images)
        averages = {
            g: np.tensordot(every[group.left_multiplication[g]], every, ([0, 2], [0, 2]))
            for g in images
        }
        images = {g: _orthogonal(average) for g, average in averages.items()}
    return images


def deviation(group: Group, images: Matrices) -> float:
    """Largest entry by which the matrices miss being orthogonal or, if they are, a relation."""
    error = max((stretch(image) for image in images.values()), default=0.0)
    if error < TYPED and images:  # powers of other matrices may overflow
        identity = np.eye(len(next(iter(images.values()))))
        for relation in group.relations:
            product = group.evaluate(relation, images, np.matmul, identity)
            error = max(error, float(np.abs(product - identity).max()))
    return error


def stretch(matrix: np.ndarray) -> float:
    """Largest entry by which M M^T misses the identity; infinite where no orthogonal matrix has
    such entries.
    """
    if not (np.abs(matrix) <= 2).all():  # not a number, infinite, or large enough to overflow
        return np.inf
    return float(np.abs(matrix @ matrix.T - np.eye(len(matrix))).max())


def _elements(group: Group, images: Matrices) -> np.ndarray:
    """The matrix of every listed element, shape (order, d, d)."""
    size = len(next(iter(images.values())))
    before = {g: np.argsort(group.left_multiplication[g]) for g in images}
    every = np.empty((group.order, size, size))
    every[0] = np.eye(size)
    # a shortest word is one letter before a shorter word
    for index, word in enumerate(group.elements[1:], 1):
        first = re.match(r"[a-z][0-9]*", word)
        assert first is not None
        every[index] = images[first[0]] @ every[before[first[0]][index]]
    return every


def _orthogonal(matrix: np.ndarray) -> np.ndarray:
    """The orthogonal matrix next to this one: its polar factor."""
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)
