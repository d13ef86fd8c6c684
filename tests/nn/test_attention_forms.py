"""Graph attention against a slow twin: loops over the paper's equations; and its reductions to
plain attention.
"""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import gelu, scaled_dot_product_attention

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.triangles import Triangles, triangle_tables
from symgen.nn.attention import GraphAttention
from symgen.nn.scores import PairWeights, Scores
from symgen.nn.triangle import TriangleLayer
from symgen.operations import attention as operations

WIDTH, HEADS, TOKENS = 8, 2, 1
GRIDS = {
    "C4 3x3": ("C4", 3, 3),
    "C2 2x4": ("C2", 2, 4),
    "D1 3x2": ("D1", 3, 2),
    "D4 3x3": ("D4", 3, 3),
}
FORMS = {
    "qk": {},
    "plain": {"matrices": (), "symmetrise": False},
    "v alone": {"matrices": ("v",)},
    "qkv": {"matrices": ("q", "k", "v"), "symmetrise": False},
    "hadamard": {"matrices": ("hadamard",)},
    "eq 5": {"matrices": ("q", "k", "left", "additive", "hadamard"), "activation": "gelu"},
    "eq 6": {"symmetrise": "both"},
    "triangles": {"oriented": 1},
    "two triangles": {"matrices": ("q", "k", "v", "hadamard"), "oriented": 2},
    "eq 6 with triangles": {"symmetrise": "both", "oriented": 1},
}


def block(
    where: Base, *, topology: str = "king", labels: str = "offset", oriented: int = 0, **options
) -> GraphAttention:
    """A block in float64 whose weights are all away from their starting values."""
    torch.manual_seed(0)
    fibre = representations.trivial(where.group)
    field = FieldType(
        bases.union(bases.point(where.group), where), representations.direct_sum((WIDTH, fibre))
    )
    graph = graphs.build(where, topology, labels)
    operation = operations.GraphAttention(field, graph, HEADS, triangles=oriented, **options)
    layer = GraphAttention(operation).double()
    with torch.no_grad():
        for weights in layer.parameters():
            weights += 0.3 * torch.randn_like(weights)
    return layer


def twin(
    layer: GraphAttention, x: torch.Tensor, labels: np.ndarray, tables: Triangles | None
) -> torch.Tensor:
    """One sample (places, channels) through the equations, one number at a time."""
    places, channels = x.shape
    count, size = labels.shape[0], channels // layer.heads
    y = layer.norm(x)
    matrix = layer.qkv.matrix()
    parts = dict(zip(layer.order, (y @ m.T for m in matrix.split(channels)), strict=True))
    for k, name in enumerate(layer.order[: layer.graph.stack if layer.graph else 0]):
        mixed = parts[name].clone()
        for i in range(count):
            for c in range(channels):
                theta = layer.graph.theta[k * channels + c]
                sources = [j for j in range(count) if labels[i, j] >= 0]
                mixed[TOKENS + i, c] = sum(
                    theta[labels[i, j]] * parts[name][TOKENS + j, c] for j in sources
                )
        parts[name] = mixed
    result = torch.zeros_like(x)
    for h in range(layer.heads):
        q, k, v = (parts[name][:, h * size : (h + 1) * size] for name in "qkv")
        scores = torch.zeros(places, places, dtype=x.dtype)
        for i in range(places):
            for j in range(places):
                scores[i, j] = torch.dot(q[i], k[j]) / math.sqrt(size)
        attention = sum(
            torch.softmax(part, -1) for part in twin_scores(layer, scores, h, labels, tables)
        )
        result[:, h * size : (h + 1) * size] = attention @ v
    return x + layer.output(result[None])[0]


def twin_scores(
    layer: GraphAttention, scores: torch.Tensor, h: int, labels: np.ndarray, tables
) -> list[torch.Tensor]:
    """Equations 5, 6 and 4 for one head."""
    form, symmetrise = layer.scores, layer.symmetrise
    if form is not None:
        theta = {kind: module.theta[h] for kind, module in form.weights.items()}
        value = {
            kind: lambda i, j, t=t: t[labels[i, j]] if labels[i, j] >= 0 else 0.0
            for kind, t in theta.items()
        }
        count, shift = range(len(labels)), TOKENS
        before = scores.clone()
        for i in count:
            for j in range(len(scores)):
                if "left" in value:
                    scores[shift + i, j] = sum(
                        value["left"](i, k) * before[shift + k, j] for k in count
                    )
        for i in count:
            for j in count:
                if "additive" in value:
                    scores[shift + i, shift + j] += value["additive"](i, j)
        if form.activation == "gelu":
            scores = gelu(scores)
        for i in count:
            for j in count:
                if "hadamard" in value:
                    scores[shift + i, shift + j] *= value["hadamard"](i, j)
    parts = [scores + scores.T] if symmetrise else [scores]
    if symmetrise == "both":
        parts.append(scores - scores.T)
    return (
        parts
        if tables is None
        else [twin_triangles(form.triangles, part, h, tables) for part in parts]
    )


