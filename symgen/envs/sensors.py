"""What becomes of the sensors of an agent, in training (`train.sensors`) or under a held-out
condition: tokens of its observation that change places, have companions, or are missing.

A wrapper of vector environments that knows no group. It stands before the last frames are put side
by side (`frames`): a stack whose tokens were permuted as a whole would test nothing, for within it
every sensor would stay where it is (Tang and Ha 2021, arXiv 2109.02869, section 4.1).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from symgen.envs._by_term import (
    Parts,
    as_space,
    by_term,
    finals_by_term,
    set_spaces,
    spaces_by_term,
    with_finals,
)
from symgen.envs._counted import normal
from symgen.envs._resumed import ResumableWrapper
from symgen.envs._sensing import NOISE, Order, Sensing
from symgen.envs._starts import Starts
from symgen.envs._stepping import Flags, Info, ResetOptions, Stepped, autoreset_mode
from symgen.problem.interface import AS_GIVEN, Observation
from symgen.problem.pipeline import patches_of, picture_of
from symgen.problem.resumable import Arrays, below, prefixed, taken


class Sensors(ResumableWrapper):
    """An environment whose agents see its tokens in another order, more of them, or fewer.

    Law: what is drawn in the k-th episode of an environment is a function of seed, environment and
    k: it depends neither on what is done nor on the environments beside. Within an episode the
    order is constant but for `every`; the final observation belongs to its episode.

    Args:
        envs: the environments, which reset themselves.
        sensing: what happens.
        terms: the terms whose tokens these are, all in the same order, each with the number of
            channels that a token has in a vector (n * channels,); terms (token, channel) know
            theirs. "observation" is that of a space that is no Dict.
        patch: side of the square patches of pixels that are the tokens of an image (row, column,
            channel).
        seed: `reset(seed=...)` sets it, too.
        beside: whether the tokens as the environment gives them are observed, too, by the names of
            their terms after AS_GIVEN.

    Raises:
        ValueError: the terms have different numbers of tokens, or patches do not fit the image.
    """

    def __init__(
        self,
        envs: VectorEnv,
        sensing: Sensing,
        terms: Mapping[str, int],
        patch: int = 1,
        seed: int = 0,
        beside: bool = False,
    ) -> None:
        super().__init__(envs)
        self._sensing = sensing
        self._beside = beside
        self._seeds = _numbers(seed, envs.num_envs)
        self._same_step = autoreset_mode(envs) is AutoresetMode.SAME_STEP
        self._starts = Starts(envs)
        inner = spaces_by_term(envs.single_observation_space)
        self._cuts = {
            name: _Cut(inner[name].shape or (), channels, patch) for name, channels in terms.items()
        }
        counts = {cut.tokens for cut in self._cuts.values()}
        if len(counts) != 1:
            raise ValueError(f"terms of {sorted(counts)} tokens have no order in common")
        self._tokens = counts.pop()
        changed = {name: self._space(box, self._cuts.get(name)) for name, box in inner.items()}
        if beside:
            changed |= {AS_GIVEN + name: inner[name] for name in self._cuts}
        set_spaces(self, envs.single_observation_space, changed)
        self._rows = np.arange(envs.num_envs)
        self._episode = np.zeros(envs.num_envs, np.int64)
        self._clock = np.zeros(envs.num_envs, np.int64)
        self._order = self._drawn(self._rows)

    @property
    def order(self) -> Order:
        """[environment, token], which token of the environment the agents see where; see
        `Sensing.order`.
        """
        return self._order.copy()

    def reset(
        self, *, seed: int | None = None, options: ResetOptions = None
    ) -> tuple[Observation, Info]:
        """See VectorEnv, and some take a seed for each. Without a seed the next episodes begin."""
        begin = self._starts.reset(options)
        observation, info = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self._seeds = np.where(begin, _numbers(seed, self.num_envs), self._seeds)
            self._episode = np.where(begin, -1, self._episode)  # the next is the first
        self._start(begin)
        return self._sensed(observation), info

    def step(self, actions: np.ndarray) -> Stepped[Observation]:
        """See VectorEnv."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = terminated | truncated
        begin = self._starts.step(ended)
        # where the next episode has begun already, the final observation is still of the last
        self._step_on(begin if not self._same_step else np.zeros_like(begin))
        rows = np.flatnonzero(ended)
        finals = finals_by_term(self.env, info, rows)
        if finals is not None:
            info = with_finals(self, info, self._seen(finals, rows), rows)
        self._start(begin)
        return self._sensed(observation), reward, terminated, truncated, info

    def own_state(self) -> Arrays:
        """The counters that random numbers are drawn for, and the orders drawn; no generator."""
        return {
            "seeds": self._seeds.copy(),
            "episode": self._episode.copy(),
            "clock": self._clock.copy(),
            "order": self._order.copy(),
            **prefixed("starts.", self._starts.under_way()),
        }

    def take_state(self, arrays: Arrays) -> None:
        """See ResumableWrapper."""
        self._seeds = taken("seeds", arrays, self._seeds)
        self._episode = taken("episode", arrays, self._episode)
        self._clock = taken("clock", arrays, self._clock)
        self._order = taken("order", arrays, self._order)
        self._starts.go_on(below("starts.", arrays))

    def _step_on(self, starting: Flags) -> None:
        """A step of every episode but those that begin with it."""
        self._clock = self._clock + 1
        if self._sensing.shuffle and self._sensing.every:
            self._draw((self._clock % self._sensing.every == 0) & ~starting)

    def _start(self, starting: Flags) -> None:
        """The next episode begins in some environments."""
        self._episode = self._episode + starting
        self._clock = np.where(starting, 0, self._clock)
        self._draw(starting)

    def _draw(self, which: Flags) -> None:
        """The order that some environments have now."""
        if which.any():
            rows = np.flatnonzero(which)
            self._order[rows] = self._drawn(rows)

    def _drawn(self, rows: Order) -> Order:
        count = self._clock[rows] // (self._sensing.every or 1)
        if not self._sensing.every:
            count = np.zeros_like(count)
        seeds = self._seeds[rows]
        return self._sensing.order(self._tokens, seeds, rows, self._episode[rows], count)

    def _sensed(self, observation: Observation) -> Observation:
        """What the agents see."""
        return as_space(self, self._seen(by_term(observation), self._rows))

    def _seen(self, parts: Parts, rows: Order) -> Parts:
        """The same of some environments, by term."""
        seen = {
            name: self._term(name, part, rows) if name in self._cuts else part
            for name, part in parts.items()
        }
        if self._beside:
            seen |= {AS_GIVEN + name: parts[name] for name in self._cuts}
        return seen

    def _term(self, name: str, batch: np.ndarray, rows: Order) -> np.ndarray:
        """The same of one term, [row, ...]."""
        cut = self._cuts[name]
        tokens = cut.apart(batch)
        parts = [tokens]
        if self._sensing.noise_channels:
            parts = [tokens.astype(self._dtype(batch.dtype)), self._noise(name, rows)]
        if self._sensing.zeroed:
            parts.append(np.zeros_like(tokens[:, :1]))
        if len(parts) > 1:
            tokens = np.concatenate(parts, axis=1, dtype=parts[0].dtype)
        return cut.together(np.take_along_axis(tokens, self._order[rows][:, :, None], axis=1))

    def _noise(self, name: str, rows: Order) -> np.ndarray:
        """The tokens of noise of this step, [row, token, channel]."""
        number = list(self._cuts).index(name)
        numbers = np.arange(self._sensing.noise_channels * self._cuts[name].channels)
        own = (rows, self._episode[rows], self._clock[rows])
        counters = (counter[:, None] for counter in own)
        drawn = normal(self._seeds[rows, None], NOISE, number, *counters, numbers)
        return self._sensing.sigma * drawn.reshape(len(rows), -1, self._cuts[name].channels)

    def _dtype(self, dtype: np.dtype) -> np.dtype:
        """What holds a term: noise must not be rounded to whole numbers."""
        whole = not np.issubdtype(dtype, np.floating)
        return np.dtype(np.float32) if whole and self._sensing.noise_channels else dtype

    def _space(self, space: spaces.Space, cut: "_Cut | None") -> spaces.Space:
        """The space of one term as the agents see it."""
        if cut is None or not isinstance(space, spaces.Box):
            return space
        low = float(space.low.min())
        high = float(space.high.max())
        if self._sensing.noise_channels:
            low = -np.inf
            high = np.inf
        if self._sensing.zeroed:
            low = min(low, 0.0)
            high = max(high, 0.0)
        shape = cut.shape(self._sensing.seen(self._tokens))
        return spaces.Box(low, high, shape, self._dtype(space.dtype).type)


