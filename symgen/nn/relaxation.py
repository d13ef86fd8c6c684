"""Banks with weights: several exact matrices, added up with one weight for every channel of an
atom.
"""

import torch
from torch import Tensor, nn

from symgen.algebra.relaxation import Scaling


class RelaxedWeights(nn.Module):
    """W[o, g; c, h] = sum_l w_l(g) psi_l[o, c, g^-1 h], or w_l(h): exactly equivariant while w_l is
    constant.

    All w start at 1 / L. With banks psi_l of sqrt(L) times an exact matrix's deviation, W then has
    that deviation at the start, and its exact part takes the first Adam step of an exact matrix: L
    banks move by the rate, times 1 / L.

    Args:
        scaling: which weight scales which row or column.
        banks: L.
    """

    index: Tensor
    part: Tensor

    def __init__(self, scaling: Scaling, banks: int) -> None:
        super().__init__()
        self.side = scaling.side
        self.weight = nn.Parameter(torch.full((banks, scaling.weights), 1.0 / banks))
        self.register_buffer("index", torch.from_numpy(scaling.index), persistent=False)
        self.register_buffer("part", torch.from_numpy(scaling.part), persistent=False)
        self.parts = int(scaling.part.max()) + 1

    def forward(self, banks: Tensor) -> Tensor:
        """psi, shape (L, rows, columns) -> W, shape (rows, columns)."""
        weight = self.weight.index_select(1, self.index)
        return (banks * weight.unsqueeze(2 if self.side == "output" else 1)).sum(0)

    @torch.no_grad()
    def spread(self) -> Tensor:
        """The largest difference of w between two elements, max w - min w within a part: mean over
        banks.

        Law (Wang et al. 2024, "Discovering symmetry breaking in physical systems with relaxed group
        convolution", proposition 3.1): it stays zero in training on data and targets that are
        closed under the group.
        """
        highest = self._reduced("amax")
        lowest = self._reduced("amin")
        return (highest - lowest).amax(1).mean()

    def penalty(self) -> Tensor:
        """The variance of w over the channels of a part: mean over banks and channels."""
        mean = self._reduced("mean").index_select(1, self.part)
        return (self.weight - mean).square().mean()

    def _reduced(self, reduction: str) -> Tensor:
        """w reduced over the channels of each part, shape (L, parts)."""
        zeros = self.weight.new_zeros(self.weight.shape[0], self.parts)
        index = self.part.expand_as(self.weight)
        return zeros.scatter_reduce(1, index, self.weight, reduction, include_self=False)
