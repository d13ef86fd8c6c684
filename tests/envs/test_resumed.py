"""Environments that are gone on with from a saved state give what those that were saved would have,
bit for bit; the others say that they cannot be saved.
"""

import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv, VectorEnv

from symgen import lookup
from symgen.compiler import check_spec
from symgen.envs._generator_words import set_words, words_of
from symgen.envs._resumed import put_into, state_of
from symgen.envs._sensing import Sensing
from symgen.envs.guarded import bare, environments
from symgen.envs.perturbed import under
from symgen.envs.piped import piped, unchanged
from symgen.envs.sensors import Sensors
from symgen.envs.tapped import Tapped
from symgen.problem.pipeline import Pipeline
from symgen.problem.resumable import taken
from tests.envs.examples import EXAMPLES, available, parameters, spec
from tests.envs.laws import Step, play, same
from tests.envs.opened import ENVS, environments_of, problem_of

BEFORE = 13  # of episodes of 6 steps the second has just ended
AFTER = 20
CANNOT = {
    "atari",
    "atari coloured",
    "atari memory",
    "car_racing",
    "car_racing elsewhere",
    "dm_control cartpole",
    "dm_control reacher",
    "dm_control ball_in_cup",
    "dm_control pixels",
    "gymnasium_env ant",
    "gymnasium_env index",
    "gymnasium_env native",
    "gymnasium_env processes",
    "procgen",
    "procgen turning",
}
"""Examples that cannot be saved."""


def examples(names):
    values = (pytest.param(name) if isinstance(name, str) else name for name in parameters())
    return [value for value in values if value.values[0] in names]


saved = pytest.mark.parametrize("name", examples(EXAMPLES.keys() - CANNOT))
unsaved = pytest.mark.parametrize("name", examples(CANNOT))


def test_every_adapter_is_told_apart():
    assert EXAMPLES.keys() > CANNOT
    can = {EXAMPLES[name].adapter for name in EXAMPLES.keys() - CANNOT}
    cannot = {EXAMPLES[name].adapter for name in CANNOT}
    assert can | cannot == set(lookup.keywords("adapter"))
    assert can - cannot == {"gridworld", "cartpole_swingup", "minigrid"}


def onwards(envs: VectorEnv) -> list[Step]:
    """What random actions lead to; they are the same for all."""
    envs.action_space.seed(7)
    steps = []
    for _ in range(AFTER):
        observation, *rest, _ = envs.step(envs.action_space.sample())
        steps.append(Step(observation, *(np.array(part) for part in rest)))
    return steps


def gone_on(make, without=False) -> tuple[list[Step], list[Step]]:
    """Steps of environments that were saved, and of others that went on from there; or that did not
    take in what was saved.
    """
    first = make(0)
    play(first, BEFORE, seed=1)
    state = state_of(first)
    assert not isinstance(state, str), state
    copies = {name: array.copy() for name, array in state.items()}
    expected = onwards(first)
    assert all(np.array_equal(state[name], copies[name]) for name in state)
    second = make(5)
    second.reset(seed=5)
    if not without:
        put_into(second, state)
    got = onwards(second)
    first.close()
    second.close()
    return expected, got


@saved
def test_what_was_saved_is_gone_on_with(name):
    problem = problem_of(name)
    assert same(*gone_on(lambda seed: environments(problem, ENVS, seed)))
    assert not same(*gone_on(lambda seed: environments(problem, ENVS, seed), without=True))


@unsaved
def test_what_cannot_be_saved_is_named(name):
    problem = available(name).problem
    envs = environments_of(name)
    envs.reset(seed=1)
    said = state_of(envs)
    with pytest.raises(ValueError, match="cannot be"):
        put_into(envs, {})
    title = problem.adapter.title(problem.adapter_options)
    assert isinstance(said, str)
    assert said.startswith(f"the state of {title} cannot be saved")


