"""What every picture of `symgen show` is drawn with: figures, colours, and values on the places of
a base.

Matplotlib is imported when a figure is made. Colours are RGB arrays in [0, 1], worked out with
numpy, so that tests can read a picture before it is drawn.
"""

from __future__ import annotations

import colorsys
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.base import GRID_MOVES, Base, Plane
from symgen.algebra.graph import Graph
from symgen.experiment.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
INK = "#222222"
FAINT = "#8a8a8a"
PALE = "#f0f0f0"
AGREES = "#1a7f37"
DISAGREES = "#c1121f"
CAPTION = 46
"""Letters to a line above a panel."""
GENERATORS = 4
"""A picture shows the first few generators; the rest are named in its title."""

# told apart by most eyes (after Okabe and Ito, and Tol), light enough for dark text
_FEW = (
    "#4e9fd8", "#f2a93b", "#57b894", "#e4734d", "#b48ad6", "#f4dd5b",
    "#8c6d5a", "#f09ac1", "#9fb53c", "#5fd0d6", "#3d5aa8", "#b0343c",
)  # fmt: skip

HEAT = ("#fffdf6", "#fde3a7", "#f9a03f", "#d1495b", "#5b1647")
SHADES = ("#440154", "#3b528b", "#21918c", "#5ec962", "#f1d91b")

WORDS = {
    "keep": "moves no place",
    "turn": "a quarter turn counter-clockwise",
    "half_turn": "a half turn",
    "turn_back": "a quarter turn clockwise",
    "mirror": "left and right change places",
    "flip": "top and bottom change places",
    "transpose": "rows and columns change places",
}


def figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of a size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1)
    drawn = Figure(figsize=(width, height), dpi=110, layout=layout, facecolor="white")
    FigureCanvasAgg(drawn)
    lines = (short(line, int(9 * width)) for line in title.split("\n"))
    drawn.suptitle("\n".join(lines), fontsize=12.5, color=INK, fontweight="bold")
    return drawn


def short(text: str, length: int = 70) -> str:
    """A text cut to a length."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def save(drawn: Figure, path: Path) -> Path:
    """Write a figure as its path ends (see FORMATS), whole or not at all; equal figures are equal
    files.
    """
    import matplotlib

    content = io.BytesIO()
    kind = path.suffix.removeprefix(".")
    # no date and no random names of parts
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    with matplotlib.rc_context({"svg.hashsalt": "symgen", "pdf.fonttype": 42}):
        drawn.savefig(content, format=kind, metadata=undated)
    write_bytes(path, content.getvalue())
    return path


def palette(count: int) -> np.ndarray:
    """`count` colours (count, 3): a dozen plain ones, beyond that a rainbow of two lightnesses."""
    if count <= len(_FEW):
        return np.array([rgb(colour) for colour in _FEW[:count]]).reshape(-1, 3)
    hues = 0.83 * np.arange(count) / count
    return np.array(
        [colorsys.hls_to_rgb(hue, 0.78 - 0.15 * (k % 2), 0.62) for k, hue in enumerate(hues)]
    )


def rgb(colour: str) -> np.ndarray:
    """'#ff0000' as (1, 0, 0)."""
    return np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def coloured(labels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Labels of any shape as colours (..., 3); -1 is pale."""
    return np.where((labels >= 0)[..., None], colours[np.maximum(labels, 0)], rgb(PALE))


def heat(values: np.ndarray, top: float) -> np.ndarray:
    """Values in [0, top] as colours (..., 3), from white through orange to dark red."""
    return _between(values / top if top > 0 else values, HEAT)


