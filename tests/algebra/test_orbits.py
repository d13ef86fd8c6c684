"""Intertwiners against the Reynolds projector: averaging over the whole group is the oracle."""

import itertools

import numpy as np
import pytest

from symgen.algebra import orbits
from symgen.algebra.catalogue import group
from symgen.algebra.homomorphism import Representation
from symgen.algebra.orbits import hom_dimension, intertwiners, signed_pair_orbits
from symgen.algebra.representation import parse
from tests.algebra.examples import SMALL, representations
from tests.laws import TOLERANCE, assert_intertwiner, reynolds


def pairs(name):
    return [
        (a, b)
        for a, b in itertools.product(representations(name), repeat=2)
        if a.size * b.size <= 150
    ]


@pytest.mark.parametrize("name", SMALL)
def test_the_basis_spans_the_image_of_the_reynolds_projector(name):
    random = np.random.default_rng(0)
    for target, source in pairs(name):
        basis = intertwiners(target, source)
        count = len(basis)
        for matrix in basis:
            assert_intertwiner(matrix, target, source)
        assert np.allclose(reynolds(basis, target, source), basis, atol=TOLERANCE)
        # Two matrices more than there should be: their averages have exactly that rank.
        average = reynolds(
            random.standard_normal((count + 2, target.size, source.size)), target, source
        )
        rank = np.linalg.matrix_rank(average.reshape(count + 2, -1), tol=1e-9)
        assert rank == count == hom_dimension(target, source), (
            f"{source} -> {target}: {rank} and {count}"
        )
        assert np.linalg.matrix_rank(basis.reshape(count, -1), tol=1e-9) == count if count else True


@pytest.mark.parametrize("name", SMALL)
def test_hom_dimension_is_the_product_of_characters(name):
    words = group(name).elements
    for target, source in pairs(name):
        characters = [np.trace(target.matrix(w)) * np.trace(source.matrix(w)) for w in words]
        assert hom_dimension(target, source) == round(sum(characters) / len(words))


def test_control_what_is_not_equivariant_is_refused():
    regular = parse(group("D4"), "regular")
    matrix = np.random.default_rng(0).standard_normal((8, 8))
    with pytest.raises(AssertionError, match="r: off by"):
        assert_intertwiner(matrix, regular, regular)
    assert_intertwiner(reynolds(matrix, regular, regular), regular, regular)
    with pytest.raises(AssertionError, match="no map"):
        assert_intertwiner(matrix[:7], regular, regular)


def test_control_the_oracle_sees_a_missing_generator(monkeypatch):
    d4 = group("D4")
    monkeypatch.setattr(
        orbits,
        "components",
        lambda n, moves, components=orbits.components: components(n, moves[:1]),
    )
    assert hom_dimension(parse(d4, "regular"), parse(d4, "regular")) == 16  # and not 8


@pytest.mark.parametrize("name", ["C2", "C4", "D3", "D4", "C2 x C4"])
def test_signed_orbits_are_weights_with_signs(name):
    random = np.random.default_rng(0)
    for target, source in pairs(name):
        if not (target.is_signed_permutation and source.is_signed_permutation):
            continue
        labels, signs = signed_pair_orbits(target, source)
        weights = np.append(random.standard_normal(labels.max(initial=-1) + 1), 0.0)
        assert_intertwiner(weights[labels] * signs, target, source)
        assert set(np.unique(signs)) <= {-1.0, 1.0}


def test_an_orbit_that_meets_its_negative_vanishes():
    sign, trivial = parse(group("C2"), "sign"), parse(group("C2"), "trivial")
    assert signed_pair_orbits(trivial, sign)[0].tolist() == [[-1]]
    assert hom_dimension(trivial, sign) == 0
    assert hom_dimension(sign, sign) == 1


@pytest.mark.parametrize(
    ("name", "target", "source", "dimension"),
    [
        ("S128", "permutation", "permutation", 2),
        ("S5", "permutation", "standard", 1),
        ("S5", "standard", "standard", 1),
        ("C512", "regular", "regular", 512),
        ("D512", "regular", "regular", 1024),
        ("C512", "standard", "standard", 2),
        ("D512", "standard", "standard", 1),
        ("D512", "regular", "trivial", 1),
        ("C1", "3 trivial", "4 trivial", 12),
        ("D4", "64 regular", "64 regular", 8 * 64**2),
    ],
)
def test_dimensions_known_by_heart(name, target, source, dimension):
    assert hom_dimension(parse(group(name), target), parse(group(name), source)) == dimension


@pytest.mark.parametrize(
    ("name", "target"), [("C512", "regular"), ("C8", "24 standard"), ("D512", "standard")]
)
def test_solved_intertwiners_are_exact_where_the_angles_are_small(name, target):
    target, source = parse(group(name), target), parse(group(name), "standard")
    basis = intertwiners(target, source)
    assert len(basis) == {"C512": 2, "C8": 48, "D512": 1}[name]
    for matrix in basis:
        assert_intertwiner(matrix, target, source)
    gram = basis.reshape(len(basis), -1) @ basis.reshape(len(basis), -1).T
    assert np.allclose(gram, np.eye(len(basis)), atol=TOLERANCE)


def test_a_null_space_that_is_empty_or_everything():
    c3 = group("C3")
    assert intertwiners(parse(c3, "standard"), parse(c3, "trivial")).shape == (0, 2, 1)
    still = Representation(c3, "still", 2, (np.eye(2) + 1e-17,))
    assert hom_dimension(still, parse(c3, "2 trivial")) == 4
