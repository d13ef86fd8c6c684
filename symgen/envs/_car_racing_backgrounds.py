"""Patterns in the place of CarRacing's grass, generated: the same for every environment."""

from collections.abc import Callable

import numpy as np

SEED = 0
SQUARE = 80
"""Pixels per side of a checkerboard's squares; about 8 by 10 of the image that is observed."""
STRIPE = 60
GRAIN = 20
"""Pixels per side of the blocks of the noise; 2 of the image that is observed."""


def pattern(name: str, window: tuple[int, int]) -> np.ndarray | None:
    """A background by its name, uint8 (x, y, colour); None for the grass.

    Args:
        name: a key of PATTERNS, or "grass".
        window: its width and height in pixels.

    >>> pattern("checkerboard", (320, 160))[0, 0].tolist()
    [40, 60, 160]
    """
    if name == "grass":
        return None
    x, y = np.meshgrid(*(np.arange(side) for side in window), indexing="ij")
    return PATTERNS[name](x, y).astype(np.uint8)


def _noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Blocks of any colour."""
    blocks = (x.max() // GRAIN + 1, y.max() // GRAIN + 1, 3)
    colours = np.random.default_rng(SEED).integers(256, size=blocks)
    return colours[x // GRAIN, y // GRAIN]


def _checkerboard(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Blue and yellow squares."""
    return _of_two((x // SQUARE + y // SQUARE) % 2, (40, 60, 160), (230, 210, 60))


def _stripes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Diagonal stripes of violet and a light blue."""
    return _of_two((x + y) // STRIPE % 2, (110, 40, 130), (160, 220, 240))


def _gradient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From black in one corner to orange in the opposite one."""
    share = (x / x.max() + y / y.max()) / 2
    return share[..., None] * (255, 160, 60)


def _of_two(which: np.ndarray, first: tuple[int, ...], second: tuple[int, ...]) -> np.ndarray:
    return np.array([first, second])[which]


PATTERNS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "noise": _noise,
    "checkerboard": _checkerboard,
    "stripes": _stripes,
    "gradient": _gradient,
}
