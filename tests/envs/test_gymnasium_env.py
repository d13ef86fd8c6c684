"""Any Gymnasium environment: spaces described, mistakes told, states set."""

import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from symgen.algebra.catalogue import group
from symgen.envs import gymnasium_env
from symgen.envs._gymnasium_simulator import Told
from symgen.envs._gymnasium_spaces import interface_of
from symgen.envs.gymnasium_env import Options
from symgen.errors import UserError
from symgen.problem.adapter import Simulator

DISCRETE = spaces.Discrete(3)


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (spaces.Box(-1, 1, (4,)), ("vector", (4,), "float32", 0, 1.0)),
        (spaces.Box(-1, 1, (4, 2), np.float64), ("tokens", (4, 2), "float64", 0, 1.0)),
        (spaces.Box(0, 255, (8, 6, 3), np.uint8), ("image", (8, 6, 3), "uint8", 0, 255.0)),
        (spaces.Box(0, 1, (8, 6, 3), np.uint8), ("image", (8, 6, 3), "uint8", 0, 1.0)),
        (spaces.Box(0, 255, (128,), np.uint8), ("vector", (128,), "uint8", 0, 255.0)),
        (spaces.Box(0, 255, (8, 6, 3), np.float32), ("image", (8, 6, 3), "float32", 0, 255.0)),
        (spaces.Box(0, 255, (8, 6), np.float32), ("tokens", (8, 6), "float32", 0, 255.0)),
        (spaces.Box(-20, 10, (8, 6, 3), np.float32), ("image", (8, 6, 3), "float32", 0, 20.0)),
        (spaces.Box(0, 65_535, (8, 6, 3), np.uint16), ("image", (8, 6, 3), "uint16", 0, 65_535.0)),
        (spaces.Box(0, 2**31 - 1, (8, 6, 3), np.int32), ("image", (8, 6, 3), "int32", 0, 1.0)),
        (
            spaces.Box(-np.inf, np.inf, (8, 6, 3), np.float32),
            ("image", (8, 6, 3), "float32", 0, 1.0),
        ),
        (spaces.Box(-20, 20, (4,), np.float32), ("vector", (4,), "float32", 0, 1.0)),
        (spaces.Discrete(16), ("discrete", (), "int64", 16, 1.0)),
        (spaces.MultiBinary(5), ("vector", (5,), "int8", 0, 1.0)),
        (spaces.MultiDiscrete([3, 4]), ("vector", (2,), "int64", 0, 1.0)),
    ],
    ids=str,
)
def test_observation_spaces(space, expected):
    single = interface_of(space, DISCRETE, "X-v0")
    (term,) = single.terms
    assert (term.layout, term.shape, term.dtype, term.size, term.scale) == expected
    assert single.single
    assert term.name == "observation"
    several = interface_of(spaces.Dict({"b": space, "a": spaces.Box(0, 1, (2,))}), DISCRETE, "X-v0")
    assert not several.single
    assert {one.name: one.layout for one in several.terms} == {"b": expected[0], "a": "vector"}


@pytest.mark.parametrize(
    ("space", "kind", "sizes"),
    [
        (spaces.Discrete(3), "discrete", (3,)),
        (spaces.MultiDiscrete([3, 4]), "multi_discrete", (3, 4)),
        (spaces.MultiBinary(3), "multi_discrete", (2, 2, 2)),
        (spaces.Box(-2, 1, (2,)), "continuous", (2,)),
    ],
    ids=str,
)
def test_action_spaces(space, kind, sizes):
    action = interface_of(DISCRETE, space, "X-v0").action
    assert (action.kind, action.sizes) == (kind, sizes)
    assert len(action.names) == (sizes[0] if kind != "multi_discrete" else len(sizes))
    assert (action.low, action.high) == (
        ((-2.0, -2.0), (1.0, 1.0)) if kind == "continuous" else ((), ())
    )


@pytest.mark.parametrize(
    ("observation", "action", "words"),
    [
        (spaces.Dict({"a": spaces.Dict({"b": DISCRETE})}), DISCRETE, "dict in a dict"),
        (spaces.Tuple((DISCRETE, DISCRETE)), DISCRETE, "Tuple space"),
        (spaces.Text(5), DISCRETE, "Text space"),
        (spaces.Discrete(3, start=1), DISCRETE, "counts from 1"),
        (spaces.Box(0, 1, (2, 2, 2, 2)), DISCRETE, "has the shape"),
        (spaces.Box(0, 1, ()), DISCRETE, "has the shape"),
        (DISCRETE, spaces.Box(0, 1, (2, 2)), "the actions of X-v0"),
        (DISCRETE, spaces.Tuple((DISCRETE,)), "the actions of X-v0"),
    ],
    ids=str,
)
def test_spaces_that_nothing_describes_are_refused(observation, action, words):
    with pytest.raises(ValueError, match=words):
        interface_of(observation, action, "X-v0")


