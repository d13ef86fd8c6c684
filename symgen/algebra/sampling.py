"""Windows sampled from a grid by a convolution or by pooling, and when sampling commutes with the
group.

Along an axis of n pixels window p covers the pixels p * stride - padding, ..., p * stride - padding
+ kernel - 1. A generator that reverses the axis takes the window that starts at a to the one that
starts at n - kernel - a. The windows are therefore taken to windows exactly where

    (n + 2 padding - kernel) mod stride = 0,

and then window p goes to the last window minus p, as pixels do. Exchanging the two axes asks for
nothing more than a square picture, because both are sampled in the same way. Law: sampling commutes
with the group, and the pixels inside each window move as those of a kernel x kernel grid do.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra.base import Base, Plane
from symgen.errors import Refusal

AXES = ("rows", "columns")


@dataclass(frozen=True)
class Sampling:
    """Square windows at regular distances.

    Args:
        kernel: side of a window in pixels.
        stride: distance between neighbouring windows.
        padding: pixels added on every side of the picture.

    Raises:
        ValueError: numbers that make no windows.
    """

    kernel: int
    stride: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.stride < 1 or self.padding < 0:
            raise ValueError(
                "a window has a side and a stride of at least 1 and padding of at least 0, not "
                f"{self}"
            )
        if self.padding >= self.kernel:
            raise ValueError(
                f"with padding {self.padding} a window of side {self.kernel} sees nothing but "
                "padding"
            )

    def __str__(self) -> str:
        return f"kernel {self.kernel}, stride {self.stride}, padding {self.padding}"

    def count(self, size: int) -> int:
        """Number of windows along an axis of `size` pixels.

        >>> Sampling(3, 2).count(85)
        42
        """
        return (size + 2 * self.padding - self.kernel) // self.stride + 1

    def left_over(self, size: int) -> int:
        """Pixels at the end of an axis that no window covers: what a reversal would leave out at
        the other end.

        >>> Sampling(3, 2).left_over(84)
        1
        """
        return (size + 2 * self.padding - self.kernel) % self.stride


def shrunk(shape: tuple[int, ...], windows: Iterable[Sampling]) -> tuple[int, ...]:
    """The size of a picture after sampling it with these windows one after the other; 0 or less
    where one is too large.

    >>> shrunk((85, 85), [Sampling(3, 2), Sampling(3), Sampling(2, 2)])
    (20, 20)
    """
    for sampling in windows:
        shape = tuple(map(sampling.count, shape))
    return shape


def reversed_axes(base: Base) -> tuple[bool, bool]:
    """Whether some element of the group reverses the rows, and the columns, of a grid; both of a
    plane that turns.

    >>> from symgen.algebra.catalogue import group
    >>> reversed_axes(bases.grid(group("D1"), 3, 5)), reversed_axes(bases.grid(group("C4"), 5, 5))
    ((False, True), (True, True))
    """
    if isinstance(base, Plane):
        return bool(base.group.generators), bool(base.group.generators)
    # where a 2x2 picture's corners [0, 0] and [0, 1] go; axes of one pixel would hide it
    moves = [
        [divmod(int(place), 2) for place in moved[:2]]
        for moved in bases.resize(base, 2, 2).permutations
    ]
    rows, columns = (any(corner[axis] for corner, _ in moves) for axis in (0, 1))
    exchanged = any(corner[0] != beside[0] for corner, beside in moves)
    return (rows or columns,) * 2 if exchanged else (rows, columns)


def asymmetric_axes(base: Base, sampling: Sampling) -> tuple[str, ...]:
    """The axes, of "rows" and "columns", whose windows the group does not take to windows."""
    turned = zip(AXES, base.shape, reversed_axes(base), strict=True)
    return tuple(axis for axis, size, reverses in turned if reverses and sampling.left_over(size))


def sampled(base: Base, sampling: Sampling) -> Base:
    """The grid (or plane) of the windows; the group moves it as it moves the pixels.

    Raises:
        Refusal: a window larger than the padded picture, or windows that are not taken to windows.
        ValueError: not a picture.

    >>> from symgen.algebra.catalogue import group
    >>> str(sampled(bases.grid(group("D1"), 4, 85), Sampling(3, stride=2)))
    'grid 1x42'
    """
    if not base.is_picture:
        raise ValueError(f"windows are sampled from a grid, not from {base}")
    rows, columns = (sampling.count(size) for size in base.shape)
    if rows < 1 or columns < 1:
        raise Refusal(
            f"a window of {sampling.kernel} pixels is larger than {base} with padding "
            f"{sampling.padding}",
            code="stride",
        )
    broken = asymmetric_axes(base, sampling)
    if broken:
        size = base.shape[AXES.index(broken[0])]
        raise Refusal(
            f"the windows ({sampling}) leave {sampling.left_over(size)} of {size} {broken[0]} over "
            "at one end, and the group reverses them",
            code="stride",
        )
    return bases.resize(base, rows, columns)


def window(base: Base, sampling: Sampling) -> Base:
    """The pixels of one window, moved as the group moves the picture around the window's centre."""
    return bases.resize(base, sampling.kernel, sampling.kernel)


