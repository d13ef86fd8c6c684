"""MiniGrid environments side by side: MiniGrid steps, symgen observes.

MiniGrid builds its 7x7 view in every step, which costs ten times the step itself; where another
view is asked for, that is switched off, and what is seen is kept up to date here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._compass import oriented
from symgen.envs._minigrid_state import Frame, State
from symgen.envs._minigrid_worlds import EMPTY
from symgen.envs._split import content, on_side
from symgen.envs._tiles import NO_HEADING
from symgen.envs._views import View
from symgen.problem.adapter import Split

FORWARD = 2
NATIVE = {"left": 0, "right": 1, "forward": FORWARD, "pickup": 3, "drop": 4, "toggle": 5, "done": 6}
"""MiniGrid's numbers of its actions."""
FRESH = range(2**30, 2**31)
"""Where level seeds are drawn from when no range is given."""


class MiniGridVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """MiniGrid environments with NEXT_STEP autoreset and level seeds drawn from a range.

    Args:
        tasks: for each environment its unwrapped tasks; level n is one of the task at n modulo
            their number.
        frame: how their maps are turned.
        actions: names of the actions: up, left, down, right (an absolute move turns, then goes
            forward, in one step of MiniGrid), or MiniGrid's own.
        seeds: level seeds; None for new levels all the time.
        view: what is seen of the whole map, or None for MiniGrid's own partial view by `kinds`.
        kinds: channels of every code of the partial view.
        with_heading: whether the agent's heading is seen.
        restless: things move by themselves.
        seed: of the random numbers until `reset` is given another.
        prepare: called with a task, the level's seed and the seed of its random numbers after the
            task was reset.
        split: the side of the split that levels belong to, and the share of the test side.
    """

    def __init__(
        self,
        tasks: Sequence[Sequence[Any]],
        frame: Frame,
        actions: Sequence[str],
        seeds: range | None,
        view: View | None,
        kinds: np.ndarray,
        with_heading: bool,
        restless: bool,
        seed: int,
        prepare: Callable[[Any, int, int | list[int]], None] | None = None,
        split: tuple[Split, float] = ("all", 0.5),
    ) -> None:
        self.metadata = {
            "autoreset_mode": AutoresetMode.NEXT_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": 8,
        }
        self.render_mode = "rgb_array"
        self._split = split
        self._tasks = tasks
        self._prepare = prepare
        self.envs = [each[0] for each in tasks]
        self.num_envs = len(tasks)
        self.frame = frame
        self.seeds = seeds or FRESH
        self._view = view
        self._kinds = kinds
        self._with_heading = with_heading
        self._restless = restless
        self._natives, self._turns_to = _natives(actions, frame)
        self._carries = "pickup" in actions
        shape = view.shape if view is not None else (7, 7, kinds.shape[1])
        self.single_observation_space = spaces.Box(
            0, view.high if view is not None else 1, shape, np.uint8
        )
        self.single_action_space = spaces.Discrete(len(actions))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.np_random = np.random.default_rng(seed)
        self._cells = np.full((self.num_envs, len(frame.source)), EMPTY, dtype=np.uint8)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        if view is not None:
            for env in (env for each in tasks for env in each):
                env.gen_obs = _nothing

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a level in every environment.

        Args:
            seed: restarts the random numbers.
            options: {"levels": seeds} starts these levels, num_envs of them; later ones are drawn.
        """
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        chosen = (options or {}).get("levels")
        levels = self._draw(self.num_envs) if chosen is None else np.asarray(chosen, dtype=np.int64)
        if levels.shape != (self.num_envs,):
            raise ValueError(
                f"options['levels'] must hold {self.num_envs} seeds, got shape {levels.shape}"
            )
        for k, level in enumerate(levels.tolist()):
            self._begin(k, level)
        self._ended[:] = False
        return self._observe(range(self.num_envs)), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of every environment; rewards float64, endings bool, each of shape (num_envs,)."""
        rewards = np.zeros(self.num_envs)
        terminated = self._ended & False
        truncated = self._ended & False
        changed = []
        for k, (env, action, ended) in enumerate(
            zip(self.envs, np.asarray(actions).tolist(), self._ended.tolist(), strict=True)
        ):
            if ended:
                self._begin(k, int(self._draw(1)[0]))
                changed.append(k)
                continue
            native = self._natives[action]
            if self._turns_to is not None and action < len(self._turns_to):
                env.agent_dir = self._turns_to[action]
            _, rewards[k], terminated[k], truncated[k], _ = env.step(native)
            if native > FORWARD or self._restless:
                changed.append(k)
        truncated &= ~terminated
        self._ended = terminated | truncated
        return (
            self._observe(changed),
            rewards,
            terminated,
            truncated,
            {"success": terminated & (rewards > 0)},
        )

    def _begin(self, k: int, level: int) -> None:
        """Start a level in environment k."""
        self.envs[k] = env = self._tasks[k][level % len(self._tasks[k])]

        def draw(source: int | list[int]) -> tuple[None, np.ndarray]:
            env.reset(seed=source if isinstance(source, int) else _number(source))
            if self._prepare is not None:
                self._prepare(env, level, source)
            return None, _map(env)

        on_side(draw, level, *self._split)

    def content(self, level: int) -> bytes:
        """A digest of a level's map, for a level seed; it begins in the first environment."""
        self._begin(0, level)
        return content(_map(self.envs[0]))

    def _draw(self, count: int) -> np.ndarray:
        return self.np_random.integers(self.seeds.start, self.seeds.stop, size=count)

    def _observe(self, changed: Iterable[int]) -> np.ndarray:
        """The observations, where the maps of `changed` may be new."""
        if self._view is None:
            return self._partial()
        which = np.fromiter(changed, dtype=np.int64)
        if len(which):
            self._cells[which] = [_codes(self.envs[k]) for k in which]
            self._view.reset(which, self._cells[which][:, self.frame.source])
        agent, heading = self._agents()
        look = heading if self._with_heading else np.full_like(heading, NO_HEADING)
        held = np.array([_held(env) for env in self.envs]) if self._carries else None
        self._view.place(agent, look, held)
        return self._view.observation()

    def _agents(self) -> tuple[np.ndarray, np.ndarray]:
        """Flat cell and heading of every agent, in the picture."""
        columns = self.frame.columns
        cells = [int(env.agent_pos[1]) * columns + int(env.agent_pos[0]) for env in self.envs]
        return self.frame.target[cells], self.frame.heading[[env.agent_dir for env in self.envs]]

    def _partial(self) -> np.ndarray:
        """MiniGrid's own view, one-hot, [row, column]: the agent is in the middle of the last row
        and looks up.
        """
        images = np.stack([env.gen_obs()["image"] for env in self.envs]).astype(np.int64)
        images = images[:, ::-1] if self.frame.mirror else images
        return self._kinds[(images @ np.array([18, 3, 1])).swapaxes(1, 2)]

    def load(self, states: Sequence[State]) -> np.ndarray:
        """Put every environment into a given state; returns the observations."""
        for env, state in zip(self.envs, states, strict=True):
            fill(env, state.cells.reshape(-1)[self.frame.target].tolist())
            cell = int(self.frame.source[state.agent[0] * self.frame.shape[1] + state.agent[1]])
            env.agent_pos = (cell % self.frame.columns, cell // self.frame.columns)
            env.agent_dir = self.frame.native_heading[state.heading]
            env.step_count = state.steps
            env.carrying = _thing(state.held)
        self._ended[:] = False
        return self._observe(range(self.num_envs))

    def states(self) -> list[State]:
        """The states the environments are in, as `load` takes them."""
        agent, heading = self._agents()
        return [
            State(
                np.array(_codes(env), dtype=np.uint8)[self.frame.source].reshape(self.frame.shape),
                divmod(int(agent[k]), self.frame.shape[1]),
                int(heading[k]),
                _held(env),
                env.step_count,
            )
            for k, env in enumerate(self.envs)
        ]

    def render(self) -> tuple[np.ndarray, ...]:
        """MiniGrid's own picture of every environment, turned as the level is."""
        frames = (env.get_frame(highlight=False, tile_size=16) for env in self.envs)
        return tuple(oriented(frame, self.frame.orientation, self.frame.mirror) for frame in frames)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environments."""
        for env in (env for each in self._tasks for env in each):
            env.close()


def fill(env: Any, codes: Sequence[int]) -> None:
    """Put things by their codes into MiniGrid's map, row by row."""
    env.grid.grid = [_thing(code) for code in codes]


def _thing(code: int) -> Any:
    from minigrid.core.world_object import WorldObj

    return WorldObj.decode(code // 18, code // 3 % 6, code % 3)


def _natives(actions: Sequence[str], frame: Frame) -> tuple[list[int], list[int] | None]:
    """MiniGrid's number of each action, and the heading that each absolute move turns to first
    (None: turns).
    """
    if "up" in actions:
        return [FORWARD] * 4 + [NATIVE[name] for name in actions[4:]], frame.native_heading
    names = {"left": "right", "right": "left"} if frame.mirror else {}
    return [NATIVE[names.get(name, name)] for name in actions], None


def _nothing() -> None:
    """Stands in for MiniGrid's gen_obs where another view is seen."""


def _codes(env: Any) -> list[int]:
    """The code of every cell of MiniGrid's map, row by row."""
    return [EMPTY if thing is None else _code(thing) for thing in env.grid.grid]


def _code(thing: Any) -> int:
    kind, colour, state = thing.encode()
    return int(18 * kind + 3 * colour + state)


def _map(env: Any) -> np.ndarray:
    """The codes of MiniGrid's map as it lies, [row, column]."""
    return np.array(_codes(env), dtype=np.uint8).reshape(env.height, env.width)


def _number(source: list[int]) -> int:
    """A seed that follows from several, as MiniGrid takes one."""
    return int(np.random.SeedSequence(source).generate_state(1)[0])


def _held(env: Any) -> int:
    return EMPTY if env.carrying is None else _code(env.carrying)