def test_cartpole():
    said = gymnasium_env.interface(Options(id="CartPole-v1"))
    assert said.action.names == ("left", "right")
    assert said.term("observation").shape == (4,)
    assert gymnasium_env.states(Options(id="CartPole-v1"), group("D1")) is None
    assert gymnasium_env.actions(Options(id="CartPole-v1"), group("D1")) is None


def test_out_of_date_ids_and_arguments_make_no_noise():
    envs = gymnasium_env.make(Options(id="CartPole-v0", kwargs={"sutton_barto_reward": True}), 2, 0)
    assert envs.step(np.zeros(2, dtype=int))[1].tolist() == [0, 0]


@pytest.mark.parametrize("vectorization", ["sync", "native"])
def test_make_resets_by_itself_and_from_its_seed(vectorization):
    options = Options(id="CartPole-v1", vectorization=vectorization, max_episode_steps=5)

    def play(seed):
        envs = gymnasium_env.make(options, 3, seed)
        assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        steps = [envs.step(np.ones(3, dtype=int)) for _ in range(7)]
        assert [bool(step[3].all()) for step in steps] == [False] * 4 + [True, False, False]
        return np.stack([step[0] for step in steps])

    np.testing.assert_array_equal(play(0), play(0))
    one = play(0)
    other = play(1)
    assert not any(
        (a == b).all() for a in one[0] for b in other[0]
    )  # no environment is shared between seeds


@pytest.mark.slow
def test_processes():
    envs = gymnasium_env.make(Options(id="CartPole-v1", vectorization="async"), 2, 0)
    try:
        assert envs.reset()[0].shape == (2, 4)
    finally:
        envs.close()


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("CartPol-v1", "did you mean 'CartPole-v1'"),
        ("CartPole-v9", "did you mean 'CartPole-v1'"),
        ("Nowhere/Nothing-v0", "has no 'Nowhere/Nothing-v0'"),
        ("ALE/Nothing-v5", "adapter: atari"),
        ("MiniGrid-Nothing-v0", "adapter: minigrid"),
        ("Blackjack-v1", "Tuple space"),
    ],
)
def test_wrong_ids(id_, words):
    with pytest.raises(ValueError, match=words):
        gymnasium_env.interface(Options(id=id_))


def test_other_mistakes():
    with pytest.raises(ValueError, match=r"takes no argument .colour"):
        gymnasium_env.interface(Options(id="CartPole-v1", kwargs={"colour": "red"}))
    with pytest.raises(ValueError, match="no native vector version"):
        gymnasium_env.make(Options(id="Acrobot-v1", vectorization="native"), 1, 0)
    for bad in (
        {"id": "os:CartPole-v1"},
        {"id": "CartPole-v1", "kwargs": {"render_mode": "human"}},
    ):
        with pytest.raises(ValidationError):
            Options.model_validate(bad)
    assert all(field.description for field in Options.model_fields.values())


def test_a_missing_package_names_the_extra(monkeypatch):
    for name in ("Box2D", "gymnasium.envs.box2d", "gymnasium.envs.box2d.lunar_lander"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match="missing-package") as error:
        gymnasium_env.interface(Options(id="LunarLander-v3"))
    assert "symgen[box2d]" in error.value.hint


def test_hidden_entries_are_the_only_difference():
    whole = gymnasium_env.make(Options(id="CartPole-v1"), 2, 0)
    options = Options(id="CartPole-v1", hide=(2, 4))
    shown = gymnasium_env.make(options, 2, 0)
    assert gymnasium_env.interface(options).term("observation").shape == (2,)
    assert gymnasium_env.names(options)["observation"] == ("cart position", "pole angle")
    space = whole.single_observation_space
    assert shown.single_observation_space.high.tolist() == space.high[[0, 2]].tolist()
    actions = np.random.default_rng(0).integers(2, size=(60, 2))
    before, after = whole.reset(seed=1)[0], shown.reset(seed=1)[0]
    for action in actions:  # episodes end on the way
        np.testing.assert_array_equal(after, before[:, [0, 2]])
        assert not np.array_equal(after, before[:, [1, 3]])  # control
        before, *told = whole.step(action)
        after, *same = shown.step(action)
        for one, other in zip(told[:3], same[:3], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("id_", "hide", "words"),
    [
        ("CartPole-v1", (5,), "entry 5 is to be hidden, and the observation has 4"),
        ("CartPole-v1", (4, 1, 3, 2), "all 4 entries"),
        ("FrozenLake-v1", (1,), "entries of a vector can be hidden"),
    ],
)
def test_what_cannot_be_hidden(id_, hide, words):
    with pytest.raises(ValueError, match=words):
        gymnasium_env.interface(Options(id=id_, hide=hide))


