"""Environments whose observation tells their whole state, so that any state can be set from an observation.

Classic control is listed by class; MuJoCo is recognised by an observation that is qpos (less its first entries, which
the reward and the dynamics do not depend on) followed by qvel.
"""

from typing import Any, Protocol

import numpy as np

from symgen.envs.interface import Outcome, Simulator


class Hook(Protocol):
    """How one kind of environment is put into the state of an observation.

    Law: observing right after `restore` gives the observation back, for every observation that is one.
    """

    def __call__(self, env: Any, observation: np.ndarray) -> np.ndarray:
        """Put the unwrapped `env` into the state; returns what it observes there."""
        ...


def _as_it_is(env: Any, observation: np.ndarray) -> np.ndarray:
    """CartPole, MountainCar: the observation is the state."""
    env.state = observation.astype(np.float64)
    env.steps_beyond_terminated = None  # CartPole counts steps after the end
    return observation


def _pendulum(env: Any, observation: np.ndarray) -> np.ndarray:
    cosine, sine, velocity = observation.astype(np.float64)
    env.state = np.array([np.arctan2(sine, cosine), velocity])
    return env._get_obs()


def _acrobot(env: Any, observation: np.ndarray) -> np.ndarray:
    cosine1, sine1, cosine2, sine2, velocity1, velocity2 = observation.astype(np.float64)
    env.state = np.array([np.arctan2(sine1, cosine1), np.arctan2(sine2, cosine2), velocity1, velocity2])
    return env._get_ob()


def _mujoco(env: Any, observation: np.ndarray) -> np.ndarray:
    hidden = env.model.nq + env.model.nv - len(observation)
    shown = env.model.nq - hidden
    env.set_state(np.concatenate([np.zeros(hidden), observation[:shown]]), observation[shown:])
    env.data.qacc_warmstart[:] = 0.0  # the solver starts from what the last step left there
    return np.concatenate([env.data.qpos[hidden:], env.data.qvel])


_CLASSIC: dict[str, Hook] = {
    "CartPoleEnv": _as_it_is,
    "MountainCarEnv": _as_it_is,
    "Continuous_MountainCarEnv": _as_it_is,
    "PendulumEnv": _pendulum,
    "AcrobotEnv": _acrobot,
}


def hook(env: Any) -> Hook | None:
    """How to put the unwrapped `env` into a state; None where its observation does not tell it."""
    known = _CLASSIC.get(type(env).__name__)
    if known is not None or "MujocoEnv" not in (base.__name__ for base in type(env).__mro__):
        return known
    observation, _ = env.reset(seed=0)
    state = np.concatenate([env.data.qpos, env.data.qvel])
    hidden = len(state) - len(observation)
    tells_all = 0 <= hidden <= 3 and np.array_equal(observation, state[hidden:])
    return _mujoco if tells_all else None


class ObservedSimulator(Simulator[np.ndarray]):
    """An environment whose states are its observations.

    Args:
        env: without wrappers, so that no time limit is part of the state.
        restore: how it is put into a state.
    """

    TOLERANCE = 1e-5

    def __init__(self, env: Any, restore: Hook) -> None:
        self._env, self._restore = env, restore

    def sample(self, rng: np.random.Generator) -> np.ndarray:
        """What is observed after up to 50 random actions."""
        state, _ = self._env.reset(seed=int(rng.integers(2**31)))
        self._env.action_space.seed(int(rng.integers(2**31)))
        for _ in range(rng.integers(50)):
            following, _, terminated, _, _ = self._env.step(self._env.action_space.sample())
            if terminated:
                break
            state = following
        return np.array(state)

    def observe(self, state: np.ndarray) -> np.ndarray:
        """See Simulator."""
        return self._restore(self._env, state)

    def act(self, generator: str, state: np.ndarray, image: np.ndarray) -> np.ndarray:
        """The state that the moved observation tells."""
        return image

    def step(self, state: np.ndarray, action: Any) -> Outcome:
        """See Simulator."""
        self._env.reset(seed=0)
        self._restore(self._env, state)
        following, reward, terminated, truncated, _ = self._env.step(action)
        return Outcome(np.array(following), float(reward), bool(terminated), bool(truncated))

    def same(self, one: np.ndarray, other: np.ndarray) -> bool:
        """See Simulator."""
        return bool(np.allclose(one, other, rtol=self.TOLERANCE, atol=self.TOLERANCE))

    def describe(self, state: np.ndarray) -> str:
        """See Simulator."""
        return np.array2string(np.asarray(state), precision=4, separator=", ", threshold=24)
