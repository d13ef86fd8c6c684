"""MiniGrid: symbolic, partial or coloured views, with MiniGrid's own turns or with absolute moves."""

import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.envs import _compass, _lava
from symgen.envs import _minigrid_worlds as worlds
from symgen.envs._compass import DIRECTIONS
from symgen.envs._level_seeds import MAX_LEVELS, SeedRange, from_list, level_range
from symgen.envs._minigrid_state import Frame, State
from symgen.envs._minigrid_worlds import EMPTY, TYPES, World
from symgen.envs._split import SPLIT, TEST_SHARE, TestShare
from symgen.envs._views import Full, Picture, View, look_table
from symgen.errors import Refusal, UserError, suggestion
from symgen.problem.adapter import LevelSet, Outcome, Simulator, Split
from symgen.problem.interface import Action, Interface, Observation, Term

if (
    TYPE_CHECKING
):  # Gymnasium is imported when an environment is made, so that a spec is checked without it
    from gymnasium.vector import VectorEnv

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
        description="A registered id, such as MiniGrid-LavaCrossingS9N1-v0; refused where the "
        "goal is given in words. "
        "A list of them mixes tasks that look alike: level n is one of the task at n modulo "
        "their number.",
    )
    goal: Literal["corner", "top_right", "bottom_left", "random"] = Field(
        "corner",
        description="Where the goal of LavaCrossing and SimpleCrossing is before the level is "
        "turned; corner is "
        "MiniGrid's own, the others are levels of symgen, each with a way to the goal.",
    )
    view: Literal["full", "egocentric", "rgb"] = Field(
        "full",
        description="full: the whole map, one-hot. egocentric: MiniGrid's partial 7x7 view, "
        "one-hot, the agent looking "
        "up. rgb: the whole map in colours, of symmetric tiles.",
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
        description="MiniGrid's further actions that the agent has; by default those the "
        "task needs.",
    )
    resolution: int | None = Field(
        None,
        ge=3,
        le=512,
        description="Pixels of the longer side of the rgb view; 4 per cell by default.",
    )
    orientation: int = Field(
        0, ge=0, le=3, description="Quarter turns counter-clockwise of the whole level."
    )
    mirror: bool = Field(
        False, description="Mirror the whole level left and right, before it is turned."
    )
    levels: int | None = Field(
        None,
        ge=1,
        le=MAX_LEVELS,
        description="Number of level seeds, 0 to levels - 1; by default always new ones.",
    )
    seed_range: SeedRange | None = Field(
        None, description="First level seed and the one after the last; takes the place of levels."
    )
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
    names = _actions(options)
    action = Action("discrete", names, (len(names),))
    if options.view == "egocentric":
        return Interface(
            (Term("observation", (7, 7, len(channels(options))), "uint8", "image"),),
            action,
            single=True,
        )
    view = _view(options, 1)
    return Interface(
        (Term("observation", view.shape, "uint8", "image", scale=float(view.high)),),
        action,
        single=True,
    )


def channels(options: Options) -> tuple[str, ...]:
    """The names of the channels of the symbolic views.

    >>> channels(Options(id="MiniGrid-LavaCrossingS9N1-v0"))
    ('wall', 'goal', 'lava', 'agent')
    """
    world = _world(options.ids)
    names = worlds.channels(world, options.view == "egocentric")
    if options.view == "egocentric":
        return names
    headings = (
        tuple(f"heading {name}" for name in DIRECTIONS) if _with_heading(options) else ("agent",)
    )
    return names + worlds.carried(world) + headings


def names(options: Options) -> dict[str, tuple[str, ...]]:
    """The channels of the symbolic views; those of `rgb` are colours."""
    return {} if options.view == "rgb" else {"observation": channels(options)}


def title(options: Options) -> str:
    """The id, of several the first."""
    return options.ids[0]


def states(options: Options, group: Group) -> dict[str, FieldType] | None:
    """The picture moves as pictures do and the headings are permuted; turns leave the egocentric
    view alone.
    """
    moves = _compass.moves_of(group)
    headings = _compass.directions(group)
    if moves is None or headings is None:
        return None
    rows, columns, count = interface(options).terms[0].shape
    fibre = representations.direct_sum((count, representations.trivial(group)))
    if options.view == "egocentric":
        return {
            "observation": FieldType(_compass.seen_from_behind(group, moves, rows, columns), fibre)
        }
    if options.view == "full" and _with_heading(options):
        fibre = representations.direct_sum((count - 4, representations.trivial(group)), headings)
    return {"observation": FieldType(bases.grid(group, rows, columns), fibre)}


