"""Held-out conditions of `evaluate:` that change how an environment is seen and acted on, not what
it is.

Wrappers of vector environments that know no group: they are given numpy functions of batches.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._generator_words import set_words, words_of
from symgen.envs._resumed import ResumableWrapper, StatelessWrapper
from symgen.envs._stepping import Info, ResetOptions, Stepped
from symgen.problem.interface import Observation
from symgen.problem.resumable import Arrays, taken

Value = TypeVar("Value")

ObservationMap = Callable[[Observation], Observation]
ActionMap = Callable[[np.ndarray], np.ndarray]


class Seen(StatelessWrapper):
    """An environment seen, and acted on, through functions of batches.

    With observation = g and action = g inverse this is the whole environment in another
    orientation: what happens is g.s where s was, so an equivariant policy that acts a in s acts g.a
    here, and the environment receives a.

    Args:
        envs: the environment; spaces are kept, so the functions must keep shapes.
        observation: applied to every batch of observations, an array or a dict of arrays.
        action: applied to every batch of actions before the environment gets it.
    """

    def __init__(
        self,
        envs: VectorEnv,
        observation: ObservationMap | None = None,
        action: ActionMap | None = None,
    ) -> None:
        super().__init__(envs)
        self._observation = observation or _same
        self._action = action or _same

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._observation(observation), info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        observation, reward, terminated, truncated, info = self.env.step(self._action(actions))
        return self._observation(observation), reward, terminated, truncated, info


class Noisy(ResumableWrapper):
    """Independent Gaussian noise on every entry of every observation that is an array of numbers.

    Terms of integers become float32, for half a step of noise must not be rounded away; indices
    (Discrete terms) stay as they are.

    Args:
        envs: the environment.
        sigma: standard deviation, in the units of the observation.
        seed: of the noise; `reset(seed=...)` restarts it too.
    """

    def __init__(self, envs: VectorEnv, sigma: float, seed: int = 0) -> None:
        super().__init__(envs)
        if not (np.isfinite(sigma) and sigma >= 0):
            raise ValueError(
                f"the standard deviation of noise must be finite and not negative, got {sigma}"
            )
        self._sigma = sigma
        self._noise = np.random.default_rng(seed)
        self.single_observation_space = _noisy_space(envs.single_observation_space)
        self.observation_space = batch_space(self.single_observation_space, envs.num_envs)

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        if seed is not None:
            self._noise = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        return self._disturbed(observation, self.single_observation_space), info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        disturbed = self._disturbed(observation, self.single_observation_space)
        return disturbed, reward, terminated, truncated, info

    def own_state(self) -> Arrays:
        """The random generator."""
        return {"random": words_of([self._noise])}

    def take_state(self, arrays: Arrays) -> None:
        """See ResumableWrapper."""
        set_words([self._noise], taken("random", arrays, words_of([self._noise])))

    def _disturbed(self, observation: Observation, space: spaces.Space) -> Observation:
        if isinstance(space, spaces.Dict) and isinstance(observation, Mapping):
            return {
                name: self._with_noise(np.asarray(observation[name]), inner)
                for name, inner in space.items()
            }
        return self._with_noise(np.asarray(observation), space)

    def _with_noise(self, batch: np.ndarray, space: spaces.Space) -> np.ndarray:
        """A batch of one term."""
        if isinstance(space, spaces.Discrete):
            return batch
        noisy: np.ndarray = batch + self._noise.normal(0.0, self._sigma, batch.shape)
        return noisy.astype(space.dtype)


def _same(value: Value) -> Value:
    return value


def _noisy_space(space: spaces.Space) -> spaces.Space:
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: _noisy_space(inner) for name, inner in space.items()})
    if isinstance(space, spaces.Discrete):
        return space
    dtype = np.dtype(space.dtype).type
    if not issubclass(dtype, np.floating):
        dtype = np.float32
    return spaces.Box(-np.inf, np.inf, space.shape or (), dtype)


def under(
    envs: VectorEnv,
    *,
    transform: tuple[ObservationMap, ActionMap] | None = None,
    observation: ObservationMap | None = None,
    observation_noise: float = 0.0,
    seed: int = 0,
) -> VectorEnv:
    """The environment under the conditions of one `evaluate:` entry, in the order: transform,
    observation, noise.

    Args:
        transform: (o -> g.o, a -> inverse(g).a) for `transform: g`, the whole environment seen
            through g.
        observation: o -> g.o for `observation: g`; actions keep their meaning.
        observation_noise: standard deviation.
        seed: of the noise.
    """
    if transform is not None:
        envs = Seen(envs, *transform)
    if observation is not None:
        envs = Seen(envs, observation)
    return Noisy(envs, observation_noise, seed) if observation_noise else envs
