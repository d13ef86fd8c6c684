"""actions.png: what each generator does to the actions: arrows between named actions, or a table of
numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.representation import Representation
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, GENERATORS, INK
from symgen.problem.interface import Action
from symgen.semantics.summary import parameter_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NODES = 18
MAX_LETTERS = 14
"""With more actions, or longer names of more than four, or signs among them, a table is drawn."""
MAX_NAMED = 48
MAX_WRITTEN = 12
"""Up to so many actions have their names, and their numbers, written in a table."""
COMPASS = {
    "up": (0.0, -1.0), "left": (-1.0, 0.0), "down": (0.0, 1.0), "right": (1.0, 0.0),
    "forward": (0.0, -1.0), "stay": (0.0, 0.0), "up_left": (-0.8, -0.8), "down_left": (-0.8, 0.8),
    "down_right": (0.8, 0.8), "up_right": (0.8, -0.8),
}  # fmt: skip
ROW = 4
"""Actions that are no direction stand below the compass, so many to a row."""


def draw_actions(action: Action, representation: Representation, path: Path) -> Path:
    """The action map of each generator."""
    group = representation.group
    names = parameter_names(action)
    generators = group.generators[:GENERATORS]
    arrows = (
        representation.kind == "permutation" and action.kind == "discrete" and _have_room(names)
    )
    columns = max(1, len(generators))
    wide = tall = _side(names)
    if arrows:
        wide = 4.3
        tall = max(0.5, float(np.ptp(positions(names)[:, 1])) / 2) * wide
    figure = canvas.figure(columns * wide + 0.6, tall + 0.9, f"actions: {representation}")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for panel, generator in zip(axes, generators or ("",), strict=True):
        if arrows:
            _arrows(panel, names, np.abs(representation.matrix(generator)).argmax(0))
        else:
            _table(panel, names, representation.matrix(generator))
        canvas.caption(panel, _caption(representation, generator))
    return canvas.save(figure, path)


def _have_room(names: list[str]) -> bool:
    """Whether the names can stand as nodes around a compass or a ring."""
    return len(names) <= MAX_NODES and (len(names) <= 4 or max(map(len, names)) <= MAX_LETTERS)


def _side(names: list[str]) -> float:
    """Inches of a table with its names."""
    around = 0.075 * max(map(len, names), default=1) if len(names) <= MAX_NAMED else 0.0
    return float(np.clip(0.75 * len(names), 2.6, 7)) + around


def _caption(representation: Representation, generator: str) -> str:
    if not generator:
        return f"{representation.group} has no generators: every action stays"
    fixed = np.array_equal(representation.matrix(generator), np.eye(representation.size))
    return f"{generator}: every action stays" if fixed else generator


def positions(names: list[str]) -> np.ndarray:
    """Directions where a compass has them, anything else in rows below; a ring where there are no
    directions.
    """
    if not {"left", "right"} <= set(names):
        angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / max(len(names), 1)
        return np.stack([np.cos(angles), -np.sin(angles)], 1)
    others = [name for name in names if name not in COMPASS]
    low = max(COMPASS[name][1] for name in names if name in COMPASS)
    below = {
        name: (0.66 * (k % ROW) - 1.0, low + 0.6 + 0.5 * (k // ROW))
        for k, name in enumerate(others)
    }
    return np.array([{**COMPASS, **below}[name] for name in names])


def _arrows(axes: Axes, names: list[str], target: np.ndarray) -> None:
    """Named nodes, an arrow from each that moves to where it goes."""
    points = positions(names)
    for index, goal in enumerate(target.tolist()):
        if goal != index:
            canvas.arrow(axes, points[index], points[goal], "#3d7dca", bend=0.25, gap=20)
    for index, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        fixed = target[index] == index
        box = {
            "boxstyle": "round,pad=0.45",
            "facecolor": canvas.PALE if fixed else "#fde3a7",
            "edgecolor": FAINT if fixed else "#c98a1b",
        }
        text = f"{name}\nstays" if fixed else name
        axes.text(x, y, text, ha="center", va="center", fontsize=9.5, color=INK, bbox=box, zorder=7)
    low = points.min(0)
    high = points.max(0)
    axes.set_xlim(low[0] - 0.5, high[0] + 0.5)
    axes.set_ylim(high[1] + 0.4, low[1] - 0.4)
    axes.axis("off")


def _table(axes: Axes, names: list[str], matrix: np.ndarray) -> None:
    """The matrix: column a says what becomes of action a."""
    axes.imshow(canvas.signed(matrix, 1.0), interpolation="nearest")
    canvas.ruled(axes, *matrix.shape, colour="#dddddd")
    if len(names) <= MAX_NAMED:
        font = 8.5 if len(names) <= 24 else 6.5
        flat = max(map(len, names)) * len(names) <= 40
        axes.set_xticks(range(len(names)), names, rotation=0 if flat else 90, fontsize=font)
        axes.set_yticks(range(len(names)), names, fontsize=font)
        axes.tick_params(length=0)
    axes.set_xlabel("action", fontsize=9)
    axes.set_ylabel("its image (orange: +, blue: −)", fontsize=9)
    if len(names) <= MAX_WRITTEN:
        for (row, column), value in np.ndenumerate(matrix):
            if abs(value) > 1e-12:
                ink = canvas.on(canvas.signed(value, 1.0))
                axes.text(
                    column, row, f"{value:.3g}", ha="center", va="center", fontsize=10, color=ink
                )
