"""Convolution and pooling of features that lie channel by channel at each pixel.

That is an image in torch's channels_last format: nothing is copied, and it is the fastest format
for a convolution.
"""

from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d

from symgen.nn.activation import activate

MONOTONE = ("relu", "tanh")
"""Activations that commute with taking the largest value: applied after it, on fewer pixels."""


def kernel_of(matrix: Tensor, side: int) -> Tensor:
    """A matrix (channels out, rows x columns x channels in) as a kernel (out, in, rows,
    columns).
    """
    return matrix.view(len(matrix), side, side, -1).permute(0, 3, 1, 2)


def convolve(
    image: Tensor, kernel: Tensor, shift: Tensor | None, stride: int, padding: int
) -> Tensor:
    """y[p, o] = shift[o] + sum over u, c of kernel[o, c, u] x[p + u, c].

    Args:
        image: shape (batch, rows, columns, channels in).
        kernel: shape (channels out, channels in, rows, columns).
        shift: shape (channels out,), or None.
        stride: between windows.
        padding: zeros on every side.

    Returns:
        (batch, rows, columns, channels out).
    """
    y = conv2d(image.permute(0, 3, 1, 2), kernel, shift, stride, padding)
    return y.permute(0, 2, 3, 1)


def largest(activation: str, image: Tensor, windows: tuple[int, int, int]) -> Tensor:
    """The largest activation in every window.

    Args:
        activation: name of a pointwise function.
        image: shape (batch, rows, columns, channels).
        windows: side, stride and padding.
    """
    late = activation in MONOTONE
    image = image if late else activate(activation, image)
    pooled = max_pool2d(image.permute(0, 3, 1, 2), *windows).permute(0, 2, 3, 1)
    return activate(activation, pooled) if late else pooled
