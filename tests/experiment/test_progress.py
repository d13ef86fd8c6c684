import io
import math

import pytest
from rich.console import Console

from symgen.experiment import progress
from symgen.experiment.progress import Bars, Report, left, silent


@pytest.mark.parametrize(
    ("step", "speed", "expected"),
    [
        (0, 0.0, "-"),
        (500, 10.0, "0:50"),
        (0, 0.1, "2:46:40"),
        (1010, 10.0, "0:00"),
        (0, math.inf, "0:00"),
    ],
)
def test_time_left(step, speed, expected):
    assert left(Report(0, step, 1000, 0.0, speed)) == expected


def shown(reports, **options) -> str:
    console = Console(file=io.StringIO(), width=120, **options)
    with Bars(console) as listen:
        for report in reports:
            listen(report)
    return console.file.getvalue()


def test_a_terminal_has_a_bar_with_return_speed_and_time_left():
    text = shown([Report(3, 25_000, 100_000, 0.5, 1500.0)], force_terminal=True)
    for part in ("seed 3", "25%", "25.0k/100.0k steps", "0.500", "1,500 steps/s", "0:50 left"):
        assert part in text


def test_a_file_has_a_line_now_and_then(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def reports(seconds):
        for step in range(0, 1001, 10):
            now[0] += seconds
            yield Report(0, step, 1000, math.nan, 10.0)
        yield Report(0, 1000, 1000, 1.0, 10.0, "finished")

    assert (
        len(shown(reports(seconds=1.0)).splitlines()) == 12
    )  # each tenth, both ends, and the note
    assert len(shown(reports(seconds=0.001)).splitlines()) == 2  # not when it is over in no time
    assert "\x1b" not in shown(reports(seconds=1.0))


def test_silence():
    with silent() as listen:
        listen(Report(0, 1, 2, 0.0, 1.0))
