"""Two-sided permutation tests of two arms, exact where there are few enough permutations.

A unit is what is exchanged as a whole: a seed where tasks are conditions of its one run, a seed on
one task where every task has a run of its own.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Literal

import numpy as np

from symgen.statistics.aggregate import Aggregate
from symgen.statistics.scores import Scores

Test = Literal["sign flips", "labels"]
_CHUNK = 1_000_000  # numbers permuted at once
_ROUNDING = 1e-10  # sums in another order differ by less, relative to the scores


def least_p(first: Scores, second: Scores, test: Test) -> float:
    """The smallest p that the design can give, when all permutations are tried: the two extreme
    ones of them, or one where arms of different sizes have no mirror image.
    """
    n = len(first.seeds)
    m = len(second.seeds)
    if test == "sign flips":
        return 2.0 ** (1 - n * _widths(first))
    extremes = 2 if n == m else 1
    return extremes / math.comb(n + m, n) ** _widths(first)


def p_value(
    first: Scores, second: Scores, aggregate: Aggregate, test: Test, resamples: int
) -> float:
    """The share of permutations whose difference is at least as large in size as that observed,
    which counts among them.

    Args:
        first: complete scores of an arm.
        second: of another; with sign flips, of the same seeds in the same order.
        aggregate: the difference is that of its values.
        test: what is exchanged.
        resamples: random permutations, where all are more.
    """
    observed = abs(float(aggregate(first.values) - aggregate(second.values)))
    scale = max(float(np.abs(first.values).max()), float(np.abs(second.values).max()))
    needed = observed - _ROUNDING * scale
    permuted = _flipped if test == "sign flips" else _relabelled
    exact = _count(first, second, test) <= resamples
    extreme = total = 0
    for ours, theirs in permuted(first, second, resamples, exact):
        sizes = np.abs(aggregate(ours) - aggregate(theirs))
        extreme += int((sizes >= needed).sum())
        total += len(sizes)
    return extreme / total if exact else (extreme + 1) / (total + 1)


def _widths(scores: Scores) -> int:
    """Units per seed."""
    return len(scores.tasks) if scores.kind == "environments" else 1


def _count(first: Scores, second: Scores, test: Test) -> float:
    """How many permutations there are; infinite where they are not enumerated."""
    n = len(first.seeds)
    m = len(second.seeds)
    if test == "sign flips":
        return 2.0 ** (n * _widths(first))
    return math.comb(n + m, n) if _widths(first) == 1 else math.inf


def _flipped(
    first: Scores, second: Scores, resamples: int, exact: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Both arms [permutation, seed, task], exchanged within some units."""
    seeds = len(first.seeds)
    width = _widths(first)
    units = seeds * width
    total = 2**units if exact else resamples
    rng = np.random.default_rng(0)
    chunk = max(1, _CHUNK // first.values.size)
    for start in range(0, total, chunk):
        count = min(chunk, total - start)
        if exact:
            bits = np.arange(start, start + count)[:, None] >> np.arange(units) & 1
        else:
            bits = rng.integers(2, size=(count, units))
        swap = bits.reshape(count, seeds, width).astype(bool)
        yield (
            np.where(swap, second.values, first.values),
            np.where(swap, first.values, second.values),
        )


def _relabelled(
    first: Scores, second: Scores, resamples: int, exact: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Both arms [permutation, seed, task], their scores dealt out anew."""
    pooled = np.concatenate([first.values, second.values])
    n = len(first.seeds)
    columns = np.arange(pooled.shape[1])
    orders = _every_deal(len(pooled), n) if exact else _random_deals(first, pooled, resamples)
    for order in orders:
        dealt = pooled[order, columns]
        yield dealt[:, :n], dealt[:, n:]


def _every_deal(total: int, n: int) -> Iterator[np.ndarray]:
    """Every choice of `n` rows of `total`, then the other rows: [permutation, total, 1]."""
    every = range(total)
    deals = [
        [*chosen, *(row for row in every if row not in chosen)]
        for chosen in itertools.combinations(every, n)
    ]
    yield np.array(deals)[:, :, None]


def _random_deals(first: Scores, pooled: np.ndarray, resamples: int) -> Iterator[np.ndarray]:
    """Random orders of the rows, [permutation, row, task or 1]."""
    rng = np.random.default_rng(0)
    chunk = max(1, _CHUNK // pooled.size)
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        yield rng.random((count, len(pooled), _widths(first))).argsort(axis=1)
