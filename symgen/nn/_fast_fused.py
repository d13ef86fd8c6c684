"""softmax(Q K^T) V by torch's fused kernel, or written out where that is quicker."""

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

FEW_PLACES = 40
"""Up to so many, writing the scores out is quicker than the fused kernel."""


def attention(q: Tensor, k: Tensor, v: Tensor, symmetrise: bool) -> Tensor:
    """softmax(M) V with M = Q K^T, or M + M^T = [Q K][K Q]^T.

    Args:
        q: queries, scaled already, shape (batch, heads, places, channels).
        k: keys, likewise.
        v: values, likewise.
        symmetrise: whether the transpose is added.

    Returns:
        (batch, heads, places, channels).
    """
    if q.shape[2] <= FEW_PLACES:
        scores = torch.matmul(q, k.transpose(-1, -2))
        scores = scores + scores.transpose(-1, -2) if symmetrise else scores
        return torch.matmul(torch.softmax(scores, -1), v)
    if not symmetrise:
        return scaled_dot_product_attention(q, k, v, scale=1.0)
    channels = q.shape[-1]
    left = torch.cat([q, k], -1)
    right = torch.cat([k, q], -1)
    # the kernel wants values as wide as queries; without, torch falls back to a slow one
    wide = scaled_dot_product_attention(left, right, pad(v, (0, channels)), scale=1.0)
    return wide[..., :channels]
