"""Patches, frames and previous actions of environments, beside a slow twin: each environment alone,
one episode after the other.
"""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from symgen.compiler import check_spec
from symgen.envs._starts import Starts
from symgen.envs._stepping import Stepper, final_observation
from symgen.envs.guarded import environments
from symgen.envs.piped import Frames, Patches, Previous, piped, unchanged
from symgen.errors import UserError
from symgen.problem.pipeline import ACTION, REWARD, Pipeline, patches_of, picture_of
from symgen.problem.problem import Problem
from tests.envs.clocks import ENVS, MODES, Moment, clocks, differences, some_actions, twin
from tests.envs.examples import EXAMPLES, available, spec
from tests.envs.laws import autoreset_faults, interface_faults, parts, play, value_faults
from tests.envs.opened import every_example

BOTH = (ACTION, REWARD)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["box", "choice", "choices"])
@pytest.mark.parametrize("single", [True, False])
def test_environments_show_what_each_shows_alone(mode, kind, single):
    raw = clocks(mode, kind, single)
    actions = some_actions(raw.single_action_space)
    twins = [twin(mode, kind, single, 3, env, actions[:, env]) for env in range(ENVS)]
    envs = piped(raw, Pipeline(None, 3, ("reward", "action")), unchanged)
    assert differences(envs, actions, twins) == []
    order = ["observation"] if single else ["clock", "index"]
    assert list(envs.single_observation_space) == [*order, ACTION, REWARD]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pipeline", [Pipeline(None, 3), Pipeline(None, 1, ("action",))])
def test_what_leaks_from_one_episode_to_the_next_is_seen(mode, pipeline, monkeypatch):
    def shows_its_twin() -> bool:
        envs = piped(clocks(mode), pipeline, unchanged)
        names = dict(spaces.Dict({"observation": envs.single_observation_space}))
        if pipeline.terms:
            names = dict(envs.single_observation_space)
        twins = [
            [
                Moment({name: moment.seen[name] for name in names}, None)
                for moment in twin(mode, "box", True, pipeline.frames, env, actions[:, env])
            ]
            for env in range(ENVS)
        ]
        return not differences(envs, actions, twins)

    actions = some_actions(clocks(mode).single_action_space)
    assert shows_its_twin()
    nowhere = np.zeros(ENVS, np.bool_)
    for wrong in (lambda self, ended: nowhere, lambda self, ended: np.roll(ended, 1)):
        with monkeypatch.context() as patched:
            patched.setattr(Starts, "step", wrong)
            assert not shows_its_twin()
    other = MODES[1 - MODES.index(mode)]
    with monkeypatch.context() as patched:
        patched.setattr("symgen.envs._starts.autoreset_mode", lambda envs: other)
        assert not shows_its_twin()


@pytest.mark.parametrize("mode", MODES)
def test_environments_in_processes_show_the_same(mode):
    actions = some_actions(clocks(mode).single_action_space)[:12]
    twins = [twin(mode, "box", True, 2, env, actions[:, env]) for env in range(ENVS)]
    envs = piped(clocks(mode, several=AsyncVectorEnv), Pipeline(None, 2, ("action", "reward")),
                 unchanged)  # fmt: skip
    try:
        assert differences(envs, actions, twins) == []
    finally:
        envs.close()


def test_what_is_shown_may_be_written_into():
    envs = piped(clocks(MODES[0]), Pipeline(None, 2, ("action", "reward")), unchanged)
    observation, _ = envs.reset()
    for part in observation.values():
        part[:] = 7.0
    observation, *_ = envs.step(np.ones((ENVS, 2)))
    assert observation["observation"][:, :3].tolist() == [[env, 0, 0] for env in range(ENVS)]
    assert observation[ACTION].tolist() == [[0.5, 1.0]] * ENVS


def test_rewards_are_left_as_they_were():
    class Single(gymnasium.vector.VectorWrapper):
        """Rewards of single precision."""

        def step(self, actions):
            observation, rewards, *rest = self.env.step(actions)
            return observation, rewards.astype(np.float32), *rest

    mode = AutoresetMode.SAME_STEP
    shown = piped(Single(clocks(mode)), Pipeline(None, 1, ("reward",)), unchanged)
    plain = clocks(mode)
    shown.reset()
    plain.reset()
    for actions in some_actions(plain.single_action_space):
        assert np.array_equal(shown.step(actions)[1], plain.step(actions)[1])


def test_a_masked_reset_begins_the_episodes_of_its_mask_only():
    envs = piped(clocks(MODES[0]), Pipeline(None, 2, ("action",)), unchanged)
    envs.reset()
    envs.step(np.ones((ENVS, 2)))
    mask = np.array([True, False, False])
    observation, _ = envs.reset(options={"reset_mask": mask})
    assert observation[ACTION].tolist() == [[0, 0], [0.5, 1], [0.5, 1]]
    assert observation["observation"][:, 2::3].tolist() == [[0, 0], [0, 1], [0, 1]]


def test_frames_are_not_taken_of_environments_that_the_caller_resets():
    envs = clocks(AutoresetMode.DISABLED)
    for wrapper in (lambda: Frames(envs, 2), lambda: Previous(envs, BOTH)):
        with pytest.raises(UserError, match="reset themselves"):
            wrapper()


# patches


