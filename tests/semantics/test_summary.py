"""What `symgen check -v` says of where entries go, in the numbers of the spec itself."""

import pytest

from symgen.semantics.summary import moves


def line(text: str, start: str) -> str:
    """What stands behind `start`."""
    (line,) = (line for line in map(str.strip, text.splitlines()) if line.startswith(start))
    return line.removeprefix(start).strip()


@pytest.mark.parametrize(
    ("states", "expected", "numbering"),
    [
        (
            {"observation": {"s": [2, 1, -3, 4]}},
            "1 -> 2, 2 -> 1, 3 -> -3",
            "observation counts from 1",
        ),
        ({"observation": {"s": [1, 0, 2, 3]}}, "0 -> 1, 1 -> 0", "observation counts from 0"),
        ("regular + 2 sign", "1 -> 2, 2 -> 1, 3 -> -3, 4 -> -4", "observation counts from 1"),
    ],
)
def test_entries_have_the_numbers_of_the_spec(solve, states, expected, numbering):
    text = moves(solve(states=states, actions={"s": [1, 0]}))
    assert line(text, "observation channels") == expected
    assert line(text, numbering) == ", as in the spec"
    assert line(text, "actions") == "action_0 -> action_1, action_1 -> action_0"


def test_tokens_are_numbered_like_entries(solve):
    text = moves(
        solve(
            "Beads-v0",
            states={"observation": {"s": [2, 1, 3, 4, 5]}},
            constraint="none",
            network={"family": "mlp"},
        )
    )
    assert line(text, "observation places") == "1 -> 2, 2 -> 1"


def test_cells_are_rows_and_columns_from_0(solve):
    text = moves(
        solve(
            "Square-v0",
            states={"observation": {"s": "mirror"}},
            constraint="none",
            network={"family": "mlp"},
        )
    )
    assert line(text, "observation places").startswith("(0,0) -> (0,5)")
    assert "cells are (row, column) from 0" in text


def test_the_values_of_an_index_count_from_0(solve):
    states = {"place": "trivial", "way": "regular", "view": "trivial", "beads": "trivial"}
    text = moves(
        solve("Many-v0", group="C4", states=states, constraint="none", network={"family": "mlp"})
    )
    assert line(text, "way channels") == "0 -> 1, 1 -> 2, 2 -> 3, 3 -> 0"
    assert "way counts from 0" in text
