"""What a layer reaches, against layers with random weights: nothing lies outside, and nothing is
claimed too much.
"""

import numpy as np
import pytest

from symgen.algebra.catalogue import group, presented
from symgen.algebra.fieldtype import parse, vector
from symgen.algebra.orbits import intertwiners
from symgen.algebra.reach import everything, linear, moved, on_places, pointwise, varies, weighted
from symgen.algebra.representation import parse as representation
from symgen.algebra.sampling import Sampling, covered, window
from symgen.algebra.tying import bias

QUATERNIONS = presented(["i", "j"], ["iiii", "iijj", "j^3iji"], "Q8")
CHAINS = {
    "all of a regular fibre": ("D4", "point: standard", ["regular", "regular"]),
    "a quotient forgets": ("D2", "point: standard", ["quotient(s)", "regular"]),
    "a mirror that nothing shows": ("D4", "point: sign(s)", ["regular"]),
    "signs": ("C2", "point: 2 sign", ["2 sign", "sign + trivial"]),
    "no way from signs to turns": ("D4", "point: sign(s)", ["quotient(s)", "regular"]),
    "matrices": ("D3", "point: standard", ["standard", "regular"]),
    "pixels": ("C4", "grid 5x5: 2 trivial", ["regular", "standard"]),
    "pixels that stay": ("C4", "grid 3x3(r=keep): trivial", ["regular"]),
    "tokens": ("S3", "tokens 3: trivial", ["permutation", "regular"]),
    "quaternions": (QUATERNIONS, "point: regular", ["quotient(i)", "regular"]),
}


def of(name):
    acting, observed, fibres = CHAINS[name]
    acting = group(acting) if isinstance(acting, str) else acting
    return parse(acting, observed), [representation(acting, fibre) for fibre in fibres]


def layer(fibre, x, source, rng):
    """A dense layer of random weights: intertwiners, an invariant shift, tanh or (of matrices) a
    gate.
    """
    target = vector(fibre)
    basis = intertwiners(fibre, source.as_representation)
    y = x @ np.tensordot(rng.standard_normal(len(basis)), basis, 1).T
    if not fibre.is_signed_permutation:
        return y / (1 + np.linalg.norm(y, axis=-1, keepdims=True)), target
    table = bias(target)
    if table.weights:
        shift = rng.standard_normal(table.weights + 1)
        shift[-1] = 0
        y = y + shift[table.index.reshape(-1)] * (
            1 if table.sign is None else table.sign.reshape(-1)
        )
    return np.tanh(y), target


@pytest.mark.parametrize("name", CHAINS)
def test_random_layers_stay_inside_what_is_reached_and_fill_it(name):
    observed, fibres = of(name)
    rng, reach = np.random.default_rng(0), everything(observed)
    for fibre in fibres:
        reach = pointwise(linear(fibre, *reach))
    spread = []
    for _ in range(8):  # networks
        x, source = rng.standard_normal((64, observed.size)), observed
        for fibre in fibres:
            x, source = layer(fibre, x, source, rng)
        spread.append(x - x.mean(0))
    values, start = np.concatenate(spread), 0
    parts = iter(reach)
    for copies, atom in fibres[-1].blocks:
        part = next(parts)
        for _ in range(copies):
            inside = values[:, start : start + atom.size]
            outside = inside - inside @ part.span @ part.span.T
            assert np.abs(outside).max(initial=0) < 1e-9
            assert np.linalg.matrix_rank(inside, tol=1e-6) == part.span.shape[1]
            start += atom.size


def test_a_generator_that_nothing_reached_is_moved_by():
    klein = group("D2")
    quotient = linear(
        representation(klein, "quotient(r)"), *everything(vector(representation(klein, "regular")))
    )
    assert varies(quotient)
    assert not moved(quotient, "r")
    assert moved(quotient, "s")


def test_channels_are_told_apart_by_weights_of_their_own():
    c4 = group("C4")
    equal = linear(
        representation(c4, "regular"), *everything(vector(representation(c4, "trivial")))
    )
    assert not moved(weighted(equal, np.zeros((3, 4), dtype=np.int64)), "r")
    (apart,) = weighted(equal, np.array([[0, 0, 1, 1], [1, 0, 0, 1], [5, 5, 5, 5]]))
    assert moved((apart,), "r")
    values = np.random.default_rng(0).standard_normal((9, 3, 2)) @ np.array(
        [[1.0, 1, 0, 0], [0, 0, 1, 1]]
    )
    values[:, 1] = np.roll(values[:, 1], 1, axis=1)
    values[:, 2] = values[:, 2, :1]
    values = values.reshape(-1, 4)
    assert np.abs(values - values @ apart.span @ apart.span.T).max() < 1e-9
    assert np.linalg.matrix_rank(values) == apart.span.shape[1] == 3


def test_a_kernel_that_sees_one_pixel_knows_no_direction():
    c4 = group("C4")
    still, regular = (
        everything(vector(representation(c4, "trivial"))),
        representation(c4, "regular"),
    )
    for size, directed in ((1, False), (2, True)):
        base = parse(c4, f"grid {size}x{size}: trivial").base
        inside = covered(base, Sampling(3, padding=1))
        around = on_places(window(base, Sampling(3, padding=1)), still, np.eye(9)[:, inside])
        assert moved(linear(regular, *around), "r") == directed


def test_a_feature_on_places_is_read_in_all_of_them():
    """The mean of a still field over the pixels knows no direction, the field as a whole does."""
    c4 = group("C4")
    field = parse(c4, "grid 9x9: trivial")
    at_a_place = everything(vector(field.fibre))
    regular = representation(c4, "regular")
    assert not moved(linear(regular, *at_a_place), "r")
    assert moved(linear(regular, *on_places(field.base, at_a_place)), "r")
