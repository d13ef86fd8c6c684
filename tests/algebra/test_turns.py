"""irrep(k), and SO2 and O2 as 64 turns: within the band limit nothing is lost."""

from itertools import pairwise

import numpy as np
import pytest

from symgen.algebra import catalogue
from symgen.algebra.catalogue import group, presented
from symgen.algebra.fieldtype import vector
from symgen.algebra.group import Planar
from symgen.algebra.orbits import intertwiners
from symgen.algebra.representation import (
    check_relations,
    irrep,
    matrix,
    parse,
    permutation,
    signed_permutation,
    standard,
)
from symgen.algebra.tying import tie
from tests.laws import assert_representation


@pytest.mark.parametrize("name", ["C3", "C5", "C8", "D3", "D4", "D8", "SO2", "O2"])
def test_irreps_are_irreducible_and_different(name):
    this = group(name)
    top = catalogue.MAX_FREQUENCY if this.is_continuous else (this.planar.turns - 1) // 2
    found = [irrep(this, k) for k in range(1, top + 1)]
    for one in found:
        check_relations(one)
        assert parse(this, str(one)) == one
        # the commutant of a turn is (a, -b; b, a); mirrors leave its multiples of the identity
        assert len(intertwiners(one, one)) == (1 if this.planar.mirrors else 2)
    for one, other in pairwise(found):
        assert len(intertwiners(one, other)) == 0


def test_irreps_are_the_harmonics_of_the_plane():
    """irrep(k)(g) moves (cos k t, sin k t) as the standard representation moves the angle t."""
    for name in ("D8", "O2"):
        this = group(name)
        for k in (1, 2, 3):
            for g in this.generators:
                for t in np.linspace(0, 2 * np.pi, 7):
                    x, y = standard(this).matrix(g) @ [np.cos(t), np.sin(t)]
                    moved = k * np.arctan2(y, x)
                    expected = irrep(this, k).matrix(g) @ [np.cos(k * t), np.sin(k * t)]
                    assert np.allclose([np.cos(moved), np.sin(moved)], expected)


def test_exact_quarter_turns():
    assert irrep(group("C8"), 2).is_signed_permutation
    assert not irrep(group("C8"), 1).is_signed_permutation


@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_all_turns_are_groups(name):
    this = group(name)
    assert this.name == name
    assert this.is_continuous
    assert_representation(parse(this, "2 trivial + irrep(1) + irrep(15) + sign()"))
    assert_representation(standard(this))
    assert not group("C64").is_continuous
    assert not presented(["r"], ["r^32"], "SO2").is_continuous
    assert presented(["r"], ["r^4"], "C8").planar is None
    assert group("D4").planar == Planar(4, mirrors=True)
    assert group("SO2").planar == Planar(64, mirrors=False, continuous=True)
    assert group("S3").planar is None
    assert group("C4 x C2").planar is None


def test_maps_between_irreps_commute_with_every_angle():
    """The reason for the band limit: 64 turns see all that any turn sees."""
    this = group("SO2")
    target, source = (
        parse(this, "irrep(1) + irrep(14) + trivial"),
        parse(this, "irrep(14) + 2 trivial + irrep(1)"),
    )
    table = tie(vector(target), vector(source))
    assert table.weights == 2 + 2 + 2

    def plane_turned(t):
        return np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])

    def turn(names, t):
        blocks = [np.eye(1) if k == 0 else plane_turned(k * t) for k in names]
        result, start = np.zeros((5 if len(names) == 3 else 6,) * 2), 0
        for block in blocks:
            result[start : start + len(block), start : start + len(block)] = block
            start += len(block)
        return result

    dense = np.zeros(table.shape)
    for block in table.blocks:
        weight = np.random.default_rng(0).standard_normal(
            (len(block.rows), len(block.columns), len(block.basis))
        )
        for i, rows in enumerate(block.rows):
            for j, columns in enumerate(block.columns):
                dense[np.ix_(rows, columns)] += np.tensordot(weight[i, j], block.basis, 1)
    for t in (0.1, 1.234, 3.0):
        moved = turn((1, 14, 0), t) @ dense - dense @ turn((14, 0, 0, 1), t)
        assert np.abs(moved).max() < 1e-12
    wrong = turn((1, 14, 0), 0.1) @ dense - dense @ turn((14, 0, 0, 2), 0.1)
    assert np.abs(wrong).max() > 1e-2


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: parse(group("SO2"), "regular"), "no regular representation"),
        (lambda: parse(group("O2"), "quotient(s)"), "no quotient representation"),
        (lambda: parse(group("SO2"), "permutation"), "no permutation representation"),
        (lambda: parse(group("SO2"), "irrep(16)"), "1 to 15"),
        (lambda: parse(group("C8"), "irrep(4)"), "1 to 3"),
        (lambda: parse(group("C2"), "irrep(1)"), "none"),
        (lambda: parse(group("C8"), "irrep"), "needs its frequency"),
        (lambda: parse(group("S3"), "irrep(1)"), "give matrices"),
        (lambda: parse(group("SO2"), "sign(r)"), "frequency 32"),
        (lambda: permutation(group("SO2"), {"r": [1, 0]}), "frequency 32"),
        (lambda: signed_permutation(group("SO2"), {"r": [2, -1]}), "frequency 16"),
        (lambda: matrix(group("SO2"), {"r": [[-1.0]]}), "frequency 32"),
        (lambda: group("SO2 x C2"), "stand alone"),
    ],
)
def test_refused(make, what):
    with pytest.raises(ValueError, match=what):
        make()
