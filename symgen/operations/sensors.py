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
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import direct_sum, trivial
from symgen.operations.maps import Map, TiedMap
from symgen.operations.operation import Operation
from symgen.operations.recurrent import GATES, Kind


def place_channels(field: FieldType, count: int) -> FieldType:
    """So many channels at the places of a field, which nothing but the places moves."""
    return FieldType(field.base, direct_sum((count, trivial(field.group))))


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

    cell: Kind
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
        return place_channels(self.hidden, GATES[self.cell] * self.hidden.fibre.size)

    @property
    def state(self) -> FieldType:
        """The output, and of an LSTM the cell after it."""
        return self.hidden if self.cell == "gru" else place_channels(self.hidden, self.double)

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
        return place_channels(self.source, size * (self.count - (self.form == "differences")))
