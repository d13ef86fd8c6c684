"""CarRacing: what is seen and done is Gymnasium's own; backgrounds, stops, and repeated actions."""

import sys

import gymnasium
import numpy as np
import pytest

from symgen.algebra.catalogue import group
from symgen.compiler import check_spec
from symgen.envs import car_racing
from symgen.envs.car_racing import Options
from symgen.errors import SpecError, UserError
from tests.envs.examples import spec

pytest.importorskip("Box2D")
pytest.importorskip("pygame")

from gymnasium.envs.box2d.car_racing import CarRacing

from symgen.envs._car_racing_backgrounds import PATTERNS, pattern
from symgen.envs._car_racing_env import Racing

INSTRUMENTS = 12
BRIGHTNESS = np.array([0.299, 0.587, 0.114])


def racing(**given):
    return Racing(Options.model_validate(given))


def driven(env, actions, seed=3):
    """Images, rewards and endings of a car that takes these actions."""
    images = [env.reset(seed=seed)[0]]
    rewards = []
    endings = []
    for action in actions:
        image, reward, terminated, truncated, _ = env.step(action)
        images.append(image)
        rewards.append(reward)
        endings.append((terminated, truncated))
    env.close()
    return np.stack(images), np.array(rewards), endings


def drive(steps):
    """Actions that go ahead and wind, (step, 3) in [-1, 1]."""
    steer = np.random.default_rng(0).uniform(-0.3, 0.3, steps)
    return np.stack([steer, np.zeros(steps), np.full(steps, -1.0)], 1)


ACTIONS = drive(40)


@pytest.fixture(scope="module")
def theirs():
    """What Gymnasium's own environment gives for the same actions in its own bounds."""
    return driven(CarRacing(), ACTIONS * (1, 0.5, 0.5) + (0, 0.5, 0.5))


def test_images_and_rewards_are_gymnasiums(theirs):
    images, rewards, _ = driven(racing(gray=False), ACTIONS)
    np.testing.assert_array_equal(images, theirs[0])
    np.testing.assert_array_equal(rewards, theirs[1])
    assert rewards.max() > 1  # a tile was reached
    gray, _, _ = driven(racing(hide_rows={"top": 3, "bottom": INSTRUMENTS}), ACTIONS)
    assert gray.shape[1:] == (96, 96, 1)
    shown = slice(3, -INSTRUMENTS)
    assert np.abs(gray[:, shown, :, 0] - theirs[0][:, shown] @ BRIGHTNESS).max() <= 0.51
    assert not gray[:, :3].any()
    assert not gray[:, -INSTRUMENTS:].any()
    assert theirs[0][-1, -INSTRUMENTS:].any()


def test_other_actions_lead_elsewhere(theirs):
    images, _, _ = driven(racing(gray=False), ACTIONS * (-1, 1, 1))
    assert not np.array_equal(images[-1], theirs[0][-1])


@pytest.mark.parametrize("background", PATTERNS)
def test_backgrounds_take_the_place_of_grass_alone(theirs, background):
    images, rewards, _ = driven(racing(gray=False, background=background), ACTIONS)
    np.testing.assert_array_equal(rewards, theirs[1])
    before = theirs[0][-1].astype(int)
    after = images[-1].astype(int)
    red, green, blue = np.moveaxis(before, 2, 0)
    green_alone = (red == blue) & (green > red + 50)
    other = (red == green) & (green == blue)  # the road, and black
    change = np.abs(before - after).max(2)
    assert green_alone.mean() > 0.2
    assert (change[green_alone] > 0).mean() > 0.95
    assert change[other].max() <= 2  # a trace of the ground may be between two tiles
    assert pattern("grass", (4, 4)) is None


def test_an_action_is_repeated():
    few, few_rewards, _ = driven(racing(action_repeat=4), ACTIONS[:6])
    every, rewards, _ = driven(racing(), np.repeat(ACTIONS[:6], 4, axis=0))
    np.testing.assert_array_equal(few, every[::4])
    np.testing.assert_allclose(few_rewards, rewards.reshape(6, 4).sum(1))


def test_steps_of_the_simulation_end_an_episode():
    images, _, endings = driven(racing(max_steps=10, action_repeat=4), ACTIONS[:3])
    assert endings == [(False, False), (False, False), (False, True)]
    every, _, _ = driven(racing(), np.repeat(ACTIONS[:3], 4, axis=0)[:10])
    np.testing.assert_array_equal(images[-1], every[-1])  # two steps of four, and drawn


def test_who_gains_nothing_is_stopped():
    still = np.tile([0.0, -1.0, 1.0], (30, 1))
    _, rewards, endings = driven(racing(stop_after=20), still)
    first = int(np.flatnonzero(rewards >= 0).max(initial=-1)) + 1
    assert endings[first + 19] == (False, True)
    assert not any(any(ending) for ending in endings[: first + 19])
    assert not any(any(ending) for ending in driven(racing(), still)[2])


def test_a_lap_is_a_success(monkeypatch):
    env = racing()
    env.reset(seed=0)
    drawn = env._track.step(np.zeros(3))[0]
    for finished in (True, False):
        ending = (drawn, 1.0, True, False, {"lap_finished": finished})
        monkeypatch.setattr(env._track, "step", lambda action, ending=ending: ending)
        _, reward, terminated, truncated, info = env.step(np.zeros(3))
        assert (reward, terminated, truncated, info) == (1.0, True, False, {"success": finished})
    env.close()


def test_the_group_that_moves_nothing_is_known():
    assert car_racing.states(Options(), group("C1"))["observation"].size == 96 * 96
    assert car_racing.actions(Options(), group("C1")).size == 3
    with pytest.raises(SpecError) as caught:
        check_spec(spec("car_racing", {}, "D1", "auto", "auto"))
    assert {mistake.code for mistake in caught.value.diagnostics} == {"no-auto"}


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.delitem(sys.modules, "symgen.envs._car_racing_env")
    monkeypatch.delitem(sys.modules, "gymnasium.envs.box2d.car_racing")
    monkeypatch.delattr(gymnasium.envs.box2d, "car_racing")
    monkeypatch.setitem(sys.modules, "Box2D", None)
    with pytest.raises(UserError) as caught:
        car_racing.make(Options(), 1, 0)
    assert caught.value.code == "missing-package"
    assert caught.value.hint == car_racing.INSTALL
