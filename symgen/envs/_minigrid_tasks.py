"""MiniGrid's environments side by side, and how levels begin in them."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from symgen.envs._minigrid_map import map_of
from symgen.envs._split import content, on_side
from symgen.errors import Refusal, UserError, suggestion
from symgen.problem.adapter import LevelSet

if TYPE_CHECKING:
    from minigrid.minigrid_env import MiniGridEnv

FRESH = range(2**30, 2**31)
"""Where level seeds are drawn from when no range is given."""

Prepare = Callable[["MiniGridEnv", int, int | list[int]], None]
"""Changes a task that was reset: (task, the level's seed, the seed of its random numbers)."""


def task_of(id_: str) -> "MiniGridEnv":
    """The unwrapped environment of an id.

    Raises:
        Refusal: there is no such id.
        UserError: MiniGrid is not installed.
    """
    try:
        import gymnasium
        import minigrid
        from minigrid.minigrid_env import MiniGridEnv
    except ImportError as error:
        message = "the adapter minigrid needs the package minigrid"
        hint = "pip install 'symgen[minigrid]'"
        raise UserError("missing-package", message, hint) from error
    ids = [name for name in gymnasium.registry if name.startswith(("MiniGrid-", "BabyAI-"))]
    if id_ not in ids:
        message = f"MiniGrid {minigrid.__version__} has no {id_!r}"
        raise Refusal(message, hint=suggestion(id_, ids, "ids"))
    with warnings.catch_warnings():  # an older version of an id is what the spec asks for
        warnings.simplefilter("ignore", DeprecationWarning)
        env = gymnasium.make(id_, disable_env_checker=True).unwrapped
    if not isinstance(env, MiniGridEnv):
        raise Refusal(f"{id_} is no environment of MiniGrid's own kind")
    return env


def blinded(env: "MiniGridEnv") -> "MiniGridEnv":
    """The environment without its own view, which costs ten times what a step does."""
    vars(env)["gen_obs"] = _nothing
    return env


def _nothing() -> None:
    """Stands in for MiniGrid's gen_obs where another view is seen."""


class Tasks:
    """Tasks side by side, in each of which one level is under way.

    Args:
        tasks: for each place its tasks; level n is one of the task at n modulo their number.
        levels: which levels there are.
        prepare: called when a task was reset for a level.
    """

    def __init__(
        self,
        tasks: Sequence[Sequence["MiniGridEnv"]],
        levels: LevelSet,
        prepare: Prepare | None = None,
    ) -> None:
        self._tasks = tasks
        self._levels = levels
        self._prepare = prepare
        self.seeds = levels.seeds or FRESH
        self.envs = [alternatives[0] for alternatives in tasks]
        """The task of each place whose level is under way."""
        self.levels = [0 for _ in tasks]
        """The level under way at each place."""

    def begin(self, place: int, level: int) -> None:
        """Start a level at a place."""
        alternatives = self._tasks[place]
        env = alternatives[level % len(alternatives)]
        self.envs[place] = env
        self.levels[place] = level

        def draw(source: int | list[int]) -> tuple[None, np.ndarray]:
            env.reset(seed=source if isinstance(source, int) else _number(source))
            if self._prepare is not None:
                self._prepare(env, level, source)
            return None, map_of(env)

        on_side(draw, level, self._levels.split or "all", self._levels.test_share or 0.0)

    def content(self, level: int) -> bytes:
        """A digest of a level's map; the level begins at the first place."""
        self.begin(0, level)
        return content(map_of(self.envs[0]))

    def close(self) -> None:
        """Close the environments."""
        for alternatives in self._tasks:
            for env in alternatives:
                env.close()


def _number(source: list[int]) -> int:
    """A seed that follows from several, as MiniGrid takes one."""
    return int(np.random.SeedSequence(source).generate_state(1)[0])
