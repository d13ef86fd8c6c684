"""Orbits of points and of pairs: the weights of every equivariant map are constant on them.

Orbits of points, and orbits joined with a given partition, are the finest partitions that
permutations preserve.

For permutation actions the equivariant linear maps V -> W are the matrices that are constant on the
orbits of pairs (row, column), so dim Hom is the number of those orbits. A signed permutation adds a
sign; an orbit that meets its own negative carries the weight zero. Other orthogonal actions need a
null space, solved block by block.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from symgen.algebra.homomorphism import Representation
from symgen.errors import Refusal

MAX_ENTRIES = 8_388_608
"""Largest number of entries of a matrix whose orbits are counted."""
MAX_BASIS = 16_777_216
"""Largest number of entries of a basis that is written out."""
MAX_BLOCK = 2048
"""Largest product of sizes of two matrix blocks whose intertwiners are solved for (about a second).
"""


def components(
    size: int, permutations: Sequence[np.ndarray], signatures: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """The finest partition of 0..size-1 that the permutations preserve and that merges equal
    signatures.

    Args:
        size: number of points.
        permutations: index arrays, i goes to p[i]. "Preserve" means that each part is a union of
            orbits.
        signatures: integer arrays of length size; points with equal entries fall together.

    Returns:
        Labels of shape (size,), numbered from 0 in order of first appearance.

    >>> components(4, [np.array([1, 0, 2, 3])]).tolist()
    [0, 0, 1, 2]
    >>> components(4, [np.array([1, 0, 2, 3])], [np.array([0, 5, 5, 7])]).tolist()
    [0, 0, 0, 1]
    """
    if not signatures:
        return number(_orbits(size, permutations))
    # from here on only classes are joined: there are far fewer of them than points
    classes = number(signatures[0])
    count = int(classes.max(initial=-1)) + 1
    links = [_class_links(classes, classes[permutation], count) for permutation in permutations]
    for signature in signatures[1:]:
        finer = number(signature)
        links.append((classes, finer + count))
        count += int(finer.max(initial=-1)) + 1
    if not links:
        return classes
    a, b = (np.concatenate(side) for side in zip(*links, strict=True))
    return number(joined(count, a, b)[classes])


def _class_links(a: np.ndarray, b: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The different pairs (a[k], b[k]): mostly a maps whole classes into classes, then one pair
    each is enough.
    """
    image = np.zeros(count, dtype=np.int64)
    image[a] = b
    return (np.arange(count), image) if np.array_equal(image[a], b) else (a, b)


