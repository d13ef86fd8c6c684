"""Representation laws over constructors x groups, printing, and refusals."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group, presented
from symgen.algebra.representation import Representation, check_relations, direct_sum, parse
from tests.algebra.examples import SMALL
from tests.algebra.examples import representations as examples
from tests.laws import assert_representation


@pytest.mark.parametrize("name", SMALL)
def test_representations_are_representations(name):
    for representation in examples(name):
        assert_representation(representation)
        check_relations(representation)


@pytest.mark.parametrize("name", SMALL)
def test_the_printed_form_parses_back(name):
    for representation in examples(name):
        again = parse(group(name), str(representation))
        assert again == representation
        assert str(again) == str(representation)
        assert all(
            np.array_equal(a, b) for a, b in zip(again.images, representation.images, strict=True)
        )


@pytest.mark.parametrize("text", ["standard", "permutation", "sign", "permutation + 3 sign"])
def test_large_groups_keep_their_laws(text):
    for name in ("S12", "D512", "C512"):
        this = group(name)
        assert_representation(parse(this, text), 1e-9)


def test_control_a_broken_relation_is_refused():
    c4 = group("C4")
    third = Representation(c4, "third", 3, (np.eye(3)[[1, 2, 0]],))
    with pytest.raises(AssertionError, match="relation"):
        assert_representation(third)
    with pytest.raises(ValueError, match=r"relation r\^4 = identity of C4 does not hold for third"):
        check_relations(third)


def test_control_a_stretching_matrix_is_refused():
    stretch = Representation(group("C2"), "stretch", 2, (np.array([[0.0, 2.0], [0.5, 0.0]]),))
    with pytest.raises(AssertionError, match="orthogonal"):
        assert_representation(stretch)
    with pytest.raises(ValueError, match="the matrix of r is not orthogonal"):
        check_relations(stretch)


def test_control_a_right_action_is_refused(monkeypatch):
    act = Representation.act
    monkeypatch.setattr(Representation, "act", lambda self, word, x: act(self, word[::-1], x))
    with pytest.raises(AssertionError, match="left action"):
        assert_representation(parse(group("D3"), "regular"))


def test_kinds():
    d4 = group("D4")
    kinds = {
        text: parse(d4, text).kind
        for text in ("trivial", "regular", "quotient(s)", "sign", "standard", "2 sign")
    }
    assert kinds == {
        **dict.fromkeys(("trivial", "regular", "quotient(s)"), "permutation"),
        **dict.fromkeys(("sign", "standard", "2 sign"), "signed"),
    }
    assert (
        parse(group("C3"), "standard").kind
        == parse(group("C3"), "regular + standard").kind
        == "matrix"
    )
    assert parse(group("C1"), "5 trivial").kind == "permutation"


def test_standard_turns_and_mirrors_the_plane():
    d4, d6 = parse(group("D4"), "standard"), parse(group("D6"), "standard")
    assert np.array_equal(
        d4.act("r", np.array([1.0, 0.0])), [0.0, 1.0]
    )  # right goes up: counter-clockwise
    assert np.array_equal(d4.act("s", np.array([1.0, 2.0])), [-1.0, 2.0])  # left and right swap
    assert np.allclose(d6.act("r", np.array([1.0, 0.0])), [0.5, np.sqrt(3) / 2])
    assert np.array_equal(
        parse(group("D2"), "standard").act("r", np.array([1.0, 2.0])), [-1.0, -2.0]
    )


def test_standard_of_a_symmetric_group_permutes_the_corners_of_a_simplex():
    for name in ("S3", "S4", "S5"):
        this = group(name)
        n, standard = this.degree, parse(this, "standard")
        contrasts = np.array([[1.0] * k + [-k] + [0.0] * (n - k - 1) for k in range(1, n)])
        corners = (
            contrasts / np.linalg.norm(contrasts, axis=1, keepdims=True)
        ).T  # row i: the corner of point i
        for g in this.generators:
            assert np.allclose(standard.act(g, corners), corners[list(this.permutations[g])])


def test_sizes():
    sizes = {
        ("D4", "regular"): 8,
        ("D4", "quotient(s)"): 4,
        ("D4", "quotient(r)"): 2,
        ("D4", "quotient(r s)"): 1,
    }
    sizes |= {
        ("D4", "quotient(r^2)"): 4,
        ("S5", "standard"): 4,
        ("S5", "permutation"): 5,
        ("S3", "quotient(s)"): 3,
    }
    for (name, text), size in sizes.items():
        assert parse(group(name), text).size == size


def test_a_quotient_is_the_action_on_cosets():
    d4, quotient = group("D4"), parse(group("D4"), "quotient(s)")
    # The stabiliser of the first coset is the subgroup itself, and the action is transitive.
    fixed = [w for w in d4.elements if quotient.matrix(w)[0, 0] == 1]
    assert fixed == ["", "s"]
    assert {int(quotient.matrix(w)[:, 0].argmax()) for w in d4.elements} == {0, 1, 2, 3}


def test_images_move_entries_to_places():
    c3 = group("C3")
    permutation = representations.permutation(c3, {"r": [1, 2, 0]})
    assert permutation.act("r", np.array([10, 20, 30])).tolist() == [
        30,
        10,
        20,
    ]  # entry 0 goes to place 1
    signed = representations.signed_permutation(group("C4"), {"r": [-2, 1]})
    assert signed.act("r", np.array([10, 20])).tolist() == [
        20,
        -10,
    ]  # entry 1 goes to place 2 and changes sign


def test_precision_is_kept():
    d4, c3 = parse(group("D4"), "standard + regular"), parse(group("C3"), "standard")
    for dtype in (np.float32, np.float64):
        assert (
            d4.act("r", np.ones(10, dtype)).dtype == c3.act("r", np.ones(2, dtype)).dtype == dtype
        )
    assert parse(group("D4"), "regular").act("rs", np.arange(8, dtype=np.uint8)).dtype == np.uint8
    assert np.allclose(
        c3.act("r", np.array([2, 0])), [-1.0, np.sqrt(3)]
    )  # whole numbers are not cut
    with pytest.raises(ValueError, match="uint8 do not have"):
        parse(group("D4"), "sign").act("s", np.ones(1, dtype=np.uint8))


@pytest.mark.parametrize("shape", [(), (7,), (9,), (8, 1), (2, 1)])
def test_vectors_of_another_size_are_refused(shape):
    with pytest.raises(ValueError, match=r"acts on \(\.\.\., 8\)"):
        parse(group("D4"), "regular").act("r", np.zeros(shape))


def test_sums():
    c2 = group("C2")
    total = direct_sum(
        (2, parse(c2, "trivial + regular")), parse(c2, "regular"), (2, parse(c2, "2 regular"))
    )
    assert str(total) == "trivial + regular + trivial + 6 regular"
    assert [(n, str(atom)) for n, atom in total.blocks] == [
        (1, "trivial"),
        (1, "regular"),
        (1, "trivial"),
        (6, "regular"),
    ]
    assert total.size == 16
    assert direct_sum(parse(c2, "regular")) == parse(c2, "regular")
    with pytest.raises(ValueError, match="of one group"):
        direct_sum(parse(c2, "trivial"), parse(group("C4"), "trivial"))
    for nothing in ((), ((0, parse(c2, "trivial")),), ((-1, parse(c2, "trivial")),)):
        with pytest.raises(ValueError, match=r"at least one summand|sizes between"):
            direct_sum(*nothing)


def test_equality_is_of_the_action_and_not_of_the_name():
    a = Representation(group("C2"), "same name", 2, (np.eye(2),))
    b = Representation(group("C2"), "same name", 2, (np.eye(2)[::-1].copy(),))
    assert a != b
    assert parse(group("C2"), "regular") == parse(group("C2"), "regular")
    assert len({a, b, parse(group("C2"), "regular")}) == 3
    impostor = presented(["r"], ["r^4"], "C2")
    assert parse(impostor, "trivial") != parse(group("C2"), "trivial")
    assert parse(impostor, "regular").size == 4


def test_presented_groups_of_a_known_name_have_no_standard_representation():
    for name in ("D4", "S3", "C4", "C999999"):
        with pytest.raises(ValueError, match="no standard representation"):
            parse(presented(["a"], ["aa"], name), "standard")
        with pytest.raises(ValueError, match="several signs"):
            parse(presented(["a"], ["aa"], name), "sign")


def test_values_survive_copies():
    for representation in examples("D3"):
        assert (
            pickle.loads(pickle.dumps(representation))
            == copy.deepcopy(representation)
            == representation
        )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "cannot read"),
        ("+", "cannot read"),
        ("regulr", "cannot read 'regulr'"),
        ("2", "cannot read"),
        ("-1 trivial", "cannot read"),
        ("٣ trivial", "cannot read"),
        ("0 trivial", "size 0"),
        ("999999 trivial", "size 999999"),
        ("trivial(r)", "takes no argument"),
        ("regular()", "takes no argument"),
        ("quotient(x)", "'x' is not a generator"),
        ("sign(x)", "'x' is not a generator"),
        ("signed", "needs its images"),
        ("signed(r=1 2)", "exactly the generators"),
        ("signed(r=1 2, s=1 2, r=2 1)", "given twice"),
        ("signed(r=1 2, s=1 2, junk)", "cannot read 'junk'"),
        ("signed(r=1 2, s=0 1)", "not a signed permutation of 1..2"),
        ("signed(r=1 2, s=1 2 3)", "not a signed permutation of 1..2"),
        ("signed(r=1 x, s=1 2)", "cannot read '1 x' as integers"),
        ("signed(r=, s=)", "size 0"),
        ("permutation(r=1 2 0, s=0 1 2)", r"relation r\^4 = identity of D4"),
        ("permutation(r=0 0, s=0 1)", r"not a permutation of 0\.\.1"),
        ("matrix(r=1 0; 0 1, s=1 0)", "has shape"),
        ("matrix(r=1 0; 0, s=1)", "rows of numbers"),
        ("matrix(r=nan, s=1)", "not orthogonal"),
        ("matrix(r=inf, s=1)", "not orthogonal"),
        ("matrix(r=2, s=1)", "not orthogonal"),
        ("matrix(r=a, s=1)", "cannot read 'a' as a matrix"),
        ("matrix(r=1e999, s=-1)", "not orthogonal"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(text, what):
    with pytest.raises(ValueError, match=what):
        parse(group("D4"), text)


@pytest.mark.parametrize(
    "image", [[0.5, 1.2], [True, False], ["1", "0"], [2**70, 0], [[0], [1]], [[0], 1], [None, 0]]
)
def test_images_are_whole_numbers(image):
    for constructor in (representations.permutation, representations.signed_permutation):
        with pytest.raises(ValueError, match="image of r"):
            constructor(group("C2"), {"r": image})


def test_images_are_of_exactly_the_generators():
    for images in ({}, {"r": [0]}, {"r": [0], "s": [0], "t": [0]}):
        with pytest.raises(ValueError, match="exactly the generators of D4"):
            representations.permutation(group("D4"), images)
    with pytest.raises(ValueError, match="exactly the generators of C1"):
        representations.matrix(group("C1"), {"r": [[1.0]]})


@given(st.text(alphabet="trivalegusonpdqm 012+()=,;-.s", max_size=24))
def test_any_text_is_a_representation_or_a_value_error(text):
    try:
        found = parse(group("D2"), text)
    except ValueError:
        return
    assert_representation(found)


def test_a_multiplicity_that_is_too_large_is_told_as_such():
    with pytest.raises(
        ValueError, match="the sum has size 3200000; sizes between 1 and 65536 are supported"
    ):
        representations.parse(group("D1"), "1600000 regular")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("D1", "2 sign + regular", "2 trivial + regular"),
        ("D4", "standard", "permutation(r=1 0, s=0 1)"),
        ("C4", "3 trivial", "3 trivial"),
        ("S3", "permutation + sign", "permutation + trivial"),
        ("D1", "signed(s=-2 -1)", "permutation(s=1 0)"),
    ],
)
def test_absolute_values_of_signed_permutations(name, text, expected):
    rho = representations.parse(group(name), text)
    found = representations.absolute(rho)
    assert str(found) == expected
    for word in rho.group.elements:
        assert np.array_equal(found.matrix(word), np.abs(rho.matrix(word)))


def test_a_matrix_has_no_absolute_value():
    with pytest.raises(ValueError, match="mixes coordinates"):
        representations.absolute(representations.parse(group("C8"), "standard + sign"))
