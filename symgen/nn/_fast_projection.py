"""Queries, keys and values of one matrix, and the graph matrices that mix their places, with
nothing copied in between.

The features come place by place, so that the matrix product leaves (channels, places, batch): the
layout in which graph matrices multiply fastest.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear


def project(x: Tensor, matrix: Tensor, mixing: Tensor | None, heads: int) -> list[Tensor]:
    """Three maps y = G (A x) of every channel over the places; G is the identity for the last ones.

    Args:
        x: features place by place, shape (places, batch, channels).
        matrix: the three A, one below the other, shape (3 * channels, channels).
        mixing: G of every channel of the first maps, shape (0 to 3 times channels, places,
            places); None for no graph matrix.
        heads: number of heads.

    Returns:
        Three of shape (batch, heads, places, channels per head), in the order of the matrix.
    """
    places, batch, width = x.shape
    flat = x.reshape(places * batch, width)
    mixed = 0 if mixing is None else mixing.shape[0] // width
    parts: list[Tensor] = []
    if mixing is not None:
        first = torch.mm(matrix[: mixed * width], flat.t()).view(-1, places, batch)
        first = torch.bmm(mixing, first).view(mixed, heads, -1, places, batch)
        parts += first.permute(0, 4, 1, 3, 2).unbind(0)
    if mixed < 3:
        rest = linear(flat, matrix[mixed * width :]).view(places, batch, 3 - mixed, heads, -1)
        parts += rest.permute(2, 1, 3, 0, 4).unbind(0)
    return parts
