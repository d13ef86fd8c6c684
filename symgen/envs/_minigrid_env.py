"""MiniGrid environments side by side: MiniGrid steps, symgen observes.

MiniGrid builds its 7x7 view in every step, which costs ten times the step itself; where another
view is asked for, that is switched off, and what is seen is kept up to date here.
"""

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs import _lava
from symgen.envs._compass import oriented
from symgen.envs._generator_words import set_words, words_of
from symgen.envs._level_seeds import given_levels
from symgen.envs._minigrid_map import codes_of, fill, give, held_by
from symgen.envs._minigrid_sight import Sight
from symgen.envs._minigrid_state import Frame, State
from symgen.envs._minigrid_tasks import Tasks
from symgen.envs._minigrid_worlds import EMPTY, PORTABLE, TYPES
from symgen.envs._stepping import Info, ResetOptions, Seed, Stepped
from symgen.problem.resumable import Arrays, Resumable, taken

FORWARD = 2
NATIVE = {"left": 0, "right": 1, "forward": FORWARD, "pickup": 3, "drop": 4, "toggle": 5, "done": 6}
"""MiniGrid's numbers of its actions."""


class MiniGridVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray], Resumable):
    """MiniGrid environments with NEXT_STEP autoreset and level seeds drawn from a range.

    Args:
        tasks: the environments, and how levels begin in them.
        sight: what is seen of them.
        actions: names of the actions: up, left, down, right (an absolute move turns, then goes
            forward, in one step of MiniGrid), or MiniGrid's own.
        restless: things move by themselves.
        settable: map, agent and what it carries are the whole state.
        seed: of the random numbers until `reset` is given another.
    """

    def __init__(
        self,
        tasks: Tasks,
        sight: Sight,
        actions: Sequence[str],
        restless: bool,
        settable: bool,
        seed: int,
    ) -> None:
        self.metadata = {
            "autoreset_mode": AutoresetMode.NEXT_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": 8,
        }
        self.render_mode = "rgb_array"
        self.tasks = tasks
        self.num_envs = len(tasks.envs)
        self._sight = sight
        self._restless = restless
        self._settable = settable
        self._natives, self._turns_to = _natives(actions, sight.frame)
        self.single_observation_space = spaces.Box(0, sight.high, sight.shape, np.uint8)
        self.single_action_space = spaces.Discrete(len(actions))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.np_random = np.random.default_rng(seed)
        self._ended = np.zeros(self.num_envs, dtype=bool)

    def reset(self, *, seed: Seed = None, options: ResetOptions = None) -> tuple[np.ndarray, Info]:
        """Start a level in every environment.

        Args:
            seed: restarts the random numbers.
            options: {"levels": seeds} starts these levels, num_envs of them; later ones are drawn.
        """
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        given = given_levels(options, self.num_envs)
        levels = self._draw(self.num_envs) if given is None else given
        for k, level in enumerate(levels.tolist()):
            self.tasks.begin(k, level)
        self._ended[:] = False
        return self._observe(range(self.num_envs)), {}

    def step(self, actions: np.ndarray) -> Stepped[np.ndarray]:
        """One step of every environment; rewards float64, endings bool, (num_envs,) each."""
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, dtype=bool)
        truncated = np.zeros(self.num_envs, dtype=bool)
        changed = []
        chosen = np.asarray(actions).tolist()
        for k, (action, ended) in enumerate(zip(chosen, self._ended.tolist(), strict=True)):
            if ended:
                self.tasks.begin(k, int(self._draw(1)[0]))
                changed.append(k)
                continue
            env = self.tasks.envs[k]
            native = self._natives[action]
            if self._turns_to is not None and action < len(self._turns_to):
                env.agent_dir = self._turns_to[action]
            _, rewards[k], terminated[k], truncated[k], _ = env.step(native)
            if native > FORWARD or self._restless:
                changed.append(k)
        truncated &= ~terminated
        self._ended = terminated | truncated
        info: Info = {"success": terminated & (rewards > 0)}
        return self._observe(changed), rewards, terminated, truncated, info

    def _draw(self, count: int) -> np.ndarray:
        seeds = self.tasks.seeds
        return self.np_random.integers(seeds.start, seeds.stop, size=count)

    def _observe(self, changed: Sequence[int]) -> np.ndarray:
        return self._sight.observe(self.tasks.envs, changed)

    def load(self, states: Sequence[State]) -> np.ndarray:
        """Put every environment into a given state; returns the observations."""
        frame = self._sight.frame
        for env, state in zip(self.tasks.envs, states, strict=True):
            fill(env, state.cells.reshape(-1)[frame.target].tolist())
            cell = int(frame.source[state.agent[0] * frame.shape[1] + state.agent[1]])
            env.agent_pos = (cell % frame.columns, cell // frame.columns)
            env.agent_dir = frame.native_heading[state.heading]
            env.step_count = state.steps
            give(env, state.held)
        self._ended[:] = False
        return self._observe(range(self.num_envs))

    def states(self) -> list[State]:
        """The states the environments are in, as `load` takes them."""
        frame = self._sight.frame
        agent, heading = self._sight.agents(self.tasks.envs)
        return [
            State(
                np.array(codes_of(env), dtype=np.uint8)[frame.source].reshape(frame.shape),
                divmod(int(agent[k]), frame.shape[1]),
                int(heading[k]),
                held_by(env),
                env.step_count,
            )
            for k, env in enumerate(self.tasks.envs)
        ]

    def under_way(self) -> Arrays | str:
        """See Resumable."""
        if not self._settable:
            names = sorted({type(env).__name__ for env in self.tasks.envs})
            return (
                f"the state of {', '.join(names)} cannot be saved: map, agent and what it carries "
                "are not known to be all of it"
            )
        states = self.states()
        return {
            "cells": np.array([state.cells for state in states]),
            "agent": np.array([state.agent for state in states], np.int64),
            "heading": np.array([state.heading for state in states], np.int64),
            "held": np.array([state.held for state in states], np.int64),
            "steps": np.array([state.steps for state in states], np.int64),
            "levels": np.array(self.tasks.levels, np.int64),
            "ended": self._ended.copy(),
            "random": words_of([self.np_random]),
        }

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        # the task of each level must be there, begun, before its map is put in
        levels = taken("levels", arrays, np.zeros(self.num_envs, np.int64))
        for k, level in enumerate(levels.tolist()):
            self.tasks.begin(k, level)
        here = self.under_way()
        if isinstance(here, str):
            raise ValueError(here)
        saved = {name: taken(name, arrays, array) for name, array in here.items()}
        names = ("agent", "heading", "held", "steps")
        rows = zip(saved["cells"], *(saved[name].tolist() for name in names), strict=True)
        self.load([State(cells, (a[0], a[1]), *rest) for cells, a, *rest in rows])
        self._ended = saved["ended"]
        set_words([self.np_random], saved["random"])

    def sample(self, rng: np.random.Generator) -> State:
        """A state of some level in the first environment; agent anywhere, with some heading, doors
        in any state, sometimes carrying something.
        """
        self.reset(seed=int(rng.integers(2**31)))
        start = self.states()[0]
        cells = start.cells
        doors = cells // 18 == TYPES.index("door")
        cells[doors] = cells[doors] // 3 * 3 + rng.integers(3, size=doors.sum())
        free = (cells == EMPTY) | (doors & (cells % 3 == 0))
        # not behind walls that cut it off: a map need not have walls at its border
        free &= _lava.flooded(cells // 18 != TYPES.index("wall"), start.agent)
        row, column = np.argwhere(free)[rng.integers(free.sum())].tolist()
        held = EMPTY
        portable = np.argwhere(np.isin(cells // 18, [TYPES.index(kind) for kind in PORTABLE]))
        if len(portable) and rng.random() < 0.5:
            taken = tuple(portable[rng.integers(len(portable))])
            held = int(cells[taken])
            cells[taken] = EMPTY
        steps = int(rng.integers(self.tasks.envs[0].max_steps))
        return State(cells, (row, column), int(rng.integers(4)), held, steps)

    def render(self) -> tuple[np.ndarray, ...]:
        """MiniGrid's own image of every environment, turned as the level is."""
        frame = self._sight.frame
        images = (env.get_frame(highlight=False, tile_size=16) for env in self.tasks.envs)
        return tuple(oriented(image, frame.orientation, frame.mirror) for image in images)

    def close_extras(self, **kwargs: object) -> None:
        """Close the environments."""
        self.tasks.close()


def _natives(actions: Sequence[str], frame: Frame) -> tuple[list[int], list[int] | None]:
    """MiniGrid's number of each action, and the heading that each absolute move turns to first
    (None: turns).
    """
    if "up" in actions:
        return [FORWARD] * 4 + [NATIVE[name] for name in actions[4:]], frame.native_heading
    mirrored = {"left": "right", "right": "left"} if frame.mirror else {}
    return [NATIVE[mirrored.get(name, name)] for name in actions], None