def shades(share: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as colours (..., 3) of which each can be seen on white, from dark violet to
    yellow (after viridis, by Smith and van der Walt).
    """
    return _between(share, SHADES)


def _between(share: np.ndarray, stops: Sequence[str]) -> np.ndarray:
    """Values in [0, 1] as colours between stops that are equally far from one another."""
    colours = np.array([rgb(stop) for stop in stops])
    scaled = np.clip(share, 0, 1) * (len(stops) - 1)
    return np.stack([np.interp(scaled, np.arange(len(stops)), part) for part in colours.T], -1)


def signed(values: np.ndarray, top: float) -> np.ndarray:
    """Values in [-top, top] as colours (..., 3): blue, white, orange."""
    share = np.clip(values / top if top > 0 else values, -1, 1)[..., None]
    return np.where(share < 0, 1 + share * (1 - rgb("#3d7dca")), 1 - share * (1 - rgb("#f2a93b")))


def colour_bar(
    panels: Sequence[Axes], low: float, high: float, colours: np.ndarray, label: str
) -> None:
    """What the colours of some panels mean, to their right.

    Args:
        panels: of one figure.
        low: what the first colour means.
        high: what the last one means.
        colours: shape (n, 3).
        label: what is coloured.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.ticker import MaxNLocator

    reach = high if high > low else low + 1
    mapped = ScalarMappable(Normalize(low, reach), ListedColormap(colours))
    bar = panels[0].figure.colorbar(mapped, ax=list(panels), pad=0.015, fraction=0.03, aspect=16)
    bar.locator = MaxNLocator(4)
    bar.update_ticks()
    bar.set_label(label, fontsize=8.5, color=INK)
    bar.ax.tick_params(labelsize=8)


@dataclass(frozen=True, eq=False)
class Placement:
    """Where the places of a base stand in a picture.

    Args:
        base: the places.
        positions: (x, y) of each place, shape (n, 2); on a grid x is the column and y the row,
            downwards.
    """

    base: Base
    positions: np.ndarray

    @property
    def is_grid(self) -> bool:
        """Whether the places are the cells of a picture."""
        return self.base.is_picture

    def name(self, place: int) -> str:
        """A place as one would call it: (row, column) on a grid, its number elsewhere."""
        return "({}, {})".format(*self.base.coordinates[place]) if self.is_grid else str(place)


def placement(base: Base, graph: Graph | None = None) -> Placement:
    """A grid as a picture, a graph by its edges (springs, always the same), anything else as a
    ring.
    """
    if base.is_picture:
        return Placement(base, base.coordinates[:, ::-1].astype(np.float64))
    n = base.size
    angles = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    ring = np.stack([np.cos(angles), -np.sin(angles)], 1)
    if graph is None or graph.topology in ("complete", "cycle") or not 3 <= n < 400:
        return Placement(base, ring)
    import networkx as nx

    start = {place: ring[place] for place in range(n)}
    sprung = nx.spring_layout(graph.networkx, seed=0, pos=start, iterations=200)
    positions = np.array([sprung[place] for place in range(n)])
    return Placement(base, positions / max(float(np.abs(positions).max()), 1e-9))


def places(
    axes: Axes,
    where: Placement,
    colours: np.ndarray,
    texts: Sequence[str] | None = None,
    size: float = 0.0,
) -> None:
    """Draw the places in their colours (n, 3), with a text in each.

    Args:
        axes: where to.
        where: they stand.
        colours: shape (n, 3).
        texts: one per place; left out where there is no room for them.
        size: of the figure's panel in inches, from which the font follows; 0 for 3 inches.
    """
    inches = size or 3.0
    if where.is_grid:
        rows, columns = where.base.shape
        axes.imshow(colours.reshape(rows, columns, 3), interpolation="nearest")
        ruled(axes, rows, columns)
        room = inches * 72 / max(rows, columns)
    else:
        room = min(26.0, 3 * inches * 72 / max(len(colours), 1))
        discs(axes, where, colours, room)
        plain(axes, where)
    longest = max(map(len, texts), default=1) if texts else 1
    font = min(9.0, 0.62 * room, 1.2 * room / max(longest, 1))
    if texts and font >= 4.5:
        for (x, y), text, colour in zip(where.positions, texts, colours, strict=True):
            if text:
                write(axes, x, y, text, font, on(colour))


def discs(axes: Axes, where: Placement, colours: np.ndarray, width: float) -> None:
    """A disc per place, `width` typographic points wide."""
    x, y = where.positions.T
    axes.scatter(x, y, s=width**2, c=colours, edgecolors="white", linewidths=1.2, zorder=3)


def write(axes: Axes, x: float, y: float, text: str, font: float, colour: str = INK) -> None:
    """A text centred on a point; the layout of the figure does not ask how wide it is, which takes
    long.
    """
    written = axes.text(x, y, text, ha="center", va="center", fontsize=font, color=colour, zorder=7)
    written.set_in_layout(False)


def ruled(axes: Axes, rows: int, columns: int, *, colour: str = "white") -> None:
    """Thin lines between the cells of a picture, and no ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    if max(rows, columns) <= 32:
        for x in np.arange(0.5, columns - 1):
            axes.axvline(x, color=colour, lw=0.8)
        for y in np.arange(0.5, rows - 1):
            axes.axhline(y, color=colour, lw=0.8)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def plain(axes: Axes, where: Placement) -> None:
    """Axes around places: equal scales, rows downwards, no frame."""
    low = where.positions.min(0)
    high = where.positions.max(0)
    margin = 0.8 if where.is_grid else 0.25
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(high[1] + margin, low[1] - margin)
    axes.set_aspect("equal")
    axes.axis("off")


def ring(axes: Axes, where: Placement, place: int, colour: str = INK) -> None:
    """Mark a place."""
    x, y = where.positions[place]
    if where.is_grid:
        around = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) / 2 + (x, y)
        axes.plot(*around.T, color=colour, lw=2.4, zorder=5, solid_joinstyle="miter", clip_on=False)
    else:
        axes.scatter(
            [x], [y], s=520, facecolors="none", edgecolors=colour, linewidths=2.2, zorder=5
        )


def arrow(
    axes: Axes,
    start: np.ndarray,
    stop: np.ndarray,
    colour: str,
    bend: float = 0.0,
    gap: float = 8.0,
) -> None:
    """An arrow between two points (2,), bent, and `gap` typographic points short of both."""
    style = {
        "arrowstyle": "-|>",
        "color": colour,
        "lw": 1.8,
        "shrinkA": gap,
        "shrinkB": gap,
        "mutation_scale": 14,
        "connectionstyle": f"arc3,rad={bend}",
    }
    end, begin = ((float(x), float(y)) for x, y in (stop, start))
    axes.annotate("", end, begin, arrowprops=style, zorder=6)


def count_steps(axis: Axis) -> None:
    """Environment steps along an axis, 1500000 as "1.5M"."""
    axis.set_major_formatter(thousands)


def thousands(value: float, _position: float) -> str:
    """A number as an axis has room for, in the form of matplotlib's formatters."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def caption(axes: Axes, text: str, colour: str = INK) -> None:
    """The title of one panel, wrapped."""
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, CAPTION) or [""]]
    axes.set_title("\n".join(lines), fontsize=9.5, color=colour, pad=6)


