"""The cart and its pole against slow, obvious twins, and its mirror."""

from math import cos, pi, sin

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from symgen.algebra.catalogue import group
from symgen.compiler import check_spec
from symgen.envs import cartpole_swingup
from symgen.envs._stepping import Stepper
from symgen.envs.cartpole_swingup import Options
from symgen.envs.guarded import environments
from symgen.errors import SpecError, UserError
from symgen.experiment.episodes import play
from symgen.proofs.check_env import check_environment
from tests.envs.examples import spec

CLOSE = 1e-12


def made(count, **options):
    return cartpole_swingup.make(Options(**options), count, 0)


def by_the_paper(state, action):
    """The paper's equations, one number at a time; of no wind and no tilt."""
    x, v, angle, spin = state
    s = sin(angle)
    c = cos(angle)
    push = 10.0 * min(max(action, -1.0), 1.0)
    pull = (-2 * 0.5 * 0.6 * spin**2 * s + 3 * 0.5 * 9.82 * s * c + 4 * push - 4 * 0.1 * v) / (
        4 * 1.0 - 3 * 0.5 * c**2
    )
    turn = (-3 * 0.5 * 0.6 * spin**2 * s * c + 6 * 1.0 * 9.82 * s + 6 * (push - 0.1 * v) * c) / (
        4 * 0.6 * 1.0 - 3 * 0.5 * 0.6 * c**2
    )
    return x + 0.01 * v, v + 0.01 * pull, angle + 0.01 * spin, spin + 0.01 * turn


def by_lagrange(state, action, wind=0.0, tilt=0.0):
    """A cart of half a kilogram and a uniform rod: two linear equations for two accelerations."""
    x, v, angle, spin = state
    half = 0.3  # m from the hinge to the middle of the rod, at (x - half sin, half cos)
    masses = [[1.0, -0.5 * half * cos(angle)], [-0.5 * half * cos(angle), 0.5 * 0.6**2 / 3]]
    gravity = (9.82 * sin(tilt), -9.82 * cos(tilt))
    push = 10.0 * min(max(action, -1.0), 1.0) + wind - 0.1 * v
    on_cart = push + gravity[0] - 0.5 * half * spin**2 * sin(angle)
    on_pole = 0.5 * half * (-gravity[0] * cos(angle) - gravity[1] * sin(angle))
    pull, turn = np.linalg.solve(masses, [on_cart, on_pole]).tolist()
    return x + 0.01 * v, v + 0.01 * pull, angle + 0.01 * spin, spin + 0.01 * turn


def departure(envs, twin, steps, seed=0):
    """The largest difference between an environment and its twin over so many steps, each of them
    from the state that the environment was in; and how many episodes were terminated and truncated.
    """
    rng = np.random.default_rng(seed)
    envs.reset(seed=seed)
    ended = [False] * envs.num_envs
    largest = 0.0
    endings = np.zeros(2, dtype=int)
    for _ in range(steps):
        before = envs.states()
        actions = rng.uniform(-1.5, 1.5, (envs.num_envs, 1))
        observation, reward, *stops, _ = envs.step(actions)
        assert observation in envs.observation_space
        for k, (old, new) in enumerate(zip(before, envs.states(), strict=True)):
            if ended[k]:  # NEXT_STEP: this action was ignored and an episode began
                assert (reward[k], stops[0][k], stops[1][k], new.steps) == (0.0, False, False, 0)
                ended[k] = False
                continue
            x, v, angle, spin = twin(old[:4], actions[k, 0])
            expected = (cos(angle) + 1) / 2 * cos(pi / 2 * x / 2.4)
            numbers = np.subtract((*new[:4], reward[k]), (x, v, angle, spin, expected))
            largest = max(largest, float(np.abs(numbers).max()))
            seen = (new.position, new.velocity, cos(new.angle), sin(new.angle), new.spin)
            np.testing.assert_allclose(observation[k], seen, rtol=1e-6, atol=1e-6)
            limit = new.steps == envs.max_steps and not abs(x) > 2.4
            assert (stops[0][k], stops[1][k]) == (abs(x) > 2.4, limit)
            ended[k] = bool(stops[0][k] or stops[1][k])
            endings += (bool(stops[0][k]), bool(stops[1][k]))
    return largest, endings


