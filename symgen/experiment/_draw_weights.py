"""weights.png: which entries of the equivariant maps and graph matrices share a weight (the orbits of pairs)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import Tying, tie
from symgen.experiment import _canvas as canvas
from symgen.experiment._canvas import INK
from symgen.plan.ir import Plan, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ENTRIES = 60_000
MAX_PANELS = 8
"""Up to so many rows of a matrix are drawn as pictures, where the source is a grid."""
MAX_NUMBERED = 260
"""Entries of a table that are numbered."""


class Map(NamedTuple):
    """One copy of an atom of the target, as a function of one copy of an atom of the source."""

    step: str
    target: FieldType
    source: FieldType


@dataclass(frozen=True, eq=False)
class Part:
    """Some tables of one step.

    Args:
        title: what they are.
        tables: (caption, index of the weight of each entry, its sign or None).
        weights: number of weights they share.
        sides: what the columns and the rows are; empty for pictures.
        basis: where weights combine matrices instead: these.
    """

    title: str
    tables: tuple[tuple[str, np.ndarray, np.ndarray | None], ...]
    weights: int
    sides: tuple[str, str] = ("", "")
    basis: tuple[np.ndarray, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of panels that it takes."""
        return 2 if len(self.tables) > 4 else 1


def draw_weights(plan: Plan, base: Base | None, path: Path) -> Path | None:
    """The first and the last map and the graph matrices, entries coloured by weight; None where no map is tied.

    Args:
        plan: the plan.
        base: the places of the graph, None where there is none.
        path: of the PNG.
    """
    parts = [_part(each) for each in maps(plan)]
    parts[1:1] = _graph_matrices(plan, base)
    if not parts:
        return None
    heights = [3.0 * part.rows + 0.7 for part in parts]
    made = canvas.figure(11, 0.6 + sum(heights), "entries of one colour share a weight, pale ones are zero")
    regions = np.atleast_1d(np.asarray(made.subfigures(len(parts), 1, height_ratios=heights)))
    for region, part in zip(regions, parts, strict=True):
        region.suptitle(canvas.short(part.title, 130), fontsize=10, color=INK)
        _draw(region, part)
    return canvas.save(made, path)


def maps(plan: Plan) -> list[Map]:
    """The first map that the group ties and the last one of the policy, as far as they are small enough to be drawn."""
    found = [each for step in plan.steps if step.constraint != "none" for each in _maps_of(step)]
    small = [each for each in found if each.target.size * each.source.size <= MAX_ENTRIES and each.step != "value"]
    small = [each for each in small if each.target.size * each.source.size > 1] or small[:1]
    return [small[0], small[-1]] if len(small) > 1 else small


def _maps_of(step: Step) -> list[Map]:
    arguments = step.arguments
    if step.module == "tied_linear.TiedLinear":
        target, source = arguments["target"], arguments["source"]
    elif step.module == "embedding.Nonlinear":
        target, source = arguments["target"], arguments["sources"][0]
    elif step.module == "embedding.PatchEmbedding":
        whole, side = arguments["source"], arguments["patch"]
        target = vector(arguments["target"].fibre)
        source = FieldType(bases.resize(whole.base, side, side), whole.fibre)
    else:
        return []
    if arguments.get("scope") == "place":
        target, source = vector(target.fibre), vector(source.fibre)
    return [Map(step.name, _one_copy(target), _one_copy(source))]


def _one_copy(field: FieldType) -> FieldType:
    """The field type with one copy of the first atom for its fibre; at a point, of the first atom that moves."""
    atoms = [atom for _, atom in field.fibre.blocks]
    moving = [atom for atom in atoms if not atom.is_trivial]
    return FieldType(field.base, (moving or atoms)[0] if field.base.size == 1 else atoms[0])


def _part(each: Map) -> Part:
    table = tie(each.target, each.source)
    title = f"{each.step}: one copy of {each.source}  to  {each.target}; {_counted(table)}"
    if table.index is None:
        return Part(title, (), table.weights, basis=tuple(table.blocks[0].basis[:6]) if table.blocks else ())
    if each.source.base.kind == "grid" and each.target.size <= MAX_PANELS and each.source.fibre.size == 1:
        shape = each.source.base.shape
        rows = [
            (f"row {k}", row.reshape(shape), None if table.sign is None else table.sign[k].reshape(shape))
            for k, row in enumerate(table.index)
        ]
        return Part(title, tuple(rows), table.weights)
    return Part(title, (("", table.index, table.sign),), table.weights, (f"{each.source}", f"{each.target}"))


