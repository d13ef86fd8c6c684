"""Graph matrices: G[i, j] = theta[label(i, j)], one weight for all pairs of places that the group
and the labels unite.

Weissenbacher et al. 2024, section 3. Places that come before the graph's own (class tokens) are
touched by no matrix.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType
from symgen.nn._fast_expansion import Expandable
from symgen.nn.scores import drop_labels


class GraphMatrices(Expandable[Tensor]):
    """The matrices that mix the places of every channel: y[c, i] = sum_j theta_c[label(i, j)] x[c,
    j].

    Args:
        labels: shape (n, n, atom size): label of (target, source, channel of the atom), -1 for no
            edge.
        copies: number of copies of the atom; each has its own weights.
        stack: how many such sets of matrices stand one after the other (for queries, keys, values).
        tokens: number of places before the n of the graph; they stay as they are.
        dropout: probability of a label to be zero in training.
        fine: finer labels of the pairs, shape (n, n), -1 for no edge; every channel has weights of
            its own for them, which start at zero and are added. None for none.
        field: type of the features, which says how far the matrices are from it; needed where
            they may break it.

    Initialised to the identity plus U(-1, 1) / sqrt(neighbours): the mixing starts beside the plain
    map.
    """

    index: Tensor
    fine: Tensor | None

    def __init__(
        self,
        labels: np.ndarray,
        copies: int,
        stack: int = 1,
        tokens: int = 0,
        dropout: float = 0.0,
        fine: np.ndarray | None = None,
        field: FieldType | None = None,
    ) -> None:
        super().__init__()
        self.field = field
        self.stack = stack
        self.places = labels.shape[0] + tokens
        self.count = int(labels.max()) + 1
        self.dropout = dropout
        self.channels = stack * copies * labels.shape[2]
        index = np.stack(
            [with_tokens(label, tokens, self.count) for label in labels.transpose(2, 0, 1)]
        )
        self.register_buffer("index", torch.from_numpy(index.reshape(-1)), persistent=False)
        neighbours = (labels >= 0).sum() / (labels.shape[0] * labels.shape[2])
        self.theta = nn.Parameter(
            torch.empty(stack * copies, self.count).uniform_(-1, 1) / math.sqrt(neighbours)
        )
        with torch.no_grad():
            itself = np.unique(np.einsum("iic->ic", labels))
            self.theta[:, torch.from_numpy(itself[itself >= 0])] += 1.0
        count = 0 if fine is None else int(fine.max()) + 1
        index = (
            None if fine is None else torch.from_numpy(with_tokens(fine, tokens, count).reshape(-1))
        )
        self.register_buffer("fine", index, persistent=False)
        self.delta = None if fine is None else nn.Parameter(torch.zeros(self.channels, count))

    def expand(self, theta: Tensor | None = None) -> Tensor:
        """The matrices, shape (channels, places, places)."""
        tied = self.tied(theta)
        return tied if self.delta is None else tied + self.free()

    def tied(self, theta: Tensor | None = None) -> Tensor:
        """The part of the matrices whose weights are shared on orbits."""
        theta = nn.functional.pad(self.theta if theta is None else theta, (0, 1))
        theta = nn.functional.pad(theta, (0, 1), value=1.0)
        return theta.index_select(1, self.index).view(self.channels, self.places, self.places)

    def free(self) -> Tensor:
        """The part that breaks the symmetry, of the same shape."""
        assert self.delta is not None
        assert self.fine is not None
        delta = nn.functional.pad(self.delta, (0, 2))
        return delta.index_select(1, self.fine).view(self.channels, self.places, self.places)

    def penalty(self) -> Tensor | None:
        """The mean square of the symmetry-breaking weights; None where the matrices are exact."""
        return None if self.delta is None else self.delta.square().mean()

    def forward(self) -> Tensor:
        """The matrices, shape (channels, places, places); with dropout in training, whole labels
        are zero.
        """
        if self._expanded is not None:
            return self._expanded
        return self.expand(drop_labels(self.theta, self.dropout if self.training else 0.0))


def with_tokens(label: np.ndarray, tokens: int, count: int) -> np.ndarray:
    """Labels (n, n), -1 for no edge -> (tokens + n, tokens + n): `count` means zero, `count + 1`
    means one.

    A token is joined to itself alone.
    """
    index = np.full((label.shape[0] + tokens,) * 2, count, dtype=np.int64)
    index[np.arange(tokens), np.arange(tokens)] = count + 1
    index[tokens:, tokens:] = np.where(label < 0, count, label)
    return index
