"""MiniGrid seen by symgen, against MiniGrid's own encodings, and its symmetry."""

import subprocess
import sys

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from symgen.algebra.catalogue import group
from symgen.envs import minigrid
from symgen.envs._compass import DIRECTIONS
from symgen.envs._minigrid_state import State
from symgen.envs._minigrid_tasks import task_of
from symgen.envs._minigrid_worlds import KNOWN
from symgen.envs.minigrid import Options
from symgen.problem.adapter import Simulator

pytest.importorskip("minigrid")
LAVA = "MiniGrid-LavaCrossingS9N1-v0"
KEY = "MiniGrid-DoorKey-6x6-v0"


def registered():
    import gymnasium

    return [name for name in gymnasium.registry if name.startswith("MiniGrid-")]


@pytest.mark.parametrize("id_", KNOWN)
def test_the_table_agrees_with_the_environment(id_):
    world = KNOWN[id_]
    env = task_of(id_)
    assert (env.height, env.width) == (world.rows, world.columns)
    coloured = set()
    overridden = type(env).step.__qualname__.split(".")[0] != "MiniGridEnv"
    for seed in range(5):
        env.reset(seed=seed)
        things = [thing for thing in env.grid.grid if thing is not None]
        assert {thing.type for thing in things} <= set(world.objects)
        coloured |= {
            (thing.type, thing.color)
            for thing in things
            if thing.type in ("door", "key", "ball", "box")
        }
    if not world.colours and len({colour for _, colour in coloured}) > 1:
        assert "MultiRoom" in id_  # its doors are of all colours, which tell nothing
    assert not (world.settable and overridden)
    assert world.restless == ("Dynamic" in id_)


def test_the_table_covers_what_has_no_goal_in_words():
    left = {name.split("-")[1] for name in registered() if name not in KNOWN}
    assert left == {"Fetch", "GoToDoor", "GoToObject", "Playground", "PutNear", "WFC"}


def test_nothing_heavy_is_imported_for_a_tabled_id():
    code = """
import sys
from symgen.algebra.catalogue import group
from symgen.envs import gridworld, minigrid
options = minigrid.Options(id="MiniGrid-LavaCrossingS9N1-v0")
for adapter, given in ((gridworld, gridworld.Options()), (minigrid, options)):
    adapter.interface(given)
    adapter.states(given, group("D4"))
    adapter.actions(given, group("D4"))
heavy = {"torch", "gymnasium", "minigrid", "pygame"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
minigrid.make(options, 1, 0)
assert {"gymnasium", "minigrid"} <= set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("moves", ["absolute", "turn"])
@pytest.mark.parametrize("view", ["full", "egocentric", "rgb"])
@pytest.mark.parametrize("id_", [LAVA, KEY, "MiniGrid-DistShift1-v0", "MiniGrid-UnlockPickup-v0"])
def test_interface_agrees_with_the_spaces(id_, view, moves):
    options = Options(id=id_, view=view, moves=moves, orientation=1)
    envs = minigrid.make(options, 2, 0)
    said = minigrid.interface(options)
    term = said.term("observation")
    assert envs.single_observation_space.shape == term.shape
    assert envs.single_observation_space.dtype == term.dtype
    assert envs.single_observation_space.high.max() == term.scale
    assert envs.single_action_space.n == said.action.parameters == len(said.action.names)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    if view != "rgb":
        assert term.shape[2] == len(minigrid.channels(options))
    envs.reset()
    for action in range(said.action.parameters):
        observation, *_ = envs.step(np.full(2, action))
        assert observation in envs.observation_space


def slow_full(env, names):
    """MiniGrid's own fully observable encoding, one-hot channel by channel."""
    from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX

    encoded = env.grid.encode().swapaxes(0, 1)  # MiniGrid's is [column, row]
    image = np.zeros((*encoded.shape[:2], len(names)), dtype=np.uint8)
    x, y = env.agent_pos
    for channel, name in enumerate(names):
        door = encoded[..., 0] == OBJECT_TO_IDX["door"]
        if name in OBJECT_TO_IDX and name != "agent":
            image[..., channel] = encoded[..., 0] == OBJECT_TO_IDX[name]
        elif name in COLOR_TO_IDX:
            image[..., channel] = (encoded[..., 1] == COLOR_TO_IDX[name]) & np.isin(
                encoded[..., 0], range(3, 8)
            )
        elif name in ("open", "closed", "locked"):
            image[..., channel] = door & (
                encoded[..., 2] == ("open", "closed", "locked").index(name)
            )
        elif name.startswith("carried "):
            carrying = env.carrying
            image[y, x, channel] = carrying is not None and name[8:] in (
                carrying.type,
                carrying.color,
            )
        elif name.startswith("heading "):
            image[y, x, channel] = ("right", "down", "left", "up")[env.agent_dir] == name[8:]
        else:
            image[y, x, channel] = name == "agent"
    return image


