"""Environments whose observations become what a network sees: the keys `patches`, `frames` and
`previous` of `environment:`, in that order, for many environments side by side.

piped       all of it, with a place between patches and frames where a condition changes sensors
Patches     pictures as tokens
Frames      the last observations side by side
Previous    what was executed and rewarded, beside the observation

`symgen/problem/pipeline.py` says the same of interfaces, without Gymnasium. Frames and what was
done belong to an episode: both begin anew exactly where an environment starts one, in either way to
do so (see `_stepping`), and a final observation in `info` has the form of the others.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._by_term import (
    Parts,
    as_space,
    by_term,
    change_spaces,
    finals_by_term,
    spaces_by_term,
    with_finals,
)
from symgen.envs._resumed import ResumableWrapper, StatelessWrapper
from symgen.envs._starts import Starts
from symgen.envs._stepping import (
    Array,
    Flags,
    Info,
    ResetOptions,
    Stepped,
    first_action,
)
from symgen.problem.interface import Observation
from symgen.problem.pipeline import ACTION, REWARD, Pipeline, patches_of
from symgen.problem.resumable import Arrays, below, prefixed, taken

Between = Callable[[VectorEnv], VectorEnv]


def piped(envs: VectorEnv, pipeline: Pipeline, between: Between) -> VectorEnv:
    """Environments as a network sees them.

    Args:
        envs: environments that give their own observations.
        pipeline: what becomes of those.
        between: what changes sensors. It is given environments whose pictures are cut, and may
            change the number of tokens; frames and previous actions are taken of what it gives.

    Raises:
        UserError: frames or previous actions of environments that do not say how they reset
            themselves.
    """
    if pipeline.patches is not None:
        envs = Patches(envs, pipeline.patches)
    envs = between(envs)
    if pipeline.frames > 1:
        envs = Frames(envs, pipeline.frames)
    if pipeline.terms:
        envs = Previous(envs, pipeline.terms)
    return envs


def unchanged(envs: VectorEnv) -> VectorEnv:
    """The condition that changes no sensors."""
    return envs


class Patches(StatelessWrapper):
    """Environments whose pictures are tokens, a patch each; other terms are as they were.

    Args:
        envs: the environments.
        side: pixels per side of a patch, which divides the pictures.
    """

    def __init__(self, envs: VectorEnv, side: int) -> None:
        super().__init__(envs)
        self._side = side
        inner = envs.single_observation_space
        self._cut = {
            name for name, space in spaces_by_term(inner).items() if len(space.shape or ()) == 3
        }
        change_spaces(self, inner, self._cut, lambda bounds: patches_of(bounds, side))

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        observation, info = self.env.reset(seed=seed, options=options)
        return as_space(self, self._patched(by_term(observation))), info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        observation, rewards, terminated, truncated, info = self.env.step(actions)
        rows = np.flatnonzero(terminated | truncated)
        finals = finals_by_term(self.env, info, rows)
        if finals is not None:
            info = with_finals(self, info, self._patched(finals), rows)
        shown = as_space(self, self._patched(by_term(observation)))
        return shown, rewards, terminated, truncated, info

    def _patched(self, parts: Parts) -> Parts:
        return {
            name: patches_of(part, self._side) if name in self._cut else part
            for name, part in parts.items()
        }


class Frames(ResumableWrapper):
    """Environments whose last observations are seen side by side, along the channels, the oldest
    first. Where an episode begins they are its first one, so many times. Indices stay as they are.

    Args:
        envs: the environments.
        count: how many observations.
    """

    def __init__(self, envs: VectorEnv, count: int) -> None:
        super().__init__(envs)
        self._count = count
        self._starts = Starts(envs)
        inner = envs.single_observation_space
        self._last: dict[str, deque[Array]] = {
            name: deque(maxlen=count)
            for name, space in spaces_by_term(inner).items()
            if not isinstance(space, spaces.Discrete)
        }
        change_spaces(self, inner, self._last, lambda bounds: np.concatenate([bounds] * count, -1))

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        begin = self._starts.reset(options)
        observation, info = self.env.reset(seed=seed, options=options)
        parts = by_term(observation)
        for name, last in self._last.items():
            if not last:
                last.extend([np.zeros_like(parts[name]) for _ in range(self._count)])
        return self._shown(parts, begin), info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        observation, rewards, terminated, truncated, info = self.env.step(actions)
        ended = terminated | truncated
        rows = np.flatnonzero(ended)
        finals = finals_by_term(self.env, info, rows)
        if finals is not None:
            info = with_finals(self, info, self._followed_by(finals, rows), rows)
        parts = by_term(observation)
        for name, last in self._last.items():
            last.append(parts[name].copy())  # environments may write into what they gave
        return self._shown(parts, self._starts.step(ended)), rewards, terminated, truncated, info

    def _shown(self, parts: Parts, begin: Flags) -> Observation:
        """The frames side by side, once those that begin have forgotten the others."""
        if begin.any():
            for name, last in self._last.items():
                first = parts[name][begin]
                for frame in last:
                    frame[begin] = first
        frames = {name: np.concatenate(last, -1) for name, last in self._last.items()}
        return as_space(self, {**parts, **frames})

    def own_state(self) -> Arrays:
        """The last frames, [frame, env, ...] by term, and whose episodes have ended."""
        frames = {name: np.stack(last) for name, last in self._last.items() if last}
        return {**prefixed("last.", frames), **prefixed("starts.", self._starts.under_way())}

    def take_state(self, arrays: Arrays) -> None:
        """See ResumableWrapper."""
        frames = below("last.", arrays)
        for name, last in self._last.items():
            last.extend(frames[name].copy())
        self._starts.go_on(below("starts.", arrays))

    def _followed_by(self, finals: Parts, rows: Array) -> Parts:
        """The final observations of some environments behind their last frames."""
        frames = {
            name: np.concatenate([*(frame[rows] for frame in list(last)[1:]), finals[name]], -1)
            for name, last in self._last.items()
        }
        return {**finals, **frames}


class Previous(ResumableWrapper):
    """Environments that show what was executed and rewarded last, zeros where an episode begins.

    The action is what the environment executed: clipped to its box, in its units; of a choice,
    one-hot; of several choices, one after the other.

    Args:
        envs: the environments.
        terms: the names of the terms that are added.
    """

    def __init__(self, envs: VectorEnv, terms: Sequence[str]) -> None:
        super().__init__(envs)
        self._terms = tuple(terms)
        self._starts = Starts(envs)
        executed, space = _executed(envs.single_action_space, envs.num_envs)
        self._executed = executed
        unbounded = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        added = {ACTION: space, REWARD: unbounded}
        inner = envs.single_observation_space
        named = {**spaces_by_term(inner), **{name: added[name] for name in self._terms}}
        self.single_observation_space = spaces.Dict(OrderedDict(named))
        self.observation_space = batch_space(self.single_observation_space, envs.num_envs)
        self._last: Parts = {
            name: np.zeros((envs.num_envs, *(added[name].shape or ())), np.float32)
            for name in self._terms
        }

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv."""
        begin = self._starts.reset(options)
        observation, info = self.env.reset(seed=seed, options=options)
        return self._beside(observation, begin), info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        done = self._executed(np.asarray(actions))
        observation, rewards, terminated, truncated, info = self.env.step(actions)
        given = {ACTION: done, REWARD: np.array(rewards, np.float32)[:, None]}
        self._last = {name: given[name] for name in self._terms}
        ended = terminated | truncated
        rows = np.flatnonzero(ended)
        finals = finals_by_term(self.env, info, rows)
        if finals is not None:
            last = {name: part[rows] for name, part in self._last.items()}
            info = with_finals(self, info, {**finals, **last}, rows)
        shown = self._beside(observation, self._starts.step(ended))
        return shown, rewards, terminated, truncated, info

    def own_state(self) -> Arrays:
        """What was done last, and whose episodes have ended."""
        last = {name: part.copy() for name, part in self._last.items()}
        return {**prefixed("last.", last), **prefixed("starts.", self._starts.under_way())}

    def take_state(self, arrays: Arrays) -> None:
        """See ResumableWrapper."""
        last = below("last.", arrays)
        self._last = {name: taken(name, last, part) for name, part in self._last.items()}
        self._starts.go_on(below("starts.", arrays))

    def _beside(self, observation: Observation, begin: Flags) -> Parts:
        """What was done last beside an observation, once those that begin have forgotten it."""
        parts = by_term(observation)
        for name, last in self._last.items():
            last[begin] = 0.0
            parts[name] = last.copy()
        return parts


