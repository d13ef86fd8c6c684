"""Environments of Gymnasium itself whose observation tells all that matters, so that each state can
be set from one.

Classic control is listed by class; MuJoCo is recognised by an observation that is qpos (less its
first entries) followed by qvel. What is stepped is the environment itself with its arguments, and
only where nothing stands around it that could change what it does; `unlawful` tests on this very
environment that its states can be set.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import gymnasium
import numpy as np
from gymnasium import wrappers

from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.interface import Observation

if TYPE_CHECKING:
    from gymnasium.envs.classic_control import AcrobotEnv, CartPoleEnv, PendulumEnv
    from gymnasium.envs.mujoco import MujocoEnv

    class ObservingMujocoEnv(MujocoEnv):
        """What every environment of MuJoCo has, and their base class does not declare."""

        def _get_obs(self) -> np.ndarray: ...


BOOKKEEPING = (
    wrappers.TimeLimit,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.Autoreset,
)
"""Wrappers that count, check and begin anew, and leave every transition as it is."""
OWN_MUJOCO = "gymnasium.envs.mujoco."
"""The modules of Gymnasium's own MuJoCo environments."""
TRIALS = 24
"""States in which `unlawful` tries an environment."""


class Told(NamedTuple):
    """A state of an environment.

    Args:
        seen: what is observed in it.
        hidden: the first entries of qpos that are not observed, such as how far an ant has walked.
    """

    seen: np.ndarray
    hidden: np.ndarray


Hook = Callable[..., np.ndarray]
"""How one kind of environment is put into a state: (unwrapped environment, Told) -> observation.

Law: observing right after it gives the observation back, for every observation that is one.
"""


def _as_it_is(env: "CartPoleEnv", state: Told) -> np.ndarray:
    """CartPole, MountainCar: the observation is the state."""
    env.state = state.seen.astype(np.float64)
    env.steps_beyond_terminated = None  # CartPole counts steps after the end
    return np.array(env.state, dtype=np.float32)


def _pendulum(env: "PendulumEnv", state: Told) -> np.ndarray:
    cosine, sine, velocity = state.seen.astype(np.float64)
    env.state = np.array([np.arctan2(sine, cosine), velocity])
    return np.array(env._get_obs())


def _acrobot(env: "AcrobotEnv", state: Told) -> np.ndarray:
    cosine1, sine1, cosine2, sine2, velocity1, velocity2 = state.seen.astype(np.float64)
    angle1 = np.arctan2(sine1, cosine1)
    angle2 = np.arctan2(sine2, cosine2)
    vars(env)["state"] = np.array([angle1, angle2, velocity1, velocity2])  # which is typed as None
    return np.array(env._get_ob())


def _mujoco(env: "ObservingMujocoEnv", state: Told) -> np.ndarray:
    shown = env.model.nq - len(state.hidden)
    env.set_state(np.concatenate([state.hidden, state.seen[:shown]]), state.seen[shown:])
    env.data.qacc_warmstart[:] = 0.0  # the solver starts from what the last step left there
    return np.array(env._get_obs())


def classic() -> dict[type, Hook]:
    """The classes of classic control, whose attribute `state` is all that matters, and how each is
    put into a state.
    """
    from gymnasium.envs import classic_control

    return {
        classic_control.CartPoleEnv: _as_it_is,
        classic_control.MountainCarEnv: _as_it_is,
        classic_control.Continuous_MountainCarEnv: _as_it_is,
        classic_control.PendulumEnv: _pendulum,
        classic_control.AcrobotEnv: _acrobot,
    }


def settable(env: gymnasium.Env) -> "ObservedSimulator | str":
    """The simulator of an environment as it is made for training, or why there is none."""
    while isinstance(env, gymnasium.Wrapper):
        if type(env) not in BOOKKEEPING or is_patched(env):
            return f"the wrapper {type(env).__name__} stands around it"
        env = env.env
    simulator = _of_its_kind(env)
    if isinstance(simulator, str):
        return simulator
    return simulator.unlawful() or simulator


def _of_its_kind(env: gymnasium.Env) -> "ObservedSimulator | str":
    """What its class promises; or why that is nothing."""
    name = type(env).__name__
    if is_patched(env):
        return f"methods of this {name} are replaced"
    known = classic().get(type(env))
    if known is not None:
        return ObservedSimulator(env, known)
    if not type(env).__module__.startswith(OWN_MUJOCO):
        return f"how to set the state of a {name} is not known"
    hidden = _hidden(env)
    if hidden is None:
        return f"the observation of {name} is not its positions and velocities"
    return ObservedSimulator(env, _mujoco, hidden)