@pytest.mark.parametrize("harder", [False, True])
@pytest.mark.parametrize("twin", [by_the_paper, by_lagrange])
def test_it_agrees_with_its_slow_twins(harder, twin):
    largest, endings = departure(made(6, harder=harder, max_episode_steps=60), twin, 1000)
    assert largest < CLOSE
    assert endings[1] > 5
    assert endings[0] > 5 or not harder  # 60 steps from the middle lead nowhere


@pytest.mark.parametrize(("wind", "tilt"), [(2.0, 0.0), (0.0, -20.0), (-1.0, 7.0)])
def test_wind_and_leaning_gravity_agree_with_lagrange(wind, tilt):
    def twin(state, action):
        return by_lagrange(state, action, wind, np.radians(tilt))

    envs = made(4, harder=True, wind=wind, tilt=tilt, max_episode_steps=60)
    assert departure(envs, twin, 200)[0] < CLOSE
    assert departure(envs, by_the_paper, 200)[0] > 1e-3  # control


def returns_of_no_action(episodes):
    envs = made(episodes, harder=True)
    envs.reset(seed=7)
    returns = np.zeros(episodes)
    under_way = np.ones(episodes, dtype=bool)
    for _ in range(1000):
        _, reward, terminated, truncated, _ = envs.step(np.zeros((episodes, 1)))
        returns += np.where(under_way, reward, 0.0)
        under_way &= ~(terminated | truncated)
    assert not under_way.any()
    return returns


def test_no_action_returns_what_the_original_does():
    """28 +- 77 over 20,000 episodes of the original; of 2,000 the standard error is 1.7."""
    returns = returns_of_no_action(2000)
    assert abs(returns.mean() - 28.0) < 6.0
    assert 65 < returns.std() < 90
    assert 0.86 < (returns < 50).mean() < 0.92


@pytest.mark.slow
def test_no_action_returns_what_the_original_does_over_many_episodes():
    returns = returns_of_no_action(20_000)
    assert 27 - 0.55 < returns.mean() < 30 + 0.55
    assert 73 < returns.std() < 81


def test_starts():
    hard = made(4000, harder=True)
    hard.reset(seed=1)
    x, v, angle, spin, _ = np.array(hard.states()).T
    for numbers, reach in ((x, 2.4), (v, 10.0), (angle - np.pi, np.pi / 2), (spin, 10.0)):
        assert 0.99 * reach < np.abs(numbers).max() <= reach
        assert abs(numbers.mean()) < 4 * reach / np.sqrt(3 * 4000)
    easy = made(4000)
    easy.reset(seed=1)
    numbers = np.array(easy.states())[:, :4] - (0, 0, np.pi, 0)
    np.testing.assert_allclose(numbers.std(0), 0.2, rtol=0.05)
    np.testing.assert_allclose(numbers.mean(0), 0.0, atol=0.015)


def starts_of(envs, steps, push):
    """The first observations of the episodes of each environment, in their order."""
    observation, _ = envs.reset(seed=3)
    firsts = [[row] for row in observation.tolist()]
    ended = np.zeros(envs.num_envs, dtype=bool)
    for _ in range(steps):
        actions = np.full((envs.num_envs, 1), push)
        observation, _, terminated, truncated, _ = envs.step(actions)
        for k in np.flatnonzero(ended):
            firsts[k].append(observation[k].tolist())
        ended = terminated | truncated
    return firsts


