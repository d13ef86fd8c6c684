"""Trainings that are killed between two updates and gone on with, beside some that are not."""

from pathlib import Path

import pytest
import torch

from symgen.experiment import metrics
from symgen.experiment.files import read_json
from symgen.experiment.fit import Saving
from symgen.experiment.run import LAST, Run
from symgen.experiment.train import TrainingSettings, train
from symgen.spec.source import Source

TIMES = ("seconds", "steps_per_second")
KILLED = 4


class Killed(Exception):
    pass


def quiet(report):
    pass


def killer():
    """Kills after so many updates, before the next is saved."""
    updates = []

    def listen(report):
        updates.extend([] if report.note else [report.step])
        if len(updates) > KILLED:
            raise Killed

    return listen


def settings(root: Path, **changes) -> TrainingSettings:
    return TrainingSettings(root=root, evaluation=None, saving=Saving(seconds=0), **changes)


def trained(source: Source, root: Path) -> Run:
    [outcome], _ = train(source, settings(root), quiet)
    return outcome.run


def killed(source: Source, root: Path) -> Run:
    """What is left of a run that was killed."""
    with pytest.raises(Killed):
        train(source, settings(root), killer())
    [run] = [Run(path.parent) for path in root.glob("**/resolved.json")]
    assert run.restore(LAST).update == KILLED
    return run


def resumed(source: Source, run: Run) -> Run:
    root = run.folder.parents[2]
    [outcome], _ = train(source, settings(root, resume=True), quiet)
    assert outcome.finished
    return outcome.run


def rows(run: Run) -> str:
    lines = metrics.read(run.folder)
    return repr([{key: row[key] for key in row if key not in TIMES} for row in lines])


def same_bits(one: Run, other: Run) -> bool:
    """Whether the last checkpoints are equal, weights and all."""
    mine = one.restore(LAST).tensors
    theirs = other.restore(LAST).tensors
    names = mine.keys() == theirs.keys()
    return names and all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


def same_weights(one: Run, other: Run) -> bool:
    mine = one.restore(LAST).tensors
    theirs = other.restore(LAST).tensors
    weights = [name for name in mine if name.startswith("network.")]
    return all(torch.equal(mine[name], theirs[name]) for name in weights)


def resumption(run: Run):
    """How a run was gone on with."""
    [entry] = read_json(run.folder / "versions.json")["resumed"]
    return entry
