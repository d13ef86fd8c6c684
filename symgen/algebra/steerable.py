"""Bases of planar steerable kernels, solved by escnn when a spec is compiled; what runs is plain
torch.

A kernel K between fibres commutes with the group exactly where K(g u) = rho_out(g) K(u)
rho_in(g)^-1 at every pixel u (Weiler & Cesa 2019, "General E(2)-equivariant steerable CNNs",
section 2.3). escnn solves this on rings around the kernel's centre, a circular harmonic times a
Gaussian of the radius each, and samples the solutions at the pixels.

This file alone imports escnn, inside functions. Its samples are float32; here they are projected,
in float64, on the kernels that the elements which take pixels to pixels leave alone, so that a
kernel of C4 or D4 is exact and one of C8 or SO2 is exact for quarter turns. The basis that results
depends on the spanned space alone (`canonical`), because weights that were trained on one machine
are read on another.
"""

import contextlib
import io
import itertools
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import basis_cache, catalogue
from symgen.algebra.group import Group, Planar
from symgen.algebra.orbits import canonical, intertwiners
from symgen.algebra.representation import Representation, direct_sum, standard, trivial
from symgen.errors import Refusal, UserError

Vectors = Literal["gated", "norm"]
"""How a nonlinearity treats what does more than permute its channels, see
nn.steerable_conv.FieldActivation.
"""
FORMAT = 1
"""Counted up when the same question gets another answer, so that old files of the cache are not
read.
"""
MAX_ENTRIES = 33_554_432
"""Largest number of entries of one basis."""
INSTALL = (
    "install it: pip install 'symgen[escnn]' and pip install --no-deps escnn (README, section "
    "Install)"
)
SMALLEST = 1e-3
"""Directions of a sampled basis shorter than this, relative to the longest, do not count."""


def rings(side: int) -> list[tuple[float, float, int]]:
    """(radius, width, largest angular frequency) of each ring of a kernel: escnn's default, which
    avoids aliasing.

    >>> rings(5)
    [(0.0, 0.005, 0), (1.0, 0.6, 2), (2.0, 0.4, 2)]
    """
    last = (side - 1) // 2
    circles = [(0.0, 0.005, 0)]
    for r in range(1, last):
        circles.append((float(r), 0.6, 2 * r - (r + 1) % 2))
    if last:
        circles.append((float(last), 0.4, 2))
    return circles


def harmonics(side: int) -> np.ndarray:
    """The functions on a kernel's pixels that kernels are made of, before sampled ones are
    projected.

    Returns:
        columns, shape (side * side, any number): on each ring a Gaussian of the radius times the
        cosines and sines up to its largest frequency.
    """
    x, y = _pixels(side).T
    radius = np.hypot(x, y)
    angle = np.arctan2(y, x)
    columns = []
    for middle, width, top in rings(side):
        ring = np.exp(-(((radius - middle) / width) ** 2) / 2)
        columns += [ring * np.cos(k * angle) for k in range(top + 1)]
        columns += [ring * np.sin(k * angle) for k in range(1, top + 1)]
    return np.stack(columns, axis=1)


def weights(target: Representation, source: Representation, side: int) -> int:
    """Number of coefficients of a steerable kernel between two fibres. Raises as `kernels` does."""
    return sum(
        copies * repeats * len(kernels(row_atom, column_atom, side))
        for copies, row_atom in target.blocks
        for repeats, column_atom in source.blocks
    )


def with_gates(fibre: Representation, vectors: Vectors) -> Representation:
    """The fibre before a nonlinearity: where vectors are gated, with one invariant channel for each
    of them at the end.

    A vector is here an atom that does more than permute its channels.
    """
    count = _vectors(fibre) if vectors == "gated" else 0
    return direct_sum(fibre, (count, trivial(fibre.group))) if count else fibre


def thresholds(fibre: Representation, vectors: Vectors) -> int:
    """Number of learnt thresholds of a nonlinearity: one for each vector that is not gated."""
    return _vectors(fibre) if vectors == "norm" else 0