def on(colour: np.ndarray) -> str:
    """Dark or white text, whichever can be read on a colour."""
    return INK if float(np.dot(colour, (0.299, 0.587, 0.114))) > 0.5 else "white"


def meaning(base: Base, generator: str) -> str:
    """What a generator does to the places, in words: "r: a quarter turn counter-clockwise"."""
    if isinstance(base, Plane) and not base.is_exact(generator):
        turn = base.turns[base.group.generators.index(generator)]
        degrees = np.degrees(np.arctan2(turn[1, 0], turn[0, 0])) % 360
        what = "a reflection" if np.linalg.det(turn) < 0 else f"{degrees:.3g}° counter-clockwise"
        return f"{generator}: {what}, interpolated"
    permutation = base.permutation(generator)
    if np.array_equal(permutation, np.arange(base.size)):
        return f"{generator}: moves no place"
    if base.is_picture:
        indices = np.arange(base.size).reshape(base.shape)
        for word, move in GRID_MOVES.items():
            if np.array_equal(np.argsort(move(indices).reshape(-1)), permutation):
                return f"{generator}: {WORDS[word]}"
    return (
        f"{generator}: {int((permutation != np.arange(base.size)).sum())} of {base.size} "
        "places move"
    )


def turned(base: Base, generator: str, colours: np.ndarray) -> np.ndarray:
    """g.x for colours (n, 3) on a plane, interpolated; pale where nothing arrives."""
    covered = np.concatenate([colours, np.ones((len(colours), 1))], 1)
    moved = base.act(generator, covered)
    return np.clip(moved[:, :3] + (1 - moved[:, 3:]) * rgb(PALE), 0, 1)


def moved(base: Base, generator: str, values: np.ndarray) -> np.ndarray:
    """g.x for values on the places (n, ...): what stood at i stands at p[i] afterwards."""
    result = np.empty_like(values)
    result[base.permutation(generator)] = values
    return result
