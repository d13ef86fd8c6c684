"""A linear map and the batch norm that follows it, as one map."""

from torch import Tensor

from symgen.nn.norm import FieldBatchNorm


def folded(norm: FieldBatchNorm, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix (channels, ...) followed by a norm with its running statistics.

    Returns:
        One matrix of the same shape, and a shift (channels,).
    """
    scale, shift = norm.affine(norm.mean, norm.variance)
    return matrix * scale[:, None], shift
