"""The environment confirms right actions and refutes wrong ones."""

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import gridworld, gymnasium_env, minigrid
from symgen.envs._compass import DIRECTION_IMAGES, STEPS
from symgen.problem.interface import Action, Interface, Term
from symgen.proofs.check_env import PARTS, check_environment
from symgen.proofs.transitions import random_actions
from symgen.proofs.two_samples import energy_test, standardised

LAVA = "MiniGrid-LavaCrossingS9N1-v0"
D1, D4 = group("D1"), group("D4")
OBSERVED = {"observation": vector(representations.signed_permutation(D1, {"s": [-1, -2, -3, -4]}))}
SWAP = representations.permutation(D1, {"s": [1, 0]})


@dataclass(frozen=True)
class Stand:
    """Stands in for a Problem."""

    group: Group
    interface: Interface
    observation: dict[str, FieldType]
    action: Representation
    adapter: Any
    adapter_options: Any


def known(adapter, options, acting):
    """The problem as the adapter itself says."""
    types, moved = adapter.states(options, acting), adapter.actions(options, acting)
    assert types is not None
    assert moved is not None
    return Stand(acting, adapter.interface(options), types, moved, adapter, options)


def cartpole(action=SWAP, observation=OBSERVED, adapter=gymnasium_env, id_="CartPole-v1"):
    options = gymnasium_env.Options(id=id_)
    return Stand(D1, gymnasium_env.interface(options), observation, action, adapter, options)


# Without a simulator, the statistical test is all there is.
BLIND = SimpleNamespace(make=gymnasium_env.make, simulator=lambda options, group: "it is hidden")

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


def moving(**images):
    return representations.permutation(D4, images)


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
    acting, options = group(name), gridworld.Options(size=7)
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


def test_statistics_see_no_evidence_against_the_right_action():
    report = check_environment(cartpole(adapter=BLIND), samples=100)
    (row,) = report.rows
    assert report.method == "statistical"
    assert row.verdict == "no evidence against (statistical)"
    assert report.holds
    assert row.control <= 0.01 < row.p
    assert "assumes" in str(report)
    assert json.loads(json.dumps(report.to_dict()))["method"] == "statistical"


@pytest.mark.parametrize(
    "problem",
    [
        cartpole(representations.direct_sum((2, representations.trivial(D1))), adapter=BLIND),
        cartpole(
            observation={
                "observation": vector(representations.signed_permutation(D1, {"s": [-1, 2, -3, 4]}))
            },
            adapter=BLIND,
        ),
    ],
    ids=["push not mirrored", "velocities not mirrored"],
)
def test_statistics_refute_a_wrong_action(problem):
    report = check_environment(problem, samples=100)
    assert [row.verdict for row in report.rows] == ["refuted"]
    assert not report.holds


def test_statistics_are_honest_about_the_start():
    """MountainCar starts left of the middle of its range; the mirror is refused for that reason,
    not for another.
    """
    options = gymnasium_env.Options(id="MountainCar-v0")
    mirror = {"observation": vector(representations.signed_permutation(D1, {"s": [-1, -2]}))}
    actions = representations.permutation(D1, {"s": [2, 1, 0]})
    problem = Stand(D1, gymnasium_env.interface(options), mirror, actions, BLIND, options)
    report = check_environment(problem, samples=50)
    assert [row.verdict for row in report.rows] == ["start not symmetric"]
    assert not report.holds


class Torus(VectorEnv):
    """A token anywhere on a 5x5 torus, drawn 2x2, moved in four directions: D4 holds; 100 entries
    are projected.
    """

    single_action_space = spaces.Discrete(4)
    single_observation_space = spaces.Box(0, 1, (10, 10, 1), np.uint8)

    def __init__(self, num_envs, seed):
        self.action_space, self.observation_space = (
            batch_space(each, num_envs)
            for each in (self.single_action_space, self.single_observation_space)
        )
        self.num_envs, self.rng = num_envs, np.random.default_rng(seed)

    def reset(self, *, seed=None, options=None):
        self.at = self.rng.integers(5, size=(self.num_envs, 2))
        return self.picture(), {}

    def step(self, actions):
        self.at = (self.at + STEPS[actions]) % 5
        still = np.zeros(self.num_envs)
        return self.picture(), still, still > 0, still > 0, {}

    def picture(self):
        image = np.zeros((self.num_envs, 5, 5, 1), dtype=np.uint8)
        image[np.arange(self.num_envs), self.at[:, 0], self.at[:, 1]] = 1
        return image.repeat(2, axis=1).repeat(2, axis=2)


