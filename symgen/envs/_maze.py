"""Mazes with dead ends from seeds, walled, on a square; plain ones, and ones that tell left from
right.

A plain maze has its goal in a dead end. Turned or mirrored it is as likely as before, so its whole
symmetry is D4; a network that cannot tell flips apart and does not move its actions has to turn the
same way in a maze and in its mirror image, and so goes wrong in one of them.

A chiral maze is its own mirror image, with a mark where the axis meets a wall, and two goals that
look alike. Only the one on the left is real, seen from the mark into the room: turned levels follow
the same rule (C4 is exact), mirrored ones the opposite rule (each flip is refuted). The agent
begins anywhere, so that what a D4-equivariant policy does from one side it does from the other: it
reaches the real goal first in at most half of its episodes.
"""

import numpy as np

from symgen.envs._compass import STEPS
from symgen.envs._lava import FLOOR, GOAL, MARK, WALL, Level


def maze(seed: int | list[int], size: int = 9, chiral: bool = False) -> Level:
    """The maze of a seed: rooms are the cells in odd rows and odd columns, and one way leads from
    each to each.

    Args:
        seed: of the random numbers.
        size: cells per side, walls included; odd.
        chiral: mirrored at the middle column, with a mark and two goals.

    >>> print(maze(3, size=9, chiral=True))
    #########
    #...#...#
    #.#.#.#.#
    #.#.#.#.#
    #.#.#.#.#
    #.#.#.#.#
    #.#>#.#.#
    #G#.*.#G#
    #########
    """
    rng = np.random.default_rng(seed)
    middle = size // 2
    columns = range(1, middle if chiral else size - 1, 2)
    cells = _carved(rng, size, columns)
    ends = _dead_ends(cells)
    if chiral:
        cells[:, middle + 1 :] = cells[:, middle - 1 :: -1]
        cells[-2, middle - 1 : middle + 2] = FLOOR, MARK, FLOOR
        ends = [end for end in ends if end != (size - 2, columns[-1])]  # the mark is beside it
    row, column = ends[rng.integers(len(ends))]
    cells[row, column] = GOAL
    if chiral:
        cells[row, size - 1 - column] = GOAL
    free = np.argwhere((cells == FLOOR) | (cells == MARK))
    agent_row, agent_column = free[rng.integers(len(free))].tolist()
    return Level(cells, (agent_row, agent_column), int(rng.integers(4)))


def _carved(rng: np.random.Generator, size: int, columns: range) -> np.ndarray:
    """Walls, and a random depth-first tree of rooms in these columns."""
    cells = np.full((size, size), WALL, dtype=np.uint8)
    path = [(2 * int(rng.integers(size // 2)) + 1, columns[rng.integers(len(columns))])]
    cells[path[0]] = FLOOR
    while path:
        row, column = path[-1]
        rooms = [(row + 2 * dr, column + 2 * dc) for dr, dc in STEPS.tolist()]
        closed = [
            (r, c) for r, c in rooms if 0 < r < size - 1 and c in columns and cells[r, c] == WALL
        ]
        if not closed:
            path.pop()
            continue
        there = closed[rng.integers(len(closed))]
        cells[(row + there[0]) // 2, (column + there[1]) // 2] = cells[there] = FLOOR
        path.append(there)
    return cells


def _dead_ends(cells: np.ndarray) -> list[tuple[int, int]]:
    """Rooms with one way out."""
    rooms = np.argwhere(cells[1::2, 1::2] == FLOOR) * 2 + 1
    return [
        (r, c)
        for r, c in rooms.tolist()
        if sum(cells[r + dr, c + dc] == FLOOR for dr, dc in STEPS.tolist()) == 1
    ]


def wrong_goal(cells: np.ndarray) -> int:
    """The flat cell of the goal that is not real: the one to the right of the view from the mark;
    -1 without a mark.

    It follows from what is seen, so that a turned or mirrored level has its own.
    """
    marks = np.argwhere(cells == MARK)
    if not len(marks):
        return -1
    size = len(cells)
    ahead = np.array([size - 1, size - 1]) - 2 * marks[0]
    for row, column in np.argwhere(cells == GOAL).tolist():
        across = np.array([row, column]) - marks[0]
        if ahead[0] * across[1] - ahead[1] * across[0] < 0:  # rows grow downwards: left is positive
            return row * size + column
    return -1
