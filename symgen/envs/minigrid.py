"""MiniGrid: symbolic, partial or coloured views, with MiniGrid's own turns or absolute moves."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _compass, _lava
from symgen.envs import _minigrid_worlds as worlds
from symgen.envs._compass import DIRECTIONS, HEADINGS, MIRROR, ORIENTATION
from symgen.envs._level_seeds import (
    LEVELS,
    SEED_RANGE,
    LevelCount,
    SeedRange,
    from_list,
    level_range,
)
from symgen.envs._minigrid_map import fill
from symgen.envs._minigrid_sight import Sight
from symgen.envs._minigrid_state import Frame, State
from symgen.envs._minigrid_tasks import Prepare, Tasks, blinded, task_of
from symgen.envs._minigrid_worlds import World
from symgen.envs._split import SPLIT, TEST_SHARE, TestShare
from symgen.envs._views import Full, Picture, View, look_table
from symgen.errors import Refusal
from symgen.problem.adapter import LevelSet, Split
from symgen.problem.interface import Action, Interface, Term

if TYPE_CHECKING:  # Gymnasium is imported when an environment is made: a spec is checked without it
    from minigrid.minigrid_env import MiniGridEnv

    from symgen.envs._level_simulator import LevelSimulator
    from symgen.envs._minigrid_env import MiniGridVectorEnv

Interactions = Annotated[
    tuple[Literal["pickup", "drop", "toggle", "done"], ...], BeforeValidator(from_list)
]
Id = Annotated[str, Field(max_length=128)]
Ids = Annotated[tuple[Id, ...], Field(min_length=1, max_length=16), BeforeValidator(from_list)]


class Options(BaseModel):
    """What a spec may say about `adapter: minigrid`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: Id | Ids = Field(
        description="A registered id, such as MiniGrid-LavaCrossingS9N1-v0; refused where the goal "
        "is given in words. A list of them mixes tasks that look alike: level n is one of the task "
        "at n modulo their number.",
    )
    goal: Literal["corner", "top_right", "bottom_left", "random"] = Field(
        "corner",
        description="Where the goal of LavaCrossing and SimpleCrossing is before the level is "
        "turned; corner is MiniGrid's own, the others are levels of symgen, each with a way to the "
        "goal.",
    )
    view: Literal["full", "egocentric", "rgb"] = Field(
        "full",
        description="full: the whole map, one-hot. egocentric: MiniGrid's partial 7x7 view, "
        "one-hot, the agent looking up. rgb: the whole map in colours, of symmetric tiles.",
    )
    moves: Literal["absolute", "turn"] = Field(
        "absolute",
        description="absolute: up, left, down, right, each turning and going forward in one step. "
        "turn: left, right, forward.",
    )
    heading: Literal["auto", "shown", "hidden"] = Field(
        "auto",
        description="Whether a view of the whole map shows the agent's heading; auto: only where "
        "it matters.",
    )
    interactions: Interactions | None = Field(
        None,
        description="MiniGrid's further actions that the agent has; by default those the task "
        "needs.",
    )
    resolution: int | None = Field(
        None,
        ge=3,
        le=512,
        description="Pixels of the longer side of the rgb view; 4 per cell by default.",
    )
    orientation: int = Field(0, ge=0, le=3, description=ORIENTATION)
    mirror: bool = Field(False, description=MIRROR)
    levels: LevelCount | None = Field(None, description=LEVELS)
    seed_range: SeedRange | None = Field(None, description=SEED_RANGE)
    split: Split = Field("all", description=SPLIT)
    test_share: TestShare = Field(0.2, description=TEST_SHARE)
    max_steps: int | None = Field(
        None, ge=1, description="Steps until an episode is truncated; MiniGrid's by default."
    )

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, one or more."""
        return self.id if isinstance(self.id, tuple) else (self.id,)

    @property
    def seeds(self) -> range | None:
        """The level seeds, None for all."""
        return level_range(self.levels, self.seed_range)


def interface(options: Options) -> Interface:
    """One term "observation"; its channels are named by `channels`.

    Raises:
        Refusal: no such id, a task whose goal is given in words, ids that do not look alike, or
            a goal that cannot be moved.
        UserError: an id beyond the shipped table, and MiniGrid is not installed.
    """
    if options.goal != "corner":
        _crossings(options)
    done = _actions(options)
    action = Action("discrete", done, (len(done),))
    sight = _sight(options, 1)
    term = Term("observation", sight.shape, "uint8", "image", scale=float(sight.high))
    return Interface((term,), action, single=True)


def channels(options: Options) -> tuple[str, ...]:
    """The names of the channels of the symbolic views.

    >>> channels(Options(id="MiniGrid-LavaCrossingS9N1-v0"))
    ('wall', 'goal', 'lava', 'agent')
    """
    world = _world(options.ids)
    partial = options.view == "egocentric"
    seen = worlds.channels(world, partial)
    if partial:
        return seen
    agent = HEADINGS if _with_heading(options) else ("agent",)
    return seen + worlds.carried(world) + agent


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The channels of the symbolic views; those of `rgb` are colours."""
    return {} if options.view == "rgb" else {"observation": channels(options)}


def title(options: Options) -> str:
    """The id, of several the first."""
    return options.ids[0]


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """The image moves as images do and the headings are permuted; rotations leave the egocentric
    view alone.
    """
    shape = interface(options).terms[0].shape
    headings = options.view == "full" and _with_heading(options)
    field = _compass.image_field(group, shape, headings, options.view == "egocentric")
    return None if field is None else {"observation": field}


