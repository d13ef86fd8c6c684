import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from symgen.algebra.catalogue import group
from symgen.envs import gridworld, gymnasium_env
from symgen.envs import perturbed as conditions
from symgen.envs.gridworld import Options
from symgen.envs.perturbed import Noisy, Seen

C4 = group("C4")
OPTIONS = Options(moves="turn", seed_range=(0, 4))


def through(word):
    types = gridworld.states(OPTIONS, C4)
    actions = gridworld.actions(Options(), C4)
    assert types is not None
    assert actions is not None
    field = types["observation"]

    def observe(batch):
        return field.act(word, batch.reshape(len(batch), *field.shape)).reshape(batch.shape)

    def act(batch):
        return actions.act(C4.inverse(word), np.eye(4)[batch]).argmax(-1)

    return observe, act


def test_a_transformed_environment_is_the_environment_of_that_orientation():
    """Absolute moves and no heading, so that both the picture and the actions are moved."""
    word = "r"
    rng = np.random.default_rng(0)
    turned = gridworld.make(Options(orientation=1), 8, 0)
    plain_types = gridworld.states(Options(), C4)
    assert plain_types is not None
    field = plain_types["observation"]

    def observe(batch):
        return field.act(word, batch.reshape(len(batch), *field.shape)).reshape(batch.shape)

    seen = conditions.under(gridworld.make(Options(), 8, 0), transform=(observe, through(word)[1]))
    assert seen.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    np.testing.assert_array_equal(seen.reset(seed=1)[0], turned.reset(seed=1)[0])
    untouched = Seen(gridworld.make(Options(), 8, 0), observe)  # control: actions not turned
    untouched.reset(seed=1)
    differs = False
    for _ in range(60):
        actions = rng.integers(4, size=8)
        ours, theirs, control = (envs.step(actions) for envs in (seen, turned, untouched))
        for mine, other in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        differs |= not np.array_equal(control[0], theirs[0])
    assert differs


def test_observation_only_leaves_actions_alone():
    observe, _ = through("r")
    plain = gridworld.make(OPTIONS, 4, 0)
    seen = conditions.under(gridworld.make(OPTIONS, 4, 0), observation=observe)
    np.testing.assert_array_equal(seen.reset()[0], observe(plain.reset()[0]))
    for action in (2, 0, 2, 2):
        ours = seen.step(np.full(4, action))
        theirs = plain.step(np.full(4, action))
        np.testing.assert_array_equal(ours[0], observe(theirs[0]))
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_noise_has_its_size_and_its_seed():
    options = gymnasium_env.Options(id="CartPole-v1")

    def observe(sigma, seed):
        envs = conditions.under(
            gymnasium_env.make(options, 500, 0), observation_noise=sigma, seed=seed
        )
        observation = envs.reset()[0]
        assert observation in envs.observation_space
        return observation

    clean = observe(0.0, 0)
    noisy = observe(0.1, 0)
    assert noisy.dtype == np.float32
    assert (noisy - clean).std() == pytest.approx(0.1, rel=0.1)
    np.testing.assert_array_equal(noisy, observe(0.1, 0))
    assert not np.array_equal(noisy, observe(0.1, 1))


def test_noise_on_one_hot_pictures_is_not_rounded_away():
    envs = Noisy(gridworld.make(Options(), 4, 0), 0.05)
    observation, _ = envs.reset(seed=0)
    assert observation.dtype == np.float32
    assert observation in envs.observation_space
    assert 0.03 < (observation - np.round(observation)).std() < 0.07
    assert envs.step(np.zeros(4, dtype=int))[0].dtype == np.float32


def test_indices_carry_no_noise():
    space = spaces.Dict({"n": spaces.Discrete(5), "x": spaces.Box(0, 1, (2,))})
    noisy = conditions._noisy_space(space)
    assert noisy["n"] == space["n"]
    assert noisy["x"].shape == (2,)
    envs = Noisy(gymnasium_env.make(gymnasium_env.Options(id="FrozenLake-v1"), 3, 0), 1.0)
    assert envs.reset()[0].tolist() == [0, 0, 0]


def test_no_condition_is_no_wrapper():
    envs = gridworld.make(Options(), 2, 0)
    assert conditions.under(envs) is envs


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf")])
def test_impossible_noise_is_refused(sigma):
    with pytest.raises(ValueError, match="finite and not negative"):
        Noisy(gridworld.make(Options(), 2, 0), sigma)
