"""Held-out conditions of `evaluate:` that change how an environment is seen and acted on, not what
it is.

Wrappers of vector environments that know no group: they are given numpy functions of batches.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

KEYS = ("transform", "observation", "observation_noise")
"""The keys of an `evaluate:` entry that this module serves; the others edit the environment's
options.
"""

Observation = Any
ArrayMap = Callable[[Any], Any]


class Seen(VectorWrapper):
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
        self, envs: VectorEnv, observation: ArrayMap | None = None, action: ArrayMap | None = None
    ) -> None:
        super().__init__(envs)
        self._observation = observation or _same
        self._action = action or _same

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """See VectorEnv."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._observation(observation), info

    def step(self, actions: Any) -> tuple[Observation, Any, Any, Any, dict[str, Any]]:
        """See VectorEnv."""
        observation, reward, terminated, truncated, info = self.env.step(self._action(actions))
        return self._observation(observation), reward, terminated, truncated, info


class Noisy(VectorWrapper):
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
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """See VectorEnv."""
        if seed is not None:
            self._noise = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        return self._disturbed(observation, self.single_observation_space), info

    def step(self, actions: Any) -> tuple[Observation, Any, Any, Any, dict[str, Any]]:
        """See VectorEnv."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        return (
            self._disturbed(observation, self.single_observation_space),
            reward,
            terminated,
            truncated,
            info,
        )

    def _disturbed(self, observation: Observation, space: spaces.Space[Any]) -> Observation:
        if isinstance(space, spaces.Dict):
            return {
                name: self._disturbed(observation[name], inner) for name, inner in space.items()
            }
        if isinstance(space, spaces.Discrete):
            return observation
        noise = self._noise.normal(0.0, self._sigma, np.shape(observation))
        return (np.asarray(observation) + noise).astype(space.dtype)


def _same(value: Any) -> Any:
    return value


def _noisy_space(space: spaces.Space[Any]) -> spaces.Space[Any]:
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: _noisy_space(inner) for name, inner in space.items()})
    if isinstance(space, spaces.Discrete):
        return space
    dtype = space.dtype if np.issubdtype(space.dtype, np.floating) else np.float32
    return spaces.Box(-np.inf, np.inf, space.shape or (), dtype)  # type: ignore[arg-type]


def under(
    envs: VectorEnv,
    *,
    transform: tuple[ArrayMap, ArrayMap] | None = None,
    observation: ArrayMap | None = None,
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
