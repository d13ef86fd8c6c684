"""check-env asks the very environment that training steps: wrappers, own classes and arguments
included.
"""

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.classic_control import CartPoleEnv as GymnasiumCartPole
from gymnasium.envs.classic_control import PendulumEnv as GymnasiumPendulum

from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import vector
from symgen.envs import gymnasium_env
from symgen.envs._gymnasium_simulator import ObservedSimulator
from symgen.envs.gymnasium_env import Options
from symgen.errors import UserError
from symgen.problem.adapter import Simulator
from symgen.proofs.check_env import check_environment
from tests.proofs.stands import D1, SWAP, Stand

FINE = "no evidence against (statistical)"
MIRROR = {"s": [-1, -2, -3, -4]}


class PaidRight(gymnasium.Wrapper):
    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, reward + 10.0 * (observation[0] > 0), *rest


class DeadButton(gymnasium.ActionWrapper):
    def action(self, action):
        return 0


class Shifted(gymnasium.ObservationWrapper):
    def observation(self, observation):
        return observation + np.array([0.5, 0, 0, 0], dtype=np.float32)


class Centred(gymnasium.ObservationWrapper):
    def observation(self, observation):
        return observation - np.array([0.5, 0, 0, 0], dtype=np.float32)


class Patient(gymnasium.wrappers.TimeLimit):
    """A subclass of what may stand around an environment is something else."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward + 10.0 * (observation[0] > 0), *rest


class CartPoleEnv(GymnasiumCartPole):
    """Symmetric, with a state of its own: the wind turns in every step."""

    wind = 1.0

    def step(self, action):
        _, *rest = super().step(action)
        self.wind = -self.wind
        self.state[1] += 0.01 * self.wind * np.sign(self.state[1])
        return np.array(self.state, dtype=np.float32), *rest


class PendulumEnv(GymnasiumPendulum):
    """Its noise is symmetric in distribution only."""

    def step(self, action):
        return super().step(action + self.np_random.normal(scale=0.3, size=1).astype(np.float32))


class Pair(gymnasium.Env):
    """Called as Gymnasium's, with two observations."""

    observation_space = spaces.Dict(
        {"a": spaces.Box(-10, 10, (1,)), "b": spaces.Box(-10, 10, (1,))}
    )
    action_space = spaces.Box(-1.0, 1.0, (1,))

    def seen(self):
        return {"a": self.at[:1], "b": self.at[1:]}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return self.seen(), {}

    def step(self, action):
        self.at = np.clip(self.at + np.stack([self.at[1:], action])[:, 0], -10, 10).astype(
            np.float32
        )
        return self.seen(), float(-(self.at**2).sum()), False, False, {}


class Proxy(gymnasium.Env):
    """Not a wrapper of Gymnasium's, but it says that what is inside were the environment."""

    def __init__(self):
        self.inner = GymnasiumCartPole()
        self.observation_space = self.inner.observation_space
        self.action_space = self.inner.action_space

    @property
    def unwrapped(self):
        return self.inner

    @property
    def spec(self):
        return self.inner.spec

    def reset(self, *, seed=None, options=None):
        return self.inner.reset(seed=seed, options=options)

    def step(self, action):
        return self.inner.step(0)


def patched():
    env = GymnasiumCartPole()
    step = env.step
    env.step = lambda action: step(0)
    return env


Pair.__name__ = "PendulumEnv"
OWN = {
    "PaidRight": lambda: PaidRight(GymnasiumCartPole()),
    "DeadButton": lambda: DeadButton(GymnasiumCartPole()),
    "Shifted": lambda: Shifted(GymnasiumCartPole()),
    "Centred": lambda: Centred(Shifted(GymnasiumCartPole())),
    "Patient": lambda: Patient(GymnasiumCartPole(), 100),
    "CartPole": CartPoleEnv,
    "Pendulum": PendulumEnv,
    "Pair": Pair,
    "Proxy": Proxy,
    "Patched": patched,
    "Plain": lambda: gymnasium.wrappers.TimeLimit(GymnasiumCartPole(), 100),
}


@pytest.fixture(autouse=True)
def registered():
    for name, made in OWN.items():
        gymnasium.register(f"Own{name}-v0", entry_point=made, max_episode_steps=200)
    yield
    for name in OWN:
        gymnasium.registry.pop(f"Own{name}-v0")
    gymnasium_env._interface.cache_clear()