def covered(base: Base, sampling: Sampling) -> np.ndarray:
    """The pixels of a window that lie inside the picture in some of the windows, bool of shape
    (kernel * kernel,).

    >>> from symgen.algebra.catalogue import group
    >>> covered(bases.grid(group("C4"), 1, 1), Sampling(3, padding=1)).reshape(3, 3).astype(int)
    array([[0, 0, 0],
           [0, 1, 0],
           [0, 0, 0]])
    """
    axes = []
    for size in base.shape:
        starts = np.arange(sampling.count(size)) * sampling.stride - sampling.padding
        pixels = starts[:, None] + np.arange(sampling.kernel)
        axes.append(((pixels >= 0) & (pixels < size)).any(0))
    return np.logical_and.outer(*axes).reshape(-1)


@dataclass(frozen=True)
class WaysOut:
    """What would make windows symmetric on an axis, each changing one thing only.

    Args:
        sizes: the next smaller and the next larger number of pixels.
        paddings: other paddings, nearest first.
        kernels: other sides of the window, nearest first.
    """

    sizes: tuple[int, ...]
    paddings: tuple[int, ...]
    kernels: tuple[int, ...]


def ways_out(shape: tuple[int, ...], axes: tuple[bool, ...], sampling: Sampling) -> WaysOut:
    """The changes after which no reversed axis has pixels left over.

    Args:
        shape: pixels along each axis.
        axes: which of them the group reverses.
        sampling: the windows as they are.

    >>> ways_out((84, 84), (True, True), Sampling(3, stride=2))
    WaysOut(sizes=(83, 85), paddings=(), kernels=(2, 4))
    """
    sizes = [size for size, reverses in zip(shape, axes, strict=True) if reverses]

    def fits(changed: Sampling) -> bool:
        return all(changed.count(size) >= 1 and changed.left_over(size) == 0 for size in sizes)

    kernel = sampling.kernel
    stride = sampling.stride
    padding = sampling.padding
    over = next((size, sampling.left_over(size)) for size in sizes if sampling.left_over(size))
    near = (over[0] - over[1], over[0] - over[1] + stride)
    paddings = [p for p in range(kernel) if p != padding and fits(Sampling(kernel, stride, p))]
    kernels = [
        k
        for k in range(padding + 1, kernel + stride)
        if k != kernel and fits(Sampling(k, stride, padding))
    ]
    return WaysOut(
        tuple(size for size in near if size > 0 and sampling.count(size) >= 1),
        tuple(sorted(paddings, key=lambda p: abs(p - padding))[:2]),
        tuple(sorted(kernels, key=lambda k: abs(k - kernel))[:2]),
    )
