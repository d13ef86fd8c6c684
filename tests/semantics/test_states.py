"""`states:` -> field types."""

import numpy as np
import pytest

MIRROR = {"s": "mirror"}


def states(solve, world, written, **changes) -> dict[str, str]:
    return {
        name: str(field)
        for name, field in solve(world, states=written, **changes).observation.items()
    }


@pytest.mark.parametrize(
    ("world", "group", "written", "expected"),
    [
        ("Vector-v0", "D1", "trivial", "point: 4 trivial"),
        ("Vector-v0", "D1", "4 sign", "point: 4 sign(s)"),
        ("Vector-v0", "D1", "2 regular", "point: 2 regular"),
        ("Vector-v0", "D1", {"observation": "trivial"}, "point: 4 trivial"),
        ("Vector-v0", "D1", {"observation": {"s": "trivial"}}, "point: 4 trivial"),
        ("Vector-v0", "D1", {"observation": {"s": [-1, -2, 3, 4]}}, "point: signed(s=-1 -2 3 4)"),
        ("Vector-v0", "D1", {"observation": {"s": [2, 1, 4, 3]}}, "point: permutation(s=1 0 3 2)"),
        ("Vector-v0", "D1", {"observation": {"s": [1, 0, 3, 2]}}, "point: permutation(s=1 0 3 2)"),
        (
            "Vector-v0",
            "D1",
            {"observation": {"s": [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}},
            "point: signed(s=-1 2 3 4)",
        ),
        ("Vector-v0", "C1", {"observation": {}}, "point: 4 trivial"),
        ("Vector-v0", "S4", "tokens", "tokens 4: trivial"),
        ("Vector-v0", "C2", "tokens 4: trivial", None),
        ("Vector-v0", "C4", "2 standard", "point: 2 standard"),
        ("Beads-v0", "S5", "tokens", "tokens 5: 2 trivial"),
        (
            "Beads-v0",
            "D1",
            {"observation": {"s": [5, 4, 3, 2, 1]}},
            "graph 5(s=4 3 2 1 0): 2 trivial",
        ),
        (
            "Beads-v0",
            "D1",
            "graph 5(s=4 3 2 1 0): sign + trivial",
            "graph 5(s=4 3 2 1 0): sign(s) + trivial",
        ),
        ("Beads-v0", "D1", "trivial", "graph 5(s=0 1 2 3 4): 2 trivial"),
        ("Square-v0", "D4", "grid", "grid 6x6: 3 trivial"),
        (
            "Square-v0",
            "C4",
            {"observation": {"r": "turn_back"}},
            "grid 6x6(r=turn_back): 3 trivial",
        ),
        ("Square-v0", "D1", "grid 6x6: 2 trivial + sign", "grid 6x6: 2 trivial + sign(s)"),
        ("Square-v0", "D1", "trivial", "grid 6x6(s=keep): 3 trivial"),
        ("Wide-v0", "D2", "grid", "grid 4x6: 3 trivial"),
        ("Wide-v0", "D1", {"observation": MIRROR}, "grid 4x6: 3 trivial"),
    ],
)
def test_field_types(solve, mistakes, world, group, written, expected):
    if expected is None:
        assert mistakes(world, group=group, states=written)[0].code == "size-mismatch"
        return
    none = {"network": {"family": "mlp"}, "constraint": "none"}
    assert states(solve, world, written, group=group, **none) == {"observation": expected}


def test_several_terms(solve):
    written = {
        "beads": {"s": "trivial"},
        "view": MIRROR,
        "way": {"s": [0, 3, 2, 1]},
        "place": {"s": [-1, 2]},
    }
    assert states(solve, "Many-v0", written, constraint="none", network={"family": "mlp"}) == {
        "place": "point: signed(s=-1 2)",
        "way": "point: permutation(s=0 3 2 1)",
        "view": "grid 4x4: 2 trivial",
        "beads": "graph 5(s=0 1 2 3 4): 3 trivial",
    }


def test_index_lists_say_where_each_entry_goes(solve):
    """Entry i goes to place list[i]: [2, 3, 1] takes the first entry to the second place."""
    group = {"generators": ["c"], "relations": ["ccc"]}
    problem = solve("Vector-v0", group=group, states={"observation": {"c": [2, 3, 1, 4]}})
    moved = problem.observation["observation"].act("c", np.array([[10.0, 20.0, 30.0, 40.0]]))
    assert moved.tolist() == [[30.0, 10.0, 20.0, 40.0]]
    zero_based = solve("Vector-v0", group=group, states={"observation": {"c": [1, 2, 0, 3]}})
    assert zero_based.observation == problem.observation


@pytest.mark.parametrize(
    ("world", "written", "expected"),
    [
        ("Vector-v0", {"observation": {"s": [1, 2, 3]}}, [("size-mismatch", "3 entries", "")]),
        ("Vector-v0", {"observation": {"s": []}}, [("size-mismatch", "0 entries", "")]),
        (
            "Vector-v0",
            {"observation": {"s": [1, 2, 3, 3]}},
            [("not-a-permutation", "none to place 4", "")],
        ),
        (
            "Vector-v0",
            {"observation": {"s": [0, 1, 2, 4]}},
            [("not-a-permutation", "4 is no place", "0 to 3")],
        ),
        (
            "Vector-v0",
            {"observation": {"s": [1, 2, 3, 5]}},
            [("not-a-permutation", "5 is no place", "1 to 4")],
        ),
        (
            "Vector-v0",
            {"observation": {"s": [0, -1, 2, 3]}},
            [("not-a-permutation", "counts from 0", "from 1")],
        ),
        ("Vector-v0", {"observation": {"s": [2, 3, 4, 1]}}, [("broken-relation", "entry 1", "")]),
        (
            "Vector-v0",
            {"observation": {"s": [[1, 0], [0, 1]]}},
            [("size-mismatch", "2 x 2", "4 rows")],
        ),
        (
            "Vector-v0",
            {"observation": {"s": [[1], [1, 2]]}},
            [("size-mismatch", "different lengths", "")],
        ),
        ("Vector-v0", {"observation": {"s": "mirror"}}, [("bad-field-type", "no picture", "list")]),
        (
            "Vector-v0",
            {"observation": {"s": {"up": "down"}}},
            [("bad-field-type", "no picture", "list")],
        ),
        (
            "Vector-v0",
            {"observation": [1, 2]},
            [("bad-field-type", "which generator", "{s: [...]}")],
        ),
        (
            "Vector-v0",
            {"observation": {"r": [1, 2, 3, 4]}},
            [("unknown-generator", "no generator 'r'", "s")],
        ),
        (
            "Vector-v0",
            {"observation": {}},
            [("missing-generator", "how s of D1 moves the observation", "s: trivial")],
        ),
        ("Vector-v0", {"obs": "trivial"}, [("unknown-term", "no 'obs'", "observation")]),
        ("Vector-v0", {"s": [1, 2, 3, 4]}, [("unknown-term", "no 's'", "{observation: {s: ...}}")]),
        ("Vector-v0", {}, [("missing-term", "moves the observation", "observation: trivial")]),
        ("Vector-v0", "auto", [("no-auto", "does not know", "{observation: {s: ...}}")]),
        ("Vector-v0", "trivail", [("bad-field-type", "trivail", "did you mean 'trivial'")]),
        ("Vector-v0", "grid", [("bad-field-type", "no picture", "")]),
        ("Vector-v0", "tokens", [("size-mismatch", "permutes 2 tokens", "S4")]),
        ("Vector-v0", "3 trivial", [("size-mismatch", "3 entries", "")]),
        ("Vector-v0", "point 4: trivial", [("bad-field-type", "as a base", "point: 4 trivial")]),
        ("Vector-v0", "x" * 20_000, [("too-large", "at most", "")]),
        ("Vector-v0", "9999999 regular", [("too-large", "", "")]),
        ("Vector-v0", "999999 regular", [("too-large", "", "")]),
        ("Square-v0", {"observation": {"s": "turn"}}, [("broken-relation", "ss", "")]),
        (
            "Square-v0",
            {"observation": {"s": "miror"}},
            [("bad-field-type", "no move", "did you mean 'mirror'")],
        ),
        ("Square-v0", {"observation": {"s": [1, 2]}}, [("bad-field-type", "no move", "mirror")]),
        ("Square-v0", "grid 5x6: 3 trivial", [("size-mismatch", "6x6x3", "")]),
        ("Square-v0", "tokens", [("bad-field-type", "no tokens", "")]),
        ("Wide-v0", {"observation": {"s": "transpose"}}, [("inexact-rotation", "square", "flip")]),
        ("Beads-v0", {"observation": {"s": [1, 2, 3, 4, -5]}}, [("not-a-permutation", "sign", "")]),
        (
            "Beads-v0",
            {"observation": {"s": [[1, 0], [0, 1]]}},
            [("not-a-permutation", "matrix", "list")],
        ),
        ("Many-v0", "grid", [("bad-field-type", "several terms", "{beads: grid")]),
        (
            "Many-v0",
            {"place": "trivial", "way": "trivial"},
            [("missing-term", "beads and view", "beads: trivial")],
        ),
        (
            "Many-v0",
            {
                "place": "trivial",
                "way": {"s": [1, 2, 3, -4]},
                "view": "trivial",
                "beads": "trivial",
            },
            [("not-a-permutation", "sign", "")],
        ),
        ("Huge-v0", "trivial", [("too-large", "5000", "")]),
        ("Pictures-v0", "trivial", [("too-large", "40000 places", "")]),
    ],
)
def test_mistakes(mistakes, world, written, expected):
    told = mistakes(world, states=written)
    assert [mistake.code for mistake in told] == [code for code, *_ in expected], "\n".join(
        map(str, told)
    )
    for mistake, (_, message, hint) in zip(told, expected, strict=True):
        assert message in mistake.message
        assert hint in mistake.hint
        assert len(mistake.message) < 300


@pytest.mark.parametrize(
    ("world", "group"), [("Square-v0", "C8"), ("Square-v0", "S3"), ("Wide-v0", "C4")]
)
def test_turns_that_pixels_cannot_carry(mistakes, world, group):
    assert [mistake.code for mistake in mistakes(world, group=group, states="grid")] == [
        "inexact-rotation"
    ]


def test_independent_mistakes_come_together(mistakes):
    told = mistakes(
        "Many-v0",
        states={"place": {"s": [1]}, "way": "x y", "view": {"s": "twist"}, "bread": "trivial"},
    )
    assert [mistake.code for mistake in told] == [
        "size-mismatch",
        "bad-field-type",
        "bad-field-type",
        "unknown-term",
    ]


def test_nearly_orthogonal(mistakes):
    eye = [[0.7071, 0.7071, 0, 0], [0.7071, -0.7071, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    (mistake,) = mistakes(states={"observation": {"s": eye}})
    assert (mistake.code, "all digits" in mistake.hint) == ("not-orthogonal", True)
    skew = [[1, 0, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    (mistake,) = mistakes(states={"observation": {"s": skew}})
    assert "rows 1 and 2 are not perpendicular" in mistake.message
    huge = [[1e300, 0, 0, 0], [0, 1e300, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert mistakes(states={"observation": {"s": huge}})[0].code == "not-orthogonal"
