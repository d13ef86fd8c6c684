"""What weights.png shows: which maps of a plan, and the tables of which entry is which weight.

A map from a picture to one place is laid out as blocks, a picture for each channel of the target
(to the right) and of the source (downwards): the kernels of a convolution, one for each pair of
group elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation
from symgen.algebra.tying import Tying, tie
from symgen.operations import maps as operations
from symgen.operations.attention import GraphAttention
from symgen.pictures import canvas as canvas
from symgen.pictures.element_names import channel_names
from symgen.plan.plan import Plan, Step
from symgen.problem.output import critics, is_squashed

MAX_ENTRIES = 60_000
MAX_CHANNELS = 24
"""With more channels on either side the blocks are too small to be told apart."""
MAX_CONVOLUTIONS = 2
"""The first ones: lifting to the group, and from the group to the group."""
MAX_PANELS = 8
MAX_BASIS = 6
ZERO = -1
GAP = -2
"""Indices of entries that vanish, and of what lies between blocks."""

Ticks = tuple[tuple[float, str], ...]
"""Where along an axis, and what is written there."""


class DrawnMap(NamedTuple):
    """One copy of an atom of the target, as a function of one copy of an atom of the source.

    Args:
        step: of the plan.
        target: field type.
        source: field type.
        convolution: "" or "tied" (the source is the window around a pixel), or "steered" (between
            the pixels too).
        may_break: whether entries only start equal.
    """

    step: str
    target: FieldType
    source: FieldType
    convolution: str = ""
    may_break: bool = False


@dataclass(frozen=True, eq=False)
class WeightTable:
    """One panel.

    Args:
        index: weight of each entry from 0, ZERO or GAP; shape (rows, columns).
        sign: of each entry; None where all are +1.
        values: in the place of both, what a weight is multiplied with; NaN between blocks.
        title: of the panel.
        right: names along the columns.
        down: names along the rows.
        sides: what the columns and the rows are.
    """

    index: np.ndarray
    sign: np.ndarray | None = None
    values: np.ndarray | None = None
    title: str = ""
    right: Ticks = ()
    down: Ticks = ()
    sides: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class MapTables:
    """Some tables of one step.

    Args:
        title: what they are.
        tables: the panels.
        weights: number of weights they share.
        may_break: whether entries only start equal.
    """

    title: str
    tables: tuple[WeightTable, ...]
    weights: int
    may_break: bool = False


def map_tables(plan: Plan, base: Base | None, actions: Sequence[str] = ()) -> list[MapTables]:
    """The first map and the convolutions, the graph matrices, the policy; empty where no map is
    tied.

    Args:
        plan: the plan.
        base: the places of the graph, None where there is none.
        actions: names of the policy's entries.
    """
    shown = maps(plan)
    body = [_tables(plan, tied, actions) for tied in shown if tied.step != "policy"]
    policy = [_tables(plan, tied, actions) for tied in shown if tied.step == "policy"]
    return [*body, *_graph_matrices(plan, base), *policy]


def maps(plan: Plan) -> list[DrawnMap]:
    """What is drawn, as far as it is small enough: the first map that the group ties or the
    convolutions, the policy.

    Never a critic's: Q and V are invariant, and what they share says little of the symmetry.
    """
    all_maps = [
        tied for step in plan.steps if not step.operation.is_free for tied in _maps_of(step)
    ]
    small = [tied for tied in all_maps if 1 < tied.target.size * tied.source.size <= MAX_ENTRIES]
    # a step of an output's own is called after it: "value", "value_hidden1"
    of_critics = ["critic", *(output.name for output in critics(plan.outputs))]
    body = [
        tied
        for tied in small
        if tied.step != "policy" and tied.step.partition("_")[0] not in of_critics
    ]
    policy = [tied for tied in small if tied.step == "policy"]
    convolutions = [tied for tied in body if tied.convolution]
    return [*(convolutions[:MAX_CONVOLUTIONS] or body[:1]), *policy[:1]]


def _maps_of(step: Step) -> list[DrawnMap]:
    linear = next(iter(step.operation.maps), None)
    convolution = ""
    if isinstance(linear, operations.TiedMap):
        target = linear.target
        source = linear.source
        convolution = "tied" if linear.window else ""
    elif isinstance(linear, operations.SteeredMap):
        target = vector(linear.target)
        base = bases.resize(linear.source.base, linear.side, linear.side)
        source = FieldType(base, linear.source.fibre)
        convolution = "steered"
    else:
        return []
    may_break = step.operation.relaxation is not None
    source = _one_copy(source, moving=bool(convolution))
    return [DrawnMap(step.name, _one_copy(target), source, convolution, may_break)]


def _one_copy(field: FieldType, moving: bool = False) -> FieldType:
    """The field type with one copy of an atom for its fibre: at a point, or where asked for, one
    that moves.
    """
    atoms = [atom for _, atom in field.fibre.blocks]
    first = (
        [atom for atom in atoms if not atom.is_trivial] if moving or field.base.size == 1 else []
    )
    return FieldType(field.base, (first or atoms)[0])


# --------------------------------------------------------------------------------------------------
# one map


def _tables(plan: Plan, tied: DrawnMap, actions: Sequence[str]) -> MapTables:
    step = tied.step
    if step == "policy" and is_squashed(plan.outputs):
        step = "policy (the mean of the action, before tanh)"
    title = f"{step}: one copy of {tied.source}  to  {tied.target}"
    if tied.convolution == "steered":
        return _steered(tied, title)
    table = tie(tied.target, tied.source)
    entries = table.shape[0] * table.shape[1]
    title += f"; {_counted(table.weights)} for {entries} entries"
    if table.index is None:
        return MapTables(title, _basis(table), table.weights, tied.may_break)
    channels = max(tied.target.size, tied.source.fibre.size)
    if tied.source.base.kind == "grid" and channels <= MAX_CHANNELS:
        return MapTables(title, (_blocks(tied, table),), table.weights, tied.may_break)
    right = _names(tied.source)
    down = _names(tied.target)
    if tied.step == "policy" and len(actions) == tied.target.size:
        down = tuple(actions)
    drawn = WeightTable(
        table.index, table.sign, right=_ticks(right), down=_ticks(down), sides=("from", "to")
    )
    return MapTables(title, (drawn,), table.weights, tied.may_break)


def _counted(weights: int) -> str:
    return f"{weights} {'weight' if weights == 1 else 'weights'}"


def _names(field: FieldType) -> tuple[str, ...]:
    """Group elements where they take one channel to the others, else numbers from 1, as specs
    count.
    """
    if field.base.size == 1 and field.fibre.kind == "permutation":
        names = channel_names(field.fibre)
        if len(names) == field.size:
            return tuple(names)
    return tuple(str(k + 1) for k in range(field.size))


def _ticks(names: Sequence[str], step: float = 1.0, start: float = 0.0) -> Ticks:
    return tuple((start + step * k, name) for k, name in enumerate(names))


def _blocks(tied: DrawnMap, table: Tying) -> WeightTable:
    """A picture per channel of the target (right) and of the source (down)."""
    assert table.index is not None  # the caller has asked
    rows, columns = tied.source.base.shape
    shape = (tied.target.size, rows, columns, tied.source.fibre.size)
    index = mosaic(table.index.reshape(shape).transpose(3, 0, 1, 2), GAP)
    sign = None
    if table.sign is not None:
        sign = mosaic(table.sign.reshape(shape).transpose(3, 0, 1, 2), 1.0)
    right = _fibre_names(tied.target.fibre)
    down = _fibre_names(tied.source.fibre)
    return WeightTable(
        index,
        sign,
        right=_ticks(right, columns + 1, (columns - 1) / 2),
        down=_ticks(down, rows + 1, (rows - 1) / 2),
        sides=(f"to channel of {tied.target.fibre}", "from channel"),
    )


def _fibre_names(fibre: Representation) -> tuple[str, ...]:
    return _names(vector(fibre))


def mosaic(blocks: np.ndarray, between: float) -> np.ndarray:
    """Blocks (down, right, rows, columns) as one picture, an entry apart."""
    down, right, rows, columns = blocks.shape
    joined = np.full((down * (rows + 1), right * (columns + 1)), between, dtype=blocks.dtype)
    for i in range(down):
        for j in range(right):
            joined[i * (rows + 1) :, j * (columns + 1) :][:rows, :columns] = blocks[i, j]
    return joined[:-1, :-1]


def _basis(table: Tying) -> tuple[WeightTable, ...]:
    """Where matrices act, the basis that the weights combine."""
    if not table.blocks:
        return ()
    return tuple(
        WeightTable(np.full(matrix.shape, ZERO), values=matrix, title=f"w{k + 1} times")
        for k, matrix in enumerate(table.blocks[0].basis[:MAX_BASIS])
    )


def _steered(tied: DrawnMap, title: str) -> MapTables:
    """The basis of steerable kernels from the first channel of the source: one below the other."""
    from symgen.algebra import steerable

    side = tied.source.base.shape[0]
    basis = steerable.kernels(tied.target.fibre, tied.source.fibre, side)
    shown = basis[:MAX_BASIS, :MAX_CHANNELS, :, 0].reshape(
        -1, min(tied.target.size, MAX_CHANNELS), side, side
    )
    more = "" if len(basis) <= MAX_BASIS else f", the first {MAX_BASIS}"
    title += f"; {_counted(len(basis))} times these kernels{more}"
    if not len(basis):
        return MapTables(title, (), 0, tied.may_break)
    values = mosaic(shown, np.nan)
    names = [f"w{k + 1} times" for k in range(len(shown))]
    right = _fibre_names(tied.target.fibre)[:MAX_CHANNELS]
    table = WeightTable(
        np.full(values.shape, ZERO),
        values=values,
        right=_ticks(right, side + 1, (side - 1) / 2),
        down=_ticks(names, side + 1, (side - 1) / 2),
        sides=(f"to channel of {tied.target.fibre}", ""),
    )
    return MapTables(title, (table,), len(basis), tied.may_break)


# --------------------------------------------------------------------------------------------------
# graph matrices


def _graph_matrices(plan: Plan, base: Base | None) -> list[MapTables]:
    """The graph matrix that an attention puts on one copy of its fibre: a panel per channel, seen
    from one place.
    """
    if base is None or base.size**2 > MAX_ENTRIES:
        return []
    for step in plan.steps:
        graphs = [
            linear for linear in step.operation.maps if isinstance(linear, operations.GraphMap)
        ]
        if isinstance(step.operation, GraphAttention) and graphs and graphs[0].graph.base == base:
            labels = graphs[0].labels
            return [_graph_matrix(step, labels, base)]
    return []


def _graph_matrix(step: Step, labels: np.ndarray, base: Base) -> MapTables:
    """Of a grid the row of its centre as a picture, else the whole matrix."""
    where = canvas.placement(base)
    channels = range(min(labels.shape[2], MAX_PANELS))
    count = labels.shape[2]
    weights = int(labels.max()) + 1
    what = (
        f"{step.name}: the graph matrices of one copy of the fibre ({count} "
        f"{'channel' if count == 1 else 'channels'})"
    )
    title = f"{what}; {_counted(weights)} for {int((labels >= 0).sum())} entries"
    if where.is_grid:
        centre = base.shape[0] // 2 * base.shape[1] + base.shape[1] // 2
        pictures = [labels[centre, :, channel].reshape(base.shape) for channel in channels]
        seen = f", from {where.name(centre)}"
    else:
        pictures = [labels[:, :, channel] for channel in channels]
        seen = ""
    tables = tuple(
        WeightTable(picture, title=f"channel {k + 1}{seen}") for k, picture in enumerate(pictures)
    )
    return MapTables(title, tables, weights, step.operation.relaxation is not None)