def test_statistics_of_pictures():
    adapter = SimpleNamespace(
        make=lambda options, count, seed, render=False: Torus(count, seed),
        simulator=lambda options, group: "it is hidden",
    )
    interface = Interface(
        (Term("observation", (10, 10, 1), "uint8", "image"),),
        RIGHT["gridworld"].interface.action,
        True,
    )
    types = {"observation": FieldType(bases.grid(D4, 10, 10), representations.trivial(D4))}
    right = Stand(D4, interface, types, moving(r=[1, 2, 3, 0], s=[0, 3, 2, 1]), adapter, None)
    wrong = replace(
        right, action=moving(r=[3, 0, 1, 2], s=[0, 3, 2, 1])
    )  # r turns actions the other way
    verdicts = [
        [row.verdict for row in check_environment(problem, samples=100).rows]
        for problem in (right, wrong)
    ]
    fine = "no evidence against (statistical)"
    assert verdicts == [[fine, fine], ["refuted", fine]]


@pytest.mark.parametrize("kind", ["box", "ball"])
def test_random_actions_stay_in_the_box(kind):
    action = Action("continuous", ("a", "b"), (2,), (-1.0, -1.0), (1.0, 1.0))
    images = {"box": [[0.0, -1.0], [1.0, 0.0]], "ball": [[0.6, -0.8], [0.8, 0.6]]}[kind]
    turn = Representation(group("C4"), "turn", 2, (np.array(images),))
    drawn = random_actions(action, turn, np.random.default_rng(0), 2000)
    assert np.abs(drawn).max() <= 1
    assert (np.linalg.norm(drawn, axis=1).max() <= 1 + 1e-6) == (kind == "ball")
    assert (
        energy_test(drawn[:500], drawn[500:1000] @ np.array(images).T, np.random.default_rng(0)).p
        > 0.01
    )


def test_energy_test_is_fair_and_sees_differences():
    rng = np.random.default_rng(0)
    fair = [
        energy_test(rng.normal(size=(40, 3)), rng.normal(size=(40, 3)), rng, 99).p
        for _ in range(200)
    ]
    assert 0.02 < np.mean(np.array(fair) <= 0.1) < 0.2  # 0.1 by construction
    x = rng.normal(size=(300, 2))
    correlated = np.stack(
        [x[:, 0], x[:, 0] * 0.9 + 0.44 * x[:, 1]], 1
    )  # same margins, another dependence
    assert energy_test(rng.normal(size=(300, 2)), correlated, rng).p <= 0.01


def test_standardised_blocks_weigh_the_same():
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=(100, 50)) * 1e3, rng.normal(size=(100, 1))
    one, other = standardised([wide, narrow, np.ones((100, 2))], [wide, narrow, np.ones((100, 2))])
    assert one.shape == other.shape == (100, 51)
    assert (one[:, :50] ** 2).sum(1).mean() == pytest.approx((one[:, 50:] ** 2).sum(1).mean())


def test_the_grain_of_a_drawing_is_no_difference_of_pictures_and_of_pictures_only():
    from symgen.proofs.exact_transitions import difference

    acts = cartpole().interface.action
    picture = Interface(
        (Term("observation", (4, 4, 1), "uint8", "image", scale=255.0),), acts, True
    )
    vector = Interface((Term("observation", (16,), scale=255.0),), acts, True)
    one, other = np.zeros((4, 4, 1)), np.zeros((4, 4, 1))
    other[2, 1] = 4.0  # a mean of 1/4
    assert difference(picture, one, other, 1e-3) == (4.0, "")
    assert difference(picture, one, other, 0.9e-3)[1]
    assert difference(vector, one.reshape(-1), other.reshape(-1), 1e-3)[1]


def test_terms_of_a_dict_are_told_apart():
    from symgen.proofs.exact_transitions import difference

    interface = Interface(
        (Term("a", (2,)), Term("b", (2, 2), "uint8", "tokens")), cartpole().interface.action, False
    )
    one = {"a": np.zeros(2), "b": np.zeros((2, 2), dtype=np.uint8)}
    other = {"a": np.zeros(2), "b": np.array([[0, 0], [0, 1]], dtype=np.uint8)}
    assert difference(interface, one, one) == (0.0, "")
    assert difference(interface, one, other) == (1.0, "in b[1, 1]: 0 and 1")
