"""`actions:` -> the representation on the policy's parameters."""

import pytest

OBSERVED = "trivial"
KNOBS = "Knobs-v0"  # three components, with 3, 2 and 3 choices


@pytest.mark.parametrize(
    ("world", "group", "written", "expected"),
    [
        ("Vector-v0", "D1", "trivial", "2 trivial"),
        ("Vector-v0", "D1", "regular", "regular"),
        ("Vector-v0", "D1", {"s": [1, 0]}, "permutation(s=1 0)"),
        ("Vector-v0", "D1", {"s": [2, 1]}, "permutation(s=1 0)"),
        ("Vector-v0", "D1", {"s": [[0, 1], [1, 0]]}, "permutation(s=1 0)"),
        (
            "Vector-v0",
            "D1",
            {"s": {"action_0": "action_1", "action_1": "action_0"}},
            "permutation(s=1 0)",
        ),
        ("Vector-v0", "D1", {"s": {}}, "2 trivial"),
        ("Vector-v0", "D2", {"r": [1, 0], "s": "trivial"}, "permutation(r=1 0, s=0 1)"),
        ("Arm-v0", "D1", {"s": [-1, 2]}, "signed(s=-1 2)"),
        ("Arm-v0", "D1", {"s": [-2, -1]}, "signed(s=-2 -1)"),
        ("Free-v0", "C8", "standard", "standard"),
        (KNOBS, "D1", {"s": [2, 1, 0, 3, 4, 5, 6, 7]}, "permutation(s=2 1 0 3 4 5 6 7)"),
        (KNOBS, "D1", {"s": [5, 6, 7, 3, 4, 0, 1, 2]}, "permutation(s=5 6 7 3 4 0 1 2)"),
        (
            KNOBS,
            "D1",
            {"s": {"action_0": "action_2", "action_2": "action_0"}},
            "permutation(s=5 6 7 3 4 0 1 2)",
        ),
    ],
)
def test_representations(solve, world, group, written, expected):
    nothing_claimed = {"network": {"family": "mlp"}, "constraint": "none"}
    assert (
        str(solve(world, group=group, states=OBSERVED, actions=written, **nothing_claimed).action)
        == expected
    )


@pytest.mark.parametrize(
    ("world", "written", "code", "message"),
    [
        ("Vector-v0", "auto", "no-auto", "does not know"),
        ("Vector-v0", "regulr", "bad-representation", "regulr"),
        ("Vector-v0", "2 regular", "size-mismatch", "size 4"),
        ("Vector-v0", "99999 trivial", "too-large", ""),
        ("Vector-v0", {"s": "mirror"}, "bad-representation", "mirror"),
        ("Vector-v0", {"s": [0, 1, 2]}, "size-mismatch", "3 entries"),
        ("Vector-v0", {"s": [1, 1]}, "not-a-permutation", "two entries"),
        ("Vector-v0", {"s": [-1, 2]}, "action-not-permuted", "s does not permute"),
        ("Vector-v0", "sign + trivial", "action-not-permuted", "s does not permute"),
        (
            "Vector-v0",
            {"s": [[0.6, 0.8], [0.8, -0.6]]},
            "action-not-permuted",
            "s does not permute",
        ),
        ("Vector-v0", {"s": [[2, 0], [0, 1]]}, "not-orthogonal", "row 1 has length 2"),
        ("Vector-v0", {"s": {"action_0": "jump"}}, "unknown-action", "'jump'"),
        ("Vector-v0", {"s": {"hop": "action_0"}}, "unknown-action", "'hop'"),
        (
            "Vector-v0",
            {"s": {"action_0": "action_1"}},
            "not-a-permutation",
            "action_1 is not named, so it stays",
        ),
        ("Vector-v0", {"r": [1, 0]}, "unknown-generator", "'r'"),
        ("Vector-v0", {}, "missing-generator", "s of D1"),
        ("Square-v0", {"s": [1, 2, 3, 0]}, "broken-relation", "ss"),
        ("Arm-v0", {"s": [2, -1]}, "broken-relation", "ss"),
        (KNOBS, {"s": [3, 1, 2, 0, 4, 5, 6, 7]}, "action-not-permuted", "tears"),
        (
            KNOBS,
            {"s": {"action_0": "action_1", "action_1": "action_0"}},
            "size-mismatch",
            "3 choices",
        ),
        ("Actions-v0", "trivial", "too-large", "5000"),
    ],
)
def test_mistakes(mistakes, world, written, code, message):
    (mistake,) = mistakes(world, states=OBSERVED, actions=written)
    assert mistake.code == code, str(mistake)
    assert message in mistake.message


@pytest.mark.parametrize(
    ("world", "group", "written", "holds"),
    [
        ("Arm-v0", "D1", {"s": [-1, -2]}, True),
        ("Arm-v0", "D1", {"s": [2, 1]}, True),
        ("Arm-v0", "C8", "standard", False),  # a box is not round
        ("Arm-v0", "C4", "standard", True),
        ("Free-v0", "C8", "standard", True),
        ("Crooked-v0", "D1", {"s": [1, -2, 3]}, True),
        ("Crooked-v0", "D1", {"s": [1, 3, 2]}, True),
        ("Crooked-v0", "D1", {"s": [-1, 2, 3]}, False),
        ("Crooked-v0", "D1", {"s": [2, 1, 3]}, False),
    ],
)
def test_the_bounds_of_continuous_actions(solve, mistakes, world, group, written, holds):
    observed = "4 sign" if group == "D1" else "2 standard"
    changes = {"group": group, "states": observed, "actions": written}
    if holds:
        assert solve(world, **changes)
    else:
        assert [mistake.code for mistake in mistakes(world, **changes)] == ["action-bounds"]
    free = {"network": {"family": "mlp"}, "constraint": "none"}
    assert solve(world, **changes, **free)  # nothing is claimed, so nothing is broken