@pytest.mark.parametrize(
    "id_", ["Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "CartPole-v1"]
)
def test_classic_control_is_saved_before_and_after_a_reset(id_):
    # saved where an episode has just ended, has just begun, and is in its middle
    for length in (6, BEFORE - 1, BEFORE + 1):
        options = {"id": id_, "max_episode_steps": length}
        problem = check_spec(spec("gymnasium_env", options))
        assert same(*gone_on(lambda seed, given=problem: environments(given, ENVS, seed)))


def test_wrappers_that_are_not_known_are_named():
    problem = check_spec(
        spec("gymnasium_env", {"id": "CartPole-v1", "kwargs": {"sutton_barto_reward": True}})
    )
    envs = bare(problem, 1, 0)
    assert not isinstance(state_of(envs), str)
    envs.unwrapped.envs[0].unwrapped.step = lambda action: None  # somebody's own
    assert state_of(envs) == "the state of CartPole-v1 cannot be saved"
    others = SyncVectorEnv([lambda: envs.unwrapped.envs[0]])
    assert state_of(others) == "the state of SyncVectorEnv cannot be saved"


def test_a_level_that_something_is_hidden_in_is_not_saved():
    pytest.importorskip("minigrid")
    problem = check_spec(spec("minigrid", {"id": "MiniGrid-Dynamic-Obstacles-5x5-v0"}))
    said = state_of(environments(problem, 1, 0))
    assert isinstance(said, str)
    assert "DynamicObstaclesEnv cannot be saved: map, agent and what it carries" in said


# -------------------------------------------------------------------------------------------------
# wrappers


def gridworld(seed: int) -> VectorEnv:
    return bare(problem_of("gridworld"), ENVS, seed)


def carts(seed: int) -> VectorEnv:
    return bare(problem_of("cartpole_swingup"), ENVS, seed)


SENSING = Sensing(
    duplicate=2, noise_channels=3, sigma=0.5, occlude=0.2, zeroed=True, shuffle=True, every=3
)


def sensed(seed: int) -> VectorEnv:
    return Sensors(carts(seed), SENSING, {"observation": 1}, seed=seed, beside=True)


def patched(seed: int) -> VectorEnv:
    rgb = bare(problem_of("gridworld rgb"), ENVS, seed)
    return piped(rgb, Pipeline(patches=4), unchanged)


WRAPPERS = {
    "frames": lambda seed: piped(gridworld(seed), Pipeline(frames=3), unchanged),
    "previous": lambda seed: piped(carts(seed), Pipeline(previous=("action", "reward")), unchanged),
    "patches": patched,
    "sensors": sensed,
    "noise": lambda seed: under(carts(seed), observation_noise=0.1, seed=seed),
    "transform": lambda seed: under(carts(seed), transform=(np.negative, np.negative)),
    "observation": lambda seed: under(carts(seed), observation=np.negative),
    "tapped": lambda seed: Tapped(carts(seed)),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_are_saved_with_what_is_within_them(name):
    assert same(*gone_on(WRAPPERS[name]))


@pytest.mark.parametrize("name", ["frames", "previous", "sensors", "noise"])
def test_a_wrapper_that_forgets_its_own_state_is_seen(name, monkeypatch):
    wrapper = type(WRAPPERS[name](0))
    monkeypatch.setattr(wrapper, "take_state", lambda self, arrays: None)
    assert not same(*gone_on(WRAPPERS[name]))


# -------------------------------------------------------------------------------------------------
# arrays and generators


@pytest.mark.parametrize("draws", range(4))
def test_the_words_of_a_generator_are_all_of_it(draws):
    first = np.random.default_rng(3)
    first.integers(10, size=draws, dtype=np.int32)  # of an odd number half a word is left over
    second = np.random.default_rng(4)
    set_words([second], words_of([first]))
    assert second.bit_generator.state == first.bit_generator.state
    assert second.integers(2**31, size=9).tolist() == first.integers(2**31, size=9).tolist()


def test_words_of_other_generators_are_refused():
    with pytest.raises(ValueError, match="2 generators have words of shape"):
        set_words([np.random.default_rng(0)] * 2, words_of([np.random.default_rng(0)]))
    with pytest.raises(TypeError, match="Philox is not PCG64"):
        words_of([np.random.Generator(np.random.Philox(0))])


def test_arrays_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"the saved clock is float64 \(1,\), here it is"):
        taken("clock", {"clock": np.zeros(1)}, np.zeros(3))
    with pytest.raises(KeyError):
        taken("clock", {}, np.zeros(3))
