"""Graph symmetric attention (SiT, Weissenbacher et al. 2024, section 3, eq. 3), over fibres that the group may move.

Q, K and V are equivariant maps of the input at every place; the graph matrices G_q, G_k, G_v then mix the places, one
matrix theta[label] per channel. Scores are inner products over whole fibres, so they are equal for pairs that the group
carries into each other. No position embedding: position enters through the labels alone.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import direct_sum
from symgen.nn.norm import FieldNorm
from symgen.nn.tied_linear import TiedLinear


class GraphMatrix(nn.Module):
    """Mix the places of every channel with a matrix of shared weights: y[i, c] = sum_j theta_c[label(i, j)] x[j, c].

    Args:
        labels: shape (n, n, atom size): label of (target, source, channel of the atom), -1 for no edge.
        copies: number of copies of the atom; each has its own weights.

    Initialised to the identity plus U(-1, 1) / sqrt(neighbours): the mixing starts beside the plain map.
    """

    index: Tensor

    def __init__(self, labels: np.ndarray, copies: int) -> None:
        super().__init__()
        self.places, self.atom, self.copies = labels.shape[0], labels.shape[2], copies
        count = int(labels.max()) + 1
        index = torch.from_numpy(labels.transpose(2, 0, 1).copy()).remainder(count + 1)
        self.register_buffer("index", index, persistent=False)
        neighbours = (labels >= 0).sum() / (labels.shape[0] * labels.shape[2])
        self.theta = nn.Parameter(torch.empty(copies, count).uniform_(-1, 1) / math.sqrt(neighbours))
        with torch.no_grad():
            itself = np.unique(labels[np.arange(self.places), np.arange(self.places)])
            self.theta[:, torch.from_numpy(itself)] += 1.0
        self._expanded: Tensor | None = None

    def expand(self) -> Tensor:
        """The matrices, shape (channels, n, n)."""
        theta = torch.cat([self.theta, self.theta.new_zeros(self.copies, 1)], 1)
        return theta[:, self.index].view(self.copies * self.atom, self.places, self.places)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, channels) -> the same shape."""
        matrices = self.expand() if self._expanded is None else self._expanded
        return torch.bmm(matrices, x.permute(2, 1, 0)).permute(2, 1, 0)


class GraphAttention(nn.Module):
    """One block: norm, graph symmetric attention, output map, skip; and an optional two-layer map at every place.

    Args:
        field: type of the input and output; its fibre is `copies` copies of one permutation representation.
        labels: see GraphMatrix, for the last n places; places before them are tokens that no graph matrix touches.
        heads: number of heads; divides the number of copies.
        matrices: which of "q", "k", "v" carry a graph matrix.
        symmetrise: add the transpose to the scores (a sum, as in the paper): M + M^T = [Q K][K Q]^T.
        expansion: width of the two-layer map at every place as a multiple of the fibre; 0 for none (as in the paper).
    """

    def __init__(
        self,
        field: FieldType,
        labels: np.ndarray,
        heads: int,
        matrices: Sequence[str] = ("q", "k"),
        symmetrise: bool = True,
        expansion: int = 0,
    ) -> None:
        super().__init__()
        ((copies, _),) = field.fibre.blocks
        place = vector(field.fibre)
        self.tokens, self.heads, self.symmetrise = field.base.size - labels.shape[0], heads, symmetrise
        self.scale = (field.fibre.size // heads) ** -0.5
        self.norm = FieldNorm(field)
        self.query, self.key, self.value = (TiedLinear(place, place, "place", bias=False) for _ in range(3))
        self.graph = nn.ModuleDict({name: GraphMatrix(labels, copies) for name in matrices})
        self.output = TiedLinear(place, place, "place", gain=0.5)
        self.mlp = PlaceMlp(field, expansion) if expansion else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> the same shape."""
        y = self.norm(x)
        q, k, v = (
            self._heads(name, layer(y)) for name, layer in (("q", self.query), ("k", self.key), ("v", self.value))
        )
        if self.symmetrise:
            q, k = torch.cat([q, k], -1), torch.cat([k, q], -1)
        attended = scaled_dot_product_attention(q, k, v, scale=self.scale)
        x = x + self.output(attended.transpose(1, 2).flatten(2))
        return x if self.mlp is None else self.mlp(x)

    def _heads(self, name: str, y: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, heads, places, channels per head), graph matrix applied."""
        if name in self.graph:
            mixed = self.graph[name](y[:, self.tokens :])
            y = mixed if self.tokens == 0 else torch.cat([y[:, : self.tokens], mixed], 1)
        return y.unflatten(2, (self.heads, -1)).transpose(1, 2)


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
