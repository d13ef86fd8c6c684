"""Lava levels from seeds: rivers across a walled square room, each with one opening, or lava
anywhere; always a way.

Crossings are distributed as MiniGrid's LavaCrossing (Chevalier-Boisvert et al. 2023, CrossingEnv):
rivers lie on even rows or columns, start and goal in opposite corners. Where the goal is elsewhere,
the way to it crosses first the rivers between start and goal, then the others, so that every river
has one opening and the goal can be reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symgen.envs._compass import DIRECTION_IMAGES, DIRECTIONS, turned, turned_place

FLOOR, WALL, LAVA, GOAL, MARK = range(5)

LAYERS = (
    (("square", 0.94, 0.0, "black"),),
    (("square", 1.1, 0.0, "grey"),),
    (("square", 1.1, 0.0, "orange"), ("square", 0.5, 0.35, "red")),
    (("square", 1.1, 0.0, "green"),),
    (("square", 0.94, 0.0, "black"), ("disc", 0.9, 0.0, "blue")),
)
"""How FLOOR, WALL, LAVA, GOAL and MARK are drawn."""

RIGHT = DIRECTIONS.index("right")


@dataclass(frozen=True, eq=False)
class Level:
    """Where an episode is.

    Args:
        cells: FLOOR, WALL, LAVA, GOAL or MARK (a floor that is seen), uint8 of shape (size, size).
        agent: (row, column) of the agent.
        heading: the agent's direction, an index of DIRECTIONS.
        steps: steps taken so far.
    """

    cells: np.ndarray
    agent: tuple[int, int]
    heading: int = RIGHT
    steps: int = 0

    @property
    def size(self) -> int:
        """Cells per side."""
        return self.cells.shape[0]

    def turned(self, move: str) -> "Level":
        """The level after a word of GRID_MOVES, agent and heading included."""
        heading = DIRECTION_IMAGES[move][self.heading]
        agent = turned_place(self.agent, self.cells.shape, move)
        return Level(turned(self.cells, move), agent, heading, self.steps)

    def placed(self, orientation: int, mirror: bool) -> "Level":
        """The level mirrored left and right where asked, then turned by quarter turns
        counter-clockwise.
        """
        level = self.turned("mirror") if mirror else self
        for _ in range(orientation):
            level = level.turned("turn")
        return level

    def same(self, other: "Level") -> bool:
        """Whether map, agent, heading and time are equal."""
        where = (self.agent, self.heading, self.steps)
        there = (other.agent, other.heading, other.steps)
        return where == there and np.array_equal(self.cells, other.cells)

    def described(self) -> str:
        """The time, and the drawing."""
        return f"step {self.steps} of\n{self}"

    def __str__(self) -> str:
        """One letter per cell; the agent as an arrow."""
        rows = [[".#~G*"[kind] for kind in row] for row in self.cells]
        rows[self.agent[0]][self.agent[1]] = "^<v>"[self.heading]
        return "\n".join("".join(row) for row in rows)


def rivers_at_most(size: int) -> int:
    """How many rivers fit into a room of this size (walls included)."""
    return max(0, size - 3)


def scattered(
    seed: int | list[int],
    size: int = 9,
    density: float = 0.3,
    obstacle: int = LAVA,
    goal: str = "corner",
) -> Level:
    """A level with obstacles anywhere, and a way to the goal; there are far more of them than of
    crossings.

    Args:
        seed: of the random numbers.
        size: cells per side, walls included; odd.
        density: the chance of each cell but start and goal to be an obstacle; what cuts off the
            goal is drawn anew.
        obstacle: LAVA or WALL.
        goal: as in `level`.

    >>> print(scattered(1, size=7, density=0.3))
    #######
    #>.~..#
    #....~#
    #.....#
    #.~.~~#
    #.~..G#
    #######
    """
    rng = np.random.default_rng(seed)
    while True:
        cells = np.full((size, size), WALL, dtype=np.uint8)
        cells[1:-1, 1:-1] = np.where(rng.random((size - 2, size - 2)) < density, obstacle, FLOOR)
        cells[1, 1] = FLOOR
        if np.count_nonzero(cells == FLOOR) < 2:  # nowhere for a random goal
            continue
        at = _goal(goal, rng, cells)
        cells[at] = GOAL
        if reachable(cells, (1, 1))[at]:
            return Level(cells, (1, 1))


def reachable(cells: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The cells that can be walked to from a start over floors and marks, goals included; bool of
    the map's shape.
    """
    return flooded((cells == FLOOR) | (cells == MARK) | (cells == GOAL), start)


