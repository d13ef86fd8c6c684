"""Overlapping square windows around every place of a grid: local attention sees one window at a time.

Law: moving the grid permutes the windows and moves the places inside each window in the same way
(Weissenbacher et al. 2024, figure 10: a rotation of the picture is a rotation of the windows and one inside each).
"""

import numpy as np

from symgen.algebra.base import Base

MAX_ENTRIES = 4_194_304
"""Largest number of (window, place in it) entries."""


def windows(base: Base, size: int) -> np.ndarray:
    """The places in the window around each place.

    Args:
        base: a grid with P places.
        size: side of a window, odd, so that it has a centre.

    Returns:
        Indices of places, shape (P, size * size), row by row inside a window; -1 outside the grid.

    Raises:
        ValueError: not a grid, an even or too large size.

    >>> from symgen.algebra.base import parse
    >>> from symgen.algebra.catalogue import group
    >>> windows(parse(group("C4"), "grid 2x2"), 3)[0].tolist()
    [-1, -1, -1, -1, 0, 1, -1, 2, 3]
    """
    if base.kind != "grid":
        raise ValueError(f"windows need a grid, not {base}")
    if size < 1 or size % 2 == 0:
        raise ValueError(f"the side of a window must be odd, so that it has a centre, not {size}")
    if base.size * size**2 > MAX_ENTRIES:
        raise ValueError(f"{base.size} windows of {size} x {size} places have more than {MAX_ENTRIES} entries")
    inside = []
    for axis, length in zip(base.coordinates.T, base.shape, strict=True):
        places = axis[:, None] + np.arange(size) - size // 2
        inside.append(np.where((places >= 0) & (places < length), places, -1))
    rows, columns = inside[0][:, :, None], inside[1][:, None, :]
    index = np.where((rows >= 0) & (columns >= 0), rows * base.shape[1] + columns, -1)
    return index.reshape(base.size, size**2)
