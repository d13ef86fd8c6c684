"""Attention by the fused kernel and written out, against the formula."""

import pytest
import torch

from symgen.nn import _fast_fused as fused

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("symmetrise", [False, True])
@pytest.mark.parametrize("places", [fused.FEW_PLACES, fused.FEW_PLACES + 1])
def test_values_and_gradients_are_those_of_the_formula(places, symmetrise, dtype):
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, 2, places, 4, dtype=dtype, requires_grad=True) for _ in range(3))
    scores = torch.einsum("bhic,bhjc->bhij", q, k)
    whole = scores + scores.transpose(2, 3) if symmetrise else scores
    expected = torch.softmax(whole, -1) @ v
    y = fused.attention(q, k, v, symmetrise)
    assert (y - expected).abs().max() < TOLERANCE[dtype]
    weight = torch.randn_like(expected)
    slopes, ours = (torch.autograd.grad((out * weight).sum(), (q, k, v)) for out in (expected, y))
    for slope, mine in zip(slopes, ours, strict=True):
        assert (mine - slope).abs().max() < 10 * TOLERANCE[dtype] * float(slope.abs().max())
    # control: the other form is another
    assert (fused.attention(q, k, v, not symmetrise) - expected).abs().max() > 1e-2