def _numbers(seed: int | Sequence[int], count: int) -> Order:
    """The seed of each environment, one for all or one for each."""
    seeds = [seed] * count if isinstance(seed, int | np.integer) else seed
    return np.array([number % 2**63 for number in seeds], np.int64)


class _Cut:
    """A term as tokens (batch, token, channel), and back.

    Args:
        shape: of one observation of the term.
        channels: of a token, where the term is a vector.
        patch: side of the tokens of an image.
    """

    def __init__(self, shape: tuple[int, ...], channels: int, patch: int) -> None:
        self._shape = shape
        self._patch = patch
        self.tokens = shape[0]
        self.channels = int(np.prod(shape[1:], dtype=np.int64))
        if len(shape) == 1:
            self.tokens = shape[0] // channels
            self.channels = channels
        if len(shape) == 3:
            if shape[0] % patch or shape[1] % patch:
                raise ValueError(f"patches of {patch}x{patch} do not fit {shape[0]}x{shape[1]}")
            self.tokens = shape[0] // patch * (shape[1] // patch)
            self.channels = patch * patch * shape[2]

    def shape(self, tokens: int) -> tuple[int, ...]:
        """That of an observation of so many tokens; of an image the number stays."""
        if len(self._shape) == 3:
            return self._shape
        return (tokens * self.channels,) if len(self._shape) == 1 else (tokens, *self._shape[1:])

    def apart(self, batch: np.ndarray) -> np.ndarray:
        """[row, ...] -> [row, token, channel]."""
        if len(self._shape) == 3:
            return patches_of(batch, self._patch)
        return batch.reshape(len(batch), self.tokens, self.channels)

    def together(self, tokens: np.ndarray) -> np.ndarray:
        """The inverse of `apart`, for any number of tokens."""
        if len(self._shape) == 3:
            return picture_of(tokens, self._shape, self._patch)
        return tokens.reshape(len(tokens), *self.shape(tokens.shape[1]))
