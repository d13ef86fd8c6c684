"""Environments that observe a clock, and their slow twin: each environment alone, one episode after
the other, as frames and previous actions must show it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from symgen.envs._stepping import final_observation
from symgen.problem.pipeline import ACTION, REWARD
from tests.envs.laws import parts

MODES = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)
ENVS = 3
STEPS = 40


class Clock(gymnasium.Env):
    """Observes (which environment, which episode, the time in it); episodes differ in length.

    Args:
        number: which environment.
        kind: of the action: "box", "choice" or "choices".
        single: whether the observation is an array, not a dict.
    """

    def __init__(self, number: int, kind: str, single: bool) -> None:
        box = spaces.Box(0.0, 1e3, (3,), np.float32)
        self._single = single
        self.observation_space = box
        if not single:
            index = spaces.Discrete(100)
            self.observation_space = spaces.Dict({"clock": box, "index": index})
        self.action_space = {
            "box": spaces.Box(np.array([-1, -2]), np.array([0.5, 2]), (2,), np.float64),
            "choice": spaces.Discrete(3, start=-1),
            "choices": spaces.MultiDiscrete([2, 3]),
        }[kind]
        self._number = number
        self._episode = -1
        self._time = 0

    def _seen(self) -> Any:
        clock = np.array([self._number, self._episode, self._time], np.float32)
        return clock if self._single else {"clock": clock, "index": self._time}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._episode += 1
        self._time = 0
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        self._time += 1
        last = self._time == 2 + (self._number + self._episode) % 4
        reward = self._number + self._time / 8
        return self._seen(), reward, last and self._episode % 2 == 0, last, {}


def clocks(mode: AutoresetMode, kind: str = "box", single: bool = True, several=SyncVectorEnv):
    makers = [lambda number=number: Clock(number, kind, single) for number in range(ENVS)]
    return several(makers, autoreset_mode=mode)


class Moment(NamedTuple):
    """What one environment must show."""

    seen: Any
    final: Any


def executed(space: spaces.Space, action: Any) -> list[float]:
    """What is executed, written the slow way."""
    if isinstance(space, spaces.Box):
        pairs = zip(action, space.low, space.high, strict=True)
        return [min(max(float(a), float(low)), float(high)) for a, low, high in pairs]
    if isinstance(space, spaces.Discrete):
        return [float(action - space.start == k) for k in range(space.n)]
    return [float(a == k) for a, n in zip(action, space.nvec, strict=True) for k in range(n)]


def twin(mode: AutoresetMode, kind: str, single: bool, frames: int, number: int, actions) -> list:
    """What environment `number` must show, step by step, and its final observations."""
    env = Clock(number, kind, single)
    size = len(executed(env.action_space, actions[0]))

    def show(history: list, done: list[float], reward: float) -> dict:
        last = [history[max(k, 0)] for k in range(len(history) - frames, len(history))]
        named = [{"observation": one} if single else one for one in last]
        shown = {
            name: named[-1][name]
            if name == "index"
            else np.concatenate([part[name] for part in named])
            for name in named[-1]
        }
        return {**shown, ACTION: np.array(done), REWARD: np.array([reward])}

    def begin() -> Any:
        history.clear()
        history.append(env.reset()[0])
        return show(history, [0.0] * size, 0.0)

    history: list = []
    moments = [Moment(begin(), None)]
    over = False
    for action in actions:
        if over:  # NEXT_STEP: this step only begins the episode
            moments.append(Moment(begin(), None))
            over = False
            continue
        observation, reward, terminated, truncated, _ = env.step(action)
        history.append(observation)
        last = show(history, executed(env.action_space, action), reward)
        over = terminated or truncated
        if over and mode is AutoresetMode.SAME_STEP:
            moments.append(Moment(begin(), last))
            over = False
        else:
            moments.append(Moment(last, None))
    return moments


def equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return set(one) == set(other) and all(
        np.allclose(one[name], other[name], atol=1e-6) for name in one
    )


def some_actions(space: spaces.Space, seed: int = 0) -> np.ndarray:
    """[step, env, ...]; of a box, some beyond it."""
    rng = np.random.default_rng(seed)
    if isinstance(space, spaces.Box):
        return rng.normal(0, 2, (STEPS, ENVS, *space.shape))
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.n, size=(STEPS, ENVS)) + space.start
    return rng.integers(space.nvec, size=(STEPS, ENVS, len(space.nvec)))


def differences(envs: VectorEnv, actions: np.ndarray, twins: list[list[Moment]]) -> list[str]:
    """Where environments show something else than their twins."""
    wrong = []
    observation, _ = envs.reset(seed=0)
    for time in range(len(actions) + 1):
        info: dict = {}
        if time:
            observation, *_, info = envs.step(actions[time - 1])
        observation = parts(observation)
        for env, moments in enumerate(twins):
            if not equal({name: part[env] for name, part in observation.items()}, moments[time][0]):
                wrong.append(f"step {time}, environment {env}")
            final = moments[time].final
            if final is not None and not equal(final_observation(info, env), final):
                wrong.append(f"step {time}, the final observation of environment {env}")
    return wrong
