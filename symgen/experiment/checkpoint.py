"""Checkpoints without pickle: tensors in safetensors, numbers in JSON, and the JSON is written
last.

    checkpoints/last.json     step, update, scalars, its own SHA-256, and name and SHA-256 of
    checkpoints/last-4096.safetensors

The JSON file names its tensors and replaces its predecessor in one rename, so a kill (or a full
disk) between the two files leaves the previous checkpoint in force. Files of format 1 have neither
a checksum of their own nor a meaning.
"""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from symgen.errors import UserError, shown
from symgen.experiment.files import read_json, write_bytes, write_json, writing
from symgen.experiment.meaning import MEANING
from symgen.problem.resumable import below

FORMAT = 2
TYPES: Mapping[str, tuple[type, ...]] = {
    "tensors": (str,), "sha256": (str,), "update": (int,), "step": (int,), "finished": (bool,),
    "best": (int, float, type(None)), "seconds": (int, float), "metrics": (dict,),
    "scalars": (dict,),
}  # fmt: skip


class Header(TypedDict):
    """The JSON file of a checkpoint; TYPES are those that are checked."""

    format: int
    meaning: NotRequired[int]
    tensors: str
    sha256: str
    update: int
    step: int
    finished: bool
    best: float | None
    seconds: float
    metrics: dict[str, float | None]
    scalars: dict[str, object]


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
        meaning: the version of what the weights mean, see meaning.py.
    """

    update: int
    step: int
    tensors: dict[str, Tensor] = field(repr=False)
    scalars: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    finished: bool = False
    best: float | None = None
    seconds: float = 0.0
    meaning: int = MEANING

    @property
    def sealed(self) -> bool:
        """Whether it was written with checksums, and the run's other files too."""
        return self.meaning > 1

    def below(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name has the prefix, by the rest of it."""
        return below(prefix, self.tensors)


def write(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` as `name` ("last", "best", "step-4096") and drop the tensors it replaces.

    Raises:
        UserError: the disk is full, or cannot be written to; the checkpoint before is in force.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # clone: safetensors refuses tensors that share memory (tied weights, views of one buffer)
    content = save(
        {
            key: value.detach().cpu().contiguous().clone()
            for key, value in checkpoint.tensors.items()
        }
    )
    stem = name if name.startswith("step-") else f"{name}-{checkpoint.step}"
    tensors = folder / f"{stem}.safetensors"
    values = {
        "format": FORMAT,
        "meaning": checkpoint.meaning,
        "tensors": tensors.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "update": checkpoint.update,
        "step": checkpoint.step,
        "finished": checkpoint.finished,
        "best": checkpoint.best,
        "seconds": round(checkpoint.seconds, 3),
        "metrics": checkpoint.metrics,
        "scalars": checkpoint.scalars,
    }
    new = not tensors.exists()
    try:
        write_bytes(tensors, content)
        write_json(folder / f"{name}.json", values)
    except UserError:
        if new:
            _remove(tensors)  # on a full disk they would be in the way
        raise
    _drop_others(folder, name, tensors)


def read(folder: Path, name: str) -> Checkpoint:
    """Read the checkpoint called `name`.

    Raises:
        UserError: it is missing, damaged, or of another format.
    """
    values = header(folder, name)
    tensors = folder / Path(values["tensors"]).name
    if not tensors.exists() and header(folder, name) != values:
        return read(folder, name)  # a training has just replaced it
    try:
        content = tensors.read_bytes()
        if hashlib.sha256(content).hexdigest() != values["sha256"]:
            raise _damaged(
                folder, name, f"{tensors.name} is not the file that was written (SHA-256 differs)"
            )
        loaded = load(content)
    except (OSError, SafetensorError) as error:
        raise _damaged(folder, name, str(error)) from error
    return Checkpoint(
        update=values["update"],
        step=values["step"],
        tensors=loaded,
        scalars=values["scalars"],
        metrics=values["metrics"],
        finished=values["finished"],
        best=values["best"],
        seconds=values["seconds"],
        meaning=values.get("meaning", 1),
    )


def header(folder: Path, name: str) -> Header:
    """The JSON file of the checkpoint called `name`: all but its tensors.

    Raises:
        UserError: it is missing, damaged, or of another format.
    """
    path = folder / f"{name}.json"
    try:
        values = read_json(path, required=lambda values: values.get("format") != 1)
    except UserError as error:
        if error.code == "file-not-found":
            raise
        raise _damaged(folder, name, error.message) from error
    if values.get("format") not in (1, FORMAT):
        raise _damaged(
            folder, name, f"its format is {values.get('format')}, this symgen reads 1 to {FORMAT}"
        )
    for key, types in TYPES.items():
        if type(values.get(key)) not in types:
            raise _damaged(folder, name, f"{name}.json says {key}: {shown(values.get(key))}")
    checked = cast(Header, values)
    numbers = (checked["metrics"].get(key) for key in ("return", "step", "update"))
    if not all(type(number) in (int, float, type(None)) for number in numbers):
        raise _damaged(folder, name, f"the metrics in {name}.json are no numbers")
    return checked


def names(folder: Path) -> list[str]:
    """The checkpoints present, e.g. ["best", "last"]."""
    return sorted(path.stem for path in folder.glob("*.json"))


def _drop_others(folder: Path, name: str, kept: Path) -> None:
    """Remove tensors that older checkpoints of this name, or killed writes, left behind."""
    if name.startswith("step-"):
        return
    for path in [*folder.glob(f"{name}-*.safetensors"), *folder.glob(".*.tmp")]:
        if path != kept:
            _remove(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _damaged(folder: Path, name: str, reason: str) -> UserError:
    others = ", ".join(present for present in names(folder) if present != name)
    hint = f"evaluate another one with --checkpoint ({others}), or train again with --force"
    message = f"the checkpoint {folder / name}.json cannot be used: {reason}"
    return UserError("checkpoint-damaged", message, hint if others else "train again with --force")