@pytest.mark.parametrize(
    ("id_", "moves"),
    [
        (LAVA, "absolute"),
        (LAVA, "turn"),
        (KEY, "turn"),
        (KEY, "absolute"),
        ("MiniGrid-UnlockPickup-v0", "turn"),
        ("MiniGrid-Dynamic-Obstacles-6x6-v0", "turn"),
        ("MiniGrid-MultiRoom-N2-S4-v0", "absolute"),
        ("MiniGrid-RedBlueDoors-6x6-v0", "turn"),
    ],
)
def test_the_full_view_is_minigrids_encoding_at_every_step(id_, moves):
    options = Options(id=id_, moves=moves, max_steps=40)
    envs = minigrid.make(options, 3, 0)
    names = minigrid.channels(options)
    (observation, _) = envs.reset()
    rng = np.random.default_rng(0)
    ended = np.zeros(3, dtype=bool)
    endings = 0
    for _ in range(150):
        for k, env in enumerate(envs.tasks.envs):
            np.testing.assert_array_equal(observation[k], slow_full(env, names))
            assert env.step_count > 0 or not ended[k]
        actions = rng.integers(envs.single_action_space.n, size=3)
        before = [env.step_count for env in envs.tasks.envs]
        was = ended
        (observation, reward, terminated, truncated, _) = envs.step(actions)
        ended = terminated | truncated
        endings += int(ended.sum())
        for k, env in enumerate(envs.tasks.envs):
            assert env.step_count == (0 if was[k] else before[k] + 1)
            assert not was[k] or (reward[k] == 0 and not ended[k])
    assert endings > 0


@pytest.mark.parametrize("id_", [LAVA, KEY])
def test_the_egocentric_view_is_minigrids_own(id_):
    options = Options(id=id_, view="egocentric", moves="turn")
    envs = minigrid.make(options, 1, 0)
    observation, _ = envs.reset()
    names = minigrid.channels(options)
    rng = np.random.default_rng(0)
    for _ in range(50):
        image = envs.tasks.envs[0].gen_obs()["image"]
        unseen = image[..., 0].T == 0
        assert (observation[0][..., names.index("unseen")] == unseen).all()
        assert (observation[0][..., names.index("wall")] == (image[..., 0].T == 2)).all()
        assert (observation[0][..., names.index("goal")] == (image[..., 0].T == 8)).all()
        observation, *_ = envs.step(rng.integers(2, size=1))
    assert observation[..., names.index("wall")].any()


def test_rewards_and_endings_are_minigrids():
    """Absolute moves along a known way: MiniGrid's reward after as many steps."""
    envs = minigrid.make(Options(id="MiniGrid-Empty-5x5-v0"), 1, 0)
    envs.reset()
    for name in ("down", "down", "right"):
        _, reward, terminated, _, _ = envs.step(np.array([DIRECTIONS.index(name)]))
        assert (reward[0], terminated[0]) == (0.0, False)
    _, reward, terminated, truncated, _ = envs.step(np.array([DIRECTIONS.index("right")]))
    assert reward[0] == pytest.approx(1 - 0.9 * 4 / 100)
    assert (terminated[0], truncated[0]) == (True, False)


@pytest.mark.parametrize("moves", ["absolute", "turn"])
@pytest.mark.parametrize("view", ["full", "egocentric", "rgb"])
@pytest.mark.parametrize(
    ("id_", "name", "oriented"),
    [
        (LAVA, "D4", {}),
        (LAVA, "C4", {"orientation": 3, "mirror": True}),
        ((LAVA, LAVA.replace("N1", "N3")), "D4", {"goal": "random"}),
        (KEY, "D4", {}),
        (KEY, "D1", {"mirror": True}),
        ("MiniGrid-MultiRoom-N2-S4-v0", "C2", {}),
        ("MiniGrid-DistShift1-v0", "D2", {"orientation": 1}),
    ],
)
def test_step_commutes_with_the_group(id_, name, oriented, view, moves):
    options = Options(id=id_, view=view, moves=moves, **oriented)
    acting = group(name)
    simulator = minigrid.simulator(options, acting)
    types = minigrid.states(options, acting)
    actions = minigrid.actions(options, acting)
    assert isinstance(simulator, Simulator)
    assert types is not None
    assert actions is not None
    field = types["observation"]
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(30):
        state = simulator.sample(rng)
        action = int(rng.integers(actions.size))
        seen = simulator.observe(state)
        after = simulator.step(state, action)
        changed += not simulator.same(
            after.state, State(state.cells, state.agent, state.heading, state.held, state.steps + 1)
        )
        for g in acting.generators:
            image = field.act(g, seen.reshape(*field.shape)).reshape(seen.shape)
            there = simulator.act(g, state, image)
            np.testing.assert_array_equal(simulator.observe(there), image)
            outcome = simulator.step(
                there, int(actions.act(g, np.eye(actions.size)[action]).argmax())
            )
            assert simulator.same(outcome.state, simulator.act(g, after.state, None))
            assert outcome[1:] == after[1:]
    assert changed > 5


