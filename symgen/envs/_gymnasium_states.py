"""Environments of Gymnasium itself whose observation tells all that matters, so that any state can
be set from one.

Classic control is listed by class; MuJoCo is recognised by an observation that is qpos (less its
first entries) followed by qvel. What is stepped is the environment itself with its arguments, and
only where nothing stands around it that could change what it does; `unlawful` tests on this very
environment that its states can be set.
"""

from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
from gymnasium import wrappers

from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.interface import Observation

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


class Hook(Protocol):
    """How one kind of environment is put into a state.

    Law: observing right after `restore` gives the observation back, for every observation that is
        one.
    """

    def __call__(self, env: Any, state: Told) -> np.ndarray:
        """Put the unwrapped `env` into the state; returns what it observes there."""
        ...


def _as_it_is(env: Any, state: Told) -> np.ndarray:
    """CartPole, MountainCar: the observation is the state."""
    env.state = state.seen.astype(np.float64)
    env.steps_beyond_terminated = None  # CartPole counts steps after the end
    return np.array(env.state, dtype=np.float32)


def _pendulum(env: Any, state: Told) -> np.ndarray:
    cosine, sine, velocity = state.seen.astype(np.float64)
    env.state = np.array([np.arctan2(sine, cosine), velocity])
    return np.array(env._get_obs())


def _acrobot(env: Any, state: Told) -> np.ndarray:
    cosine1, sine1, cosine2, sine2, velocity1, velocity2 = state.seen.astype(np.float64)
    env.state = np.array(
        [np.arctan2(sine1, cosine1), np.arctan2(sine2, cosine2), velocity1, velocity2]
    )
    return np.array(env._get_ob())


def _mujoco(env: Any, state: Told) -> np.ndarray:
    shown = env.model.nq - len(state.hidden)
    env.set_state(np.concatenate([state.hidden, state.seen[:shown]]), state.seen[shown:])
    env.data.qacc_warmstart[:] = 0.0  # the solver starts from what the last step left there
    return np.array(env._get_obs())


def _classic() -> dict[type, Hook]:
    from gymnasium.envs import classic_control

    return {
        classic_control.CartPoleEnv: _as_it_is,
        classic_control.MountainCarEnv: _as_it_is,
        classic_control.Continuous_MountainCarEnv: _as_it_is,
        classic_control.PendulumEnv: _pendulum,
        classic_control.AcrobotEnv: _acrobot,
    }


def settable(env: Any) -> "ObservedSimulator | str":
    """The simulator of an environment as it is made for training, or why there is none."""
    while isinstance(env, gymnasium.Wrapper):
        if type(env) not in BOOKKEEPING or _is_patched(env):
            return f"the wrapper {type(env).__name__} stands around it"
        env = env.env
    name = type(env).__name__
    known = _classic().get(type(env))
    if _is_patched(env):
        return f"methods of this {name} are replaced"
    if known is not None:
        simulator = ObservedSimulator(env, known)
    elif not type(env).__module__.startswith(OWN_MUJOCO):
        return f"how to set the state of a {name} is not known"
    elif (hidden := _hidden(env)) is None:
        return f"the observation of {name} is not its positions and velocities"
    else:
        simulator = ObservedSimulator(env, _mujoco, hidden)
    return simulator.unlawful() or simulator


def _is_patched(env: Any) -> bool:
    """Whether a method was replaced on this very object."""
    return any(callable(getattr(type(env), name, None)) for name in vars(env))


def _hidden(env: Any) -> int | None:
    """How many entries of qpos a MuJoCo environment does not show; None where it shows anything
    else or less.
    """
    observation, _ = env.reset(seed=0)
    state = np.concatenate([env.data.qpos, env.data.qvel])
    hidden = len(state) - len(observation)
    tells_all = 0 <= hidden <= 3 and np.array_equal(observation, state[hidden:])
    return (
        hidden if tells_all and env.model.na == 0 else None
    )  # actuators may have states of their own


class ObservedSimulator(Simulator[Told]):
    """An environment whose states are its observations, and coordinates on which nothing depends.

    Args:
        env: without wrappers, so that no time limit is part of the state.
        restore: how it is put into a state.
        hidden: number of coordinates that are not observed.
    """

    TOLERANCE = 1e-5

    def __init__(self, env: Any, restore: Hook, hidden: int = 0) -> None:
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
            one = self.step(state, action)
            if not self._alike(one, self.step(state, action)):
                return "a state that is restored twice does not go on in the same way"
            if not self._alike(one, self.step(state._replace(hidden=self._anywhere(rng)), action)):
                return "what happens depends on coordinates that are not observed"
        return ""

    def _alike(self, one: Outcome[Told], other: Outcome[Told]) -> bool:
        rewards = np.isclose(
            one.reward, other.reward, self.TOLERANCE, self.TOLERANCE, equal_nan=True
        )
        return (
            self.same(one.state, other.state)
            and bool(rewards)
            and one.terminated == other.terminated
        )

    def _anywhere(self, rng: np.random.Generator) -> np.ndarray:
        """Hidden coordinates near and far, of both signs."""
        return rng.choice([-1.0, 1.0], self._hidden) * 10 ** rng.uniform(-2, 2, self._hidden)

    def sample(self, rng: np.random.Generator) -> Told:
        """What is observed after up to 50 random actions; anywhere, as far as that is not observed."""
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
