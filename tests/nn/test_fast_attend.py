"""Attention written out, against the formula: values, gradients, pieces, and what listens or
compiles.
"""

import pytest
import torch
from torch import Tensor

from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.algebra.triangles import triangle_tables
from symgen.nn import _fast_pieces as pieces
from symgen.nn._fast_attend import attend
from symgen.nn.triangle import TriangleLayer
from symgen.pictures.attention import AttentionRecorder

BATCH, HEADS, CHANNELS, TOKENS, SHAPE = 5, 2, 3, 1, (3, 4)
PLACES = TOKENS + SHAPE[0] * SHAPE[1]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def formula(
    q: Tensor, k: Tensor, v: Tensor, symmetrise: bool, layer: TriangleLayer | None
) -> Tensor:
    """softmax(triangles(M + M^T)) V, each (batch, heads, channels, places)."""
    scores = q.transpose(2, 3) @ k
    scores = scores + scores.transpose(2, 3) if symmetrise else scores
    scores = scores if layer is None else layer(scores)
    return (torch.softmax(scores, -1) @ v.transpose(2, 3)).transpose(2, 3)


def given(dtype: torch.dtype) -> tuple[TriangleLayer, list[Tensor]]:
    torch.manual_seed(0)
    layer = TriangleLayer(triangle_tables(bases.grid(group("C2"), *SHAPE)), HEADS, TOKENS).to(dtype)
    return layer, [
        torch.randn(BATCH, HEADS, CHANNELS, PLACES, dtype=dtype, requires_grad=True)
        for _ in range(3)
    ]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "samples", [BATCH, 2, 0.5], ids=["whole", "in pieces", "less than a sample fits"]
)
@pytest.mark.parametrize("oriented", [False, True])
@pytest.mark.parametrize("symmetrise", [False, True])
def test_values_and_gradients_are_those_of_the_formula(
    symmetrise, oriented, samples, dtype, monkeypatch
):
    monkeypatch.setattr(pieces, "SCORES", int(samples * HEADS * PLACES**2))
    layer, features = given(dtype)
    wanted = [*features, layer.theta] if oriented else features
    expected = formula(*features, symmetrise, layer if oriented else None)
    found = attend(*features, symmetrise, *(layer.expansion() if oriented else ()))
    assert (found - expected).abs().max() < TOLERANCE[dtype]
    weight = torch.randn_like(expected)
    there, here = (torch.autograd.grad((y * weight).sum(), wanted) for y in (expected, found))
    for one, other in zip(there, here, strict=True):
        assert (one - other).abs().max() < 10 * TOLERANCE[dtype] * max(1.0, float(one.abs().max()))
    # control: the other form has other values and gradients
    wrong = formula(*features, not symmetrise, layer if oriented else None)
    (slope,) = torch.autograd.grad((wrong * weight).sum(), wanted[:1])
    assert (wrong - expected).abs().max() > 1e-2
    assert (slope - there[0]).abs().max() > 1e-2


def test_large_scores_do_not_overflow():
    _, (q, k, v) = given(torch.float32)
    found = attend(100 * q, 100 * k, v, True)
    assert found.isfinite().all()
    assert (found - formula(100 * q, 100 * k, v, True, None)).abs().max() < 1e-3
    assert (
        not torch.exp2((100 * q).transpose(2, 3) @ (100 * k)).isfinite().all()
    )  # control: without the maximum


def test_nothing_is_kept_without_gradients(monkeypatch):
    """The same values, and the memory of one piece for all."""
    layer, features = given(torch.float64)
    expected = attend(*features, True, *layer.expansion())
    monkeypatch.setattr(pieces, "SCORES", 2 * HEADS * PLACES**2)
    with torch.no_grad():
        assert (attend(*features, True, *layer.expansion()) - expected).abs().max() < 1e-12


def test_a_listener_hears_the_attention():
    layer, features = given(torch.float64)
    expected = attend(*features, True, *layer.expansion())
    with torch.no_grad(), AttentionRecorder() as heard:
        found = attend(*features, True, *layer.expansion())
    (attention,) = heard.maps
    assert (found - expected).abs().max() < 1e-12
    assert (attention @ features[2].transpose(2, 3) - expected.transpose(2, 3)).abs().max() < 1e-12
    # control: transposed it is another one
    assert (
        attention.transpose(2, 3) @ features[2].transpose(2, 3) - expected.transpose(2, 3)
    ).abs().max() > 1e-2