def twin_triangles(
    layer: TriangleLayer, scores: torch.Tensor, h: int, tables: Triangles
) -> torch.Tensor:
    """Equation 4; the second layer is Theta_2(gelu(first)) - first."""
    inner = scores[TOKENS:, TOKENS:]
    once = mix(layer.theta[0, h], inner, tables)
    if len(layer.theta) == 2:
        once = mix(layer.theta[1, h], gelu(once), tables) - once
    result = scores.clone()
    result[TOKENS:, TOKENS:] = once
    return result


def mix(theta: torch.Tensor, scores: torch.Tensor, tables: Triangles) -> torch.Tensor:
    mixed, places = torch.zeros_like(scores), len(scores)
    for i in range(places):
        for j in range(places):
            (a, b), (c, d) = (
                divmod(int(table[i * places + j]), places) for table in (tables.jk, tables.ki)
            )
            one, two, three = (
                t[i, j] for t in (tables.labels_ij, tables.labels_jk, tables.labels_ki)
            )
            mixed[i, j] = (
                theta[one] * scores[i, j] + theta[two] * scores[a, b] + theta[three] * scores[c, d]
            )
    return mixed


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", GRIDS)
def test_equals_the_loops_over_the_equations(name, form):
    symmetry, rows, columns = GRIDS[name]
    where = bases.grid(group(symmetry), rows, columns)
    tables = triangle_tables(where) if "oriented" in FORMS[form] else None
    layer = block(where, **FORMS[form])
    x = torch.randn(2, TOKENS + where.size, WIDTH, dtype=torch.float64)
    expected = torch.stack(
        [twin(layer, each, graphs.build(where, "king", "offset").labels, tables) for each in x]
    )
    assert (layer(x) - expected).abs().max() < 1e-12
    if form not in ("plain", "v alone"):
        other = block(where)  # control: the twin of another form differs
        assert form == "qk" or (other(x) - expected).abs().max() > 1e-3


def test_all_ones_and_identity_are_plain_attention():
    where = bases.grid(group("D4"), 3, 3)
    layer = block(where, matrices=("q", "k", "v", "left", "hadamard", "additive"), symmetrise=False)
    q, k, v = torch.randn(3, 2, HEADS, 10, 4, dtype=torch.float64)
    assert (layer.scores(q / 2, k, v) - scaled_dot_product_attention(q, k, v)).abs().max() > 1e-3
    itself = graphs.build(where, "king", "offset").labels[0, 0]
    with torch.no_grad():
        layer.graph.theta.zero_()[:, itself] = 1.0
        layer.scores.weights["left"].theta.zero_()[:, itself] = 1.0
        layer.scores.weights["additive"].theta.zero_()
        layer.scores.weights["hadamard"].theta.fill_(1.0)
    assert torch.equal(layer.graph(), torch.eye(10, dtype=torch.float64).expand(3 * WIDTH, 10, 10))
    # the pairs without an edge are zero in G: only on the complete graph G is all ones
    full = PairWeights(
        "hadamard", graphs.build(where, "complete", "offset").labels, HEADS, TOKENS
    ).double()
    with torch.no_grad():
        full.theta.fill_(1.0)
    layer.scores.weights["hadamard"] = full
    assert torch.equal(full(), torch.ones_like(full()))
    assert (layer.scores(q / 2, k, v) - scaled_dot_product_attention(q, k, v)).abs().max() < 1e-12


@pytest.mark.parametrize("kind", ["left", "additive", "hadamard"])
def test_tokens_are_left_alone(kind):
    labels = graphs.build(bases.grid(group("C4"), 3, 3), "complete", "offset").labels
    matrix = PairWeights(kind, labels, HEADS, 2)()
    plain = {"left": 0.0, "additive": 0.0, "hadamard": 1.0}[kind]
    corner = torch.eye(2) if kind == "left" else torch.full((2, 2), plain)
    assert (matrix[:, :2, :2] == corner).all()
    assert (matrix[:, :2, 2:] == plain).all()
    assert (matrix[:, 2:, :2] == plain).all()
    assert matrix[:, 2:, 2:].std() > 1e-2


