"""Relaxation maps: exact at the start, with the variance of an exact map, and measured by the
projection.
"""

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.algebra.relaxation import Relaxation, bank_weights, residual_weights, scaling
from symgen.nn.symmetry_breaking import symmetry_breaking
from symgen.nn.tied_linear import TiedLinear, TiedMatrix
from tests.families.laws import TOLERANCE
from tests.laws import reynolds

FIELDS = {
    "C2": ("grid 2x3: trivial + sign", "point: 2 regular", "point: signed(r=-2 -1 3)"),
    "C4": (
        "grid 3x3: 2 trivial",
        "point: regular + 2 standard + trivial",
        "point: quotient(rr) + sign",
    ),
    "D4": (
        "grid 3x3: trivial + sign",
        "point: 2 regular + quotient(s) + regular",
        "point: standard + sign",
    ),
    "S3": ("tokens 3: 2 trivial", "point: 2 permutation + standard", "point: regular + sign"),
    "C3": ("point: regular", "point: standard + trivial"),
}
PAIRS = [
    (name, *pair) for name, texts in FIELDS.items() for pair in itertools.product(texts, repeat=2)
]
FORMS = [
    *(
        Relaxation(form="banks", banks=banks, index=index)
        for banks in (1, 2, 4)
        for index in ("output", "input")
    ),
    Relaxation(form="residual"),
]  # fmt: skip
IDS = [f"{f.form} {f.banks} {f.index}" for f in FORMS]


def layer(
    name: str, target: str, source: str, how: Relaxation | None
) -> tuple[TiedLinear, FieldType, FieldType]:
    torch.manual_seed(0)
    fields = parse(group(name), target), parse(group(name), source)
    return TiedLinear(*fields, bias_gain=1.0, relaxation=how).double(), *fields


def off(matrix: torch.Tensor, to: FieldType, of: FieldType) -> float:
    """Distance of a matrix from its average over the group."""
    found = matrix.detach().numpy()
    return float(np.abs(reynolds(found, to.as_representation, of.as_representation) - found).max())


@torch.no_grad()
def perturb(module: torch.nn.Module, size: float = 0.1) -> None:
    """Move what the symmetry is broken by, and nothing else."""
    torch.manual_seed(1)
    for each in (m for m in module.modules() if isinstance(m, TiedMatrix)):
        for weight in (
            [] if each.banks is None else [each.banks.weight],
            [each.delta] if each.delta is not None else [],
        ):
            for one in weight:
                one.add_(torch.randn_like(one) * size)


@pytest.mark.parametrize("how", FORMS, ids=IDS)
@pytest.mark.parametrize(("name", "target", "source"), PAIRS, ids=lambda value: value)
def test_exact_at_the_start_and_not_after(name, target, source, how):
    linear, to, of = layer(name, target, source, how)
    tied = linear.matrix
    assert off(tied(), to, of) <= TOLERANCE[torch.float64]
    assert tied.weight.numel() > 0
    perturb(linear, 1.0)
    if how.form == "banks" and scaling(to, of, how.index) is None:
        assert tied.penalty() is None
        assert tied.relaxation is None
        return
    # control: the dial has power
    assert off(tied(), to, of) > 1e-3
    matrix = tied().detach()
    exact = tied.project(matrix).numpy()
    assert (
        np.abs(exact - reynolds(matrix.numpy(), to.as_representation, of.as_representation)).max()
        < 1e-12
    )
    assert np.abs(matrix.numpy() - exact).max() > 1e-3
    assert symmetry_breaking(linear)[""] > 1e-3


@pytest.mark.parametrize("how", FORMS, ids=IDS)
@pytest.mark.parametrize(("name", "target", "source"), PAIRS, ids=lambda value: value)
def test_weights_are_counted(name, target, source, how):
    linear, to, of = layer(name, target, source, how)
    plain, *_ = layer(name, target, source, None)
    found, exact = (sum(p.numel() for p in each.parameters()) for each in (linear, plain))
    more = (
        residual_weights(to, of)
        if how.form == "residual"
        else bank_weights(to, of, how.banks, how.index)
    )
    assert found - exact == more


@pytest.mark.parametrize("how", FORMS, ids=IDS)
@pytest.mark.parametrize(
    ("target", "source"), [("point: 8 regular", "grid 5x5: 3 trivial"), ("point: 32 standard",) * 2]
)
def test_outputs_start_with_the_deviation_of_an_exact_map(target, source, how):
    torch.manual_seed(0)
    d4 = group("D4")
    to, of = parse(d4, target), parse(d4, source)
    outputs = [
        TiedLinear(to, of, gain=2.0, bias=False, relaxation=how)(torch.randn(64, *of.shape))
        for _ in range(16)
    ]
    assert abs(torch.stack(outputs).std().item() / 2.0 - 1) < 0.1


