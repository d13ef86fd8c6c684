"""weights.png: which entries of the equivariant maps and graph matrices share a weight (the orbits
of pairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.base import Base
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, INK
from symgen.pictures.tied_maps import GAP, MapTables, WeightTable, map_tables
from symgen.plan.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

WIDTH = 11.0  # inches
ROOM = 9.0
"""Inches that the entries of a part may take of it."""
TALLEST = 4.4
LARGEST = 0.55
"""Inches of the tallest panel, and of the largest entry."""
PANELS = 4
"""So many panels stand side by side."""
MAX_NUMBERED = 700
"""Entries of a table that are numbered."""
MAX_NAMED = 32
"""Rows or columns that have their names written."""
NEGATIVE = 0.62
"""How dark a colour becomes where its weight enters negatively."""


def draw_weights(
    plan: Plan, base: Base | None, path: Path, actions: Sequence[str] = ()
) -> Path | None:
    """The first map or the convolutions, the graph matrices and the policy; None where no map is
    tied.

    Args:
        plan: the plan.
        base: the places of the graph, None where there is none.
        path: of the picture.
        actions: names of the policy's entries.
    """
    drawn = map_tables(plan, base, actions)
    if not drawn:
        return None
    heights = [_height(part) for part in drawn]
    title = _title(drawn)
    figure = canvas.figure(WIDTH, 0.35 + 0.25 * len(title.split("\n")) + sum(heights), title)
    regions = np.atleast_1d(np.asarray(figure.subfigures(len(drawn), 1, height_ratios=heights)))
    for region, part in zip(regions, drawn, strict=True):
        region.suptitle(canvas.short(part.title, 130), fontsize=10, color=INK)
        _draw(region, part)
    return canvas.save(figure, path)


def _title(drawn: list[MapTables]) -> str:
    """How the picture is read."""
    if any(part.may_break for part in drawn):
        title = (
            "entries of one colour start equal, pale ones at zero; relaxed, they may come apart "
            "in training"
        )
    else:
        title = "entries of one colour share a weight, pale ones are zero"
    if any(table.sign is not None for part in drawn for table in part.tables):
        title += "\ndarker, with a minus: the same weight, negated"
    if any(table.values is not None for part in drawn for table in part.tables):
        title += "\norange and blue: what a weight is multiplied with, positive and negative"
    return title


def _height(part: MapTables) -> float:
    """Inches of a part: its rows of panels, its title and what is written around them."""
    side_by_side = min(len(part.tables), PANELS) or 1
    rows = -(-len(part.tables) // PANELS) or 1
    heights = [table.index.shape[0] * _entry(table, side_by_side) for table in part.tables]
    around = 0.55
    if any(table.right for table in part.tables):
        around += 0.45
    if any(_steep(table.right) for table in part.tables):
        around += 0.3
    return rows * (max(heights, default=0.5) + 0.35) + around


def _entry(table: WeightTable, side_by_side: int) -> float:
    """Inches of one entry."""
    rows, columns = table.index.shape
    return min(LARGEST, ROOM / side_by_side / columns, TALLEST / rows)


def _draw(region: FigureBase, part: MapTables) -> None:
    if not part.tables:
        panel = region.subplots()
        panel.axis("off")
        canvas.write(panel, 0.5, 0.5, "no map but zero commutes", 10)
        return
    columns = min(len(part.tables), PANELS)
    panels = region.subplots(-(-len(part.tables) // columns), columns, squeeze=False).reshape(-1)
    for panel in panels[len(part.tables) :]:
        panel.axis("off")
    for panel, table in zip(panels, part.tables, strict=False):
        inches = _entry(table, columns)
        if table.values is None:
            _tied(panel, table, part.weights, inches)
        else:
            _valued(panel, table.values)
        _framed(panel, table)
        if table.title:
            canvas.caption(panel, table.title)


def shades(table: WeightTable, weights: int) -> np.ndarray:
    """The colour of each entry (rows, columns, 3): one per weight, darker where it enters
    negatively.
    """
    colours = canvas.coloured(table.index, canvas.palette(max(weights, 1)))
    if table.sign is not None:
        negative = (table.sign < 0) & (table.index >= 0)
        colours = np.where(negative[..., None], NEGATIVE * colours, colours)
    return np.where((table.index == GAP)[..., None], 1.0, colours)


def _tied(axes: Axes, table: WeightTable, weights: int, inches: float) -> None:
    """A table of weights in colours; numbered where there is room, with a minus where it enters
    negatively.
    """
    colours = shades(table, weights)
    axes.imshow(colours, interpolation="nearest")
    canvas.ruled(axes, *table.index.shape)
    prefix = "w" if weights <= 10 else ""
    longest = len(prefix) + len(str(weights)) + (table.sign is not None)
    font = min(10.0, 0.6 * inches * 72, 1.25 * inches * 72 / longest)
    if (table.index >= 0).sum() > MAX_NUMBERED or font < 4.5:
        return
    for (row, column), weight in np.ndenumerate(table.index):
        if weight >= 0:
            minus = "−" if table.sign is not None and table.sign[row, column] < 0 else ""
            text = f"{minus}{prefix}{weight + 1}"
            canvas.write(axes, column, row, text, font, canvas.on(colours[row, column]))


def _valued(axes: Axes, values: np.ndarray) -> None:
    """Numbers in colours, white between blocks."""
    top = float(np.nanmax(np.abs(values)))
    axes.imshow(canvas.signed(np.nan_to_num(values), top), interpolation="nearest")
    canvas.ruled(axes, *values.shape)


def _steep(names: Sequence[tuple[float, str]]) -> bool:
    """Whether names along the columns are too long to lie flat."""
    return max((len(name) for _, name in names), default=0) > 4 and len(names) > 3


def _framed(axes: Axes, table: WeightTable) -> None:
    """Names along both sides, and no frame where there are gaps between blocks."""
    for ticks, set_ticks in ((table.right, axes.set_xticks), (table.down, axes.set_yticks)):
        if 0 < len(ticks) <= MAX_NAMED:
            names = [canvas.short(name, 20) for _, name in ticks]
            set_ticks([place for place, _ in ticks], names, fontsize=8)
    axes.tick_params(length=0, colors=INK)
    if _steep(table.right):
        axes.tick_params(axis="x", rotation=90)
    right, down = table.sides
    axes.set_xlabel(canvas.short(right, 80), fontsize=8.5, color=INK)
    axes.set_ylabel(canvas.short(down, 30), fontsize=8.5, color=INK)
    blocks = (table.index == GAP).any()
    if table.values is not None:
        blocks |= np.isnan(table.values).any()
    for spine in axes.spines.values():
        spine.set_visible(not blocks)
        spine.set_color(FAINT)
