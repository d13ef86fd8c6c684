"""Tied linear maps against the Reynolds projector: the average over the group of a dense matrix."""

import itertools

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse, vector
from symgen.algebra.representation import parse as fibre
from symgen.algebra.representation import trivial
from symgen.nn.embedding import JoinToken, Nonlinear, PatchEmbedding
from symgen.nn.tied_linear import TiedLinear, TiedMatrix
from tests.families.laws import TOLERANCE, hom_by_characters
from tests.laws import reynolds

FIELDS = {
    "C1": ("grid 2x3: 2 trivial", "point: 3 trivial"),
    "C2": ("grid 2x3: trivial + sign", "point: 2 regular", "point: 2 sign"),
    "C4": (
        "grid 3x3: 2 trivial",
        "point: regular + standard",
        "tokens 4: trivial",
        "grid 2x2: sign",
    ),
    "C3": ("point: 2 standard + trivial", "tokens 3: standard", "point: regular"),
    "D1": ("grid 2x3: trivial + sign", "point: signed(s=2 1 -3)"),
    "D2": ("grid 2x3: 2 trivial", "point: quotient(s) + quotient(rs) + sign"),
    "D3": ("point: standard + sign", "graph 3(r=1 2 0, s=0 2 1): 2 trivial"),
    "D4": ("grid 3x3: trivial + sign", "point: regular + quotient(s)", "point: standard"),
    "C8": ("point: standard + 2 trivial", "tokens 8: trivial"),
    "S3": ("tokens 3: trivial + sign", "point: standard"),
    "S4": ("tokens 4: 2 trivial", "point: standard + permutation"),
}
PAIRS = [
    (name, *pair) for name, texts in FIELDS.items() for pair in itertools.product(texts, repeat=2)
]


def layer(name: str, target: str, source: str) -> tuple[TiedLinear, FieldType, FieldType]:
    torch.manual_seed(0)
    fields = parse(group(name), target), parse(group(name), source)
    return TiedLinear(*fields, bias_gain=1.0).double(), *fields


def matrices(tied: TiedMatrix) -> np.ndarray:
    """The matrix of each weight, shape (weights, rows, columns)."""
    with torch.no_grad():
        tied.weight.zero_()
        result = []
        for k in range(len(tied.weight)):
            tied.weight[k] = 1.0
            result.append(tied().numpy().copy())
            tied.weight[k] = 0.0
    return np.array(result).reshape(-1, *tied.shape)


@pytest.mark.parametrize(("name", "target", "source"), PAIRS, ids=lambda value: value)
def test_matrices_are_the_image_of_the_projector(name, target, source):
    linear, to, of = layer(name, target, source)
    ends = to.as_representation, of.as_representation
    matrix, bias = (None if x is None else x.detach().numpy() for x in linear.expand())
    assert np.abs(reynolds(matrix, *ends) - matrix).max() < 1e-12
    weights = hom_by_characters(to, of)
    assert linear.matrix.weight.numel() == weights
    span = matrices(linear.matrix).reshape(weights, -1)
    assert np.linalg.matrix_rank(span) == weights if weights else True
    # every projected matrix is a sum of those of the weights
    projected = reynolds(
        np.random.default_rng(0).standard_normal((3, to.size, of.size)), *ends
    ).reshape(3, -1)
    rest = projected - (projected @ np.linalg.pinv(span)) @ span if weights else projected
    assert np.abs(rest).max() < 1e-10
    assert (bias is None) == (hom_by_characters(to, vector(trivial(to.group))) == 0)
    if bias is not None:
        moved = to.act((to.group.generators or ("",))[0], bias.reshape(to.shape))
        assert np.abs(moved - bias.reshape(to.shape)).max() < 1e-12
    if weights < to.size * of.size:  # control: a matrix that is not tied
        untied = matrix + np.random.default_rng(1).standard_normal(matrix.shape)
        assert np.abs(reynolds(untied, *ends) - untied).max() > 1e-2


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", FIELDS)
def test_layers_commute_with_every_element(name, dtype):
    target, source = FIELDS[name][-1], FIELDS[name][0]
    linear, to, of = layer(name, target, source)
    linear = linear.to(dtype)
    x = np.random.default_rng(0).standard_normal((4, *of.shape))

    def run(inputs):
        with torch.no_grad():
            return linear(torch.from_numpy(inputs).to(dtype)).numpy()

    y = run(x)
    for word in to.group.elements:
        assert np.abs(run(of.act(word, x)) - to.act(word, y)).max() <= TOLERANCE[dtype] * max(
            1.0, np.abs(y).max()
        )
    if len(to.group.elements) > 1:  # control: some element moves the output, or at least the input
        assert max(np.abs(of.act(word, x) - x).max() for word in to.group.elements) > 0.1


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("target", "source"), [("point: 8 regular", "grid 5x5: 3 trivial"), ("point: 32 standard",) * 2]
)
def test_outputs_start_with_the_given_deviation(target, source, gain):
    torch.manual_seed(0)
    d4 = group("D4")
    to, of = parse(d4, target), parse(d4, source)
    outputs = [
        TiedLinear(to, of, gain=gain, bias=False)(torch.randn(64, *of.shape)).detach()
        for _ in range(8)
    ]
    assert abs(torch.stack(outputs).std() / gain - 1) < 0.1


