"""Training a run longer than it was to be: more steps are the one change that a resumption takes.

It goes on from its last checkpoint as if `train.steps` had just been raised. That is not what a
training with the larger number from the start would have been where something depends on the total:
a schedule {from: .., to: ..} has come to its end and now lies on a longer line, so its value jumps.
`announcement` says so before anything is trained.
"""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel

from symgen.experiment.checkpoint import Checkpoint, write
from symgen.experiment.fit import NETWORK
from symgen.experiment.resolved import difference
from symgen.experiment.run import Run
from symgen.rl._schedule import Line, at


def lengthened(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[int, int] | None:
    """The steps before and after, where resolved specs differ in nothing else and there are more of
    them; else None.

    >>> lengthened({"train": {"steps": 10, "gamma": 0.9}}, {"train": {"steps": 20, "gamma": 0.9}})
    (10, 20)
    >>> lengthened({"train": {"steps": 10, "gamma": 0.9}}, {"train": {"steps": 20, "gamma": 0.8}})
    """
    train = _training(before)
    old = train.get("steps")
    new = _training(after).get("steps")
    if not (isinstance(old, int) and isinstance(new, int) and old < new):
        return None
    same = {**before, "train": {**train, "steps": new}}
    return None if difference(same, after) else (old, new)


def _training(values: Mapping[str, object]) -> Mapping[str, object]:
    """The `train:` of a resolved spec; empty where it has none."""
    train = values.get("train")
    return train if isinstance(train, Mapping) else {}


def announcement(folder: str, steps: tuple[int, int], step: int, options: BaseModel) -> str:
    """What is about to happen to a run, and to the schedules of its algorithm.

    Args:
        folder: of the run.
        steps: before and now.
        step: at which it goes on.
        options: of the algorithm.
    """
    before, now = steps
    lines = [f"{folder} is trained longer: from step {step}, to {now} instead of {before}"]
    for name, value in options:
        if isinstance(value, Line):
            here, there = (f"{at(value, step / total):.3g}" for total in steps)
            lines.append(
                f"  train.{name} goes from {value.start:g} to {value.end:g} over all {now} steps "
                f"now: it was {here}, "
                f"jumps to {there}, and is not what {now} steps from the start would have given"
            )
    return "\n".join(lines)


def keep_end(run: Run, end: Checkpoint) -> None:
    """Keep the end of the shorter training, as "step-4096": its network can still be evaluated."""
    network = {name: value for name, value in end.tensors.items() if name.startswith(NETWORK)}
    write(run.checkpoints, f"step-{end.step}", replace(end, tensors=network))