def test_episodes_are_paired_whatever_is_done_and_beside_however_many():
    few = starts_of(made(3, harder=True, max_episode_steps=50), 300, 1.0)
    many = starts_of(made(5, harder=True, max_episode_steps=40), 400, -0.2)
    for mine, theirs in zip(few, many, strict=False):
        shared = min(len(mine), len(theirs))
        assert shared > 3
        assert mine[:shared] == theirs[:shared]
    assert few[0][:3] != few[1][:3]  # control: another index
    other = made(3, harder=True)
    other.reset(seed=4)
    assert other.states()[0] != made(3).states()[0]
    assert few[0][0] != other.reset(seed=4)[0][0].tolist()  # control: another seed


def test_a_reset_without_a_seed_goes_on():
    envs = made(2)
    first, _ = envs.reset(seed=0)
    second, _ = envs.reset()
    again, _ = envs.reset(seed=0)
    np.testing.assert_array_equal(first, again)
    assert (first != second).all()


class Idle:
    """Never pushes."""

    def reset(self, count):
        pass

    def act(self, observation, starts):
        return np.zeros((len(starts), 1), np.float32)


def carts(**options):
    """64 carts with all that a spec may put around them."""
    around = {"frames": 2, "previous": ["action", "reward"]}
    given = {"max_episode_steps": 40, **around, **options}
    return environments(check_spec(spec("cartpole_swingup", given)), 64, 0)


def test_a_training_staggers_first_episodes_and_an_evaluation_never():
    envs = carts(stagger=True)
    assert set(play(Idle(), envs, 128, 0).lengths.tolist()) == {40}
    stepper = Stepper(envs)
    stepper.begin(0, 0)
    lengths = truncations(stepper)
    assert len(set(lengths[0].tolist())) > 15
    assert lengths[0].min() >= 1
    assert set((lengths[1] - lengths[0]).tolist()) == {41}  # a whole one, and its starting step
    stepper.reset(0)
    assert set(truncations(stepper)[0].tolist()) == {40}
    plain = Stepper(carts())
    plain.begin(0, 0)
    assert set(truncations(plain)[0].tolist()) == {40}  # control: it was not asked for


def truncations(stepper):
    """The steps at which each environment was truncated for the first and the second time."""
    at = [[] for _ in range(stepper.envs.num_envs)]
    for time in range(1, 90):
        step = stepper.step(np.zeros((len(at), 1), np.float32))
        for k in np.flatnonzero(step.truncated):
            at[k].append(time)
    return np.array([times[:2] for times in at]).T


def test_it_begins_anew_with_the_step_after():
    assert made(1).metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_observations_are_copies_and_come_twice():
    envs = made(3, redundant=True)
    first, _ = envs.reset(seed=0)
    kept = first.copy()
    second, *_ = envs.step(np.ones((3, 1)))
    np.testing.assert_array_equal(first, kept)
    assert second.shape == (3, 10)
    np.testing.assert_array_equal(second[:, :5], second[:, 5:])


@pytest.mark.parametrize("actions", [np.zeros(3), np.zeros((2, 1)), np.zeros((3, 2))])
def test_actions_of_another_shape_are_refused(actions):
    envs = made(3)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions must be \(3, 1\)"):
        envs.step(actions)


def test_an_action_that_is_no_number_is_told():
    envs = made(2)
    envs.reset(seed=0)
    envs.step(np.array([[np.nan], [0.0]]))
    following, *_ = envs.step(np.zeros((2, 1)))
    assert np.isnan(following[0]).any()  # which whoever plays refuses
    assert np.isfinite(following[1]).all()


# the mirror


def report(options, acting="D1", states="auto", actions="auto"):
    problem = check_spec(spec("cartpole_swingup", options, acting, states, actions))
    return check_environment(problem, samples=60)


@pytest.mark.parametrize("options", [{}, {"harder": True, "redundant": True}])
def test_the_mirror_is_exact(options):
    told = report(options)
    assert (told.method, told.holds) == ("exact", True)
    assert [(row.deviation, row.control) for row in told.rows] == [(0.0, 60)]


