"""Coset enumeration: known orders, metamorphic laws, and presentations that lead nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.algebra.catalogue import group, presented
from symgen.algebra.cosets import enumerate_cosets

WORDS = st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=8), min_size=1, max_size=4)


def order_of(words, limit=48):
    try:
        return len(enumerate_cosets(("a", "b"), words, limit)["a"])
    except ValueError:
        return None


@given(WORDS, st.integers(0, 7), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_relations_are_written(words, turn, random):
    turned = [word[turn % len(word) :] + word[: turn % len(word)] for word in words]
    random.shuffle(turned)
    first, second = order_of(words), order_of(turned)
    # Either enumeration may run out of room before the other; where both end they agree.
    assert first == second or None in (first, second)


@given(WORDS)
def test_the_result_acts_regularly_and_satisfies_the_relations(words):
    if order_of(words) is None:
        return
    this = presented(
        ["a", "b"], ["".join(word) for word in words]
    )  # Group refuses a broken relation
    assert len(this.elements) == this.order == this.degree


def test_control_the_orders_do_depend_on_the_relations():
    orders = {
        order_of([list(word) for word in words])
        for words in (["aa", "bb", "abab"], ["aa", "bbb", "abab"], ["a"])
    }
    assert orders == {4, 6, None}


def test_collapse():
    assert presented(["a"], ["a^12", "a^7"]).order == 1
    assert presented(["a", "b"], ["a", "b"]).order == 1
    assert presented(["a"], ["a^6", "", "a^4"]).order == 2


def test_powers_reach_the_bound():
    assert presented(["a"], ["a^2048"]).order == 2048
    assert presented(["a", "b"], ["a^1024", "bb", "abab"]).order == 2048


@pytest.mark.parametrize(
    ("generators", "relations"),
    [
        (["a"], []),
        (["a", "b"], ["aa"]),
        (["a", "b"], ["aba^3b^3"]),
        (["a"], ["a^2049"]),
        (["a"], ["a^9999"] * 6),
        (["a", "b"], ["aa", "bbb", "ab" * 6]),
        (["a", "b"], ["aa", "bb", "ab" * 2000, "ba" * 2001] * 4),
    ],
)
def test_infinite_and_oversized_presentations_are_refused(generators, relations):
    with pytest.raises(ValueError, match=r"relation missing\?|too long|at most 2048|steps"):
        presented(generators, relations)


@pytest.mark.parametrize(
    "generators",
    [["A"], [""], ["ab"], ["a", "a"], ["é"], ["a "], ["1"], ["a_"], [f"a{i}" for i in range(33)]],
)
def test_bad_generators_are_refused(generators):
    with pytest.raises(ValueError, match=r"cannot name a generator|the same name|more than"):
        presented(generators, [])


def test_names():
    assert str(presented(["a"], ["aa"])) == "<a | aa>"
    assert str(presented(["a"], ["aa"], "two")) == "two"
    assert len(str(presented(["a"], ["aa"] * 200))) < 40
    assert presented(["r"], ["r^4"], "C4") != group("D4")