def test_an_orientation_shows_the_turned_picture_of_the_same_levels():
    seeds = {"levels": [5, 6, 7]}
    plain = minigrid.make(Options(id=LAVA, moves="turn"), 3, 0)
    turned = minigrid.make(Options(id=LAVA, moves="turn", orientation=1), 3, 0)
    types = minigrid.states(Options(id=LAVA, moves="turn"), group("C4"))
    assert types is not None
    field = types["observation"]
    expected = field.act("r", plain.reset(options=seeds)[0].reshape(3, *field.shape))
    np.testing.assert_array_equal(turned.reset(options=seeds)[0].reshape(3, *field.shape), expected)
    frames = plain.render()
    turned_frames = turned.render()
    assert frames is not None
    assert turned_frames is not None
    np.testing.assert_array_equal(turned_frames[0], np.rot90(frames[0]))


def test_levels_come_from_the_range():
    envs = minigrid.make(Options(id="MiniGrid-FourRooms-v0", seed_range=(5, 7), max_steps=1), 4, 0)
    five, six = (envs.reset(options={"levels": [seed] * 4})[0][0] for seed in (5, 6))
    observation, _ = envs.reset()
    seen = 0
    for _ in range(10):
        for one in observation:
            assert (one == five).all() or (one == six).all()
            seen += (one == five).all()
        envs.step(np.zeros(4, dtype=int))
        observation, *_ = envs.step(np.zeros(4, dtype=int))
    assert 0 < seen < 40
    other = minigrid.make(Options(id="MiniGrid-FourRooms-v0"), 1, 0).reset()[0][0]
    assert not (other == five).all()


def test_seeds_decide_everything():
    def play(seed):
        envs = minigrid.make(Options(id=LAVA), 4, seed)
        actions = np.random.default_rng(0).integers(4, size=(40, 4))
        return np.stack([envs.reset()[0]] + [envs.step(a)[0] for a in actions])

    np.testing.assert_array_equal(play(3), play(3))
    assert not np.array_equal(play(3), play(4))


def test_a_colour_view_of_a_level_and_its_mirror():
    options = Options(id=KEY, view="rgb", resolution=30)
    envs = minigrid.make(options, 1, 0)
    picture = envs.reset(options={"levels": [0]})[0][0]
    assert picture.shape == (30, 30, 3)
    mirrored = minigrid.make(options.model_copy(update={"mirror": True}), 1, 0)
    np.testing.assert_array_equal(mirrored.reset(options={"levels": [0]})[0][0], np.fliplr(picture))
    assert not np.array_equal(np.fliplr(picture), picture)


def test_what_cannot_be_done_is_said():
    with pytest.raises(ValueError, match="did you mean 'MiniGrid-LavaCrossingS9N1-v0'"):
        minigrid.interface(Options(id="MiniGrid-LavaCrossingS9N1-v7"))
    with pytest.raises(ValueError, match="given in words"):
        minigrid.interface(Options(id="MiniGrid-GoToDoor-5x5-v0"))
    with pytest.raises(ValueError, match="needs a square grid"):
        minigrid.states(Options(id="MiniGrid-DistShift1-v0"), group("C4"))
    with pytest.raises(ValueError, match="must hold 2 seeds"):
        minigrid.make(Options(id=LAVA), 2, 0).reset(options={"levels": [1]})
    with pytest.raises(ValidationError):
        Options(id=LAVA, interactions=("jump",))
    assert minigrid.states(Options(id=LAVA), group("C3")) is None
    assert minigrid.actions(Options(id=LAVA), group("C3")) is None
    assert "MiniGrid-MemoryS7-v0" in minigrid.simulator(
        Options(id="MiniGrid-MemoryS7-v0"), group("D1")
    )
    assert all(field.description for field in Options.model_fields.values())


