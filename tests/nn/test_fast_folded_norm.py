"""A batch norm folded into the map before it, against both one after the other."""

import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import vector
from symgen.algebra.representation import parse
from symgen.nn._fast_folded_norm import folded
from symgen.nn.norm import FieldBatchNorm

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("fibre", ["2 regular + trivial", "sign + signed(s=-2 -1)"])
def test_it_is_the_map_and_then_the_norm(fibre, dtype):
    torch.manual_seed(0)
    field = vector(parse(group("D1"), fibre))
    norm = FieldBatchNorm(field).to(dtype)
    with torch.no_grad():
        for weight in norm.parameters():
            weight += torch.randn_like(weight)
    norm(torch.randn(50, field.size, dtype=dtype) * 3 + 2)  # fills the running statistics
    matrix = torch.randn(field.size, 7, dtype=dtype)
    x = torch.randn(5, 7, dtype=dtype)
    orbit = norm.orbit
    mean = norm.mean[orbit] * norm.sign
    shift = 0.0 if norm.bias is None else norm.bias[norm.which] * norm.sign
    deviation = (norm.variance[orbit] + norm.eps).sqrt()
    expected = (x @ matrix.T - mean) / deviation * norm.weight[orbit] + shift
    both, added = folded(norm, matrix)
    assert (x @ both.T + added - expected).abs().max() < 10 * TOLERANCE[dtype]
    assert (x @ both.T - expected).abs().max() > 1e-2  # control: without the shift
