"""A laboratory of lava crossings and mazes: symmetric levels from seeds, hundreds side by side, in
numpy alone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _compass, _lava, _maze
from symgen.envs._compass import DIRECTIONS, HEADINGS, MIRROR, ORIENTATION
from symgen.envs._lava import GOAL, LAVA, LAYERS, MARK, WALL, Level
from symgen.envs._level_seeds import SEED_RANGE, LevelCount, SeedRange, from_list
from symgen.envs._split import SPLIT, TEST_SHARE, TestShare, content, on_side
from symgen.envs._views import Full, Picture, View, Window, look_table
from symgen.problem.adapter import LevelSet, Split
from symgen.problem.interface import Action, Interface, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from symgen.envs._lava_env import LavaVectorEnv
    from symgen.envs._level_simulator import LevelSimulator

Crossings = Annotated[int, Field(ge=0)]
Density = Annotated[float, Field(ge=0, le=0.5)]
OF_KINDS = {
    "crossings": ("crossing",),
    "density": ("scattered",),
    "obstacle": ("crossing", "scattered"),
    "goal": ("crossing", "scattered"),
}
"""The options that some kinds of levels alone have."""


class Options(BaseModel):
    """What a spec may say about `adapter: gridworld`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    kind: Literal["crossing", "scattered", "maze", "chiral_maze"] = Field(
        "crossing",
        description="crossing: rivers across a room, each with one opening; few distinct levels "
        "(82 of 7x7 with two rivers). scattered: obstacles anywhere and a way to the goal; tens of "
        "thousands of 7x7. maze: a goal in a dead end. chiral_maze: a mirrored maze with two goals "
        "that look alike; the real one lies to the left, seen from a mark on the axis.",
    )
    size: int = Field(9, ge=5, le=25, description="Cells per side, the outer walls included; odd.")
    crossings: Crossings | Annotated[tuple[Crossings, ...], BeforeValidator(from_list)] = Field(
        1,
        description="Number of rivers, at most size - 3; or a list of them, of which level n has "
        "the one at n modulo its length.",
    )
    density: Density | Annotated[tuple[Density, ...], BeforeValidator(from_list)] = Field(
        0.3,
        description="Share of scattered obstacles among the cells; or a list of shares, of which "
        "level n has the one at n modulo its length.",
    )
    obstacle: Literal["lava", "wall"] = Field(
        "lava", description="What rivers and scattered obstacles are made of."
    )
    moves: Literal["absolute", "turn"] = Field(
        "absolute",
        description="absolute: up, left, down, right. turn: left, right, forward, and the agent "
        "has a heading.",
    )
    heading: Literal["auto", "shown", "ahead", "hidden"] = Field(
        "auto",
        description="Whether a view of the whole level shows where the agent looks; auto: where it "
        "turns. ahead: by a channel for the cell in front, in the place of four headings. After an "
        "absolute move it looks where it went.",
    )
    view: Literal["full", "egocentric", "rgb"] = Field(
        "full",
        description="full: the whole level, one-hot. egocentric: a one-hot window with the agent "
        "in the middle, turned so that it looks up where it has a heading. rgb: the whole level in "
        "colours.",
    )
    window: int = Field(7, ge=3, le=49, description="Side of the egocentric window; odd.")
    resolution: int | None = Field(
        None,
        ge=5,
        le=256,
        description="Pixels per side of the rgb view, at least size; 4 size by default.",
    )
    goal: Literal["corner", "top_right", "bottom_left", "random"] = Field(
        "corner",
        description="Where the goal is before the level is turned; corner is opposite the start.",
    )
    orientation: int = Field(0, ge=0, le=3, description=ORIENTATION)
    mirror: bool = Field(False, description=MIRROR)
    levels: LevelCount = Field(1000, description="Number of level seeds, 0 to levels - 1.")
    seed_range: SeedRange | None = Field(None, description=SEED_RANGE)
    split: Split = Field("all", description=SPLIT)
    test_share: TestShare = Field(0.2, description=TEST_SHARE)
    max_steps: int | None = Field(
        None, ge=1, description="Steps until an episode is truncated; 4 size^2 by default."
    )

    @field_validator("size", "window")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"must be odd, got {value}")
        return value

    @field_validator("crossings")
    @classmethod
    def _fits(cls, value: int | tuple[int, ...], info: ValidationInfo) -> int | tuple[int, ...]:
        most = _lava.rivers_at_most(info.data.get("size", 25))
        counts = value if isinstance(value, tuple) else (value,)
        if not counts:
            raise ValueError("must name at least one number of rivers")
        if max(counts) > most:
            raise ValueError(
                f"at most {most} rivers fit into size {info.data.get('size')}, got {max(counts)}"
            )
        return value

    @field_validator(*OF_KINDS)
    @classmethod
    def _of_its_kind(cls, value: object, info: ValidationInfo) -> object:
        kinds = OF_KINDS[str(info.field_name)]
        if info.data.get("kind", "crossing") not in kinds:
            raise ValueError(f"is of kind: {' or '.join(kinds)}, and this is a {info.data['kind']}")
        return value

    @field_validator("density")
    @classmethod
    def _named(cls, value: float | tuple[float, ...]) -> float | tuple[float, ...]:
        if value == ():
            raise ValueError("must name at least one density")
        return value

    @field_validator("resolution")
    @classmethod
    def _visible(cls, value: int | None, info: ValidationInfo) -> int | None:
        if (
            info.data.get("view") == "rgb"
            and value is not None
            and value < info.data.get("size", 5)
        ):
            raise ValueError(
                f"a cell needs at least one pixel: {info.data.get('size')} or more, got {value}"
            )
        return value

    @property
    def seeds(self) -> range:
        """The level seeds."""
        return range(*self.seed_range) if self.seed_range is not None else range(self.levels)

    @property
    def turning(self) -> bool:
        """True where the agent's moves depend on its heading."""
        return self.moves == "turn"

    @property
    def shows_heading(self) -> bool:
        """True where a view of the whole level shows the heading."""
        return self.turning if self.heading == "auto" else self.heading != "hidden"


