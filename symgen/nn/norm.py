"""Normalisations that commute with the group."""

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import bias
from symgen.nn.build import module
from symgen.nn.exact import ExactBuffers
from symgen.operations import norm as operations


class FieldNorm(nn.Module):
    """LayerNorm over the channels of each place, with one scale and one shift per orbit of
    channels.

    Mean and variance over all channels are invariant where the fibre permutes its channels.

    Args:
        field: the type, whose fibre permutes its channels.

    Raises:
        ValueError: the fibre does more than permute.
    """

    orbit: Tensor

    def __init__(self, field: FieldType, eps: float = 1e-5) -> None:
        super().__init__()
        if field.fibre.kind != "permutation":
            raise ValueError(f"LayerNorm does not commute with the fibre {field.fibre}")
        orbit = torch.from_numpy(vector(field.fibre).entry_orbits.reshape(-1))
        self.register_buffer("orbit", orbit, persistent=False)
        self.eps = eps
        self.channels = field.fibre.size
        self.weight = nn.Parameter(torch.ones(int(orbit.max()) + 1))
        self.bias = nn.Parameter(torch.zeros(int(orbit.max()) + 1))

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> (..., channels)."""
        scale = self.weight.index_select(0, self.orbit)
        shift = self.bias.index_select(0, self.orbit)
        return nn.functional.layer_norm(x, (self.channels,), scale, shift, self.eps)


class NormedTanh(nn.Module):
    """FieldNorm, then tanh: bounded features that keep their type.

    Args:
        field: see FieldNorm.
    """

    def __init__(self, field: FieldType) -> None:
        super().__init__()
        self.norm = FieldNorm(field)

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> (..., channels)."""
        return torch.tanh(self.norm(x))


