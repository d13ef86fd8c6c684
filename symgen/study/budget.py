"""How long a study takes, and what is left out so that it takes no longer than it may.

Seeds go first, down to LEAST_SEEDS, since fewer say little about the spread; then steps, of all
arms alike. What was trimmed is said; nothing is left out without a word.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symgen.errors import UserError, shown
from symgen.study.arm import Arm
from symgen.study.matrix import Matrix, Row

LEAST_SEEDS = 3
"""Fewest seeds that a bound on the time leaves."""
UNITS = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True)
class Trimmed:
    """A study that fits.

    Args:
        matrix: with fewer seeds or steps.
        lines: what was trimmed, and what not; nothing where the study fitted.
    """

    matrix: Matrix
    lines: tuple[str, ...] = ()


def seconds_of(text: str) -> float:
    """A time such as "30min", "1h30min" or "90s" in seconds.

    Raises:
        UserError: it is none.

    >>> seconds_of("1h30min"), seconds_of("0.5h"), seconds_of("90 s")
    (5400.0, 1800.0, 90.0)
    """
    plain = text.replace(" ", "")
    if not re.fullmatch(r"(\d+(\.\d+)?(h|min|m|s))+", plain):
        raise UserError("mistyped", f"{shown(text)} is no time", "write 30min, 1h30min or 90s")
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|min|m|s)", plain)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def seconds_of_training(rows: Sequence[Row], seeds: int, jobs: int) -> float | None:
    """How long so many seeds of every arm train, `jobs` at a time; None where an arm was not timed.

    Evaluations come on top.
    """
    running = [row for row in rows if row.runs]
    if any(row.seconds is None for row in running):
        return None
    alone = [row.steps * (row.seconds or 0.0) for row in running]
    # runs are not cut in two, so that no study is over before its longest run
    return max([seeds * sum(alone) / jobs, *alone])


def trimmed(matrix: Matrix, bound: float, jobs: int) -> Trimmed:
    """The study with as many seeds and steps as a time allows.

    Args:
        matrix: with the time that steps take.
        bound: seconds.
        jobs: runs side by side.

    Raises:
        UserError: an arm was not timed.
    """
    seeds = matrix.study.seeds
    whole = seconds_of_training(matrix.rows, len(seeds), jobs)
    if whole is None:
        hint = "leave --no-probe out, or write --seeds and --set train.steps=... yourself"
        raise UserError("mistyped", "--budget needs the time that a step takes", hint)
    if whole <= bound:
        return Trimmed(matrix)
    lines = [f"{len(seeds)} seeds would take {in_words(whole)}, more than {in_words(bound)}:"]
    fewer = len(seeds)
    while fewer > LEAST_SEEDS and _time(matrix, fewer, jobs) > bound:
        fewer -= 1
    if fewer < len(seeds):
        lines.append(f"  seeds: {len(seeds)} -> {fewer}")
        study = replace(matrix.study, seeds=seeds[:fewer])
        matrix = replace(matrix, study=study)
    left = _time(matrix, fewer, jobs)
    if left > bound:
        share = bound / left
        matrix = _shortened(matrix, share)
        steps = sorted({row.steps for row in matrix.rows if row.runs})
        words = " or ".join(f"{count:,}" for count in steps)
        lines.append(f"  steps: {share:.0%} of what the spec says, {words}")
        lines.append("  arms that are trained for fewer steps may rank otherwise at the end")
    return Trimmed(matrix, tuple(lines))


def _time(matrix: Matrix, seeds: int, jobs: int) -> float:
    return seconds_of_training(matrix.rows, seeds, jobs) or 0.0


def _shortened(matrix: Matrix, share: float) -> Matrix:
    """Every arm with a share of its steps."""

    def shorter(arm: Arm, steps: int) -> Arm:
        return replace(arm, edits={**arm.edits, "train.steps": steps})

    rows = []
    by_name = {}
    for row in matrix.rows:
        if row.runs:
            steps = max(1, math.floor(row.steps * share))
            row = replace(row, steps=steps, arm=shorter(row.arm, steps))
            by_name[row.arm.name] = row.arm
        rows.append(row)
    arms = tuple(by_name[arm.name] for arm in matrix.study.arms)
    return replace(matrix, rows=tuple(rows), study=replace(matrix.study, arms=arms))


def in_words(seconds: float) -> str:
    """A time for people.

    >>> in_words(42), in_words(1800), in_words(5400)
    ('42 s', '30 min', '1 h 30 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