def asked(name, images=MIRROR, action=SWAP, **kwargs):
    options = Options(id=name, **kwargs)
    interface = gymnasium_env.interface(options)
    signed = {"observation": vector(representations.signed_permutation(D1, images))}
    return Stand(D1, interface, signed, action, gymnasium_env, options)


TORQUE = representations.signed_permutation(D1, {"s": [-1]})
TREATED = {
    "PaidRight": (asked, {}, "the wrapper PaidRight stands around it", "refuted"),
    "DeadButton": (asked, {}, "the wrapper DeadButton stands around it", "refuted"),
    "Shifted": (asked, {}, "the wrapper Shifted stands around it", "start not symmetric"),
    "Centred": (asked, {}, "the wrapper Centred stands around it", FINE),
    "Patient": (asked, {}, "the wrapper Patient stands around it", "refuted"),
    "CartPole": (asked, {}, "how to set the state of a CartPoleEnv is not known", FINE),
    "Pendulum": (
        asked,
        {"images": {"s": [1, -2, -3]}, "action": TORQUE},
        "how to set the state of a PendulumEnv is not known",
        FINE,
    ),
    "Proxy": (asked, {}, "how to set the state of a Proxy is not known", "refuted"),
    "Patched": (asked, {}, "methods of this CartPoleEnv are replaced", "refuted"),
}


@pytest.mark.parametrize("name", TREATED)
def test_what_stands_around_an_environment_is_stepped_too(name):
    make, more, why, verdict = TREATED[name]
    report = check_environment(make(f"Own{name}-v0", **more), samples=60)
    assert report.method == "statistical"
    assert report.why == why
    assert f"There is no exact test: {why}." in str(report)
    assert report.to_dict()["why"] == why
    assert [row.verdict for row in report.rows] == [verdict]


def test_an_own_class_of_a_known_name_may_observe_anything():
    interface = gymnasium_env.interface(Options(id="OwnPair-v0"))
    flip = vector(representations.signed_permutation(D1, {"s": [-1]}))
    problem = Stand(
        D1, interface, {"a": flip, "b": flip}, TORQUE, gymnasium_env, Options(id="OwnPair-v0")
    )
    report = check_environment(problem, samples=50)
    assert (report.method, report.why) == (
        "statistical",
        "how to set the state of a PendulumEnv is not known",
    )
    assert report.holds


@pytest.mark.parametrize("name", ["CartPole-v1", "OwnPlain-v0"])
def test_what_only_counts_steps_may_stand_around_an_environment(name):
    report = check_environment(asked(name, max_episode_steps=7), samples=20)
    assert (report.method, report.why, report.holds) == ("exact", "", True)


def test_the_native_vector_version_is_another_environment():
    report = check_environment(asked("CartPole-v1", vectorization="native"), samples=50)
    assert report.why == "its native vector version is stepped, whose states cannot be set"
    assert report.holds


def test_arguments_are_those_of_training():
    free = gymnasium_env.simulator(Options(id="Pendulum-v1", kwargs={"g": 0.0}), group("D1"))
    assert isinstance(free, Simulator)
    state = free.sample(np.random.default_rng(0))
    coasted = free.step(state, np.zeros(1, dtype=np.float32)).state
    assert coasted.seen[2] == pytest.approx(
        state.seen[2]
    )  # without weight it goes on turning as it did
    heavy = gymnasium_env.simulator(Options(id="Pendulum-v1"), group("D1"))
    assert heavy.step(state, np.zeros(1, dtype=np.float32)).state.seen[2] != pytest.approx(
        state.seen[2]
    )


# --------------------------------------------------------------------------------------------- the
# law of the hook


class Forgetful(ObservedSimulator):
    """Is put somewhere beside the state."""

    def observe(self, state):
        return super().observe(state._replace(seen=state.seen + np.float32(0.01)))


class Drunk(ObservedSimulator):
    """Does not do what it is told."""

    steps = 0

    def step(self, state, action):
        self.steps += 1
        return super().step(state, self.steps % 2)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (ObservedSimulator, ""),
        (Forgetful, "restoring a state does not reproduce its observation"),
        (Drunk, "a state that is restored twice does not go on in the same way"),
    ],
)
def test_a_simulator_that_breaks_the_law_is_found_out(kind, why):
    from symgen.envs._gymnasium_simulator import _as_it_is

    assert kind(GymnasiumCartPole(), _as_it_is).unlawful() == why


