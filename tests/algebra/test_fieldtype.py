"""Field types: the law of the action, printing, gathers, orbits of entries."""

import itertools

import numpy as np
import pytest

from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse, vector
from symgen.algebra.representation import parse as fibre
from tests.algebra.examples import SMALL, base_examples, representations
from tests.laws import assert_representation


def fields(name):
    """Every base with every fibre, as long as it is small."""
    pairs = itertools.product(base_examples(name), representations(name))
    return [FieldType(base, each) for base, each in pairs if base.size * each.size <= 60]


def features(field, count=2):
    return np.random.default_rng(0).standard_normal((count, *field.shape))


@pytest.mark.parametrize("name", SMALL)
def test_the_action_is_the_law_and_a_left_action(name):
    this = group(name)
    for field in fields(name):
        x = features(field)
        assert np.array_equal(field.act("", x), x)
        for a in this.generators:
            moved = field.act(a, x)
            for place in range(field.base.size):  # (g.x)[p(i)] = rho(g) x[i]
                expected = x[:, place] @ field.fibre.matrix(a).T
                assert np.allclose(moved[:, field.base.permutation(a)[place]], expected, atol=1e-12)
            for b in this.generators:
                assert np.allclose(field.act(a + b, x), field.act(a, field.act(b, x)), atol=1e-12)


def test_control_the_other_order_is_no_left_action():
    field = parse(group("D4"), "grid 3x3: standard")
    x = features(field)
    assert not np.allclose(field.act("rs", x), field.act("s", field.act("r", x)))


@pytest.mark.parametrize("name", SMALL)
def test_the_printed_form_parses_back(name):
    for field in fields(name):
        assert parse(group(name), str(field)) == field


@pytest.mark.parametrize("name", SMALL)
def test_gather_and_representation_agree_with_the_action(name):
    for field in fields(name):
        x = features(field)
        assert_representation(field.as_representation)
        for word in (*group(name).generators, "".join(group(name).generators)):
            moved = field.act(word, x).reshape(2, -1)
            assert np.allclose(
                field.as_representation.act(word, x.reshape(2, -1)), moved, atol=1e-12
            )
            if field.fibre.is_signed_permutation:
                index, sign = field.gather(word)
                assert np.array_equal(sign * x.reshape(2, -1)[:, index], moved)


@pytest.mark.parametrize("name", SMALL)
def test_scaling_commutes_exactly_where_it_is_constant_on_the_entry_orbits(name):
    for field in fields(name):
        x, orbits = features(field), field.entry_orbits
        scale = np.random.default_rng(1).uniform(1, 2, orbits.max() + 1)
        error = max(
            (commutator(field, scale[orbits], g, x) for g in group(name).generators), default=0.0
        )
        assert error <= 1e-12
        for orbit in np.flatnonzero(np.bincount(orbits.reshape(-1)) > 1):
            # Control, and minimality: scaling one entry of an orbit alone does not commute.
            broken = scale[orbits]
            broken.reshape(-1)[np.flatnonzero(orbits == orbit)[0]] += 1
            assert max(commutator(field, broken, g, x) for g in group(name).generators) > 1e-3


def commutator(field, scale, word, x):
    return np.abs(field.act(word, scale * x) - scale * field.act(word, x)).max()


def test_entry_orbits_are_joint_orbits_of_place_and_channel():
    assert parse(group("D1"), "tokens 2: regular").entry_orbits.tolist() == [[0, 1], [1, 0]]
    assert (
        parse(group("C3"), "tokens 3: standard + trivial").entry_orbits.tolist() == [[0, 0, 1]] * 3
    )


def test_is_trivial():
    assert parse(group("D4"), "point: 3 trivial").is_trivial
    assert parse(group("C1"), "grid 3x3: 3 trivial").is_trivial
    assert not parse(group("D4"), "grid 3x3: 3 trivial").is_trivial
    assert not parse(group("D4"), "point: regular").is_trivial


def test_large_fields_stay_small():
    field = parse(group("D4"), "grid 64x64: regular")
    assert field.as_representation.size == 64 * 64 * 8
    assert field.entry_orbits.max() == 64 * 64 - 1  # the regular fibre makes the action free


@pytest.mark.parametrize("shape", [(9, 2), (4, 2, 9), (9, 1), (18,), (8, 2)])
def test_features_of_another_shape_are_refused(shape):
    field = parse(group("D4"), "grid 3x3: standard")
    if shape == (9, 2):
        field.act("r", np.zeros(shape))
        return
    with pytest.raises(ValueError, match=r"has shape \(\.\.\., 9, 2\)"):
        field.act("r", np.zeros(shape))


def test_a_fibre_that_mixes_channels_has_no_gather():
    with pytest.raises(ValueError, match="does not permute channels"):
        parse(group("C3"), "tokens 3: standard").gather("r")


def test_base_and_fibre_are_of_one_group():
    with pytest.raises(ValueError, match="moved by C4, the fibre by D4"):
        FieldType(base_examples("C4")[0], fibre(group("D4"), "trivial"))


def test_vector():
    field = vector(fibre(group("D4"), "2 standard"))
    assert str(field) == "point: 2 standard"
    assert field.as_representation == field.fibre


@pytest.mark.parametrize(
    "text", ["", ":", "point", "point:", ": trivial", "grid 3x3 trivial", "point: x: y"]
)
def test_texts_that_cannot_be_read_are_refused(text):
    with pytest.raises(ValueError, match="cannot read"):
        fieldtypes.parse(group("D4"), text)
