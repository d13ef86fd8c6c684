"""Stepping a vector environment that resets itself, with autoreset told apart from experience.

Gymnasium's two ways to start the next episode (AutoresetMode) differ in what the step after an
ending is:

    NEXT_STEP  the ending step returns the final observation. The step after it ignores its action,
               rewards nothing and returns the first observation of the next episode: it is no
               transition, and `valid` is False there.
    SAME_STEP  the ending step already returns the first observation of the next episode; the final
               one is in info["final_obs"]. Every step is a transition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from gymnasium import Space, spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from symgen.envs._finite import check_finite
from symgen.envs._resumed import INNER, put_into, state_of
from symgen.errors import UserError
from symgen.problem.resumable import Arrays, Resumable, below, prefixed, taken

Array = NDArray[np.generic]
Flags = NDArray[np.bool_]
Given = Array | dict[str, Array]
"""Observations as the space gives them, batch first."""

# What `reset` and `step` of a vector environment take and return, for those who write one.
Seed = int | Sequence[int] | None
ResetOptions = dict[str, object] | None
Info = dict[str, object]
Observed = TypeVar("Observed")
Stepped = tuple[Observed, np.ndarray, np.ndarray, np.ndarray, Info]
"""Observations, rewards, terminated, truncated, info."""

Several = TypeVar("Several", SyncVectorEnv, AsyncVectorEnv)

STAGGER = "stagger"
"""Key of a vector environment's metadata: it takes `reset(options={STAGGER: True})`, which cuts
each first episode off after a random number of steps. A training asks for it, an evaluation never.
"""


@dataclass(frozen=True)
class Step:
    """What one step of every environment led to; arrays are [env].

    Args:
        observation: what the next step acts on.
        rewards: of this step.
        terminated: whether the episode ended for good.
        truncated: whether it was cut off.
        valid: whether the step was a transition, and not one that only starts an episode.
        info: what the environments say beside.
    """

    observation: Given
    rewards: NDArray[np.floating]
    terminated: Flags
    truncated: Flags
    valid: Flags
    info: Mapping[str, object]

    @property
    def ended(self) -> Flags:
        """Whether the episode ended either way."""
        return self.terminated | self.truncated


class Stepper(Resumable):
    """Steps a vector environment, and knows which steps are transitions and where episodes begin.

    Args:
        envs: environments that reset themselves.

    Attributes:
        same_step: whether the observation after an ending belongs to the next episode already; the
            final one is then asked of `final_observation`.
        starts: [env], whether an episode begins with the observation that the next step acts on.
        resetting: [env], whether the next step only starts an episode, and is no transition.

    Raises:
        UserError: the environments do not say that they reset themselves.
    """

    def __init__(self, envs: VectorEnv) -> None:
        self.envs = envs
        self.same_step = autoreset_mode(envs) is AutoresetMode.SAME_STEP
        self.starts: Flags = np.ones(envs.num_envs, np.bool_)
        self.resetting: Flags = np.zeros(envs.num_envs, np.bool_)
        self._to_environment = environment_action(envs.single_action_space)

    def begin(self, seed: int, step: int) -> tuple[Given, Mapping[str, object]]:
        """Reset all environments for a training: their first observations, and what they say
        beside. Those that can stagger their first episodes do so.

        Args:
            seed: of the training.
            step: transitions done so far. It is part of the seed, since a restored training must
                not repeat the episodes of its first start.
        """
        entropy = np.random.SeedSequence((seed, step))
        options: ResetOptions = {STAGGER: True} if self.envs.metadata.get(STAGGER) else None
        return self._reset(int(entropy.generate_state(1)[0] >> 1), options)

    def reset(self, seed: int) -> tuple[Given, Mapping[str, object]]:
        """Reset all environments with this very seed, as an evaluation does, without staggering."""
        return self._reset(seed, None)

    def _reset(self, seed: int, options: ResetOptions) -> tuple[Given, Mapping[str, object]]:
        observation, info = self.envs.reset(seed=seed, options=options)
        self.starts = np.ones(self.envs.num_envs, np.bool_)
        self.resetting = np.zeros(self.envs.num_envs, np.bool_)
        return observation, info

    def step(self, actions: Array) -> Step:
        """Take the policy's actions [env, ...]."""
        observation, rewards, terminated, truncated, info = self.envs.step(
            self._to_environment(actions)
        )
        step = Step(observation, rewards, terminated, truncated, ~self.resetting, info)
        if self.same_step:
            self.starts = step.ended
        else:
            self.starts = self.resetting
            self.resetting = step.ended
        return step

    def under_way(self) -> Arrays | str:
        """See Resumable: the environments, and where their episodes begin."""
        inner = state_of(self.envs)
        if isinstance(inner, str):
            return inner
        own = {"starts": self.starts.copy(), "resetting": self.resetting.copy()}
        return {**prefixed(INNER, inner), **own}

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        put_into(self.envs, below(INNER, arrays))
        self.starts = taken("starts", arrays, self.starts)
        self.resetting = taken("resetting", arrays, self.resetting)


