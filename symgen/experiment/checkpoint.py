"""Checkpoints without pickle: tensors in safetensors, numbers in JSON, and the JSON is written last.

    checkpoints/last.json                 step, update, scalars, and the name and SHA-256 of the tensors beside it
    checkpoints/last-4096.safetensors

The JSON file names its tensors and replaces its predecessor in one rename, so a kill between the two files leaves the
previous checkpoint in force.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from symgen.errors import UserError
from symgen.experiment.files import read_json, write_bytes, write_json

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """Everything a training needs to go on.

    Args:
        update: number of updates done.
        step: number of environment steps done.
        tensors: the learner's tensors (network, optimiser, statistics, random state).
        scalars: the learner's plain values, JSON types only.
        metrics: the metrics of the last update.
        finished: True where training reached its last update.
        best: the highest mean return seen so far, None before the first episode ended.
        seconds: training time spent so far, resumed runs included.
    """

    update: int
    step: int
    tensors: dict[str, Tensor] = field(repr=False)
    scalars: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    best: float | None = None
    seconds: float = 0.0


def write(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` as `name` ("last", "best", "step-4096") and drop the tensors it replaces."""
    folder.mkdir(parents=True, exist_ok=True)
    # clone: safetensors refuses tensors that share memory (tied weights, views of one buffer)
    content = save({key: value.detach().cpu().contiguous().clone() for key, value in checkpoint.tensors.items()})
    tensors = folder / f"{name if name.startswith('step-') else f'{name}-{checkpoint.step}'}.safetensors"
    write_bytes(tensors, content)
    write_json(
        folder / f"{name}.json",
        {
            "format": FORMAT,
            "tensors": tensors.name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "update": checkpoint.update,
            "step": checkpoint.step,
            "finished": checkpoint.finished,
            "best": checkpoint.best,
            "seconds": round(checkpoint.seconds, 3),
            "metrics": checkpoint.metrics,
            "scalars": checkpoint.scalars,
        },
    )
    _drop_others(folder, name, tensors)


def read(folder: Path, name: str) -> Checkpoint:
    """Read the checkpoint called `name`.

    Raises:
        UserError: it is missing, damaged, or of another format.
    """
    values = read_json(folder / f"{name}.json")
    try:
        if values["format"] != FORMAT:
            raise _damaged(folder, name, f"its format is {values['format']}, this symgen reads {FORMAT}")
        tensors = folder / Path(values["tensors"]).name
        if not tensors.exists() and read_json(folder / f"{name}.json") != values:
            return read(folder, name)  # a training has just replaced it
        content = tensors.read_bytes()
        if hashlib.sha256(content).hexdigest() != values["sha256"]:
            raise _damaged(folder, name, f"{tensors.name} is not the file that was written (SHA-256 differs)")
        return Checkpoint(
            update=values["update"],
            step=values["step"],
            tensors=load(content),
            scalars=values["scalars"],
            metrics=values["metrics"],
            finished=values["finished"],
            best=values["best"],
            seconds=values["seconds"],
        )
    except (KeyError, TypeError) as error:
        raise _damaged(folder, name, f"{name}.json lacks {error}") from error
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, name, str(error)) from error


def names(folder: Path) -> list[str]:
    """The checkpoints present, e.g. ["best", "last"]."""
    return sorted(path.stem for path in folder.glob("*.json"))


def _drop_others(folder: Path, name: str, kept: Path) -> None:
    """Remove tensors that older checkpoints of this name, or killed writes, left behind."""
    if name.startswith("step-"):
        return
    for path in [*folder.glob(f"{name}-*.safetensors"), *folder.glob(".*.tmp")]:
        if path != kept:
            path.unlink(missing_ok=True)


def _damaged(folder: Path, name: str, reason: str) -> UserError:
    others = ", ".join(each for each in names(folder) if each != name)
    hint = f"evaluate another one with --checkpoint ({others}), or train again with --force"
    message = f"the checkpoint {folder / name}.json cannot be used: {reason}"
    return UserError("checkpoint-damaged", message, hint if others else "train again with --force")