def is_patched(env: gymnasium.Env) -> bool:
    """Whether a method was replaced on this very object."""
    return any(callable(getattr(type(env), name, None)) for name in vars(env))


def _hidden(env: gymnasium.Env) -> int | None:
    """How many entries of qpos a MuJoCo environment does not show; None where it shows something
    else or less.
    """
    from gymnasium.envs.mujoco import MujocoEnv

    if not isinstance(env, MujocoEnv):
        return None
    observation, _ = env.reset(seed=0)
    state = np.concatenate([env.data.qpos, env.data.qvel])
    hidden = len(state) - len(observation)
    tells_all = 0 <= hidden <= 3 and np.array_equal(observation, state[hidden:])
    # actuators may have states of their own
    return hidden if tells_all and env.model.na == 0 else None


class ObservedSimulator(Simulator[Told]):
    """An environment whose states are its observations, and coordinates on which nothing depends.

    Args:
        env: without wrappers, so that no time limit is part of the state.
        restore: how it is put into a state.
        hidden: number of coordinates that are not observed.
    """

    TOLERANCE = 1e-5

    def __init__(self, env: gymnasium.Env, restore: Hook, hidden: int = 0) -> None:
        self._env = env
        self._restore = restore
        self._hidden = hidden

    def unlawful(self) -> str:
        """Why what is found in states that are set would say little of the environment; "" where it
        does.
        """
        rng = np.random.default_rng(0)
        for _ in range(TRIALS):
            state = self.sample(rng)
            action = self._env.action_space.sample()
            if not self.same(Told(self.observe(state), state.hidden), state):
                return "restoring a state does not reproduce its observation"
            outcome = self.step(state, action)
            if not self._alike(outcome, self.step(state, action)):
                return "a state that is restored twice does not go on in the same way"
            elsewhere = state._replace(hidden=self._anywhere(rng))
            if not self._alike(outcome, self.step(elsewhere, action)):
                return "what happens depends on coordinates that are not observed"
        return ""

    def _alike(self, first: Outcome[Told], second: Outcome[Told]) -> bool:
        near = self.TOLERANCE
        rewards = np.isclose(first.reward, second.reward, near, near, equal_nan=True)
        ends = first.terminated == second.terminated
        return self.same(first.state, second.state) and bool(rewards) and ends

    def _anywhere(self, rng: np.random.Generator) -> np.ndarray:
        """Hidden coordinates near and far, of both signs."""
        return rng.choice([-1.0, 1.0], self._hidden) * 10 ** rng.uniform(-2, 2, self._hidden)

    def sample(self, rng: np.random.Generator) -> Told:
        """What is observed after up to 50 random actions; anywhere, as far as it is hidden."""
        seen, _ = self._env.reset(seed=int(rng.integers(2**31)))
        self._env.action_space.seed(int(rng.integers(2**31)))
        for _ in range(rng.integers(50)):
            following, _, terminated, _, _ = self._env.step(self._env.action_space.sample())
            if terminated:
                break
            seen = following
        return Told(np.array(seen), self._anywhere(rng))

    def observe(self, state: Told) -> np.ndarray:
        """See Simulator."""
        return self._restore(self._env, state)

    def act(self, generator: str, state: Told, image: Observation) -> Told:
        """The state that the moved observation tells. Hidden coordinates stay: nothing depends on
        them.
        """
        return Told(np.asarray(image), state.hidden)

    def step(self, state: Told, action: np.ndarray) -> Outcome[Told]:
        """See Simulator."""
        self._env.reset(seed=0)
        self._restore(self._env, state)
        following, reward, terminated, truncated, _ = self._env.step(action)
        return Outcome(
            Told(np.array(following), state.hidden),
            float(reward),
            bool(terminated),
            bool(truncated),
        )

    def same(self, one: Told, other: Told) -> bool:
        """Whether the same is observed."""
        return bool(np.allclose(one.seen, other.seen, rtol=self.TOLERANCE, atol=self.TOLERANCE))

    def describe(self, state: Told) -> str:
        """See Simulator."""
        return np.array2string(np.asarray(state.seen), precision=4, separator=", ", threshold=24)
