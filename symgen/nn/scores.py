"""Attention whose scores are changed pair by pair before the softmax: the general form of SiT, and
the triangle layer.

Weissenbacher et al. 2024, eq. 5: sym(act(G_qk (Q' K'^T) + G_b) * G) with a left-multiplying G_qk,
an additive G_b and a Hadamard factor G, each a matrix of shared weights per head; eq. 6: the sum of
two softmaxes, over the symmetric and over the antisymmetric part; eq. 4: the triangle layer, last
before the softmax.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.triangles import triangle_tables
from symgen.nn._fast_attend import attend
from symgen.nn._fast_expansion import Expandable
from symgen.nn._fast_pieces import by_scores
from symgen.nn._fast_triangles import Mixing
from symgen.nn.activation import activate
from symgen.nn.triangle import TriangleLayer
from symgen.operations.attention import ON_SCORES, GraphAttention


class PairWeights(Expandable[Tensor]):
    """A matrix over pairs of places for every head: theta_h[label(i, j)], zero where there is no
    edge.

    Args:
        kind: what it does to the scores: "hadamard" (starts beside all ones, and leaves tokens
            unscaled), "left" (starts beside the identity, and leaves the rows of tokens) or
            "additive" (nothing is added to tokens).
        labels: label of every pair of the last n places, shape (n, n), -1 for no edge.
        heads: number of heads.
        tokens: number of places before those n.

    The differences from ones, identity and zero start as U(-1, 1) / sqrt(labels), as in the paper
    (left: neighbours).
    """

    index: Tensor

    def __init__(self, kind: str, labels: np.ndarray, heads: int, tokens: int) -> None:
        super().__init__()
        self.count = int(labels.max()) + 1
        self.places = labels.shape[0] + tokens
        index = np.full(
            (self.places, self.places), self.count + (kind == "hadamard"), dtype=np.int64
        )
        index[tokens:, tokens:] = np.where(labels < 0, self.count, labels)
        if kind == "left":
            index[np.arange(tokens), np.arange(tokens)] = self.count + 1
        self.register_buffer("index", torch.from_numpy(index.reshape(-1)), persistent=False)
        spread = (labels >= 0).sum() / len(labels) if kind == "left" else self.count
        theta = torch.empty(heads, self.count).uniform_(-1, 1) / math.sqrt(spread)
        if kind == "hadamard":
            theta += 1.0
        elif kind == "left":
            itself = np.unique(np.diagonal(labels))
            theta[:, torch.from_numpy(itself[itself >= 0])] += 1.0
        self.theta = nn.Parameter(theta)

    def expand(self, theta: Tensor | None = None) -> Tensor:
        """The matrices, shape (heads, places, places)."""
        theta = nn.functional.pad(self.theta if theta is None else theta, (0, 1))
        theta = nn.functional.pad(theta, (0, 1), value=1.0)
        return theta.index_select(1, self.index).view(-1, self.places, self.places)

    def forward(self, dropout: float = 0.0) -> Tensor:
        """The matrices, shape (heads, places, places); with dropout, whole labels are zero."""
        if self._expanded is not None:
            return self._expanded
        return self.expand(drop_labels(self.theta, dropout))


class Scores(nn.Module):
    """softmax(f(Q K^T)) V with f as in equations 3 to 6.

    Args:
        operation: the block of attention that it is part of.
    """

    def __init__(self, operation: GraphAttention) -> None:
        super().__init__()
        graph = operation.graph
        heads = operation.heads
        tokens = operation.field.base.size - graph.base.size
        forms = _forms(operation)
        layers = operation.triangles
        self.symmetrise = operation.symmetrise
        self.activation = operation.activation
        self.dropout = operation.dropout
        self.weights = nn.ModuleDict(
            {kind: PairWeights(kind, graph.labels, heads, tokens) for kind in forms}
        )
        self.triangles = (
            TriangleLayer(triangle_tables(graph.base), heads, tokens, layers) if layers else None
        )
        # nothing but one triangle layer: written out
        self.alone = (
            layers <= 1 and not forms and self.activation == "none" and self.symmetrise != "both"
        )

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Each (batch, heads, places, channels) -> the same shape; the queries are scaled
        already.
        """
        rate = self.dropout if self.training else 0.0
        weights = {kind: module(rate) for kind, module in self.weights.items()}
        layers = [] if self.triangles is None else self.triangles.expansion()
        if self.alone:
            q, k, v = (x.transpose(2, 3) for x in (q, k, v))
            return attend(q, k, v, bool(self.symmetrise), *layers).transpose(2, 3)
        q, k, v = (x.contiguous() for x in (q, k, v))
        return by_scores(lambda q, k, v: self._attend(q, k, v, weights, layers), q, k, v)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, weights: dict[str, Tensor], layers: list[Mixing]
    ) -> Tensor:
        scores = torch.matmul(q, k.transpose(-1, -2))
        # eq. 5: sym(act(G_qk (Q' K'^T) + G_b) * G)
        if "left" in weights:
            scores = torch.matmul(weights["left"], scores)
        if "additive" in weights:
            scores = scores + weights["additive"]
        scores = activate(self.activation, scores)
        if "hadamard" in weights:
            scores = scores * weights["hadamard"]
        parts = self._parts(scores)
        # eq. 4
        if self.triangles is not None:
            parts = [self.triangles(part, layers) for part in parts]
        # eq. 6: the softmaxes are added
        attention = [torch.softmax(part, -1) for part in parts]
        return torch.matmul(attention[0] if len(attention) == 1 else attention[0] + attention[1], v)

    def _parts(self, scores: Tensor) -> list[Tensor]:
        """M, or M + M^T, or that and M - M^T ("both")."""
        if self.symmetrise is False:
            return [scores]
        transposed = scores.transpose(-1, -2)
        if self.symmetrise is True:
            return [scores + transposed]
        return [scores + transposed, scores - transposed]


def needs_scores(operation: GraphAttention) -> bool:
    """Whether anything but the transpose changes the scores."""
    changed = operation.activation != "none" or operation.symmetrise == "both"
    return changed or operation.triangles > 0 or bool(_forms(operation))


def _forms(operation: GraphAttention) -> list[str]:
    """The matrices on the scores, in one order."""
    return [kind for kind in ON_SCORES if kind in operation.matrices]


def drop_labels(theta: Tensor, rate: float) -> Tensor:
    """Zero whole labels, the same ones in every row, and scale the others up; theta of shape (rows,
    labels).
    """
    if rate == 0.0:
        return theta
    return theta * nn.functional.dropout(theta.new_ones(theta.shape[1]), rate)
