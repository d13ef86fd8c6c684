"""What the agent of a lava level sees. A view keeps what it can between steps and hands out fresh arrays.

Law: the observation of a turned level is the moved observation (the field types of `gridworld.states`).
"""

from typing import Protocol

import numpy as np

from symgen.envs._compass import DIRECTIONS
from symgen.envs._lava import GOAL, LAVA, WALL
from symgen.envs._tiles import NO_AGENT, NO_HEADING, assemble, cell_tiles, resample

CHANNELS = ("wall", "lava", "goal", "agent")
"""Channels of the symbolic views; where the agent has a heading four more follow, one per direction."""

_LAYERS = (
    (("square", 0.94, 0.0, "black"),),
    (("square", 1.1, 0.0, "grey"),),
    (("square", 1.1, 0.0, "orange"), ("square", 0.5, 0.35, "red")),
    (("square", 1.1, 0.0, "green"),),
)


class View(Protocol):
    """Observations of `batch` levels of one size side by side."""

    shape: tuple[int, int, int]
    high: int

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """Take new levels: indices (k,) of the environments and their cells (k, size * size)."""
        ...

    def place(self, agent: np.ndarray, heading: np.ndarray) -> None:
        """Take where all agents are: flat cell and heading, (batch,) each."""
        ...

    def observation(self) -> np.ndarray:
        """The observations, uint8 (batch, *shape), safe to keep."""
        ...


def _one_hot(channels: int) -> np.ndarray:
    """Row k is the one-hot of cell kind k; floor is all zeros."""
    table = np.zeros((4, channels), dtype=np.uint8)
    table[[WALL, LAVA, GOAL], [0, 1, 2]] = 1
    return table


class Full:
    """The whole level, one-hot; only the agent's own entries change between resets."""

    high = 1

    def __init__(self, batch: int, size: int, with_heading: bool) -> None:
        channels = len(CHANNELS) + len(DIRECTIONS) * with_heading
        self.shape = (size, size, channels)
        self._kinds, self._with_heading = _one_hot(channels), with_heading
        self._planes = np.zeros((batch, size * size, channels), dtype=np.uint8)
        self._entries = self._planes.reshape(-1)
        self._first = np.arange(batch) * size * size
        self._marks = self._first[:0]

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """See View."""
        self._planes[which] = self._kinds[cells]

    def place(self, agent: np.ndarray, heading: np.ndarray) -> None:
        """See View."""
        self._entries[self._marks] = 0
        marks = (self._first + agent) * self.shape[2] + CHANNELS.index("agent")
        self._marks = np.concatenate([marks, marks + 1 + heading]) if self._with_heading else marks
        self._entries[self._marks] = 1

    def observation(self) -> np.ndarray:
        """See View."""
        return self._planes.reshape(-1, *self.shape).copy()


class Egocentric:
    """A window around the agent, one-hot, turned so that the agent looks up where it has a heading.

    The agent is in the middle; what lies outside the level is wall.
    """

    high = 1

    def __init__(self, batch: int, size: int, with_heading: bool, window: int) -> None:
        self.shape = (window, window, len(CHANNELS))
        self._size, self._margin, self._with_heading = size, window // 2, with_heading
        self._kinds = _one_hot(len(CHANNELS))
        side = size + 2 * self._margin
        self._cells = np.full((batch, side, side), WALL, dtype=np.uint8)
        rows, columns = np.indices((window, window)) - self._margin
        # Seen by an agent that looks in direction k, the window is the map turned back by k quarter turns.
        self._window = np.stack([np.rot90(rows * side + columns, -k).reshape(-1) for k in range(4)])
        self._first = np.arange(batch) * side * side

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """See View."""
        inner = slice(self._margin, self._margin + self._size)
        self._cells[which, inner, inner] = cells.reshape(-1, self._size, self._size)

    def place(self, agent: np.ndarray, heading: np.ndarray) -> None:
        """See View."""
        row, column = np.divmod(agent, self._size)
        side = self._cells.shape[1]
        self._centre = self._first + (row + self._margin) * side + column + self._margin
        self._heading = heading if self._with_heading else np.zeros_like(heading)

    def observation(self) -> np.ndarray:
        """See View."""
        seen = self._cells.reshape(-1)[self._centre[:, None] + self._window[self._heading]]
        planes = self._kinds[seen].reshape(-1, *self.shape)
        planes[:, self._margin, self._margin, CHANNELS.index("agent")] = 1
        return planes


class Picture:
    """The whole level in colours, `resolution` pixels per side, of symmetric tiles."""

    high = 255

    def __init__(self, batch: int, size: int, with_heading: bool, resolution: int) -> None:
        self.shape = (resolution, resolution, 3)
        self._with_heading, self._size, pixels = with_heading, size, -(-resolution // size)
        self._tiles = cell_tiles(pixels, _LAYERS)
        self._cells = np.zeros((batch, size * size), dtype=np.uint8)
        self._pictures = np.zeros((batch, size * pixels, size * pixels, 3), dtype=np.uint8)
        # The same memory as (environment, row, column, pixel row, pixel column, colour).
        self._tiled = self._pictures.reshape(batch, size, pixels, size, pixels, 3).swapaxes(2, 3)
        self._all, self._at = np.arange(batch), np.zeros(batch, dtype=np.int64)

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """See View."""
        self._cells[which] = cells
        shaped = cells.reshape(-1, self._size, self._size)
        self._pictures[which] = assemble(self._tiles[shaped, NO_AGENT])

    def place(self, agent: np.ndarray, heading: np.ndarray) -> None:
        """See View."""
        self._draw(self._at, np.full_like(heading, NO_AGENT))
        self._draw(agent, heading if self._with_heading else np.full_like(heading, NO_HEADING))
        self._at = agent.copy()

    def _draw(self, agent: np.ndarray, look: np.ndarray) -> None:
        kinds = self._cells[self._all, agent]
        self._tiled[self._all, agent // self._size, agent % self._size] = self._tiles[kinds, look]

    def observation(self) -> np.ndarray:
        """See View."""
        rows, columns, _ = self.shape
        pictures = resample(self._pictures, rows, columns)
        return pictures.copy() if pictures is self._pictures else pictures
