"""Graph attention over fibres that the group moves, against loops over SiT eq. 3; and as plain
multi-head attention.

Section 3 of Weissenbacher et al. 2024: scores = sym((G_q Q)(G_k K)^T) with sym(M) = M + M^T,
attention = softmax of them times head_dim^-0.5, applied to G_v V. Rows of tokens pass the graph
matrices untouched.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.base import parse as parse_base
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.nn.attention import GraphAttention
from symgen.operations import attention as operations

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}
PLACES = {
    "C4 regular": ("C4", "grid 3x3", "regular", 2, ("complete", "offset")),
    "D4 quotient": ("D4", "grid 2x2", "quotient(s)", 2, ("complete", "absolute")),
    "D1 king": ("D1", "grid 2x3", "regular", 4, ("king", "offset")),
    "D2 distance": ("D2", "grid 2x3", "regular", 2, ("grid", "distance")),
    "S3 tokens": ("S3", "tokens 3", "permutation", 2, ("complete", "absolute")),
    "C1 nothing": ("C1", "grid 2x2", "trivial", 4, ("torus", "offset")),
}
FORMS = {
    "as in the paper": {},
    "one sided": {"symmetrise": False},
    "all three": {"matrices": ("q", "k", "v"), "expansion": 2},
    "values alone": {"matrices": ("v",), "symmetrise": False},
    "none": {"matrices": ()},
}


def block(name: str, tokens: int = 1, **options) -> tuple[GraphAttention, FieldType, np.ndarray]:
    """A block whose weights are all away from their starting values, its type, and the labels of
    its graph.
    """
    symmetry, text, fibre, copies, (topology, labels) = PLACES[name]
    where: Base = parse_base(group(symmetry), text)
    atom = representations.parse(where.group, fibre)
    whole = where
    for _ in range(tokens):
        whole = bases.union(bases.point(where.group), whole)
    field = FieldType(whole, representations.direct_sum((copies, atom)))
    graph = graphs.build(where, topology, labels)
    torch.manual_seed(0)
    layer = GraphAttention(operations.GraphAttention(field, graph, 2, **options)).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return layer, field, graph.fibre_labels(atom)


def dense(matrix: torch.Tensor) -> list[list[float]]:
    return matrix.detach().double().tolist()


def slow(
    layer: GraphAttention, x: np.ndarray, labels: np.ndarray, matrices: tuple[str, ...]
) -> np.ndarray:
    """One feature (places, channels) through the block, one number at a time."""
    places, channels = x.shape
    y = slow_norm(layer.norm, x)
    weights = dense(layer.qkv.matrix())
    mapped = {}
    for part, name in enumerate(layer.order):
        rows = weights[part * channels : (part + 1) * channels]
        mapped[name] = [
            [sum(w * v for w, v in zip(row, y[i], strict=True)) for row in rows]
            for i in range(places)
        ]
    for name in matrices:
        theta = dense(layer.graph.theta)
        mapped[name] = slow_mix(theta, layer.order.index(name), mapped[name], labels)
    attended = np.zeros_like(x)
    size = channels // layer.heads
    for head in range(layer.heads):
        here = range(head * size, (head + 1) * size)
        score = [
            [
                sum(mapped["q"][i][c] * mapped["k"][j][c] for c in here) / math.sqrt(size)
                for j in range(places)
            ]
            for i in range(places)
        ]
        for i in range(places):
            row = [score[i][j] + (score[j][i] if layer.symmetrise else 0.0) for j in range(places)]
            powers = [math.exp(value - max(row)) for value in row]
            for c in here:
                attended[i, c] = sum(p * mapped["v"][j][c] for j, p in enumerate(powers)) / sum(
                    powers
                )
    result = x + slow_linear(layer.output, attended)
    if layer.mlp is None:
        return result
    hidden = slow_linear(layer.mlp.first, slow_norm(layer.mlp.norm, result))
    bent = np.vectorize(lambda h: h * 0.5 * (1 + math.erf(h / math.sqrt(2))))(hidden)
    return result + slow_linear(layer.mlp.second, bent)


def slow_mix(
    theta: list[list[float]], stacked: int, values: list[list[float]], labels: np.ndarray
) -> list[list[float]]:
    """y[i, c] = sum_j theta_c[label(i, j, f)] x[j, c] for the graph's places; channel c = copy *
    atom + f.
    """
    count, atom = labels.shape[0], labels.shape[2]
    tokens, channels = len(values) - count, len(values[0])
    mixed = [list(row) for row in values]
    for i in range(count):
        for c in range(channels):
            weight = theta[stacked * (channels // atom) + c // atom]
            edges = [
                (j, labels[i, j, c % atom]) for j in range(count) if labels[i, j, c % atom] >= 0
            ]
            mixed[tokens + i][c] = sum(weight[label] * values[tokens + j][c] for j, label in edges)
    return mixed


def slow_norm(norm, x: np.ndarray) -> np.ndarray:
    scale, shift = (
        w.detach().double().numpy()[norm.orbit.numpy()] for w in (norm.weight, norm.bias)
    )
    result = np.zeros_like(x)
    for i, row in enumerate(x):
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        result[i] = (row - mean) / math.sqrt(variance + norm.eps) * scale + shift
    return result


def slow_linear(linear, x: np.ndarray) -> np.ndarray:
    matrix, bias = (part.detach().double().numpy() for part in linear.expand())
    return np.array([[float(np.dot(row, place)) for row in matrix] for place in x]) + bias


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PLACES)
def test_equals_loops_over_equation_3(name, form):
    options = FORMS[form]
    layer, field, labels = block(name, **options)
    matrices = options.get("matrices", ("q", "k"))
    x = np.random.default_rng(0).standard_normal((2, *field.shape))
    for dtype, tolerance in TOLERANCE.items():
        # both work with the weights as they are in this dtype
        layer = layer.to(dtype)
        given = torch.from_numpy(x).to(dtype)
        expected = np.stack(
            [slow(layer, each, labels, matrices) for each in given.double().numpy()]
        )
        with torch.no_grad():
            found = layer(given).double().numpy()
        # every place holds a few numbers of order one
        assert np.abs(found - expected).max() <= tolerance * max(4.0, np.abs(expected).max()), (
            f"{dtype}"
        )
    if matrices and name != "C1 nothing":  # control: graph matrices matter
        other = np.stack([slow(layer, each, labels, ()) for each in given.double().numpy()])
        assert np.abs(other - expected).max() > 1e-3
    flipped = block(name, **{**options, "symmetrise": not options.get("symmetrise", True)})[0]
    with torch.no_grad():
        assert np.abs(flipped(torch.from_numpy(x)).numpy() - expected).max() > 1e-3


@pytest.mark.parametrize("name", PLACES)
def test_blocks_commute_with_every_element(name):
    layer, field, _ = block(name, matrices=("q", "k", "v"))
    x = np.random.default_rng(0).standard_normal((3, *field.shape))
    with torch.no_grad():
        y = layer(torch.from_numpy(x)).numpy()
        for word in field.group.elements:
            moved = layer(torch.from_numpy(field.act(word, x))).numpy()
            assert np.abs(moved - field.act(word, y)).max() < 1e-12
        crossed = x[
            :, np.r_[0, 2, 1, 3 : x.shape[1]]
        ]  # control: two places exchanged, channels left
        equivariance_error = np.abs(
            layer(torch.from_numpy(crossed)).numpy()[:, np.r_[0, 2, 1, 3 : x.shape[1]]] - y
        ).max()
    assert equivariance_error > 1e-3


@pytest.mark.parametrize("tokens", [0, 1, 2])
@pytest.mark.parametrize("name", ["C4 regular", "S3 tokens", "C1 nothing"])
def test_identity_matrices_give_plain_attention(name, tokens):
    """With G_q = G_k = G_v = identity and without the transpose, it is torch's own multi-head
    attention.
    """
    layer, field, labels = block(name, tokens, matrices=("q", "k", "v"), symmetrise=False)
    x, width = torch.randn(5, *field.shape, dtype=torch.float64), field.fibre.size
    plain = nn.MultiheadAttention(
        width, layer.heads, bias=True, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        parts = dict(zip(layer.order, layer.qkv.matrix().split(width), strict=True))
        plain.in_proj_weight.copy_(torch.cat([parts[name] for name in "qkv"]))
        plain.in_proj_bias.zero_()
        weight, bias = layer.output.expand()
        plain.out_proj.weight.copy_(weight)
        plain.out_proj.bias.copy_(bias)
        y = layer.norm(x)
        expected = x + plain(y, y, y, need_weights=False)[0]
        assert (
            layer(x) - expected
        ).abs().max() > 1e-3  # control: the graph matrices are not the identity yet
        itself = np.unique(np.einsum("iic->ic", labels))
        layer.graph.theta.zero_()[:, torch.from_numpy(itself)] = 1.0
        assert not set(labels[~np.eye(len(labels), dtype=bool)].reshape(-1)) & set(itself)
        assert (layer(x) - expected).abs().max() < 1e-12
