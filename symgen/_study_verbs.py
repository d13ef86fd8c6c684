"""The verb that makes a study of a spec: ablate."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symgen._arguments import AsJson, Device, Edits, SpecPath, source_of
from symgen._mistakes import DOES_NOT_HOLD, INTERRUPTED, mistakes
from symgen._printing import print_json, terminal

if TYPE_CHECKING:
    from symgen.study.matrix import Matrix, Tell
    from symgen.study.study import Study


def ablate(
    spec: SpecPath,
    edits: Edits = [],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Compile, verify and print the arms; train none.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="So many seeds of every arm: the spec's first.")
    ] = None,
    budget: Annotated[
        str, typer.Option(help="Trim seeds to three, then steps, to train so long: 30min.")
    ] = "",
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Time a few updates of every arm first.")
    ] = True,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    jobs: Annotated[
        int, typer.Option(min=1, help="Runs trained side by side, one process each.")
    ] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Torch threads of each process.")] = 1,
    device: Device = "cpu",
    episodes: Annotated[
        int, typer.Option(min=0, help="Episodes of the evaluation afterwards; 0: none.")
    ] = 100,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a study of a spec: compile and verify its arms, then train and evaluate each."""
    with mistakes(as_json):
        import torch

        from symgen.experiment.evaluation import EvaluationSettings
        from symgen.experiment.progress import Bars, silent
        from symgen.experiment.train import TrainingSettings
        from symgen.study.engine import run_study
        from symgen.study.study import study_of

        torch.set_num_threads(threads)
        study = study_of(source_of(spec, edits)[0])
        if seeds is not None:
            study = replace(study, seeds=_seeds(study.seeds, seeds))
        hidden = quiet or as_json
        tell = _silent if hidden else _to_stderr
        admitted, lines = _admitted(study, budget, probe, jobs, device, tell)
        if not as_json:
            _print(admitted, lines, jobs)
        if dry_run:
            if as_json:
                print_json({**admitted.to_dict(), "trimmed": lines})
            if not admitted.rows[0].runs:  # there would be nothing to compare with
                raise typer.Exit(DOES_NOT_HOLD)
            return
        settings = TrainingSettings(
            root=runs,
            threads=threads,
            jobs=jobs,
            device=device,
            evaluation=EvaluationSettings(episodes=episodes, device=device) if episodes else None,
        )
        with silent() if hidden else Bars(terminal(stderr=True)) as listen:
            outcomes = run_study(admitted.study, settings, listen)
        if as_json:
            done = [outcome.to_dict() for outcome in outcomes]
            print_json({**admitted.to_dict(), "trimmed": lines, "outcomes": done})
        failed = [outcome for outcome in outcomes if outcome.failure]
        for outcome in failed:
            typer.echo(f"{outcome.arm.name} failed: {outcome.failure}", err=True)
        if len(outcomes) < len(admitted.study.arms) or not all(
            outcome.finished for outcome in outcomes if not outcome.failure
        ):
            typer.echo("interrupted; the same command goes on", err=True)
            raise typer.Exit(INTERRUPTED)
        if failed:
            raise typer.Exit(DOES_NOT_HOLD)


def _seeds(said: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The first of the seeds that are said, and further ones where there are fewer."""
    unused = (seed for seed in itertools.count() if seed not in said)
    return (*said, *itertools.islice(unused, max(0, count - len(said))))[:count]


def _admitted(
    study: "Study", budget: str, probe: bool, jobs: int, device: str, tell: "Tell"
) -> tuple["Matrix", list[str]]:
    """The arms that run, within the budget, and what was trimmed for it."""
    from symgen.study.budget import seconds_of, trimmed
    from symgen.study.matrix import matrix
    from symgen.study.probe import probed

    bound = seconds_of(budget) if budget else None
    compiled = matrix(study, lambda name: tell(f"compiling {name}"))
    if probe and study.problem.spec.train is not None:
        compiled = probed(compiled, device, lambda name: tell(f"timing {name}"))
    if bound is None:
        return compiled, []
    fitting = trimmed(compiled, bound, jobs)
    return fitting.matrix, list(fitting.lines)


def _print(matrix: "Matrix", trimmed: list[str], jobs: int) -> None:
    from symgen.study.table import beside, table

    terminal().print(table(matrix))
    for line in [*beside(matrix, jobs), *trimmed]:
        typer.echo(line)


def _to_stderr(text: str) -> None:
    typer.echo(text, err=True)


def _silent(text: str) -> None:
    """Say nothing."""
