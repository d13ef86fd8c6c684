"""Where escnn has the same layer, ours gives escnn's output: its weights, read as our
coefficients.
"""

import warnings

import numpy as np
import pytest
import torch

from symgen.algebra import base as bases
from symgen.algebra import steerable
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.homomorphism import Representation
from symgen.algebra.orbits import intertwiners
from symgen.algebra.representation import direct_sum, parse
from symgen.algebra.sampling import Sampling
from symgen.nn.steerable_conv import SteerableConv
from symgen.nn.tied_linear import TiedMatrix
from symgen.operations import steerable_conv as operations

pytest.importorskip("escnn")

FIELDS = {
    "regular": lambda g: g.regular_representation,
    "trivial": lambda g: g.trivial_representation,
    "quotient(s)": lambda g: g.quotient_representation((0, 1)),
    "irrep(1)": lambda g: g.irrep(1, 1) if g.name.startswith(("D", "O")) else g.irrep(1),
    "irrep(2)": lambda g: g.irrep(1, 2) if g.name.startswith(("D", "O")) else g.irrep(2),
}
CASES = [
    # group, input, output, side of the kernel, copies
    ("C4", "trivial", "regular", 3, 2),
    ("C4", "regular", "regular", 3, 3),
    ("C4", "regular", "irrep(1)", 5, 2),
    ("D4", "regular", "regular", 3, 2),
    ("D4", "quotient(s)", "regular", 3, 2),
    ("D4", "irrep(1)", "quotient(s)", 5, 2),
    ("D2", "regular", "trivial", 3, 2),
    ("C8", "regular", "regular", 5, 2),
    ("C8", "irrep(1)", "regular", 5, 2),
    ("D8", "irrep(2)", "regular", 3, 1),
    ("SO2", "irrep(1)", "irrep(2)", 5, 2),
    ("O2", "trivial", "irrep(1)", 5, 2),
]


def change_of_basis(own, foreign, elements):
    """An orthogonal Q with rho(g) = Q rho_escnn(g) Q^T: how their channels are read as ours."""
    moves = tuple(np.asarray(foreign(element), dtype=np.float64) for element in elements)
    maps = intertwiners(own, Representation(own.group, "escnn's", own.size, moves))
    mixed = np.tensordot(np.random.default_rng(0).standard_normal(len(maps)), maps, 1)
    left, _, right = np.linalg.svd(mixed)  # the polar part of an intertwiner is one
    return left @ right


def both(name, text, copies):
    """Our fibre, escnn's list of representations, and the change of basis of all channels."""
    _, _, space, elements = steerable._space(group(name))
    own, foreign = parse(group(name), text), FIELDS[text](space.fibergroup)
    change = np.kron(np.eye(copies), change_of_basis(own, foreign, elements))
    return space, direct_sum((copies, own)), [foreign] * copies, change


def coefficients(kernel, filters):
    """Of a filter (out, in, side, side) in our basis, which is orthonormal: scalar products."""
    (copies, size), (repeats, width) = kernel.rows[0], kernel.columns[0]
    blocks = filters.permute(0, 2, 3, 1).reshape(copies, size, kernel.side**2, repeats, width)
    return torch.einsum("tausb,kaub->tsk", blocks, kernel.basis0_0).reshape(-1)


@pytest.mark.parametrize(("name", "source", "target", "side", "copies"), CASES)
def test_convolutions_give_escnn_s_output(name, source, target, side, copies):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from escnn import nn

        space, of, foreign_of, read = both(name, source, copies)
        _, to, foreign_to, write = both(name, target, copies)
        torch.manual_seed(0)
        theirs = nn.R2Conv(
            nn.FieldType(space, foreign_of),
            nn.FieldType(space, foreign_to),
            side,
            padding=side // 2,
            bias=False,
        )
        x = torch.randn(2, of.size, 9, 9)
        expected = theirs(nn.GeometricTensor(x, theirs.in_type)).tensor.detach()
        filters = theirs.expand_parameters()[0].double().detach()
    plane = bases.plane(group(name), 9, 9)
    windows = Sampling(side, 1, side // 2)
    mine = SteerableConv(
        operations.SteerableConv(
            FieldType(plane, to), FieldType(plane, of), windows, vectors="norm"
        )
    )
    assert mine.kernel.weight.numel() == theirs.weights.numel()
    ours = torch.from_numpy(np.einsum("ab,bcij,dc->adij", write, filters.numpy(), read))
    with torch.no_grad():
        mine.kernel.weight.copy_(coefficients(mine.kernel, ours))
        kernel = mine.kernel()
        assert torch.allclose(kernel.double(), ours, atol=1e-5)
        found = torch.nn.functional.conv2d(
            torch.einsum("ab,nbij->naij", torch.from_numpy(read).float(), x),
            kernel,
            padding=side // 2,
        )
    back = torch.einsum("ba,nbij->naij", torch.from_numpy(write).float(), found)
    assert torch.allclose(back, expected, atol=1e-5 * max(1.0, float(expected.abs().max())))
    assert not torch.allclose(torch.roll(back, 1, -1), expected, atol=1e-2)  # it can fail


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [("C4", "regular", "regular"), ("D4", "quotient(s)", "irrep(1)"), ("C8", "regular", "irrep(2)"),
     ("SO2", "irrep(1)", "irrep(1)")],
)  # fmt: skip
def test_linear_maps_are_escnn_s(name, source, target):
    """At a point: as many weights, and escnn's matrix is one of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from escnn import gspaces, nn

        space, of, foreign_of, read = both(name, source, 2)
        _, to, foreign_to, write = both(name, target, 3)
        point = gspaces.no_base_space(space.fibergroup)
        torch.manual_seed(0)
        theirs = nn.Linear(
            nn.FieldType(point, foreign_of), nn.FieldType(point, foreign_to), bias=False
        )
        matrix = theirs.expand_parameters()[0].double().detach().reshape(to.size, of.size).numpy()
    mine = TiedMatrix(vector(to), vector(of)).double()
    assert mine.weight.numel() == theirs.weights.numel()
    ours = torch.from_numpy(write @ matrix @ read.T)
    assert torch.allclose(mine.project(ours), ours, atol=1e-5)
    assert not torch.allclose(mine.project(ours.roll(1, 0)), ours.roll(1, 0), atol=1e-2)
