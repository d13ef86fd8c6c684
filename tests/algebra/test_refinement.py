"""Typed matrices become exact representations; what is no representation stays refused."""

import numpy as np
import pytest

from symgen.algebra.catalogue import group
from symgen.algebra.homomorphism import Representation
from symgen.algebra.refinement import TYPED, deviation, refined
from symgen.algebra.representation import matrix, parse
from tests.laws import assert_representation


def rotated(name, text, digits):
    """A representation in a skew orthonormal basis, rounded to some digits."""
    exact = parse(group(name), text)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((exact.size, exact.size)))[0]
    images = zip(exact.group.generators, exact.images, strict=True)
    return (
        {g: basis @ image @ basis.T for g, image in images}
        if digits is None
        else {g: np.round(basis @ image @ basis.T, digits) for g, image in images}
    )


@pytest.mark.parametrize("digits", [6, 8, 12])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("C3", "standard"),
        ("C7", "standard"),
        ("D6", "standard"),
        ("D4", "regular"),
        ("S4", "standard + sign"),
        ("C512", "standard"),
    ],
)
def test_typed_matrices_become_exact(name, text, digits):
    images = rotated(name, text, digits)
    if (
        deviation(group(name), images) > TYPED
    ):  # 512 turns by an angle of six digits: too far from the identity
        assert (name, digits) == ("C512", 6)
        return
    representation = matrix(group(name), images)
    assert_representation(representation, 1e-12)
    away = max(
        np.abs(representation.matrix(g) - image).max()
        for g, image in rotated(name, text, None).items()
    )
    assert away < 20 * 10.0**-digits
    assert parse(group(name), str(representation)) == representation


def test_errors_shrink_quadratically_to_machine_precision():
    images = rotated("D6", "standard", None)
    images["r"] += 3e-6 * np.random.default_rng(1).standard_normal((2, 2))
    assert TYPED / 10 < deviation(group("D6"), images) < TYPED
    assert deviation(group("D6"), refined(group("D6"), images)) < 2e-15


def test_control_without_refinement_they_are_refused():
    images = rotated("C3", "standard", 6)
    assert 1e-8 < deviation(group("C3"), images) < TYPED
    with pytest.raises(AssertionError, match="off by"):
        assert_representation(Representation(group("C3"), "raw", 2, (images["r"],)))


def test_exact_matrices_are_left_alone():
    images = {"r": np.array([[0.0, -1.0], [1.0, 0.0]])}
    assert refined(group("C4"), images) is images
    assert parse(group("C4"), "matrix(r=0 -1; 1 0)").kind == "signed"


@pytest.mark.parametrize(
    "text",
    ["matrix(r=-0.5 -0.866; 0.866 -0.5)", "matrix(r=0.6 -0.8; 0.8 0.6)", "matrix(r=1 1e-3; 0 1)"],
)
def test_what_is_no_representation_is_refused(text):
    with pytest.raises(ValueError, match=r"not orthogonal|relation r\^3"):
        parse(group("C3"), text)


def test_matrices_without_end_are_refused():
    for number in ("nan", "inf", "1e200", "1e300"):
        with pytest.raises(ValueError, match="not orthogonal"):
            parse(group("D4"), f"matrix(r={number}, s=1)")


def test_a_group_too_large_to_average_wants_exact_matrices():
    exact = parse(group("S12"), "standard")
    assert_representation(matrix(group("S12"), dict(zip("sc", exact.images, strict=True))), 1e-11)
    rounded = {g: np.round(image, 6) for g, image in zip("sc", exact.images, strict=True)}
    with pytest.raises(ValueError, match="not orthogonal"):
        matrix(group("S12"), rounded)
