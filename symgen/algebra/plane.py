"""Pictures sampled from the plane: groups that pixels cannot carry exactly act on them by
interpolation.

(g.x)(p) = x(g^-1 p) about the centre of the picture, bilinear between the four nearest pixels, zero
outside. Where g takes pixels to pixels (quarter turns of a square, mirrors) this is a permutation,
without any rounding; elsewhere g.(h.x) and (gh).x differ by the interpolation error, so that laws
hold approximately for smooth pictures.
"""

from functools import lru_cache

import numpy as np

SMOOTH = 0.07
"""Width of the blur of smooth pictures, in sides."""
MARGIN = 1.0
"""Pixels between the disc in which a picture can be turned without loss and the border."""


def rounded(matrix: np.ndarray) -> np.ndarray:
    """The matrix, without rounding errors where it is a signed permutation."""
    whole = np.round(matrix)
    return whole if np.abs(matrix - whole).max() < 1e-9 else matrix


def is_exact(matrix: np.ndarray) -> bool:
    """Whether an orthogonal 2 x 2 matrix takes the pixels of a square picture to pixels."""
    return bool(np.array_equal(matrix, np.round(matrix)))


def centred(shape: tuple[int, ...]) -> np.ndarray:
    """Coordinates of the pixels, shape (rows * columns, 2): x to the right and y up, zero in the
    middle.
    """
    row, column = np.indices(shape).reshape(2, -1)
    return np.stack([column - (shape[1] - 1) / 2, (shape[0] - 1) / 2 - row], -1)


def permutation(shape: tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """Where each pixel goes under a matrix that takes pixels to pixels."""
    x, y = (centred(shape) @ matrix.T).T
    return np.asarray(
        np.rint((shape[0] - 1) / 2 - y) * shape[1] + np.rint(x + (shape[1] - 1) / 2), dtype=np.int64
    )


@lru_cache(maxsize=64)
def interpolation(
    shape: tuple[int, ...], entries: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel of g.x the four pixels of x that it is made of, and their weights; both
    (pixels, 4).

    Args:
        shape: (rows, columns).
        entries: the matrix of g row by row.
    """
    x, y = (centred(shape) @ np.array(entries).reshape(2, 2)).T  # rows of p^T g: g^-1 p
    row = (shape[0] - 1) / 2 - y
    column = x + (shape[1] - 1) / 2
    index = []
    weight = []
    for below in (0, 1):
        for right in (0, 1):
            r = np.floor(row).astype(np.int64) + below
            c = np.floor(column).astype(np.int64) + right
            inside = (r >= 0) & (r < shape[0]) & (c >= 0) & (c < shape[1])
            share = np.clip(1 - np.abs(row - r), 0, 1) * np.clip(1 - np.abs(column - c), 0, 1)
            index.append(np.where(inside, r * shape[1] + c, 0))
            weight.append(np.where(inside, share, 0.0))
    return np.stack(index, -1), np.stack(weight, -1)


def smooth(shape: tuple[int, ...], batch: int, rng: np.random.Generator) -> np.ndarray:
    """Random pictures (batch, rows, columns, channels) that interpolation can turn: blurred noise,
    fading to the edge.

    Noise of standard deviation one, convolved with a Gaussian whose width is SMOOTH of a side (a
    pixel and a half at least), brought back to standard deviation one in the middle, times a disc
    that fades over half its radius.
    """
    lines = []
    for size in shape[:2]:
        apart = np.subtract.outer(np.arange(size), np.arange(size))
        line = np.exp(-0.5 * (apart / max(1.5, SMOOTH * size)) ** 2)
        lines.append(line / np.sqrt((line**2).sum(1).max()))
    noise = rng.standard_normal((batch, *shape))
    blurred = np.einsum("ij,bjkc,lk->bilc", lines[0], noise, lines[1], optimize=True)
    return np.asarray(blurred * disc(shape[:2], min(shape[:2]) / 4).reshape(*shape[:2], 1))


def disc(shape: tuple[int, ...], margin: float = MARGIN) -> np.ndarray:
    """1 inside the largest disc of a picture, falling smoothly to 0 over `margin` pixels at its
    edge; (pixels,).

    >>> disc((5, 5)).reshape(5, 5).round(2)[:, 2].tolist()
    [0.5, 1.0, 1.0, 1.0, 0.5]
    """
    radius = np.linalg.norm(centred(shape), axis=-1)
    outer = min(shape) / 2  # the border is half a pixel beyond the centres of the last ones
    share = np.clip((outer - radius) / min(margin, outer), 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * share))
