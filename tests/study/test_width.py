"""As many weights, within 5 %, or a word that it cannot be."""

import pytest

from symgen.compiler import check_spec, plan_spec
from symgen.spec.edit import edit
from symgen.spec.source import read
from symgen.study.width import TOLERANCE, matched
from tests.study.specs import CARTPOLE, LAVA

WIDE = {**LAVA, "network": {"family": "group_mlp", "hidden": "16 regular + 8 trivial"}}
ATTENTION = {**LAVA, "network": {"family": "graph_attention", "width": 32, "heads": 2}}
CNN = {
    **LAVA,
    "symmetry": {"group": "C4", "constraint": "none"},
    "network": {"family": "cnn", "channels": [16, {"channels": 8, "kernel": 1}], "width": 32},
}


@pytest.mark.parametrize("spec", [WIDE, ATTENTION, CNN, CARTPOLE], ids=str)
@pytest.mark.parametrize("factor", [0.6, 3])
def test_the_width_is_solved_for(spec, factor):
    source = read(spec)
    problem = check_spec(source)
    own = plan_spec(problem).weights
    width = matched(problem, round(factor * own))
    # what is written into the arm's spec is what was counted
    again = plan_spec(check_spec(edit(source, width.edits)))
    assert width.edits
    assert again.weights == width.weights
    assert width.matches == (abs(again.weights - factor * own) <= TOLERANCE * factor * own)
    if spec is not ATTENTION:  # its widths come in steps of eight channels
        assert width.matches


def test_what_matches_already_stays():
    problem = check_spec(read(WIDE))
    width = matched(problem, plan_spec(problem).weights)
    assert (width.edits, width.matches) == ({}, True)


def test_a_width_that_an_arm_names_stays():
    problem = check_spec(read(WIDE))
    width = matched(problem, 10 * plan_spec(problem).weights, fixed=("hidden",))
    assert width.edits == {}
    assert width.why == "the arm says network.hidden itself"
    assert not width.matches
    # another option is no width
    assert matched(problem, 10 * plan_spec(problem).weights, fixed=("depth",)).matches


def test_what_cannot_be_matched_is_as_near_as_it_gets():
    problem = check_spec(read(CARTPOLE))
    narrow = matched(problem, 5)
    assert not narrow.matches
    assert 5 < narrow.weights < plan_spec(problem).weights
