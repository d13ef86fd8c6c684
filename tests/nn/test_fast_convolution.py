"""Convolution and pooling in torch's quickest format, against loops over the pixels."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from symgen.nn._fast_convolution import convolve, kernel_of, largest
from symgen.nn.activation import activate

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
SHAPE, INPUTS, OUTPUTS, SIDE = (5, 6), 3, 4, 3


def windows(image: Tensor, side: int, stride: int) -> Tensor:
    """(batch, rows, columns, channels) -> (batch, rows, columns, side, side, channels), of what is
    left.
    """
    down, across = (range(0, length - side + 1, stride) for length in image.shape[1:3])
    rows = [torch.stack([image[:, i : i + side, j : j + side] for j in across], 1) for i in down]
    return torch.stack(rows, 1)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1)])
def test_a_convolution_is_the_loop_over_its_windows(stride, padding, dtype):
    torch.manual_seed(0)
    image = torch.randn(2, *SHAPE, INPUTS, dtype=dtype)
    matrix = torch.randn(OUTPUTS, SIDE * SIDE * INPUTS, dtype=dtype)
    shift = torch.randn(OUTPUTS, dtype=dtype)
    around = windows(pad(image, (0, 0, *[padding] * 4)), SIDE, stride).flatten(3)
    expected = around @ matrix.T + shift
    y = convolve(image, kernel_of(matrix, SIDE), shift, stride, padding)
    size = float(expected.abs().max())
    assert (y - expected).abs().max() < TOLERANCE[dtype] * size
    # control: rows and columns of the kernel exchanged
    other = convolve(image, kernel_of(matrix, SIDE).transpose(2, 3), shift, stride, padding)
    assert (other - expected).abs().max() > 1e-1


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_the_largest_activation_may_be_that_of_the_largest(activation, dtype):
    torch.manual_seed(0)
    image = 2 * torch.randn(2, *SHAPE, INPUTS, dtype=dtype)
    expected = windows(activate(activation, image), 2, 2).amax((3, 4))
    assert (largest(activation, image, (2, 2, 0)) - expected).abs().max() <= TOLERANCE[dtype]
    # control: gelu is not monotone, so that it may not wait
    late = activate(activation, windows(image, 2, 2).amax((3, 4)))
    waits = float((late - expected).abs().max()) <= TOLERANCE[dtype]
    assert waits == (activation != "gelu")
