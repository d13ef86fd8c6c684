"""Many lava levels side by side, stepped with numpy alone: a vector environment of Gymnasium."""

from collections.abc import Callable, Sequence

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._compass import STEPS
from symgen.envs._generator_words import set_words, words_of
from symgen.envs._lava import FLOOR, GOAL, LAVA, LAYERS, MARK, WALL, Level
from symgen.envs._level_seeds import given_levels
from symgen.envs._maze import wrong_goal
from symgen.envs._stepping import Info, ResetOptions, Seed, Stepped
from symgen.envs._tiles import NO_HEADING
from symgen.envs._views import Picture, View
from symgen.problem.resumable import Arrays, Resumable, taken

FRAME_TILE = 16
"""Pixels per cell of a rendered frame."""


class Levels:
    """Levels by seed, generated once each, kept as rows of arrays.

    Args:
        make: a level from its seed.
        seeds: the seeds there are.
        size: cells per side.
    """

    def __init__(self, make: Callable[[int], Level], seeds: range, size: int) -> None:
        self._make = make
        self.seeds = seeds
        self.size = size
        self._row = np.full(len(seeds), -1, dtype=np.int64)
        self._count = 0
        self.cells = np.zeros((0, size * size), dtype=np.uint8)
        self.agent = self.heading = self.wrong = np.zeros(0, dtype=np.int64)

    def rows(self, seeds: np.ndarray) -> np.ndarray:
        """Row of each seed in the arrays; ValueError for a seed outside the range."""
        index = seeds - self.seeds.start
        if ((index < 0) | (index >= len(self.seeds))).any():
            raise ValueError(
                f"level seeds must lie in {self.seeds}, got {seeds.min()} to {seeds.max()}"
            )
        missing = np.unique(index[self._row[index] < 0])
        if len(missing):
            self._grow(self._count + len(missing))
            for k in missing.tolist():
                self._add(k, self._make(self.seeds[k]))
        return self._row[index]

    def _grow(self, needed: int) -> None:
        room = len(self.cells)
        if needed <= room:
            return
        more = min(len(self.seeds), max(needed, 2 * room)) - room
        self.cells = np.concatenate([self.cells, np.zeros((more, self.size**2), dtype=np.uint8)])
        self.agent = np.concatenate([self.agent, np.zeros(more, dtype=np.int64)])
        self.heading = np.concatenate([self.heading, np.zeros(more, dtype=np.int64)])
        self.wrong = np.concatenate([self.wrong, np.zeros(more, dtype=np.int64)])

    def _add(self, index: int, level: Level) -> None:
        self.cells[self._count] = level.cells.reshape(-1)
        self.agent[self._count] = level.agent[0] * self.size + level.agent[1]
        self.heading[self._count] = level.heading
        self.wrong[self._count] = wrong_goal(level.cells)
        self._row[index] = self._count
        self._count += 1


class LavaVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray], Resumable):
    """Lava levels with NEXT_STEP autoreset: after an ending the next step ignores its action and
    starts a new level.

    A wall stops the agent; lava, or a goal that is not the real one, ends the episode with reward
    0, the goal with 1 - 0.9 t / max_steps, as in MiniGrid; info["success"] says whether this step
    reached it. Observations are copies: a later step does not change them.

    Args:
        levels: where episodes start; each episode draws one of the seeds.
        num_envs: number of levels side by side.
        view: what is seen of num_envs levels.
        turning: True for actions (left, right, forward), False for (up, left, down, right), after
            which the agent looks where it went.
        looking: True where the view gets to know the heading.
        max_steps: steps after which an episode is truncated.
        seed: of the random numbers until `reset` is given another.
    """

    def __init__(
        self,
        levels: Levels,
        num_envs: int,
        view: View,
        turning: bool,
        looking: bool,
        max_steps: int,
        seed: int,
    ) -> None:
        self.metadata = {
            "autoreset_mode": AutoresetMode.NEXT_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": 8,
        }
        self.render_mode = "rgb_array"
        self.num_envs = num_envs
        self.max_steps = max_steps
        self.levels = levels
        self._looking = looking
        self._view = view
        self.single_observation_space = spaces.Box(0, self._view.high, self._view.shape, np.uint8)
        self.single_action_space = spaces.Discrete(3 if turning else 4)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.np_random = np.random.default_rng(seed)
        self._headings, self._moves = _tables(levels.size, turning)
        self._cells = np.zeros((num_envs, levels.size**2), dtype=np.uint8)
        self._first = np.arange(num_envs) * levels.size**2
        self._agent = np.zeros(num_envs, dtype=np.int64)
        self._heading = np.zeros(num_envs, dtype=np.int64)
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._wrong = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=bool)

    def reset(self, *, seed: Seed = None, options: ResetOptions = None) -> tuple[np.ndarray, Info]:
        """Start a level in every environment.

        Args:
            seed: restarts the random numbers.
            options: {"levels": seeds} starts these levels (num_envs seeds of the range), later ones
                are drawn.
        """
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        seeds = given_levels(options, self.num_envs)
        self._start(np.arange(self.num_envs), self._draw(self.num_envs) if seeds is None else seeds)
        self._ended[:] = False
        self._view.place(self._agent, self._look)
        return self._view.observation(), {}

    def step(self, actions: np.ndarray) -> Stepped[np.ndarray]:
        """One step of every environment; rewards float64, endings bool, (num_envs,) each."""
        actions = np.asarray(actions)
        if (actions < 0).any() or (actions >= self._moves.shape[1]).any():
            raise ValueError(f"actions must lie in 0..{self._moves.shape[1] - 1}, got {actions}")
        target = self._agent + self._moves[self._heading, actions]
        cells = self._cells.reshape(-1)
        self._agent = np.where(cells[self._first + target] == WALL, self._agent, target)
        self._heading = self._headings[self._heading, actions]
        self._steps += 1
        kind = cells[self._first + self._agent]
        success = (kind == GOAL) & (self._agent != self._wrong)
        reward = np.where(success, 1.0 - 0.9 * self._steps / self.max_steps, 0.0)
        terminated = (kind == GOAL) | (kind == LAVA)
        truncated = (self._steps >= self.max_steps) & ~terminated
        restart = np.flatnonzero(self._ended)
        if len(restart):
            self._start(restart, self._draw(len(restart)))
            reward[restart] = 0.0
            for ending in (terminated, truncated, success):
                ending[restart] = False
        self._ended = terminated | truncated
        self._view.place(self._agent, self._look)
        return self._view.observation(), reward, terminated, truncated, {"success": success}

    @property
    def _look(self) -> np.ndarray:
        return self._heading if self._looking else np.full_like(self._heading, NO_HEADING)

    def _draw(self, count: int) -> np.ndarray:
        return self.np_random.integers(self.levels.seeds.start, self.levels.seeds.stop, size=count)

    def _start(self, which: np.ndarray, seeds: np.ndarray) -> None:
        rows = self.levels.rows(seeds)
        cells = self.levels.cells[rows]
        self._cells[which] = cells
        self._agent[which] = self.levels.agent[rows]
        self._heading[which] = self.levels.heading[rows]
        self._wrong[which] = self.levels.wrong[rows]
        self._steps[which] = 0
        self._view.reset(which, cells)

    def load(self, levels: Sequence[Level]) -> np.ndarray:
        """Put every environment into a given state, mid-episode where its steps say so; returns the
        observations.
        """
        size = self.levels.size
        self._cells[:] = [level.cells.reshape(-1) for level in levels]
        self._agent = np.array([level.agent[0] * size + level.agent[1] for level in levels])
        self._heading = np.array([level.heading for level in levels])
        self._steps = np.array([level.steps for level in levels])
        self._wrong = np.array([wrong_goal(level.cells) for level in levels])
        self._ended[:] = False
        self._view.reset(np.arange(self.num_envs), self._cells)
        self._view.place(self._agent, self._look)
        return self._view.observation()

    def states(self) -> list[Level]:
        """The states the environments are in, as `load` takes them."""
        size = self.levels.size
        where = zip(
            self._cells,
            self._agent.tolist(),
            self._heading.tolist(),
            self._steps.tolist(),
            strict=True,
        )
        return [Level(c.reshape(size, size).copy(), divmod(a, size), h, t) for c, a, h, t in where]

    def under_way(self) -> Arrays:
        """See Resumable; what is seen follows from the rest."""
        return {
            "cells": self._cells.copy(),
            "agent": self._agent.copy(),
            "heading": self._heading.copy(),
            "steps": self._steps.copy(),
            "wrong": self._wrong.copy(),
            "ended": self._ended.copy(),
            "random": words_of([self.np_random]),
        }

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self._cells[:] = taken("cells", arrays, self._cells)
        self._agent = taken("agent", arrays, self._agent)
        self._heading = taken("heading", arrays, self._heading)
        self._steps = taken("steps", arrays, self._steps)
        self._wrong = taken("wrong", arrays, self._wrong)
        self._ended = taken("ended", arrays, self._ended)
        set_words([self.np_random], taken("random", arrays, words_of([self.np_random])))
        self._view.reset(np.arange(self.num_envs), self._cells)
        self._view.place(self._agent, self._look)

    def sample(self, rng: np.random.Generator) -> Level:
        """A state of some level in the first environment, the agent anywhere on its floor, half of
        the time beside a goal; with some heading, at some time.
        """
        seeds = self.levels.seeds
        drawn = int(rng.integers(seeds.start, seeds.stop))
        self.reset(options={"levels": [drawn] * self.num_envs})
        cells = self.states()[0].cells
        floor = (cells == FLOOR) | (cells == MARK)
        goal = np.pad(cells == GOAL, 1)
        near = floor & (goal[:-2, 1:-1] | goal[2:, 1:-1] | goal[1:-1, :-2] | goal[1:-1, 2:])
        places = np.argwhere(near if near.any() and rng.random() < 0.5 else floor)
        row, column = places[rng.integers(len(places))].tolist()
        heading = int(rng.integers(4))
        return Level(cells, (row, column), heading, int(rng.integers(self.max_steps)))

    def render(self) -> tuple[np.ndarray, ...]:
        """One RGB frame per environment, FRAME_TILE pixels per cell."""
        size = self.levels.size
        frames = Picture(self.num_envs, size, size, LAYERS, FRAME_TILE * size)
        frames.reset(np.arange(self.num_envs), self._cells)
        frames.place(self._agent, self._look)
        return tuple(frames.observation())


def _tables(size: int, turning: bool) -> tuple[np.ndarray, np.ndarray]:
    """The heading after an action, and how far the flat cell moves, indexed [heading, action]."""
    ahead = STEPS[:, 0] * size + STEPS[:, 1]
    keep = np.arange(4)[:, None]
    if not turning:
        return np.tile(np.arange(4), (4, 1)), np.tile(ahead, (4, 1))
    still = np.zeros_like(ahead)
    return (keep + np.array([1, -1, 0])) % 4, np.stack([still, still, ahead], 1)
