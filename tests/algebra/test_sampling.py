"""Windows sampled from a grid, against brute force: convolve a moved picture with a kernel averaged
over the group.
"""

import itertools

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra.base import Base, parse
from symgen.algebra.catalogue import group
from symgen.algebra.sampling import (
    Sampling,
    asymmetric_axes,
    reversed_axes,
    sampled,
    ways_out,
    window,
)

SAMPLINGS = [
    Sampling(kernel, stride, padding)
    for kernel, stride, padding in itertools.product(range(1, 6), range(1, 4), range(3))
    if padding < kernel
]
GRIDS = {
    "C1": ("grid 5x6",),
    "C2": ("grid 6x7", "grid 5x5"),
    "C4": ("grid 5x5", "grid 6x6"),
    "D1": ("grid 7x6", "grid 6x7", "grid 1x5", "grid 6x7(s=flip)", "grid 6x6(s=transpose)"),
    "D2": ("grid 5x8",),
    "D4": ("grid 7x7", "grid 8x8"),
}
CASES = [(name, text) for name, texts in GRIDS.items() for text in texts]


def convolved(picture: np.ndarray, kernel: np.ndarray, sampling: Sampling) -> np.ndarray:
    """The slow twin: every window by itself."""
    side, stride = sampling.kernel, sampling.stride
    padded = np.pad(picture, sampling.padding)
    rows, columns = ((size - side) // stride + 1 for size in padded.shape)
    out = np.empty((rows, columns))
    for i, j in np.ndindex(rows, columns):
        out[i, j] = (
            padded[i * stride : i * stride + side, j * stride : j * stride + side] * kernel
        ).sum()
    return out


def moved(base: Base, word: str, picture: np.ndarray) -> np.ndarray:
    out = np.empty(base.size)
    out[base.permutation(word)] = picture.reshape(-1)
    return out.reshape(picture.shape)


def commutes(base: Base, sampling: Sampling) -> bool:
    """Whether the convolution with an invariant kernel commutes with every element."""
    random = np.random.default_rng(0)
    around, picture = window(base, sampling), random.standard_normal(base.shape)
    kernel = random.standard_normal(around.shape)
    kernel = sum(moved(around, word, kernel) for word in base.group.elements)
    before = convolved(picture, kernel, sampling)
    out = bases.resize(base, *before.shape)
    return all(
        np.abs(
            convolved(moved(base, word, picture), kernel, sampling) - moved(out, word, before)
        ).max()
        < 1e-9
        for word in base.group.elements
    )


@pytest.mark.parametrize(("name", "text"), CASES)
def test_the_condition_is_necessary_and_sufficient(name, text):
    base = parse(group(name), text)
    fitting = [each for each in SAMPLINGS if min(map(each.count, base.shape)) >= 1]
    found = {each: not asymmetric_axes(base, each) for each in fitting}
    assert found == {each: commutes(base, each) for each in fitting}
    assert any(found.values())
    if name != "C1" and "transpose" not in text:  # control: some windows are asymmetric
        assert not all(found.values())
    for each in fitting:
        if found[each]:
            picture = np.zeros(base.shape)
            assert (
                sampled(base, each).shape
                == convolved(picture, np.ones((each.kernel,) * 2), each).shape
            )
        else:
            with pytest.raises(ValueError, match="over at one end"):
                sampled(base, each)


def test_only_what_is_reversed_must_be_symmetric():
    wide = parse(group("D1"), "grid 6x7")
    assert reversed_axes(wide) == (False, True)
    assert sampled(wide, Sampling(3, 2)).shape == (2, 3)
    tall = parse(group("D1"), "grid 7x6")
    assert asymmetric_axes(tall, Sampling(3, 2)) == ("columns",)
    assert reversed_axes(parse(group("D1"), "grid 5x5(s=transpose)")) == (False, False)
    assert reversed_axes(parse(group("C4"), "grid 5x5")) == (True, True)
    both = group("C2 x C2")
    assert reversed_axes(parse(both, "grid 5x5(r=transpose, r2=half_turn)")) == (True, True)


def test_the_moves_of_the_picture_are_kept():
    base = sampled(parse(group("D1"), "grid 7x6(s=flip)"), Sampling(3, 2))
    assert str(base) == "grid 3x2(s=flip)"
    assert str(window(base, Sampling(4))) == "grid 4x4(s=flip)"


@pytest.mark.parametrize("sizes", [(85, 42, 40, 20, 18, 9, 7)])
def test_the_encoder_of_drq(sizes):
    base = parse(group("D4"), "grid 85x85")
    layers = [Sampling(3, 2), Sampling(3), Sampling(2, 2), Sampling(3), Sampling(2, 2), Sampling(3)]
    for size, each in zip(sizes[1:], layers, strict=True):
        base = sampled(base, each)
        assert base.shape == (size, size)
    with pytest.raises(ValueError, match="1 of 84 rows"):
        sampled(parse(group("D4"), "grid 84x84"), layers[0])


BROKEN = [
    (shape, each)
    for shape in ((6, 6), (5, 8), (9, 9))
    for each in SAMPLINGS
    if min(map(each.count, shape)) >= 1 and any(map(each.left_over, shape))
]


@pytest.mark.parametrize(("shape", "sampling"), BROKEN)
def test_the_ways_out_lead_out(shape, sampling):
    ways = ways_out(shape, (True, True), sampling)
    broken = next(size for size in shape if sampling.left_over(size))
    assert all(
        sampling.left_over(size) == 0 and abs(size - broken) < sampling.stride
        for size in ways.sizes
    )
    assert ways.sizes
    for padding in ways.paddings:
        assert not any(map(Sampling(sampling.kernel, sampling.stride, padding).left_over, shape))
    for kernel in ways.kernels:
        assert not any(map(Sampling(kernel, sampling.stride, sampling.padding).left_over, shape))


@pytest.mark.parametrize("numbers", [(0, 1, 0), (3, 0, 0), (3, 1, -1), (3, 1, 3)])
def test_numbers_that_make_no_windows(numbers):
    with pytest.raises(ValueError, match="window"):
        Sampling(*numbers)


def test_what_cannot_be_sampled():
    with pytest.raises(ValueError, match="larger than grid 3x3"):
        sampled(parse(group("C4"), "grid 3x3"), Sampling(4))
    with pytest.raises(ValueError, match="from a grid"):
        sampled(parse(group("C4"), "tokens 4"), Sampling(1))
