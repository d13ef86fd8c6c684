"""`group:` -> Group."""

import time

import pytest


def test_named(solve):
    assert solve(group="C2 x D1").group.generators == ("r", "s")


def test_presented(solve):
    group = solve(group={"generators": ["a", "b"], "relations": ["aa", "b^3", "abab"]}).group
    assert group.order == 6
    assert group.generators == ("a", "b")


@pytest.mark.parametrize(
    ("written", "code", "hint"),
    [
        ("c4", "unknown-group", "did you mean 'C4'?"),
        ("Z4", "unknown-group", "did you mean 'C4'?"),
        ("C_4", "unknown-group", "did you mean 'C4'?"),
        ("C 4", "unknown-group", "did you mean 'C4'?"),
        ("C4v", "unknown-group", "did you mean 'D4'?"),
        ("C2xC4", "unknown-group", "did you mean 'C2 x C4'?"),
        ("C2*C4", "unknown-group", "did you mean 'C2 x C4'?"),
        ("SO(3)", "unknown-group", "C8 or D8"),
        ("SO(2)", "unknown-group", "SO2"),
        ("E(3)", "unknown-group", "C8 or D8"),
        ("Q8", "unknown-group", "generators: [...]"),
        ("", "unknown-group", "generators: [...]"),
        ("C4" * 1000, "unknown-group", ""),
        ("D0", "too-large", "within"),
        ("C100000", "too-large", "within"),
        ("C2 x C2 x C2 x C2 x C2", "too-large", "within"),
    ],
)
def test_unknown_names(mistakes, written, code, hint):
    (mistake,) = mistakes(group=written)
    assert (mistake.code, hint in mistake.hint) == (code, True), str(mistake)
    assert len(mistake.message) < 200


@pytest.mark.parametrize(
    ("generators", "relations", "codes"),
    [
        (["S"], [], ["bad-presentation"]),
        (["rs"], [], ["bad-presentation"]),
        (["r", "r"], ["rr"], ["bad-presentation"]),
        (["a", "B", "3"], ["aa"], ["bad-presentation", "bad-presentation"]),
        (["a"], ["aa", "aaa"], ["bad-presentation"]),
        (["a"], ["ab"], ["unknown-generator"]),
        (["a"], ["a a", "a-a", "aa!"], ["bad-word", "bad-word"]),
        (["a"], ["a^-1"], ["bad-word"]),
        (["a"], ["a^99999"], ["bad-word"]),
        (["a"], [], ["too-large"]),
        (["a", "b"], ["aa", "bb"], ["too-large"]),
        (["a"], ["a^9999"], ["too-large"]),
        (["a", "b"], ["a^600", "b^600"], ["too-large"]),
    ],
)
def test_bad_presentations(mistakes, generators, relations, codes):
    start = time.perf_counter()
    told = mistakes(group={"generators": generators, "relations": relations})
    assert [mistake.code for mistake in told] == codes
    assert time.perf_counter() - start < 5
