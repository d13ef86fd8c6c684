"""triangles.png: the third vertex k of a pair i -> j, and whether each generator carries triangles
to triangles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.base import GRID_MOVES, Base
from symgen.algebra.orbits import pair_permutation
from symgen.algebra.triangles import Triangles, triangle_tables
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import AGREES, DISAGREES, FAINT, INK, Placement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Triangle = tuple[int, int, int]
"""The places i, j and k."""


def draw_triangles(base: Base, path: Path) -> Path:
    """Each generator's image of one triangle beside the triangle that the table has for the moved
    pair.

    A reflection is added where the group has none, as the control: triangles must not survive it.
    """
    tables = triangle_tables(base)
    where = canvas.placement(base)
    first = example(base, tables)
    moves = _moves(base)
    columns = 1 + len(moves)
    title = f"triangles on {base}: {tables.label_count} labels of angles"
    figure = canvas.figure(3.6 * columns + 0.4, 4.6, title)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    _cells(axes[0], where)
    _triangle(axes[0], where, first, INK)
    canvas.caption(axes[0], "from i to j, then a right turn: k")
    for panel, (name, permutation) in zip(axes[1:], moves.items(), strict=True):
        i, j, k = (int(permutation[place]) for place in first)
        image = (i, j, k)
        own = (i, j, third(tables, base.size, i, j))
        wrong = broken(tables, base.size, permutation)
        colour = DISAGREES if wrong else AGREES
        _cells(panel, where)
        _triangle(panel, where, image, colour)
        if own != image and own[2] >= 0:
            _third(panel, where, own)
            panel.set_xlabel(
                "dashed: the triangle that the moved pair has", fontsize=9, color=FAINT
            )
        verdict = "breaks" if wrong else "keeps"
        canvas.caption(
            panel, f"{name}\n{verdict} triangles: {wrong} of {base.size**2} pairs differ", colour
        )
    return canvas.save(figure, path)


def third(tables: Triangles, size: int, i: int, j: int) -> int:
    """k of the pair (i, j); -1 where there is no triangle."""
    return -1 if tables.degenerate[i, j] else int(tables.jk[i * size + j]) % size


def broken(tables: Triangles, size: int, permutation: np.ndarray) -> int:
    """How many pairs (i, j) the permutation carries to a pair with another third vertex, or with
    other labels.
    """
    pairs = pair_permutation(permutation, permutation)
    wrong = np.zeros(size**2, dtype=bool)
    for table in (tables.jk, tables.ki):
        wrong |= table[pairs] != pairs[table]
    for labels in (tables.labels_ij, tables.labels_jk, tables.labels_ki):
        wrong |= labels.reshape(-1)[pairs] != labels.reshape(-1)
    return int(wrong.sum())


def example(base: Base, tables: Triangles) -> Triangle:
    """A triangle that is easy to see: i near the middle, j far to its right and a little up."""
    rows, columns = base.shape
    row, column = base.coordinates.T
    near = np.abs(row - (rows - 1) / 2 - 0.6) + np.abs(column - (columns - 1) / 2 + 1.1)
    for i in np.argsort(near, kind="stable"):
        towards = np.abs(row - row[i] + 1) + np.abs(column - column[i] - max(2, columns // 4))
        for j in np.argsort(towards, kind="stable")[:8]:
            if not tables.degenerate[i, j]:
                return int(i), int(j), third(tables, base.size, int(i), int(j))
    raise ValueError(f"{base} has no triangle: every third vertex leaves the grid")


def _moves(base: Base) -> dict[str, np.ndarray]:
    """The generators by what they do, and a reflection as a control where no generator breaks the
    tables.
    """
    moves = {
        canvas.meaning(base, g): base.permutation(g)
        for g in base.group.generators[: canvas.GENERATORS]
    }
    tables = triangle_tables(base)
    if not any(broken(tables, base.size, permutation) for permutation in moves.values()):
        reflected = GRID_MOVES["mirror"](np.arange(base.size).reshape(base.shape)).reshape(-1)
        moves[f"control, a reflection that is not in {base.group}"] = np.argsort(reflected)
    return moves


def _cells(axes: Axes, where: Placement) -> None:
    canvas.places(axes, where, np.broadcast_to(canvas.rgb(canvas.PALE), (where.base.size, 3)))


def _triangle(axes: Axes, where: Placement, corners: Triangle, colour: str) -> None:
    points = where.positions[list(corners)]
    axes.fill(*points.T, color=colour, alpha=0.18, lw=0, zorder=2)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        canvas.arrow(axes, points[a], points[b], colour)
    middle = points.mean(0)
    for name, point in zip("ijk", points, strict=True):
        axes.plot(*point, "o", color=colour, ms=6, zorder=6)
        outwards = (point - middle) / max(float(np.linalg.norm(point - middle)), 1e-9)
        x, y = point + 0.62 * outwards
        canvas.write(axes, x, y, name, 13, colour)


def _third(axes: Axes, where: Placement, corners: Triangle) -> None:
    points = where.positions[[*corners, corners[0]]]
    axes.plot(*points.T, color=INK, lw=1.4, ls="--", zorder=5)
    axes.plot(*points[2], "o", mfc="white", mec=INK, ms=7, zorder=6)
