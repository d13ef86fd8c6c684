"""relaxed_weights.jsonl: the weights of a network's banks over training, a line for each
measurement.

A line is {"update": 10, "step": 20480, "weights": {"policy_hidden1": [[...], [...]]}}: for each
map its banks, for each bank a weight per group element (per channel of its fibre's atoms).
All are equal at the start, in update 0.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypedDict, cast, runtime_checkable

import numpy as np
from torch import nn

from symgen.errors import UserError
from symgen.experiment.files import HINT, read_lines, write_text, writing

NAME = "relaxed_weights.jsonl"
MEASURED = "symmetry_breaking/"
"""Metrics that begin like this say that the network was measured in this update."""


@runtime_checkable
class HasRelaxedWeights(Protocol):
    """A network that may have maps with banks."""

    def relaxed_weights(self) -> Mapping[str, np.ndarray]:
        """The weights of its banks, shape (banks, elements), by map; empty where it has none."""
        ...


class Measurement(TypedDict):
    """The weights after one update."""

    update: int
    step: int
    weights: dict[str, list[list[float]]]


def begin(folder: Path, network: nn.Module, update: int) -> None:
    """Drop what a resumed training repeats; write the first line of one that begins."""
    truncate(folder, update)
    if update == 0:
        _append(folder, network, 0, 0)


def write(folder: Path, network: nn.Module, row: Mapping[str, float]) -> None:
    """Append a line, in the updates whose metrics say that the network was measured."""
    if any(name.startswith(MEASURED) for name in row):
        _append(folder, network, int(row["update"]), int(row["step"]))


def _append(folder: Path, network: nn.Module, update: int, step: int) -> None:
    weights = network.relaxed_weights() if isinstance(network, HasRelaxedWeights) else {}
    if not weights:
        return
    # six digits: a picture needs no more, and the file stays small
    rounded = {
        name: [[float(f"{w:.6g}") for w in bank] for bank in banks]
        for name, banks in weights.items()
    }
    line = Measurement(update=update, step=step, weights=rounded)
    with writing(folder / NAME), open(folder / NAME, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def lines(folder: Path) -> list[Measurement]:
    """The lines, see `read_lines`; `read` finds out whether their weights are whole."""
    return cast("list[Measurement]", read_lines(folder / NAME, ("update", "step")))


def truncate(folder: Path, update: int) -> None:
    """Keep the lines of the first `update` updates; of none, no file."""
    kept = [line for line in lines(folder) if update and line["update"] <= update]
    if kept:
        write_text(folder / NAME, "".join(json.dumps(line) + "\n" for line in kept))
    else:
        (folder / NAME).unlink(missing_ok=True)


def read(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Steps (times,), and for each map its weights over time (times, banks, elements).

    Raises:
        UserError: a line is damaged.
    """
    measured = lines(folder)
    steps = np.array([line["step"] for line in measured], dtype=np.int64)
    try:
        names = list(measured[0]["weights"]) if measured else []
        return steps, {
            name: np.array([line["weights"][name] for line in measured], dtype=np.float64)
            for name in names
        }
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("file-unreadable", f"{folder / NAME} is damaged: {error}", HINT) from error
