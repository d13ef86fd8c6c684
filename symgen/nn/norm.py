"""Normalisations that commute with the group."""

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.nn.exact import ExactBuffers


class FieldNorm(nn.Module):
    """LayerNorm over the channels of each place, with one scale and one shift per orbit of channels.

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
        self.eps, self.channels = eps, field.fibre.size
        self.weight = nn.Parameter(torch.ones(int(orbit.max()) + 1))
        self.bias = nn.Parameter(torch.zeros(int(orbit.max()) + 1))

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) -> (..., channels)."""
        scale, shift = self.weight.index_select(0, self.orbit), self.bias.index_select(0, self.orbit)
        return nn.functional.layer_norm(x, (self.channels,), scale, shift, self.eps)


class RunningNorm(ExactBuffers):
    """Observations minus their running mean, divided by their running deviation, both constant under the group.

    The mean is projected on the invariant features (for permutations: averaged over orbits), the variance averaged
    over the orbits of entries, so that normalising commutes with the group. Nothing is trained; `update` is called by
    the algorithm. In a picture it quiets what never changes and raises what is rare.

    Args:
        field: type of the observation term.
        clip: largest absolute normalised value; where channels are mixed, largest length of those that mix.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor
    projector: Tensor | None
    orbit: Tensor
    blocks: Tensor | None

    def __init__(self, field: FieldType, clip: float = 10.0) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.zeros(field.size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(field.size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        permutes = field.fibre.kind == "permutation"
        projector = None if permutes else torch.from_numpy(_invariant_projector(field))
        self.register_buffer("projector", projector, persistent=False)
        self.register_buffer("orbit", torch.from_numpy(field.entry_orbits.reshape(-1)), persistent=False)
        mixed = torch.from_numpy(vector(field.fibre).entry_orbits.reshape(-1))  # [channel]
        blocks = None if field.fibre.is_signed_permutation else nn.functional.one_hot(mixed).double()
        self.register_buffer("blocks", blocks, persistent=False)  # [channel, block]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same; the identity until the first update."""
        mean = self.mean.to(x.dtype).view(x.shape[1:])
        deviation = (self.variance + 1e-8).sqrt().to(x.dtype).view(x.shape[1:])
        return self._clipped((x - mean) / deviation)

    def _clipped(self, x: Tensor) -> Tensor:
        """Bounded entries; where the fibre rotates channels into each other, bounded lengths, for a box has corners."""
        if self.blocks is None:
            return x.clamp(-self.clip, self.clip)
        blocks = self.blocks.to(x.dtype)
        length = (x.square() @ blocks).sqrt()
        return x * ((self.clip / length.clamp_min(self.clip)) @ blocks.T)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take a batch into the running moments (Chan et al. 1979, parallel variance)."""
        batch = x.reshape(x.shape[0], -1).double()
        mean = batch.mean(0)
        mean = self._over_orbits(mean) if self.projector is None else self.projector @ mean
        variance = ((batch - mean) ** 2).mean(0)
        weight = batch.shape[0] / (self.count + batch.shape[0])
        step = mean - self.mean
        merged = self.variance * (1 - weight) + variance * weight + step**2 * weight * (1 - weight)
        self.variance.copy_(self._over_orbits(merged))
        self.mean.add_(step * weight)
        self.count.add_(batch.shape[0])

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
