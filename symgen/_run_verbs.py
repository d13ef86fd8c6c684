"""The verbs that make and judge runs: train, evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from symgen._arguments import AsJson, Device, Edits, SpecPath, again, changes_of, source_of
from symgen._mistakes import DOES_NOT_HOLD, INTERRUPTED, mistakes
from symgen._printing import print_json, print_tables, print_trained, terminal


def train(
    spec: SpecPath,
    edits: Edits = [],
    seed: Annotated[
        list[int], typer.Option(min=0, help="Train this seed instead of the spec's; repeatable.")
    ] = [],
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    variant: Annotated[
        str, typer.Option(help="Name of the variant; by default it is made of the --set edits.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with runs that were interrupted.")
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="With --resume: train runs, finished ones too, up to this step instead."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Delete runs that are in the way.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=1, help="Seeds trained side by side, one process each.")
    ] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Torch threads of each process.")] = 1,
    device: Device = "cpu",
    save_every: Annotated[
        float, typer.Option(min=0, help="Seconds between checkpoints; 0: each update.")
    ] = 30.0,
    keep_every: Annotated[
        int, typer.Option(min=0, help="Keep a checkpoint every so many updates; 0: none.")
    ] = 0,
    episodes: Annotated[
        int, typer.Option(min=0, help="Episodes of the evaluation afterwards; 0: none.")
    ] = 100,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a spec for its seeds, evaluate it, and write runs/<spec>/<variant>/<seed>/."""
    with mistakes(as_json):
        if force and resume:
            raise typer.BadParameter("--force deletes what --resume would go on with; choose one")
        if steps is not None and not resume:
            raise typer.BadParameter(
                "it goes with --resume; else write --set train.steps=...", param_hint="--steps"
            )
        source, changes = source_of(spec, edits, {} if steps is None else {"train.steps": steps})
        from symgen.experiment import train as training
        from symgen.experiment.evaluate import evaluate_runs
        from symgen.experiment.evaluation import EvaluationSettings
        from symgen.experiment.fit import Saving
        from symgen.experiment.progress import Bars, silent
        from symgen.experiment.variant import variant as variant_of

        settings = training.TrainingSettings(
            root=runs,
            variant=variant or variant_of(changes),
            resume=resume,
            force=force,
            saving=Saving(save_every, keep_every or None),
            threads=threads,
            jobs=jobs,
            device=device,
            evaluation=EvaluationSettings(episodes=episodes, device=device) if episodes else None,
        )
        console = terminal(stderr=True)
        for line in training.announcements(source, settings, seed or None):
            typer.echo(line, err=True)
        hidden = quiet or (as_json and not console.is_terminal)
        try:
            with silent() if hidden else Bars(console) as listen:
                outcomes, wanted = training.train(source, settings, listen, seed or None)
        except training.Unverified as error:
            if as_json:
                print_json({"verification": error.verification.to_dict()})
            typer.echo(f"{error.verification}\n", err=True)
            typer.echo("the network is not what the spec claims, so it is not trained", err=True)
            raise typer.Exit(DOES_NOT_HOLD) from None
        complete = len(outcomes) == len(wanted) and all(outcome.finished for outcome in outcomes)
        evaluated = None
        if complete and settings.evaluation:
            evaluated = evaluate_runs(wanted, settings.evaluation, stored=True)
        print_trained(outcomes, evaluated, as_json)
        if not complete:
            typer.echo(f"interrupted; go on with: {again()}", err=True)
            raise typer.Exit(INTERRUPTED)


def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders: of a seed, a variant, or a spec."),
    ],
    edits: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Play training's condition and this one: evaluate.windy.observation_noise=0.2, or "
            "environment.kwargs.gravity=5; repeatable.",
        ),
    ] = [],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes per condition and seed.")] = 100,
    sample: Annotated[
        bool, typer.Option("--sample", help="Draw actions instead of taking the most probable.")
    ] = False,
    checkpoint: Annotated[
        str, typer.Option(help="last, best, or a kept one such as step-4096.")
    ] = "last",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the environments.")] = 1_000_000,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Show what is stored of the same options; play nothing."),
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Torch threads.")] = 1,
    device: Device = "cpu",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the comparison as Markdown.")
    ] = False,
    video: Annotated[
        Path | None, typer.Option(help="Write an episode of each condition to this .mp4 or .gif.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate trained runs under the conditions of their specs; several variants are compared."""
    with mistakes(as_json):
        import torch

        from symgen.experiment.evaluate import evaluate_runs
        from symgen.experiment.evaluation import EvaluationSettings
        from symgen.experiment.run import by_variant, find_all
        from symgen.experiment.stored import unstorable
        from symgen.nn.device import chosen
        from symgen.pictures import table

        torch.set_num_threads(threads)
        chosen(device)
        runs, empty = find_all(folders)
        for folder in empty:
            typer.echo(f"skipped {folder}: it holds no run", err=True)
        for reason in [] if stored else unstorable(runs):
            typer.echo(f"the evaluation will be printed, not stored: {reason}", err=True)
        settings = EvaluationSettings(
            episodes=episodes,
            sample=sample,
            checkpoint=checkpoint,
            seed=seed,
            changes=changes_of(edits),
            device=device,
        )
        if video:
            from symgen.pictures.video import check, film

            check(runs[0], settings, video)
        evaluations = [evaluate_runs(group, settings, stored) for group in by_variant(runs)]
        for evaluation in evaluations:
            if evaluation.unstored and not stored:
                typer.echo(f"not stored: {evaluation.unstored}", err=True)
        if as_json:
            print_json({"evaluations": [evaluation.to_dict() for evaluation in evaluations]})
        elif markdown:
            typer.echo(table.markdown(evaluations))
            for line in table.misleading(evaluations):
                typer.echo(line, err=True)
        else:
            print_tables(evaluations)
        if video:
            film(runs[0], settings, video)
            typer.echo(f"wrote {video}", err=True)
