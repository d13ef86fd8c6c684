"""Pictures that a group turns between their pixels, as a spec says it."""

import pytest

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.semantics.summary import moves

BASE = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "view": "rgb", "moves": "turn", "resolution": 21},
    "network": {"family": "cnn"},
}


def spec(
    group="C8", states="auto", actions="auto", constraint="none", environment=None, family="cnn"
):
    changed = {**BASE["environment"], **(environment or {})}
    symmetry = {"group": group, "states": states, "actions": actions, "constraint": constraint}
    return {**BASE, "environment": changed, "symmetry": symmetry, "network": {"family": family}}


def code(written) -> list[str]:
    with pytest.raises(SpecError) as caught:
        check_spec(written)
    return [mistake.code for mistake in caught.value.diagnostics]


@pytest.mark.parametrize("group", ["C8", "D8", "C3", "SO2", "O2"])
def test_auto_is_a_plane_where_pixels_do_not_meet_pixels(group):
    problem = check_spec(spec(group))
    assert str(problem.observation["observation"]) == "plane 21x21: 3 trivial"
    assert problem.action.is_trivial == (
        group in ("C8", "C3", "SO2")
    )  # a mirror swaps left and right
    assert "between pixels" in moves(problem)


def test_auto_is_a_grid_where_they_do():
    assert str(check_spec(spec("C4")).observation["observation"]) == "grid 21x21: 3 trivial"
    assert (
        str(check_spec(spec("C4", states="plane")).observation["observation"])
        == "plane 21x21: 3 trivial"
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (spec("C8", constraint="exact", family="graph_attention"), ["plane-family"]),
        (spec("C8", constraint="exact", family="group_mlp"), ["plane-family"]),
        (
            spec("C8", environment={"moves": "absolute"}),
            ["no-auto"],
        ),  # four directions do not turn by 45 degrees
        (spec("C8", environment={"view": "egocentric"}), ["no-auto"]),
        (spec("C8", environment={"view": "full", "resolution": None}), ["no-auto"]),
        (spec("S3", states="plane", actions="trivial"), ["bad-field-type"]),
        (spec("SO2", actions="regular"), ["band-limit"]),
        (spec("SO2", actions={"r": ["left", "right"]}), None),
    ],
)
def test_refused(written, expected):
    refused = code(written)
    assert expected is None or refused == expected


@pytest.mark.parametrize("text", ["SO(2)", "so2", "O(2)"])
def test_other_spellings_of_all_turns(text):
    with pytest.raises(SpecError, match=r"did you mean 'S?O2'"):
        check_spec(spec(text))
