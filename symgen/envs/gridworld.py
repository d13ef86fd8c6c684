"""A lava-crossing laboratory: exactly symmetric levels from seeds, hundreds side by side, in numpy alone."""

from typing import Annotated, Any, Literal

import numpy as np
from gymnasium.vector import VectorEnv
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _compass, _lava
from symgen.envs._compass import DIRECTIONS
from symgen.envs._lava import FLOOR, LAVA, WALL, Level
from symgen.envs._lava_env import LavaVectorEnv, Levels
from symgen.envs._lava_views import CHANNELS, Egocentric, Full, Picture, View
from symgen.envs.interface import Action, Interface, Outcome, Simulator, Term

MAX_LEVELS = 1_000_000

SeedRange = Annotated[
    tuple[int, int], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
]


class Options(BaseModel):
    """What a spec may say about `adapter: gridworld`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    size: int = Field(9, ge=5, le=25, description="Cells per side, the outer walls included; odd.")
    crossings: int = Field(1, ge=0, description="Number of rivers, each with one opening; at most size - 3.")
    obstacle: Literal["lava", "wall"] = Field("lava", description="What a river is made of.")
    moves: Literal["absolute", "turn"] = Field(
        "absolute",
        description="absolute: up, left, down, right. turn: left, right, forward, and the agent has a heading.",
    )
    view: Literal["full", "egocentric", "rgb"] = Field(
        "full",
        description="full: the whole level, one-hot. egocentric: a one-hot window with the agent in the middle, turned "
        "so that it looks up where it has a heading. rgb: the whole level in colours.",
    )
    window: int = Field(7, ge=3, le=49, description="Side of the egocentric window; odd.")
    resolution: int = Field(36, ge=5, le=256, description="Pixels per side of the rgb view; at least size.")
    goal: Literal["corner", "top_right", "bottom_left", "random"] = Field(
        "corner", description="Where the goal is before the level is turned; corner is opposite the start."
    )
    orientation: int = Field(0, ge=0, le=3, description="Quarter turns counter-clockwise of the whole level.")
    mirror: bool = Field(False, description="Mirror the whole level left and right, before it is turned.")
    levels: int = Field(1000, ge=1, le=MAX_LEVELS, description="Number of level seeds, 0 to levels - 1.")
    seed_range: SeedRange | None = Field(
        None, description="First level seed and the one after the last; takes the place of levels."
    )
    max_steps: int | None = Field(None, ge=1, description="Steps until an episode is truncated; 4 size^2 by default.")

    @field_validator("size", "window")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"must be odd, got {value}")
        return value

    @field_validator("crossings")
    @classmethod
    def _fits(cls, value: int, info: ValidationInfo) -> int:
        most = _lava.rivers_at_most(info.data.get("size", 25))
        if value > most:
            raise ValueError(f"at most {most} rivers fit into size {info.data.get('size')}, got {value}")
        return value

    @field_validator("resolution")
    @classmethod
    def _visible(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("view") == "rgb" and value < info.data.get("size", 5):
            raise ValueError(f"a cell needs at least one pixel: {info.data.get('size')} or more, got {value}")
        return value

    @field_validator("seed_range")
    @classmethod
    def _range(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 0 <= value[0] < value[1] <= value[0] + MAX_LEVELS:
            raise ValueError(f"must be [first, last + 1] with 1 to {MAX_LEVELS} seeds from 0 up, got {list(value)}")
        return value

    @property
    def seeds(self) -> range:
        """The level seeds."""
        return range(*self.seed_range) if self.seed_range is not None else range(self.levels)

    @property
    def turning(self) -> bool:
        """True where the agent has a heading."""
        return self.moves == "turn"


def interface(options: Options) -> Interface:
    """One term "observation": one-hot cells (wall, lava, goal, agent, then four headings in a full view with turns)."""
    names = ("left", "right", "forward") if options.turning else DIRECTIONS
    action = Action("discrete", names, (len(names),))
    view = _view(options, 1, options.size, options.turning)
    term = Term("observation", view.shape, "uint8", "image", scale=float(view.high))
    return Interface((term,), action, single=True)


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """The picture moves as pictures do, the four headings are permuted.

    An egocentric window that looks where the agent looks is the same after a turn; only mirrors move it.
    """
    moves, headings = _compass.moves_of(group), _compass.directions(group)
    if moves is None or headings is None:
        return None
    rows, columns, channels = interface(options).terms[0].shape
    fibre = representations.direct_sum((channels, representations.trivial(group)))
    if options.view == "full" and options.turning:
        fibre = representations.direct_sum((len(CHANNELS), representations.trivial(group)), headings)
    if options.view == "egocentric" and options.turning:
        return {"observation": FieldType(_compass.seen_from_behind(group, moves, rows, columns), fibre)}
    return {"observation": FieldType(bases.grid(group, rows, columns), fibre)}


def actions(options: Options, group: Group) -> Representation | None:
    """Directions are permuted as on the map; left and right turns are swapped by mirrors."""
    return _compass.turns(group) if options.turning else _compass.directions(group)


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> VectorEnv:
    """The levels side by side; rendering is always possible. `reset(options={"levels": seeds})` starts given levels."""
    return _make(options, num_envs, seed)


def _make(options: Options, num_envs: int, seed: int) -> LavaVectorEnv:
    obstacle = LAVA if options.obstacle == "lava" else WALL

    def level(level_seed: int) -> Level:
        return _lava.level(
            level_seed, options.size, options.crossings, obstacle, options.goal, options.orientation, options.mirror
        )

    def view(batch: int, size: int, with_heading: bool) -> View:
        return _view(options, batch, size, with_heading)

    levels = Levels(level, options.seeds, options.size)
    max_steps = options.max_steps if options.max_steps is not None else 4 * options.size**2
    return LavaVectorEnv(levels, num_envs, view, options.turning, max_steps, seed)


def _view(options: Options, batch: int, size: int, with_heading: bool) -> View:
    if options.view == "full":
        return Full(batch, size, with_heading)
    if options.view == "egocentric":
        return Egocentric(batch, size, with_heading, options.window)
    return Picture(batch, size, with_heading, options.resolution)


def simulator(options: Options, group: Group) -> "LavaSimulator | None":
    """Any state of any level can be set; None where the group has no planar meaning."""
    moves = _compass.moves_of(group)
    return None if moves is None else LavaSimulator(_make(options, 1, 0), options.seeds, moves)


class LavaSimulator(Simulator[Level]):
    """One level of the very environment that training uses; states are levels with an agent in them."""

    def __init__(self, envs: LavaVectorEnv, seeds: range, moves: dict[str, str]) -> None:
        self._envs, self._seeds, self._moves = envs, seeds, moves

    def sample(self, rng: np.random.Generator) -> Level:
        """Any level, the agent anywhere on its floor, with any heading, at any time."""
        self._envs.reset(options={"levels": [int(rng.integers(self._seeds.start, self._seeds.stop))]})
        cells = self._envs.states()[0].cells
        floor = np.argwhere(cells == FLOOR)
        row, column = floor[rng.integers(len(floor))].tolist()
        return Level(cells, (row, column), int(rng.integers(4)), int(rng.integers(self._envs.max_steps)))

    def observe(self, state: Level) -> np.ndarray:
        """See Simulator."""
        return self._envs.load([state])[0]

    def act(self, generator: str, state: Level, image: Any) -> Level:
        """See Simulator."""
        return state.turned(self._moves[generator])

    def step(self, state: Level, action: Any) -> Outcome:
        """See Simulator."""
        self._envs.load([state])
        _, reward, terminated, truncated, _ = self._envs.step(np.array([action]))
        return Outcome(self._envs.states()[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]))

    def same(self, one: Level, other: Level) -> bool:
        """See Simulator."""
        rest = (one.agent, one.heading, one.steps) == (other.agent, other.heading, other.steps)
        return rest and np.array_equal(one.cells, other.cells)

    def describe(self, state: Level) -> str:
        """See Simulator."""
        return f"step {state.steps} of\n{state}"
