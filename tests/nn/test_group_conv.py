"""Group convolutions against explicit loops over the equations, and their parts against torch's
own.
"""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse, vector
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import parse as fibre
from symgen.algebra.sampling import Sampling, sampled, window
from symgen.nn._fast_folded_norm import folded
from symgen.nn.group_conv import GroupConv, GroupPool, MeanPlaces
from symgen.nn.norm import FieldBatchNorm
from symgen.operations import group_conv as operations
from tests.families.laws import TOLERANCE, hom_by_characters

GROUPS = {"C1": (5, 6), "C2": (6, 7), "C4": (7, 7), "D1": (6, 7), "D2": (7, 5), "D4": (7, 7)}
FIBRES = ("2 trivial", "2 regular", "regular + 3 trivial")


def conv(
    name, target="2 regular", source="2 trivial", sampling=None, pool=None, shape=None, **options
) -> tuple:
    """A convolution in float64 with its types."""
    torch.manual_seed(0)
    this, sampling = group(name), sampling or Sampling(3, 1, 1)
    of = FieldType(bases.grid(this, *(shape or GROUPS[name])), fibre(this, source))
    base = sampled(of.base, sampling)
    to = FieldType(sampled(base, pool) if pool else base, fibre(this, target))
    layer = GroupConv(operations.GroupConv(to, of, sampling, pool=pool, **options))
    return layer.double(), to, of


def kernel(layer: GroupConv, of: FieldType) -> np.ndarray:
    """Shape (channels out, kernel rows, kernel columns, channels in)."""
    return (
        layer.linear.expand()[0]
        .detach()
        .numpy()
        .reshape(-1, layer.kernel, layer.kernel, of.fibre.size)
    )


# ------------------------------------------------------------------------------------- the slow
# twin


def twin(psi: np.ndarray, name: str, lifting: bool) -> np.ndarray:
    """W[o, g; c, h](u) = psi[o, c, g^-1 h](g^-1 u), entry by entry; for a lifting layer there is no
    h.

    Args:
        psi: shape (out fields, in fields, order or 1, kernel, kernel).
    """
    this, side = group(name), psi.shape[-1]
    elements, around = this.elements, bases.grid(this, side, side)
    out, fields, copies = psi.shape[:3]
    result = np.zeros((out, len(elements), side, side, fields, copies))
    for o, c, (i, g), h in itertools.product(
        range(out), range(fields), enumerate(elements), range(copies)
    ):
        back = this.inverse(g)
        other = 0 if lifting else elements.index(this.element(back + elements[h]))
        for u in range(side**2):
            source = divmod(int(around.permutation(back)[u]), side)
            result[(o, i, *divmod(u, side), c, h)] = psi[(o, c, other, *source)]
    return result.reshape(out * len(elements), side, side, fields * copies)


@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("source", ["3 trivial", "2 regular"])
def test_the_kernel_is_that_of_the_equation(name, source, side):
    layer, _, of = conv(name, "2 regular", source, Sampling(side))
    order, lifting = group(name).order, source == "3 trivial"
    found = kernel(layer, of)
    fields = 3 if lifting else 2
    # the identity's rows are the filters psi
    psi = found.reshape(2, order, side, side, fields, -1)[:, 0].transpose(0, 3, 4, 1, 2)
    assert np.abs(twin(psi, name, lifting) - found).max() == 0
    assert layer.linear.matrix.weight.numel() == psi.size  # and all of them are free
    if order > 1 and not (lifting and side == 1):  # control: other filters are another kernel
        assert np.abs(twin(psi[..., ::-1].copy() + psi[::-1], name, lifting) - found).max() > 1e-2


