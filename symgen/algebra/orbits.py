"""Orbits of points and of pairs: the weights of every equivariant map are constant on them.

For permutation actions the equivariant linear maps V -> W are the matrices that are constant on the orbits of pairs
(row, column), so dim Hom is the number of those orbits. A signed permutation adds a sign; an orbit that meets its own
negative carries the weight zero. Other orthogonal actions need a null space, solved block by block.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from symgen.algebra.representation import Representation

MAX_BLOCK = 4096
"""Largest product of sizes of two matrix blocks whose intertwiners are solved for."""


def components(size: int, permutations: Sequence[np.ndarray], signatures: Sequence[np.ndarray] = ()) -> np.ndarray:
    """The finest partition of 0..size-1 that the permutations preserve and that merges equal signatures.

    Args:
        size: number of points.
        permutations: index arrays, i goes to p[i].
        signatures: integer arrays of length size; points with equal entries fall together.

    Returns:
        Labels of shape (size,), numbered from 0 in order of first appearance.
    """
    label = np.arange(size)
    classes = [np.unique(signature, return_inverse=True)[1].reshape(-1) for signature in signatures]
    while True:
        previous = label
        for permutation in permutations:
            moved = np.minimum(label, label[permutation])
            label = moved.copy()
            label[permutation] = np.minimum(label[permutation], moved)
        for group in classes:
            least = np.full(group.max(initial=0) + 1, size)
            np.minimum.at(least, group, label)
            label = np.minimum(label, least[group])
        label = label[label]
        if np.array_equal(label, previous):
            return number(label)


def number(labels: np.ndarray) -> np.ndarray:
    """Renumber labels from 0 in order of first appearance, keeping the shape."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse.reshape(-1)].reshape(labels.shape)


def pair_permutation(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The permutation of the flattened pairs (i, j) -> (rows[i], columns[j])."""
    return (rows[:, None] * len(columns) + columns[None, :]).reshape(-1)


def signed_pair_orbits(target: Representation, source: Representation) -> tuple[np.ndarray, np.ndarray]:
    """Weight labels and signs of the equivariant matrices source -> target of signed permutations.

    Returns:
        labels: shape (target.size, source.size); -1 where the weight must vanish.
        signs: same shape, +1 or -1.
    """
    n = target.size * source.size
    doubled = []
    for generator in source.group.generators:
        rows, row_signs = target.signed_permutation(generator)
        columns, column_signs = source.signed_permutation(generator)
        pair = pair_permutation(rows, columns)
        flips = (row_signs[:, None] * column_signs[None, :]).reshape(-1) < 0
        doubled.append(np.concatenate([pair + n * flips, pair + n * ~flips]))
    both = components(2 * n, doubled)
    positive, negative = both[:n], both[n:]
    vanishing = positive == negative
    orbit = np.minimum(positive, negative)
    signs = np.where(positive <= negative, 1.0, -1.0)
    labels = np.full(n, -1, dtype=np.int64)
    labels[~vanishing] = number(orbit[~vanishing])
    shape = (target.size, source.size)
    return labels.reshape(shape), signs.reshape(shape)


@lru_cache(maxsize=256)
def intertwiners(target: Representation, source: Representation) -> np.ndarray:
    """A basis of the equivariant matrices source -> target, shape (dim Hom, target.size, source.size).

    Signed permutations give 0/1/-1 matrices of disjoint support; otherwise an orthonormal null space.

    Raises:
        ValueError: the block is too large to solve for.
    """
    if target.is_signed_permutation and source.is_signed_permutation:
        labels, signs = signed_pair_orbits(target, source)
        return np.where(labels[None] == np.arange(labels.max(initial=-1) + 1)[:, None, None], signs, 0.0)
    if target.size * source.size > MAX_BLOCK:
        raise ValueError(
            f"intertwiners {source} -> {target} are too many to solve for; use permutation representations"
        )
    identity = np.eye(target.size * source.size)
    conditions = [np.kron(target.matrix(g), source.matrix(g)) - identity for g in source.group.generators] or [
        0 * identity
    ]
    _, values, vectors = np.linalg.svd(np.concatenate(conditions), full_matrices=False)
    return vectors[(values < 1e-9)].reshape(-1, target.size, source.size)


def hom_dimension(target: Representation, source: Representation) -> int:
    """dim Hom(source, target), summed over the blocks of both.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.representation import parse
    >>> regular = parse(group("D4"), "2 regular")
    >>> hom_dimension(regular, regular)
    32
    """
    return sum(m * n * len(intertwiners(a, b)) for m, a in target.blocks for n, b in source.blocks)