def test_what_the_group_does_to_hidden_entries_is_not_guessed():
    options = Options(id="CartPole-v1", hide=(2, 4))
    assert gymnasium_env.simulator(options, group("D1")) == (
        "what the group does to the hidden entries of its states is not said"
    )


SETTABLE = [
    "CartPole-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "Pendulum-v1",
    "Acrobot-v1",
]


def simulator(id_):
    found = gymnasium_env.simulator(Options(id=id_), group("D1"))
    assert isinstance(found, Simulator), found
    return found


@pytest.mark.parametrize("id_", SETTABLE)
def test_a_state_that_is_set_goes_on_as_the_environment_itself(id_):
    env = gymnasium.make(id_).unwrapped
    ours = simulator(id_)
    rng = np.random.default_rng(0)
    env.action_space.seed(0)
    state, _ = env.reset(seed=3)
    for _ in range(20):
        told = Told(state, np.zeros(0))
        np.testing.assert_allclose(ours.observe(told), state, atol=1e-6)
        action = env.action_space.sample()
        outcome = ours.step(told, action)
        state, reward, terminated, _, _ = env.step(action)
        np.testing.assert_allclose(outcome.state.seen, state, atol=1e-5)
        assert outcome.reward == pytest.approx(reward, abs=1e-4)
        assert outcome.terminated == terminated
    one = ours.sample(rng)
    assert ours.same(one, one._replace(seen=one.seen + 1e-7))
    assert not ours.same(one, one._replace(seen=one.seen + 1e-2))
    assert ours.describe(one)


BARE = {"include_cfrc_ext_in_observation": False}
PROBES = {
    "Ant": {
        9: ("front right hip", "qpos"),
        0: ("x velocity", "qvel"),
        13: ("back right ankle velocity", "qvel"),
    },
    "HalfCheetah": {
        2: ("pitch", "qpos"),
        0: ("x velocity", "qvel"),
        8: ("front foot velocity", "qvel"),
    },
    "Hopper": {1: ("z", "qpos"), 5: ("foot velocity", "qvel")},
    "Walker2d": {6: ("left thigh", "qpos"), 3: ("right thigh velocity", "qvel")},
    "Swimmer": {4: ("second joint", "qpos"), 1: ("y velocity", "qvel")},
    "Reacher": {1: ("second joint velocity", "qvel")},
    "InvertedPendulum": {1: ("pole", "qpos"), 0: ("cart velocity", "qvel")},
    "InvertedDoublePendulum": {0: ("cart", "qpos"), 2: ("second pole velocity", "qvel")},
}
"""Coordinates by their number, and the entries that they are."""


@pytest.mark.parametrize("name", PROBES)
def test_entries_of_mujoco_have_names(name, monkeypatch, tmp_path):
    pytest.importorskip("mujoco")
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings into the working folder
    options = Options(id=f"{name}-v5", kwargs=BARE if name == "Ant" else {})
    names = gymnasium_env.names(options)["observation"]
    env = gymnasium.make(options.id, **options.kwargs).unwrapped
    assert len(names) == env.observation_space.shape[0]
    # entry by entry: a coordinate is set, and the entry of its name is another
    env.reset(seed=0)
    still = env._get_obs()
    for joint, (entry, where) in PROBES[name].items():
        qpos = env.data.qpos.copy()
        qvel = env.data.qvel.copy()
        (qpos if where == "qpos" else qvel)[joint] += 0.25
        env.set_state(qpos, qvel)
        changed = np.flatnonzero(np.abs(env._get_obs() - still) > 0.1)
        assert [names[k] for k in changed] == [entry]
        (qpos if where == "qpos" else qvel)[joint] -= 0.25
        env.set_state(qpos, qvel)
    env.close()


def test_other_entries_have_no_names():
    pytest.importorskip("mujoco")
    assert gymnasium_env.names(Options(id="Ant-v5")) == {}  # forces are observed too
    shown = {**BARE, "exclude_current_positions_from_observation": False}
    assert gymnasium_env.names(Options(id="Ant-v5", kwargs=shown)) == {}


def test_mujoco_where_the_observation_is_the_state():
    pytest.importorskip("mujoco")
    ours = simulator("InvertedPendulum-v5")
    state = ours.sample(np.random.default_rng(0))
    np.testing.assert_array_equal(ours.observe(state), state.seen)
    one, again = (ours.step(state, np.array([0.5], dtype=np.float32)) for _ in range(2))
    np.testing.assert_array_equal(one.state.seen, again.state.seen)
    forces = gymnasium_env.simulator(
        Options(id="Ant-v5"), group("D1")
    )  # contact forces are observed too
    assert forces == "the observation of AntEnv is not its positions and velocities"


def test_elsewhere_there_is_none():
    found = gymnasium_env.simulator(Options(id="FrozenLake-v1"), group("D1"))
    assert found == "how to set the state of a FrozenLakeEnv is not known"