def actions(options: Options, group: Group) -> Representation | None:
    """Directions are permuted as on the map; left and right turns are swapped by mirrors; the rest
    stays.
    """
    names = _actions(options)
    if options.moves == "absolute":
        return _compass.directions(group, len(names) - 4)
    return _compass.turns(group, len(names) - 2)


def make(options: Options, num_envs: int, seed: int, render: bool = False) -> "VectorEnv":
    """The environments; rendering is always possible. `reset(options={"levels": seeds})` starts
    given levels.

    Raises:
        ValueError, UserError: as `interface`; UserError also where MiniGrid is not installed.
    """
    return _make(options, num_envs, seed)


def _make(options: Options, num_envs: int, seed: int) -> "MiniGridVectorEnv":
    from symgen.envs._minigrid_env import MiniGridVectorEnv

    world = _world(options.ids)
    tasks = [[_environment(id_) for id_ in options.ids] for _ in range(num_envs)]
    if options.max_steps is not None:
        for env in (env for each in tasks for env in each):
            env.max_steps = options.max_steps
    return MiniGridVectorEnv(
        tasks,
        Frame(world.rows, world.columns, options.orientation, options.mirror),
        _actions(options),
        options.seeds,
        None if options.view == "egocentric" else _view(options, num_envs),
        worlds.one_hot(channels(options)),
        _with_heading(options),
        world.restless,
        seed,
        _prepared(options),
        (options.split, options.test_share),
    )


def level_set(options: Options) -> LevelSet:
    """The level seeds and their side of the split."""
    return LevelSet(options.seeds, options.split, options.test_share)


def level_contents(options: Options) -> Iterator[bytes]:
    """A digest of the level of each level seed in turn."""
    envs = _make(options, 1, 0)
    return (envs.content(seed) for seed in envs.seeds)


def _crossings(options: Options) -> tuple[World, ...]:
    """The worlds of the ids, which must be crossings."""
    found = tuple(_world((id_,)) for id_ in options.ids)
    for id_, world in zip(options.ids, found, strict=True):
        if world.rivers is None:
            raise Refusal(
                f"the goal of {id_} cannot be moved, only those of LavaCrossing and SimpleCrossing"
            )
    return found


def _prepared(options: Options) -> Callable[[Any, int, int | list[int]], None] | None:
    """Puts a level with another goal into MiniGrid's map; None where the goal is MiniGrid's own."""
    if options.goal == "corner":
        return None
    crossings = _crossings(options)
    things = (
        ("empty", "red"),
        ("wall", "grey"),
        ("lava", "red"),
        ("goal", "green"),
    )  # FLOOR, WALL, LAVA, GOAL
    codes = np.array([worlds.code_of(kind, colour) for kind, colour in things])

    def prepare(env: Any, seed: int, source: int | list[int]) -> None:
        from symgen.envs._minigrid_env import fill

        world = crossings[seed % len(crossings)]
        obstacle = _lava.LAVA if world.river == "lava" else _lava.WALL
        level = _lava.level(source, world.rows, world.rivers or 0, obstacle, options.goal)
        fill(env, codes[level.cells.reshape(-1)].tolist())

    return prepare


def _view(options: Options, batch: int) -> View:
    world = _world(options.ids)
    rows, columns = Frame(world.rows, world.columns, options.orientation, options.mirror).shape
    if options.view == "rgb":
        return Picture(
            batch, rows, columns, worlds.layers(), options.resolution or 4 * max(rows, columns)
        )
    names = channels(options)
    first = len(names) - (4 if _with_heading(options) else 1)
    looks = look_table(len(names), first, _with_heading(options))
    return Full(
        batch, rows, columns, worlds.one_hot(names), looks, worlds.one_hot(names, prefix="carried ")
    )


def _actions(options: Options) -> tuple[str, ...]:
    moves = DIRECTIONS if options.moves == "absolute" else ("left", "right", "forward")
    return moves + (
        _world(options.ids).interactions if options.interactions is None else options.interactions
    )


def _with_heading(options: Options) -> bool:
    """An absolute move does not depend on the heading, an interaction does."""
    if options.heading == "auto":
        return options.moves == "turn" or len(_actions(options)) > len(DIRECTIONS)
    return options.heading == "shown"