def flooded(free: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The free cells that steps over free cells join to a start; bool of the map's shape."""
    reached = np.zeros_like(free)
    reached[start] = True
    while True:
        wider = np.pad(reached, 1)
        wider = wider[:-2, 1:-1] | wider[2:, 1:-1] | wider[1:-1, :-2] | wider[1:-1, 2:] | reached
        wider &= free
        if (wider == reached).all():
            return reached
        reached = wider


def level(
    seed: int | list[int],
    size: int = 9,
    crossings: int = 1,
    obstacle: int = LAVA,
    goal: str = "corner",
    orientation: int = 0,
    mirror: bool = False,
) -> Level:
    """The crossing of a seed.

    Args:
        seed: of the random numbers.
        size: cells per side, walls included; odd.
        crossings: number of rivers.
        obstacle: what a river is made of, LAVA or WALL.
        goal: "corner" (opposite the start), "top_right", "bottom_left" or "random" (any cell that
            is no river).
        orientation: quarter turns counter-clockwise of the whole level, start, heading and goal
            included.
        mirror: mirror left and right before turning.

    >>> print(level(0, size=5, crossings=1))
    #####
    #>~.#
    #...#
    #.~G#
    #####
    """
    rng = np.random.default_rng(seed)
    even = range(2, size - 2, 2)
    rivers = [("column", k) for k in even] + [("row", k) for k in even]
    chosen = [rivers[k] for k in rng.permutation(len(rivers))[:crossings]]
    columns = sorted(k for kind, k in chosen if kind == "column")
    rows = sorted(k for kind, k in chosen if kind == "row")
    cells = np.full((size, size), WALL, dtype=np.uint8)
    cells[1:-1, 1:-1] = FLOOR
    cells[rows, 1:-1] = obstacle
    cells[1:-1, columns] = obstacle
    at = _goal(goal, rng, cells)
    for cell in _openings(rng, rows, columns, at, size):
        cells[cell] = FLOOR
    cells[at] = GOAL
    return Level(cells, (1, 1)).placed(orientation, mirror)


def _goal(goal: str, rng: np.random.Generator, cells: np.ndarray) -> tuple[int, int]:
    last = len(cells) - 2
    corners = {"corner": (last, last), "top_right": (1, last), "bottom_left": (last, 1)}
    if goal in corners:
        return corners[goal]
    free = np.argwhere(cells == FLOOR)[1:]  # the first one is the start
    row, column = free[rng.integers(len(free))].tolist()
    return row, column


def _openings(
    rng: np.random.Generator,
    rows: Sequence[int],
    columns: Sequence[int],
    goal: tuple[int, int],
    size: int,
) -> list[tuple[int, int]]:
    """One opening per river along a walk of rooms from the start over the goal's room to the far
    corner.
    """
    near_columns = sum(k < goal[1] for k in columns)
    near_rows = sum(k < goal[0] for k in rows)
    near = ["column"] * near_columns + ["row"] * near_rows
    far = ["column"] * (len(columns) - near_columns) + ["row"] * (len(rows) - near_rows)
    walls_r = [0, *rows, size - 1]
    walls_c = [0, *columns, size - 1]
    room_r = room_c = 0
    openings = []
    crossed = [near[k] for k in rng.permutation(len(near))]
    crossed += [far[k] for k in rng.permutation(len(far))]
    for kind in crossed:
        if kind == "column":
            row = int(rng.integers(walls_r[room_r] + 1, walls_r[room_r + 1]))
            openings.append((row, walls_c[room_c + 1]))
            room_c += 1
        else:
            column = int(rng.integers(walls_c[room_c] + 1, walls_c[room_c + 1]))
            openings.append((walls_r[room_r + 1], column))
            room_r += 1
    return openings
