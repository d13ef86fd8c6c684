"""What no group binds: dense layers, convolutions, and the blocks of a vision transformer."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.group import Group
from symgen.algebra.sampling import Sampling, shrunk
from symgen.operations.operation import Free


def channels(group: Group, count: int) -> FieldType:
    """A vector of channels, written as trivial: invariants, or channels that no group binds, of
    which nothing is claimed.
    """
    return vector(representations.direct_sum((count, representations.trivial(group))))


@dataclass(frozen=True)
class Dense(Free):
    """One linear layer, such as a head.

    Args:
        target: type of the output.
        source: type of the input.
        gain: gain of the orthogonal initialisation.
    """

    target: FieldType
    source: FieldType
    gain: float = 1.0

    @property
    def own_weights(self) -> int:
        """A matrix and a bias."""
        return self.target.size * (self.source.size + 1)


@dataclass(frozen=True)
class Perceptron(Free):
    """Dense layers on everything that is read.

    Args:
        sources: types of the inputs.
        widths: sizes of the layers.
        activation: "tanh" or a name in torch.nn.functional.
        squash: what is done to what is read: nothing, or sign(x) log(1 + |x|).
    """

    READS: ClassVar[str] = "sources"

    sources: tuple[FieldType, ...]
    widths: tuple[int, ...]
    activation: str = "tanh"
    squash: Literal["none", "symlog"] = "none"

    @property
    def output(self) -> FieldType:
        """The last layer."""
        return channels(self.sources[0].group, self.widths[-1])

    @property
    def own_weights(self) -> int:
        """Of all layers."""
        sizes = (sum(source.size for source in self.sources), *self.widths)
        return sum((before + 1) * after for before, after in pairwise(sizes))


@dataclass(frozen=True)
class Reconstruction(Free):
    """What a linear map of features misses of observation terms: W f + b - sign(o) log(1 + |o|).

    Args:
        source: type of the features.
        terms: types of the terms.
    """

    source: FieldType
    terms: tuple[FieldType, ...]

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The features and the terms."""
        return (self.source, *self.terms)

    @property
    def output(self) -> FieldType:
        """A number for each entry of the terms, in their order."""
        return channels(self.source.group, sum(term.size for term in self.terms))

    @property
    def own_weights(self) -> int:
        """A matrix and a bias."""
        return self.output.size * (self.source.size + 1)


@dataclass(frozen=True)
class Convolution:
    """One convolution with ReLU, and pooling after it.

    Args:
        channels: of the output.
        windows: of the kernel.
        pool: side of the square tiles whose largest value is kept; 1 for none.
    """

    channels: int
    windows: Sampling
    pool: int = 1

    def __str__(self) -> str:
        pool = f" pool {self.pool}" if self.pool > 1 else ""
        return (
            f"{self.channels} of "
            f"{self.windows.kernel}/{self.windows.stride}/{self.windows.padding}{pool}"
        )


@dataclass(frozen=True)
class Convolutions(Free):
    """Convolutions on an image; then one dense layer, or none.

    Args:
        source: grid x channels.
        layers: the convolutions.
        width: of the dense layer; 0 for the last images as one vector.
    """

    source: FieldType
    layers: tuple[Convolution, ...]
    width: int = 0

    @property
    def features(self) -> int:
        """Size of the last images as one vector."""
        windows = [
            sampling
            for layer in self.layers
            for sampling in (layer.windows, Sampling(layer.pool, layer.pool))
        ]
        return self.layers[-1].channels * math.prod(shrunk(self.source.base.shape, windows))

    @property
    def output(self) -> FieldType:
        """A vector."""
        return channels(self.source.group, self.width or self.features)

    @property
    def own_weights(self) -> int:
        """Of the convolutions and of the dense layer."""
        sizes = (self.source.fibre.size, *(layer.channels for layer in self.layers))
        weights = (self.features + 1) * self.width
        for (before, after), layer in zip(pairwise(sizes), self.layers, strict=True):
            weights += (layer.windows.kernel**2 * before + 1) * after
        return weights


@dataclass(frozen=True)
class PatchTokens(Free):
    """Patches of an image as tokens, a class token before them, learnt positions or none.

    Args:
        source: grid x channels.
        patch: side of a patch in pixels.
        width: channels of a token.
        positions: whether a learnt embedding tells the tokens apart.
        points: types of further vectors, which are added to the class token.
    """

    source: FieldType
    patch: int
    width: int
    positions: bool = True
    points: tuple[FieldType, ...] = ()

    @property
    def inputs(self) -> tuple[FieldType, ...]:
        """The image and the vectors."""
        return (self.source, *self.points)

    @property
    def tokens(self) -> int:
        """Number of tokens, the class token included."""
        return 1 + self.source.base.size // self.patch**2

    @property
    def output(self) -> FieldType:
        """All tokens."""
        return channels(self.source.group, self.tokens * self.width)

    @property
    def own_weights(self) -> int:
        """Of the embeddings, the class token, and the positions."""
        weights = (self.patch**2 * self.source.fibre.size + 1) * self.width + self.width
        weights += sum((point.size + 1) * self.width for point in self.points)
        return weights + (self.tokens * self.width if self.positions else 0)


@dataclass(frozen=True)
class Attention(Free):
    """A pre-norm transformer block.

    Args:
        field: type of input and output: all tokens.
        width: channels of a token.
        heads: number of heads.
        expansion: width of the two-layer map as a multiple of the channels; 0 for none.
    """

    READS: ClassVar[str] = "field"
    GIVES: ClassVar[str] = "field"

    field: FieldType
    width: int
    heads: int
    expansion: int = 0

    @property
    def own_weights(self) -> int:
        """Of norm, queries, keys, values and output, and of the two-layer map."""
        width = self.width
        weights = 2 * width + 3 * width**2 + (width + 1) * width
        if self.expansion:
            hidden = width * self.expansion
            weights += 2 * width + (width + 1) * hidden + (hidden + 1) * width
        return weights


@dataclass(frozen=True)
class ReadToken(Free):
    """LayerNorm of the class token, a dense layer, GELU.

    Args:
        source: type of the input: all tokens.
        width: channels of a token.
    """

    source: FieldType
    width: int

    @property
    def output(self) -> FieldType:
        """The class token."""
        return channels(self.source.group, self.width)

    @property
    def own_weights(self) -> int:
        """Of the norm and the layer."""
        return 2 * self.width + (self.width + 1) * self.width
