"""The matrix of a study as a table for a terminal, and what is to be said beside it."""

from rich.table import Table

from symgen.study.budget import in_words, seconds_of_training
from symgen.study.matrix import Matrix, Row

LONGEST = 60
"""Characters of a reason in the table; the whole of it stands below."""


def table(matrix: Matrix) -> Table:
    """A row per arm; those that do not run have their reason in place of numbers."""
    study = matrix.study
    which = "suggested by the spec" if study.suggested else "of its ablate: section"
    seeds = len(study.seeds)
    title = f"{study.source.name}, {which}: {len(study.arms)} arms x {seeds} seeds, same "
    made = Table(title=title + study.hold, title_justify="left")
    made.add_column("arm", no_wrap=True)
    for name in ("group", "constraint"):
        made.add_column(name)
    timed = any(row.seconds is not None for row in matrix.rows)
    for name in ("weights", "FLOPs", *(("us/step", "time") if timed else ())):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("verification, or why it does not run")
    for row in matrix.rows:
        made.add_row(*_cells(row, seeds, timed))
    return made


def _cells(row: Row, seeds: int, timed: bool) -> list[str]:
    numbers = [_count(row.weights), _count(row.flops)]
    if timed:
        seconds = row.seconds
        numbers += ["-", "-"]
        if seconds is not None:
            numbers[2:] = [f"{seconds * 1e6:,.0f}", in_words(seeds * row.steps * seconds)]
    name = f"{row.arm.name} (control)" if row.arm.control else row.arm.name
    return [name, row.group or "-", row.constraint or "-", *numbers, _state(row)]


def _state(row: Row) -> str:
    if row.refusal is not None:
        text = f"does not run: {row.refusal.code}"
    elif row.same_as:
        text = f"not run twice: the same as {row.same_as}"
    else:
        text = row.verification
    return text


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def beside(matrix: Matrix, jobs: int) -> list[str]:
    """What the table has no room for: what every arm is, why some do not run, how long it takes."""
    lines = []
    width = max(len(row.arm.name) for row in matrix.rows)
    for row in matrix.rows:
        lines.append(f"{row.arm.name:<{width}}  {row.arm.label}")
        indent = " " * (width + 2)
        if row.arm.control:
            lines.append(f"{indent}control: {row.arm.control}")
        lines += [f"{indent}{note}" for note in row.notes]
        if row.refusal is not None:
            lines.append(f"{indent}does not run: {row.refusal}")
            if row.refusal.hint:
                lines.append(f"{indent}  help: {row.refusal.hint}")
    lines += [f"note: {note}" for note in matrix.study.notes]
    seconds = seconds_of_training(matrix.rows, len(matrix.study.seeds), jobs)
    if seconds is not None:
        side = f", {jobs} side by side" if jobs > 1 else ""
        lines.append(f"about {in_words(seconds)} of training{side}; evaluations come on top")
    return lines
