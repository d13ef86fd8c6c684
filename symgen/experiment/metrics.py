"""metrics.jsonl: one line per update, flushed as it happens; and the same numbers as TensorBoard
events.
"""

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from symgen.experiment._events import Events
from symgen.experiment.files import plain_object, read_lines, write_text, writing

NAME = "metrics.jsonl"
EVENTS = "events"
EARLIER = {"departure/": "symmetry_breaking/"}
"""How metrics' names began in earlier versions, whose runs are read with today's names."""


class Metrics:
    """Writes one dictionary of numbers per update; a context manager.

    Args:
        folder: the run's folder.
        step: environment steps done before the first line to come; later events of a killed run are
            hidden.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._path = folder / NAME
        with writing(self._path):
            self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 (closed by __exit__)
            self._events = Events(folder / EVENTS, step)

    def write(self, metrics: Mapping[str, float]) -> None:
        """Append one line; `metrics` holds "step" and numbers (NaN is written as null).

        Raises:
            UserError: the disk is full.
        """
        with writing(self._path):
            self._file.write(_line(metrics))
            self._file.flush()
            finite = {
                name: value
                for name, value in metrics.items()
                if name != "step" and math.isfinite(value)
            }
            self._events.write(finite, int(metrics["step"]))

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # what a full disk refuses has been said by `write`, and closing tries the same again
        for log in (self._file, self._events):
            with contextlib.suppress(OSError):
                log.close()


def read(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl, see `read_lines`: numbers, NaN where a line says null, under the
    names that they have today.
    """
    rows = read_lines(folder / NAME, ("update", "step"))
    return [{_named_today(name): _number(value) for name, value in row.items()} for row in rows]


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else math.nan


def _named_today(name: str) -> str:
    for earlier, today in EARLIER.items():
        if name.startswith(earlier):
            return today + name.removeprefix(earlier)
    return name


def _line(metrics: Mapping[str, float]) -> str:
    return json.dumps(plain_object(metrics), allow_nan=False) + "\n"


def truncate(folder: Path, update: int) -> None:
    """Keep the lines of the first `update` updates: what a resumed training repeats must not stand
    there twice.
    """
    kept = [row for row in read(folder) if row["update"] <= update]
    write_text(folder / NAME, "".join(map(_line, kept)))
