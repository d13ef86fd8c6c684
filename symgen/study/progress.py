"""What a study tells whoever watches: all runs on one bar, and a line per run under way."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from symgen.experiment.progress import Report, clock

__all__ = ["Progress", "Watch", "lines", "silent"]

SELDOM = 10.0
"""Seconds between lines where the output is no terminal."""


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Args:
        runs: in all.
        done: those that are finished.
        failed: those that will not be, by an error of their own.
        running: the last report of every run under way, by label.
        share: of all environment steps.
        seconds_left: at the speed of this session; None before there is one.
    """

    runs: int
    done: int = 0
    failed: int = 0
    running: Mapping[str, Report] = field(default_factory=dict)
    share: float = 0.0
    seconds_left: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.done} of {self.runs} runs done", f"{len(self.running)} running"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.seconds_left is not None:
            parts.append(f"{clock(self.seconds_left)} left")
        return ", ".join(parts)


Watch = Callable[[Progress], None]


@contextlib.contextmanager
def silent() -> Iterator[Watch]:
    """In place of `lines`: show nothing."""
    yield lambda progress: None


def words(label: str, report: Report) -> str:
    """A run under way as text.

    >>> words("base/0", Report(seed=0, step=500, steps=1000, mean_return=0.25, speed=10.0))
    'base/0  500/1000 steps  return 0.250'
    """
    mean = "-" if math.isnan(report.mean_return) else f"{report.mean_return:.3f}"
    note = f"  {report.note}" if report.note else ""
    return f"{label}  {report.step}/{report.steps} steps  return {mean}{note}"


@contextlib.contextmanager
def lines(console: Console) -> Iterator[Watch]:
    """Show a bar of the study and a line per run under way on a terminal; elsewhere a line now and
    then.

    Args:
        console: where to show it.
    """
    if not console.is_terminal:
        yield _Seldom(console)
        return
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        yield lambda progress: live.update(_picture(progress))


class _Seldom:
    """A line whenever a run has ended, and every SELDOM seconds.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = (-1, -1, -math.inf)

    def __call__(self, progress: Progress) -> None:
        """Show how far a study is."""
        done, failed, when = self._shown
        ended = (progress.done, progress.failed) != (done, failed)
        now = time.monotonic()
        if not ended and (now - when < SELDOM or not progress.running):
            return
        self._shown = (progress.done, progress.failed, now)
        running = [words(label, report) for label, report in progress.running.items()]
        self._console.print("; ".join([str(progress), *running]), highlight=False, soft_wrap=True)


def _picture(progress: Progress) -> Group:
    bar = Table.grid(padding=(0, 1), expand=True)
    bar.add_column(no_wrap=True)
    bar.add_column(ratio=1)
    bar.add_row(str(progress), ProgressBar(total=1.0, completed=progress.share))
    running = [Text(f"  {words(label, report)}") for label, report in progress.running.items()]
    return Group(bar, *running)
