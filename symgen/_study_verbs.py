"""The verb that makes a study of a spec: ablate."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symgen._arguments import AsJson, Device, Edits, SpecPath, source_of
from symgen._mistakes import DOES_NOT_HOLD, INTERRUPTED, mistakes
from symgen._printing import print_comparison, print_json, terminal

if TYPE_CHECKING:
    from symgen.experiment.train import TrainingSettings
    from symgen.study.decided import Decided
    from symgen.study.engine import ArmOutcome
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
    until: Annotated[
        str,
        typer.Option(
            metavar="decided",
            help="Add the same number of seeds again and again, until every arm is told from the "
            "spec itself or --max-seeds are trained.",
        ),
    ] = "",
    max_seeds: Annotated[
        int, typer.Option(min=1, help="With --until decided: so many seeds of an arm at most.")
    ] = 20,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    jobs: Annotated[
        int, typer.Option(min=1, help="Runs trained side by side, each in a process of its own.")
    ] = 1,
    ray: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Train on a Ray cluster whose nodes share the folder of runs: host:port, auto, or "
            "local for one on this machine.",
        ),
    ] = "",
    slurm: Annotated[
        list[str],
        typer.Option(
            metavar="OPTION=VALUE",
            help="Submit the unfinished runs as a SLURM array, with submitit's options such as "
            "timeout_min=60 or slurm_partition=gpu; repeatable.",
        ),
    ] = [],
    threads: Annotated[int, typer.Option(min=1, help="Torch threads of each process.")] = 1,
    device: Device = "cpu",
    episodes: Annotated[
        int, typer.Option(min=0, help="Episodes of the evaluation afterwards; 0: none.")
    ] = 100,
    save_every: Annotated[
        float, typer.Option(min=0, help="Seconds between checkpoints; 0: each update.")
    ] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a study of a spec: compile and verify its arms, then train and evaluate each."""
    with mistakes(as_json):
        _check_options(until, ray, slurm)
        import torch

        from symgen.experiment.evaluation import EvaluationSettings
        from symgen.experiment.fit import Saving
        from symgen.experiment.train import TrainingSettings
        from symgen.study.decided import seeds_of
        from symgen.study.engine import announced, summarise
        from symgen.study.study import study_of

        torch.set_num_threads(threads)
        study = study_of(source_of(spec, edits)[0])
        if seeds is not None:
            study = replace(study, seeds=seeds_of(study.seeds, seeds))
        hidden = quiet or as_json
        settings = TrainingSettings(
            root=runs,
            saving=Saving(save_every),
            threads=threads,
            jobs=jobs,
            device=device,
            evaluation=EvaluationSettings(episodes=episodes, device=device) if episodes else None,
        )
        tell = _silent if hidden else _to_stderr
        admitted, lines = _admitted(study, budget, probe, settings, tell)
        if not as_json:
            _print(admitted, lines, jobs)
        if dry_run:
            if as_json:
                print_json({**admitted.to_dict(), "trimmed": lines})
            if not admitted.rows[0].runs:  # there would be nothing to compare with
                raise typer.Exit(DOES_NOT_HOLD)
            return
        for line in announced(admitted.study, settings):
            typer.echo(line, err=True)
        if slurm and _submitted(admitted.study, settings, slurm, as_json):
            return
        decided = _trained(admitted.study, settings, max_seeds if until else None, ray, hidden)
        evaluations = summarise(decided.outcomes, settings)
        if as_json:
            done = [outcome.to_dict() for outcome in decided.outcomes]
            values = {**admitted.to_dict(), "trimmed": lines, "outcomes": done}
            print_json({**values, "decided": decided.to_dict()} if until else values)
        else:
            if evaluations:
                print_comparison(evaluations)
            for line in decided.lines():
                typer.echo(line)
        _end(decided.outcomes)


def _check_options(until: str, ray: str, slurm: list[str]) -> None:
    if until not in ("", "decided"):
        raise typer.BadParameter("it can be decided, and nothing else", param_hint="--until")
    if slurm and (ray or until):
        raise typer.BadParameter(
            "it submits and returns; it goes with neither --ray nor --until", param_hint="--slurm"
        )
    for option in slurm:
        if "=" not in option:
            raise typer.BadParameter("write OPTION=VALUE", param_hint="--slurm")


def _trained(
    study: "Study", settings: "TrainingSettings", max_seeds: int | None, ray: str, hidden: bool
) -> "Decided":
    """Run a study here or on a cluster, all its seeds or batch by batch."""
    from symgen.study.decided import Decided, run_until_decided
    from symgen.study.engine import Execute, run_study
    from symgen.study.progress import lines, silent

    execute: Execute | None = None
    if ray:
        from symgen.study.ray import cluster

        execute = partial(cluster, ray, settings.threads)
    with silent() if hidden else lines(terminal(stderr=True)) as watch:
        if max_seeds is not None:
            return run_until_decided(study, settings, watch, max_seeds, execute)
        return Decided(tuple(run_study(study, settings, watch, execute)), None, {})


def _submitted(
    study: "Study", settings: "TrainingSettings", slurm: list[str], as_json: bool
) -> bool:
    """Submit what is unfinished; False where nothing is."""
    from symgen.experiment.variant import stem
    from symgen.study.engine import tasks_of
    from symgen.study.slurm import submit

    options = dict(option.split("=", 1) for option in slurm)
    tasks, failures = tasks_of(study, settings)
    jobs = submit(tasks, settings.root / stem(study.source.name) / ".slurm", options)
    if not jobs:
        return False
    if as_json:
        print_json({"submitted": [job.job_id for job in jobs], "failures": failures})
    else:
        typer.echo(
            f"submitted {len(jobs)} of {len(tasks)} runs, jobs {jobs[0].job_id} to "
            f"{jobs[-1].job_id}; the same command submits what is unfinished then, and ends the "
            "study when nothing is"
        )
    return True


def _end(outcomes: Sequence["ArmOutcome"]) -> None:
    """Say what failed, and leave with the status."""
    for outcome in outcomes:
        for label, why in outcome.failures.items():
            typer.echo(f"{label} failed: {why}", err=True)
    if any(outcome.is_interrupted for outcome in outcomes):
        typer.echo("interrupted; the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED)
    if any(outcome.failures for outcome in outcomes):
        raise typer.Exit(DOES_NOT_HOLD)


def _admitted(
    study: "Study", budget: str, probe: bool, settings: "TrainingSettings", tell: "Tell"
) -> tuple["Matrix", list[str]]:
    """The arms that run, within the budget, and what was trimmed for it."""
    from symgen.study.begun import begun
    from symgen.study.budget import seconds_of, trimmed
    from symgen.study.matrix import matrix
    from symgen.study.probe import probed

    bound = seconds_of(budget) if budget else None
    compiled = matrix(study, lambda name: tell(f"compiling {name}"))
    before = begun(compiled, settings.root) if budget else None
    if before is not None:
        return before.applied(compiled), [f"begun before, and gone on with as then: {before}"]
    if probe and study.problem.spec.train is not None:
        compiled = probed(compiled, settings.device, lambda name: tell(f"timing {name}"))
    if bound is None:
        return compiled, []
    fitting = trimmed(compiled, bound, settings.jobs)
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