def _vectors(fibre: Representation) -> int:
    return sum(copies for copies, atom in fibre.blocks if atom.kind != "permutation")


@lru_cache(maxsize=64)
def kernels(target: Representation, source: Representation, side: int) -> np.ndarray:
    """An orthonormal basis of the steerable kernels, float64 of shape (basis, target.size, side *
    side, source.size).

    Args:
        target: fibre of the output, an atom (no need to solve for copies).
        source: fibre of the input, an atom.
        side: side of the kernel in pixels, odd.

    Raises:
        ValueError: a side that is even, or a basis that is too large.
        UserError: escnn is missing and the basis is not in the cache.
    """
    if side % 2 == 0:
        raise ValueError(f"a steerable kernel has a centre: its side is odd, not {side}")
    shape = (target.size, side**2, source.size)
    name = basis_cache.key(
        FORMAT, target.group.name, rings(side), side, *target.images, 0, *source.images
    )
    basis = basis_cache.cached(name, lambda: _solved(target, source, side), (None, *shape))
    if basis.size > MAX_ENTRIES:
        raise Refusal(
            f"{len(basis)} kernels {source} -> {target} of side {side} have more than "
            f"{MAX_ENTRIES} entries",
            code="too-large",
        )
    return basis


def _solved(target: Representation, source: Representation, side: int) -> np.ndarray:
    sampled = _escnn_samples(target, source, side)
    if not len(sampled):
        return sampled
    exact = _projected(sampled, target, source, side)
    flat = canonical(exact.reshape(len(exact), -1), SMALLEST)
    # rounding errors of the canonical form are projected away once more
    return _projected(flat.reshape(-1, *exact.shape[1:]), target, source, side)


def _projected(
    kernels: np.ndarray, target: Representation, source: Representation, side: int
) -> np.ndarray:
    """The mean of g.K over the elements that take pixels to pixels (the Reynolds operator); K:
    [basis, out, u, in].
    """
    window = bases.plane(target.group, side, side)
    total = np.zeros_like(kernels)
    words = list(exact_words(target.group))
    for word in words:
        moved = np.empty_like(kernels)
        moved[:, :, window.permutation(word)] = kernels
        total += np.einsum(
            "ab,kbuc,dc->kaud", target.matrix(word), moved, source.matrix(word), optimize=True
        )
    return total / len(words)


def exact_words(group: Group) -> Iterator[str]:
    """Words of all elements of C<n>, D<n>, SO2 or O2 that take the pixels of a square to pixels.

    >>> list(exact_words(catalogue.group("D6"))), list(exact_words(catalogue.group("C8")))
    (['', 's', 'r^3', 'r^3s'], ['', 'r^2', 'r^4', 'r^6'])
    """
    turns, mirrors, _ = group.planar or Planar(1, mirrors=False)
    exact = next(q for q in (4, 2, 1) if turns % q == 0)
    for k in range(exact):
        turn = f"r^{k * turns // exact}" if k else ""
        yield from (turn, f"{turn}s") if mirrors else (turn,)


def _escnn_samples(target: Representation, source: Representation, side: int) -> np.ndarray:
    """escnn's sampled basis, (basis, target.size, side * side, source.size)."""
    torch, expansion, space, elements = _space(target.group)
    own = (
        _in_escnn(source, space.fibergroup, elements),
        _in_escnn(target, space.fibergroup, elements),
    )
    circles = rings(side)
    radii = [r for r, _, _ in circles]
    widths = [w for _, w, _ in circles]
    top = {r: f for r, _, f in circles}
    quiet = contextlib.redirect_stdout(io.StringIO())  # escnn prints while it solves
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), quiet:
        warnings.simplefilter("ignore")
        try:
            solved = space.build_kernel_basis(
                *own, widths, radii, maximum_frequency=max(top.values())
            )
            sampled = expansion(
                solved,
                _pixels(side),
                lambda kernel: kernel["irrep:frequency"] <= top[kernel["radius"]],
            )
        except Exception as error:
            if type(error).__name__ != "EmptyBasisException":
                raise
            return np.zeros((0, target.size, side**2, source.size))
    return np.asarray(sampled.sampled_basis.double().numpy().transpose(0, 1, 3, 2))