def swimmer(xml=None, **kwargs):
    more = {} if xml is None else {"xml_file": str(xml)}
    return gymnasium_env.simulator(Options(id="Swimmer-v5", kwargs={**more, **kwargs}), group("D1"))


def test_what_depends_on_coordinates_that_are_not_observed_is_not_set(tmp_path):
    """On a spring that pulls it back to x = 0 a swimmer's positions and velocities are not all that
    matters.
    """
    pytest.importorskip("mujoco")
    from gymnasium.envs.mujoco import mujoco_env

    plain = (Path(mujoco_env.__file__).parent / "assets" / "swimmer.xml").read_text()
    leashed = plain.replace('name="slider1"', 'name="slider1" stiffness="9"')
    assert leashed != plain
    (tmp_path / "leashed.xml").write_text(leashed)
    assert isinstance(swimmer(), Simulator)
    assert (
        swimmer(tmp_path / "leashed.xml")
        == "what happens depends on coordinates that are not observed"
    )
    shown = swimmer(tmp_path / "leashed.xml", exclude_current_positions_from_observation=False)
    assert isinstance(shown, Simulator)  # now x is observed, and the whole state is known


def test_hidden_coordinates_are_varied():
    pytest.importorskip("mujoco")
    ours = swimmer()
    rng = np.random.default_rng(0)
    places = [ours.sample(rng).hidden[0] for _ in range(20)]
    assert min(places) < -1
    assert max(places) > 1
    state = ours.sample(rng)
    ours.observe(state)
    assert ours._env.data.qpos[0] == state.hidden[0]


# --------------------------------------------------------------------------------------------- what
# was not exercised


class Odd(gymnasium.Env):
    """A walk on a line; what else it observes and pays is asked of it."""

    action_space = spaces.Discrete(2)

    def __init__(self, legs=0, reward=0.0, lost=False):
        self.legs = legs
        self.reward = reward
        self.lost = lost
        self.observation_space = spaces.Box(-100, 100, (1 + legs,))

    def seen(self):
        return np.array(
            [np.nan if self.lost and abs(self.at) > 3 else self.at] + self.legs * [0.0],
            dtype=np.float32,
        )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.np_random.normal()
        return self.seen(), {}

    def step(self, action):
        self.at += 2 * action - 1
        return self.seen(), self.reward if self.at > 3 else 0.0, False, False, {}


@pytest.fixture
def odd():
    gymnasium.register("Odd-v0", entry_point=Odd)
    yield
    gymnasium.registry.pop("Odd-v0")


def test_entries_that_never_varied_are_not_tested(odd):
    problem = asked("Odd-v0", {"s": [-1, 3, 2]}, kwargs={"legs": 2})
    report = check_environment(problem, samples=50)
    assert [row.verdict for row in report.rows] == ["not tested"]
    assert report.untested == {"observation": (2, 3)}
    assert not report.holds
    assert "not tested: what never varied in observation, entry (counted from 1) 2, 3" in str(
        report
    )
    assert report.to_dict()["untested"] == {"observation": [2, 3]}
    control = check_environment(asked("Odd-v0", {"s": [-1]}), samples=50)
    assert control.holds
    assert control.untested == {}


def test_wrong_is_wrong_even_where_something_was_not_tested(odd):
    stays = representations.direct_sum((2, representations.trivial(D1)))
    report = check_environment(
        asked("Odd-v0", {"s": [-1, 3, 2]}, stays, kwargs={"legs": 2}), samples=100
    )
    assert [row.verdict for row in report.rows] == ["refuted"]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"reward": float("nan")}, "a reward is nan"),
        ({"reward": float("inf")}, "a reward is inf"),
        ({"lost": True}, "entry 1 of observation is nan"),
    ],
)
def test_numbers_that_are_not_finite_are_told(odd, kwargs, words):
    with pytest.raises(UserError, match=words) as caught:
        check_environment(asked("Odd-v0", {"s": [-1]}, kwargs=kwargs), samples=50)
    assert caught.value.code == "environment-not-finite"
    assert caught.value.hint


def test_a_reward_that_is_not_finite_is_told_by_the_exact_method_too():
    report = asked("Pendulum-v1", {"s": [1, -2, -3]}, TORQUE, kwargs={"g": float("nan")})
    with pytest.raises(UserError, match="not finite"):
        check_environment(report, samples=5)
