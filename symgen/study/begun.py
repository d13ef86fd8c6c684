"""What a study was trimmed to when it was begun: its run folders say it.

How long a step takes is measured, and twice measured it is twice another time. A study that goes on
under --budget keeps the seeds and steps that it began with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from symgen.experiment.files import plain, read_json
from symgen.experiment.run import ROOT
from symgen.experiment.variant import stem
from symgen.study.arm import Arm
from symgen.study.matrix import Matrix
from symgen.study.work import ARM

STEPS = "train.steps"


@dataclass(frozen=True)
class Begun:
    """How arms were begun.

    Args:
        seeds: of every arm.
        steps: by arm, where they were trimmed.
    """

    seeds: tuple[int, ...]
    steps: dict[str, int]

    def __str__(self) -> str:
        steps = sorted(set(self.steps.values()))
        words = [f"{len(self.seeds)} seeds", *(f"{count:,} steps" for count in steps)]
        return ", ".join(words)

    def applied(self, matrix: Matrix) -> Matrix:
        """The matrix with these seeds and steps."""
        rows = tuple(
            replace(row, arm=self._trimmed(row.arm), steps=self.steps.get(row.arm.name, row.steps))
            for row in matrix.rows
        )
        arms = tuple(self._trimmed(arm) for arm in matrix.study.arms)
        study = replace(matrix.study, arms=arms, seeds=self.seeds)
        return replace(matrix, rows=rows, study=study)

    def _trimmed(self, arm: Arm) -> Arm:
        steps = self.steps.get(arm.name)
        return arm if steps is None else replace(arm, edits={**arm.edits, STEPS: steps})


def begun(matrix: Matrix, root: Path = ROOT) -> Begun | None:
    """How the runs of a study below `root` were begun; None where there are none of it.

    Args:
        matrix: as the spec has it, not trimmed.
        root: the folder of all runs.
    """
    seeds: tuple[int, ...] = ()
    steps = {}
    for arm in matrix.study.arms:
        for path in sorted((root / stem(matrix.study.source.name) / arm.name).glob(f"*/{ARM}")):
            values = read_json(path)
            edits = values.get("edits")
            said = values.get("seeds")
            if not isinstance(edits, dict) or not isinstance(said, list):
                continue
            if _without_steps(edits) != _without_steps(arm.edits):
                continue  # another arm, which `admitted` refuses
            seeds = max(seeds, tuple(said), key=len)
            trimmed = edits.get(STEPS)
            if isinstance(trimmed, int) and trimmed != arm.edits.get(STEPS):
                steps[arm.name] = trimmed
    return Begun(seeds, _of_all(steps, matrix)) if seeds else None


def _without_steps(edits: Mapping[str, object]) -> dict[str, object]:
    return {path: plain(value) for path, value in edits.items() if path != STEPS}


def _of_all(steps: Mapping[str, int], matrix: Matrix) -> dict[str, int]:
    """The steps of arms that had not begun, too: all are trimmed by one share."""
    wanted = {row.arm.name: row.steps for row in matrix.rows if row.runs}
    if not steps:
        return {}
    known = next(iter(steps))
    share = steps[known] / wanted[known]
    return {name: steps.get(name, max(1, round(share * full))) for name, full in wanted.items()}
