"""The scores of one arm: a number per seed and task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Tasks = Literal["environments", "conditions"]


@dataclass(frozen=True, eq=False)
class Scores:
    """What the runs of one arm scored.

    Args:
        values: [seed, task]; NaN where a run has no score.
        seeds: the seed of every row. Rows of two arms with the same seed are a pair.
        tasks: the name of every column.
        kind: what the tasks are. `environments` have a run each, so a seed's scores on them are
            independent, and every task is resampled for itself (stratified; Agarwal et al. 2021,
            section 4.1). `conditions` are evaluations of one and the same run, so a seed's scores
            rise and fall together: whole seeds are resampled, or intervals come out too narrow.

    Raises:
        ValueError: shapes that do not fit, a seed or task twice, an infinite score.
    """

    values: np.ndarray
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    kind: Tasks = "environments"

    def __post_init__(self) -> None:
        expected = (len(self.seeds), len(self.tasks))
        if self.values.shape != expected or 0 in expected:
            raise ValueError(f"scores of shape {self.values.shape} for {expected} seeds and tasks")
        for names in (self.seeds, self.tasks):
            if len(set(names)) < len(names):
                raise ValueError(f"a name stands twice in {names}")
        if np.isinf(self.values).any():
            raise ValueError("an infinite score")

    @property
    def without_score(self) -> tuple[int, ...]:
        """The seeds that lack a score on some task."""
        lacking = np.isnan(self.values).any(axis=1)
        return tuple(seed for seed, absent in zip(self.seeds, lacking, strict=True) if absent)

    def complete(self) -> "Scores":
        """The seeds that have every score.

        A run that broke off is no run at random: what is left may be too good. Whoever drops seeds
        says which (`without_score`).

        Raises:
            ValueError: no seed has every score.
        """
        kept = ~np.isnan(self.values).any(axis=1)
        if not kept.any():
            raise ValueError("no seed has a score on every task")
        if kept.all():
            return self
        seeds = tuple(seed for seed, keep in zip(self.seeds, kept, strict=True) if keep)
        return Scores(self.values[kept], seeds, self.tasks, self.kind)

    def task(self, name: str) -> "Scores":
        """The scores on one task."""
        column = self.tasks.index(name)
        return Scores(self.values[:, [column]], self.seeds, (name,), self.kind)


def scores(
    values: Sequence[Sequence[float]] | Sequence[float] | np.ndarray,
    kind: Tasks = "environments",
    seeds: Sequence[int] | None = None,
) -> Scores:
    """Scores with seeds 0, 1, ... and numbered tasks, where nothing else is said.

    >>> scores([3.0, 1.0, 2.0]).values.shape
    (3, 1)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    rows = range(len(array)) if seeds is None else seeds
    return Scores(array, tuple(rows), tuple(map(str, range(array.shape[1]))), kind)
