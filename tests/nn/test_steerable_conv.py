"""Steerable convolutions: exact where pixels meet pixels, close elsewhere, escnn's own output, and
plain torch.
"""

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse, vector
from symgen.algebra.representation import parse as fibre_of
from symgen.algebra.sampling import Sampling, sampled
from symgen.algebra.steerable import with_gates
from symgen.nn.field_activation import FieldActivation
from symgen.nn.steerable_conv import Blur, Disc, MeanOverPicture, SteerableConv, SteerableLinear
from symgen.nn.steerable_kernel import SteerableKernel
from symgen.operations import steerable_conv as operations
from tests.algebra.test_plane import smooth

CASES = [
    # group, input, fields, sampling, vectors, pool
    ("C4", "grid 7x7: 2 trivial", "2 regular", Sampling(3, 1, 1), "gated", False),
    ("C4", "grid 7x7: regular + trivial", "regular + irrep(1)", Sampling(3, 2, 1), "gated", False),
    ("C4", "grid 8x8: 2 trivial", "2 irrep(1) + sign", Sampling(3, 1, 1), "norm", True),
    (
        "D4",
        "grid 7x7: quotient(s)",
        "regular + quotient(s) + 2 irrep(1)",
        Sampling(5, 1, 2),
        "gated",
        True,
    ),
    ("D2", "grid 9x9: 3 trivial", "2 regular + trivial", Sampling(3, 2, 0), "norm", False),
    ("D1", "grid 5x8: trivial + sign", "2 regular + sign", Sampling(3, 1, 1), "gated", True),
    ("C1", "grid 5x6: 2 trivial", "3 trivial", Sampling(3, 1, 1), "gated", False),
    ("C4", "plane 9x9: 2 trivial", "2 regular", Sampling(3, 1, 1), "gated", False),
]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def layer(name, source, fields, sampling, vectors="gated", pool=False, seed=0):
    torch.manual_seed(seed)
    of = parse(group(name), source)
    base = sampled(of.base, sampling)
    if pool:
        base = sampled(base, Sampling(4 + base.shape[0] % 2, 2, 1 + base.shape[0] % 2))
    to = FieldType(base, fibre_of(group(name), fields))
    operation = operations.SteerableConv(to, of, sampling, "elu", vectors, pool)
    return SteerableConv(operation), to, of


def gap(conv, to, of, word, x):
    """(error, control) of one element, relative to the output."""
    with torch.no_grad():
        y = conv(torch.from_numpy(x).to(conv.kernel.weight.dtype)).numpy()
        z = conv(torch.from_numpy(of.act(word, x)).to(conv.kernel.weight.dtype)).numpy()
    scale = np.abs(y).max()
    return np.abs(z - to.act(word, y)).max() / scale, np.abs(
        z - np.roll(to.act(word, y), 1, 0)
    ).max() / scale


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_exact_groups_are_exact(case, dtype):
    if case[0] == "D1":
        case = (
            *case[:1],
            "grid 6x8: trivial + sign",
            *case[2:],
        )  # one parity: `sampled` knows square windows only
    conv, to, of = layer(*case)
    conv = conv.to(dtype)
    x = np.random.default_rng(0).standard_normal((3, *of.shape))
    for word in group(case[0]).generators:
        error, control = gap(conv, to, of, word, x)
        assert error <= TOLERANCE[dtype]
        assert control > 0.1


@pytest.mark.parametrize("name", ["C8", "D8", "SO2", "O2", "C3"])
def test_turns_between_pixels_are_close_on_smooth_pictures(name):
    fields = "2 irrep(1) + 2 trivial" if name in ("SO2", "O2") else "2 regular"
    conv, to, of = layer(name, "plane 33x33: 2 trivial", fields, Sampling(5, 1, 2))
    conv = conv.double()
    pictures = np.stack([smooth(33, 2, seed, 0.07) for seed in range(4)])
    error, control = gap(conv, to, of, "r", pictures)
    assert error < 0.08
    assert control > 10 * error
    rough, _ = gap(conv, to, of, "r", np.random.default_rng(0).standard_normal(pictures.shape))
    assert rough > 3 * error  # not of rough ones
    for word in ("r^2", "r^16", "s"):
        if set(word) & {"s"} <= set(group(name).generators) and to.base.is_exact(word):
            assert gap(conv, to, of, word, pictures)[0] < 1e-12


def test_a_kernel_that_is_not_band_limited_turns_badly():
    """The control of the test above: the same sizes, a free kernel."""
    conv, to, of = layer("C8", "plane 33x33: 2 trivial", "2 trivial", Sampling(5, 1, 2))
    pictures = np.stack([smooth(33, 2, seed, 0.07) for seed in range(4)])
    conv = conv.double()
    conv._expanded = (torch.randn(2, 2, 5, 5, dtype=torch.float64), None)
    assert gap(conv, to, of, "r", pictures)[0] > 0.3


