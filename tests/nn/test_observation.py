"""What a space gives, in every form it may come in, is read as the same features; other shapes are
refused.
"""

import warnings

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import parse
from symgen.compiler import plan_spec
from symgen.nn.network import build
from symgen.nn.observation import Reader
from symgen.problem.interface import Action, Interface, Term
from tests.families.problems import observations, problem

TERMS = {
    "vector": Term("vector", (3,)),
    "image": Term("image", (2, 4, 3), "uint8", "image", scale=255.0),
    "tokens": Term("tokens", (5, 2), "float64", "tokens"),
    "numbers": Term("numbers", (5,), "int8", "tokens"),
    "index": Term("index", (), "int64", "discrete", 4),
}
ACTION = Action("discrete", ("a",), (1,))
TYPES = {
    "vector": "point: 3 trivial",
    "image": "grid 2x4: 3 trivial",
    "tokens": "graph 5(): 2 trivial",
    "numbers": "graph 5(): trivial",
    "index": "point: 4 trivial",
}
FIELDS = {name: parse(group("C1"), text) for name, text in TYPES.items()}


def read(term: Term, given, dtype=torch.float32) -> torch.Tensor:
    interface = Interface((term,), ACTION, single=False)
    return Reader(interface, FIELDS)({term.name: given}, dtype, torch.device("cpu"))[term.name]


def batch(term: Term, count: int = 6) -> np.ndarray:
    random = np.random.default_rng(0)
    if term.layout == "discrete":
        return random.integers(0, term.size, count)
    return random.integers(0, 100, (count, *term.shape)).astype(term.dtype)


@pytest.mark.parametrize("name", TERMS)
def test_every_form_is_read_alike(name):
    term, given = TERMS[name], batch(TERMS[name])
    expected = read(term, given, torch.float64)
    assert expected.shape == (6, *FIELDS[name].shape)
    forms = {
        "torch": torch.from_numpy(given),
        "float64": given.astype(np.float64),
        "float32": torch.from_numpy(given.astype(np.float32)),
        "lists": given.tolist(),
        "other strides": np.repeat(given, 2, 0)[::2],
        "backwards": given[::-1].copy()[::-1],
        "fortran": np.asfortranarray(given),
    }
    for form, values in forms.items():
        assert torch.equal(read(term, values, torch.float64), expected), form
    single = read(term, given, torch.float32)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=1e-6, atol=0)
    for k in range(6):  # one observation without a batch axis is a batch of one
        assert torch.equal(read(term, given[k], torch.float64), expected[k : k + 1])
    assert not torch.equal(read(term, given[1:], torch.float64), expected[:-1])


@pytest.mark.parametrize("name", TERMS)
def test_a_read_only_array_is_read_without_a_warning(name):
    given = batch(TERMS[name])
    given.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(TERMS[name], given)


def test_layouts():
    picture = batch(TERMS["image"])
    feature = read(TERMS["image"], picture, torch.float64)
    for row, column, channel in np.ndindex(2, 4, 3):
        assert np.allclose(
            feature[:, row * 4 + column, channel], picture[:, row, column, channel] / 255
        )
    assert feature.max() <= 1.0
    index = read(TERMS["index"], [2, 0, 3])
    assert index.tolist() == [[[0, 0, 1, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 1]]]
    assert read(TERMS["index"], 3).tolist() == [[[0, 0, 0, 1]]]


WRONG = {
    "too long": ("vector", (6, 4)),
    "one axis more": ("vector", (6, 1, 3)),
    "a flat picture": ("image", (6, 24)),
    "channels first": ("image", (6, 3, 2, 4)),
    "rows and columns exchanged": ("image", (6, 4, 2, 3)),
    "tokens missing": ("tokens", (6, 4, 2)),
    "no batch, wrong size": ("tokens", (5, 3)),
    "a vector of indices": ("index", (6, 4)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_another_shape_is_refused(wrong):
    name, shape = WRONG[wrong]
    with pytest.raises(ValueError, match=f"{name} has shape .* expected \\(batch"):
        read(TERMS[name], np.zeros(shape, np.int64))


def test_a_missing_term_is_refused_by_name():
    interface = Interface((TERMS["vector"], TERMS["index"]), ACTION, single=False)
    with pytest.raises(ValueError, match="index"):
        Reader(interface, FIELDS)({"vector": np.zeros((2, 3))}, torch.float32, torch.device("cpu"))
    with pytest.raises(ValueError, match="vector, index"):
        Reader(interface, FIELDS)(np.zeros((2, 3)), torch.float32, torch.device("cpu"))


def test_a_network_reads_what_the_space_gives():
    this = problem("C4 dict", "group_mlp")
    network = build(plan_spec(this), this.interface).eval()
    given = observations(this.interface, 4)
    expected = network(given)[0]["policy"]
    assert given["picture"].dtype == np.uint8
    assert torch.equal(
        network({name: torch.from_numpy(x) for name, x in given.items()})[0]["policy"], expected
    )
    assert torch.equal(network(dict(reversed(given.items())) | {"more": 3})[0]["policy"], expected)
    one = {name: x[0] for name, x in given.items()}
    torch.testing.assert_close(network(one)[0]["policy"], expected[:1], rtol=1e-5, atol=1e-6)
    assert network.value(one).shape == (1,)

    single = problem("C4 heading 6x6", "graph_attention")
    network = build(plan_spec(single), single.interface).eval()
    picture = observations(single.interface, 3)["observation"]
    assert torch.equal(network.value(picture), network.value({"observation": picture}))
    torch.testing.assert_close(
        network.value(picture[1]), network.value(picture)[1:2], rtol=1e-4, atol=1e-5
    )
    with pytest.raises(
        ValueError, match=r"observation has shape \(3, 5, 6, 6\), expected \(batch, 6, 6, 5\)"
    ):
        network(np.moveaxis(picture, -1, 1))
