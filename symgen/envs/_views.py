"""What is seen of grid worlds side by side. A view keeps what it can between steps and hands out
fresh arrays.

A cell is a small integer code; a `look` is what the agent shows: a heading (an index of DIRECTIONS)
or NO_HEADING.
Law: what is seen of a turned world is the moved observation (the field types that the adapters
    give).
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from symgen.envs._compass import DIRECTIONS, STEPS
from symgen.envs._tiles import NO_AGENT, NO_HEADING, Layers, assemble, cell_tiles, resample


class View(Protocol):
    """Observations of `batch` worlds of one shape side by side."""

    shape: tuple[int, int, int]
    high: int

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """Take new worlds: indices (k,) and their cells (k, rows * columns)."""
        ...

    def place(self, agent: np.ndarray, look: np.ndarray, held: np.ndarray | None = None) -> None:
        """Take where all agents are, (batch,) each: flat cell, look, and the code of what is
        carried if anything.
        """
        ...

    def observation(self) -> np.ndarray:
        """The observations, uint8 (batch, *shape), safe to keep."""
        ...


def look_table(channels: int, with_heading: bool) -> np.ndarray:
    """The channels that each look adds, (looks, channels): of the last four one per heading, or the
    last one alone.
    """
    table = np.zeros((len(DIRECTIONS) + 1, channels), dtype=np.uint8)
    if with_heading:
        table[range(4), range(channels - 4, channels)] = 1
    else:
        table[:, -1] = 1
    return table


class Full:
    """The whole world, one-hot; between resets only the agent's cells change.

    Args:
        batch: number of worlds.
        rows: rows of a world.
        columns: columns of a world.
        kinds: the channels of each cell code, uint8 (codes, channels).
        looks: the channels that each look adds, (5, channels); see `look_table`.
        holds: the channels that each carried code adds, (codes, channels).
        ahead: the channel that marks the cell in front of the agent; None for no such channel.
    """

    high = 1

    def __init__(
        self,
        batch: int,
        rows: int,
        columns: int,
        kinds: np.ndarray,
        looks: np.ndarray,
        holds: np.ndarray | None = None,
        ahead: int | None = None,
    ) -> None:
        self.shape = (rows, columns, kinds.shape[1])
        self._ahead = ahead
        self._strides = STEPS[:, 0] * columns + STEPS[:, 1]
        self._kinds = kinds
        self._looks = looks
        self._holds = holds
        self._planes = np.zeros((batch, rows * columns, kinds.shape[1]), dtype=np.uint8)
        self._flat = self._planes.reshape(-1, kinds.shape[1])
        self._cells = np.zeros(batch * rows * columns, dtype=np.uint8)
        self._first = np.arange(batch) * rows * columns
        self._at = self._front = self._first

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """See View."""
        self._planes[which] = self._kinds[cells]
        self._cells.reshape(len(self._first), -1)[which] = cells

    def place(self, agent: np.ndarray, look: np.ndarray, held: np.ndarray | None = None) -> None:
        """See View."""
        self._flat[self._at] = self._kinds[self._cells[self._at]]
        self._at = self._first + agent
        here = self._kinds[self._cells[self._at]] | self._looks[look]
        if held is not None and self._holds is not None:
            here |= self._holds[held]
        self._flat[self._at] = here
        if self._ahead is not None:
            # there is a wall around every world, so the cell in front is in it
            self._flat[self._front, self._ahead] = 0
            self._front = self._at + self._strides[look]
            self._flat[self._front, self._ahead] = 1

    def observation(self) -> np.ndarray:
        """See View."""
        return self._planes.reshape(-1, *self.shape).copy()


class Window:
    """A square window around the agent, one-hot, turned so that the agent looks up where it has a
    heading.

    Args:
        batch: number of worlds.
        size: rows and columns of a world.
        window: side of the window; the agent is in the middle.
        kinds: the channels of each cell code.
        looks: the channels that each look adds in the middle.
        outside: the code of what lies outside the world.
    """

    high = 1

    def __init__(
        self, batch: int, size: int, window: int, kinds: np.ndarray, looks: np.ndarray, outside: int
    ) -> None:
        self.shape = (window, window, kinds.shape[1])
        self._size = size
        self._margin = window // 2
        self._kinds = kinds
        self._looks = looks
        side = size + 2 * self._margin
        self._cells = np.full((batch, side, side), outside, dtype=np.uint8)
        rows, columns = np.indices((window, window)) - self._margin
        # To an agent that looks in direction k, the window is the map turned back by k quarter
        # turns.
        self._window = np.stack(
            [np.rot90(rows * side + columns, -k).reshape(-1) for k in (0, 1, 2, 3, 0)]
        )
        self._first = np.arange(batch) * side * side
        self._centre = self._look = np.zeros(batch, dtype=np.int64)

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """See View."""
        inner = slice(self._margin, self._margin + self._size)
        self._cells[which, inner, inner] = cells.reshape(-1, self._size, self._size)

    def place(self, agent: np.ndarray, look: np.ndarray, held: np.ndarray | None = None) -> None:
        """See View."""
        row, column = np.divmod(agent, self._size)
        self._centre = (
            self._first + (row + self._margin) * self._cells.shape[1] + column + self._margin
        )
        self._look = look.copy()

    def observation(self) -> np.ndarray:
        """See View."""
        seen = self._cells.reshape(-1)[self._centre[:, None] + self._window[self._look]]
        planes = self._kinds[seen].reshape(-1, *self.shape)
        planes[:, self._margin, self._margin] |= self._looks[NO_HEADING]
        return planes


class Picture:
    """The whole world in colours, of symmetric tiles.

    Args:
        batch: number of worlds.
        rows: rows of a world.
        columns: columns of a world.
        layers: how each cell code is drawn.
        resolution: pixels of the longer side.
    """

    high = 255

    def __init__(
        self, batch: int, rows: int, columns: int, layers: Sequence[Layers], resolution: int
    ) -> None:
        longer = max(rows, columns)
        self.shape = (resolution * rows // longer, resolution * columns // longer, 3)
        self._rows = rows
        self._columns = columns
        pixels = -(-resolution // longer)
        self._tiles = cell_tiles(pixels, tuple(layers))
        self._cells = np.zeros((batch, rows * columns), dtype=np.uint8)
        self._pictures = np.zeros((batch, rows * pixels, columns * pixels, 3), dtype=np.uint8)
        # The same memory as (world, row, column, pixel row, pixel column, colour).
        self._tiled = self._pictures.reshape(batch, rows, pixels, columns, pixels, 3).swapaxes(2, 3)
        self._all = np.arange(batch)
        self._at = np.zeros(batch, dtype=np.int64)

    def reset(self, which: np.ndarray, cells: np.ndarray) -> None:
        """See View."""
        self._cells[which] = cells
        shaped = cells.reshape(-1, self._rows, self._columns)
        self._pictures[which] = assemble(self._tiles[shaped, NO_AGENT])

    def place(self, agent: np.ndarray, look: np.ndarray, held: np.ndarray | None = None) -> None:
        """See View."""
        self._draw(self._at, np.full_like(look, NO_AGENT))
        self._draw(agent, look)
        self._at = agent.copy()

    def _draw(self, agent: np.ndarray, look: np.ndarray) -> None:
        kinds = self._cells[self._all, agent]
        row, column = np.divmod(agent, self._columns)
        self._tiled[self._all, row, column] = self._tiles[kinds, look]

    def observation(self) -> np.ndarray:
        """See View."""
        rows, columns, _ = self.shape
        pictures = resample(self._pictures, rows, columns)
        return pictures.copy() if pictures is self._pictures else pictures
