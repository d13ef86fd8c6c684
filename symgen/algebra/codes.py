"""Signed permutations as arrays of codes: coordinate i goes to place |code[i]| - 1 and takes the
sign of code[i].
"""

import numpy as np


def of_matrix(matrix: np.ndarray) -> np.ndarray | None:
    """The codes of a matrix that permutes the coordinates up to sign, exactly; None for others."""
    absolute = np.abs(matrix)
    if not (
        ((absolute == 0) | (absolute == 1)).all()
        and (absolute.sum(0) == 1).all()
        and (absolute.sum(1) == 1).all()
    ):
        return None
    target: np.ndarray = absolute.argmax(0)
    return np.asarray((target + 1) * matrix[target, np.arange(len(matrix))].astype(np.int64))


def to_matrix(codes: np.ndarray) -> np.ndarray:
    """The float64 matrix, shape (size, size).

    >>> to_matrix(np.array([-2, 1])).tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    matrix = np.zeros((len(codes), len(codes)))
    matrix[np.abs(codes) - 1, np.arange(len(codes))] = np.sign(codes)
    return matrix


def stack(blocks: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """The codes of a direct sum of (multiplicity, codes)."""
    result = []
    start = 0
    for count, block in blocks:
        shift = start + len(block) * np.arange(count)[:, None]
        result.append((np.sign(block) * (np.abs(block) + shift)).reshape(-1))
        start += count * len(block)
    return np.concatenate(result)
