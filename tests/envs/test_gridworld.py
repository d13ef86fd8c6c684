"""The lava laboratory against a slow, obvious twin, and its symmetry."""

from collections import Counter

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from symgen.algebra.catalogue import group
from symgen.envs import _lava, gridworld
from symgen.envs._compass import STEPS, moves_of
from symgen.envs._lava import GOAL, LAVA, WALL
from symgen.envs.gridworld import Options
from symgen.problem.adapter import Simulator
from tests.envs.walks import walked

GOALS = ("corner", "top_right", "bottom_left", "random")
VIEWS = ({"view": "full"}, {"view": "egocentric", "window": 5}, {"view": "rgb", "resolution": 14})
MOVES = ("absolute", "turn")


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize(("size", "crossings"), [(5, 0), (5, 2), (9, 1), (9, 3), (9, 6), (13, 7)])
def test_every_level_has_its_rivers_one_opening_each_and_a_way(size, crossings, goal):
    for seed in range(60):
        level = _lava.level(seed, size, crossings, goal=goal)
        cells = level.cells
        inner = cells[1:-1, 1:-1]
        assert (cells[[0, -1]] == WALL).all()
        assert (cells[:, [0, -1]] == WALL).all()
        assert (cells == GOAL).sum() == 1
        # A river is a line with more lava than the lines that only cross it leave floor.
        rivers = [k for k in range(size - 2) if (inner[k] == LAVA).sum() > (size - 3) // 2]
        rivers_c = [k for k in range(size - 2) if (inner[:, k] == LAVA).sum() > (size - 3) // 2]
        assert len(rivers) + len(rivers_c) == crossings
        lava = len(rivers + rivers_c) * (size - 2) - len(rivers) * len(rivers_c)
        assert (cells == LAVA).sum() == lava - crossings
        assert tuple(np.argwhere(cells == GOAL)[0]) in walked(cells, level.agent)


def test_a_goal_behind_lava_is_told_apart():
    cells = _lava.level(3, 9, 1).cells.copy()
    row, column = np.argwhere(cells == GOAL)[0]
    cells[row - 1, column] = cells[row, column - 1] = LAVA
    assert (row, column) not in walked(cells, (1, 1))


def test_levels_are_distributed_as_those_of_minigrid():
    crossing = pytest.importorskip("minigrid.envs.crossing")
    env = crossing.CrossingEnv(size=7, num_crossings=1)
    theirs = Counter()
    ours = Counter()
    for seed in range(1500):
        env.reset(seed=seed)
        rows = [
            [cell.type if cell else "" for cell in env.grid.grid[r * 7 : r * 7 + 7]]
            for r in range(7)
        ]
        theirs[str([[kind == "lava" for kind in row] for row in rows])] += 1
        ours[str((_lava.level(seed, 7, 1).cells == LAVA).tolist())] += 1
    assert set(ours) == set(theirs)
    assert len(ours) == 20  # two rivers in each of two directions, five openings
    assert max(abs(ours[k] - theirs[k]) for k in ours) < 60  # expected 75 +- 8.5 each


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("orientation", range(4))
def test_an_oriented_level_is_the_turned_picture(orientation, mirror, goal):
    for seed in range(20):
        plain = _lava.level(seed, 9, 2, goal=goal)
        level = _lava.level(seed, 9, 2, goal=goal, orientation=orientation, mirror=mirror)
        picture = np.fliplr(plain.cells) if mirror else plain.cells
        np.testing.assert_array_equal(level.cells, np.rot90(picture, orientation))


def slow_step(level, action, turning, max_steps):
    """One step in the plainest words: the oracle of the vector environment."""
    row, column = level.agent
    heading = level.heading
    steps = level.steps + 1
    if turning and action < 2:
        heading = (heading + (1 if action == 0 else -1)) % 4
    else:
        there = np.array((row, column)) + STEPS[heading if turning else action]
        heading = heading if turning else action
        if level.cells[tuple(there)] != WALL:
            row, column = there.tolist()
    kind = level.cells[row, column]
    reward = 1 - 0.9 * steps / max_steps if kind == GOAL else 0.0
    ended = kind in (GOAL, LAVA)
    return (
        _lava.Level(level.cells, (row, column), heading, steps),
        reward,
        ended,
        steps >= max_steps and not ended,
    )


def slow_observation(level, turning):
    image = np.zeros((9, 9, 7 if turning else 4), dtype=np.uint8)
    for channel, kind in enumerate((WALL, LAVA, GOAL)):
        image[..., channel] = level.cells == kind
    image[(*level.agent, 3 + level.heading if turning else 3)] = 1
    return image


@pytest.mark.parametrize("moves", MOVES)
def test_vector_environment_agrees_with_its_slow_twin(moves):
    options = Options(moves=moves, goal="random", levels=20, max_steps=15)
    envs = gridworld.make(options, 6, 0)
    observation, _ = envs.reset(seed=1)
    levels = envs.states()
    ended = [False] * 6
    counts = Counter()
    rng = np.random.default_rng(0)
    for _ in range(400):
        actions = rng.integers(envs.single_action_space.n, size=6)
        observation, reward, terminated, truncated, info = envs.step(actions)
        assert observation in envs.observation_space
        np.testing.assert_array_equal(info["success"], reward > 0)
        for k in range(6):
            if ended[k]:  # NEXT_STEP: this action was ignored and a level began
                levels[k], expected = envs.states()[k], (0.0, False, False)
                assert levels[k].steps == 0
                assert levels[k].agent == (1, 1)
            else:
                levels[k], *expected = slow_step(levels[k], actions[k], options.turning, 15)
            assert (reward[k], terminated[k], truncated[k]) == tuple(expected)
            np.testing.assert_array_equal(
                observation[k], slow_observation(levels[k], options.turning)
            )
            ended[k] = terminated[k] or truncated[k]
            counts.update(
                goal=int(reward[k] > 0), lava=int(terminated[k]), truncated=int(truncated[k])
            )
    assert min(counts.values()) > 5, counts


def test_reward_at_the_goal():
    envs = gridworld.make(Options(crossings=0, size=5, max_steps=100), 1, 0)
    envs.reset()
    for action in (2, 2, 3):
        _, reward, terminated, _, _ = envs.step(np.array([action]))
        assert (reward[0], terminated[0]) == (0.0, False)
    _, reward, terminated, truncated, _ = envs.step(np.array([3]))
    assert (reward[0], terminated[0], truncated[0]) == (1 - 0.9 * 4 / 100, True, False)


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("moves", MOVES)
def test_observations_are_safe_to_keep(view, moves):
    envs = gridworld.make(Options(moves=moves, **view), 4, 0)
    first, _ = envs.reset(seed=0)
    kept = first.copy()
    later = first
    for action in (2, 2, 1, 2):
        later = envs.step(np.full(4, action))[0]
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(later, kept)


@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize("view", [*VIEWS, {"heading": "shown"}, {"heading": "ahead"}], ids=str)
@pytest.mark.parametrize("name", ["C2", "C4", "D1", "D4"])
def test_step_commutes_with_the_group(name, view, moves):
    options = Options(moves=moves, crossings=2, goal="random", **view)
    acting = group(name)
    simulator = gridworld.simulator(options, acting)
    types = gridworld.states(options, acting)
    actions = gridworld.actions(options, acting)
    assert isinstance(simulator, Simulator)
    assert types is not None
    assert actions is not None
    field = types["observation"]
    rng = np.random.default_rng(0)
    moved = 0
    for _ in range(40):
        state = simulator.sample(rng)
        action = int(rng.integers(actions.size))
        seen = simulator.observe(state)
        after = simulator.step(state, action)
        for g in acting.generators:
            image = field.act(g, seen.reshape(*field.shape)).reshape(seen.shape)
            there = simulator.act(g, state, image)
            np.testing.assert_array_equal(simulator.observe(there), image)
            outcome = simulator.step(
                there, int(actions.act(g, np.eye(actions.size)[action]).argmax())
            )
            assert simulator.same(outcome.state, simulator.act(g, after.state, None))
            assert outcome[1:] == after[1:]
            moved += not np.array_equal(image, seen)
    # What an agent sees ahead of itself is the same in every turned level.
    blind = options.view == "egocentric" and options.turning and "s" not in acting.generators
    assert (moved == 0) == blind


def test_a_level_of_an_orientation_is_seen_as_the_turned_observation():
    plain = gridworld.make(Options(moves="turn"), 8, 0)
    turned = gridworld.make(Options(moves="turn", orientation=1), 8, 0)
    seeds = {"levels": np.arange(8)}
    types = gridworld.states(Options(moves="turn"), group("C4"))
    assert types is not None
    field = types["observation"]
    expected = field.act("r", plain.reset(options=seeds)[0].reshape(8, *field.shape))
    np.testing.assert_array_equal(turned.reset(options=seeds)[0].reshape(8, *field.shape), expected)


def test_seeds_decide_everything():
    def play(seed):
        envs = gridworld.make(Options(crossings=3), 16, seed)
        actions = np.random.default_rng(0).integers(4, size=(50, 16))
        return np.stack([envs.reset()[0]] + [envs.step(a)[0] for a in actions])

    np.testing.assert_array_equal(play(3), play(3))
    assert not np.array_equal(play(3), play(4))


def test_given_levels_are_started_and_others_refused():
    envs = gridworld.make(Options(seed_range=(100, 110)), 3, 0)
    envs.reset(options={"levels": [109, 100, 104]})
    for state, seed in zip(envs.states(), (109, 100, 104), strict=True):
        np.testing.assert_array_equal(state.cells, _lava.level(seed).cells)
    with pytest.raises(ValueError, match="must lie in range"):
        envs.reset(options={"levels": [109, 100, 110]})
    with pytest.raises(ValueError, match="hold 3 seeds"):
        envs.reset(options={"levels": [109]})
    with pytest.raises(ValueError, match="actions must lie in"):
        envs.step(np.array([0, 1, 4]))


@pytest.mark.parametrize("moves", MOVES)
@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_interface_agrees_with_the_spaces(view, moves):
    options = Options(moves=moves, **view)
    envs = gridworld.make(options, 2, 0)
    said = gridworld.interface(options)
    assert envs.single_observation_space.shape == said.term("observation").shape
    assert envs.single_observation_space.dtype == said.term("observation").dtype
    assert envs.single_observation_space.high.max() == said.term("observation").scale
    assert envs.single_action_space.n == said.action.parameters
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_groups_that_mean_nothing_here_are_declined():
    for name in ("C3", "S4", "C2 x C2"):
        assert gridworld.states(Options(), group(name)) is None
        assert gridworld.actions(Options(), group(name)) is None
        assert (
            gridworld.simulator(Options(), group(name))
            == "what the group does to a picture is not known"
        )
    assert moves_of(group("C1")) == {}


def test_frames():
    envs = gridworld.make(Options(moves="turn"), 2, 0)
    envs.reset()
    frames = envs.render()
    assert frames is not None
    assert len(frames) == 2
    assert frames[0].shape == (144, 144, 3)
    assert len(np.unique(frames[0].reshape(-1, 3), axis=0)) > 4


def test_a_list_of_crossings_is_dealt_to_the_levels_in_turn():
    envs = gridworld.make(Options(crossings=(1, 3), seed_range=(10, 16)), 6, 0)
    envs.reset(options={"levels": range(10, 16)})
    for seed, state in zip(range(10, 16), envs.states(), strict=True):
        np.testing.assert_array_equal(
            state.cells, _lava.level(seed, 9, 1 if seed % 2 == 0 else 3).cells
        )
    assert Options.model_validate({"crossings": [1, 3]}).crossings == (1, 3)


@pytest.mark.parametrize("moves", MOVES)
def test_the_cell_ahead_is_marked(moves):
    envs = gridworld.make(Options(heading="ahead", moves=moves, kind="chiral_maze"), 6, 0)
    channel = gridworld.channels(Options(heading="ahead", moves=moves, kind="chiral_maze")).index(
        "ahead"
    )
    plain = gridworld.make(Options(heading="hidden", moves=moves, kind="chiral_maze"), 6, 0)
    rng = np.random.default_rng(0)
    seen = envs.reset(seed=0)[0]
    bare = plain.reset(seed=0)[0]
    for _ in range(60):
        for k, state in enumerate(envs.states()):
            expected = np.zeros((9, 9))
            expected[tuple(np.array(state.agent) + STEPS[state.heading])] = 1
            np.testing.assert_array_equal(seen[k][..., channel], expected)
        np.testing.assert_array_equal(np.delete(seen, channel, -1), bare)
        actions = rng.integers(3, size=6)
        seen = envs.step(actions)[0]
        bare = plain.step(actions)[0]


@pytest.mark.parametrize("view", [{"view": "full"}, {"view": "rgb"}], ids=str)
def test_a_heading_can_be_shown_where_moves_are_absolute(view):
    envs, hidden = (
        gridworld.make(Options(heading=heading, **view), 4, 0) for heading in ("shown", "hidden")
    )
    levels = {"levels": range(4)}
    looks = [envs.reset(options=levels)[0], envs.step(np.arange(4))[0]]
    blind = [hidden.reset(options=levels)[0], hidden.step(np.arange(4))[0]]
    assert [state.heading for state in envs.states()] == [0, 1, 2, 3]
    assert (looks[0][0] != looks[1][0]).any()  # up against the wall: only the heading changes
    assert (blind[0][0] == blind[1][0]).all()
    options = Options(heading="shown", **view)
    assert (
        gridworld.interface(options).term("observation").shape
        == envs.single_observation_space.shape
    )
    assert len(gridworld.channels(options)) == (7 if options.view == "full" else 4)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"size": 8}, "must be odd"),
        ({"size": 5, "crossings": 3}, "at most 2 rivers"),
        ({"crossings": [1, 7]}, "at most 6 rivers"),
        ({"crossings": []}, "at least one number"),
        ({"crossings": [-1]}, "greater than or equal to 0"),
        ({"kind": "maze", "crossings": 1}, "of kind: crossing"),
        ({"kind": "chiral_maze", "goal": "random"}, "of kind: crossing"),
        ({"view": "rgb", "resolution": 8}, "at least one pixel"),
        ({"seed_range": [5, 5]}, "must be .first"),
        ({"seed_range": [0, 10**9]}, "must be .first"),
        ({"orientation": 4}, "less than or equal to 3"),
        ({"sise": 9}, "Extra inputs"),
        ({"size": "9"}, "valid integer"),
    ],
)
def test_bad_options(bad, words):
    with pytest.raises(ValidationError, match=words):
        Options.model_validate(bad)


def test_every_option_is_described():
    assert all(field.description for field in Options.model_fields.values())
    assert Options.model_validate({"seed_range": [0, 10]}).seeds == range(10)
