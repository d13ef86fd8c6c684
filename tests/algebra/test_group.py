"""Group laws over the catalogue, and what words and groups refuse."""

import dataclasses
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.algebra.catalogue import group
from symgen.algebra.group import MAX_LETTERS, Group, Planar
from tests.algebra.examples import CATALOGUE, PRESENTED
from tests.laws import assert_group


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue_groups_are_groups(name):
    assert_group(group(name))


@pytest.mark.parametrize("name", PRESENTED)
def test_presented_groups_are_groups(name):
    found, order = PRESENTED[name]
    assert_group(found)
    assert found.order == order


def test_control_the_law_refuses_a_wrong_order():
    with pytest.raises(AssertionError, match="order"):
        assert_group(dataclasses.replace(group("D4"), known_order=9))


def test_control_the_law_refuses_a_wrong_inverse(monkeypatch):
    monkeypatch.setattr(Group, "inverse", lambda self, word: word)
    with pytest.raises(AssertionError, match="undo"):
        assert_group(group("C4"))


def test_a_broken_relation_is_named():
    with pytest.raises(ValueError, match="relation rrr does not hold"):
        Group("wrong", ("r",), ("rrr",), {"r": (1, 0)})


@pytest.mark.parametrize("images", [{"r": (0, 0)}, {"r": (1, 2)}, {"r": (0, 1), "s": (0, 1)}, {}])
def test_what_is_no_permutation_per_generator_is_refused(images):
    with pytest.raises(ValueError, match="permutation"):
        Group("wrong", ("r",), (), images)


def test_words_are_products_read_as_compositions():
    d4 = group("D4")
    r, s = d4.permutation("r"), d4.permutation("s")
    assert d4.permutation("rs") == tuple(r[s[i]] for i in range(4))
    assert d4.permutation("rs") != d4.permutation("sr")
    assert d4.parse(" r^2 s ") == d4.parse("rrs") == ("r", "r", "s")
    assert d4.parse("r^0") == d4.parse("") == ()


@pytest.mark.parametrize(
    "word", ["x", "R", "r!", "r^", "r^-1", "r2", "^2", "rs,", "r^²", "r٣", "\x00"]
)
def test_words_that_cannot_be_read_are_refused(word):
    with pytest.raises(ValueError, match=r"word|generator"):
        group("D4").parse(word)


def test_a_long_word_is_refused():
    group("C4").parse("r" * MAX_LETTERS)
    with pytest.raises(ValueError, match="too long"):
        group("C4").parse("r^9999" * 7)


@given(st.lists(st.sampled_from(["r", "s", "r^3", "rs"]), max_size=12).map("".join))
def test_inverse_undoes(word):
    d6 = group("D6")
    assert d6.element(d6.inverse(word) + word) == d6.element(word + d6.inverse(word)) == ""


@given(st.text(max_size=8))
def test_any_text_is_a_word_or_a_value_error(word):
    with suppress(ValueError):
        assert len(group("D4").permutation(word)) == 4


@pytest.mark.parametrize("name", ["C4", "D3", "S4", "C2 x C4"])
def test_multiplication_tables(name):
    this = group(name)
    for a in this.generators:
        left, right = this.left_multiplication[a], this.right_multiplication(a)
        for index, word in enumerate(this.elements):
            assert this.elements[left[index]] == this.element(a + word)
            assert this.elements[right[index]] == this.element(word + a)
        for b in this.generators:  # left and right multiplication commute: associativity
            assert np.array_equal(
                left[this.right_multiplication(b)], this.right_multiplication(b)[left]
            )


def test_groups_of_one_name_are_equal_only_if_they_are_the_same():
    impostor = Group("C2", ("r",), ("r^2",), {"r": (1, 0, 3, 2)})
    assert impostor != group("C2")
    assert group("C2") == Group(
        "C2", ("r",), ("r^2",), {"r": (1, 0)}, planar=Planar(2, mirrors=False)
    )
    assert group("C2") != Group("C2", ("r",), ("r^2",), {"r": (1, 0)})  # it moves no plane
    assert len({impostor, group("C2")}) == 2


def test_order_is_known_without_listing():
    assert group("S128").order > 10**200
    with pytest.raises(ValueError, match=r"about 10\^215 elements"):
        _ = group("S128").elements


def test_an_unbounded_group_stops_listing():
    cycle = tuple((i + 1) % 12 for i in range(12))
    symmetric12 = Group("big", ("s", "c"), (), {"s": (1, 0, *range(2, 12)), "c": cycle})
    with pytest.raises(ValueError, match="more than 2048"):
        _ = symmetric12.elements
