"""The whole of what is seen moves as its field types say: an environment beside its mirror image,
through frames and previous actions; and what check-env says of such environments.
"""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import vector
from symgen.compiler import check_spec
from symgen.envs.piped import piped, unchanged
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.proofs.check_env import check_environment
from symgen.proofs.samples import samples
from tests.envs.examples import spec

KEYS = {"frames": 2, "previous": ["action", "reward"]}
MODES = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)
WORLDS = {
    "CartPole-v1": ({"s": [-1, -2, -3, -4]}, {"s": [1, 0]}),
    "Pendulum-v1": ({"s": [1, -2, -3]}, {"s": [-1]}),
}


class Mirrored(gymnasium.Wrapper):
    """An environment whose episodes begin in the mirror image of the state."""

    def reset(self, *, seed=None, options=None):
        self.env.reset(seed=seed, options=options)
        plain = self.env.unwrapped
        plain.state = -np.asarray(plain.state)
        observed = plain._get_obs() if hasattr(plain, "_get_obs") else plain.state
        return np.asarray(observed, np.float32), {}


def problem_of(world, **keys):
    states, actions = WORLDS[world]
    options = {"id": world, **keys}
    return check_spec(spec("gymnasium_env", options, "D1", {"observation": states}, actions))


def largest_difference(problem, world, mode):
    """Between what the mirror image shows and the image of what is shown, over three episodes."""

    def short():
        return gymnasium.make(world, max_episode_steps=9)

    makers = [short, lambda: Mirrored(short())]
    envs = piped(SyncVectorEnv(makers, autoreset_mode=mode), problem.pipeline, unchanged)
    envs.action_space.seed(0)
    observation, _ = envs.reset(seed=[5, 5])
    largest = 0.0
    for _ in range(30):
        parts = problem.interface.by_term(observation)
        shown = problem.interface.as_space({name: part[:1] for name, part in parts.items()})
        image = act_on_observation(problem.interface, problem.observation, "s", shown)
        for name, part in problem.interface.by_term(image).items():
            largest = max(largest, float(np.abs(part - parts[name][1:]).max()))
        # beyond the box now and then: what is executed is clipped on both sides alike
        action = envs.action_space.sample()[:1]
        action = action * 2 if action.dtype.kind == "f" else action
        moved = act_on_action(problem.interface.action, problem.action, "s", action)
        observation, *_ = envs.step(np.concatenate([action, moved]))
    return largest


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("world", WORLDS)
def test_an_environment_and_its_mirror_image_are_seen_alike(world, mode):
    problem = problem_of(world, **KEYS)
    assert largest_difference(problem, world, mode) < 1e-5
    still = vector(representations.direct_sum(
        (problem.action.size, representations.trivial(problem.group))))  # fmt: skip
    for name, wrong in (("previous_action", still), ("observation", None)):
        fields = dict(problem.observation)
        fields[name] = wrong or vector(representations.direct_sum(
            (fields[name].size, representations.trivial(problem.group))))  # fmt: skip
        assert largest_difference(replace(problem, observation=fields), world, mode) > 0.1


@pytest.mark.parametrize("world", WORLDS)
def test_check_env_compares_single_observations_and_says_so(world):
    report = check_environment(problem_of(world, **KEYS), samples=20)
    assert report.holds
    assert report.method == "exact"
    assert report.following == ("2 frames side by side", "previous_action", "previous_reward")
    assert "what follows from them: 2 frames side by side, previous_action" in str(report)
    plain = check_environment(problem_of(world), samples=20)
    assert plain.rows == report.rows
    assert "follows" not in str(plain)


def test_check_env_refutes_as_it_does_without_the_keys():
    problem = problem_of("CartPole-v1", **KEYS)
    trivial = representations.direct_sum((2, representations.trivial(problem.group)))
    report = check_environment(replace(problem, action=trivial), samples=20)
    assert [row.verdict for row in report.rows] == ["refuted"]


def mirrored_patches(side, pixels, channels):
    """How a mirror moves a square picture in patches, as a field type: the patches, and the pixels
    within each.
    """
    count = pixels // side
    places = np.arange(count * count).reshape(count, count)[:, ::-1].reshape(-1)
    within = np.arange(side * side * channels).reshape(side, side, channels)[:, ::-1].reshape(-1)
    listed = [" ".join(map(str, order)) for order in (places, within)]
    return f"graph {count * count}(s={listed[0]}): permutation(s={listed[1]})"


@pytest.mark.parametrize("whole", [True, False])
def test_check_env_cuts_the_pictures_of_a_simulator(whole):
    """A mirror moves the patches and the pixels within them: it holds, and is refuted where the
    pixels within stay.
    """
    options = {"size": 5, "view": "rgb", "resolution": 12, "patches": 2}
    moves = mirrored_patches(2, 12, 3)
    if not whole:
        moves = f"{moves.split(':')[0]}: 12 trivial"
    written = spec("gridworld", options, "D1", {"observation": moves})
    written["symmetry"]["actions"] = "auto"
    report = check_environment(check_spec(written), samples=20)
    assert report.method == "exact"
    assert [row.verdict for row in report.rows] == ["holds" if whole else "refuted"]


def test_check_env_is_statistical_where_patches_are_permuted_at_will():
    options = {"size": 5, "view": "rgb", "resolution": 12, "patches": 6}
    written = spec("gridworld", options, "S4", {"observation": "tokens"})
    report = check_environment(check_spec(written), samples=20)
    assert report.method == "statistical"
    assert not report.holds


def test_a_previous_action_lends_no_power_to_the_control_of_the_statistical_test():
    """What is executed has no effect here; seen afterwards it would be told apart."""
    for keys in ({}, KEYS):
        states = {"observation": {"s": [-1, -2]}}
        options = {"id": "Adrift-v0", **keys}
        written = spec("gymnasium_env", options, "D1", states, {"s": [-1]})
        report = check_environment(check_spec(written), samples=40)
        assert report.method == "statistical"
        assert [row.verdict for row in report.rows] == ["no power"]


class Adrift(gymnasium.Env):
    """Noise that no action changes, and a state that nobody can set."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=2).astype(np.float32), {}

    def step(self, action):
        return self.np_random.normal(size=2).astype(np.float32), 0.0, False, False, {}


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    made = gymnasium.envs.registration.EnvSpec("Adrift-v0", Adrift)
    monkeypatch.setitem(gymnasium.registry, "Adrift-v0", made)


def test_samples_to_verify_on_show_all_terms():
    problem = problem_of("CartPole-v1", **KEYS)
    shown = samples(problem)
    assert shown.missing == ""
    real = shown.shown[-1].observations
    assert set(real) == {"observation", "previous_action", "previous_reward"}
    assert real["observation"].shape[1:] == (8,)
    assert (real["previous_action"].sum(1) == 1).any()
