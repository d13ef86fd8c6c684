"""graph.png and labels.png: the graph on its base, its labels, and how each generator moves the
places.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symgen.algebra.base import Base
from symgen.algebra.graph import Graph
from symgen.pictures import canvas as canvas
from symgen.pictures.canvas import FAINT, GENERATORS, INK, Placement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

MAX_EDGE_LABELS = 12
"""With more labels, or too many edges, the labels seen from one place are drawn instead of the
edges.
"""
MAX_EDGES = 1200
MAX_NUMBERED = 64
"""Up to so many places their numbers are written; beyond, colours and four letters show the move.
"""
NEIGHBOURS = ("grid", "king", "torus")


# -------------------------------------------------------------------------------------------------
# graph.png


def draw_graph(base: Base, graph: Graph | None, path: Path) -> Path:
    """The graph, and the places before and after each generator.

    Args:
        base: the places.
        graph: None where there is none: the places alone.
        path: of the PNG.
    """
    generators = base.group.generators[:GENERATORS]
    where = canvas.placement(base, graph)
    rows = max(1, len(generators))
    wide = 4.6 if rows == 1 else 5.8
    moves = 6.8 if generators else 3.6
    figure = canvas.figure(
        moves + (wide if graph else 0),
        max(3.5 * rows, 4.5 if graph else 0) + 0.5,
        str(graph or base),
    )
    right: FigureBase = figure
    if graph is not None:
        left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[wide, moves]))
        _graph(left.subplots(), where, graph)
    axes = right.subplots(rows, 2 if generators else 1, squeeze=False, gridspec_kw={"wspace": 0.12})
    for row, generator in zip(axes, generators, strict=False):
        _before_after(row[0], row[1], where, generator)
        _faint_edges(row[0], where, graph)
        _faint_edges(row[1], where, graph)
    if not generators:
        _numbered(axes[0, 0], where, np.arange(base.size))
        canvas.caption(axes[0, 0], f"{base.size} places; {base.group} has no generators")
    return canvas.save(figure, path)


def _graph(axes: Axes, where: Placement, graph: Graph) -> None:
    if draws_edges(graph):
        _edges(axes, where, graph)
    else:
        centre = viewpoints(where)[0]
        _seen_from(axes, where, graph, centre.place, size=4.2)
        canvas.caption(
            axes, f"label of ({centre.name}, j) for every place j: {_counted(graph, centre.place)}"
        )


def draws_edges(graph: Graph) -> bool:
    """Whether the edges can be told apart in a picture."""
    few = graph.label_count <= MAX_EDGE_LABELS and int(graph.adjacency.sum()) <= 2 * MAX_EDGES
    return few and (graph.base.kind != "grid" or graph.topology in NEIGHBOURS)


def _counted(graph: Graph, place: int) -> str:
    seen = graph.labels[place]
    return f"{len(np.unique(seen[seen >= 0]))} of {graph.label_count} labels"


class Segments(NamedTuple):
    """The half edges of one label: from place i to the middle of the edge, each (edges, 2)."""

    starts: np.ndarray
    middles: np.ndarray


def half_edges(where: Placement, graph: Graph, label: int) -> Segments:
    """The pairs (i, j) of a label, i not j; on a torus an edge leaves the picture on the shorter
    way.
    """
    i, j = np.nonzero((graph.labels == label) & ~np.eye(graph.base.size, dtype=bool))
    step = where.positions[j] - where.positions[i]
    if graph.topology == "torus":
        size = np.array(graph.base.shape[::-1])
        step = (step + size // 2) % size - size // 2
    return Segments(where.positions[i], where.positions[i] + step / 2)


def _edges(axes: Axes, where: Placement, graph: Graph) -> None:
    colours = canvas.palette(graph.label_count)
    own = np.diagonal(graph.labels)
    for label in range(graph.label_count):
        starts, middles = half_edges(where, graph, label)
        lines = np.stack([starts, middles, np.full_like(starts, np.nan)], 1).reshape(-1, 2)
        count = int((graph.labels == label).sum())
        text = f"label {label}: {count} pairs"
        if int((own == label).sum()) == count:
            text += " (places with themselves)"
            axes.plot([], [], color=colours[label], label=text, marker="o", ls="none", ms=9)
        else:
            axes.plot([], [], color=colours[label], label=text, lw=3)
        axes.plot(
            *lines.T,
            color=colours[label],
            lw=3 if len(starts) < 400 else 2,
            solid_capstyle="butt",
            zorder=1,
        )
    room = 15 if where.base.size <= 100 else 8
    canvas.discs(axes, where, canvas.coloured(own, colours), room)
    if not where.is_grid and where.base.size <= MAX_NUMBERED:
        for place, (x, y) in enumerate(where.positions):
            canvas.write(axes, x, y, str(place), 8)
    canvas.plain(axes, where)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False, fontsize=8.5, ncols=2)
    text = "edges by label"
    if not np.array_equal(graph.labels, graph.labels.T):
        text += "; a half edge at i shows the label of (i, j)"
    canvas.caption(axes, text)


def _before_after(before: Axes, after: Axes, where: Placement, generator: str) -> None:
    start = np.arange(where.base.size)
    _numbered(before, where, start)
    if where.base.is_exact(generator):
        _numbered(after, where, canvas.moved(where.base, generator, start))
    else:
        canvas.places(after, where, canvas.turned(where.base, generator, plane(where)))
    canvas.caption(before, "the places")
    canvas.caption(after, canvas.meaning(where.base, generator))
    after.annotate(
        "",
        (-0.01, 0.5),
        (-0.12, 0.5),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 2},
    )


def _numbered(axes: Axes, where: Placement, arrived: np.ndarray) -> None:
    """The places in the colours, and with the numbers, of the places that have arrived there."""
    few = where.base.size <= MAX_NUMBERED
    texts = [str(number) for number in arrived] if few else _corners(where, arrived)
    canvas.places(axes, where, plane(where)[arrived], texts)


def _corners(where: Placement, arrived: np.ndarray) -> list[str]:
    """Letters at the four corners of a picture too fine for numbers."""
    letters = {}
    if where.is_grid:
        rows, columns = where.base.shape
        ends = (0, columns - 1, rows * columns - 1, (rows - 1) * columns)
        letters = dict(zip(ends, "ABCD", strict=True))
    return [letters.get(int(place), "") for place in arrived]


def plane(where: Placement) -> np.ndarray:
    """A colour for each place that says where it started: four corner colours blended, shape (n,
    3).
    """
    low = where.positions.min(0)
    span = np.maximum(np.ptp(where.positions, 0), 1e-9)
    x, y = ((where.positions - low) / span).T[:, :, None]
    corners = [canvas.rgb(colour) for colour in ("#f6c945", "#e8604c", "#4c7bd9", "#4fb286")]
    return np.asarray(
        (1 - y) * ((1 - x) * corners[0] + x * corners[1])
        + y * (x * corners[2] + (1 - x) * corners[3])
    )


# ------------------------------------------------------------------------------------------------
# labels.png


class Viewpoint(NamedTuple):
    """A place that is looked from, and what to call it."""

    place: int
    name: str


def viewpoints(where: Placement) -> list[Viewpoint]:
    """Three places: centre, corner and edge of a grid; elsewhere one of each orbit first."""
    base = where.base
    if where.is_grid:
        rows, columns = base.shape
        names = {(rows // 2) * columns + columns // 2: "centre", 0: "corner"}
        names.setdefault(columns // 2, "edge")
        return [Viewpoint(place, f"{name} {where.name(place)}") for place, name in names.items()]
    _, first = np.unique(base.orbits, return_index=True)
    order = dict.fromkeys([*first.tolist(), *range(base.size)])
    return [Viewpoint(place, f"place {place}") for place in list(order)[:3]]


def draw_labels(graph: Graph, path: Path) -> Path:
    """The labels seen from three places, and what each generator makes of these pictures."""
    where = canvas.placement(graph.base, graph)
    base = graph.base
    generators = base.group.generators[:GENERATORS]
    seen_from = viewpoints(where)
    columns = 1 + len(generators)
    size = 3.3
    title = f"labels {graph.kind}: g moves what i sees to what g.i sees"
    rows = len(seen_from)
    figure = canvas.figure(max(columns * size + 0.4, 6.5), rows * (size + 0.25) + 0.5, title)
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, (place, name) in zip(axes, seen_from, strict=True):
        _seen_from(row[0], where, graph, place, size)
        canvas.caption(row[0], f"seen from {name}")
        for panel, generator in zip(row[1:], generators, strict=True):
            target = int(base.permutation(generator)[place])
            differ = differences(graph, generator, place)
            picture = canvas.moved(base, generator, graph.labels[place])
            _labelled(panel, where, graph, picture, target, size)
            colour = canvas.DISAGREES if differ else canvas.AGREES
            canvas.caption(
                panel,
                f"moved by {generator}: {differ} of {base.size} differ from {where.name(target)}",
                colour,
            )
    return canvas.save(figure, path)


def differences(graph: Graph, generator: str, place: int) -> int:
    """How many places j have another label seen from g.i than the moved picture shows; 0 is the
    law.
    """
    target = int(graph.base.permutation(generator)[place])
    return int(
        (canvas.moved(graph.base, generator, graph.labels[place]) != graph.labels[target]).sum()
    )


def _seen_from(axes: Axes, where: Placement, graph: Graph, place: int, size: float) -> None:
    _labelled(axes, where, graph, graph.labels[place], place, size)


def _labelled(
    axes: Axes, where: Placement, graph: Graph, labels: np.ndarray, place: int, size: float
) -> None:
    """Labels (n,) as colours and numbers, with a ring around the place they are seen from."""
    _faint_edges(axes, where, graph)
    texts = ["" if label < 0 else str(label) for label in labels]
    canvas.places(axes, where, canvas.coloured(labels, ranked(graph)), texts, size)
    canvas.ring(axes, where, place)


def _faint_edges(axes: Axes, where: Placement, graph: Graph | None) -> None:
    """The edges behind the places of a graph that is no picture; a complete one has too many to say
    anything.
    """
    if where.is_grid or graph is None or graph.topology == "complete":
        return
    i, j = np.nonzero(np.triu(graph.adjacency, 1))
    if len(i) <= MAX_EDGES:
        gap = np.full_like(where.positions[i], np.nan)
        lines = np.stack([where.positions[i], where.positions[j], gap], 1).reshape(-1, 2)
        axes.plot(*lines.T, color=FAINT, lw=0.6, alpha=0.6, zorder=1)


def ranked(graph: Graph) -> np.ndarray:
    """A colour per label; near pairs have near colours where there are too many labels for plain
    ones.
    """
    colours = canvas.palette(graph.label_count)
    if graph.label_count <= MAX_EDGE_LABELS or graph.base.kind != "grid":
        return colours
    i, j = np.nonzero(graph.labels >= 0)
    gap = graph.base.coordinates[i] - graph.base.coordinates[j]
    label = graph.labels[i, j]
    mean = np.bincount(label, (gap**2).sum(1)) / np.bincount(label)
    result = np.empty_like(colours)
    result[np.argsort(mean, kind="stable")] = colours
    return result
