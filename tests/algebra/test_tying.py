"""Tying tables: every table is an equivariant matrix, and there are dim Hom weights."""

import itertools

import numpy as np
import pytest

from symgen.algebra import tying
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.algebra.orbits import hom_dimension
from symgen.algebra.tying import Tying, bias, linear_weights, tie
from tests.algebra.examples import SMALL, base_examples, representations
from tests.laws import assert_intertwiner, reynolds


def fields(name):
    pairs = itertools.product(base_examples(name), representations(name))
    return [FieldType(base, fibre) for base, fibre in pairs if base.size * fibre.size <= 16][::2]


def matrix_of(table: Tying, weights):
    """The slow obvious twin of nn.tied_linear."""
    matrix = np.zeros(table.shape)
    if table.index is not None:
        sign = np.ones(table.shape) if table.sign is None else table.sign
        for place in np.ndindex(table.shape):
            if table.index[place] >= 0:
                matrix[place] = weights[table.index[place]] * sign[place]
        return matrix
    left = iter(weights)
    for block in table.blocks:
        for rows, columns, basis in itertools.product(block.rows, block.columns, block.basis):
            matrix[np.ix_(rows, columns)] += next(left) * basis
    return matrix


@pytest.mark.parametrize("name", SMALL)
def test_tables_are_all_equivariant_matrices(name):
    random = np.random.default_rng(0)
    for target, source in itertools.product(fields(name), repeat=2):
        if target.size * source.size > 100:
            continue
        table, ends = tie(target, source), (target.as_representation, source.as_representation)
        matrix = matrix_of(table, random.standard_normal(table.weights))
        assert_intertwiner(matrix, *ends)
        average = reynolds(random.standard_normal((table.weights + 2, *table.shape)), *ends)
        rank = np.linalg.matrix_rank(average.reshape(table.weights + 2, -1), tol=1e-9)
        assert (
            table.weights
            == rank
            == hom_dimension(*ends)
            == linear_weights(target, source, with_bias=False)
        )


@pytest.mark.parametrize("name", ["C3", "D4"])
def test_the_weights_are_independent(name):
    for target, source in itertools.product(fields(name), repeat=2):
        if target.size * source.size <= 60:
            table = tie(target, source)
            columns = [matrix_of(table, unit).reshape(-1) for unit in np.eye(table.weights)]
            assert (
                np.linalg.matrix_rank(np.array(columns)) == table.weights
                if columns
                else table.weights == 0
            )
            assert np.isclose(table.entries, sum((column**2).sum() for column in columns))


def test_control_a_swapped_weight_is_noticed():
    field = parse(group("D4"), "grid 3x3: trivial + standard")
    table = tie(field, field)
    matrix = matrix_of(table, np.arange(1.0, table.weights + 1))
    matrix[0, 3] += 0.1
    with pytest.raises(AssertionError, match="off by"):
        assert_intertwiner(matrix, field.as_representation, field.as_representation)


def test_bias_and_scope():
    d4 = group("D4")
    field = parse(d4, "grid 3x3: 2 trivial + regular + sign")
    assert bias(field).shape == (field.size, 1)
    # Corners, edges and the centre, twice; 9 orbits of (place, channel); a mirror fixes each place:
    # no weight for sign.
    assert (
        bias(field).weights
        == 3 * 2 + 9
        == linear_weights(field, field) - linear_weights(field, field, with_bias=False)
    )
    point = parse(d4, "point: 2 trivial + regular + sign")
    assert linear_weights(field, field, "place") == linear_weights(point, point)


def test_counting_writes_no_table(monkeypatch):
    monkeypatch.setattr(tying, "tie", None)
    field = parse(group("D4"), "grid 9x9: 64 regular")
    assert linear_weights(field, field, with_bias=False) == 64**2 * 8 * 81**2
