"""Queries, keys and values in the layout of the kernel, against the sums written out."""

import pytest
import torch
from torch import Tensor

from symgen.nn._fast_projection import project

PLACES, BATCH, HEADS, CHANNELS = 5, 3, 2, 4
WIDTH = HEADS * CHANNELS
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def twin(x: Tensor, matrix: Tensor, mixing: Tensor | None) -> Tensor:
    """y[part, b, h, i, c] = sum_j G[part, h c](i, j) sum_d A[part, h c](d) x[j, b, d]."""
    identity = torch.eye(PLACES, dtype=x.dtype).expand(3 * WIDTH, PLACES, PLACES)
    mixed = 0 if mixing is None else len(mixing)
    graph = identity if mixing is None else torch.cat([mixing, identity[mixed:]])
    values = torch.einsum("aij,ad,jbd->abi", graph, matrix, x)
    return values.view(3, HEADS, CHANNELS, BATCH, PLACES).permute(0, 3, 1, 4, 2)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("mixed", range(4))
def test_values_and_gradients_are_those_of_the_sums(mixed, dtype):
    torch.manual_seed(0)
    x = torch.randn(PLACES, BATCH, WIDTH, dtype=dtype, requires_grad=True)
    matrix = torch.randn(3 * WIDTH, WIDTH, dtype=dtype, requires_grad=True)
    graph = torch.randn(mixed * WIDTH, PLACES, PLACES, dtype=dtype, requires_grad=True)
    mixing = graph if mixed else None
    wanted = [x, matrix, graph] if mixed else [x, matrix]
    expected = twin(x, matrix, mixing)
    parts = project(x, matrix, mixing, HEADS)
    torch.testing.assert_close(
        torch.stack(parts), expected, rtol=TOLERANCE[dtype], atol=10 * TOLERANCE[dtype]
    )
    weight = torch.randn_like(expected)
    slopes = torch.autograd.grad((expected * weight).sum(), wanted)
    ours = torch.autograd.grad((torch.stack(parts) * weight).sum(), wanted)
    for slope, mine in zip(slopes, ours, strict=True):
        size = float(slope.abs().max())
        assert (mine - slope).abs().max() <= 10 * TOLERANCE[dtype] * size
    # control: in another order of the parts they are others
    assert (torch.stack(parts[::-1]) - expected).abs().max() > 1e-1
