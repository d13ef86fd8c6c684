"""The environment confirms right actions and refutes wrong ones."""

import json
from dataclasses import replace

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.envs import gridworld, gymnasium_env, minigrid
from symgen.envs._compass import DIRECTION_IMAGES
from symgen.problem.interface import Action, Interface, Term
from symgen.proofs.check_env import PARTS, check_environment
from symgen.proofs.exact_transitions import difference
from tests.proofs.stands import D1, D4, LAVA, Stand, cartpole, known, moving

RIGHT = {
    "gridworld": known(gridworld, gridworld.Options(crossings=2), D4),
    "gridworld turn": known(gridworld, gridworld.Options(moves="turn", goal="random"), D4),
    "gridworld egocentric": known(
        gridworld, gridworld.Options(moves="turn", view="egocentric"), D4
    ),
    "gridworld rgb": known(
        gridworld, gridworld.Options(view="rgb", resolution=14, orientation=2), D4
    ),
    "gridworld wall": known(
        gridworld, gridworld.Options(obstacle="wall", mirror=True), group("C4")
    ),
    "minigrid": known(minigrid, minigrid.Options(id=LAVA), D4),
    "minigrid turn": known(minigrid, minigrid.Options(id=LAVA, moves="turn"), D4),
    "minigrid egocentric": known(
        minigrid, minigrid.Options(id=LAVA, moves="turn", view="egocentric"), D1
    ),
    "minigrid doors": known(minigrid, minigrid.Options(id="MiniGrid-DoorKey-6x6-v0"), D4),
    "cartpole": cartpole(),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_actions_hold(name):
    report = check_environment(RIGHT[name], samples=60)
    assert report.holds
    assert report.method == "exact"
    assert [row.generator for row in report.rows] == list(RIGHT[name].group.generators)
    for row in report.rows:
        assert row.verdict == "holds"
        assert row.tested == 60
        assert row.control > 30
        assert row.mismatches == dict.fromkeys(PARTS, 0)
        assert row.deviation <= 1e-6
    assert json.loads(json.dumps(report.to_dict()))["holds"] is True
    assert "holds" in str(report)


WRONG = {
    # r, s as the adapter says them are [1, 2, 3, 0] and [0, 3, 2, 1]: up, left, down, right.
    "r sends up to right": (
        replace(RIGHT["gridworld"], action=moving(r=[3, 0, 1, 2], s=[0, 3, 2, 1])),
        "r",
        "next state",
    ),
    "s swaps up and down": (
        replace(RIGHT["gridworld"], action=moving(r=[1, 2, 3, 0], s=[2, 1, 0, 3])),
        "s",
        "next state",
    ),
    "actions stay": (
        replace(
            RIGHT["minigrid"], action=representations.direct_sum((4, representations.trivial(D4)))
        ),
        "rs",
        "next state",
    ),
    "r sends up to right in minigrid": (
        replace(RIGHT["minigrid"], action=moving(r=[3, 0, 1, 2], s=[0, 3, 2, 1])),
        "r",
        "next state",
    ),
    "turns are not swapped": (
        replace(
            RIGHT["minigrid turn"],
            action=representations.direct_sum((3, representations.trivial(D4))),
        ),
        "s",
        "next state",
    ),
    "turns are swapped by r too": (
        replace(RIGHT["gridworld turn"], action=moving(r=[1, 0, 2], s=[1, 0, 2])),
        "r",
        "next state",
    ),
    "the heading is lost": (
        replace(
            RIGHT["gridworld turn"],
            observation={
                "observation": FieldType(
                    RIGHT["gridworld turn"].observation["observation"].base,
                    representations.direct_sum((7, representations.trivial(D4))),
                )
            },
        ),
        "rs",
        "observation",
    ),
    "the cart's push is not mirrored": (
        cartpole(representations.direct_sum((2, representations.trivial(D1)))),
        "s",
        "next state",
    ),
    "only the position is mirrored": (
        cartpole(
            observation={
                "observation": vector(representations.signed_permutation(D1, {"s": [-1, 2, 3, 4]}))
            }
        ),
        "s",
        "next state",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_actions_are_refuted(name):
    problem, generators, part = WRONG[name]
    report = check_environment(problem, samples=60)
    assert not report.holds
    for row in report.rows:
        assert row.verdict == ("refuted" if row.generator in generators else "holds")
        assert (row.mismatches[part] > 0) == (row.generator in generators)
        assert bool(row.counterexample) == (row.generator in generators)


def mirrored_grid(name, move):
    """A grid world whose one generator is a mirror of the spec's own choice."""
    acting = group(name)
    options = gridworld.Options(size=7)
    interface = gridworld.interface(options)
    (g,) = acting.generators
    rows, columns, count = interface.terms[0].shape
    fibre = representations.direct_sum((count, representations.trivial(acting)))
    types = {"observation": FieldType(bases.grid(acting, rows, columns, {g: move}), fibre)}
    acts = representations.permutation(acting, {g: DIRECTION_IMAGES[move]})
    return Stand(acting, interface, types, acts, gridworld, options)


@pytest.mark.parametrize(("name", "move"), [("D1", "flip"), ("C2", "mirror"), ("D1", "transpose")])
def test_a_generator_means_what_the_spec_says(name, move):
    """Not what a generator of that name usually does to a picture."""
    problem = mirrored_grid(name, move)
    report = check_environment(problem, samples=40)
    assert [row.verdict for row in report.rows] == ["holds"]
    wrong = representations.permutation(
        problem.group, {problem.group.generators[0]: DIRECTION_IMAGES["half_turn"]}
    )
    (row,) = check_environment(replace(problem, action=wrong), samples=40).rows
    assert row.verdict == "refuted"
    assert row.mismatches["observation"] == 0


def test_the_counterexample_is_in_words():
    report = check_environment(WRONG["r sends up to right"][0], samples=60)
    text = str(report)
    assert "becomes" in report.rows[0].counterexample
    assert "under r" in report.rows[0].counterexample
    assert "r is refuted, for instance the next state in the state" in text
    assert "instead of g applied to" in text
    assert "#########" in text


def test_a_generator_that_moves_nothing_has_no_power():
    still = vector(representations.direct_sum((4, representations.trivial(D1))))
    actions = representations.direct_sum((2, representations.trivial(D1)))
    report = check_environment(cartpole(actions, {"observation": still}), samples=20)
    assert [row.verdict for row in report.rows] == ["no power"]
    assert not report.holds


def test_an_action_that_leaves_the_space_is_refuted():
    """A box from 0 to 1 has no sign change."""
    action = Action("continuous", ("gas",), (1,), (0.0,), (1.0,))
    problem = cartpole()
    lame = replace(problem.interface, action=action)
    flip = representations.signed_permutation(D1, {"s": [-1]})
    report = check_environment(replace(problem, interface=lame, action=flip), samples=5)
    assert report.rows[0].mismatches["action"] == 5


def pendulum(images):
    options = gymnasium_env.Options(id="Pendulum-v1")
    observation = {"observation": vector(representations.signed_permutation(D1, {"s": images}))}
    torque = representations.signed_permutation(D1, {"s": [-1]})
    return Stand(D1, gymnasium_env.interface(options), observation, torque, gymnasium_env, options)


def test_continuous_actions_and_states_on_a_circle():
    right = check_environment(pendulum([1, -2, -3]), samples=60)
    assert right.holds
    assert right.rows[0].deviation < 1e-4
    wrong = check_environment(
        pendulum([-1, -2, -3]), samples=60
    )  # the other end of the circle is no mirror
    assert wrong.rows[0].verdict == "refuted"
    no_circle = check_environment(
        pendulum([3, -2, 1]), samples=20
    )  # velocity and cosine cannot change places
    assert no_circle.rows[0].mismatches["observation"] == 20


def test_without_generators_there_is_nothing_to_ask():
    report = check_environment(known(gridworld, gridworld.Options(), group("C1")))
    assert report.holds
    assert report.rows == ()
    assert "nothing to ask" in str(report)


def test_the_grain_of_a_drawing_is_no_difference_of_pictures_and_of_pictures_only():
    acts = cartpole().interface.action
    picture = Interface(
        (Term("observation", (4, 4, 1), "uint8", "image", scale=255.0),), acts, True
    )
    vector = Interface((Term("observation", (16,), scale=255.0),), acts, True)
    black = np.zeros((4, 4, 1))
    dotted = np.zeros((4, 4, 1))
    dotted[2, 1] = 4.0  # a mean of 1/4
    assert difference(picture, black, dotted, 1e-3) == (4.0, "")
    assert difference(picture, black, dotted, 0.9e-3).place
    assert difference(vector, black.reshape(-1), dotted.reshape(-1), 1e-3).place


def test_terms_of_a_dict_are_told_apart():
    interface = Interface(
        (Term("a", (2,)), Term("b", (2, 2), "uint8", "tokens")), cartpole().interface.action, False
    )
    black = {"a": np.zeros(2), "b": np.zeros((2, 2), dtype=np.uint8)}
    dotted = {"a": np.zeros(2), "b": np.array([[0, 0], [0, 1]], dtype=np.uint8)}
    assert difference(interface, black, black) == (0.0, "")
    assert difference(interface, black, dotted) == (1.0, "in b[1, 1]: 0 and 1")