@pytest.mark.parametrize("index", ["output", "input"])
@pytest.mark.parametrize("name", ["C2", "C4", "D4"])
@pytest.mark.parametrize("source", ["3 trivial", "2 regular"])
def test_the_relaxed_kernel_is_that_of_the_equation(name, source, index):
    """W[o, g; c, h] = sum_l w_l(g) psi_l[o, c, g^-1 h], or w_l(h); a lifting layer has no h to
    read.
    """
    layer, to, of = conv(
        name, "2 regular", source, relaxation=Relaxation(form="banks", banks=2, index=index)
    )
    order, lifting = group(name).order, source == "3 trivial"
    fields, matrix = 3 if lifting else 2, layer.linear.matrix
    banks = matrix.tied().detach().numpy().reshape(2, 2, order, 3, 3, fields, -1)
    psi = banks[:, :, 0].transpose(0, 1, 4, 5, 2, 3)
    assert gap(layer, to, of, torch.float64)[0] <= 1e-12  # exact at first
    with torch.no_grad():
        matrix.banks.weight.add_(torch.randn(2, order))
    w = matrix.banks.weight.detach().numpy()
    each = np.array([twin(one, name, lifting) for one in psi])
    if index == "output" or lifting:
        scale = np.tile(w, 2).reshape(2, -1, 1, 1, 1)
    else:
        scale = np.tile(w, fields).reshape(2, 1, 1, 1, -1)
    assert np.abs((scale * each).sum(0) - kernel(layer, of)).max() <= 1e-12
    assert gap(layer, to, of, torch.float64)[0] > 0.1  # control: unequal weights break the symmetry


@pytest.mark.parametrize("sampling", [Sampling(3, 1, 1), Sampling(3, 2), Sampling(5, 2, 2)])
@pytest.mark.parametrize("name", ["C4", "D2", "D4"])
def test_it_is_a_convolution(name, sampling):
    layer, to, of = conv(name, "2 regular", "regular + trivial", sampling, activation="tanh")
    x = torch.randn(2, *of.shape, dtype=torch.float64)
    filters, shift = kernel(layer, of), layer.linear.expand()[1].detach().numpy()
    side, stride, padding = sampling.kernel, sampling.stride, sampling.padding
    picture = np.pad(
        x.numpy().reshape(2, *of.base.shape, -1), ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0))
    )
    expected = np.zeros((2, *to.base.shape, to.fibre.size))
    for i, j in np.ndindex(*to.base.shape):
        seen = picture[:, i * stride : i * stride + side, j * stride : j * stride + side]
        expected[:, i, j] = np.tanh(np.einsum("bxyc,oxyc->bo", seen, filters) + shift)
    found = layer(x).detach().numpy()
    assert np.abs(found - expected.reshape(found.shape)).max() <= 1e-12
    assert np.abs(found).max() > 0.1


# ------------------------------------------------------------------------------------- equivariance


def gap(layer: nn.Module, to: FieldType, of: FieldType, dtype: torch.dtype) -> tuple[float, float]:
    """Largest error over the elements, relative to the largest output; and the control, the output
    left unmoved.
    """
    layer, x = (
        copy.deepcopy(layer).to(dtype),
        np.random.default_rng(0).standard_normal((3, *of.shape)),
    )

    def run(inputs):
        with torch.no_grad():
            return copy.deepcopy(layer)(torch.from_numpy(inputs).to(dtype)).numpy()

    y, moved = run(x), {word: run(of.act(word, x)) for word in of.group.elements}
    errors = [np.abs(found - to.act(word, y)).max() for word, found in moved.items()]
    return max(errors) / np.abs(y).max(), max(
        np.abs(found - y).max() for found in moved.values()
    ) / np.abs(y).max()