def interface(options: Options) -> Interface:
    """One term "observation": the channels one-hot, or colours.

    Raises:
        Refusal: there are no levels on this side of the split.
    """
    _level(options, options.seeds.start)
    moves = ("left", "right", "forward") if options.turning else DIRECTIONS
    action = Action("discrete", moves, (len(moves),))
    view = _view(options, 1)
    term = Term("observation", view.shape, "uint8", "image", scale=float(view.high))
    return Interface((term,), action, single=True)


def channels(options: Options) -> tuple[str, ...]:
    """The names of the channels of the symbolic views.

    >>> channels(Options(kind="chiral_maze", moves="turn"))[3:]
    ('mark', 'heading up', 'heading left', 'heading down', 'heading right')
    """
    kinds = ["wall", "lava", "goal"]
    if options.kind == "chiral_maze":
        kinds.append("mark")
    if options.view == "full" and options.heading == "ahead":
        kinds.append("ahead")
    agent = HEADINGS if _with_headings(options) else ("agent",)
    return (*kinds, *agent)


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The channels of the symbolic views; those of `rgb` are colours."""
    return {} if options.view == "rgb" else {"observation": channels(options)}


def title(options: Options) -> str:
    """There is one gridworld."""
    return "gridworld"


def _with_headings(options: Options) -> bool:
    """Whether the headings are channels."""
    return options.view == "full" and options.shows_heading and options.heading != "ahead"


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """The image moves as images do, the four headings are permuted.

    An egocentric window that looks where the agent looks is the same after a rotation; only
    reflections move it. Groups such as C8 turn the colours of a whole image between its pixels;
    levels themselves come in quarter turns only.
    """
    shape = interface(options).terms[0].shape
    from_behind = options.view == "egocentric" and options.turning
    field = _compass.image_field(group, shape, _with_headings(options), from_behind)
    if field is None and group.planar is not None and options.view == "rgb":
        rows, columns, colours = shape  # they blend, as one-hot cells do not
        fibre = representations.direct_sum((colours, representations.trivial(group)))
        field = FieldType(bases.plane(group, rows, columns), fibre)
    return None if field is None else {"observation": field}


def actions(options: Options, group: Group) -> Representation | None:
    """Directions are permuted as on the map; left and right turns are swapped by reflections."""
    return _compass.turns(group) if options.turning else _compass.directions(group)


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "LavaVectorEnv":
    """The levels side by side; rendering is always possible. `reset(options={"levels": seeds})`
    starts given levels.
    """
    from symgen.envs._lava_env import LavaVectorEnv, Levels

    levels = Levels(lambda number: _level(options, number), options.seeds, options.size)
    max_steps = options.max_steps if options.max_steps is not None else 4 * options.size**2
    looking = options.turning if options.view == "egocentric" else options.shows_heading
    return LavaVectorEnv(
        levels, num_envs, _view(options, num_envs), options.turning, looking, max_steps, seed
    )


def level_set(options: Options) -> LevelSet:
    """The level seeds and their side of the split."""
    return LevelSet(options.seeds, options.split, options.test_share)


def level_contents(options: Options) -> Iterator[bytes]:
    """A digest of the level of each level seed in turn."""
    return (content(_level(options, seed).cells) for seed in options.seeds)


def _level(options: Options, seed: int) -> Level:
    """The level of a seed.

    Raises:
        Refusal: there are no levels on this side of the split.
    """

    def draw(source: int | list[int]) -> tuple[Level, np.ndarray]:
        drawn = _drawn(options, seed, source)
        return drawn, drawn.cells

    return on_side(draw, seed, options.split, options.test_share).placed(
        options.orientation, options.mirror
    )


def _drawn(options: Options, seed: int, source: int | list[int]) -> Level:
    """A level of either side: its difficulty from the level's seed, the rest from `source`, that of
    random numbers.
    """
    if options.kind in ("maze", "chiral_maze"):
        return _maze.maze(source, options.size, options.kind == "chiral_maze")
    obstacle = LAVA if options.obstacle == "lava" else WALL
    if options.kind == "scattered":
        densities = options.density if isinstance(options.density, tuple) else (options.density,)
        return _lava.scattered(
            source, options.size, densities[seed % len(densities)], obstacle, options.goal
        )
    counts = options.crossings if isinstance(options.crossings, tuple) else (options.crossings,)
    return _lava.level(source, options.size, counts[seed % len(counts)], obstacle, options.goal)


def _view(options: Options, batch: int) -> View:
    size = options.size
    if options.view == "rgb":
        return Picture(batch, size, size, LAYERS, options.resolution or 4 * size)
    known = channels(options)
    kinds = np.zeros((len(LAYERS), len(known)), dtype=np.uint8)
    for code, kind in ((WALL, "wall"), (LAVA, "lava"), (GOAL, "goal"), (MARK, "mark")):
        kinds[code] = [channel == kind for channel in known]
    looks = look_table(len(known), _with_headings(options))
    if options.view == "egocentric":
        return Window(batch, size, options.window, kinds, looks, outside=WALL)
    ahead = known.index("ahead") if "ahead" in known else None
    return Full(batch, size, size, kinds, looks, ahead=ahead)


def views(options: Options) -> tuple[str, ...]:
    """The map, whole or a window of it, and how it is drawn."""
    return ("view", "window", "resolution")


def simulator(options: Options, group: Group) -> "LevelSimulator[Level] | str":
    """Each state of each level can be set, where the group has a planar meaning."""
    moves = _compass.moves_of(group)
    if moves is None:
        return _compass.UNPLACED
    from symgen.envs._level_simulator import LevelSimulator

    return LevelSimulator(make(options, 1, 0), (options.size, options.size), moves)