def _executed(
    space: spaces.Space, count: int
) -> tuple[Callable[[np.ndarray], np.ndarray], spaces.Box]:
    """The map from actions [env, ...] as the environment takes them to what it executes, float32
    [env, size]; and the space of the result, which holds zero too.
    """
    if isinstance(space, spaces.Box):
        low = space.low.astype(np.float32)
        high = space.high.astype(np.float32)
        box = spaces.Box(np.minimum(low, 0), np.maximum(high, 0), dtype=np.float32)
        return lambda actions: np.clip(actions.astype(np.float32), low, high), box
    start = first_action(space)
    sizes = _sizes(space)
    offsets = np.cumsum([0, *sizes[:-1]]) - start
    rows = np.arange(count)[:, None]
    size = int(np.sum(sizes))

    def one_hot(actions: np.ndarray) -> np.ndarray:
        chosen = np.zeros((count, size), np.float32)
        chosen[rows, actions.reshape(count, -1) + offsets] = 1.0
        return chosen

    return one_hot, spaces.Box(0.0, 1.0, (size,), np.float32)


def _sizes(space: spaces.Space) -> list[int]:
    """The number of choices of each component of a space of choices."""
    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        sizes: list[int] = space.nvec.reshape(-1).tolist()
        return sizes
    if isinstance(space, spaces.MultiBinary):
        return [2] * int(np.prod(space.shape))
    raise TypeError(f"no action of {space} is known")