class Pictures(gymnasium.Env):
    """Observes a picture of random bytes."""

    observation_space = spaces.Box(0, 255, (6, 4, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        ended = bool(self.np_random.random() < 0.3)
        return self.observation_space.sample(), 0.0, False, ended, {}


def slow_patches(picture: np.ndarray, side: int) -> np.ndarray:
    rows, columns, channels = picture.shape
    tokens = []
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            entries = [
                picture[top + row, left + column, channel]
                for row in range(side)
                for column in range(side)
                for channel in range(channels)
            ]
            tokens.append(entries)
    return np.array(tokens)


def test_patches_are_cut_row_by_row():
    pictures = np.random.default_rng(0).integers(0, 255, (5, 6, 4, 3), dtype=np.uint8)
    tokens = patches_of(pictures, 2)
    assert tokens.dtype == np.uint8
    assert np.array_equal(tokens, [slow_patches(picture, 2) for picture in pictures])
    assert not np.array_equal(tokens, pictures.reshape(tokens.shape))
    assert np.array_equal(picture_of(tokens, (6, 4, 3), 2), pictures)


@pytest.mark.parametrize("mode", MODES)
def test_pictures_become_tokens_final_ones_too(mode):
    envs = SyncVectorEnv([Pictures] * 2, autoreset_mode=mode)
    raw = SyncVectorEnv([Pictures] * 2, autoreset_mode=mode)
    cut = Patches(envs, 2)
    assert cut.single_observation_space == spaces.Box(0, 255, (6, 12), np.uint8)
    finals = 0
    Pictures.observation_space.seed(3)
    shown = [cut.reset(seed=1)[0]] + [cut.step(np.zeros(2, int)) for _ in range(20)]
    Pictures.observation_space.seed(3)
    plain = [raw.reset(seed=1)[0]] + [raw.step(np.zeros(2, int)) for _ in range(20)]
    assert np.array_equal(shown[0], patches_of(plain[0], 2))
    for step, other in zip(shown[1:], plain[1:], strict=True):
        assert np.array_equal(step[0], patches_of(other[0], 2))
        for env in np.flatnonzero(other[3]) if mode is AutoresetMode.SAME_STEP else ():
            finals += 1
            picture = final_observation(other[4], env)
            assert np.array_equal(final_observation(step[4], env), patches_of(picture, 2))
    assert finals or mode is AutoresetMode.NEXT_STEP


def test_what_changes_sensors_stands_between_patches_and_frames():
    class Half(gymnasium.vector.VectorWrapper):
        """Shows every other token."""

        def __init__(self, envs):
            super().__init__(envs)
            assert envs.single_observation_space.shape == (6, 12)
            self.single_observation_space = spaces.Box(0, 255, (3, 12), np.uint8)
            self.observation_space = spaces.Box(0, 255, (2, 3, 12), np.uint8)

        def reset(self, *, seed=None, options=None):
            observation, info = self.env.reset(seed=seed, options=options)
            return observation[:, ::2], info

        def step(self, actions):
            observation, *rest = self.env.step(actions)
            return observation[:, ::2], *rest

    envs = SyncVectorEnv([Pictures] * 2)
    shown = piped(envs, Pipeline(2, 4, ("action",)), Half)
    observation, _ = shown.reset()
    assert observation["observation"].shape == (2, 3, 48)
    assert observation["observation"].dtype == np.uint8
    assert observation in shown.observation_space


# adapters


def keys_of(name: str) -> dict[str, Any]:
    """Keys that fit an example."""
    keys: dict[str, Any] = {"previous": ["action", "reward"]}
    problem = available(name).problem
    if EXAMPLES[name].adapter != "dm_control" and any(
        term.layout != "discrete" for term in problem.interface.terms
    ):
        keys["frames"] = 2
    return keys


OPENED: list[VectorEnv] = []


def opened(name: str) -> tuple[Problem, VectorEnv]:
    """An example with these keys."""
    example = EXAMPLES[name]
    options = {**example.options, **keys_of(name)}
    written = spec(example.adapter, options, example.group, example.states, example.actions)
    problem = check_spec(written)
    OPENED.append(environments(problem, ENVS, 0))
    return problem, OPENED[-1]


@pytest.fixture(scope="module", autouse=True)
def _closed():
    yield
    while OPENED:
        OPENED.pop().close()


@every_example
def test_an_adapter_agrees_with_the_laws_with_these_keys(name):
    problem, envs = opened(name)
    assert interface_faults(problem.interface, envs) == []
    assert interface_faults(problem.frame.interface, envs)
    played = play(envs, 12, seed=1)
    assert value_faults(envs, played) == []
    assert autoreset_faults(envs, played) == []
    for term in problem.interface.terms:
        assert parts(played[3].observation)[term.name].shape[1:] == term.shape
        assert problem.observation[term.name].size == term.entries


def test_the_stepper_and_the_frames_agree_on_where_episodes_begin():
    for mode in MODES:
        envs = piped(clocks(mode), Pipeline(None, 2, ("action",)), unchanged)
        stepper = Stepper(envs)
        stepper.reset(0)
        for actions in some_actions(envs.single_action_space):
            step = stepper.step(np.abs(actions) + 0.1)
            begins = (step.observation[ACTION] == 0).all(1)
            assert np.array_equal(begins, stepper.starts)
            first, second = np.split(step.observation["observation"], 2, 1)
            assert (first[stepper.starts] == second[stepper.starts]).all()