def actions(options: Options, group: Group) -> Representation | None:
    """Directions are permuted as on the map; left and right turns are swapped by reflections; the
    rest stays.
    """
    count = len(_actions(options))
    if options.moves == "absolute":
        return _compass.directions(group, count - 4)
    return _compass.turns(group, count - 2)


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "MiniGridVectorEnv":
    """The environments; rendering is always possible. `reset(options={"levels": seeds})` starts
    given levels.

    Raises:
        Refusal, UserError: as `interface`; UserError also where MiniGrid is not installed.
    """
    from symgen.envs._minigrid_env import MiniGridVectorEnv

    sight = _sight(options, num_envs)
    world = _world(options.ids)
    return MiniGridVectorEnv(
        _tasks(options, num_envs), sight, _actions(options), world.restless, world.settable, seed
    )


def _tasks(options: Options, count: int) -> Tasks:
    tasks = [[task_of(id_) for id_ in options.ids] for _ in range(count)]
    for env in (env for alternatives in tasks for env in alternatives):
        if options.max_steps is not None:
            env.max_steps = options.max_steps
        if options.view != "egocentric":
            blinded(env)
    return Tasks(tasks, level_set(options), _prepared(options))


def level_set(options: Options) -> LevelSet:
    """The level seeds and their side of the split."""
    return LevelSet(options.seeds, options.split, options.test_share)


def level_contents(options: Options) -> Iterator[bytes]:
    """A digest of the level of each level seed in turn."""
    tasks = _tasks(options, 1)
    return (tasks.content(seed) for seed in tasks.seeds)


def _crossings(options: Options) -> tuple[World, ...]:
    """The worlds of the ids, which must be crossings."""
    crossings = tuple(_world((id_,)) for id_ in options.ids)
    for id_, world in zip(options.ids, crossings, strict=True):
        if world.rivers is None:
            raise Refusal(
                f"the goal of {id_} cannot be moved, only those of LavaCrossing and SimpleCrossing"
            )
    return crossings


def _prepared(options: Options) -> Prepare | None:
    """Puts a level with another goal into MiniGrid's map; None where the goal is MiniGrid's own."""
    if options.goal == "corner":
        return None
    crossings = _crossings(options)
    # in the order of _lava's FLOOR, WALL, LAVA, GOAL
    things = (("empty", "red"), ("wall", "grey"), ("lava", "red"), ("goal", "green"))
    codes = np.array([worlds.code_of(kind, colour) for kind, colour in things])

    def prepare(env: "MiniGridEnv", seed: int, source: int | list[int]) -> None:
        world = crossings[seed % len(crossings)]
        obstacle = _lava.LAVA if world.river == "lava" else _lava.WALL
        level = _lava.level(source, world.rows, world.rivers or 0, obstacle, options.goal)
        fill(env, codes[level.cells.reshape(-1)].tolist())

    return prepare


def _frame(options: Options) -> Frame:
    world = _world(options.ids)
    return Frame(world.rows, world.columns, options.orientation, options.mirror)


def _sight(options: Options, batch: int) -> Sight:
    frame = _frame(options)
    kinds = worlds.one_hot(channels(options))
    carries = "pickup" in _actions(options)
    view = None if options.view == "egocentric" else _view(options, frame, batch)
    return Sight(frame, view, kinds, _with_heading(options), carries)


def _view(options: Options, frame: Frame, batch: int) -> View:
    rows, columns = frame.shape
    if options.view == "rgb":
        resolution = options.resolution or 4 * max(rows, columns)
        return Picture(batch, rows, columns, worlds.layers(), resolution)
    known = channels(options)
    looks = look_table(len(known), _with_heading(options))
    held = worlds.one_hot(known, prefix="carried ")
    return Full(batch, rows, columns, worlds.one_hot(known), looks, held)


def _actions(options: Options) -> tuple[str, ...]:
    moves = DIRECTIONS if options.moves == "absolute" else ("left", "right", "forward")
    needed = _world(options.ids).interactions
    return moves + (needed if options.interactions is None else options.interactions)


def _with_heading(options: Options) -> bool:
    """An absolute move does not depend on the heading, an interaction does."""
    if options.heading == "auto":
        return options.moves == "turn" or len(_actions(options)) > len(DIRECTIONS)
    return options.heading == "shown"


@lru_cache(maxsize=64)
def _world(ids: tuple[str, ...]) -> World:
    by_id = {id_: worlds.KNOWN.get(id_) or _probed(id_) for id_ in ids}
    return worlds.mixed(by_id) if len(by_id) > 1 else by_id[ids[0]]


def _probed(id_: str) -> World:
    """The world of an id beyond the table, from the environment itself."""
    env = task_of(id_)
    missions = set()
    for seed in range(8):
        env.reset(seed=seed)
        missions.add(env.mission)
    env.close()
    if len(missions) > 1:
        raise Refusal(
            f"the goal of {id_} is given in words ({sorted(missions)[0]!r}), which this adapter "
            "does not show"
        )
    return worlds.anything(env.height, env.width)


def views(options: Options) -> tuple[str, ...]:
    """The map, whole or a window of it, and how it is drawn."""
    return ("view", "resolution")


def simulator(options: Options, group: Group) -> "LevelSimulator[State] | str":
    """Each state can be set where map, agent and what it carries are the whole state."""
    moves = _compass.moves_of(group)
    if moves is None:
        return _compass.UNPLACED
    if not _world(options.ids).settable:
        ids = ", ".join(options.ids)
        return f"map, agent and what it carries are not known to be the whole state of {ids}"
    from symgen.envs._level_simulator import LevelSimulator

    return LevelSimulator(make(options, 1, 0), _frame(options).shape, moves)
