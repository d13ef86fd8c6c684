"""Mazes have one way, and chiral ones tell left from right."""

import numpy as np
import pytest

from symgen.compiler import check_spec
from symgen.envs import _lava, _maze, gridworld
from symgen.envs._compass import STEPS
from symgen.envs._lava import FLOOR, GOAL, MARK, WALL
from symgen.envs.gridworld import Options
from symgen.proofs.check_env import check_environment
from tests.envs.walks import walked

MOVES = ("absolute", "turn")
MAZES = ("maze", "chiral_maze")


@pytest.mark.parametrize("kind", MAZES)
@pytest.mark.parametrize("size", [5, 7, 9, 11])
def test_a_maze_has_one_way_between_any_two_places(kind, size):
    for seed in range(40):
        level = _maze.maze(seed, size, kind == "chiral_maze")
        floor = level.cells != WALL
        assert not floor[[0, -1]].any()
        assert not floor[:, [0, -1]].any()
        doors = (floor[:, 1:] & floor[:, :-1]).sum() + (floor[1:] & floor[:-1]).sum()
        assert doors == floor.sum() - 1  # a tree, for all of it is connected:
        walk = _lava.Level(np.where(floor, FLOOR, WALL).astype(np.uint8), level.agent)
        assert len(walked(walk.cells, level.agent)) == floor.sum()
        for row, column in np.argwhere(level.cells == GOAL):  # goals lie in dead ends
            assert sum(floor[row + dr, column + dc] for dr, dc in STEPS) == 1
        assert floor[level.agent]


def test_a_chiral_maze_is_its_own_mirror_image_and_knows_left():
    places = set()
    for seed in range(40):
        cells = _maze.maze(seed, 9, True).cells
        np.testing.assert_array_equal(cells, np.fliplr(cells))
        assert (cells == MARK).sum() == 1
        assert (cells == GOAL).sum() == 2
        wrong = divmod(_maze.wrong_goal(cells), 9)
        assert wrong[1] > 4  # the mark lies below, so its left is the picture's left
        places.add(wrong)
        for turns in range(4):
            turned = np.rot90(cells, turns)
            goals = np.zeros((9, 9), dtype=bool)
            goals[wrong] = True
            assert _maze.wrong_goal(turned) == np.rot90(goals, turns).argmax()
    assert len(places) > 3
    assert _maze.wrong_goal(_maze.maze(0, 9).cells) == -1


@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize(
    ("name", "kind", "refuted"),
    [
        ("C4", "chiral_maze", set()),
        ("D4", "chiral_maze", {"s"}),
        ("D1", "chiral_maze", {"s"}),
        ("D4", "maze", set()),
    ],
)
def test_only_chiral_mazes_refute_mirrors(name, kind, refuted, moves):
    spec = {
        "symgen": 1,
        "environment": {"adapter": "gridworld", "kind": kind, "moves": moves, "levels": 50},
        "symmetry": {"group": name},
        "network": {"family": "group_mlp"},
        "train": {"algorithm": "ppo", "steps": 1000},
    }
    rows = check_environment(check_spec(spec), samples=150).rows
    assert {row.generator for row in rows if row.verdict == "refuted"} == refuted
    assert {row.generator for row in rows if row.verdict == "holds"} == {
        row.generator for row in rows
    } - refuted
    for row in rows:
        differ = {part for part, count in row.mismatches.items() if count}
        assert differ == ({"reward"} if row.verdict == "refuted" else set())


def test_the_goal_on_the_right_ends_the_episode_for_nothing():
    envs = gridworld.make(Options(kind="chiral_maze", size=5, max_steps=100), 2, 0)
    cells = _maze.maze(0, 5, True).cells  # ##### #G#G# #.#.# #.*.# #####
    envs.load([_lava.Level(cells, (2, 1)), _lava.Level(cells, (2, 3))])
    _, reward, terminated, _, info = envs.step(np.array([0, 0]))
    assert reward.tolist() == [1 - 0.9 / 100, 0]
    assert terminated.tolist() == [True, True]
    assert info["success"].tolist() == [True, False]
    _, reward, terminated, _, info = envs.step(np.array([0, 0]))
    assert not info["success"].any()
    assert not terminated.any()
