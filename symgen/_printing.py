"""What the command line prints: JSON for machines, tables and sentences for people. Nothing heavy
at import.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from symgen.experiment.evaluation import Evaluation
    from symgen.experiment.train import SeedOutcome


def print_trained(outcomes: list[SeedOutcome], evaluated: Evaluation | None, as_json: bool) -> None:
    """Say what came of a training."""
    if as_json:
        runs = [outcome.to_dict() for outcome in outcomes]
        print_json({"runs": runs, "evaluation": evaluated and evaluated.to_dict()})
        return
    for outcome in outcomes:
        state = f"saved at step {outcome.step} of {outcome.steps}"
        if outcome.finished:
            state = "finished"
        typer.echo(f"{outcome.run.folder}: {state}, {outcome.seconds:.0f} s of training")
    if evaluated:
        print_tables([evaluated])


def print_tables(evaluations: list[Evaluation]) -> None:
    """The tables of some evaluations, and one that compares them."""
    from symgen.pictures import table

    console = terminal()
    for evaluation in evaluations:
        console.print(table.detail(evaluation))
        if evaluation.symmetry_breaking is not None:
            console.print(str(evaluation.symmetry_breaking), highlight=False, soft_wrap=True)
        if evaluation.sampled is not None:
            console.print(table.sampled(evaluation), highlight=False, soft_wrap=True)
    if len(evaluations) > 1:
        print_comparison(evaluations)
    else:
        typer.echo(table.caption(evaluations))


def print_comparison(evaluations: list[Evaluation]) -> None:
    """A row per variant, and what the numbers are."""
    from symgen.pictures import table

    terminal().print(table.comparison(evaluations))
    typer.echo(table.caption(evaluations))


def print_json(values: object) -> None:
    """Values as indented JSON."""
    from symgen.experiment.files import plain

    typer.echo(json.dumps(plain(values), indent=2, allow_nan=False))


def terminal(stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for a table where there is none."""
    from rich.console import Console

    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=160)