MIX = tuple(f"MiniGrid-LavaCrossingS9N{n}-v0" for n in (1, 2))


def test_ids_are_mixed_level_by_level():
    envs = minigrid.make(Options(id=MIX), 4, 0)
    mixed = envs.reset(options={"levels": [4, 5, 6, 7]})[0]
    assert [env.num_crossings for env in envs.tasks.envs] == [1, 2, 1, 2]
    for k, level in enumerate((4, 5, 6, 7)):
        alone = minigrid.make(Options(id=MIX[level % 2]), 1, 0).reset(options={"levels": [level]})[
            0
        ]
        np.testing.assert_array_equal(mixed[k], alone[0])
    seen = set()
    for _ in range(60):  # every environment plays every task
        envs.step(np.full(4, DIRECTIONS.index("right")))
        seen |= {(k, env.num_crossings) for k, env in enumerate(envs.tasks.envs)}
        envs._ended[:] = True
    assert len(seen) == 8
    assert Options.model_validate({"id": list(MIX)}).ids == MIX
    assert minigrid.interface(Options(id=MIX)) == minigrid.interface(Options(id=LAVA))
    assert isinstance(minigrid.simulator(Options(id=MIX), group("D4")), Simulator)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"id": (LAVA, "MiniGrid-LavaGapS7-v0")}, "cannot be mixed: their rows are 9 and 7"),
        ({"id": (LAVA, "MiniGrid-LavaCrossingS9N7-v0")}, "did you mean"),
        ({"id": KEY, "goal": "random"}, "the goal of MiniGrid-DoorKey-6x6-v0 cannot be moved"),
    ],
    ids=str,
)
def test_what_cannot_be_mixed_or_moved_is_said(options, words):
    with pytest.raises(ValueError, match=words):
        minigrid.interface(Options(**options))


@pytest.mark.parametrize("ids", [MIX, (LAVA, LAVA.replace("Lava", "Simple"))], ids=str)
@pytest.mark.parametrize("goal", ["corner", "top_right", "bottom_left", "random"])
def test_a_moved_goal_is_where_it_was_asked_for(goal, ids):
    from symgen.envs import _lava

    envs = minigrid.make(Options(id=ids, goal=goal, moves="turn"), 10, 0)
    observation, _ = envs.reset(options={"levels": range(10)})
    names = minigrid.channels(Options(id=ids, moves="turn"))
    goals = {
        tuple(place) for place in np.argwhere(observation[..., names.index("goal")])[:, 1:].tolist()
    }
    corners = {"corner": {(7, 7)}, "top_right": {(1, 7)}, "bottom_left": {(7, 1)}}
    assert goals == corners[goal] if goal in corners else len(goals) > 5
    assert all(
        (*env.agent_pos, env.agent_dir, env.step_count) == (1, 1, 0, 0) for env in envs.tasks.envs
    )
    for k, env in enumerate(envs.tasks.envs):
        np.testing.assert_array_equal(observation[k], slow_full(env, names))
        if goal != "corner":
            made = _lava.LAVA if env.obstacle_type.__name__ == "Lava" else _lava.WALL
            cells = _lava.level(k, 9, env.num_crossings, made, goal).cells
            expected = {_lava.WALL: "wall", _lava.LAVA: "lava", _lava.GOAL: "goal"}
            for code, name in expected.items():
                np.testing.assert_array_equal(observation[k][..., names.index(name)], cells == code)


def test_success_is_told():
    envs = minigrid.make(Options(id="MiniGrid-Empty-5x5-v0"), 1, 0)
    envs.reset()
    told = [
        envs.step(np.array([DIRECTIONS.index(n)]))[4]["success"][0]
        for n in ("down", "down", "right", "right")
    ]
    assert told == [False, False, False, True]
    assert not envs.step(np.array([0]))[4]["success"][0]


def test_an_id_beyond_the_table_is_probed():
    world = minigrid._world(("MiniGrid-Playground-v0",))
    assert (world.rows, world.columns, world.restless) == (19, 19, True)


def test_a_missing_package_names_the_extra(monkeypatch):
    from symgen.errors import UserError

    monkeypatch.setitem(sys.modules, "minigrid", None)
    with pytest.raises(UserError, match="missing-package") as error:
        minigrid.make(Options(id=LAVA), 1, 0)
    assert "symgen[minigrid]" in error.value.hint
