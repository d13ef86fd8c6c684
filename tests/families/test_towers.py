"""Layers that policy and critics have of their own: what is refused and shared, how large DrQ-v2's
nets are.
"""

import pytest

from symgen.compiler import check_spec, plan_spec
from symgen.errors import SpecError
from symgen.families.cnn import Options

PICTURE = {"adapter": "dm_control", "domain": "reacher", "task": "easy", "observe": "pixels"}


def spec(family, constraint="exact", **network):
    symmetry = {"group": "D2", "constraint": constraint}
    return {
        "symgen": 1,
        "environment": PICTURE,
        "symmetry": symmetry,
        "network": {"family": family, **network},
    }


CONV = {"layers": [{"fields": "2 regular", "stride": 2, "padding": 0}], "hidden": "3 regular"}


@pytest.mark.parametrize(
    ("network", "code"),
    [
        ({**CONV, "towers": ["2 regulr"]}, "hidden-fibre"),
        ({**CONV, "towers": ["2 trivial"]}, "hidden-fibre"),  # the actions' signs would be lost
        ({**CONV, "towers": ["2 sign"]}, "pointwise-nonlinearity"),
        ({**CONV, "towers": ["2000 regular"]}, "too-large"),
        (
            {**CONV, "activation": "tanh", "hidden": "3 sign(s)", "towers": ["2 regular"]},
            "pointwise-nonlinearity",
        ),
    ],
    ids=str,
)
def test_towers_that_break_the_law_are_refused(network, code):
    with pytest.raises(SpecError) as caught:
        check_spec(spec("group_conv", **network))
    assert code in {each.code for each in caught.value.diagnostics}
    check_spec(spec("group_conv", **CONV, towers=["3 regular"]))


@pytest.mark.parametrize(
    ("network", "code"),
    [
        ({"channels": [{"channels": 4, "pool": 16}, {"channels": 4, "pool": 16}]}, "stride"),
        ({"channels": [0]}, "width"),
        ({"channels": [4], "towers": [0]}, "width"),
        ({"channels": [{"channels": 4, "padding": 3}]}, "wrong-value"),
    ],
    ids=str,
)
def test_plain_convolutions_that_make_no_sense_are_refused(network, code):
    with pytest.raises(SpecError) as caught:
        check_spec(spec("cnn", "none", **network))
    assert code in {each.code for each in caught.value.diagnostics}


def test_a_number_is_a_convolution_that_keeps_the_size():
    short, long = (Options(channels=[each]).layers[0] for each in (8, {"channels": 8}))
    assert short == long
    assert short.windows.count(85) == 85


def test_policy_and_critics_share_the_convolutions_only():
    plan = plan_spec(check_spec(spec("group_conv", **CONV, towers=["3 regular"])))
    assert [step.name for step in plan.steps if "conv1" in step.inputs] == [
        "policy_map",
        "critic_map",
    ]
    assert plan.step("policy").inputs == ("policy_hidden1",)
    assert plan.step("value").inputs == ("value_hidden1",)


def test_drq_v2_has_as_many_weights_as_published():
    """30,368 in its encoder and 1,181,399 in its actor for one action; this task has two."""
    layers = [
        {"channels": 32, "padding": 0, "stride": 2},
        *[{"channels": 32, "padding": 0, "pool": p} for p in (2, 2, 1)],
    ]
    plan = plan_spec(
        check_spec(spec("cnn", "none", channels=layers, width=50, towers=[1024, 1024]))
    )
    assert plan.step("convolutions").weights == 30_368
    actor = sum(step.weights for step in plan.steps if step.name.startswith("policy"))
    assert actor == 1_181_399 + 1025