def _counted(table: Tying) -> str:
    entries = table.shape[0] * table.shape[1]
    return f"{table.weights} {'weight' if table.weights == 1 else 'weights'} for {entries} entries"


def _graph_matrices(plan: Plan, base: Base | None) -> list[Part]:
    """The graph matrix that an attention puts on one copy of its fibre: a panel per channel, seen from one place."""
    if base is None or base.size**2 > MAX_ENTRIES:
        return []
    for step in plan.steps:
        labels = step.arguments.get("labels")
        if isinstance(labels, np.ndarray) and labels.shape[:2] == (base.size, base.size) and labels.ndim == 3:
            return [_graph_matrix(step.name, labels, base)]
    return []


def _graph_matrix(step: str, labels: np.ndarray, base: Base) -> Part:
    """Of a grid the row of its centre as a picture, else the whole matrix."""
    where, channels = canvas.layout(base), range(min(labels.shape[2], MAX_PANELS))
    count, weights = labels.shape[2], int(labels.max()) + 1
    what = f"{step}: the graph matrices of one copy of the fibre ({count} {'channel' if count == 1 else 'channels'})"
    title = f"{what}; {weights} weights for {int((labels >= 0).sum())} entries"
    if where.is_grid:
        centre = base.shape[0] // 2 * base.shape[1] + base.shape[1] // 2
        pictures = [labels[centre, :, channel].reshape(base.shape) for channel in channels]
        seen = f", from {where.name(centre)}"
    else:
        pictures, seen = [labels[:, :, channel] for channel in channels], ""
    return Part(title, tuple((f"channel {k}{seen}", each, None) for k, each in enumerate(pictures)), weights)


def _draw(region: Any, part: Part) -> None:
    if part.basis or not part.tables:
        _basis(region, part)
        return
    panels = region.subplots(part.rows, -(-len(part.tables) // part.rows), squeeze=False).reshape(-1)
    for panel in panels[len(part.tables) :]:
        panel.axis("off")
    for panel, (name, index, sign) in zip(panels, part.tables, strict=False):
        _tied(panel, index, sign, part.weights, 2.6)
        canvas.caption(panel, name)
        columns, rows = part.sides
        if columns:
            panel.set_xlabel(f"entries of {canvas.short(columns, 36)}", fontsize=9)
            panel.set_ylabel(f"entries of\n{canvas.short(rows, 36)}", fontsize=9)


def _tied(axes: Axes, index: np.ndarray, sign: np.ndarray | None, weights: int, inches: float) -> None:
    """A table of weights in colours; numbered where there is room, with a minus where it enters negatively."""
    colours = canvas.palette(max(weights, 1))
    axes.imshow(canvas.coloured(index, colours), interpolation="nearest")
    canvas.ruled(axes, *index.shape)
    prefix = "w" if weights <= 10 else ""
    longest = len(prefix) + len(str(weights)) + (sign is not None)
    room = inches * 72 / max(index.shape)
    font = min(10.0, 0.6 * room, 1.25 * room / longest)
    if index.size > MAX_NUMBERED or font < 4.5:
        return
    for (row, column), weight in np.ndenumerate(index):
        if weight >= 0:
            minus = "-" if sign is not None and sign[row, column] < 0 else ""
            canvas.write(axes, column, row, f"{minus}{prefix}{weight}", font, canvas.on(colours[weight]))


def _basis(region: Any, part: Part) -> None:
    """Where matrices act: the basis that the weights combine."""
    matrices = part.basis or (np.zeros((1, 1)),)
    for k, (panel, matrix) in enumerate(
        zip(region.subplots(1, len(matrices), squeeze=False)[0], matrices, strict=True)
    ):
        panel.imshow(canvas.signed(matrix, float(np.abs(matrix).max())), interpolation="nearest")
        canvas.ruled(panel, *matrix.shape)
        canvas.caption(panel, f"w{k} times" if part.basis else "no map but zero")
