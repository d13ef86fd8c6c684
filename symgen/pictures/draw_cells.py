"""One-hot pictures for people: a colour and a letter for what is in each cell, arrows for headings,
and a legend.

Colours alone would not do: a key and a goal must differ to eyes that see no green, and on paper
that has no colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

HEADINGS = {
    "heading up": "\u2191",
    "heading left": "\u2190",
    "heading down": "\u2193",
    "heading right": "\u2192",
}
COLOURS = {
    "wall": "#75808c", "lava": "#e8742c", "goal": "#2f9e77", "agent": "#3d5aa8",
    "mark": "#d9c6f0", "ahead": "#b9c8ee", "door": "#8c6d5a", "key": "#f4dd5b",
    "ball": "#f09ac1", "box": "#7cc7ee", "floor": "#dcd6c8", "unseen": "#3a3a3a",
    **dict.fromkeys(HEADINGS, "#3d5aa8"),
}  # fmt: skip
"""Of channels that are known by name, told apart by most eyes (after Okabe and Ito)."""
LETTERS = {
    "lava": "~", "goal": "G", "agent": "A", "mark": "M", "ahead": "·",
    "door": "D", "key": "K", "ball": "B", "box": "X",
    **HEADINGS,
    "open": "o", "closed": "c", "locked": "l",
    "carried key": "k", "carried ball": "b", "carried box": "x",
}  # fmt: skip
"""What is written into a cell; a wall says nothing."""
SMALL = ("open", "closed", "locked", "carried")
"""Channels that begin like this say more of what is in a cell already, and do not give it its
colour.
"""
PAINTS = ("red", "green", "blue", "purple", "yellow", "grey")
"""Channels that say which colour a thing has in its world."""
MAX_LEGEND = 16
LEAST = 7.0  # typographic points of a cell with a letter


def colours(names: list[str]) -> np.ndarray:
    """A colour per channel (channels, 3): its own, or one of those that no other channel of this
    picture has.
    """
    taken = [canvas.rgb(code) for code in {COLOURS[name] for name in names if name in COLOURS}]
    free = (
        colour
        for colour in canvas.palette(len(names) + len(taken))
        if all(float(np.abs(colour - own).sum()) > 0.05 for own in taken)
    )
    return np.array(
        [canvas.rgb(COLOURS[name]) if name in COLOURS else next(free) for name in names]
    )


def fills(value: np.ndarray, names: list[str]) -> np.ndarray:
    """The colour of each cell of a picture (rows, columns, channels): that of its last channel
    which is a thing.
    """
    things = [
        k for k, name in enumerate(names) if not name.startswith(SMALL) and name not in PAINTS
    ]
    seen = value[..., things]
    last = len(things) - 1 - seen[..., ::-1].argmax(-1)
    return canvas.coloured(np.where(seen.any(-1), last, -1), colours(names)[things])


def letters(value: np.ndarray, names: list[str]) -> np.ndarray:
    """What is written into each cell, shape (rows, columns) of str: the letters of its channels."""
    written = np.full(value.shape[:2], "", dtype=object)
    for row, column, channel in np.argwhere(value).tolist():
        written[row, column] += LETTERS.get(names[channel], "")
    return written


def draw_cells(axes: Axes, value: np.ndarray, names: list[str], inches: float) -> None:
    """A one-hot picture.

    Args:
        axes: where to.
        value: shape (rows, columns, channels).
        names: of the channels.
        inches: of the panel.
    """
    filled = fills(value, names)
    axes.imshow(filled, interpolation="nearest")
    canvas.ruled(axes, *value.shape[:2])
    room = 72 * inches / max(value.shape[:2])
    if room < LEAST:
        return
    for (row, column), text in np.ndenumerate(letters(value, names)):
        if text:
            size = min(13.0, 0.75 * room, 1.2 * room / len(text))
            canvas.write(axes, column, row, text, size, canvas.on(filled[row, column]))


def legend(where: Axes | FigureBase, value: np.ndarray, names: list[str], loc: str = "") -> None:
    """The channels that a picture shows, or all where they are few.

    Args:
        where: a panel, beside which it stands, or a part of a figure.
        value: shape (rows, columns, channels).
        names: of the channels.
        loc: where in the part of the figure.
    """
    from matplotlib.patches import Patch

    own = colours(names)
    shown = np.flatnonzero(value.any((0, 1)) | (len(names) <= MAX_LEGEND))[:MAX_LEGEND]
    handles = [
        Patch(
            facecolor=canvas.PALE if _says_more(names[k]) else own[k],
            edgecolor=FAINT,
            label=_named(names[k]),
        )
        for k in shown
    ]
    handles.append(Patch(facecolor=canvas.PALE, edgecolor=FAINT, label="nothing"))
    beside = {"loc": loc} if loc else {"loc": "center left", "bbox_to_anchor": (1.03, 0.5)}
    where.legend(handles=handles, frameon=False, fontsize=8.5, **beside)


def _says_more(name: str) -> bool:
    return name.startswith(SMALL) or name in PAINTS


def _named(name: str) -> str:
    return f"{LETTERS[name]}  {name}" if name in LETTERS else name
