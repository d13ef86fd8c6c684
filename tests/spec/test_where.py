"""Conditions between axes: what they mean, and that nothing else is read."""

import pytest

from symgen.errors import Refusal
from symgen.spec.where import DEEPEST, LONGEST, parse

HERE = {"group": "C4", "constraint": {"relaxed": {"banks": 2}}, "network.depth": 1, "shared": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "group == C4": True,
        "group != C4": False,
        "group in [D4, C4]": True,
        "not group == C4": False,
        "constraint == relaxed": True,  # a keyword with its options
        "constraint == exact or group == C4": True,
        "constraint == exact and group == C4": False,
        "group == D4 and group == C2 or group == C4": True,  # `and` binds closer
        "group == D4 and (group == C2 or group == C4)": False,
        "network.depth == 1": True,
        "shared == true": True,
        "network.depth == true": False,  # 1 is not true
        "shared == 1": False,
        "group == 'C4'": True,
        "network.depth == '1'": False,
        "not (group == C4 and shared == true)": False,
    }.items(),
)
def test_what_a_condition_means(text, expected):
    assert parse(text).holds(HERE.__getitem__) is expected


@pytest.mark.parametrize(
    "text",
    ["", "group", "group =", "group = C4", "== C4", "group == C4 C2", "group in C4", "(group == C4",
     "group in []", "group in [C4", "group == C4 and", "and == or", "group ==", "1 == group",
     "group == ]", "group < C4", "x" * (LONGEST + 1), "not " * (2 * DEEPEST) + "group == C4",
     "(" * (2 * DEEPEST) + "group == C4", "group == {a: 1}", 'group == "C4'],
)  # fmt: skip
def test_what_is_no_condition(text):
    with pytest.raises(Refusal) as caught:
        parse(text)
    assert caught.value.hint


def test_names_are_told():
    assert parse("a == 1 or not (b == 2 and c in [3])").names == ("a", "b", "c")
