"""Graph symmetric attention (SiT, Weissenbacher et al. 2024, section 3, eq. 3), over fibres that
the group may move.

Q, K and V are equivariant maps of the input at every place; the graph matrices G_q, G_k, G_v then
mix the places, one matrix theta[label] per channel. Scores are inner products over whole fibres, so
they are equal for pairs that the group carries into each other. No position embedding: position
enters through the labels alone.
"""

import math

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import direct_sum
from symgen.nn._fast_fused import attention
from symgen.nn._fast_pieces import by_features
from symgen.nn._fast_projection import project
from symgen.nn.build import module
from symgen.nn.graph_matrix import GraphMatrices
from symgen.nn.norm import FieldNorm
from symgen.nn.scores import Scores, needs_scores
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import attention as operations
from symgen.operations.maps import fine_labels


class GraphAttention(nn.Module):
    """One block: norm, graph symmetric attention, output map, skip; and an optional two-layer map
    at every place.

    Args:
        operation: what it computes; places before those of its graph are tokens that no graph
            matrix touches.
    """

    row_scale: Tensor

    def __init__(self, operation: operations.GraphAttention) -> None:
        super().__init__()
        field = operation.field
        relaxation = operation.relaxation
        ((copies, atom),) = field.fibre.blocks
        place = vector(field.fibre)
        triple = vector(direct_sum((3 * copies, atom)))
        self.heads = operation.heads
        self.symmetrise = operation.symmetrise
        # the maps that a graph matrix follows come first
        self.order = sorted(operations.ON_PLACES, key=lambda name: name not in operation.matrices)
        # the scores' factor 1 / sqrt(channels of a head) is taken into the rows that make the
        # queries
        width = field.fibre.size
        scale = [(width // self.heads) ** -0.5 if name == "q" else 1.0 for name in self.order]
        rows = torch.tensor(scale, dtype=torch.float64).repeat_interleave(width).unsqueeze(1)
        # kept in float64 so that a network turned into float64 is exact there
        self.register_buffer("row_scale", rows, persistent=False)
        self.norm = FieldNorm(field)
        self.qkv = TiedLinear(triple, place, "place", bias=False, relaxation=relaxation)
        self.graph = _graph_matrices(operation) if operation.mixed else None
        self.scores = Scores(operation) if needs_scores(operation) else None
        self.output = TiedLinear(place, place, "place", gain=0.5, relaxation=relaxation)
        self.mlp = PlaceMlp(field, operation.expansion) if operation.expansion else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same shape."""
        matrix, _ = self.qkv.expansion()
        matrix = matrix * self.row_scale.to(matrix.dtype)
        mixing = None if self.graph is None else self.graph()
        return by_features(lambda piece: self._block(piece, matrix, mixing), x)

    def _block(self, x: Tensor, matrix: Tensor, mixing: Tensor | None) -> Tensor:
        """x + W softmax(sym(Q K^T)) V with Q = G_q W_q norm(x), K and V alike; and the mlp."""
        attended = self._attend(*self._projected(x, matrix, mixing))
        x = x + self.output(attended.transpose(1, 2).flatten(2))
        return x if self.mlp is None else self.mlp(x)

    def _projected(self, x: Tensor, matrix: Tensor, mixing: Tensor | None) -> tuple[Tensor, ...]:
        """(batch, places, channels) -> q, k and v, each (batch, heads, places, channels per head),
        the queries scaled.
        """
        normed = self.norm(x.transpose(0, 1))
        parts = project(normed, matrix, mixing, self.heads)
        return tuple(parts[self.order.index(name)] for name in operations.ON_PLACES)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self.scores is not None:
            return self.scores(q, k, v)
        return attention(q, k, v, bool(self.symmetrise))


def _graph_matrices(operation: operations.GraphAttention) -> GraphMatrices:
    """Of queries, keys and values, those that there are; they may break the symmetry by finer
    labels.
    """
    field = operation.field
    graph = operation.graph
    ((copies, atom),) = field.fibre.blocks
    return GraphMatrices(
        graph.fibre_labels(atom),
        copies,
        operation.mixed,
        field.base.size - graph.base.size,
        operation.dropout,
        None if operation.relaxation is None else fine_labels(graph),
        field,
    )


class PlaceMlp(nn.Module):
    """x + W2 gelu(W1 norm(x)) at every place; the hidden fibre repeats the input's.

    Args:
        field: type of the input and output, its fibre a multiple of one permutation representation.
        expansion: width of the hidden layer as a multiple of the fibre.
    """

    def __init__(self, field: FieldType, expansion: int) -> None:
        super().__init__()
        place = vector(field.fibre)
        ((copies, atom),) = field.fibre.blocks
        hidden = vector(direct_sum((copies * expansion, atom)))
        self.norm = FieldNorm(field)
        self.first = TiedLinear(hidden, place, "place", gain=math.sqrt(2))
        self.second = TiedLinear(place, hidden, "place", gain=0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same shape."""
        return x + self.second(nn.functional.gelu(self.first(self.norm(x))))


@module.register
def _(operation: operations.GraphAttention) -> GraphAttention:
    return GraphAttention(operation)