@pytest.mark.parametrize("index", ["output", "input"])
def test_the_formula_by_hand(index):
    """C4 on 3 -> 2 regular fields: W[o, g; c, h] = sum_l w_l(g or h) psi_l[o, c, g^-1 h], entry by
    entry.
    """
    c4 = group("C4")
    to, of = parse(c4, "point: 2 regular"), parse(c4, "point: 3 regular")
    tied = TiedMatrix(to, of, relaxation=Relaxation(form="banks", banks=2, index=index)).double()
    perturb(tied, 1.0)
    found = tied().detach().view(2, 4, 3, 4)
    psi, w = tied.tied().detach().view(2, 2, 4, 3, 4), tied.banks.weight.detach()
    for o, g, c, h in np.ndindex(2, 4, 3, 4):
        # psi_l[o, c, g^-1 h] is read off in the row of the identity
        expected = sum(
            w[k, g if index == "output" else h] * psi[k, o, 0, c, (h - g) % 4] for k in range(2)
        )
        assert abs(found[o, g, c, h] - expected) < 1e-12


def test_one_bank_in_the_next_layer_is_the_same_network():
    """L = 1, w > 0, ReLU and no bias: weights of the output of one layer equal those of the input
    of the next.
    """
    c4 = group("C4")
    field = parse(c4, "point: 3 regular")
    given = {"output": ("output", None), "input": (None, "input")}

    def network(which):
        torch.manual_seed(0)
        layers = [
            TiedLinear(
                field,
                field,
                bias=False,
                relaxation=None if i is None else Relaxation(form="banks", banks=1, index=i),
            )
            for i in given[which]
        ]
        return [each.double() for each in layers]

    first, second = network("output"), network("input")
    w = torch.rand(1, 4, dtype=torch.float64) + 0.5
    with torch.no_grad():
        for mine, theirs in zip(first, second, strict=True):
            theirs.matrix.weight.copy_(mine.matrix.weight.view(theirs.matrix.weight.shape))
        first[0].matrix.banks.weight.copy_(w)
        second[1].matrix.banks.weight.copy_(w)
        x = torch.randn(5, 1, 12, dtype=torch.float64)
        a, b = (two(torch.relu(one(x))) for one, two in (first, second))
        assert (a - b).abs().max() < 1e-12
        w.mul_(
            torch.tensor([-1.0, 1, 1, 1])
        )  # control: a negative weight does not pass through ReLU
        first[0].matrix.banks.weight.copy_(w)
        second[1].matrix.banks.weight.copy_(w)
        a, b = (two(torch.relu(one(x))) for one, two in (first, second))
        assert (a - b).abs().max() > 1e-2


def test_where_nothing_is_exchanged_the_other_side_is_scaled():
    c4 = group("C4")
    regular, picture, number = (
        parse(c4, f) for f in ("point: 2 regular", "grid 3x3: 2 trivial", "point: trivial")
    )
    assert scaling(regular, picture, "input").side == "output"
    assert scaling(number, regular, "output").side == "input"
    assert scaling(regular, regular, "input").side == "input"
    assert scaling(number, picture, "output") is None


def test_copies_and_places_share_weights_and_parts_are_what_the_group_mixes():
    c4 = group("C4")
    to = parse(c4, "grid 2x2: 2 regular + permutation(r=1 0 2) + trivial + regular")
    found = scaling(to, to, "output")
    assert found.weights == 4 + 3 + 1
    assert found.part.tolist() == [0, 0, 0, 0, 1, 1, 2, 3]
    one = [0, 1, 2, 3] * 2 + [4, 5, 6, 7] + [0, 1, 2, 3]
    assert found.index.tolist() == one * 4


def test_spread_and_penalty_of_the_weights():
    c4 = group("C4")
    to = parse(c4, "point: regular + trivial")
    banks = TiedMatrix(to, to, relaxation=Relaxation(form="banks", banks=2)).double().banks
    assert banks.spread() == 0
    assert banks.penalty() == 0
    with torch.no_grad():  # another weight for another atom breaks nothing
        banks.weight[:, 4] = 7.0
    assert banks.spread() == 0
    assert banks.penalty() == 0
    with torch.no_grad():
        banks.weight[0, :4] = torch.tensor([0.0, 1.0, 2.0, 3.0])
    assert banks.spread().item() == pytest.approx(3 / 2)
    assert banks.penalty().item() == pytest.approx(4 * 1.25 / 10)
    residual = TiedMatrix(to, to, relaxation=Relaxation(form="residual")).double()
    with torch.no_grad():
        residual.delta[0, 0] = 5.0
    assert residual.penalty().item() == pytest.approx(25 / 25)


@pytest.mark.parametrize("how", FORMS[3:], ids=IDS[3:])
@pytest.mark.parametrize(("target", "source"), [FIELDS["C4"][1::-1], FIELDS["D4"][1::-1]])
def test_modules_travel(how, target, source):
    linear, _, of = layer("C4" if "quotient" not in target + source else "D4", target, source, how)
    perturb(linear)
    x = torch.randn(3, *of.shape, dtype=torch.float64)
    y, names = linear(x), list(linear.state_dict())
    for other in (
        copy.deepcopy(linear),
        pickle.loads(pickle.dumps(linear)),
        copy.deepcopy(linear.eval()),
    ):
        assert torch.equal(other(x), y)
        assert list(other.state_dict()) == names == list(linear.train().state_dict())
    exported = torch.export.export(linear, (x,)).module()
    torch.testing.assert_close(exported(x), y)
    compiled = torch.compile(linear, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x), y)
    linear._expanded = linear.expand()
    torch.testing.assert_close(linear(x), y)
