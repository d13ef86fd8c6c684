import numpy as np
import pytest
from gymnasium.spaces import Discrete

from symgen.compiler import check_spec
from symgen.errors import SpecError, UserError
from symgen.experiment import heldout
from symgen.experiment.episodes import play
from tests.experiment.doubles import SPEC, Still


@pytest.fixture(scope="module")
def problem():
    return check_spec({**SPEC, "symmetry": {"group": "D4", "constraint": "none"}})


def first(problem, changes, count=3):
    """The first observation, and the one after everybody went up."""
    envs = heldout.environment(problem, changes, count, seed=5)
    observation, _ = envs.reset(seed=5)
    after = envs.step(np.zeros(count, int))[0]
    envs.close()
    return observation, after


def test_training_comes_first_and_changes_nothing(problem):
    assert list(heldout.conditions({"a": {"transform": "r"}})) == ["training", "a"]
    assert np.array_equal(first(problem, {})[0], first(problem, {"transform": ""})[0])


def test_an_option_is_edited(problem):
    held_out = first(problem, {"environment.orientation": 1})[0]
    assert np.array_equal(held_out, np.rot90(first(problem, {})[0], axes=(1, 2)))


def test_a_part_of_an_option_is_edited_and_the_rest_stays():
    """A lake without ice is the same map: on ice a step has three outcomes."""
    problem = check_spec(
        {
            "symgen": 1,
            "environment": {
                "adapter": "gymnasium_env",
                "id": "FrozenLake-v1",
                "kwargs": {"map_name": "8x8"},
            },
            "symmetry": {
                "group": "C1",
                "states": "trivial",
                "actions": "trivial",
                "constraint": "none",
            },
            "network": {"family": "mlp"},
            "evaluate": {"dry": {"environment.kwargs.is_slippery": False}},
        }
    )
    chances = []
    for changes in ({}, *problem.spec.evaluate.values()):
        envs = heldout.environment(problem, changes, 1, seed=0)
        lake = envs.unwrapped.envs[0].unwrapped
        chances.append((lake.observation_space.n, len(lake.P[0][0])))
        envs.close()
    assert chances == [(64, 3), (64, 1)]


def test_conditions_are_changed_and_added_by_edits(problem):
    noise = {"evaluate.rotated.observation_noise": 0.5}
    assert heldout.changed(problem, noise) == {
        "training": {},
        "rotated": {"transform": "r", "observation_noise": 0.5},
    }
    added = heldout.changed(
        problem, {"evaluate.windy.observation_noise": 0.2, "evaluate.windy.transform": "s"}
    )
    assert added == {"training": {}, "windy": {"observation_noise": 0.2, "transform": "s"}}
    small = heldout.changed(
        problem, {"environment.orientation": 1, "evaluate.far.environment.orientation": 2}
    )
    assert small == {
        "training": {}, "far": {"environment.orientation": 2},
        "orientation=1": {"environment.orientation": 1},
    }  # fmt: skip
    assert heldout.changed(problem, {"evaluate.rotated.transform": "r"}) == {
        "training": {}
    }  # control: no change


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"network.width": 8}, "edit-after-training"),
        ({"train.steps": 8}, "edit-after-training"),
        ({"environment": {"adapter": "gridworld"}}, "edit-after-training"),
        ({"evaluate.windy.observation_nose": 0.2}, "unknown-key"),
        ({"environment.orientatoin": 1}, "bad-edit"),
        ({"environment.size": 9}, "changed-interface"),
    ],
)
def test_an_edit_of_something_else_is_refused(problem, edits, code):
    with pytest.raises((SpecError, UserError)) as caught:
        heldout.changed(problem, edits)
    codes = (
        [mistake.code for mistake in caught.value.diagnostics]
        if isinstance(caught.value, SpecError)
        else []
    )
    assert (codes or [caught.value.code]) == [code]


@pytest.mark.parametrize("word", ["r", "s", "rs", "rrr"])
def test_a_transform_moves_the_whole_environment(problem, word):
    """Acting g.a in the moved environment is acting a in the environment and looking through g."""
    from symgen.problem.group_action import act_on_action, act_on_observation

    plain, moved = (
        heldout.environment(problem, changes, 4, seed=1) for changes in ({}, {"transform": word})
    )
    here, there = plain.reset(seed=1)[0], moved.reset(seed=1)[0]
    rng = np.random.default_rng(0)
    for _ in range(30):
        assert np.array_equal(
            there, act_on_observation(problem.interface, problem.observation, word, here)
        )
        action = rng.integers(4, size=4)
        image = act_on_action(problem.interface.action, problem.action, word, action)
        here, there = plain.step(action)[0], moved.step(image)[0]
    assert not np.array_equal(there, here)  # control


def test_a_moved_observation_leaves_the_actions(problem):
    _, plain = first(problem, {})
    _, seen = first(problem, {"observation": "rr"})
    assert np.array_equal(seen, np.rot90(plain, 2, axes=(1, 2)))
    _, moved = first(problem, {"transform": "rr"})
    assert not np.array_equal(moved, seen)  # control: there "up" is "down"


def test_whole_numbers_may_have_images_that_are_none(problem):
    """A mirror that changes signs, on an observation of unsigned integers."""
    from dataclasses import replace

    from symgen.algebra.fieldtype import vector
    from symgen.algebra.representation import signed_permutation
    from symgen.problem.interface import Interface, Term

    fibre = signed_permutation(problem.group, {"r": [1, 2], "s": [-1, 2]})
    interface = Interface(
        (Term("observation", (2,), "uint8"),), problem.interface.action, single=True
    )
    changed = replace(problem, interface=interface, observation={"observation": vector(fibre)})
    seen = heldout._observed(changed, "s")(np.array([[3, 4]], np.uint8))
    assert seen.tolist() == [[-3, 4]]


def test_noise_is_added_and_repeats(problem):
    noisy = first(problem, {"observation_noise": 0.5})[0]
    assert np.std(noisy - first(problem, {})[0]) == pytest.approx(0.5, rel=0.2)
    assert np.array_equal(noisy, first(problem, {"observation_noise": 0.5})[0])


def test_other_seeds_are_played(problem):
    envs = heldout.environment(problem, {"seed_range": [100, 103]}, 2, seed=0)
    assert envs.unwrapped.levels.seeds == range(100, 103)
    assert play(Still(), envs, 2, seed=0).lengths.shape == (2,)


def test_discrete_actions_need_not_begin_at_zero(problem):
    class Envs:
        single_action_space = Discrete(4, start=10)

    undone = heldout._undone(problem, "r", Envs())
    # r takes up to left, so left comes from up
    assert undone(np.array([11, 12])).tolist() == [10, 11]