class FieldBatchNorm(nn.Module):
    """BatchNorm with one mean, variance, scale and shift per orbit of channels, so that it commutes
    with the group.

    Statistics are taken over the batch, the places and the channels of an orbit, in training; their
    running means serve in evaluation. A channel that changes sign has its mean taken with its sign;
    where an orbit has no invariant vector (a lone sign) the mean is zero and there is no shift. The
    state has the same keys in both modes.

    Args:
        field: the type; its fibre permutes channels up to sign.
        momentum: weight of the newest batch in the running statistics.

    Raises:
        ValueError: the fibre mixes channels.
    """

    orbit: Tensor
    sign: Tensor
    which: Tensor
    share: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, field: FieldType, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        fibre = vector(field.fibre)
        table = bias(fibre)
        if table.index is None:
            raise ValueError(f"BatchNorm does not commute with the fibre {field.fibre}")
        orbit = torch.from_numpy(fibre.entry_orbits.reshape(-1))
        index = torch.from_numpy(table.index.reshape(-1))
        sign = torch.ones(len(index))
        if table.sign is not None:
            sign = torch.from_numpy(table.sign.reshape(-1)).float()
        count = int(orbit.max()) + 1
        self.register_buffer("orbit", orbit, persistent=False)  # of each channel
        # of each channel; 0 where it has no mean and no shift
        self.register_buffer("sign", torch.where(index < 0, 0.0, sign), persistent=False)
        self.register_buffer("which", index.clamp_min(0), persistent=False)  # shift of each channel
        self.register_buffer("share", 1 / torch.bincount(orbit)[orbit].float(), persistent=False)
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("variance", torch.ones(count))
        self.weight = nn.Parameter(torch.ones(count))
        self.bias = nn.Parameter(torch.zeros(table.weights)) if table.weights else None
        self.momentum = momentum
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> the same, with the statistics of this batch; they enter the running
        ones.
        """
        variance, mean = torch.var_mean(x, tuple(range(x.ndim - 1)), correction=0)
        mean, variance = self._over_orbits(mean, variance)
        with torch.no_grad():
            self.mean.lerp_(mean.to(self.mean.dtype), self.momentum)
            self.variance.lerp_(variance.to(self.variance.dtype), self.momentum)
        scale, shift = self.affine(mean, variance)
        return torch.addcmul(shift, x, scale)

    def _over_orbits(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Moments of each channel -> moments of each orbit."""
        zeros = torch.zeros_like(self.weight)
        signed = zeros.index_add(0, self.orbit, mean * self.sign * self.share)
        around = (variance + (mean - signed[self.orbit] * self.sign).square()) * self.share
        return signed, zeros.index_add(0, self.orbit, around)

    def affine(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift of each channel from the moments of the orbits."""
        scale = (self.weight * (variance + self.eps).rsqrt())[self.orbit]
        shift = -mean[self.orbit] * scale
        if self.bias is not None:
            shift = shift + self.bias[self.which]
        return scale, shift * self.sign


class RunningNorm(ExactBuffers):
    """Observations minus their running mean, divided by their running deviation, both constant
    under the group.

    The mean is projected on the invariant features (for permutations: averaged over orbits), the
    variance averaged over the orbits of entries, so that normalising commutes with the group.
    Nothing is trained; `update` is called by the algorithm. In an image it quiets what never
    changes and raises what is rare.

    Law: until the first update it is the identity, for observations of any size; what is clipped is
        normalised.

    Args:
        field: type of the observation term.
        clip: largest normalised value, in standard deviations; where channels are mixed, largest
            length of those that mix. None: no bound.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor
    projector: Tensor | None
    orbit: Tensor
    blocks: Tensor | None

    def __init__(self, field: FieldType, clip: float | None = 10.0) -> None:
        super().__init__()
        self.clip = clip
        self.channels = field.fibre.size
        self.register_buffer("mean", torch.zeros(field.size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(field.size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        permutes = field.fibre.kind == "permutation"
        projector = None if permutes else torch.from_numpy(_invariant_projector(field))
        self.register_buffer("projector", projector, persistent=False)
        self.register_buffer(
            "orbit", torch.from_numpy(field.entry_orbits.reshape(-1)), persistent=False
        )
        mixed = torch.from_numpy(vector(field.fibre).entry_orbits.reshape(-1))  # [channel]
        blocks = (
            None if field.fibre.is_signed_permutation else nn.functional.one_hot(mixed).double()
        )
        self.register_buffer("blocks", blocks, persistent=False)  # [channel, block]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same."""
        # a tensor: which branch is taken is no part of a compiled or exported network
        seen = self.count > 0
        mean = self.mean.to(x.dtype).view(x.shape[1:])
        deviation = (
            torch.where(seen, self.variance + 1e-8, 1.0).sqrt().to(x.dtype).view(x.shape[1:])
        )
        return self._clipped((x - mean) / deviation, seen)

    def _clipped(self, x: Tensor, seen: Tensor) -> Tensor:
        """Bounded entries; where the fibre rotates channels into each other, bounded lengths, for a
        box has corners.
        """
        if self.clip is None:
            return x
        if self.blocks is None:
            limit = torch.where(seen, self.clip, torch.inf).to(x.dtype)
            return x.clamp(-limit, limit)
        blocks = self.blocks.to(x.dtype)
        length = (x.square() @ blocks).sqrt()
        shortened = torch.where(seen, self.clip / length.clamp_min(self.clip), 1.0).to(x.dtype)
        return x * (shortened @ blocks.T)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take a batch into the running moments (Chan et al. 1979, parallel variance)."""
        batch = x.reshape(x.shape[0], -1).to(self.mean.dtype)
        mean = batch.mean(0)
        mean = self._over_orbits(mean) if self.projector is None else self.projector @ mean
        variance = ((batch - mean) ** 2).mean(0)
        weight = batch.shape[0] / (self.count + batch.shape[0])
        step = mean - self.mean
        merged = self.variance * (1 - weight) + variance * weight + step**2 * weight * (1 - weight)
        self.variance.copy_(self._over_orbits(merged))
        self.mean.add_(step * weight)
        self.count.add_(batch.shape[0])

    @torch.no_grad()
    def take_over(self, trained: "RunningNorm") -> None:
        """The statistics of another number of places, where all places have the same.

        Raises:
            ValueError: they differ from place to place, or are of other channels.
        """
        self.mean.copy_(self._of_places(trained.mean, trained.channels))
        self.variance.copy_(self._of_places(trained.variance, trained.channels))
        self.count.copy_(trained.count)

    def _of_places(self, entries: Tensor, channels: int) -> Tensor:
        """Numbers of the entries of another number of places, for the places there are here."""
        if entries.shape == self.mean.shape:
            return entries
        rows = entries.reshape(-1, channels)
        if channels != self.channels or not torch.equal(rows, rows[:1].expand_as(rows)):
            raise ValueError("the statistics of an observation differ from place to place")
        return rows[0].repeat(len(self.mean) // channels)

    def _over_orbits(self, entries: Tensor) -> Tensor:
        """The mean over each orbit of entries, at every entry."""
        sizes = torch.bincount(self.orbit).to(entries.dtype)
        return (torch.zeros_like(sizes).index_add(0, self.orbit, entries) / sizes)[self.orbit]


def _invariant_projector(field: FieldType) -> np.ndarray:
    """The orthogonal projection on the invariant features, shape (size, size)."""
    identity = np.eye(field.size)
    conditions = [
        field.act(g, identity.reshape(-1, *field.shape)).reshape(field.size, -1).T - identity
        for g in field.group.generators
    ]
    if not conditions:
        return identity
    _, values, vectors = np.linalg.svd(np.concatenate(conditions), full_matrices=False)
    fixed = vectors[values < 1e-9]
    return fixed.T @ fixed


@module.register
def _(operation: operations.RunningNorm) -> RunningNorm:
    return RunningNorm(operation.field, operation.clip)


@module.register
def _(operation: operations.FieldNorm) -> FieldNorm:
    return FieldNorm(operation.field)


@module.register
def _(operation: operations.NormedTanh) -> NormedTanh:
    return NormedTanh(operation.field)
