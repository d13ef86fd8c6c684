"""Read-outs of sensors in any order, see operations/slots.py.

Law: f(p.x) = f(x) for every permutation p of the places. The weights fit any number of places.
"""

import math

import torch
from torch import Tensor, nn

from symgen.nn._fast_expansion import Expandable
from symgen.nn.build import module
from symgen.nn.exact import ExactBuffers
from symgen.operations import slots as operations

GAIN = 3**0.5
"""Of the maps of queries and keys at first. Where logits begin small, a sensor is told from the
others late: CartPoleSwingUpHarder, reshuffled every 100 steps after 24 million of them, returned
112 with torch's own beginning (a third of this), 148 with a gain of 1 and 258 with this one, one
seed each, and 398, 385 and 379 in a fixed order."""


class SlotAttention(ExactBuffers, Expandable[tuple[Tensor, Tensor | None]]):
    """Slots attend to the places, see operations/sensors.py.

    The maps of queries and keys make one: q_m . k_i = (A x_i + a)_m with a matrix A of slots x
    channels, made of few weights; so no step makes keys.

    Args:
        operation: the settings.
    """

    table: Tensor

    def __init__(self, operation: operations.SlotAttention) -> None:
        super().__init__()
        self.operation = operation
        size = operation.query_size
        if operation.queries == "learnt":
            self.table = nn.Parameter(torch.randn(operation.slots, size) / math.sqrt(2))
        else:
            self.register_buffer("table", waves(operation.slots, size), persistent=False)
        self.query = nn.Linear(size, operation.key_size, bias=operation.bias)
        self.key = None
        if operation.maps_keys:
            self.key = nn.Linear(operation.keys.fibre.size, operation.key_size, bias=operation.bias)
        for linear in (self.query, self.key):
            if linear is not None:
                bound = GAIN * (3 / linear.in_features) ** 0.5
                nn.init.uniform_(linear.weight, -bound, bound)
        normed = operation.outer == "relu_norm"
        self.norm = nn.LayerNorm(operation.values.fibre.size) if normed else None
        self.factor = operation.key_size**-0.5 if operation.scale else 1.0

    def expand(self) -> tuple[Tensor, Tensor | None]:
        """A (slots, channels) and a (slots,)."""
        queries = self.query(self.table.to(self.query.weight.dtype)) * self.factor
        if self.key is None:
            return queries, None
        shift = None if self.key.bias is None else queries @ self.key.bias
        return queries @ self.key.weight, shift

    def logits(self, keys: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, places, slots)."""
        return nn.functional.linear(keys, *self.expansion())

    def weights(self, keys: Tensor) -> Tensor:
        """How much each place counts in each slot, (batch, places, slots)."""
        logits = self.logits(keys)
        if self.operation.weighting == "softmax":
            return torch.softmax(logits, 1)
        places = keys.shape[1]
        share = {"sum": 1.0, "mean": 1 / places, "root": places**-0.5}[self.operation.pooling]
        return torch.tanh(logits) if share == 1 else torch.tanh(logits) * share

    def forward(self, keys: Tensor, values: Tensor) -> Tensor:
        """(batch, places, channels) of both -> (batch, 1, slots x channels of the values)."""
        slots = self.weights(keys).transpose(1, 2) @ values
        if self.operation.outer == "tanh":
            slots = torch.tanh(slots)
        elif self.norm is not None:
            slots = self.norm(torch.relu(slots))
        return slots.flatten(1).unsqueeze(1)


def waves(slots: int, size: int) -> Tensor:
    """The position table of Vaswani et al. 2017 (arXiv:1706.03762, section 3.5) over the slots:
    sin(m / 10000^(2k / size)) in column 2k, the cosine in column 2k + 1.
    """
    column = torch.arange(size, dtype=torch.float64)
    rate = 10000.0 ** (-2 * torch.div(column, 2, rounding_mode="floor") / size)
    angle = torch.arange(slots, dtype=torch.float64)[:, None] * rate
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


class SetPooling(nn.Module):
    """Pooling by multihead attention with learnt seeds, see operations/sensors.py.

    Args:
        width: channels of a place.
        seeds: number of them.
        heads: number of heads.
    """

    def __init__(self, width: int, seeds: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.seeds = nn.Parameter(torch.randn(seeds, width))
        self.query, self.key, self.value, self.out, self.layer = (
            nn.Linear(width, width) for _ in range(5)
        )
        self.first_norm = nn.LayerNorm(width)
        self.last_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, 1, seeds x channels)."""
        seeds = self.seeds.expand(x.shape[0], -1, -1)
        query, key, value = (
            linear(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for linear, y in ((self.query, seeds), (self.key, x), (self.value, x))
        )
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        pooled = self.first_norm(seeds + self.out(attended.transpose(1, 2).flatten(2)))
        return self.last_norm(pooled + torch.relu(self.layer(pooled))).flatten(1).unsqueeze(1)


class Pool(nn.Module):
    """The mean over the places."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, 1, channels)."""
        return x.mean(1, keepdim=True)


class SlotConvolutions(nn.Module):
    """Convolutions with ReLU on a grid of slots.

    Args:
        operation: the settings.
    """

    def __init__(self, operation: operations.SlotConvolutions) -> None:
        super().__init__()
        self.shape = (*operation.grid, operation.channels)
        layers = nn.ModuleList()
        before = operation.channels
        for channels, kernel, stride in operation.layers:
            layers.append(nn.Conv2d(before, channels, kernel, stride))
            before = channels
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, slots x channels) -> (batch, 1, channels x rows x columns)."""
        x = x.view(-1, *self.shape).permute(0, 3, 1, 2)
        for convolution in self.layers:
            x = torch.relu(convolution(x))
        return x.flatten(1).unsqueeze(1)


class SlotVotes(ExactBuffers):
    """Rows and columns of the winners of a vote, softly; see operations/sensors.py.

    Args:
        operation: the settings.
    """

    places: Tensor

    def __init__(self, operation: operations.SlotVotes) -> None:
        super().__init__()
        self.winners = operation.winners
        self.channels = operation.channels
        self.query = nn.Linear(operation.channels, operation.size)
        self.key = nn.Linear(operation.channels, operation.size)
        self.log_temperature = nn.Parameter(torch.zeros(1))
        axes = [torch.linspace(-1, 1, side, dtype=torch.float64) for side in operation.grid]
        places = torch.cartesian_prod(*axes)
        self.register_buffer("places", places, persistent=False)  # [slot, row and column]

    def votes(self, x: Tensor) -> Tensor:
        """(batch, 1, slots x channels) -> the share of every slot, (batch, slots)."""
        slots = x.view(x.shape[0], -1, self.channels)
        return torch.softmax(self.query(slots) @ self.key(slots).transpose(1, 2), -1).mean(1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, slots x channels) -> (batch, 1, winners x 2)."""
        sharpness = torch.exp(-self.log_temperature)
        left = torch.log(self.votes(x))
        shares = []
        for _ in range(self.winners):
            share = torch.softmax(left * sharpness, -1)
            shares.append(share)
            left = left + torch.log1p(-share.clamp(max=1 - 1e-6))
        return (torch.stack(shares, 1) @ self.places.to(x.dtype)).flatten(1).unsqueeze(1)


@module.register
def _(operation: operations.SlotAttention) -> SlotAttention:
    return SlotAttention(operation)


@module.register
def _(operation: operations.SetPooling) -> SetPooling:
    return SetPooling(operation.source.fibre.size, operation.seeds, operation.heads)


@module.register
def _(operation: operations.Pool) -> Pool:
    return Pool()


@module.register
def _(operation: operations.SlotConvolutions) -> SlotConvolutions:
    return SlotConvolutions(operation)


@module.register
def _(operation: operations.SlotVotes) -> SlotVotes:
    return SlotVotes(operation)
