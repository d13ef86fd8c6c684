"""The baselines that no group binds: convolutional network, vision transformer, multilayer
perceptron.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, max_pool2d, relu, scaled_dot_product_attention

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.sampling import Sampling, shrunk
from symgen.nn.activation import activate, symlog
from symgen.nn.build import module
from symgen.operations import plain as operations


class Convolutions(nn.Module):
    """Convolutions with ReLU on an image, max pooling after some; then one dense layer, or none.

    Args:
        source: grid x channels.
        channels: channels of each convolution.
        windows: of each convolution.
        pools: sides of the square tiles that are pooled after each convolution; 1 for none.
        width: size of the output; 0 for the last images as one vector.
    """

    def __init__(
        self,
        source: FieldType,
        channels: tuple[int, ...],
        windows: tuple[Sampling, ...],
        pools: tuple[int, ...],
        width: int,
    ) -> None:
        super().__init__()
        self.grid = source.base.shape
        self.pools = pools
        sizes = (source.fibre.size, *channels)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, window.kernel, window.stride, window.padding)
            for (a, b), window in zip(pairwise(sizes), windows, strict=True)
        )
        both = [
            sampling
            for window, pool in zip(windows, pools, strict=True)
            for sampling in (window, Sampling(pool, pool))
        ]
        pixels = math.prod(shrunk(self.grid, both))
        self.dense = nn.Linear(sizes[-1] * pixels, width) if width else None
        for layer in self.layers:
            _orthogonal(layer)  # type: ignore[arg-type]
        if self.dense is not None:
            _orthogonal(self.dense)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, 1, width)."""
        x = x.transpose(1, 2).unflatten(2, self.grid)
        for layer, pool in zip(self.layers, self.pools, strict=True):
            x = layer(x)
            x = relu(max_pool2d(x, pool) if pool > 1 else x)
        x = x.flatten(1)
        return (x if self.dense is None else relu(self.dense(x))).unsqueeze(1)


class Perceptron(nn.Module):
    """Dense layers on everything observed.

    Args:
        sources: types of the inputs.
        widths: sizes of the layers.
        activation: "tanh" or a name in torch.nn.functional.
        squash: what is done to what is read, "none" or "symlog".
    """

    def __init__(
        self,
        sources: tuple[FieldType, ...],
        widths: tuple[int, ...],
        activation: str = "tanh",
        squash: str = "none",
    ) -> None:
        super().__init__()
        sizes = (sum(source.size for source in sources), *widths)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.activation = activation
        self.squashes = squash == "symlog"
        for layer in self.layers:
            _orthogonal(layer)  # type: ignore[arg-type]

    def forward(self, *inputs: Tensor) -> Tensor:
        """(batch, places, channels) each -> (batch, 1, last width)."""
        x = (
            torch.cat([x.flatten(1) for x in inputs], 1)
            if len(inputs) > 1
            else inputs[0].flatten(1)
        )
        if self.squashes:
            x = symlog(x)
        for layer in self.layers:
            x = layer(x)
            x = activate(self.activation, x)
        return x.unsqueeze(1)