def test_dropout_zeroes_whole_labels_and_only_in_training():
    where = bases.grid(group("C4"), 5, 5)
    layer = block(where, matrices=("q", "k", "hadamard"), dropout=0.5).train()
    x = torch.randn(2, TOKENS + where.size, WIDTH, dtype=torch.float64)
    assert not torch.equal(layer(x), layer(x))
    turned = np.concatenate([[0], 1 + where.permutation("r")])
    moved = torch.empty_like(x)
    moved[:, turned] = x
    torch.manual_seed(1)
    before = layer(x)
    torch.manual_seed(1)
    assert (layer(moved)[:, turned] - before).abs().max() < 1e-12
    layer.eval()
    assert torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("symmetry", ["C4", "C2"])
@pytest.mark.parametrize("size", [4, 5])
def test_triangles_keep_turns_and_break_mirrors(symmetry, size):
    """Distance labels alone do not tell mirrors apart, with triangles they do; offset labels do by
    themselves.
    """
    square = bases.grid(group("D4"), size, size)
    turn = square.permutation("r" if symmetry == "C4" else "rr")
    expected = {
        ("distance", 0): False,
        ("distance", 1): True,
        ("distance", 2): True,
        ("offset", 0): True,
    }
    for (labels, oriented), breaks in expected.items():
        where = bases.grid(group(symmetry), size, size)
        layer = block(where, topology="complete", labels=labels, oriented=oriented)
        assert change(layer, turn) < 1e-12
        for mirror in ("s", "rs", "rrs", "rrrs"):
            equivariance_error = change(layer, square.permutation(mirror))
            assert equivariance_error > 1e-2 if breaks else equivariance_error < 1e-12, (
                labels,
                oriented,
                mirror,
                equivariance_error,
            )


def change(layer: GraphAttention, places: np.ndarray) -> float:
    """How far the layer is from commuting with a permutation of the places."""
    x = torch.randn(4, TOKENS + len(places), WIDTH, dtype=torch.float64)
    index, moved = np.concatenate([[0], 1 + places]), torch.empty_like(x)
    moved[:, index] = x
    return float((layer(moved)[:, index] - layer(x)).detach().abs().max())


def test_triangle_gradient():
    where = bases.grid(group("C4"), 3, 3)
    layer = TriangleLayer(triangle_tables(where), HEADS, TOKENS, layers=2).double()
    scores = torch.randn(2, HEADS, 10, 10, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, t: torch.func.functional_call(layer, {"theta": t}, x), (scores, layer.theta)
    )


def test_triangles_keep_no_gathered_copies():
    """On the way forward only the scores themselves are kept, not three copies of them."""
    layer = TriangleLayer(triangle_tables(bases.grid(group("C4"), 6, 6)), HEADS, TOKENS)
    scores = torch.randn(64, HEADS, 37, 37, requires_grad=True)
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(scores)
    large = [size for size in kept.values() if size >= scores.untyped_storage().nbytes()]
    assert len(large) == 1


def test_fused_and_general_scores_agree(monkeypatch):
    monkeypatch.setattr("symgen.nn._fast_fused.FEW_PLACES", 0)
    where = bases.grid(group("C4"), 4, 4)
    layer = block(where)
    x = torch.randn(3, 17, WIDTH, dtype=torch.float64)
    q, k, v = layer._projected(x, layer.qkv.matrix() * layer.row_scale, layer.graph())
    field = FieldType(where, representations.trivial(where.group))
    graph = graphs.build(where, "king", "offset")
    general = Scores(operations.GraphAttention(field, graph, HEADS))
    assert (layer._attend(q, k, v) - general(q, k, v)).abs().max() < 1e-12
    fused = layer(x)
    monkeypatch.setattr("symgen.nn._fast_fused.FEW_PLACES", 17)
    assert (layer(x) - fused).abs().max() < 1e-12


@pytest.mark.parametrize("form", ["triangles", "two triangles"])
def test_scores_in_the_cache_are_those_of_the_whole_batch(monkeypatch, form):
    layer = block(bases.grid(group("C4"), 4, 4), **FORMS[form])
    x = torch.randn(7, 17, WIDTH, dtype=torch.float64)
    whole = layer(x)
    monkeypatch.setattr("symgen.nn._fast_pieces.SCORES", 2 * HEADS * 17**2)
    assert (layer(x) - whole).abs().max() < 1e-12
    monkeypatch.setattr("symgen.nn._fast_pieces.FEATURES", 1)
    monkeypatch.setattr("symgen.nn._fast_pieces.FEWEST", 3)
    assert (layer(x) - whole).abs().max() < 1e-12
