"""Sensors in any order: cells, layers and attention whose weights all places share.

Law: f(p.x) = p.f(x) for every permutation p of the places, where f gives something at every place;
f(p.x) = f(x) where it does not. The weights fit any number of places.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.relaxation import Relaxation
from symgen.nn._fast_sensors import ORDER, lstm_through
from symgen.nn.activation import activate, symlog
from symgen.nn.build import module
from symgen.nn.recurrence import Cell
from symgen.nn.recurrent import GRU, LSTM
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import sensors as operations


class Symlog(nn.Module):
    """sign(x) log(1 + |x|) of every entry."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return symlog(x)


class ToPlaces(nn.Module):
    """Maps of several inputs to the same places, added up; the first has the bias.

    Args:
        target: type of the output.
        sources: types at the same places, each mapped where it is.
        points: types of vectors, mapped to every place.
        gain: deviation of an output entry for inputs of deviation 1.
        bias_gain: deviation of the bias at first.
        relaxation: how the maps of vectors may break the symmetry; all places share the others.
    """

    def __init__(
        self,
        target: FieldType,
        sources: tuple[FieldType, ...],
        points: tuple[FieldType, ...] = (),
        gain: float = 1.0,
        bias_gain: float = 0.0,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        gain /= math.sqrt(len(sources) + len(points))
        self.sources = len(sources)
        # every place reads the same of what nothing moves
        self.alike = relaxation is None and all(point.is_trivial for point in points)
        self.maps = nn.ModuleList(
            TiedLinear(
                target,
                source,
                "place" if k < len(sources) else "feature",
                gain,
                bias=k == 0,
                bias_gain=bias_gain,
                relaxation=relaxation if k >= len(sources) else None,
            )
            for k, source in enumerate((*sources, *points))
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        """(batch, places, channels) of every source, (batch, 1, channels) of every point."""
        first, *others = (linear(x) for linear, x in zip(self.maps, inputs, strict=True))
        total: Tensor = sum(others, first)
        return total

    def before(self, rows: Sequence[Tensor], order: Tensor) -> Tensor:
        """The same of a sequence, channels first.

        Args:
            rows: the inputs, each [step, environment, place, channel].
            order: of the channels of the output.

        Returns:
            [step, channel of the output, environment and place].
        """
        steps, envs, places, _ = rows[0].shape
        if not self.alike:
            total = self(*[x.flatten(0, 1) for x in rows]).view(steps, envs * places, -1)
            return total.transpose(1, 2).index_select(1, order)
        matrices, bias = self._alike()
        inputs = [x.expand(-1, -1, places, -1) for x in rows]
        if bias is not None:  # the weights of an input that is always 1
            inputs.append(rows[0].new_ones(steps, envs, places, 1))
            matrices.append(bias.unsqueeze(1))
        x = torch.cat(inputs, -1).view(steps, envs * places, -1).transpose(1, 2)
        return torch.cat(matrices, 1).index_select(0, order) @ x

    def _alike(self) -> tuple[list[Tensor], Tensor | None]:
        """The matrix of each input to one place, and the bias."""
        maps = (linear for linear in self.maps if isinstance(linear, TiedLinear))
        expansions = [linear.expansion() for linear in maps]
        rows = len(expansions[0][0])
        return [matrix[:rows] for matrix, _ in expansions], expansions[0][1]


class PlaceLayer(nn.Module):
    """A dense layer at every place.

    Args:
        read: maps the inputs to the places.
        activation: pointwise nonlinearity.
    """

    def __init__(self, read: ToPlaces, activation: str) -> None:
        super().__init__()
        self.read = read
        self.activation = activation

    def forward(self, *inputs: Tensor) -> Tensor:
        """See ToPlaces."""
        return activate(self.activation, self.read(*inputs))


class PlaceLSTM(LSTM, Cell):
    """Long short-term memory at every place; nothing is added to the forget gate.

    Args:
        read: maps the inputs to all gates.
        recall: h -> U h of all gates, at every place.
    """

    read: ToPlaces
    recall: TiedLinear
    order: Tensor

    def __init__(self, read: ToPlaces, recall: TiedLinear) -> None:
        super().__init__(read, recall, forget=0.0)
        size = recall.matrix.shape[1]
        order = torch.arange(4 * size).view(4, size)[list(ORDER)].flatten()
        self.register_buffer("order", order, persistent=False)

    def through(
        self, rows: Sequence[Tensor], memory: Tensor, starts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See Cell; the inputs of all steps are mapped at once, and steps have a fused kernel."""
        recall, _ = self.recall.expansion()
        gates = self.read.before(rows, self.order)
        return lstm_through(gates, recall.index_select(0, self.order), memory, starts)


class PlaceCode(nn.Module):
    """Adds a learnt vector at every place, the same on every orbit of places.

    Args:
        field: the type.
    """

    orbit: Tensor

    def __init__(self, field: FieldType) -> None:
        super().__init__()
        orbit = torch.from_numpy(field.base.orbits)
        self.register_buffer("orbit", orbit, persistent=False)
        self.weight = nn.Parameter(torch.randn(int(orbit.max()) + 1, field.fibre.size) * 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same."""
        return x + self.weight.index_select(0, self.orbit)


class Differences(nn.Module):
    """Each frame but the first minus the one before it.

    Args:
        count: frames in the channels, the oldest first.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        """(..., frames x size) -> (..., (frames - 1) x size)."""
        size = x.shape[-1] // self.count
        return x[..., size:] - x[..., :-size]


class FrameNorm(nn.Module):
    """Every frame with mean 0 and deviation 1 over its channels, no scale and no shift.

    Args:
        count: frames in the channels.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        """(..., frames x size) -> the same."""
        frames = x.unflatten(-1, (self.count, -1))
        return nn.functional.layer_norm(frames, frames.shape[-1:]).flatten(-2)


@module.register
def _(operation: operations.Symlog) -> Symlog:
    return Symlog()


@module.register
def _(operation: operations.PlaceLayer) -> PlaceLayer:
    gain = 1.0 if operation.activation == "none" else 2**0.5
    read = ToPlaces(
        operation.target, operation.sources, operation.points, gain, 0.1, operation.relaxation
    )
    return PlaceLayer(read, operation.activation)


@module.register
def _(operation: operations.PlaceMemory) -> GRU | PlaceLSTM:
    how = operation.relaxation
    read = ToPlaces(operation.gates, operation.sources, operation.points, relaxation=how)
    recall = TiedLinear(operation.gates, operation.hidden, "place", bias=False)
    bound = operation.hidden.fibre.size**-0.5  # as torch's own cells begin
    for name, weight in (*read.named_parameters(), *recall.named_parameters()):
        if not name.endswith("delta"):  # what may break the symmetry begins as zeros
            nn.init.uniform_(weight, -bound, bound)
    return GRU(read, recall) if operation.cell == "gru" else PlaceLSTM(read, recall)


@module.register
def _(operation: operations.PlaceCode) -> PlaceCode:
    return PlaceCode(operation.field)


@module.register
def _(operation: operations.Frames) -> Differences | FrameNorm:
    if operation.form == "differences":
        return Differences(operation.count)
    return FrameNorm(operation.count)
