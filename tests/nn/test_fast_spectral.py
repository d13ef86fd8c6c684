"""Products by characters: the same map and gradient as the matrix written out."""

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group, presented
from symgen.algebra.fieldtype import parse
from symgen.nn._fast_spectral import characters, spectral
from symgen.nn.tied_linear import TiedLinear

KLEIN = presented(["a", "b"], ["aa", "bb", "abab"], "Klein")
GROUPS = {
    "C2": group("C2"),
    "D1": group("D1"),
    "D2": group("D2"),
    "C2 x C2": group("C2 x C2"),
    "Klein": KLEIN,
}


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_it_is_the_map_of_the_matrix(name, dtype):
    target, source = (parse(GROUPS[name], f"point: {n} regular") for n in (150, 128))
    torch.manual_seed(0)
    layer = TiedLinear(target, source, bias_gain=1.0).to(dtype)
    x = torch.randn(5, 1, source.size, dtype=dtype, requires_grad=True)
    weight = torch.randn(5, 1, target.size, dtype=dtype)
    assert layer.spectral is not None
    results = []
    for written_out in (False, True):
        if written_out:
            layer.spectral = None
        layer.zero_grad()
        x.grad = None
        y = layer(x)
        (y * weight).sum().backward()
        results.append([y.detach(), x.grad.clone(), layer.matrix.weight.grad.clone()])
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-11}[dtype]
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, rtol=tolerance, atol=tolerance)
        assert (ours - plain.roll(1, -1)).abs().max() > 0.1


def test_characters_turn_the_regular_representation_diagonal():
    for acting in GROUPS.values():
        table = characters(acting)
        np.testing.assert_array_equal(table @ table.T, acting.order * np.eye(acting.order))
        for g in acting.generators:
            matrix = parse(acting, "point: regular").fibre.matrix(g)
            moved = table @ matrix @ table.T / acting.order
            np.testing.assert_array_equal(moved, np.diag(np.diag(moved)))


@pytest.mark.parametrize(
    ("name", "target", "source"),
    [
        ("C4", "point: 100 regular", "point: 100 regular"),
        ("D4", "point: 100 regular", "point: 100 regular"),
        ("D1", "point: 100 regular", "point: 100 regular"),  # too small to pay
        ("D1", "point: 500 regular", "point: 500 trivial"),
        ("D1", "point: 500 regular", "point: 500 sign"),
        ("D1", "point: 500 regular", "point: 400 regular + 100 trivial"),
        ("D2", "point: 500 quotient(r)", "point: 500 regular"),
        ("D1", "point: 50 regular", "grid 7x7: 22 regular"),
    ],
)
def test_elsewhere_the_matrix_is_written_out(name, target, source):
    assert spectral(*(parse(group(name), text) for text in (target, source))) is None


def test_the_commuting_law_holds_and_can_fail():
    field = parse(group("D2"), "point: 96 regular")
    layer = TiedLinear(field, field).double()
    assert layer.spectral is not None
    x = torch.randn(3, 1, field.size, dtype=torch.float64)
    for g in field.group.generators:
        moved = torch.from_numpy(field.act(g, x.numpy()))
        expected = torch.from_numpy(field.act(g, layer(x).detach().numpy()))
        torch.testing.assert_close(layer(moved).detach(), expected, rtol=0, atol=1e-12)
        assert (layer(moved).detach() - layer(x).detach()).abs().max() > 0.1


def test_a_wide_layer_of_a_large_group_asks_for_no_list_of_its_elements():
    large = group("S196")
    wide = parse(large, "point: 512 trivial")
    assert spectral(wide, wide) is None
    assert TiedLinear(wide, wide)(torch.ones(1, 1, 512)).shape == (1, 1, 512)