FORMS = {
    "plain": {},
    "even kernel": {"sampling": Sampling(2, 1, 0)},
    "stride": {"sampling": Sampling(3, 2, 1), "shape": (7, 7)},
    "max": {"pool": Sampling(2, 2), "shape": (6, 6), "activation": "silu"},
    "mean": {"pool": Sampling(3, 2, 1), "shape": (7, 7), "pool_kind": "mean"},
    "overlapping max": {"pool": Sampling(3, 2, 1), "shape": (7, 7)},
    "batch": {"norm": "batch"},
    "layer": {"norm": "layer", "activation": "gelu"},
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", GROUPS)
def test_it_commutes_with_every_element(name, form, dtype):
    for target, source in itertools.product(FIBRES[1:], FIBRES):
        layer, to, of = conv(name, target, source, **FORMS[form])
        for training in (True, False):
            error, control = gap(layer.train(training), to, of, dtype)
            assert error <= TOLERANCE[dtype]
            assert control > 0.1 or name == "C1"


@pytest.mark.parametrize("form", ["plain", "stride", "mean", "batch"])
@pytest.mark.parametrize(
    ("target", "source"), [("2 sign + regular", "sign + trivial"), ("3 sign", "regular + sign")]
)
@pytest.mark.parametrize("name", ["C2", "D1", "D4"])
def test_signs_under_odd_functions(name, target, source, form):
    layer, to, of = conv(name, target, source, **{**FORMS[form], "activation": "tanh"})
    for training in (True, False):
        error, control = gap(layer.train(training), to, of, torch.float64)
        assert error <= 1e-12
        assert control > 0.1
    layer.activation = "relu"  # control: not an odd function
    assert gap(layer, to, of, torch.float64)[0] > 1e-2


def test_a_kernel_that_is_not_tied_does_not_commute():
    layer, to, of = conv("D4", source="regular")
    matrix, shift = layer.linear.expand()
    layer.linear._expanded = (torch.randn_like(matrix), shift.detach())
    assert gap(layer, to, of, torch.float64)[0] > 0.1


@pytest.mark.parametrize("sampling", [Sampling(2, 2, 0), Sampling(3, 2, 1)])
def test_windows_that_are_not_symmetric_do_not_commute(sampling):
    """The refusal of algebra.sampling has a reason: a layer built all the same does not commute."""
    size = 7 if sampling.kernel == 2 else 6
    of = FieldType(bases.grid(group("D1"), size, size), fibre(group("D1"), "regular"))
    count = sampling.count(size)
    to = FieldType(bases.grid(group("D1"), count, count), of.fibre)
    assert gap(GroupConv(operations.GroupConv(to, of, sampling)), to, of, torch.float64)[0] > 0.1


# ------------------------------------------------------------------------------------- counts and
# starts


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("source", FIBRES)
def test_weights_are_the_dimension_of_equivariant_kernels(name, source):
    layer, to, of = conv(name, "2 regular + trivial", source)
    around = FieldType(window(of.base, Sampling(3)), of.fibre)
    assert layer.linear.matrix.weight.numel() == hom_by_characters(vector(to.fibre), around)
    assert sum(p.numel() for p in layer.linear.bias.parameters()) == 3


@pytest.mark.parametrize("source", ["9 trivial", "8 regular"])
def test_outputs_start_with_the_gain(source):
    layer, _, of = conv("D4", "16 regular", source, Sampling(3), shape=(9, 9), activation="none")
    layer.linear.bias.weight.data.zero_()
    y = layer(torch.randn(8, *of.shape, dtype=torch.float64))
    assert abs(float(y.detach().std()) / 2**0.5 - 1) < 0.1


# ------------------------------------------------------------------------------------- speed's
# promises


class Counting(TorchDispatchMode):
    """The operations that run."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.seen = [*getattr(self, "seen", []), function.overloadpacket.__name__]
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_frozen_it_is_one_plain_convolution_without_copies(norm):
    layer, _, of = conv("C4", "4 regular", "4 regular", norm=norm)
    x = torch.randn(2, *of.shape, dtype=torch.float64)
    with torch.no_grad():
        expected = layer.eval()(x)
        layer.train().linear._expanded = layer.linear.expand()
        with Counting() as counted:
            frozen = layer(x)
    assert (frozen - expected).abs().max() < 1e-12
    assert counted.seen.count("convolution") == 1
    assert not {"clone", "copy_", "_to_copy", "contiguous"} & set(counted.seen)
    assert ("index_select" in counted.seen) is False
    assert frozen.is_contiguous()
    layer.linear._expanded = None
    with torch.no_grad(), Counting() as counted:
        layer(x)
    assert "index_select" in counted.seen  # control: otherwise the kernel is made from its weights


# ------------------------------------------------------------------------------------- batch norm


def test_batch_norm_of_invariant_channels_is_torchs():
    c4 = group("C4")
    ours, theirs = (
        FieldBatchNorm(vector(fibre(c4, "5 trivial"))).double(),
        nn.BatchNorm1d(5).double(),
    )
    for _ in range(3):
        x = torch.randn(7, 6, 5, dtype=torch.float64) * 3 + 1
        torch.testing.assert_close(ours(x), theirs(x.reshape(-1, 5)).view_as(x))
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    ratio = ours.variance - 0.9**3  # theirs counts one less
    torch.testing.assert_close(ratio * 42 / 41, theirs.running_var - 0.9**3)


def test_batch_norm_takes_an_orbit_as_one_channel():
    d4 = group("D4")
    ours = FieldBatchNorm(vector(fibre(d4, "2 regular + 2 quotient(s) + trivial"))).double()
    theirs = nn.BatchNorm1d(5).double()
    with torch.no_grad():
        for norm in (ours, theirs):
            norm.weight.copy_(torch.arange(1.0, 6.0)), norm.bias.copy_(torch.arange(5.0))
    x = torch.randn(7, 6, 25, dtype=torch.float64) * 2 + torch.arange(25)
    y, start = ours(x), 0
    for k, size in enumerate((8, 8, 4, 4, 1)):
        part = x[..., start : start + size]
        expected = (part - part.mean()) / (part.var(correction=0) + 1e-5).sqrt() * (k + 1) + k
        torch.testing.assert_close(y[..., start : start + size], expected)
        start += size
    matrix = torch.eye(25, dtype=torch.float64)
    scaled, shift = folded(ours, matrix)
    orbit = ours.orbit
    expected = (x - ours.mean[orbit]) / (ours.variance[orbit] + 1e-5).sqrt() * ours.weight[
        orbit
    ] + ours.bias[orbit]
    torch.testing.assert_close(x @ scaled.T + shift, expected)


def test_a_lone_sign_has_neither_mean_nor_shift():
    norm = FieldBatchNorm(vector(fibre(group("D1"), "2 sign + signed(s=-2 -1)")))
    assert norm.weight.numel() == 3
    assert norm.bias.numel() == 1  # x - y is an invariant of the last orbit
    x = torch.randn(50, 4) + 5
    y = norm(x)
    assert (y[:, :2].sign() == x[:, :2].sign()).all()
    assert abs(float(norm.mean[2])) < 0.2  # the mean of x - y over two
    with pytest.raises(ValueError, match="BatchNorm does not commute"):
        FieldBatchNorm(vector(fibre(group("C3"), "standard")))


def test_batch_norm_learns_only_in_training():
    layer, _, of = conv("C4", norm="batch")
    x = torch.randn(4, *of.shape, dtype=torch.float64) + 2
    before = copy.deepcopy(layer.state_dict())
    layer.eval()(x)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    layer.train()(x)
    changed = {
        name for name, value in layer.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"batch_norm.mean", "batch_norm.variance"}


@pytest.mark.filterwarnings(
    "ignore:.*autograd.function.Function.*should not be instantiated"
)  # torch's own tracing
def test_training_with_batch_norm_compiles_to_one_graph():
    layer, _, of = conv("D4", norm="batch", pool=Sampling(2, 2), shape=(6, 6))
    x, twin_ = torch.randn(4, *of.shape, dtype=torch.float64), copy.deepcopy(layer)
    torch._dynamo.reset()
    fast = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(fast(x), twin_(x))
    torch.testing.assert_close(layer.batch_norm.mean, twin_.batch_norm.mean)
    assert layer.batch_norm.mean.abs().max() > 0


# ------------------------------------------------------------------------------------- pooling


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_group_pooling_is_invariant_at_every_place(kind):
    of = parse(group("D4"), "grid 3x3: 2 regular + trivial + 2 quotient(s)")
    pool, x = GroupPool(of, kind).double(), torch.randn(2, *of.shape, dtype=torch.float64)
    y = pool(x)
    assert y.shape == (2, 9, 5)
    reduce = torch.amax if kind == "max" else torch.mean
    torch.testing.assert_close(y[..., 0], reduce(x[..., :8], -1))
    torch.testing.assert_close(y[..., 2], x[..., 16])
    torch.testing.assert_close(y[..., 4], reduce(x[..., 21:], -1))
    to = parse(group("D4"), "grid 3x3: 5 trivial")
    assert gap(pool, to, of, torch.float64)[0] < 1e-12
    with pytest.raises(ValueError, match="no invariant"):
        GroupPool(parse(group("D1"), "point: 2 sign"), kind)


def test_orbits_inside_an_atom_are_pooled_one_by_one():
    of = parse(group("D1"), "point: permutation(s=0 3 2 1)")
    found = GroupPool(of, "max")(torch.tensor([[[4.0, 1.0, 3.0, 2.0]]]))
    assert found.tolist() == [[[4.0, 2.0, 3.0]]]


def test_the_mean_over_places_forgets_them():
    of = parse(group("C4"), "grid 3x3: 2 regular")
    assert gap(MeanPlaces(), vector(of.fibre), of, torch.float64)[0] < 1e-12
    assert MeanPlaces()(torch.ones(2, 9, 8)).shape == (2, 1, 8)
