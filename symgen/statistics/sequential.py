"""Seeds added in batches until arms are told apart: a group-sequential permutation test.

AdaStop: Mathieu et al., "AdaStop: adaptive statistical testing for sound comparisons of deep RL
agents", arXiv:2306.10882. After each batch of N seeds per arm, every pair of arms has the statistic

    T_k = | sum over batches i <= k of (sum of the first arm's scores - sum of the second's) |,

and its distribution were the arms alike: the same sum with the 2N scores of each batch dealt out
anew, batch by batch. All pairs are dealt out alike, and the largest of their statistics is compared
with a boundary, so that the chance that any pair of equal arms is ever told apart stays below the
level (family-wise error): boundary B_k leaves, of the permutations that crossed no boundary before,
at most as many above it as keep the share of all that ever crossed at k / K of the level. When the
largest statistic crosses, its pair is told apart and the boundaries are computed anew without it
(step-down; Romano and Wolf, JASA 100, 2005), until the largest left crosses none.

One thing is added. Deals of one pair are exact for that pair, and approximate for several with an
arm in common: at N = 5 equal arms (four, three pairs with the first) were told apart in 6.3 % of
2000 simulated studies. So the boundary is the larger of two: the
paper's, and that of dealing the scores of all arms in question out among all of them, which is
exact at any N where these arms are alike. tests/benchmarks/bench_statistics.py measures the result.

Alike means equal in distribution: two arms of equal mean, one of five times the other's spread,
were told apart in 7.9 % of 1000 studies at 5 %. Arms of equal spread beside such a one are safe
(0.1 %).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from symgen.statistics._deals import PairDeals, joint_sums

Decision = Literal["better", "worse", "equal so far", "undecided"]


@dataclass(frozen=True)
class Design:
    """What is fixed before the first score is seen.

    Args:
        batch: seeds that an arm gets at a time, N.
        batches: at most so many, K: no arm has more than N * K seeds.
        level: bound on the chance of telling any two equal arms apart.
        permutations: at most so many are tried.
        paired: whether scores are dealt out within seeds alone. That finds more where scores of
            one seed rise and fall together in all arms, and needs more seeds where they do not.
            Across seeds is exact where they do not, and too careful where they do.

    Raises:
        ValueError: sizes below one, fewer than 100 permutations, a level outside (0, 1).
    """

    batch: int = 5
    batches: int = 4
    level: float = 0.05
    permutations: int = 20_000
    paired: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1 or self.batches < 1 or self.permutations < 100:
            raise ValueError(f"a design needs batches and 100 permutations, got {self}")
        if not 0 < self.level < 1:
            raise ValueError(f"a level lies in (0, 1), got {self.level}")

    @property
    def first_decisive(self) -> int | None:
        """The first batch after which two arms can be told apart at all, however different; None
        where the design allows none. Three seeds at a time, at 5 % of four batches: the second.

        >>> Design(batch=5).first_decisive, Design(batch=3).first_decisive
        (1, 2)
        """
        deals = 2**self.batch if self.paired else math.comb(2 * self.batch, self.batch)
        decisive = [
            batch
            for batch in range(1, self.batches + 1)
            if 2 / deals**batch <= self.level * batch / self.batches
        ]
        return min(decisive, default=None)


@dataclass(frozen=True)
class Verdict:
    """What is decided of two arms.

    Args:
        first: name of an arm.
        second: name of another.
        decision: of the first against the second. `equal so far`: all batches are in, and they were
            not told apart, which is no proof that they are equal; `undecided`: more seeds may tell.
        seeds: of each of the two when it was decided, or so far.
        difference: mean of the first minus mean of the second over those seeds.
    """

    first: str
    second: str
    decision: Decision
    seeds: int
    difference: float


@dataclass(frozen=True)
class Standing:
    """Where a sequential study stands.

    Args:
        verdicts: one per pair.
        needed: the arms that need another batch; none where it has ended.
        batch: batches looked at.
        note: what a report must say beside it; "" where nothing.
    """

    verdicts: tuple[Verdict, ...]
    needed: tuple[str, ...]
    batch: int
    note: str = ""

    @property
    def ended(self) -> bool:
        """Whether every pair is decided, or all batches are in."""
        return not self.needed


def decide(
    scores: Mapping[str, Sequence[Sequence[float]]],
    design: Design,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> Standing:
    """What the scores so far decide; the same scores, however often asked, decide the same.

    Decisions are made after each batch and stand: later batches, had by mistake, change nothing.
    A score is one number per run, chosen before the study, for instance its mean return over all
    conditions.

    Args:
        scores: per arm, its batches in order, `design.batch` finite scores each; in a paired design
            with the same seeds in the same order in every arm.
        design: fixed beforehand.
        pairs: arms to tell apart, fixed beforehand; all pairs where nothing is said. Fewer pairs
            need fewer seeds.

    Raises:
        ValueError: a batch of another size, a score that is no finite number, a pair of unknown
            arms or of one arm, no pair.

    >>> runs = {"C4": [[9.0, 8.0, 9.5, 8.5, 9.2]], "none": [[5.0, 6.0, 4.5, 5.5, 5.2]]}
    >>> standing = decide(runs, Design(batch=5, batches=4))
    >>> standing.verdicts[0].decision, standing.needed
    ('better', ())
    """
    compared = tuple(pairs if pairs is not None else itertools.combinations(scores, 2))
    _check(scores, design, compared)
    study = _Study(scores, design, compared)
    undecided = list(range(len(compared)))
    verdicts: dict[int, Verdict] = {}
    batch = 0
    while undecided and batch < design.batches:
        arms = {name for index in undecided for name in compared[index]}
        if any(len(scores[name]) <= batch for name in arms):
            break
        study.add_batch(undecided)
        batch += 1
        for index in study.crossing(undecided):
            undecided.remove(index)
            verdicts[index] = study.verdict(index, batch, "told apart")
    last = batch == design.batches
    for index in undecided:
        verdicts[index] = study.verdict(index, batch, "equal so far" if last else "undecided")
    open_arms = {name for index in undecided for name in compared[index]} if not last else set()
    return Standing(
        verdicts=tuple(verdicts[index] for index in range(len(compared))),
        needed=tuple(name for name in scores if name in open_arms),
        batch=batch,
        note=_note(design),
    )


class _Study:
    """The statistics of all pairs under all permutations, batch after batch."""

    def __init__(
        self,
        scores: Mapping[str, Sequence[Sequence[float]]],
        design: Design,
        pairs: Sequence[tuple[str, str]],
    ) -> None:
        self.scores = scores
        self.design = design
        self.pairs = pairs
        self.deals = PairDeals(design.batch, design.batches, design.permutations, design.paired)
        self.sums: list[np.ndarray] = []  # [row, pair], up to and with each batch
        self.joint: dict[tuple[int, tuple[str, ...]], np.ndarray] = {}  # [row, arm] of one batch

    def add_batch(self, undecided: Sequence[int]) -> None:
        """Take the next batch of the undecided pairs in; the others' sums stay."""
        batch = len(self.sums)
        signs = self.deals.signs(batch)
        sums = self.sums[-1].copy() if batch else np.zeros((len(signs), len(self.pairs)))
        for index in undecided:
            first, second = self.pairs[index]
            sums[:, index] += signs @ [*self.scores[first][batch], *self.scores[second][batch]]
        self.sums.append(sums)

    def crossing(self, undecided: Sequence[int]) -> list[int]:
        """The pairs told apart after the last batch, by step-down."""
        left = list(undecided)
        crossed: list[int] = []
        while left:
            observed = np.abs(self.sums[-1][0, left])
            if not observed.max() > self.boundary(left):
                break
            crossed.append(left.pop(int(observed.argmax())))
        return crossed

    def boundary(self, pairs: Sequence[int]) -> float:
        """B_k for the largest statistic of some pairs: what both ways of dealing out ask for."""
        if len(pairs) == 1:  # two arms: both ways are one
            return self.pair_boundary(pairs)
        return max(self.pair_boundary(pairs), self.joint_boundary(pairs))

    def pair_boundary(self, pairs: Sequence[int]) -> float:
        """The paper's: every pair is dealt out for itself, and all alike."""
        largest = [np.abs(sums[:, pairs]).max(axis=1) for sums in self.sums]
        return boundaries(largest, self.design)[-1]

    def joint_boundary(self, pairs: Sequence[int]) -> float:
        """That of dealing out all arms that the pairs link among one another."""
        return boundaries(self._largest_jointly(pairs), self.design)[-1]

    def _largest_jointly(self, pairs: Sequence[int]) -> list[np.ndarray]:
        """The largest statistic, [row] after each batch, where the scores of all arms that the
        pairs link are dealt out together.
        """
        linked = _linked([self.pairs[index] for index in pairs])
        largest = []
        totals = [np.zeros((1, len(arms))) for arms in linked]
        for batch in range(len(self.sums)):
            totals = [
                total + self._joint_sums(batch, arms)
                for total, arms in zip(totals, linked, strict=True)
            ]
            of_arm = {
                name: total[:, column]
                for total, arms in zip(totals, linked, strict=True)
                for column, name in enumerate(arms)
            }
            named = [self.pairs[index] for index in pairs]
            sizes = [np.abs(of_arm[first] - of_arm[second]) for first, second in named]
            largest.append(np.max(sizes, axis=0))
        return largest

    def _joint_sums(self, batch: int, arms: tuple[str, ...]) -> np.ndarray:
        if (batch, arms) not in self.joint:
            scores = np.array([self.scores[name][batch] for name in arms], dtype=np.float64)
            rows = self.design.permutations
            self.joint[batch, arms] = joint_sums(scores, batch, rows, self.design.paired)
        return self.joint[batch, arms]

    def verdict(
        self, index: int, batch: int, state: Literal["told apart", "equal so far", "undecided"]
    ) -> Verdict:
        """What to say of a pair after some batches."""
        first, second = self.pairs[index]
        seeds = batch * self.design.batch
        difference = float(self.sums[batch - 1][0, index]) / seeds if batch else math.nan
        decision: Decision
        if state == "told apart":
            decision = "better" if difference > 0 else "worse"
        else:
            decision = state
        return Verdict(first, second, decision, seeds, difference)


