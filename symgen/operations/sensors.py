"""Sensors in any order: the same small network reads every one of them, and a few slots attend to
all (Tang and Ha 2021, "The Sensory Neuron as a Transformer", arXiv:2109.02869).

A sensor is a place that the group permutes. What is done to a place alone, with weights that all
places share, commutes with every permutation of them; what is summed over the places is left as it
is. So every operation here is equivariant, for whatever group permutes the places, and its weights
fit any number of them.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import direct_sum, trivial
from symgen.operations.maps import Map, TiedMap
from symgen.operations.operation import Operation

Cell = Literal["gru", "lstm"]
GATES: dict[Cell, int] = {"gru": 3, "lstm": 4}
"""Gates of a cell, in the order of operations/recurrent.py."""
Weighting = Literal["tanh", "softmax"]
Pooling = Literal["sum", "mean", "root"]
Queries = Literal["fixed", "learnt"]
Outer = Literal["none", "tanh", "relu_norm"]


def channels(field: FieldType, count: int) -> FieldType:
    """So many channels at the places of a field, which nothing but the places moves."""
    return FieldType(field.base, direct_sum((count, trivial(field.group))))


def numbers(group: Group, count: int) -> FieldType:
    """So many invariants."""
    return vector(direct_sum((count, trivial(group))))


@dataclass(frozen=True)
class PlaceMap(TiedMap):
    """A matrix that all places share: nothing in it can tell them apart."""

    def broken_weights(self, how: Relaxation) -> int:
        """None."""
        return 0


def place_map(target: FieldType, source: FieldType, bias: bool) -> PlaceMap:
    """From the fibre of one type to that of another."""
    return PlaceMap(vector(target.fibre), vector(source.fibre), bias)


@dataclass(frozen=True)
class Symlog(Operation):
    """sign(x) log(1 + |x|) of every entry: large numbers are drawn together, and none is cut off.

    Args:
        field: the type; its fibre permutes its channels up to sign.
    """

    READS: ClassVar[str] = "field"
    GIVES: ClassVar[str] = "field"

    field: FieldType


@dataclass(frozen=True)
class PlaceLayer(Operation):
    """A dense layer at every place, on what is there and on what is known of no place.

    Args:
        target: type of the output, at the places of the sources.
        sources: types at the same places, each read where it is.
        points: types of vectors: every place reads them, and where the group moves their entries
            as it moves the places, its own entry otherwise than the others.
        activation: as of Nonlinear; "none" for a linear layer.
    """

    target: FieldType
    sources: tuple[FieldType, ...]
    points: tuple[FieldType, ...] = ()
    activation: str = "tanh"

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The places, then the vectors."""
        return (*self.sources, *self.points)

    @property
    def maps(self) -> tuple[Map, ...]:
        """One for each input; the first has the bias."""
        return to_places(self.target, self.sources, self.points)


