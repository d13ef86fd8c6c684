"""What the command line prints: JSON for machines, tables and sentences for people. Nothing heavy
at import.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from symgen.experiment.evaluation import Evaluation
    from symgen.experiment.train import SeedOutcome


def print_trained(outcomes: list[SeedOutcome], evaluated: Evaluation | None, as_json: bool) -> None:
    """Say what came of a training."""
    if as_json:
        result: dict[str, Any] = {"runs": [outcome.to_dict() for outcome in outcomes]}
        return print_json({**result, "evaluation": evaluated and evaluated.to_dict()})
    for outcome in outcomes:
        done = (
            "finished" if outcome.finished else f"saved at step {outcome.step} of {outcome.steps}"
        )
        typer.echo(f"{outcome.run.folder}: {done}, {outcome.seconds:.0f} s of training")
    if evaluated:
        print_tables([evaluated])
    return None


def print_tables(evaluations: list[Evaluation]) -> None:
    """The tables of some evaluations, and one that compares them."""
    from symgen.pictures import table

    console = terminal()
    for each in evaluations:
        console.print(table.detail(each))
        if each.symmetry_breaking is not None:
            console.print(str(each.symmetry_breaking), highlight=False, soft_wrap=True)
        if each.sampled is not None:
            console.print(table.sampled(each), highlight=False, soft_wrap=True)
    if len(evaluations) > 1:
        console.print(table.comparison(evaluations))
    typer.echo(table.caption(evaluations))


def print_json(values: Any) -> None:
    """Values as indented JSON."""
    from symgen.experiment.files import plain

    typer.echo(json.dumps(plain(values), indent=2, allow_nan=False))


def terminal(stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for a table where there is none."""
    from rich.console import Console

    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=160)
