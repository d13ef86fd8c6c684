"""metrics.jsonl: one line per update, flushed as it happens; and the same numbers as TensorBoard events."""

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from symgen.experiment.files import plain, write_text

NAME = "metrics.jsonl"
EVENTS = "events"


class Metrics:
    """Writes one dictionary of numbers per update; a context manager.

    Args:
        folder: the run's folder.
        step: environment steps done before the first line to come; later events of a killed run are hidden.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._file = open(folder / NAME, "a", encoding="utf-8")  # noqa: SIM115 (closed by __exit__)
        self._events = SummaryWriter(str(folder / EVENTS), purge_step=step + 1 if step else None, flush_secs=30)

    def write(self, metrics: dict[str, Any]) -> None:
        """Append one line; `metrics` holds "step" and plain numbers (NaN is written as null)."""
        self._file.write(json.dumps(plain(metrics), allow_nan=False) + "\n")
        self._file.flush()
        for name, value in metrics.items():
            if name != "step" and isinstance(value, int | float) and math.isfinite(value):
                self._events.add_scalar(name, value, int(metrics["step"]))

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._events.close()


def read(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl; a last line cut short by a kill is left out, a missing file is no lines."""
    path = folder / NAME
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def truncate(folder: Path, update: int) -> None:
    """Keep the lines of the first `update` updates: what a resumed training repeats must not stand there twice."""
    kept = [row for row in read(folder) if row["update"] <= update]
    write_text(folder / NAME, "".join(json.dumps(row) + "\n" for row in kept))