@dataclass(frozen=True)
class PlaceMemory(Operation):
    """A recurrent cell at every place: what each sensor remembers, by weights that all share.

    Args:
        cell: "gru" or "lstm", see operations/recurrent.py.
        hidden: type of the output, at the places of the sources.
        sources: as of PlaceLayer.
        points: as of PlaceLayer.
    """

    GIVES: ClassVar[str] = "hidden"

    cell: Cell
    hidden: FieldType
    sources: tuple[FieldType, ...]
    points: tuple[FieldType, ...] = ()

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The places, then the vectors."""
        return (*self.sources, *self.points)

    @property
    def gates(self) -> FieldType:
        """Type of all gates."""
        return channels(self.hidden, GATES[self.cell] * self.hidden.fibre.size)

    @property
    def state(self) -> FieldType:
        """The output, and of an LSTM the cell after it."""
        return self.hidden if self.cell == "gru" else channels(self.hidden, self.double)

    @property
    def double(self) -> int:
        """Channels of an output and a cell."""
        return 2 * self.hidden.fibre.size

    @property
    def maps(self) -> tuple[Map, ...]:
        """To the gates: of every input, the first with the bias, and of the memory."""
        read = to_places(self.gates, self.sources, self.points)
        return (*read, place_map(self.gates, self.hidden, bias=False))


def to_places(
    target: FieldType, sources: tuple[FieldType, ...], points: tuple[FieldType, ...]
) -> tuple[Map, ...]:
    """The maps of PlaceLayer and PlaceMemory from their inputs."""
    at_places = [place_map(target, source, bias=k == 0) for k, source in enumerate(sources)]
    return (*at_places, *(TiedMap(target, point, bias=False) for point in points))


@dataclass(frozen=True)
class PlaceCode(Operation):
    """A learnt vector is added at every place, the same on every orbit of places.

    Where the group permutes all sensors, all get the same. Under the trivial group these are the
    position codes of a transformer.

    Args:
        field: the type.
    """

    READS: ClassVar[str] = "field"
    GIVES: ClassVar[str] = "field"

    field: FieldType

    @property
    def own_weights(self) -> int:
        """A vector for every orbit of places."""
        return self.field.fibre.size * (int(self.field.base.orbits.max()) + 1)


@dataclass(frozen=True)
class Frames(Operation):
    """Frames that stand one after the other in the channels of a place.

    Args:
        source: type of the input.
        count: number of frames, the oldest first.
        form: "differences" gives each frame but the first minus the one before it; "normalised"
            gives every frame with mean 0 and deviation 1 over its channels at the place.
    """

    source: FieldType
    count: int
    form: Literal["differences", "normalised"]

    @property
    def output(self) -> FieldType:
        """All frames, or one less."""
        size = self.source.fibre.size // self.count
        return channels(self.source, size * (self.count - (self.form == "differences")))


@dataclass(frozen=True)
class SlotAttention(Operation):
    """Slots attend to the places: m = outer(sum_i w(q_m . k_i) v_i) (the paper's equation 2).

    Args:
        keys: type of what the keys are made of.
        values: type of the values.
        slots: number of slots, M.
        queries: a fixed table of waves over the slots, or a learnt one.
        query_size: numbers of a row of the table.
        key_size: numbers of a query and of a key after their linear maps.
        maps_keys: whether there is a map of keys; without it they have key_size channels.
        weighting: tanh of the logits, or a softmax over the places.
        pooling: what tanh weights are divided by: 1, the number of places or its square root.
        scale: whether logits are divided by the square root of key_size.
        bias: whether the maps of queries and keys have a bias.
        outer: what becomes of a slot in the end: "relu_norm" is ReLU and LayerNorm.
    """

    keys: FieldType
    values: FieldType
    slots: int
    queries: Queries = "fixed"
    query_size: int = 8
    key_size: int = 32
    maps_keys: bool = True
    weighting: Weighting = "tanh"
    pooling: Pooling = "mean"
    scale: bool = False
    bias: bool = False
    outer: Outer = "none"

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The keys and the values."""
        return (self.keys, self.values)

    @property
    def output(self) -> FieldType:
        """Every slot's channels, slot after slot."""
        return numbers(self.keys.group, self.slots * self.values.fibre.size)

    @property
    def own_weights(self) -> int:
        """The two maps, the table where it is learnt, and the scale and shift of the norm."""
        maps = self.key_size * (self.query_size + self.bias)
        if self.maps_keys:
            maps += self.key_size * (self.keys.fibre.size + self.bias)
        table = self.slots * self.query_size if self.queries == "learnt" else 0
        norm = 2 * self.values.fibre.size if self.outer == "relu_norm" else 0
        return maps + table + norm


@dataclass(frozen=True)
class SetPooling(Operation):
    """Pooling by multihead attention with learnt seeds (Lee et al. 2019, "Set Transformer",
    arXiv:1810.00825, section 3.2): H = LN(S + MHA(S, Z, Z)), then LN(H + relu(H W)).

    Args:
        source: type of Z.
        seeds: number of them, each of as many channels as Z has.
        heads: number of heads, a divisor of the channels.
    """

    source: FieldType
    seeds: int
    heads: int

    @property
    def output(self) -> FieldType:
        """Every seed's channels, seed after seed."""
        return numbers(self.source.group, self.seeds * self.source.fibre.size)

    @property
    def own_weights(self) -> int:
        """The seeds, the maps of queries, keys, values and outputs, one layer, two norms."""
        width = self.source.fibre.size
        return self.seeds * width + 5 * width * (width + 1) + 4 * width


@dataclass(frozen=True)
class Pool(Operation):
    """The mean over the places (Zaheer et al. 2017, "Deep Sets", arXiv:1703.06114).

    Args:
        source: type of the input.
    """

    source: FieldType

    @property
    def output(self) -> FieldType:
        """The fibre at a point."""
        return vector(self.source.fibre)


@dataclass(frozen=True)
class SlotConvolutions(Operation):
    """Convolutions with ReLU on the slots, laid out on a grid. The group moves no slot, so any
    kernel is equivariant.

    Args:
        source: type of the slots, slot after slot.
        grid: rows and columns of slots.
        layers: channels, kernel and stride of each.
    """

    source: FieldType
    grid: tuple[int, int]
    layers: tuple[tuple[int, int, int], ...]

    @property
    def channels(self) -> int:
        """Of a slot."""
        rows, columns = self.grid
        return self.source.size // (rows * columns)

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns of the last layer; a kernel larger than what it reads leaves none."""
        rows, columns = self.grid
        for _, kernel, stride in self.layers:
            rows = (rows - kernel) // stride + 1
            columns = (columns - kernel) // stride + 1
            if min(rows, columns) < 1:
                return (0, 0)
        return (rows, columns)

    @property
    def output(self) -> FieldType:
        """The last images as one vector."""
        rows, columns = self.sides
        return numbers(self.source.group, self.layers[-1][0] * rows * columns)

    @property
    def own_weights(self) -> int:
        """Kernels and biases."""
        weights = 0
        before = self.channels
        for count, kernel, _ in self.layers:
            weights += count * (before * kernel**2 + 1)
            before = count
        return weights
