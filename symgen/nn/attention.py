"""Graph symmetric attention (SiT, Weissenbacher et al. 2024, section 3, eq. 3), over fibres that
the group may move.

Q, K and V are equivariant maps of the input at every place; the graph matrices G_q, G_k, G_v then
mix the places, one matrix theta[label] per channel. Scores are inner products over whole fibres, so
they are equal for pairs that the group carries into each other. No position embedding: position
enters through the labels alone.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, scaled_dot_product_attention

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import direct_sum
from symgen.algebra.triangles import Triangles, triangle_tables
from symgen.nn.build import module
from symgen.nn.graph_matrix import GraphMatrices
from symgen.nn.norm import FieldNorm
from symgen.nn.scores import ON_SCORES, Scores, Symmetrise
from symgen.nn.tied_linear import TiedLinear
from symgen.operations import attention as operations
from symgen.operations.maps import fine_labels

MIXED = ("q", "k", "v")
IN_CACHE = 131_072
"""How many features are worked on at a time."""
FEW_PLACES = 40
"""Up to so many, writing the scores out is quicker than the fused kernel."""
SMALLEST_PIECE = 64
"""Samples in a piece: with fewer, the calls cost more than the cache saves."""


class GraphAttention(nn.Module):
    """One block: norm, graph symmetric attention, output map, skip; and an optional two-layer map
    at every place.

    Args:
        field: type of the input and output; its fibre is `copies` copies of one permutation
            representation.
        labels: see GraphMatrices, for the last n places; places before them are tokens that no
            graph matrix touches.
        heads: number of heads; divides the number of copies.
        matrices: which of "q", "k", "v" carry a graph matrix, and which of "left", "additive",
            "hadamard" the scores.
        symmetrise: add the transpose to the scores (a sum, as in the paper): M + M^T = [Q K][K
            Q]^T; see also Scores.
        expansion: width of the two-layer map at every place as a multiple of the fibre; 0 for none
            (as in the paper).
        pairs: label of every pair of the last n places, shape (n, n), for the scores.
        activation: of the scores, see Scores.
        triangles: tables of the triangle layer, None for none.
        triangle_layers: 1, or 2 as in SiT*.
        dropout: probability of a label to be zero in training.
        fine: finer labels for a learnt symmetry breaking of the graph matrices, see
            GraphMatrices; None for none.
        relaxation: how the maps at every place may break the symmetry, see TiedLinear; None for
            an exact block.
    """

    row_scale: Tensor

    def __init__(
        self,
        field: FieldType,
        labels: np.ndarray,
        heads: int,
        matrices: Sequence[str] = ("q", "k"),
        symmetrise: Symmetrise = True,
        expansion: int = 0,
        pairs: np.ndarray | None = None,
        activation: str = "none",
        triangles: Triangles | None = None,
        triangle_layers: int = 1,
        dropout: float = 0.0,
        fine: np.ndarray | None = None,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        ((copies, atom),) = field.fibre.blocks
        place = vector(field.fibre)
        triple = vector(direct_sum((3 * copies, atom)))
        self.heads = heads
        self.symmetrise = symmetrise
        self.width = field.fibre.size
        # the maps that a graph matrix follows come first
        self.order = [name for name in MIXED if name in matrices] + [
            name for name in MIXED if name not in matrices
        ]
        # the scores' factor 1 / sqrt(channels of a head) is taken into the rows that make the
        # queries
        scale = [(self.width // heads) ** -0.5 if name == "q" else 1.0 for name in self.order]
        rows = torch.tensor(scale, dtype=torch.float64).repeat_interleave(self.width).unsqueeze(1)
        # kept in float64 so that a network turned into float64 is exact there
        self.register_buffer("row_scale", rows, persistent=False)
        self.norm = FieldNorm(field)
        self.qkv = TiedLinear(triple, place, "place", bias=False, relaxation=relaxation)
        tokens = field.base.size - labels.shape[0]
        mixed = sum(name in matrices for name in MIXED)
        self.graph = (
            GraphMatrices(labels, copies, mixed, tokens, dropout, fine, field) if mixed else None
        )
        forms = [kind for kind in ON_SCORES if kind in matrices]
        plain = not forms and symmetrise != "both" and activation == "none" and triangles is None
        pairs = labels[:, :, 0] if pairs is None else pairs
        self.scores = (
            None
            if plain
            else Scores(
                pairs,
                heads,
                tokens,
                forms,
                symmetrise,
                activation,
                triangles,
                triangle_layers,
                dropout,
            )
        )
        self.output = TiedLinear(place, place, "place", gain=0.5, relaxation=relaxation)
        self.mlp = PlaceMlp(field, expansion) if expansion else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same shape.

        A large batch is taken in pieces that the cache holds: up to a third faster on a CPU.
        """
        matrix, _ = self.qkv._expanded or self.qkv.expand()
        matrix = matrix * self.row_scale.to(matrix.dtype)
        mixing = None if self.graph is None else self.graph()
        size = max(SMALLEST_PIECE, IN_CACHE // (x.shape[1] * x.shape[2]))
        if (
            torch.compiler.is_compiling() or x.shape[0] < 2 * size
        ):  # a compiled graph fits every batch size
            return self._block(x, matrix, mixing)
        return torch.cat([self._block(piece, matrix, mixing) for piece in x.split(size)])

    def _block(self, x: Tensor, matrix: Tensor, mixing: Tensor | None) -> Tensor:
        attended = self._attend(**self._project(x, matrix, mixing))
        x = x + self.output(attended.transpose(1, 2).flatten(2))
        return x if self.mlp is None else self.mlp(x)

    def _project(self, x: Tensor, matrix: Tensor, mixing: Tensor | None) -> dict[str, Tensor]:
        """(batch, places, channels) -> q, k and v, each (batch, heads, places, channels per head).

        The features are taken place by place, so that the matrix product leaves (channels, places,
        batch), the layout in which graph matrices multiply fastest; nothing is copied between the
        two.
        """
        batch, places, _ = x.shape
        y = self.norm(x.transpose(0, 1)).reshape(places * batch, self.width)
        parts: list[Tensor] = []
        mixed = 0 if mixing is None else mixing.shape[0] // self.width
        if mixing is not None:
            first = torch.mm(matrix[: mixed * self.width], y.t()).view(-1, places, batch)
            first = torch.bmm(mixing, first).view(mixed, self.heads, -1, places, batch)
            parts += first.permute(0, 4, 1, 3, 2).unbind(0)
        if mixed < 3:
            rest = linear(y, matrix[mixed * self.width :]).view(
                places, batch, 3 - mixed, self.heads, -1
            )
            parts += rest.permute(2, 1, 3, 0, 4).unbind(0)
        return dict(zip(self.order, parts, strict=True))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """softmax(scores) V, by torch's fused kernel where there are many places and nothing else
        changes the scores.

        All are of shape (batch, heads, places, channels per head), the queries already scaled.
        """
        if self.scores is not None:
            return self.scores(q, k, v)
        channels = q.shape[-1]
        if q.shape[2] <= FEW_PLACES:
            scores = torch.matmul(q, k.transpose(-1, -2))
            scores = scores + scores.transpose(-1, -2) if self.symmetrise else scores
            return torch.matmul(torch.softmax(scores, -1), v)
        if not self.symmetrise:
            return scaled_dot_product_attention(q, k, v, scale=1.0)
        # the kernel wants values as wide as queries; without, torch falls back to a slow one
        q, k, v = torch.cat([q, k], -1), torch.cat([k, q], -1), pad(v, (0, channels))
        return scaled_dot_product_attention(q, k, v, scale=1.0)[..., :channels]


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
    ((_, atom),) = operation.field.fibre.blocks
    graph = operation.graph
    return GraphAttention(
        operation.field,
        graph.fibre_labels(atom),
        operation.heads,
        operation.matrices,
        operation.symmetrise,
        operation.expansion,
        graph.labels,
        operation.activation,
        triangle_tables(graph.base) if operation.triangles else None,
        operation.triangles or 1,
        operation.dropout,
        None if operation.relaxation is None else fine_labels(graph),
        operation.relaxation,
    )
