"""How group elements move what an environment gives and takes: laws, layouts, dtypes."""

import itertools

import numpy as np
import pytest

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import parse
from symgen.algebra.representation import parse as representation
from symgen.problem.group_action import (
    act_on_action,
    act_on_observation,
    act_on_term,
    from_field,
    to_field,
)
from symgen.problem.interface import Action, Term
from tests.families.examples import WORLDS
from tests.families.problems import observations, problem


def close(one, other) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
    return (
        one.dtype == other.dtype
        and one.shape == other.shape
        and np.allclose(one, other, rtol=0, atol=1e-12)
    )


@pytest.mark.parametrize("world", WORLDS)
def test_observations_and_actions_are_moved_by_a_left_action(world):
    this = problem(world, "mlp", constraint="none")
    given = observations(this.interface, 4)
    given = given["observation"] if this.interface.single else given
    taken = actions(this.interface.action, 4)

    def on_observations(word, x):
        return act_on_observation(this.interface, this.observation, word, x)

    def on_actions(word, a):
        return act_on_action(this.interface.action, this.action, word, a)

    for act, x in ((on_observations, given), (on_actions, taken)):
        assert close(act("", x), x)
        for relation in this.group.relations:
            assert close(act(relation, x), x)
        for g, h in itertools.product(this.group.generators, repeat=2):
            assert close(act(g + h, x), act(g, act(h, x)))
        for g in this.group.generators:
            assert close(act(this.group.inverse(g), act(g, x)), x)
    if this.group.generators:  # control
        assert any(not close(on_observations(g, given), given) for g in this.group.generators)


def actions(action: Action, count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    if action.kind == "continuous":
        return random.standard_normal((count, *action.sizes))
    if action.kind == "discrete":
        return random.integers(0, action.sizes[0], count)
    return np.stack([random.integers(0, n, count) for n in action.sizes], -1)


def test_words_act_from_the_right_end():
    """ "rrs" is s first: the picture is mirrored left and right, then turned twice
    counter-clockwise.
    """
    d4, term = group("D4"), Term("picture", (3, 3, 1), "uint8", "image")
    field, picture = (
        parse(d4, "grid 3x3: trivial"),
        np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1),
    )
    for word, expected in {
        "s": np.fliplr(picture[0]),
        "r": np.rot90(picture[0]),
        "rrs": np.rot90(np.fliplr(picture[0]), 2),
        "rs": np.rot90(np.fliplr(picture[0])),
        "r^3": np.rot90(picture[0], 3),
    }.items():
        assert np.array_equal(act_on_term(term, field, word, picture)[0], expected), word
    assert not np.array_equal(np.rot90(np.fliplr(picture[0])), np.fliplr(np.rot90(picture[0])))


def test_a_permutation_carries_each_action_to_its_image():
    c4 = group("C4")
    turn = representation(c4, "permutation(r=1 2 3 0)")
    up_left_down_right = Action("discrete", ("up", "left", "down", "right"), (4,))
    taken = np.array([0, 1, 2, 3, 3])
    assert act_on_action(up_left_down_right, turn, "r", taken).tolist() == [1, 2, 3, 0, 0]
    assert act_on_action(up_left_down_right, turn, "rr", taken).tolist() == [2, 3, 0, 1, 1]
    moved = turn.act("r", np.eye(4)[taken])  # the logit of an action goes where the action goes
    assert np.array_equal(moved.argmax(-1), act_on_action(up_left_down_right, turn, "r", taken))


def test_components_change_places():
    d1 = group("D1")
    swap = representation(d1, "permutation(s=3 4 5 0 1 2 7 6)")
    action = Action("multi_discrete", ("left arm", "right arm", "grip"), (3, 3, 2))
    assert act_on_action(action, swap, "s", np.array([[0, 2, 0], [1, 1, 1]])).tolist() == [
        [2, 0, 1],
        [1, 1, 0],
    ]
    empty = np.zeros((0, 3), np.int64)
    assert act_on_action(action, swap, "s", empty).shape == (0, 3)


def test_dtypes_are_kept():
    c4 = group("C4")
    swap, plane = representation(c4, "permutation"), representation(c4, "standard")
    discrete, continuous = (
        Action("discrete", tuple("abcd"), (4,)),
        Action("continuous", ("x", "y"), (2,)),
    )
    for dtype in (np.int64, np.int32, np.uint8):
        assert act_on_action(discrete, swap, "r", np.array([1, 2], dtype)).dtype == dtype
    assert act_on_action(discrete, swap, "r", 1) == 2
    for dtype in (np.float16, np.float32, np.float64):
        moved = act_on_action(continuous, plane, "r", np.array([[1.0, 0.0]], dtype))
        assert moved.dtype == dtype
        assert moved.tolist() == [[0.0, 1.0]]
    # whole numbers written for real ones are not cut off
    tilted = representation(group("C3"), "standard")
    assert np.allclose(act_on_action(continuous, tilted, "r", [[2, 0]]), [[-1.0, 3**0.5]])


@pytest.mark.parametrize(
    ("fibre", "dtype", "fits"),
    [
        ("trivial", "uint8", True),
        ("sign", "uint8", False),
        ("sign", "bool", False),
        ("sign", "int8", True),
        ("sign", "float32", True),
        ("standard", "int64", False),
        ("standard", "float32", True),
    ],
)
def test_a_dtype_that_cannot_hold_the_image_is_refused(fibre, dtype, fits):
    name = "C3" if fibre == "standard" else "C2"
    field = parse(group(name), f"point: {fibre}")
    term, batch = Term("speed", (field.size,), dtype), np.ones((2, field.size), dtype)
    if fits:
        assert act_on_term(term, field, "r", batch).dtype == dtype
    else:
        with pytest.raises(
            ValueError, match=f"speed has dtype {dtype}, which cannot hold its image under {fibre}"
        ):
            act_on_term(term, field, "r", batch)


@pytest.mark.parametrize("world", ["C4 dict of everything", "D3 prism", "S5 tokens", "D1 cart"])
def test_features_and_observations_are_the_same_numbers(world):
    this = problem(world, "mlp", constraint="none")
    for term in this.interface.terms:
        given = observations(this.interface, 5)[term.name]
        feature = to_field(term, this.observation[term.name], given)
        assert feature.shape == (5, *this.observation[term.name].shape)
        assert np.array_equal(from_field(term, feature), given)


def test_a_discrete_term_moves_like_its_one_hot_vector():
    this = problem("C4 dict", "mlp", constraint="none")
    heading = this.interface.term("heading")
    moved = act_on_term(heading, this.observation["heading"], "r", np.array([0, 1, 2, 3, 4]))
    assert moved.tolist() == [1, 2, 3, 0, 4]
    assert moved.dtype == np.int64
