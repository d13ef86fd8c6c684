"""The ways to deal arms' scores of a batch out anew, were the arms alike.

Row 0 is always the scores as they were observed. The identity with independent uniform permutations
(or with all of them equally often) gives exact levels, not approximate ones (Phipson and Smyth,
Stat. Appl. Genet. Mol. Biol. 9, 2010).
"""

import functools
import itertools
import math

import numpy as np


class PairDeals:
    """Sign rows for two arms: +1 where a score counts for the first, -1 for the second.

    A row is a permutation of all batches at once. The first batches are enumerated, as many as
    `limit` holds: then every combination of their deals stands in the rows equally often. In later
    batches every row has a random deal.

    Args:
        size: scores of an arm in a batch, N.
        batches: at most.
        limit: rows at most.
        paired: whether scores change arms within seeds alone (2^N deals), or across them (2N over
            N).
    """

    def __init__(self, size: int, batches: int, limit: int, paired: bool) -> None:
        self.size = size
        self.paired = paired
        self.count = 2**size if paired else math.comb(2 * size, size)
        self.enumerated = 0
        while self.enumerated < batches and self.count ** (self.enumerated + 1) <= limit:
            self.enumerated += 1
        whole = self.count**self.enumerated
        self.rows = whole if self.enumerated == batches else whole * (limit // whole)

    def signs(self, batch: int) -> np.ndarray:
        """The deals of one batch, counted from 0: [row, 2 * size]; the first `size` columns are
        the first arm's scores.
        """
        if batch < self.enumerated:
            table = _every_flip(self.size) if self.paired else _every_split(self.size)
            return table[np.arange(self.rows) // self.count**batch % self.count]
        drawn = np.random.default_rng(batch).random((self.rows, 2 * self.size))
        if self.paired:
            flips = np.where(drawn[:, : self.size] < 0.5, 1.0, -1.0)
            signs = np.concatenate([flips, -flips], axis=1)
        else:
            signs = np.where(drawn.argsort(axis=1) < self.size, 1.0, -1.0)
        signs[0] = np.repeat([1.0, -1.0], self.size)
        return signs


def _every_split(size: int) -> np.ndarray:
    """Both arms' places for every choice of the first's, [deal, 2 * size], the identity first."""
    chosen = list(itertools.combinations(range(2 * size), size))
    signs = -np.ones((len(chosen), 2 * size))
    np.put_along_axis(signs, np.array(chosen), 1.0, axis=1)
    return signs


def _every_flip(size: int) -> np.ndarray:
    """Every choice of seeds whose arms change places, [deal, 2 * size], the identity first."""
    flips = np.array(list(itertools.product([1.0, -1.0], repeat=size)))
    return np.concatenate([flips, -flips], axis=1)


def joint_sums(scores: np.ndarray, batch: int, rows: int, paired: bool) -> np.ndarray:
    """The sum of every arm with the scores of some arms dealt out among all of them, [row, arm].

    Args:
        scores: one batch of these arms, [arm, seed].
        batch: its number, from which the deals follow.
        rows: how many deals.
        paired: whether a seed's scores go to that seed of another arm alone, or to any seed.
    """
    arms, seeds = scores.shape
    return np.asarray(scores.reshape(-1)[_places(arms, seeds, batch, rows, paired)].sum(axis=2))


@functools.lru_cache(maxsize=8)  # the same for all scores
def _places(arms: int, seeds: int, batch: int, rows: int, paired: bool) -> np.ndarray:
    """Where in [arm * seed] every score comes from, [row, arm, seed]."""
    keys = np.random.default_rng(batch).random((rows, arms, seeds))
    if paired:
        places = keys.argsort(axis=1) * seeds + np.arange(seeds)
    else:
        places = keys.reshape(rows, -1).argsort(axis=1).reshape(keys.shape)
    places[0] = np.arange(arms * seeds).reshape(arms, seeds)
    return places.astype(np.int32)
