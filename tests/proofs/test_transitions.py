"""Where no state can be set: two samples of transitions, and what the test assumes."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation
from symgen.envs import gridworld, gymnasium_env
from symgen.envs._compass import STEPS
from symgen.problem.interface import Action, Interface, Term
from symgen.proofs.check_env import check_environment
from symgen.proofs.transitions import random_actions
from symgen.proofs.two_samples import energy_test, standardised
from tests.proofs.stands import BLIND, D1, D4, Stand, cartpole, moving


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
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.num_envs = num_envs
        self.rng = np.random.default_rng(seed)

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
        title=lambda options: "torus",
    )
    interface = Interface(
        (Term("observation", (10, 10, 1), "uint8", "image"),),
        gridworld.interface(gridworld.Options()).action,
        True,
    )
    types = {"observation": FieldType(bases.grid(D4, 10, 10), representations.trivial(D4))}
    right = Stand(D4, interface, types, moving(r=[1, 2, 3, 0], s=[0, 3, 2, 1]), adapter, None)
    # r turns actions the other way
    wrong = replace(right, action=moving(r=[3, 0, 1, 2], s=[0, 3, 2, 1]))
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
    # same margins, another dependence
    correlated = np.stack([x[:, 0], x[:, 0] * 0.9 + 0.44 * x[:, 1]], 1)
    assert energy_test(rng.normal(size=(300, 2)), correlated, rng).p <= 0.01


def test_standardised_blocks_weigh_the_same():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(100, 50)) * 1e3
    narrow = rng.normal(size=(100, 1))
    blocks = [wide, narrow, np.ones((100, 2))]
    first, second = standardised(blocks, blocks)
    assert first.shape == second.shape == (100, 51)
    assert (first[:, :50] ** 2).sum(1).mean() == pytest.approx((first[:, 50:] ** 2).sum(1).mean())
