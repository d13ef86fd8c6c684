"""What a training tells whoever watches: a bar on a terminal, a line now and then elsewhere."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TypedDict

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

__all__ = ["Bars", "Listen", "Report", "clock", "left", "mean_return", "silent"]


@dataclass(frozen=True)
class Report:
    """One update of one seed.

    Args:
        seed: which.
        step: environment steps so far.
        steps: environment steps in all.
        mean_return: mean return of recent episodes, NaN before the first one ended.
        speed: environment steps per second of this session.
        note: "" while training; else a word on what happened, such as "finished" or "stopped".
    """

    seed: int
    step: int
    steps: int
    mean_return: float
    speed: float
    note: str = ""


Listen = Callable[[Report], None]


def mean_return(row: Mapping[str, float | None]) -> float:
    """The mean return in a line of metrics; NaN where no episode has ended yet."""
    value = row.get("return")
    return math.nan if value is None else float(value)


@contextlib.contextmanager
def silent() -> Iterator[Listen]:
    """In place of `Bars`: show nothing."""
    yield lambda report: None


def left(report: Report) -> str:
    """The time left, as "1:05:00" or "3:07"; "-" where the speed is not known yet.

    >>> left(Report(seed=0, step=500, steps=1000, mean_return=0.0, speed=10.0))
    '0:50'
    """
    if report.note or report.speed <= 0:
        return report.note or "-"
    return clock(max(0, report.steps - report.step) / report.speed)


def clock(time_left: float) -> str:
    """Seconds as hours, minutes and seconds.

    >>> clock(50), clock(3907.2)
    ('0:50', '1:05:07')
    """
    seconds = round(time_left)
    minutes = seconds // 60 % 60
    hours = seconds // 3600
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


class Columns(TypedDict):
    """A report as text."""

    seed: str
    steps: str
    mean: str
    speed: str
    left: str


class Bars:
    """A bar per seed on a terminal; where the output is a file or a pipe, a line per tenth of the
    way.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[int, tuple[int, float]] = {}
        self._tasks: dict[int, TaskID] = {}
        self._progress = Progress(
            TextColumn("seed {task.fields[seed]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[steps]:>13} steps"),
            TextColumn("return {task.fields[mean]:>8}"),
            TextColumn("{task.fields[speed]:>7} steps/s"),
            TextColumn("{task.fields[left]}"),
            console=console,
            refresh_per_second=4,
            expand=True,
        )

    def __call__(self, report: Report) -> None:
        """Show `report`."""
        if not self._console.is_terminal:
            self._line(report)
            return
        if report.seed not in self._tasks:
            self._tasks[report.seed] = self._progress.add_task(
                "", total=report.steps, **_fields(report)
            )
        self._progress.update(self._tasks[report.seed], completed=report.step, **_fields(report))

    def _line(self, report: Report) -> None:
        tenth = 10 * report.step // report.steps
        before = self._shown.get(report.seed, (-1, 0.0))
        # the first report, then each tenth, but no more often than every two seconds
        often = tenth == before[0] or time.monotonic() - before[1] < 2
        if report.note == "compiling" or (often and not report.note):
            return
        self._shown[report.seed] = (tenth, time.monotonic())
        fields = _fields(report)
        self._console.print(
            f"seed {report.seed}  {fields['steps']} steps  return {fields['mean']}  "
            f"{fields['speed']} steps/s  {fields['left']}",
            highlight=False,
            soft_wrap=True,
        )

    def __enter__(self) -> Listen:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()


def _fields(report: Report) -> Columns:
    mean = "-" if math.isnan(report.mean_return) else f"{report.mean_return:.3f}"
    return {
        "seed": str(report.seed),
        "steps": f"{_count(report.step)}/{_count(report.steps)}",
        "mean": mean,
        "speed": f"{report.speed:,.0f}",
        "left": report.note or f"{left(report)} left",
    }


def _count(steps: int) -> str:
    """1234567 as "1.23M"."""
    if steps >= 1_000_000:
        return f"{steps / 1e6:.2f}M"
    return f"{steps / 1e3:.1f}k" if steps >= 10_000 else str(steps)