@pytest.mark.parametrize("case", CASES, ids=str)
def test_first_outputs_have_unit_scale(case):
    """He's initialisation: before the nonlinearity the variance is 2 for inputs of variance 1."""
    torch.manual_seed(0)
    target, source = fibre_of(group(case[0]), "8 regular"), fibre_of(group(case[0]), "8 regular")
    kernel = SteerableKernel(target, source, 3, 2**0.5)()
    assert 1.5 < float(kernel.detach().square().sum((1, 2, 3)).mean()) < 2.5


def test_float32_and_back_is_as_exact_as_before():
    conv, to, of = layer(*CASES[0])
    conv = conv.float().double()
    x = np.random.default_rng(0).standard_normal((3, *of.shape))
    assert gap(conv, to, of, "r", x)[0] < 1e-12


@pytest.mark.parametrize("case", CASES[:4] + CASES[-1:], ids=str)
def test_it_is_an_ordinary_module(case):
    """deepcopy, pickle, train and eval, state_dict, compile without a break, export."""
    conv, _, of = layer(*case)
    x = torch.randn(2, *of.shape)
    expected = conv(x)
    for mode in (True, False):
        for other in (copy.deepcopy(conv.train(mode)), pickle.loads(pickle.dumps(conv))):
            assert torch.equal(other(x), expected)
            assert list(other.state_dict()) == list(conv.state_dict())
    names = set(conv.state_dict())
    assert names <= {"kernel.weight", "bias.weight", "activation.threshold"}
    buffer = io.BytesIO()
    torch.save(conv.state_dict(), buffer)
    conv.load_state_dict(torch.load(io.BytesIO(buffer.getvalue())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
        assert torch.allclose(compiled(x), expected, atol=1e-6)
        exported = torch.export.export(conv, (x,)).module()
    assert torch.allclose(exported(x), expected, atol=1e-6)


def test_the_filter_is_expanded_once():
    conv, _, of = layer(*CASES[0])
    x = torch.randn(2, *of.shape)
    expected = conv(x)
    with torch.no_grad():
        conv._expanded = conv.expand()
    conv.kernel.weight.data.zero_()
    assert torch.equal(conv(x), expected)


def test_blur_and_disc_and_mean():
    even, odd = Blur((6, 8)), Blur((5, 7))
    ones = torch.ones(1, 6, 8, 2)
    assert even(ones).shape == (1, 3, 4, 2)
    assert odd(torch.ones(1, 5, 7, 2)).shape == (1, 3, 4, 2)
    assert torch.allclose(odd(torch.ones(1, 5, 7, 2))[:, 1, 1:3], torch.ones(()))
    base = parse(group("C8"), "plane 7x7: trivial").base
    inside = Disc(base)(torch.ones(1, 49, 1))
    assert inside.min() == 0
    assert inside.max() == 1
    assert torch.allclose(MeanOverPicture(base)(torch.ones(2, 49, 3)), torch.ones(2, 1, 3))
    corner = torch.zeros(1, 49, 1)
    corner[:, 0] = 1
    assert MeanOverPicture(base)(corner).item() == 0
    assert MeanOverPicture(parse(group("C4"), "grid 7x7: trivial").base)(
        corner
    ).item() == pytest.approx(1 / 49)


@pytest.mark.parametrize("vectors", ["gated", "norm"])
@pytest.mark.parametrize("name", ["C8", "D8", "SO2", "O2", "D4"])
def test_nonlinearities_commute_with_every_fibre(name, vectors):
    this = group(name)
    fibre = fibre_of(
        this,
        "2 trivial + 3 irrep(1) + sign" if name in ("SO2", "O2") else "regular + 2 irrep(1) + sign",
    )
    inner = with_gates(fibre, vectors)
    module = FieldActivation(fibre, "relu", vectors).double()
    x = np.random.default_rng(0).standard_normal((5, inner.size))
    y = module(torch.from_numpy(x)).detach().numpy()
    for word in (*this.generators, "r^3"):
        z = module(torch.from_numpy(inner.act(word, x))).detach().numpy()
        assert np.abs(z - fibre.act(word, y)).max() < 1e-12
    assert np.abs(y - x[:, : fibre.size]).max() > 0.1  # it does something
    wrong = torch.relu(torch.from_numpy(fibre.act("r", x[:, : fibre.size]))).numpy()
    assert (
        np.abs(wrong - fibre.act("r", np.maximum(x[:, : fibre.size], 0))).max() > 0.1
    )  # relu alone does not commute


def test_vectors_at_a_point():
    this = group("SO2")
    to, sources = (
        vector(fibre_of(this, "2 trivial + 2 irrep(1)")),
        (vector(fibre_of(this, "irrep(1) + trivial")),) * 2,
    )
    module = SteerableLinear(to, sources, "tanh").double()
    x = np.random.default_rng(0).standard_normal((2, 4, 1, 3))
    y = module(*map(torch.from_numpy, x)).detach().numpy()
    z = module(*(torch.from_numpy(sources[0].act("r^5", each)) for each in x)).detach().numpy()
    assert np.abs(z - to.act("r^5", y)).max() < 1e-12
    assert np.abs(z - y).max() > 1e-3
