"""Tiles that are exactly symmetric, so that a picture of a turned level is the turned picture.

MiniGrid's own tiles are not: their grid lines lie at the top and the left, and lava has waves. Here
every object is a concentric pattern (fixed by all eight symmetries of the square) and the agent is
a triangle, drawn once and turned. All arithmetic is in integers, so that no rounding depends on the
orientation.
"""

from functools import lru_cache

import numpy as np

from symgen.envs._compass import DIRECTIONS

Layers = tuple[tuple[str, float, float, str], ...]
"""How a cell is drawn: (shape, outer, inner, colour) from the bottom up, the shape being "square"
or "disc".
"""

COLOURS = {
    "black": (0, 0, 0),
    "grey": (100, 100, 100),
    "orange": (255, 128, 0),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "purple": (112, 39, 195),
    "yellow": (255, 255, 0),
}
FINE = 4
"""A tile is drawn this many times larger, then averaged."""


def square(pixels: int, outer: float, inner: float = 0.0) -> np.ndarray:
    """Mask of a square ring: pixels whose distance from the centre (half a tile = 1) lies between
    inner and outer.
    """
    offset = np.abs(2 * np.arange(pixels) - (pixels - 1))
    distance = np.maximum(offset[:, None], offset[None, :])
    return (distance < outer * pixels) & (distance >= inner * pixels)


def disc(pixels: int, outer: float, inner: float = 0.0) -> np.ndarray:
    """Mask of a ring around the centre, radii as in `square`."""
    offset = (2 * np.arange(pixels) - (pixels - 1)) ** 2
    distance = offset[:, None] + offset[None, :]
    return (distance < (outer * pixels) ** 2) & (distance >= (inner * pixels) ** 2)


def triangle(pixels: int) -> np.ndarray:
    """Mask of a triangle that points up."""
    rows, columns = np.indices((pixels, pixels))
    return 5 * np.abs(2 * columns - (pixels - 1)) < 4 * rows


def tile(pixels: int, *layers: tuple[np.ndarray, str]) -> np.ndarray:
    """A picture (pixels, pixels, 3), uint8, of masks drawn over black at FINE times that size,
    later ones on top.
    """
    fine = np.zeros((pixels * FINE, pixels * FINE, 3), dtype=np.int64)
    for mask, colour in layers:
        fine[mask] = COLOURS[colour]
    summed = fine.reshape(pixels, FINE, pixels, FINE, 3).sum((1, 3))
    return ((summed + FINE**2 // 2) // FINE**2).astype(np.uint8)


@lru_cache(maxsize=32)
def cell_tiles(pixels: int, cells: tuple[Layers, ...]) -> np.ndarray:
    """The tiles of cells, without and with the agent.

    Args:
        pixels: pixels per tile.
        cells: how each cell is drawn.

    Returns:
        uint8 (cells, 6, pixels, pixels, 3); the second axis is the agent: its four headings, one
        that has no heading (a disc), and none.
    """
    shapes = {"square": square, "disc": disc}
    fine = pixels * FINE
    up = triangle(fine)
    agents = [[(np.rot90(up, k), "red")] for k in range(len(DIRECTIONS))]
    agents += [[(disc(fine, 0.7), "red")], []]
    drawn = [
        [(shapes[shape](fine, outer, inner), colour) for shape, outer, inner, colour in layers]
        for layers in cells
    ]
    result = np.array([[tile(pixels, *cell, *agent) for agent in agents] for cell in drawn])
    result.flags.writeable = False
    return result


NO_HEADING = 4
NO_AGENT = 5
"""Entries of the second axis of `cell_tiles` beside the headings."""


def assemble(tiles: np.ndarray) -> np.ndarray:
    """Pictures (batch, rows * p, columns * p, 3) of tiles (batch, rows, columns, p, p, 3)."""
    batch, rows, columns, p = tiles.shape[:4]
    return np.ascontiguousarray(tiles.swapaxes(2, 3)).reshape(batch, rows * p, columns * p, 3)


@lru_cache(maxsize=32)
def _overlaps(source: int, target: int) -> np.ndarray:
    """Overlap of target pixel i and source pixel j, both cut from one length, in units that make it
    an integer.
    """
    start = np.arange(target)[:, None] * source
    stop = np.arange(1, target + 1)[:, None] * source
    left = np.arange(source)[None] * target
    right = np.arange(1, source + 1)[None] * target
    return np.clip(np.minimum(stop, right) - np.maximum(start, left), 0, None).astype(np.float64)


def resample(pictures: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Pictures (batch, h, w, 3) averaged by area to (batch, rows, columns, 3), uint8.

    The sums are integers below 2^53, so exact in any order: the result commutes with turns and
    mirrors.
    """
    batch, height, width, _ = pictures.shape
    if (height, width) == (rows, columns):
        return pictures
    # Both passes as one product of matrices: columns last, then rows last.
    thin = (
        pictures.transpose(0, 3, 1, 2).reshape(-1, width).astype(np.float64)
        @ _overlaps(width, columns).T
    )
    thin = thin.reshape(batch, 3, height, columns).transpose(0, 3, 1, 2).reshape(-1, height)
    summed = (
        (thin @ _overlaps(height, rows).T).reshape(batch, columns, 3, rows).transpose(0, 3, 1, 2)
    )
    total = height * width
    return np.ascontiguousarray((summed + total // 2) // total).astype(np.uint8)
