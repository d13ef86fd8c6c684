"""Symmetry-breaking norms of maps: a number per step, and one per generator.

For a matrix W between features on which the group acts by rho_out and rho_in, both
orthogonal:

    distance    |W - P W| / |W|, with P the orthogonal projection on the matrices that commute with
                the group (the Reynolds projector, the average of rho_out(g) W rho_in(g)^-1 over the
                group); 0 is exact, 1 is the most
    generator   |rho_out(g) W - W rho_in(g)| / |W|, between 0 and 2
    spread      of the banks' weights w over the group, see RelaxedWeights: the largest of the
                step's maps

Norms are Frobenius norms, over all such matrices of a step together, in float64 where the device
has it. What the group cannot tell from an exact map breaks no symmetry, be it learnt by weights
that are free.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.orbits import components
from symgen.nn.device import widest
from symgen.nn.graph_matrix import GraphMatrices
from symgen.nn.relaxation import RelaxedWeights
from symgen.nn.tied_linear import TiedMatrix


class BrokenMaps(NamedTuple):
    """A matrix that may break the symmetry, or several that the group moves together.

    Args:
        matrix: as it is, W.
        rest: W - P W, of the same shape.
        generators: of the group.
        moved: from a generator and a matrix M of that shape to rho_out(g) M rho_in(g)^-1.
    """

    matrix: Tensor
    rest: Tensor
    generators: tuple[str, ...]
    moved: Callable[[str, Tensor], Tensor]


@runtime_checkable
class BreaksSymmetry(Protocol):
    """A module of another kind that may break the symmetry: it measures itself."""

    def broken_maps(self) -> BrokenMaps | None:
        """What it holds, in float64; None where it is exact."""
        ...

    def penalty(self) -> Tensor | None:
        """What a regulariser of 1 adds to the loss; None where it is exact."""
        ...


@torch.no_grad()
def symmetry_breaking(module: nn.Module) -> dict[str, float]:
    """Distance (under ""), size for each generator, and "spread" of banks, of what may break it in
    a module; or empty.
    """
    parts = [maps for maps in map(_broken_maps, module.modules()) if maps is not None]
    if not parts:
        return {}
    size = max(_norm([part.matrix for part in parts]), 1e-30)
    result = {"": _norm([part.rest for part in parts]) / size}
    for generator in parts[0].generators:
        # what commutes with the group drops out of the difference
        changes = [part.moved(generator, part.rest) - part.rest for part in parts]
        result[generator] = _norm(changes) / size
    spreads = [
        float(part.spread()) for part in module.modules() if isinstance(part, RelaxedWeights)
    ]
    return {**result, "spread": max(spreads)} if spreads else result


def penalty(module: nn.Module) -> Tensor | None:
    """The sum of the penalties of what may break it in a module, differentiable; None where nothing
    is.
    """
    penalties = [
        part.penalty()
        for part in module.modules()
        if isinstance(part, TiedMatrix | GraphMatrices | BreaksSymmetry)
    ]
    known = [amount for amount in penalties if amount is not None]
    return torch.stack(known).sum() if known else None


def banked(module: nn.Module) -> dict[str, TiedMatrix]:
    """The maps below a module that have banks, by a name: "" where there is one, else where it
    stands.
    """
    maps = {
        name.removesuffix(".matrix"): part
        for name, part in module.named_modules()
        if isinstance(part, TiedMatrix) and part.banks is not None
    }
    return {"": next(iter(maps.values()))} if len(maps) == 1 else maps


def _broken_maps(module: nn.Module) -> BrokenMaps | None:
    """The matrix of one module that may break it, in float64; None where it holds none."""
    if isinstance(module, TiedMatrix) and module.relaxation is not None:
        matrix = _wide(module())
        rest = matrix - module.project(matrix)
        names = module.target.group.generators
        return BrokenMaps(matrix, rest, names, lambda g, m: _conjugated(module, g, m))
    if isinstance(module, GraphMatrices) and module.delta is not None:
        assert module.field is not None
        field = module.field
        matrices = _wide(module.expand())
        rest = matrices - _averaged(field, matrices)
        names = field.group.generators
        return BrokenMaps(matrices, rest, names, lambda g, m: _carried(field, g, m))
    return module.broken_maps() if isinstance(module, BreaksSymmetry) else None


def _wide(matrix: Tensor) -> Tensor:
    return matrix.to(widest(matrix.device))


def _averaged(field: FieldType, matrices: Tensor) -> Tensor:
    """P of graph matrices (channels, places, places): the mean over the orbits of (channel, place,
    place).
    """
    orbit = torch.from_numpy(_triples(field)).to(matrices.device)
    rows = matrices.reshape(-1, len(orbit))
    sums = rows.new_zeros(len(rows), int(orbit.max()) + 1).index_add(1, orbit, rows)
    return (sums / torch.bincount(orbit)).index_select(1, orbit).view(matrices.shape)


@lru_cache(maxsize=32)
def _triples(field: FieldType) -> np.ndarray:
    """Orbit of each (channel of the atom, place, place), flattened; the fibre permutes its
    channels.
    """
    ((_, atom),) = field.fibre.blocks
    n = field.base.size
    moves = []
    for generator in field.group.generators:
        places = field.base.permutation(generator)
        channels, _ = atom.signed_permutation(generator)
        to = (channels[:, None, None] * n + places[:, None]) * n + places
        moves.append(to.reshape(-1))
    return components(atom.size * n * n, moves)


def _carried(field: FieldType, generator: str, matrices: Tensor) -> Tensor:
    """Graph matrices moved by a generator: entry (c, i, j) goes to (s(c), p(i), p(j))."""
    ((_, atom),) = field.fibre.blocks
    places = field.base.permutation(generator)
    channels, _ = atom.signed_permutation(generator)
    from_places = torch.from_numpy(np.argsort(places))
    from_channels = torch.from_numpy(np.argsort(channels))
    split = matrices.view(-1, atom.size, *matrices.shape[1:])[:, from_channels]
    return split[:, :, from_places][:, :, :, from_places].reshape(matrices.shape)


def _conjugated(module: TiedMatrix, generator: str, matrix: Tensor) -> Tensor:
    """rho_out(g) M rho_in(g)^-1."""
    return _acted(module.source, generator, _acted(module.target, generator, matrix).T).T


def _acted(field: FieldType, generator: str, columns: Tensor) -> Tensor:
    """rho(g) M for a matrix whose columns are features, flattened place by place."""
    table = _table(field, generator)
    if isinstance(table, Tensor):
        return table.to(columns) @ columns
    index, sign = table
    moved = columns.index_select(0, index.to(columns.device))
    return moved if sign is None else moved * sign.to(columns)


@lru_cache(maxsize=512)
def _table(field: FieldType, generator: str) -> Tensor | tuple[Tensor, Tensor | None]:
    """How a generator moves a flattened feature: where each entry comes from and its sign, or a
    matrix.
    """
    if not field.fibre.is_signed_permutation:
        return torch.from_numpy(field.as_representation.matrix(generator))
    index, sign = field.gather(generator)
    signs = None if (sign > 0).all() else torch.from_numpy(sign).unsqueeze(1)
    return torch.from_numpy(index), signs


def _norm(parts: list[Tensor]) -> float:
    return float(sum(float(part.square().sum()) for part in parts) ** 0.5)