def autoreset_mode(envs: VectorEnv) -> AutoresetMode:
    """How `envs` starts the next episode.

    Raises:
        UserError: it does not say, or leaves resetting to the caller.
    """
    mode: AutoresetMode | None = envs.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.NEXT_STEP and mode is not AutoresetMode.SAME_STEP:
        raise UserError(
            "autoreset-mode",
            f"training needs environments that reset themselves, but {type(envs).__name__} has "
            f'metadata["autoreset_mode"] = {mode}',
            "make it with autoreset_mode=AutoresetMode.NEXT_STEP (gymnasium's default) or "
            "SAME_STEP",
        )
    return mode


def environment_action(space: Space[object]) -> Callable[[Array], Array]:
    """The map from the policy's actions to what `envs.step` takes: indices from the space's start,
    reals in its box.
    """
    if isinstance(space, spaces.Box):
        low = space.low
        high = space.high
        dtype = space.dtype
        return lambda actions: np.clip(actions, low, high).astype(dtype)
    start = first_action(space)
    if start.any():
        return lambda actions: np.add(actions, start)
    return lambda actions: actions


def first_action(space: Space[object]) -> np.ndarray:
    """The number that indices of a space of actions begin with; 0 of every other space.

    >>> first_action(spaces.Discrete(3, start=-1)).item(), first_action(spaces.Box(0, 1)).item()
    (-1, 0)
    """
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        return np.asarray(space.start)
    return np.asarray(0)


def reset_from(envs: Several, seed: int) -> Several:
    """The same environments, reset from a seed: the next `reset()` without one goes on from it.

    Each has a seed of its own from one sequence; seed, seed + 1, ... would share environments
    between seeds.
    """
    envs.reset(seed=np.random.SeedSequence(seed).generate_state(envs.num_envs).tolist())
    return envs


def final_observation(info: Mapping[str, object], index: int) -> Given:
    """The final observation of environment `index`, from an array of observations or a dict of
    arrays.

    Raises:
        UserError: a number of it is not finite.
    """
    final = info["final_obs"]
    observation: Given
    if isinstance(final, dict):
        observation = {name: np.asarray(array[index]) for name, array in final.items()}
        check_finite({name: array[None] for name, array in observation.items()}, first=index)
    elif isinstance(final, np.ndarray):
        observation = final[index]
        check_finite(np.asarray(final[index])[None], first=index)
    else:
        raise TypeError(f"final_obs is an array or a dict of arrays, not {type(final).__name__}")
    return observation


def check_mask(info: Mapping[str, object], ignored: bool) -> None:
    """Refuse environments that forbid actions, as the info of their first reset says.

    Raises:
        UserError: there is a mask, and it is not to be ignored.
    """
    if "action_mask" in info and not ignored:
        raise UserError(
            "action-mask",
            "the environment says which actions are possible (info['action_mask']), and a policy "
            "that is trained here takes any",
            "write ignore_action_mask: true in train:, if the environment bears the others (in "
            "Taxi they do nothing)",
        )
