"""What must hold of bounded and squashed actions."""

import pytest

from symgen.problem.output import reads_action

SAC = {"algorithm": "sac", "steps": 1000}


@pytest.mark.parametrize(
    ("world", "group", "actions", "code"),
    [
        ("Vector-v0", "D1", "regular", "action-kind"),
        ("Knobs-v0", "D1", "trivial", "action-kind"),
        ("Free-v0", "D1", "2 sign", "unbounded-action"),
        ("Arm-v0", "C8", "standard", "squashed-action"),
        ("Crooked-v0", "D1", {"s": [-1, 2, 3]}, "action-bounds"),
        ("Arm-v0", "C4", "standard", ""),
        ("Arm-v0", "D1", "regular", ""),
        ("Crooked-v0", "D1", {"s": [1, -3, -2]}, ""),
    ],
)
def test_what_a_squashed_policy_needs(mistakes, solve, world, group, actions, code):
    changes = {
        "group": group,
        "actions": actions,
        "states": "2 standard" if group[0] == "C" else "4 sign",
    }
    if code:
        (mistake,) = mistakes(world, **changes, train=SAC)
        assert mistake.code == code
        assert mistake.hint
    else:
        assert reads_action(solve(world, **changes, train=SAC).outputs)
    if code not in (
        "action-bounds",
        "squashed-action",
    ):  # control: another algorithm asks for none of this
        assert not reads_action(solve(world, **changes, train={"algorithm": "ppo"}).outputs)
    if code == "squashed-action":  # and where no symmetry is claimed there is none to break
        free = solve(world, **changes, train=SAC, constraint="none", network={"family": "mlp"})
        assert reads_action(free.outputs)


def test_an_unbounded_action_that_is_mixed_has_both_mistakes(mistakes):
    told = mistakes("Free-v0", group="C8", states="2 standard", actions="standard", train=SAC)
    assert {mistake.code for mistake in told} == {"unbounded-action", "squashed-action"}


def test_without_train_the_critic_is_a_value(solve):
    assert not reads_action(solve().outputs)


BOXES = [
    # one-sided bounds: clipping plays a as 0.7 and its image as 0
    ("Thrust-v0", "D1", {"s": [-1, 2]}, "action-bounds"),
    ("Thrust-v0", "D1", {"s": [-1, -2]}, "action-bounds"),
    ("Thrust-v0", "D1", {"s": [2, 1]}, ""),
    ("Valve-v0", "D1", {"s": [2, 1]}, "action-bounds"),
    ("Valve-v0", "D1", {"s": [-2, -1]}, ""),
    ("Half-v0", "D1", {"s": [-1, 2]}, ""),
    ("Half-v0", "D1", {"s": [1, -2]}, "action-bounds"),
    ("Half-v0", "C8", "standard", "action-bounds"),
    ("Thrust-v0", "C8", "standard", "action-bounds"),
    ("Arm-v0", "C8", "standard", "action-bounds"),
    ("Free-v0", "C8", "standard", ""),
    ("Free-v0", "D1", {"s": [-1, 2]}, ""),
    ("Arm-v0", "C4", "standard", ""),
]


@pytest.mark.parametrize(("world", "group", "actions", "code"), BOXES)
def test_the_group_takes_the_box_of_actions_to_itself(mistakes, solve, world, group, actions, code):
    changes = {
        "group": group,
        "actions": actions,
        "states": "2 standard" if group[0] == "C" else "4 sign",
    }
    free = {**changes, "constraint": "none", "network": {"family": "mlp"}}
    turned = {**free, "evaluate": {"turned": {"transform": "r" if group[0] == "C" else "s"}}}
    ppo = {"train": {"algorithm": "ppo"}}
    solve(world, **free, **ppo)  # where no symmetry is claimed there is none to break
    if not code:
        solve(world, **changes, **ppo)
        solve(world, **turned, **ppo)
        return
    for applied in (changes, turned):  # a transform plays moved actions, which nothing clips
        (mistake,) = mistakes(world, **applied, **ppo)
        assert mistake.code == code
        assert mistake.hint
