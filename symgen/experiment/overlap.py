"""How many of a condition's levels were trained on: measured by what the levels are, not by their
seeds.

A level counts as trained on where training has one that is equal to it, rotated or reflected images
included. The adapter says what a level is: `level_contents(options)` gives a digest of one level
after the other.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice

from pydantic import BaseModel

from symgen.experiment.heldout import Changes, under_options
from symgen.problem.adapter import adapter
from symgen.problem.problem import Problem

TRAINED = 4000
"""Levels of training that are looked at, at most."""
TESTED = 1000
"""Levels of a condition that are looked at, at most."""


@dataclass(frozen=True)
class Overlap:
    """The levels of a condition beside those of training, equal ones counted once.

    Args:
        levels: distinct levels of the condition.
        trained_on: how many of them are among training's.
        training_levels: distinct levels of training that were looked at.
    """

    levels: int
    trained_on: int
    training_levels: int

    def to_dict(self) -> dict[str, int]:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """What a table's row says.

        >>> str(Overlap(187, 0, 3478))
        '187, 0 trained on'
        """
        return f"{self.levels}, {self.trained_on} trained on"


def overlap(
    problem: Problem, changes: Changes, trained: int = TRAINED, tested: int = TESTED
) -> Overlap | None:
    """The levels of a condition that were trained on; None where the adapter makes no levels.

    Args:
        problem: as it was trained on.
        changes: the entry of `evaluate:`; none for training's own condition.
        trained: how many levels of training are looked at, at most.
        tested: how many levels of the condition are looked at, at most.

    Raises:
        SpecError, UserError: the changed options are wrong, or a package is missing.
    """
    if problem.adapter.level_set(problem.adapter_options) is None:
        return None
    keyword = problem.spec.environment.adapter
    training = _contents(keyword, problem.adapter_options, trained)
    changed = under_options(problem, changes)
    played = _contents(keyword, changed.adapter_options, tested)
    return Overlap(len(played), len(played & training), len(training))


@lru_cache(maxsize=64)
def _contents(keyword: str, options: BaseModel, most: int) -> frozenset[bytes]:
    """The distinct levels among the first ones."""
    return frozenset(islice(adapter(keyword).level_contents(options) or (), most))
