"""Overlapping square windows around every place of a grid: local attention sees one window at a
time.

Law: moving the grid permutes the windows and moves the places inside each window in the same way
(Weissenbacher et al. 2024, figure 10: a rotation of the picture is a rotation of the windows and
one inside each).
"""

import numpy as np

from symgen.algebra.base import Base, Grid
from symgen.errors import Refusal

MAX_ENTRIES = 4_194_304
"""Largest number of (window, place in it) entries."""


def windows(base: Base, size: int, patch: int = 1) -> np.ndarray:
    """The places in the window around each place, or around each square patch of places.

    Args:
        base: a grid with P patches.
        size: side of a window; odd where the patches are (so that both have one centre), and no
            smaller than a patch.
        patch: side of a patch, which divides both sides of the grid.

    Returns:
        Indices of places, shape (P, size * size), row by row inside a window; -1 outside the grid.

    Raises:
        Refusal: a size that does not fit, or too many windows.
        ValueError: not a grid.

    >>> from symgen.algebra.base import parse
    >>> from symgen.algebra.catalogue import group
    >>> windows(parse(group("C4"), "grid 2x2"), 3)[0].tolist()
    [-1, -1, -1, -1, 0, 1, -1, 2, 3]
    """
    if not isinstance(base, Grid):
        raise ValueError(f"windows need a grid, not {base}")
    if patch < 1 or any(side % patch for side in base.shape):
        raise Refusal(f"patches of {patch} places do not tile {base}", code="patch-size")
    if size < patch or (size - patch) % 2:
        what = f"{patch}, {patch + 2}, {patch + 4} and so on"
        if patch == 1:
            what = "odd, so that it has a centre"
        raise Refusal(
            f"the side of a window around {patch} x {patch} places must be {what}; it is {size}",
            code="patch-size",
        )
    count = base.size // patch**2
    if count * size**2 > MAX_ENTRIES:
        raise Refusal(
            f"{count} windows of {size} x {size} places have more than {MAX_ENTRIES} entries",
            code="too-large",
        )
    inside = []
    for length in base.shape:
        places = np.arange(0, length, patch)[:, None] + np.arange(size) - (size - patch) // 2
        inside.append(np.where((places >= 0) & (places < length), places, -1))
    rows = inside[0][:, None, :, None]
    columns = inside[1][None, :, None, :]
    index = np.where((rows >= 0) & (columns >= 0), rows * base.shape[1] + columns, -1)
    return index.reshape(count, size**2)
