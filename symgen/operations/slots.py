"""What is read out of sensors in any order: slots that attend to them, or pools, and what is made
of the slots on a grid of their own. The group that permutes the sensors leaves all of it as it is.
"""

from dataclasses import dataclass
from typing import Literal

from symgen.algebra.fieldtype import FieldType, vector
from symgen.operations.operation import Operation
from symgen.operations.plain import channels

Weighting = Literal["tanh", "softmax"]
Pooling = Literal["sum", "mean", "root"]
Queries = Literal["fixed", "learnt"]
Outer = Literal["none", "tanh", "relu_norm"]


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
        return channels(self.keys.group, self.slots * self.values.fibre.size)

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
        return channels(self.source.group, self.seeds * self.source.fibre.size)

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
        return channels(self.source.group, self.layers[-1][0] * rows * columns)

    @property
    def own_weights(self) -> int:
        """Kernels and biases."""
        weights = 0
        before = self.channels
        for count, kernel, _ in self.layers:
            weights += count * (before * kernel**2 + 1)
            before = count
        return weights


@dataclass(frozen=True)
class SlotVotes(Operation):
    """Where on the grid the slots look: each votes for all of them, and the places of the first
    winners are what is read on.

    The votes are the column means of a self-attention of the slots, as in Tang et al. 2020
    ("Neuroevolution of Self-Interpretable Agents", arXiv:2003.08165, section 3.1), which takes the
    places of the largest. That has no gradient. Here the winners are drawn softly, one after the
    other, each from what the earlier ones left (Plotz and Roth 2018, "Neural Nearest Neighbors
    Networks", arXiv:1810.12575, equations 8 to 10): at a low temperature they are the largest.

    Args:
        source: type of the slots, slot after slot.
        grid: rows and columns of slots.
        winners: how many.
        size: numbers of a query and of a key.
    """

    source: FieldType
    grid: tuple[int, int]
    winners: int
    size: int = 4

    @property
    def channels(self) -> int:
        """Of a slot."""
        rows, columns = self.grid
        return self.source.size // (rows * columns)

    @property
    def output(self) -> FieldType:
        """Row and column of every winner, between -1 and 1."""
        return channels(self.source.group, 2 * self.winners)

    @property
    def own_weights(self) -> int:
        """Two maps, and the temperature."""
        return 2 * self.size * (self.channels + 1) + 1