def joined(size: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For each of 0..size-1 the least member of its part in the finest partition that joins every
    a[k] with b[k].
    """
    label: np.ndarray = np.arange(size)
    while True:
        previous = label
        least = np.minimum(label[a], label[b])
        label = label.copy()
        np.minimum.at(label, previous[a], least)
        np.minimum.at(label, previous[b], least)
        while not np.array_equal(label, label[label]):
            label = label[label]
        if np.array_equal(label, previous):
            return label


def _orbits(size: int, permutations: Sequence[np.ndarray]) -> np.ndarray:
    """The same as `joined`, quicker: a permutation meets every point once, so that no two writes
    collide.

    Labels run along each permutation both ways round: one way alone is 35 times slower on a cycle
    of 512.
    """
    label: np.ndarray = np.arange(size)
    while True:
        previous = label
        for permutation in permutations:
            moved = np.minimum(label, label[permutation])
            label = moved.copy()
            label[permutation] = np.minimum(label[permutation], moved)
        label = label[label]
        if np.array_equal(label, previous):
            return label


def number(labels: np.ndarray) -> np.ndarray:
    """Renumber labels from 0 in order of first appearance, keeping the shape.

    >>> number(np.array([7, 3, 7, 9])).tolist()
    [0, 1, 0, 2]
    """
    flat = labels.reshape(-1)
    top = int(flat.max(initial=0)) + 1
    if flat.min(initial=0) < 0 or top > 4 * flat.size + 1024:
        flat = np.unique(flat, return_inverse=True)[1].reshape(-1)
        top = int(flat.max(initial=0)) + 1
    first = np.full(top, flat.size)
    # Of repeated indices the last assignment stays: written backwards, that is the first
    # appearance.
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    order = np.argsort(first, kind="stable")
    rank = np.empty(top, dtype=np.int64)
    rank[order] = np.arange(top)
    result: np.ndarray = rank[flat].reshape(labels.shape)
    return result


def pair_permutation(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The permutation of the flattened pairs (i, j) -> (rows[i], columns[j])."""
    return np.asarray(rows[:, None] * len(columns) + columns[None, :]).reshape(-1)


def signed_pair_orbits(
    target: Representation, source: Representation
) -> tuple[np.ndarray, np.ndarray]:
    """Weight labels and signs of the equivariant matrices source -> target of signed permutations.

    Returns:
        labels: shape (target.size, source.size); -1 where the weight must vanish.
        signs: same shape, +1 or -1.
    """
    n = target.size * source.size
    if n > MAX_ENTRIES:
        raise Refusal(
            f"a matrix {target.size} x {source.size} has more than {MAX_ENTRIES} entries to sort "
            "into orbits",
            code="too-large",
        )
    pairs = []
    flips = []
    for generator in source.group.generators:
        rows, row_signs = target.signed_permutation(generator)
        columns, column_signs = source.signed_permutation(generator)
        pairs.append(pair_permutation(rows, columns))
        flips.append((row_signs[:, None] * column_signs[None, :]).reshape(-1) < 0)
    shape = (target.size, source.size)
    if not any(flip.any() for flip in flips):
        return components(n, pairs).reshape(shape), np.ones(shape)
    # Each pair once with each sign; a generator that flips the sign swaps the two.
    doubled = [
        np.concatenate([p + n * flip, p + n * ~flip]) for p, flip in zip(pairs, flips, strict=True)
    ]
    both = components(2 * n, doubled)
    positive = both[:n]
    negative = both[n:]
    labels = np.full(n, -1, dtype=np.int64)
    labels[positive != negative] = number(np.minimum(positive, negative)[positive != negative])
    return labels.reshape(shape), np.where(positive <= negative, 1.0, -1.0).reshape(shape)


@lru_cache(maxsize=32)
def intertwiners(target: Representation, source: Representation) -> np.ndarray:
    """A basis of the equivariant matrices source -> target, shape (dim Hom, target.size,
    source.size).

    Signed permutations give 0/1/-1 matrices of disjoint support; otherwise an orthonormal null
    space.

    Raises:
        Refusal: the basis is too large to write out or to solve for.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.representation import sign, trivial
    >>> intertwiners(trivial(group("C2")), sign(group("C2"))).shape
    (0, 1, 1)
    """
    sizes = f"{target.size} x {source.size}"
    if not (target.is_signed_permutation and source.is_signed_permutation):
        if target.size * source.size > MAX_BLOCK:
            raise Refusal(
                f"the {sizes} intertwiners of actions that mix coordinates have more than "
                f"{MAX_BLOCK} entries to solve for; use permutation representations",
                code="too-large",
            )
        return _null_space(target, source)
    labels, signs = signed_pair_orbits(target, source)
    count = int(labels.max(initial=-1)) + 1
    if count * labels.size > MAX_BASIS:
        raise Refusal(
            f"{count} intertwiners of {sizes} entries are too many to write out; use their orbits",
            code="too-large",
        )
    return np.where(labels[None] == np.arange(count)[:, None, None], signs, 0.0)


def canonical(vectors: np.ndarray, smallest: float = 1e-6) -> np.ndarray:
    """An orthonormal basis that depends only on the space that the vectors span, shape (rank,
    entries).

    A basis of a null space is as the linear algebra library likes it, and trained weights refer to
    it: on another machine they would mean another map. Here the projections of the coordinate axes
    are orthonormalised in their order.

    Args:
        vectors: shape (vectors, entries).
        smallest: directions shorter than this, relative to the longest, do not count.

    >>> turned = np.array([[3.0, 4.0, 0.0], [4.0, -3.0, 0.0]]) / 5
    >>> (canonical(turned).round(12) + 0.0).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    if not len(vectors):
        return vectors
    _, lengths, rows = np.linalg.svd(vectors, full_matrices=False)
    rows = rows[lengths > smallest * lengths[0]]
    axes = rows.T
    chosen = np.zeros((0, len(rows)))
    # long projections first: short ones would carry the library's rounding errors into the basis
    for least in (0.5, 0.1, 0.01, 1e-4):
        for axis in axes if len(chosen) < len(rows) else ():
            rest = axis - chosen.T @ (chosen @ axis)
            if (length := np.linalg.norm(rest)) > least:
                chosen = np.concatenate([chosen, rest[None] / length])
                if len(chosen) == len(rows):
                    break
    result: np.ndarray = chosen @ rows
    return result


def _null_space(target: Representation, source: Representation) -> np.ndarray:
    """Orthonormal solutions X of T_g X = X S_g for every generator: the null space of sum_g D_g^T
    D_g.
    """
    n = target.size * source.size
    differences = [
        np.kron(target.matrix(g), source.matrix(g)) - np.eye(n) for g in source.group.generators
    ]
    values, vectors = np.linalg.eigh(sum((d.T @ d for d in differences), np.zeros((n, n))))
    # Squares of 2 sin(pi / n), the smallest of which (n = 2048) is 1e-5, are told from rounding
    # errors around 1e-14.
    return canonical(vectors[:, values < 1e-9].T).reshape(-1, target.size, source.size)


def hom_dimension(target: Representation, source: Representation) -> int:
    """dim Hom(source, target), summed over the blocks of both.

    >>> from symgen.algebra.catalogue import group
    >>> from symgen.algebra.representation import parse
    >>> regular = parse(group("D4"), "2 regular")
    >>> hom_dimension(regular, regular)
    32
    """
    return sum(m * n * _block_dimension(a, b) for m, a in target.blocks for n, b in source.blocks)


def _block_dimension(target: Representation, source: Representation) -> int:
    if target.is_signed_permutation and source.is_signed_permutation:
        return int(signed_pair_orbits(target, source)[0].max(initial=-1)) + 1
    return len(intertwiners(target, source))
