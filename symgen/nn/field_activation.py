"""Nonlinearities that commute with any fibre."""

import torch
from torch import Tensor, nn

from symgen.algebra.representation import Representation
from symgen.algebra.steerable import Vectors, thresholds
from symgen.nn.activation import activate


class FieldActivation(nn.Module):
    """A nonlinearity that commutes with any fibre.

    Atoms that permute their channels take a pointwise one. Of any other atom the direction is kept
    and the length changed: "gated", times the sigmoid of an invariant channel of its own (Weiler et
    al. 2018, "3D steerable CNNs", section 4.4), or "norm", relu(length - threshold) with a learnt
    threshold (Worrall et al. 2017, "Harmonic networks", section 4.2).

    Args:
        fibre: of the features.
        activation: name in torch.nn.functional, or "tanh".
        vectors: what happens to atoms that do not permute their channels.
    """

    def __init__(self, fibre: Representation, activation: str, vectors: Vectors) -> None:
        super().__init__()
        self.blocks = [
            (copies, atom.size, atom.kind == "permutation") for copies, atom in fibre.blocks
        ]
        self.size = fibre.size
        self.activation = activation
        learnt = thresholds(fibre, vectors)
        self.threshold = nn.Parameter(torch.full((learnt,), 0.1)) if learnt else None
        self.pointwise = fibre.kind == "permutation"

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels and gates) -> (..., channels)."""
        if self.pointwise:
            return activate(self.activation, x)
        parts = []
        start = 0
        first = 0
        for copies, size, permutes in self.blocks:
            part = x[..., start : start + copies * size]
            if permutes:
                parts.append(activate(self.activation, part))
            else:
                vectors = part.unflatten(-1, (copies, size))
                factor = self._factor(vectors, x, first, copies)
                parts.append((vectors * factor.unsqueeze(-1)).flatten(-2))
                first += copies
            start += copies * size
        return torch.cat(parts, -1)

    def _factor(self, vectors: Tensor, x: Tensor, first: int, copies: int) -> Tensor:
        """What each vector is multiplied by, (..., copies)."""
        if self.threshold is None:
            return torch.sigmoid(x[..., self.size + first : self.size + first + copies])
        length = (vectors.square().sum(-1) + 1e-12).sqrt()
        return nn.functional.relu(length - self.threshold[first : first + copies]) / length
