"""Bases: the picture conventions, relations, printing, and refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.algebra import base as bases
from symgen.algebra.base import GRID_MOVES, parse
from symgen.algebra.catalogue import group, presented
from tests.algebra.examples import SMALL, base_examples

PICTURES = [
    (name, shape) for name in ("C2", "D1", "D2") for shape in ((1, 1), (2, 3), (5, 4), (1, 7))
]
PICTURES += [(name, (n, n)) for name in ("C4", "D4") for n in (1, 2, 3, 6)]
TURNS = {"C2": 2, "C4": 1, "D1": 0, "D2": 2, "D4": 1}


def moved(base, word, picture):
    result = np.empty(base.size, picture.dtype)
    result[base.permutation(word)] = picture.reshape(-1)
    return result


@pytest.mark.parametrize(("name", "shape"), PICTURES)
def test_r_turns_counter_clockwise_and_s_mirrors_left_and_right(name, shape):
    picture, base = np.random.default_rng(0).random(shape), bases.grid(group(name), *shape)
    if "r" in base.group.generators:
        assert np.array_equal(moved(base, "r", picture), np.rot90(picture, TURNS[name]).reshape(-1))
    if "s" in base.group.generators:
        assert np.array_equal(moved(base, "s", picture), np.fliplr(picture).reshape(-1))
    if name == "D4":
        assert np.array_equal(moved(base, "rs", picture), np.rot90(np.fliplr(picture)).reshape(-1))


def test_control_the_conventions_are_told_apart():
    picture, base = np.arange(9.0).reshape(3, 3), bases.grid(group("D4"), 3, 3)
    for other in (np.rot90(picture, 3), np.flipud(picture), np.rot90(np.fliplr(picture), 3)):
        assert not any(
            np.array_equal(moved(base, word, picture), other.reshape(-1))
            for word in ("r", "s", "rs")
        )


@pytest.mark.parametrize("move", GRID_MOVES)
def test_every_move_does_what_numpy_does(move):
    picture = np.random.default_rng(0).random((3, 3))
    order = {"keep": 1, "turn": 4, "turn_back": 4}.get(move, 2)
    base = bases.grid(presented(["g"], [f"g^{order}"]), 3, 3, {"g": move})
    assert np.array_equal(moved(base, "g", picture), GRID_MOVES[move](picture).reshape(-1))


@pytest.mark.parametrize("name", SMALL)
def test_bases_are_left_actions_that_print_and_parse(name):
    this = group(name)
    for base in base_examples(name):
        assert parse(this, str(base)) == base
        assert base.coordinates.shape == (base.size, len(base.shape))
        for relation in this.relations:
            assert np.array_equal(base.permutation(relation), np.arange(base.size))
        for a in this.generators:
            for b in this.generators:
                assert np.array_equal(
                    base.permutation(a + b), base.permutation(a)[base.permutation(b)]
                )
                assert np.array_equal(base.orbits[base.permutation(a)], base.orbits)


def test_coordinates_are_row_and_column():
    base = parse(group("C1"), "grid 2x3")
    assert base.coordinates.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert parse(group("C1"), "tokens 2").coordinates.tolist() == [[0], [1]]


def test_tokens_move_as_the_group_does():
    assert parse(group("S5"), "tokens 5").permutation("c").tolist() == [1, 2, 3, 4, 0]
    assert parse(group("S5"), "tokens 5").orbits.max() == 0


def test_union_and_resize():
    d4 = group("D4")
    both = parse(d4, "grid 2x2 + point + tokens 4")
    assert (both.size, str(both), both.kind) == (9, "grid 2x2 + point + tokens 4", "graph")
    assert np.array_equal(both.permutation("r")[:4], parse(d4, "grid 2x2").permutation("r"))
    assert both.permutation("r")[4] == 4
    assert bases.resize(parse(d4, "grid 4x4"), 2, 2) == parse(d4, "grid 2x2")
    flipped = parse(group("D1"), "grid 4x4(s=flip)")
    assert bases.resize(flipped, 2, 3) == parse(group("D1"), "grid 2x3(s=flip)")
    with pytest.raises(ValueError, match="only a grid"):
        bases.resize(both, 2, 2)
    with pytest.raises(ValueError, match="moved by D4"):
        bases.union(both, parse(group("C4"), "point"))


def test_the_usual_moves_are_not_printed():
    d1 = group("D1")
    assert bases.grid(d1, 2, 3, {"s": "mirror"}) == bases.grid(d1, 2, 3)
    assert str(bases.grid(d1, 2, 3, {"s": "flip"})) == "grid 2x3(s=flip)"
    assert str(bases.grid(group("C1"), 2, 3, {})) == "grid 2x3"


def test_a_base_is_abstract_or_final():
    c4 = group("C4")
    made = {
        bases.point(c4),
        bases.tokens(c4, 4),
        bases.graph(c4, {"r": [1, 2, 3, 0]}),
        bases.union(bases.point(c4), bases.point(c4)),
        bases.grid(c4, 3, 3),
        bases.plane(c4, 3, 3),
    }
    assert {type(base) for base in made} == final_classes(bases.Base)
    with pytest.raises(TypeError, match="abstract"):
        bases.Base(c4)


def final_classes(abstract: type) -> set[type]:
    """Those below a class that nothing is derived from; each says that it is final."""
    below = abstract.__subclasses__()
    if not below:
        assert getattr(abstract, "__final__", False)
        return {abstract}
    return set().union(*map(final_classes, below))


def test_equality_is_of_the_action():
    c2 = group("C2")
    a = bases.Points(c2, 2, (np.array([0, 1]),))
    b = bases.Points(c2, 2, (np.array([1, 0]),))
    assert a != b
    assert a == bases.Points(c2, 2, (np.array([0, 1]),))
    assert len({a, b, bases.point(c2), bases.point(c2)}) == 3
    assert bases.point(c2) != bases.point(group("C4"))
    assert bases.point(c2) != "point"


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("D4", "grid 2x3", "needs a square grid"),
        ("D4", "grid 0x3", "at least one row"),
        ("D4", "grid 3", "cannot read"),
        ("D4", "grid ٣x3", "cannot read"),
        ("D4", "", "cannot read ''"),
        ("D4", "gird 3x3", "cannot read"),
        ("D4", "point 3", "cannot read"),
        ("D4", "point(r=0, s=0)", "cannot read"),
        ("D4", "tokens", "cannot read"),
        ("D4", "tokens 5", "permutes 4 tokens, not 5"),
        ("D4", "tokens 4(r=0, s=0)", "cannot read"),
        ("S3", "grid 3x3", "not S3"),
        ("C2 x C2", "grid 3x3", "not C2 x C2"),
        ("D4", "grid 3x3(r=turn)", "exactly the generators"),
        ("D4", "grid 3x3(r=turn, s=spin)", "unknown move 'spin'"),
        ("D4", "grid 3x3(r=mirror, s=turn)", "relation ss = identity of D4 does not hold"),
        ("C3", "grid 3x3(r=turn)", r"relation r\^3"),
        ("C3", "graph 3(r=1 2)", "not a permutation"),
        ("C3", "graph 3(r=1 2 2)", "not a permutation"),
        ("C3", "graph 3(r=1 2 x)", "as integers"),
        ("C3", "graph 2(r=1 0)", r"relation r\^3"),
        ("C3", "graph 3", "cannot read"),
        ("C3", "graph 3(r=1 2 0, r=0 1 2)", "given twice"),
        ("C3", "graph 3(r=1 2 0, junk)", "cannot read 'junk'"),
        ("C1", "tokens 0", "between 1 and"),
        ("C1", "tokens 999999", "between 1 and"),
        ("C1", "grid 999999x999999", "between 1 and"),
        ("C1", "point + ", "cannot read"),
        ("C1", " + ".join(["point"] * 65), "at most 64"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(name, text, what):
    with pytest.raises(ValueError, match=what):
        parse(group(name), text)


@pytest.mark.parametrize(
    ("rows", "columns"), [(0, 0), (-1, -1), (-2, 3), (3, -2), (1, 10**9), (129, 128)]
)
def test_grids_of_an_impossible_size_are_refused(rows, columns):
    with pytest.raises(ValueError, match=r"at least one row|between 1 and"):
        bases.grid(group("C1"), rows, columns)


def test_a_presented_group_of_a_known_name_has_no_usual_moves():
    with pytest.raises(ValueError, match="exactly, not C4"):
        bases.grid(presented(["a"], ["a^4"], "C4"), 3, 3)
    assert bases.grid(presented(["a"], ["a^4"], "C4"), 3, 3, {"a": "turn"}).size == 9


@given(st.text(alphabet="gridpontkesah 0123x()=,+r", max_size=24))
def test_any_text_is_a_base_or_a_value_error(text):
    try:
        found = parse(group("C2"), text)
    except ValueError:
        return
    assert parse(group("C2"), str(found)) == found
