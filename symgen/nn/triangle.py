"""The triangle layer of SiT: scores of a pair mixed with those of the two other sides of a
triangle, eq. 4.

Weissenbacher et al. 2024: Gamma_rot[i,j] = Theta[i->j->k] Gamma[i,j] + Theta[j->k->i] Gamma[j,k] +
Theta[k->i->j] Gamma[k,i]. The third vertex k is found by a right turn, so a mirror changes the
layer and a turn does not.
"""

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.triangles import Triangles
from symgen.nn._fast_expansion import Expandable
from symgen.nn._fast_triangles import Mixing, mixed_scores


class TriangleLayer(Expandable[list[Mixing]]):
    """Mix the scores of every pair of places with those of its triangle; weights per head and
    angle.

    Args:
        triangles: tables for the n places of the graph.
        heads: number of heads.
        tokens: number of places before those n; their rows and columns pass through.
        layers: 1, or 2 as in SiT*: the second is Theta_2(gelu(Gamma_rot)) - Gamma_rot.

    The weights start as U(-1, 1), so that the three terms together keep the variance of the scores.
    """

    sides: Tensor
    labels: Tensor
    graph_pairs: Tensor

    def __init__(self, triangles: Triangles, heads: int, tokens: int = 0, layers: int = 1) -> None:
        super().__init__()
        for name, table in _tables(triangles, tokens).items():
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        self.tokens = tokens
        self.theta = nn.Parameter(torch.empty(layers, heads, triangles.label_count).uniform_(-1, 1))

    def expand(self) -> list[Mixing]:
        """What each layer multiplies and gathers."""
        return [self._mixing(theta) for theta in self.theta.unbind(0)]

    def _mixing(self, theta: Tensor) -> Mixing:
        # three weights more: of a pair without a triangle, whose three terms are the pair itself;
        # and of a token's pair, which stays as it is
        one = torch.ones_like(theta[:, :1])
        weights = torch.cat([theta, 3 * theta[:, :1], one, torch.zeros_like(one)], 1)
        # the way back of gather is quicker than that of index_select
        weights = weights.gather(1, self.labels.expand(len(theta), -1))
        return Mixing(weights.view(len(theta), 3, -1), self.sides)

    def forward(self, scores: Tensor, layers: list[Mixing] | None = None) -> Tensor:
        """(batch, heads, i, j) -> the same shape; `layers` from `expansion()`, where they are
        at hand.
        """
        first, *others = self.expansion() if layers is None else layers
        mixed = mixed_scores(scores, first)
        for layer in others:
            again = mixed_scores(nn.functional.gelu(mixed), layer) - mixed
            mixed = torch.where(self.graph_pairs, again, mixed) if self.tokens else again
        return mixed


def _tables(triangles: Triangles, tokens: int) -> dict[str, np.ndarray]:
    """The buffers of TriangleLayer; three labels more, see TriangleLayer.expand."""
    places = triangles.degenerate.shape[0]
    count = triangles.label_count
    full = places + tokens
    inner = slice(tokens, None)
    real = ~triangles.degenerate
    labels = np.stack([np.full((full, full), count + extra) for extra in (1, 2, 2)])
    terms = (triangles.labels_ij, triangles.labels_jk, triangles.labels_ki)
    for table, term, otherwise in zip(labels, terms, (count, count + 2, count + 2), strict=True):
        table[inner, inner] = np.where(real, term, otherwise)
    itself = np.arange(full**2).reshape(full, full)
    sides = np.stack([itself, itself])
    for table, side in zip(sides, (triangles.jk, triangles.ki), strict=True):
        first, second = np.divmod(side.reshape(places, places), places)
        moved = itself[tokens + first, tokens + second]
        table[inner, inner] = np.where(real, moved, itself[inner, inner])
    graph_pairs = np.zeros((full, full), dtype=bool)
    graph_pairs[inner, inner] = True
    return {
        "labels": labels.reshape(-1),
        "sides": sides.reshape(2, -1),
        "graph_pairs": graph_pairs,
    }
