"""The state of a MiniGrid episode as the picture shows it, and how MiniGrid's map lies in that
picture.
"""

from dataclasses import dataclass

import numpy as np

from symgen.envs._compass import (
    DIRECTION_IMAGES,
    oriented,
    oriented_directions,
    turned,
    turned_place,
)
from symgen.envs._minigrid_worlds import EMPTY, TYPES

FROM_MINIGRID = np.array([3, 2, 1, 0])
"""MiniGrid counts headings right, down, left, up; here they are indices of DIRECTIONS."""


LETTERS = {"wall": "W", "empty": "."}
"""How types are drawn whose first letter another type has, or that are nothing."""


@dataclass(frozen=True, eq=False)
class State:
    """Where an episode is, as the picture shows it.

    Args:
        cells: codes of the cells, uint8 (rows, columns).
        agent: (row, column).
        heading: an index of DIRECTIONS.
        held: code of what is carried, EMPTY for nothing.
        steps: steps taken.
    """

    cells: np.ndarray
    agent: tuple[int, int]
    heading: int
    held: int
    steps: int

    def turned(self, move: str) -> "State":
        """The state after a word of GRID_MOVES."""
        agent = turned_place(self.agent, self.cells.shape, move)
        return State(
            turned(self.cells, move),
            agent,
            DIRECTION_IMAGES[move][self.heading],
            self.held,
            self.steps,
        )

    def same(self, other: "State") -> bool:
        """Whether map, agent, heading, what is carried and time are equal."""
        where = (self.agent, self.heading, self.held, self.steps)
        there = (other.agent, other.heading, other.held, other.steps)
        return where == there and np.array_equal(self.cells, other.cells)

    def described(self) -> str:
        """The time, what the agent carries, and the drawing."""
        carrying = "" if self.held == EMPTY else f", carrying a {TYPES[self.held // 18]}"
        return f"step {self.steps}{carrying} of\n{self}"

    def __str__(self) -> str:
        """The first letter of the type in every cell, W for walls; the agent as an arrow."""
        rows = [
            [LETTERS.get(TYPES[code // 18], TYPES[code // 18][0]) for code in row]
            for row in self.cells
        ]
        rows[self.agent[0]][self.agent[1]] = "^<v>"[self.heading]
        return "\n".join("".join(row) for row in rows)


class Frame:
    """How MiniGrid's map lies in the picture: mirrored where asked, then turned.

    Args:
        rows: rows of MiniGrid's map.
        columns: columns of it.
    """

    def __init__(self, rows: int, columns: int, orientation: int, mirror: bool) -> None:
        cells = oriented(np.arange(rows * columns).reshape(rows, columns), orientation, mirror)
        self.orientation = orientation
        self.mirror = mirror
        self.shape = (cells.shape[0], cells.shape[1])
        self.source = cells.reshape(-1)
        """The cell of MiniGrid's map (row by row) that each cell of the picture shows."""
        self.target = np.argsort(self.source)
        """Where in the picture each cell of MiniGrid's map is shown."""
        self.columns = columns
        self.heading = oriented_directions(orientation, mirror)[FROM_MINIGRID]
        """The direction in the picture of each of MiniGrid's headings."""
        self.native_heading = np.argsort(self.heading).tolist()