def test_scope_place_is_the_same_map_everywhere():
    c4 = group("C4")
    to, of = parse(c4, "grid 3x3: 2 regular"), parse(c4, "grid 3x3: 2 trivial + standard")
    linear = TiedLinear(to, of, "place", bias_gain=1.0)
    x = torch.randn(5, 9, 4)
    matrix, bias = linear.expand()
    assert matrix.shape == (8, 4)
    for place in range(9):
        torch.testing.assert_close(linear(x)[:, place], x[:, place] @ matrix.T + bias)
    assert linear.matrix.weight.numel() == hom_by_characters(vector(to.fibre), vector(of.fibre))


@pytest.mark.parametrize("name", ["C4", "D4", "D2"])
def test_patches_are_embedded_one_by_one(name):
    this = group(name)
    to, of = parse(this, "grid 2x3: 2 regular" if name == "D2" else "grid 3x3: 2 regular"), None
    rows, columns = to.base.shape
    of = parse(this, f"grid {2 * rows}x{2 * columns}: trivial + regular")
    embed = PatchEmbedding(to, of, 2)
    picture = (
        np.random.default_rng(0)
        .standard_normal((1, 2 * rows, 2 * columns, of.fibre.size))
        .astype(np.float32)
    )
    whole = embed(torch.from_numpy(picture.reshape(1, *of.shape))).detach()
    matrix, bias = embed.linear.expand()
    for i, j in np.ndindex(rows, columns):
        patch = torch.from_numpy(picture[0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(-1))
        torch.testing.assert_close(whole[0, i * columns + j], (matrix @ patch + bias).detach())
    for word in this.elements:
        moved = (
            embed(torch.from_numpy(of.act(word, picture.reshape(1, *of.shape)))).detach().numpy()
        )
        assert np.abs(moved - to.act(word, whole.numpy())).max() < 1e-5


def test_the_token_comes_first_and_takes_in_points():
    d4 = group("D4")
    field = parse(d4, "grid 2x2: 3 regular")
    join, x, point = JoinToken(field, 1), torch.randn(5, 4, 24), torch.randn(5, 1, 24)
    joined = join(x, point)
    assert torch.equal(joined[:, 1:], x)
    token = join.token().view(24)
    torch.testing.assert_close(joined[:, 0], token + point[:, 0])
    # an invariant vector: equal on each copy of the regular fibre
    assert torch.equal(token.view(3, 8), token.view(3, 8)[:, :1].expand(3, 8))
    assert join.token.weight.numel() == 3


def test_sources_are_added_before_the_nonlinearity():
    c4 = group("C4")
    sources = (parse(c4, "point: 2 trivial"), parse(c4, "grid 2x2: trivial"))
    layer = Nonlinear(vector(fibre(c4, "3 regular")), sources, "relu")
    a, b = torch.randn(5, 1, 2), torch.randn(5, 4, 1)
    expected = torch.relu(layer.linear[0](a) + layer.linear[1](b))
    assert torch.equal(layer(a, b), expected)
    assert layer.linear[1].bias is None
    assert (layer(a, b) - torch.relu(layer.linear[0](a))).abs().max() > 0.1
