"""What is shown of a study under way."""

import io

from rich.console import Console

from symgen.experiment.progress import Report
from symgen.study.progress import Progress, lines, silent

RUNNING = {"C4/0": Report(0, 100, 200, float("nan"), 50.0)}
HALF = Progress(4, 1, 1, RUNNING, share=0.5, seconds_left=3907.0)


def shown(terminal, *states):
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=100)
    with lines(console) as watch:
        for state in states:
            watch(state)
    return output.getvalue()


def test_a_study_says_how_far_it_is():
    assert str(HALF) == "1 of 4 runs done, 1 running, 1 failed, 1:05:07 left"


def test_lines_come_when_a_run_ends():
    lines = shown(False, Progress(4), HALF, HALF, Progress(4, 2, 1)).splitlines()
    assert lines == [
        "0 of 4 runs done, 0 running",
        f"{HALF}; C4/0  100/200 steps  return -",
        "2 of 4 runs done, 0 running, 1 failed",
    ]


def test_on_a_terminal_every_run_under_way_has_a_line():
    text = shown(True, HALF)
    assert str(HALF) in text
    assert "C4/0  100/200 steps" in text


def test_nothing_is_shown_where_nothing_is_to_be():
    with silent() as watch:
        watch(HALF)
