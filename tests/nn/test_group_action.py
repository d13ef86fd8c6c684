"""The torch side of the group action is numpy's, on every element; rows are moved one by one."""

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.algebra.representation import parse as representation
from symgen.nn.group_action import GroupAction, Vectors
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.problem.interface import Action, Interface, Term
from symgen.problem.output import moved_by
from symgen.problem.problem import Problem
from tests.families.examples import WORLDS
from tests.families.problems import observations, problem

CPU = torch.device("cpu")
ROWS = 24


def actions(action: Action, count: int, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    if action.kind == "continuous":
        return random.standard_normal((count, *action.sizes))
    if action.kind == "discrete":
        return random.integers(0, action.sizes[0], count)
    return np.stack([random.integers(0, size, count) for size in action.sizes], -1)


def of_problem(this: Problem) -> GroupAction:
    about = (this.interface, this.observation, this.action, this.outputs)
    return GroupAction(*about, this.group.elements)


def tensors(given):
    if isinstance(given, dict):
        return {name: torch.from_numpy(array.copy()) for name, array in given.items()}
    return torch.from_numpy(given.copy())


def row_of(given, row: int):
    if isinstance(given, dict):
        return {name: array[row : row + 1] for name, array in given.items()}
    return given[row : row + 1]


def same(moved: torch.Tensor, expected: np.ndarray, atol: float = 1e-12) -> bool:
    array = moved.numpy()
    return (
        array.dtype == expected.dtype
        and array.shape == expected.shape
        and np.allclose(array, expected, rtol=0, atol=atol)
    )


@pytest.mark.parametrize("world", WORLDS)
def test_every_element_moves_rows_as_numpy_does(world):
    this = problem(world, "mlp", constraint="none")
    words = this.group.elements
    act = of_problem(this)
    rows = max(ROWS, len(words))
    given = observations(this.interface, rows)
    given = given["observation"] if this.interface.single else given
    taken = actions(this.interface.action, rows)
    drawn = torch.randperm(rows, generator=torch.Generator().manual_seed(0))
    element = drawn % len(words)  # every element at least once

    moved = act.on_observations(element, tensors(given))
    acted = act.on_actions(element, tensors(taken))
    unmoved = 0
    for row, number in enumerate(element.tolist()):
        word = words[number]
        expected = act_on_observation(this.interface, this.observation, word, row_of(given, row))
        parts = this.interface.by_term(expected)
        for name, part in (moved if isinstance(moved, dict) else {"observation": moved}).items():
            assert same(part[row : row + 1], parts[name]), (word, name)
        expected = act_on_action(this.interface.action, this.action, word, taken[row : row + 1])
        assert same(acted[row : row + 1], expected), word
        unmoved += np.array_equal(expected, taken[row : row + 1])
    if not this.action.is_trivial:
        assert unmoved < rows  # control: something is moved at all


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
@pytest.mark.parametrize("world", ["C4 two pictures", "D1 flip 4x6", "D3 plane"])
def test_outputs_move_as_they_say(world, algorithm):
    this = problem(world, "mlp", constraint="none", algorithm=algorithm)
    words = this.group.elements
    element = torch.arange(ROWS) % len(words)
    given = {
        output.name: torch.randn(ROWS, moved_by(output, this.action).size, dtype=torch.float64)
        for output in this.outputs
    }
    moved = of_problem(this).on_outputs(element, given)
    for output in this.outputs:
        rho = moved_by(output, this.action)
        for row, number in enumerate(element.tolist()):
            expected = rho.act(words[number], given[output.name][row].numpy())
            assert same(moved[output.name][row], expected), (output.name, words[number])
    size = {"policy", "scale", "log_std"} & given.keys()
    assert all(given[name].shape == (ROWS, this.action.size) for name in size)
    assert not torch.equal(moved["policy"], given["policy"])  # control


def test_deviations_are_never_negative():
    this = problem("D1 pendulum", "mlp", constraint="none", algorithm="ppo")
    (scale,) = (output for output in this.outputs if output.name == "scale")
    assert str(moved_by(scale, this.action)) == "trivial"
    assert str(this.action) == "sign(s)"  # control


@pytest.mark.parametrize("name", ["C8", "D8"])
@pytest.mark.parametrize(
    ("dtype", "fibre"), [("float32", "trivial"), ("uint8", "2 trivial"), ("float64", "standard")]
)
def test_images_are_rotated_between_pixels(name, dtype, fibre):
    this = group(name)
    field = parse(this, f"plane 7x7: {fibre}")
    term = Term("observation", (7, 7, field.fibre.size), dtype, "image")
    interface = Interface((term,), Action("discrete", ("on",), (1,)), single=True)
    still = representation(this, "trivial")
    act = GroupAction(interface, {"observation": field}, still, (), this.elements)
    random = np.random.default_rng(0)
    images = random.standard_normal((this.order, *term.shape)) * 60 + 128
    images = (images.clip(0, 255) if dtype == "uint8" else images).astype(dtype)
    moved = act.on_observations(torch.arange(this.order), tensors(images))
    for row, word in enumerate(this.elements):
        one = images[row : row + 1]
        expected = act_on_observation(interface, {"observation": field}, word, one)
        atol = {"float32": 1e-4, "uint8": 0, "float64": 1e-11}[dtype]
        assert same(moved[row : row + 1], expected, atol), word


@pytest.mark.parametrize("text", ["regular", "2 standard + sign", "sign + trivial", "irrep(1)"])
def test_vectors_may_have_axes_between(text):
    this = group("D3")
    rho = representation(this, text)
    x = np.random.default_rng(0).standard_normal((ROWS, 2, 3, rho.size))
    element = torch.arange(ROWS) % this.order
    moved = Vectors(rho, this.elements, CPU)(element, torch.from_numpy(x))
    for row, number in enumerate(element.tolist()):
        assert same(moved[row], rho.act(this.elements[number], x[row]))


def test_gradients_flow_through_vectors():
    this = group("D3")
    rho = representation(this, "standard + permutation")
    x = torch.randn(ROWS, rho.size, dtype=torch.float64, requires_grad=True)
    move = Vectors(rho, this.elements, CPU)
    element = torch.arange(ROWS) % this.order
    (gradient,) = torch.autograd.grad(move(element, x).square().sum(), x)
    assert torch.allclose(gradient, 2 * x, atol=1e-12)  # orthogonal


def test_no_rows_are_no_rows():
    this = problem("C4 dict of everything", "mlp", constraint="none")
    act = of_problem(this)
    none = torch.zeros(0, dtype=torch.int64)
    empty = {name: torch.from_numpy(x[:0]) for name, x in observations(this.interface, 1).items()}
    assert {len(x) for x in act.on_observations(none, empty).values()} == {0}
    assert act.on_actions(none, torch.zeros(0, 2, dtype=torch.int64)).shape == (0, 2)


def test_a_dtype_that_cannot_hold_the_image_is_refused():
    this = group("C2")
    still = representation(this, "trivial")

    def build(fibre: str) -> GroupAction:
        field: FieldType = parse(this, f"point: {fibre}")
        term = Term("speed", (field.size,), "uint8")
        interface = Interface((term,), Action("discrete", ("on",), (1,)), single=False)
        return GroupAction(interface, {"speed": field}, still, (), this.elements)

    build("permutation")
    with pytest.raises(ValueError, match="speed has dtype uint8, which cannot hold its image"):
        build("sign")