@lru_cache(maxsize=64)
def _world(ids: tuple[str, ...]) -> World:
    found = {id_: worlds.KNOWN.get(id_) or _probed(id_) for id_ in ids}
    return worlds.mixed(found) if len(found) > 1 else found[ids[0]]


def _probed(id_: str) -> World:
    """The world of an id beyond the table, from the environment itself."""
    env = _environment(id_)
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


def _environment(id_: str) -> Any:
    """The unwrapped environment of an id."""
    try:
        import gymnasium
        import minigrid
    except ImportError as error:
        hint = "pip install 'symgen[minigrid]'"
        raise UserError(
            "missing-package", "the adapter minigrid needs the package minigrid", hint
        ) from error
    ids = [name for name in gymnasium.registry if name.startswith(("MiniGrid-", "BabyAI-"))]
    if id_ not in ids:
        raise Refusal(
            f"MiniGrid {minigrid.__version__} has no {id_!r}", hint=suggestion(id_, ids, "ids")
        )
    with warnings.catch_warnings():  # an older version of an id is what the spec asks for
        warnings.simplefilter("ignore", DeprecationWarning)
        return gymnasium.make(id_, disable_env_checker=True).unwrapped


def simulator(options: Options, group: Group) -> "MiniGridSimulator | str":
    """Any state can be set where map, agent and what it carries are the whole state."""
    moves = _compass.moves_of(group)
    if moves is None:
        return _compass.UNPLACED
    if not _world(options.ids).settable:
        return (
            "map, agent and what it carries are not known to be the whole state of "
            f"{', '.join(options.ids)}"
        )
    return MiniGridSimulator(_make(options, 1, 0), moves)


class MiniGridSimulator(Simulator[State]):
    """One of the very environments that training uses."""

    def __init__(self, envs: "MiniGridVectorEnv", moves: dict[str, str]) -> None:
        self._envs = envs
        self.moves = moves
        rows, columns = envs.frame.shape
        self.words = tuple(bases.GRID_MOVES) if rows == columns else ("half_turn", "mirror", "flip")

    def sample(self, rng: np.random.Generator) -> State:
        """Any level; agent anywhere, heading anywhere, doors in any state, sometimes carrying
        something.
        """
        self._envs.reset(seed=int(rng.integers(2**31)))
        start = self._envs.states()[0]
        cells = start.cells
        doors = cells // 18 == TYPES.index("door")
        cells[doors] = cells[doors] // 3 * 3 + rng.integers(3, size=doors.sum())
        free = (cells == EMPTY) | (doors & (cells % 3 == 0))
        free &= _rooms(cells, start.agent)
        row, column = np.argwhere(free)[rng.integers(free.sum())].tolist()
        held = EMPTY
        portable = np.argwhere(
            np.isin(cells // 18, [TYPES.index(kind) for kind in worlds.PORTABLE])
        )
        if len(portable) and rng.random() < 0.5:
            taken = tuple(portable[rng.integers(len(portable))])
            held, cells[taken] = int(cells[taken]), EMPTY
        steps = int(rng.integers(self._envs.envs[0].max_steps))
        return State(cells, (row, column), int(rng.integers(4)), held, steps)

    def observe(self, state: State) -> np.ndarray:
        """See Simulator."""
        return self._envs.load([state])[0]

    def act(self, generator: str, state: State, image: Observation) -> State:
        """See Simulator."""
        return state.turned(self.moves[generator])

    def step(self, state: State, action: np.ndarray) -> Outcome[State]:
        """See Simulator."""
        self._envs.load([state])
        _, reward, terminated, truncated, _ = self._envs.step(np.array([action]))
        return Outcome(
            self._envs.states()[0], float(reward[0]), bool(terminated[0]), bool(truncated[0])
        )

    def same(self, one: State, other: State) -> bool:
        """See Simulator."""
        first = (one.agent, one.heading, one.held, one.steps)
        return first == (other.agent, other.heading, other.held, other.steps) and np.array_equal(
            one.cells, other.cells
        )

    def describe(self, state: State) -> str:
        """See Simulator."""
        return str(state)


def _rooms(cells: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The cells that walls do not cut off from the start (some maps have no walls at their border)."""
    return _lava.flooded(cells // 18 != TYPES.index("wall"), start)
