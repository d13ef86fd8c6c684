"""Equivariant linear maps: free weights, an index table, one matmul.

Law: matrix() @ g.x = g.(matrix() @ x) for every generator g, exactly.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.relaxation import Relaxation, scaling
from symgen.algebra.tying import Tying, bias, number, tie
from symgen.nn._fast_expansion import Expandable
from symgen.nn._fast_spectral import spectral
from symgen.nn.build import module
from symgen.nn.exact import ExactBuffers
from symgen.nn.relaxation import RelaxedWeights
from symgen.operations import tied_linear as operations


class TiedMatrix(ExactBuffers):
    """The equivariant matrix source -> target as a function of its free weights.

    Args:
        target: field type of the rows.
        source: field type of the columns.
        gain: standard deviation of an output entry for unit-variance inputs at initialisation; 0
            gives zeros.
        table: the tying, by default the general one of the two types.
        relaxation: how the matrix may break the symmetry; exact at first. "residual": a free
            matrix is added that starts at zero (Finzi et al. 2021, "Residual pathway priors").
            Otherwise "banks", see RelaxedWeights: where the group exchanges no channels on either
            side, the matrix stays exact. None: exact.
    """

    sign: Tensor | None
    index: Tensor | None

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        gain: float = 1.0,
        table: Tying | None = None,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        table = table or tie(target, source)
        self.target = target
        self.source = source if table.shape[1] == source.size else number(target.group)
        self.shape = table.shape
        self.blocks = [(b.rows.shape[0], b.columns.shape[0]) for b in table.blocks]
        residual = relaxation is not None and relaxation.form == "residual"
        scales = (
            None if relaxation is None or residual else scaling(target, source, relaxation.index)
        )
        count = 1 if relaxation is None or scales is None else relaxation.banks
        self.relaxation = relaxation if residual or scales is not None else None
        # sigma^2 times the mean squared norm of a row equals gain^2 (fan-in of a tied matrix); see
        # RelaxedWeights for L
        deviation = gain * math.sqrt(count * table.shape[0] / max(table.entries, 1.0))
        shape = (table.weights,) if scales is None else (count, table.weights)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1) * math.sqrt(3) * deviation)
        self.banks = None if scales is None else RelaxedWeights(scales, count)
        self.delta = nn.Parameter(torch.zeros(table.shape)) if residual else None
        self._keep(table)

    def _keep(self, table: Tying) -> None:
        """The tables as buffers: indices with signs, or bases."""
        # entry -1 reads a zero appended to the weights
        index = (
            None
            if table.index is None
            else torch.from_numpy(table.index.reshape(-1)).remainder(table.weights + 1)
        )
        self.register_buffer("index", index, persistent=False)
        self.is_free = index is not None and torch.equal(index, torch.arange(table.weights))
        self.has_zeros = table.index is None or bool((table.index < 0).any())
        sign = None if table.sign is None else torch.from_numpy(table.sign).to(torch.int8)
        self.register_buffer("sign", sign, persistent=False)
        for k, block in enumerate(table.blocks):
            flat = block.rows.reshape(-1, 1) * table.shape[1] + block.columns.reshape(1, -1)
            self.register_buffer(f"basis{k}", torch.from_numpy(block.basis), persistent=False)
            self.register_buffer(f"place{k}", torch.from_numpy(flat.reshape(-1)), persistent=False)

    def forward(self) -> Tensor:
        """The matrix, shape (target.size, source.size)."""
        if self.banks is not None:
            return self._signed(self.banks(self._unsigned()))
        return self.tied() if self.delta is None else self.tied() + self.delta

    def tied(self) -> Tensor:
        """The equivariant part that is built in; the banks (L, target.size, source.size) where
        there are any.
        """
        return self._signed(self._unsigned())

    def _signed(self, matrix: Tensor) -> Tensor:
        return matrix if self.sign is None else matrix * self.sign

    def _unsigned(self) -> Tensor:
        """The matrix, or one for each bank, before its entries take their signs."""
        banks = self.weight.shape[:-1]
        shape = (*banks, *self.shape)
        if self.index is None:
            return self._from_blocks(self.weight if banks else self.weight.unsqueeze(0)).view(shape)
        weight = nn.functional.pad(self.weight, (0, 1)) if self.has_zeros else self.weight
        entries = weight if self.is_free else weight.index_select(len(banks), self.index)
        return entries.view(shape)

    def _from_blocks(self, weights: Tensor) -> Tensor:
        """Weights (banks, tied weights) -> matrices (banks, rows x columns)."""
        matrix = weights.new_zeros(len(weights), self.shape[0] * self.shape[1])
        start = 0
        for k, (targets, sources) in enumerate(self.blocks):
            basis = self.get_buffer(f"basis{k}").to(weights.dtype)
            count = targets * sources * basis.shape[0]
            weight = weights[:, start : start + count].unflatten(1, (targets, sources, -1))
            block = torch.einsum("ltsk,kab->ltasb", weight, basis).flatten(1)
            matrix = matrix.index_copy(1, self.get_buffer(f"place{k}"), block)
            start += count
        return matrix

    def project(self, matrix: Tensor) -> Tensor:
        """The equivariant matrix nearest to a matrix (target.size, source.size), in the same shape.

        Law: it equals the Reynolds projection, the average of T_g M S_g^-1 over the group.
        """
        if self.index is None:
            return self._project_on_blocks(matrix)
        flat = self._signed(matrix).reshape(-1)
        zeros = flat.new_zeros(self.weight.shape[-1] + 1)
        mean = zeros.index_add(0, self.index, flat) / zeros.index_add(
            0, self.index, torch.ones_like(flat)
        ).clamp(min=1)
        mean = nn.functional.pad(mean[:-1], (0, 1))  # the last place stands for entries that vanish
        return self._signed(mean.index_select(0, self.index).view(self.shape))

    def _project_on_blocks(self, matrix: Tensor) -> Tensor:
        """The basis matrices of a block are orthogonal: each coefficient is a product divided by a
        squared norm.
        """
        weights = []
        for k, (targets, sources) in enumerate(self.blocks):
            basis = self.get_buffer(f"basis{k}").to(matrix.dtype)
            block = matrix.reshape(-1).index_select(0, self.get_buffer(f"place{k}"))
            block = block.view(targets, basis.shape[1], sources, basis.shape[2])
            products = torch.einsum("tasb,kab->tsk", block, basis)
            weights.append((products / basis.square().sum((1, 2))).reshape(-1))
        nearest = torch.cat([matrix.new_zeros(0), *weights]).unsqueeze(0)
        return self._from_blocks(nearest).view(self.shape)

    def penalty(self) -> Tensor | None:
        """How far it is from exact: the variance of w (banks) or the mean square of the free
        matrix; None if exact.
        """
        if self.banks is not None:
            return self.banks.penalty()
        return None if self.delta is None else self.delta.square().mean()


class TiedLinear(Expandable[tuple[Tensor, Tensor | None]]):
    """An equivariant linear map of whole features, or of the fibre at every place.

    Args:
        target: field type of the output.
        source: field type of the input.
        scope: "feature" maps (places, channels) to (places, channels) at once; "place" maps the
            fibre at each place with the same matrix (source and target must share the base).
        gain: see TiedMatrix.
        bias: whether an invariant feature is added.
        bias_gain: standard deviation of the bias at initialisation. Between odd nonlinearities it
            must not be zero: without it every feature is odd in a signed input and every invariant
            of it vanishes.
        relaxation: see TiedMatrix. The bias may break it in the form "residual", and stays tied
            with banks.
    """

    def __init__(
        self,
        target: FieldType,
        source: FieldType,
        scope: Literal["feature", "place"] = "feature",
        gain: float = 1.0,
        bias: bool = True,
        bias_gain: float = 0.0,
        relaxation: Relaxation | None = None,
    ) -> None:
        super().__init__()
        self.place = scope == "place"
        if self.place:
            target, source = vector(target.fibre), vector(source.fibre)
        self.out_shape = target.shape
        self.matrix = TiedMatrix(target, source, gain, relaxation=relaxation)
        self.bias = _bias(target, bias_gain, relaxation) if bias else None
        self.spectral = spectral(target, source) if self.matrix.relaxation is None else None
        if self.spectral is not None and self.matrix.index is not None:
            self.matrix.index = self.spectral.rearranged(self.matrix.index)

    def expand(self) -> tuple[Tensor, Tensor | None]:
        """The matrix and the bias as plain tensors."""
        return self.matrix(), None if self.bias is None else self.bias().squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, places, channels) -> (batch, places, channels)."""
        if self.spectral is not None and self._expanded is None:
            y = self.spectral(x, self.matrix.weight)
            return y if self.bias is None else y + self.bias().squeeze(-1)
        matrix, bias = self.expansion()
        if self.place:
            return nn.functional.linear(x, matrix, bias)
        return nn.functional.linear(x.flatten(1), matrix, bias).view(-1, *self.out_shape)


def _bias(target: FieldType, gain: float, relaxation: Relaxation | None) -> TiedMatrix | None:
    table = bias(target)
    residual = relaxation if relaxation is not None and relaxation.form == "residual" else None
    if table.weights == 0 and residual is None:
        return None
    return TiedMatrix(target, number(target.group), gain, table, residual)


@module.register
def _(operation: operations.TiedLinear) -> TiedLinear:
    return TiedLinear(
        operation.target,
        operation.source,
        operation.scope,
        operation.gain,
        bias_gain=operation.bias_gain,
        relaxation=operation.relaxation,
    )