@pytest.mark.parametrize("options", [{"wind": 0.1}, {"tilt": 0.5}, {"tilt": -5.0, "wind": 1}])
def test_wind_and_leaning_gravity_break_it(options):
    [row] = report(options).rows
    assert row.verdict == "refuted"
    assert row.mismatches["observation"] == 0
    assert row.mismatches["next state"] > 50


@pytest.mark.parametrize(
    ("signs", "action"), [([-1, -2, 3, -4, -5], 1), ([-1, -2, 3, 4, -5], -1), ([1, 2, 3, 4, 5], -1)]
)
def test_another_mirror_is_refuted(signs, action):
    told = report({}, "D1", {"observation": {"s": signs}}, {"s": [action]})
    assert [row.verdict for row in told.rows] == ["refuted"]


def test_another_order_of_the_sensors_is_another_world():
    """A policy may be invariant to the order of its sensors; the equations are not."""
    told = report({}, "S5", {"observation": "tokens"}, "trivial")
    assert told.method == "exact"
    assert {row.verdict for row in told.rows} == {"refuted"}


def test_what_is_known_of_groups():
    options = Options()
    assert cartpole_swingup.states(options, group("C1"))["observation"].size == 5
    assert cartpole_swingup.actions(options, group("C1")).size == 1
    for name in ("C2", "D2", "S5", "SO2"):
        assert cartpole_swingup.states(options, group(name)) is None
        assert cartpole_swingup.actions(options, group(name)) is None


def test_the_simulator_goes_on_as_the_environment():
    envs = made(1, harder=True, max_episode_steps=30, wind=1.0)
    simulator = cartpole_swingup.simulator(Options(max_episode_steps=30, wind=1.0), group("D1"))
    calm = cartpole_swingup.simulator(Options(max_episode_steps=30), group("D1"))
    rng = np.random.default_rng(0)
    envs.reset(seed=1)
    endings = 0
    for _ in range(200):
        state = envs.states()[0]
        action = rng.uniform(-1, 1, 1)
        outcome = simulator.step(state, action)
        assert not simulator.same(calm.step(state, action).state, outcome.state)  # control
        _, reward, terminated, truncated, _ = envs.step(action[None])
        assert outcome == (envs.states()[0], reward[0], terminated[0], truncated[0])
        if terminated[0] or truncated[0]:
            endings += 1
            envs.reset()
    assert endings > 5
    assert simulator.describe(state).startswith("position")


# pictures and mistakes


def test_a_frame_shows_the_pole():
    envs = made(2)
    envs.load([envs.states()[0]._replace(angle=0.0), envs.states()[1]._replace(angle=np.pi / 2)])
    stands, lies = envs.render()
    assert stands.dtype == np.uint8
    assert stands.shape == lies.shape == (180, 520, 3)
    np.testing.assert_array_equal(stands, stands[:, ::-1])
    red = lies[..., 0].astype(int) - lies[..., 2] > 100
    assert red[:, :260].sum() > 100  # it leans to -x, which is left
    assert not red[:, 265:].any()
    assert (stands[..., 0].astype(int) - stands[..., 2] > 100)[:90].sum() > 100


REFUSED = {
    "environment.tilt: 91 must be at most 90": {"tilt": 91},
    "environment.wind: -11.0 must be at least -10": {"wind": -11.0},
    "environment.max_episode_steps: 0 must be at least 1": {"max_episode_steps": 0},
    "there is no key 'hard' in environment": {"hard": True},
    "environment.harder: expected true or false": {"harder": "yes"},
    "environment.wind": {"wind": float("nan")},
}


@pytest.mark.parametrize("message", REFUSED)
def test_options_that_do_not_exist_are_refused(message):
    with pytest.raises((SpecError, UserError), match=message):
        check_spec(spec("cartpole_swingup", REFUSED[message]))
