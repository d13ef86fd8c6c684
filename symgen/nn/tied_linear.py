"""Equivariant linear maps: free weights, an index table, one matmul.

Law: matrix() @ g.x = g.(matrix() @ x) for every generator g, exactly.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import Tying, bias, tie
from symgen.nn.exact import ExactBuffers


class TiedMatrix(ExactBuffers):
    """The equivariant matrix source -> target as a function of its free weights.

    Args:
        target: field type of the rows.
        source: field type of the columns.
        gain: standard deviation of an output entry for unit-variance inputs at initialisation; 0 gives zeros.
        table: the tying, by default the general one of the two types.
        relaxed: add a free matrix that starts at zero: exact at first, and free to depart.
    """

    sign: Tensor | None
    index: Tensor | None

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        gain: float = 1.0,
        table: Tying | None = None,
        relaxed: bool = False,
    ) -> None:
        super().__init__()
        table = table or tie(target, source)
        self.shape, self.blocks = table.shape, [(b.rows.shape[0], b.columns.shape[0]) for b in table.blocks]
        # sigma^2 times the mean squared norm of a row equals gain^2 (fan-in of a tied matrix)
        deviation = gain * math.sqrt(table.shape[0] / max(table.entries, 1.0))
        self.weight = nn.Parameter(torch.empty(table.weights).uniform_(-1, 1) * math.sqrt(3) * deviation)
        # entry -1 reads a zero appended to the weights
        index = None if table.index is None else torch.from_numpy(table.index.reshape(-1)).remainder(table.weights + 1)
        self.register_buffer("index", index, persistent=False)
        self.is_free = index is not None and torch.equal(index, torch.arange(table.weights))
        sign = None if table.sign is None else torch.from_numpy(table.sign).to(torch.int8)
        self.register_buffer("sign", sign, persistent=False)
        for k, block in enumerate(table.blocks):
            flat = block.rows.reshape(-1, 1) * table.shape[1] + block.columns.reshape(1, -1)
            self.register_buffer(f"basis{k}", torch.from_numpy(block.basis), persistent=False)
            self.register_buffer(f"place{k}", torch.from_numpy(flat.reshape(-1)), persistent=False)
        self.delta = nn.Parameter(torch.zeros(table.shape)) if relaxed else None
        self.has_zeros = table.index is None or bool((table.index < 0).any())

    def forward(self) -> Tensor:
        """The matrix, shape (target.size, source.size)."""
        return self.tied() if self.delta is None else self.tied() + self.delta

    def tied(self) -> Tensor:
        """The equivariant part of the matrix."""
        if self.index is None:
            return self._from_blocks()
        weight = nn.functional.pad(self.weight, (0, 1)) if self.has_zeros else self.weight
        matrix = (weight if self.is_free else weight.index_select(0, self.index)).view(self.shape)
        return matrix if self.sign is None else matrix * self.sign

    def _from_blocks(self) -> Tensor:
        matrix, start = self.weight.new_zeros(self.shape[0] * self.shape[1]), 0
        for k, (targets, sources) in enumerate(self.blocks):
            basis = getattr(self, f"basis{k}").to(self.weight.dtype)
            count = targets * sources * basis.shape[0]
            weight = self.weight[start : start + count].view(targets, sources, -1)
            block = torch.einsum("tsk,kab->tasb", weight, basis).reshape(-1)
            matrix, start = matrix.index_copy(0, getattr(self, f"place{k}"), block), start + count
        return matrix.view(self.shape)


class TiedLinear(nn.Module):
    """An equivariant linear map of whole features, or of the fibre at every place.

    Args:
        target: field type of the output.
        source: field type of the input.
        scope: "feature" maps (places, channels) to (places, channels) at once; "place" maps the fibre at each place
            with the same matrix (source and target must share the base).
        gain: see TiedMatrix.
        bias: whether an invariant feature is added.
        bias_gain: standard deviation of the bias at initialisation. Between odd nonlinearities it must not be zero:
            without it every feature is odd in a signed input and every invariant of it vanishes.
        relaxed: see TiedMatrix; for the matrix and the bias.
    """

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        scope: Literal["feature", "place"] = "feature",
        gain: float = 1.0,
        bias: bool = True,
        bias_gain: float = 0.0,
        relaxed: bool = False,
    ) -> None:
        super().__init__()
        self.place = scope == "place"
        if self.place:
            target, source = vector(target.fibre), vector(source.fibre)
        self.out_shape = target.shape
        self.matrix = TiedMatrix(target, source, gain, relaxed=relaxed)
        self.bias = _bias(target, bias_gain, relaxed) if bias else None
        self._expanded: tuple[Tensor, Tensor | None] | None = None

    def expand(self) -> tuple[Tensor, Tensor | None]:
        """The matrix and the bias as plain tensors."""
        return self.matrix(), None if self.bias is None else self.bias().squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, places, channels)."""
        matrix, bias = self._expanded or self.expand()
        if self.place:
            return nn.functional.linear(x, matrix, bias)
        return nn.functional.linear(x.flatten(1), matrix, bias).view(-1, *self.out_shape)


def _bias(target: FieldType, gain: float, relaxed: bool) -> TiedMatrix | None:
    table = bias(target)
    if table.weights == 0 and not relaxed:
        return None
    return TiedMatrix(target, target, gain, table, relaxed)
