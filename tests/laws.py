"""The laws that values must satisfy, each as one assertion. Every law has a test with a control
that it refuses.
"""

import numpy as np

from symgen.algebra.group import Group
from symgen.algebra.representation import Representation

TOLERANCE = 1e-12
"""Float64 products of a few orthogonal matrices."""


def assert_group(group: Group) -> None:
    """The listed elements form a group of the stated order in which every relation holds."""
    elements = group.elements
    images = {word: group.permutation(word) for word in elements}
    assert elements[0] == "", "the identity comes first"
    assert len(set(images.values())) == len(elements) == group.order, (
        f"{group}: order {group.order} of {len(elements)}"
    )
    for relation in group.relations:
        assert group.element(relation) == "", f"{group}: {relation} is {group.element(relation)!r}"
    for word in elements:
        inverse, length = group.inverse(word), len(group.parse(word))
        assert group.element(inverse + word) == "", f"{group}: {inverse!r} does not undo {word!r}"
        for g in group.generators:
            product = tuple(group.permutation(g)[i] for i in images[word])
            assert group.permutation(g + word) == product, f"{group}: {g}{word} is no composition"
            assert len(group.parse(group.element(g + word))) <= length + 1, (
                f"{group}: {g}{word} has a longer word"
            )


def assert_representation(representation: Representation, tolerance: float = 1e-11) -> None:
    """Every relation holds, every matrix is orthogonal, and `act`, `matrix` and
    `signed_permutation` agree.
    """
    group, identity = representation.group, np.eye(representation.size)
    vectors = np.random.default_rng(0).standard_normal((3, representation.size))
    for relation in group.relations:
        _close(
            representation.matrix(relation),
            identity,
            tolerance,
            f"{representation}: relation {relation}",
        )
    for g in group.generators:
        matrix = representation.matrix(g)
        _close(matrix @ matrix.T, identity, tolerance, f"{representation}: {g} is not orthogonal")
        _close(
            matrix @ representation.matrix(group.inverse(g)),
            identity,
            tolerance,
            f"{representation}: inverse of {g}",
        )
        _close(
            representation.act(g, vectors),
            vectors @ matrix.T,
            tolerance,
            f"{representation}: act({g})",
        )
        for h in group.generators:
            product = matrix @ representation.matrix(h)
            _close(
                representation.matrix(g + h),
                product,
                tolerance,
                f"{representation}: {g}{h} is no product",
            )
            twice = representation.act(g, representation.act(h, vectors))
            _close(
                representation.act(g + h, vectors),
                twice,
                tolerance,
                f"{representation}: act({g}{h}) is no left action",
            )


def assert_intertwiner(matrix: np.ndarray, target: Representation, source: Representation) -> None:
    """T_g X = X S_g for every generator g."""
    assert matrix.shape == (target.size, source.size), (
        f"{matrix.shape} is no map {source} -> {target}"
    )
    for g in source.group.generators:
        _close(
            target.matrix(g) @ matrix,
            matrix @ source.matrix(g),
            TOLERANCE,
            f"{source} -> {target}: {g}",
        )


def reynolds(matrices: np.ndarray, target: Representation, source: Representation) -> np.ndarray:
    """The projector onto the intertwiners, by averaging over the whole group: the oracle of every
    linear layer.

    Args:
        matrices: shape (..., target.size, source.size).
    """
    words = source.group.elements
    return sum(target.matrix(w) @ matrices @ source.matrix(w).T for w in words) / len(words)


def _close(actual: np.ndarray, expected: np.ndarray, tolerance: float, what: str) -> None:
    error = np.abs(actual - expected).max(initial=0.0)
    assert error <= tolerance, f"{what}: off by {error:.1e}"
