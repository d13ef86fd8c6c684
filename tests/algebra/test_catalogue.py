"""Names, orders and presentations of the catalogue."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.algebra.catalogue import group, presented, product
from tests.algebra.examples import CATALOGUE
from tests.laws import assert_group


@pytest.mark.parametrize("name", [name for name in CATALOGUE if group(name).order <= 720])
def test_the_relations_present_the_group(name):
    this = group(name)
    assert presented(this.generators, this.relations).order == this.order


def test_control_without_a_relation_it_is_another_group():
    d4 = group("D4")
    assert presented(d4.generators, [*d4.relations[:2], "rsrsrs"]).order == 24


def test_symmetric_groups_are_presented_up_to_6():
    s6 = group("S6")
    assert presented(s6.generators, s6.relations).order == math.factorial(6)


@pytest.mark.parametrize(
    ("name", "order", "generators"),
    [
        ("C1", 1, ()),
        ("C12", 12, ("r",)),
        ("D1", 2, ("s",)),
        ("D7", 14, ("r", "s")),
        ("S1", 1, ()),
        ("S2", 2, ("s",)),
        ("S5", 120, ("s", "c")),
        ("C512", 512, ("r",)),
        ("D512", 1024, ("r", "s")),
        ("C4 x C4 x C4", 64, ("r", "r2", "r3")),
        ("S3 x C4 x S3", 144, ("s", "c", "r", "s3", "c3")),
        ("C512 x D512", 512 * 1024, ("r", "r2", "s")),
    ],
)
def test_orders_and_generators(name, order, generators):
    assert (group(name).order, group(name).generators) == (order, generators)


def test_names_are_canonical():
    assert group("C04") == group("C4")
    assert group("  D4  ") == group("D4")
    assert str(group("C2 x  C4")) == "C2 x C4"


def test_factors_commute():
    this = group("D4 x S3")
    for a in this.generators[:2]:
        for b in this.generators[2:]:
            assert this.element(a + b) == this.element(b + a)
    assert this.element("rs") != this.element("sr")


def test_generator_names_of_products_never_clash():
    first = presented(["r", "r2"], ["rr", "r2r2", "rr2rr2"])
    this = product(first, product(group("C2"), presented(["r", "r7"], ["rr", "r7r7", "rr7rr7"])))
    assert len(set(this.generators)) == 5
    assert_group(this)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "C",
        "4",
        "C0",
        "D0",
        "S0",
        "C-1",
        "c4",
        "C4x",
        "C4xC4",
        "C4 x ",
        " x C4",
        "E8",
        "C٤",
        "C1.5",
        "D4 ×  C2",
    ],
)
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=r"unknown group|must lie between"):
        group(name)


@pytest.mark.parametrize(
    "name", ["C513", "D513", "S513", "C999999", "C9999999", " x ".join(["C2"] * 5)]
)
def test_oversized_names_are_refused(name):
    with pytest.raises(ValueError, match=r"between 1 and|at most 4|unknown group"):
        group(name)


@given(st.text(alphabet="CDS x0123456789", max_size=12))
def test_any_name_is_a_group_or_a_value_error(name):
    with suppress(ValueError):
        assert group(name).order >= 1