def _pixels(side: int) -> np.ndarray:
    """Coordinates of a kernel's pixels row by row, x to the right and y up."""
    row, column = np.indices((side, side)).reshape(2, -1) - (side - 1) / 2
    return np.stack([column, -row], -1)


@lru_cache(maxsize=8)
def _space(own: Group) -> tuple[Any, Any, Any, list[Any]]:
    """torch, escnn's sampling, its plane with this group, and the elements of it that are our
    generators.

    Raises:
        UserError: escnn is missing.
    """
    if own.planar is None:
        raise ValueError(f"kernels are steered by C<n>, D<n>, SO2 and O2, not by {own}")
    turns, mirrors, continuous = own.planar
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch
            from escnn import gspaces
            from escnn.nn.modules.basismanager.basisexpansion_singleblock import (
                block_basisexpansion,
            )
        except ImportError as error:
            message = (
                f"the family steerable_conv needs the package escnn to solve the kernels of {own}"
            )
            raise UserError("missing-package", message, INSTALL) from error
        # frequencies beyond those of any representation of ours are never asked for
        make = gspaces.flipRot2dOnR2 if mirrors else gspaces.rot2dOnR2
        space = make(-1 if continuous else turns, maximum_frequency=catalogue.MAX_FREQUENCY)
    plane = standard(own)
    return (
        torch,
        block_basisexpansion,
        space,
        [_element(space, plane.matrix(g), continuous, mirrors) for g in own.generators],
    )


def _element(space: Any, matrix: np.ndarray, continuous: bool, mirrors: bool) -> Any:
    """The element of escnn's group that moves the plane by a matrix; conventions of numbering do
    not matter then.
    """
    group = space.fibergroup
    angle = 2 * np.pi / catalogue.TURNS
    if not continuous:
        elements = list(group.elements)
    elif mirrors:
        elements = [group.element((0, angle)), group.element((1, 0.0))]
    else:
        elements = [group.element(angle)]
    return next(e for e in elements if np.abs(space.basespace_action(e) - matrix).max() < 1e-6)


_NUMBER = itertools.count()


def _in_escnn(own: Representation, group: Any, elements: list[Any]) -> Any:
    """A representation as escnn describes it: irreducible parts and a change of basis."""
    from escnn.group import Representation as Foreign

    columns: list[np.ndarray] = []
    parts: list[tuple[int, ...]] = []
    for irrep in group.irreps():
        moves = tuple(np.asarray(irrep(element), dtype=np.float64) for element in elements)
        for part in _parts(own, Representation(own.group, f"escnn {irrep.id}", irrep.size, moves)):
            columns.append(part)
            parts.append(irrep.id)
    change = np.concatenate(columns, 1)
    if change.shape != (own.size, own.size):
        raise ValueError(f"{own} of {own.group} has parts that escnn does not know")
    # escnn wants no name twice
    return Foreign(
        group, f"{own.name}, {next(_NUMBER)}", parts, change, supported_nonlinearities=[]
    )


def _parts(own: Representation, irrep: Representation) -> list[np.ndarray]:
    """Orthonormal columns for each copy of an irreducible representation, (own.size, irrep.size)
    each.
    """
    copies: list[np.ndarray] = []
    for candidate in intertwiners(own, irrep):
        for part in copies:
            candidate = candidate - part @ (part.T @ candidate)
        length = np.linalg.norm(candidate) / np.sqrt(irrep.size)
        if length > 1e-6:
            # by Schur's lemma the columns are orthogonal and of one length
            copies.append(candidate / length)
    return copies