def boundaries(largest: Sequence[np.ndarray], design: Design) -> list[float]:
    """B_1 to B_k.

    Args:
        largest: after each batch, the largest statistic of every permutation, [row].
        design: whose level is spent in equal parts.
    """
    rows = len(largest[0])
    alive = np.ones(rows, dtype=bool)
    limits: list[float] = []
    for batch, sizes in enumerate(largest, start=1):
        # sums in another order differ by rounding: equal ones must not count as larger
        rounding = 1e-10 * float(sizes.max())
        spent = rows - int(alive.sum())
        allowed = math.floor(rows * design.level * batch / design.batches + 1e-9)
        limit = _exceeded_by(sizes[alive], allowed - spent) + rounding
        alive &= sizes <= limit
        limits.append(limit)
    return limits


def _exceeded_by(values: np.ndarray, count: int) -> float:
    """The smallest of `values` that at most `count` of them exceed."""
    place = len(values) - 1 - count
    return float(np.partition(values, place)[place])


def _linked(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Arms that pairs link, directly or through others, as sorted groups."""
    groups: list[set[str]] = []
    for pair in pairs:
        touched = [group for group in groups if not group.isdisjoint(pair)]
        groups = [group for group in groups if group.isdisjoint(pair)]
        groups.append(set(pair).union(*touched))
    return [tuple(sorted(group)) for group in groups]


def _note(design: Design) -> str:
    first = design.first_decisive
    if first is None:
        most = design.batch * design.batches
        return f"{most} seeds cannot tell any two arms apart at level {design.level:g}"
    if first > 1:
        return f"arms can be told apart from {first * design.batch} seeds on, not before"
    return ""


def _check(
    scores: Mapping[str, Sequence[Sequence[float]]],
    design: Design,
    pairs: Sequence[tuple[str, str]],
) -> None:
    if not pairs:
        raise ValueError("no pair of arms to tell apart")
    for first, second in pairs:
        if first == second or first not in scores or second not in scores:
            raise ValueError(f"no two arms: {first!r}, {second!r} of {list(scores)}")
    for name, batches in scores.items():
        for number, batch in enumerate(batches, start=1):
            if len(batch) != design.batch or not np.isfinite(batch).all():
                raise ValueError(
                    f"batch {number} of {name} needs {design.batch} finite scores, got {batch}"
                )
