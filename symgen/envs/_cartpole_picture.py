"""What a cart with a pole looks like: an RGB frame, drawn by distances in numpy."""

import numpy as np

from symgen.envs._cartpole import POLE_LENGTH, TRACK

PIXELS = 100
"""Per metre."""
WIDTH = 2.0 * TRACK + 0.4
HEIGHT = 2.0 * POLE_LENGTH + 0.6
CART = (0.4, 0.2)
"""Width and height of the cart in the picture; the equations do not know them. All in metres."""
GREY = (170, 170, 170)
DARK = (40, 44, 52)
RED = (204, 85, 51)


def picture(position: float, angle: float) -> np.ndarray:
    """[row, column, colour], uint8: the track with its ends, the cart, the pole.

    Args:
        position: m, of the cart.
        angle: rad, of the pole; 0 where it stands, and grows to the left.
    """
    rows = np.arange(round(HEIGHT * PIXELS))
    columns = np.arange(round(WIDTH * PIXELS))
    x = ((columns + 0.5) / PIXELS - WIDTH / 2.0)[None, :]
    y = (HEIGHT / 2.0 - (rows + 0.5) / PIXELS)[:, None]
    frame = np.full((len(rows), len(columns), 3), 255.0)
    tip = (position - POLE_LENGTH * np.sin(angle), POLE_LENGTH * np.cos(angle))
    _paint(frame, _from_segment(x, y, (-TRACK, 0.0), (TRACK, 0.0)) - 0.01, GREY)
    for end in (-TRACK, TRACK):
        _paint(frame, _from_segment(x, y, (end, -0.1), (end, 0.1)) - 0.01, GREY)
    _paint(frame, _from_box(x - position, y, CART), DARK)
    _paint(frame, _from_segment(x, y, (position, 0.0), tip) - 0.03, RED)
    return frame.round().astype(np.uint8)


def _paint(frame: np.ndarray, distance: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Paint all that is nearer than 0, with soft edges."""
    cover = np.clip(0.5 - distance * PIXELS, 0.0, 1.0)[..., None]
    frame += cover * (np.array(colour) - frame)


def _from_segment(
    x: np.ndarray, y: np.ndarray, begin: tuple[float, float], end: tuple[float, float]
) -> np.ndarray:
    """m from each pixel to a segment."""
    along_x = end[0] - begin[0]
    along_y = end[1] - begin[1]
    share = ((x - begin[0]) * along_x + (y - begin[1]) * along_y) / (along_x**2 + along_y**2)
    share = np.clip(share, 0.0, 1.0)
    gap: np.ndarray = np.hypot(x - begin[0] - share * along_x, y - begin[1] - share * along_y)
    return gap


def _from_box(x: np.ndarray, y: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """m from each pixel to the nearest side of a box about the origin, negative inside."""
    gap: np.ndarray = np.maximum(np.abs(x) - size[0] / 2.0, np.abs(y) - size[1] / 2.0)
    return gap