class Dense(nn.Module):
    """One linear layer, e.g. a policy or value head.

    Args:
        target: type of the output.
        source: type of the input.
        gain: gain of the orthogonal initialisation.
    """

    def __init__(self, target: FieldType, source: FieldType, gain: float = 1.0) -> None:
        super().__init__()
        self.shape = target.shape
        self.linear = nn.Linear(source.size, target.size)
        _orthogonal(self.linear, gain)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, places, channels)."""
        return self.linear(x.flatten(1)).view(-1, *self.shape)


class Reconstruction(nn.Module):
    """What a linear map of features misses of observation terms.

    Args:
        source: type of the features.
        size: entries of the terms together.
    """

    def __init__(self, source: FieldType, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(source.size, size)
        _orthogonal(self.linear, 1.0)

    def forward(self, features: Tensor, *terms: Tensor) -> Tensor:
        """(batch, places, channels) each -> (batch, 1, entries of the terms)."""
        target = torch.cat([term.flatten(1) for term in terms], 1)
        return (self.linear(features.flatten(1)) - symlog(target)).unsqueeze(1)


class PatchTokens(nn.Module):
    """Patches of an image as tokens, a class token before them, learnt positions or none.

    Args:
        source: grid x channels.
        patch: side of a patch in pixels.
        width: channels of a token.
        positions: whether a learnt embedding tells the tokens apart; without, every order of the
            patches looks alike.
        points: sizes of further vector inputs, mapped and added to the class token.
    """

    def __init__(
        self,
        source: FieldType,
        patch: int,
        width: int,
        positions: bool = True,
        points: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        rows, columns = source.base.shape
        self.patch = patch
        self.grid = (rows // patch, columns // patch)
        count = self.grid[0] * self.grid[1]
        self.linear = nn.Linear(patch * patch * source.fibre.size, width)
        self.points = nn.ModuleList(nn.Linear(size, width) for size in points)
        self.token = nn.Parameter(torch.randn(width) * 0.5)
        self.position = nn.Parameter(torch.randn(count + 1, width) * 0.5) if positions else None

    def forward(self, x: Tensor, *points: Tensor) -> Tensor:
        """(batch, pixels, channels) -> (batch, 1 + patches, width)."""
        rows, columns = self.grid
        x = x.view(-1, rows, self.patch, columns, self.patch, x.shape[-1]).transpose(2, 3)
        x = self.linear(x.reshape(x.shape[0], rows * columns, -1))
        token = self.token.expand(x.shape[0], 1, -1)
        for layer, point in zip(self.points, points, strict=True):
            token = token + layer(point.flatten(1)).unsqueeze(1)
        x = torch.cat([token, x], 1)
        return x if self.position is None else x + self.position


class Attention(nn.Module):
    """A pre-norm transformer block.

    Args:
        width: channels of a token.
        heads: number of heads.
        expansion: width of the two-layer map as a multiple of the channels; 0 for none.
    """

    def __init__(self, width: int, heads: int, expansion: int = 0) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width)
        self.mlp = _two_layers(width, width * expansion) if expansion else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) -> the same shape."""
        q, k, v = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.output(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x if self.mlp is None else x + self.mlp(x)


class ReadToken(nn.Module):
    """LayerNorm of the class token, a dense layer, GELU.

    Args:
        width: channels of a token.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) -> (batch, 1, width)."""
        return gelu(self.linear(self.norm(x[:, :1])))


def _two_layers(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
    )


def _orthogonal(layer: nn.Linear | nn.Conv2d, gain: float = math.sqrt(2)) -> None:
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


@module.register
def _(operation: operations.Dense) -> Dense:
    return Dense(operation.target, operation.source, operation.gain)


@module.register
def _(operation: operations.Perceptron) -> Perceptron:
    settings = (operation.activation, operation.squash)
    return Perceptron(operation.sources, operation.widths, *settings)


@module.register
def _(operation: operations.Reconstruction) -> Reconstruction:
    return Reconstruction(operation.source, operation.output.size)


@module.register
def _(operation: operations.Convolutions) -> Convolutions:
    layers = operation.layers
    return Convolutions(
        operation.source,
        tuple(layer.channels for layer in layers),
        tuple(layer.windows for layer in layers),
        tuple(layer.pool for layer in layers),
        operation.width,
    )


@module.register
def _(operation: operations.PatchTokens) -> PatchTokens:
    return PatchTokens(
        operation.source,
        operation.patch,
        operation.width,
        operation.positions,
        tuple(point.size for point in operation.points),
    )


@module.register
def _(operation: operations.Attention) -> Attention:
    return Attention(operation.width, operation.heads, operation.expansion)


@module.register
def _(operation: operations.ReadToken) -> ReadToken:
    return ReadToken(operation.width)
