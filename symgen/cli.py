"""The command line: one verb per pass of the compiler, and train and evaluate.

    symgen check | plan | show | verify | check-env | train | evaluate | explain | schema |
    reference

Exit status: 0 it holds, 1 it does not hold, 2 the spec (or what was typed) is wrong, 130
interrupted. Results go to stdout, mistakes and progress to stderr. Nothing heavy is imported before
a verb needs it: `check` must answer on every save of a spec.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import symgen
from symgen._arguments import AsJson, Device, Edits, Spec, Verbose, again, changes_of, source_of
from symgen._mistakes import DOES_NOT_HOLD, INTERRUPTED, Verbs, mistakes
from symgen._printing import print_json, print_tables, print_trained, terminal

app = typer.Typer(
    name="symgen",
    cls=Verbs,
    help="A declarative symmetry-spec compiler for reinforcement learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The console script."""
    try:
        app()
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has gone, as in `symgen schema | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"symgen {symgen.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    imports: Annotated[
        list[str],
        typer.Option(
            "--import",
            metavar="MODULE",
            help="Import this first, for the environments it registers.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """A declarative symmetry-spec compiler for reinforcement learning."""
    if imports:
        os.environ["SYMGEN_IMPORT"] = ",".join(imports)


# -------------------------------------------------------------------------------------------------
# the verbs


@app.command()
def check(spec: Spec, edits: Edits = [], verbose: Verbose = False, as_json: AsJson = False) -> None:  # noqa: B006
    """Check a spec, without torch and in a blink, and say what was understood."""
    with mistakes(as_json):
        from symgen.compiler import check_spec
        from symgen.semantics import summary

        source, _ = source_of(spec, edits)
        problem = check_spec(source)
        if as_json:
            print_json({"holds": True, "diagnostics": [], **summary.values(problem)})
        else:
            typer.echo(f"{source.name}: ok\n\n{problem}")
        if verbose and not as_json:
            typer.echo(f"\n{summary.moves(problem)}")


@app.command()
def plan(spec: Spec, edits: Edits = [], as_json: AsJson = False) -> None:  # noqa: B006
    """Print the network before it is built: typed steps and their weights."""
    with mistakes(as_json):
        from symgen.compiler import check_spec, plan_spec

        made = plan_spec(check_spec(source_of(spec, edits)[0]))
        if not as_json:
            return typer.echo(str(made))
        steps = [
            {
                "name": step.name,
                "operation": str(step.operation),
                "inputs": list(step.inputs),
                "in_types": [str(each) for each in step.operation.inputs],
                "out_type": str(step.output),
                "constraint": step.operation.bound,
                "weights": step.weights,
            }
            for step in made.steps
        ]
        terms = {name: str(field) for name, field in made.terms.items()}
        print_json({"family": made.family, "weights": made.weights, "terms": terms, "steps": steps})
    return None


@app.command()
def show(
    target: Annotated[
        str, typer.Argument(metavar="SPEC|RUN", help="A spec, or the folder of a run.")
    ],
    edits: Edits = [],  # noqa: B006
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the pictures; by default show/ in the run, or runs/pictures/<spec>."
        ),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(help="Of a run: last, best, or a kept one such as step-4096.")
    ] = "last",
    kind: Annotated[str, typer.Option("--format", help="png, pdf or svg.")] = "png",
    as_json: AsJson = False,
) -> None:
    """Draw a spec: graph, labels, triangles, actions, an observation; of a run, its attention and
    equivariance errors too.
    """
    with mistakes(as_json):
        from symgen.pictures.show import FORMATS, is_run, show_run, show_spec

        if kind not in FORMATS:
            raise typer.BadParameter(
                f"{kind!r} is none of {', '.join(FORMATS)}", param_hint="--format"
            )
        if not is_run(target):
            drawn = show_spec(source_of(target, edits)[0], out, kind)
        elif edits:
            raise typer.BadParameter(
                f"{target} is a run, which keeps its own spec", param_hint="--set"
            )
        else:
            drawn = show_run(Path(target), out, checkpoint, kind)
        print_json(drawn.to_dict()) if as_json else typer.echo(str(drawn))


@app.command()
def verify(
    spec: Spec,
    edits: Edits = [],  # noqa: B006
    dtype: Annotated[str, typer.Option(help="float32, float64 or both.")] = "both",
    seed: Annotated[int, typer.Option(help="Seed of the weights.")] = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Build the network and measure its symmetry, generator by generator."""
    with mistakes(as_json):
        if dtype not in ("float32", "float64", "both"):
            raise typer.BadParameter(
                f"{dtype} is not float32, float64 or both", param_hint="--dtype"
            )
        from dataclasses import replace

        from symgen.compiler import compile_spec

        compiled = compile_spec(source_of(spec, edits)[0], seed=seed, observe=True, device=device)
        measured = compiled.verification
        if measured is None:
            raise AssertionError("compile_spec verifies unless told otherwise")
        measured = replace(
            measured, rows=tuple(row for row in measured.rows if dtype in (row.dtype, "both"))
        )
        if as_json:
            print_json(measured.to_dict())
        else:
            typer.echo(str(measured))
    if not measured.holds:
        raise typer.Exit(DOES_NOT_HOLD)


@app.command("check-env")
def check_env(
    spec: Spec,
    edits: Edits = [],  # noqa: B006
    samples: Annotated[int, typer.Option(min=1, help="States tried per generator.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the states.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask the environment whether the group really is a symmetry of it: step(g.s, g.a) = g.step(s,
    a).
    """
    with mistakes(as_json):
        from symgen.compiler import check_spec
        from symgen.proofs.check_env import check_environment

        report = check_environment(
            check_spec(source_of(spec, edits)[0]), samples=samples, seed=seed
        )
        if as_json:
            print_json(report.to_dict())
        else:
            typer.echo(str(report))
    if not report.holds:
        raise typer.Exit(DOES_NOT_HOLD)


@app.command()
def train(
    spec: Spec,
    edits: Edits = [],  # noqa: B006
    seed: Annotated[
        list[int], typer.Option(min=0, help="Train this seed instead of the spec's; repeatable.")
    ] = [],  # noqa: B006
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
        try:
            with (
                silent()
                if quiet or (as_json and not console.is_terminal)
                else Bars(console) as listen
            ):
                outcomes, wanted = training.train(source, settings, listen, seed or None)
        except training.Unverified as error:
            if as_json:
                print_json({"verification": error.verification.to_dict()})
            typer.echo(
                f"{error.verification}\n\nthe network is not what the spec claims, so it is "
                "not trained",
                err=True,
            )
            raise typer.Exit(DOES_NOT_HOLD) from None
        complete = len(outcomes) == len(wanted) and all(outcome.finished for outcome in outcomes)
        evaluated = None
        if complete and settings.evaluation:
            evaluated = evaluate_runs(wanted, settings.evaluation, stored=True)
        print_trained(outcomes, evaluated, as_json)
        if not complete:
            typer.echo(f"interrupted; go on with: {again()}", err=True)
            raise typer.Exit(INTERRUPTED)


@app.command()
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
    ] = [],  # noqa: B006
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
        found, empty = find_all(folders)
        for folder in empty:
            typer.echo(f"skipped {folder}: it holds no run", err=True)
        for reason in [] if stored else unstorable(found):
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

            check(found[0], settings, video)
        evaluations = [evaluate_runs(group, settings, stored) for group in by_variant(found)]
        for each in evaluations:
            if each.unstored and not stored:
                typer.echo(f"not stored: {each.unstored}", err=True)
        if as_json:
            print_json({"evaluations": [each.to_dict() for each in evaluations]})
        elif markdown:
            typer.echo(table.markdown(evaluations))
            for line in table.misleading(evaluations):
                typer.echo(line, err=True)
        else:
            print_tables(evaluations)
        if video:
            film(found[0], settings, video)
            typer.echo(f"wrote {video}", err=True)


@app.command()
def explain(
    code: Annotated[
        str, typer.Argument(help="An error code, such as unknown-key; without one, all are listed.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Explain an error code: why it is a mistake, a wrong example and a right one."""
    with mistakes(as_json):
        from symgen.errors import CODES, suggestion

        if not code:
            titles = {name: entry.title for name, entry in sorted(CODES.items())}
            width = max(map(len, titles))
            lines = "\n".join(f"{name:<{width}}  {title}" for name, title in titles.items())
            return print_json(titles) if as_json else typer.echo(lines)
        if code not in CODES:
            raise typer.BadParameter(
                f"there is no error code {code!r}; {suggestion(code, CODES, 'codes')}"
            )
        entry = CODES[code]
        return (
            print_json({"code": code, **asdict(entry)})
            if as_json
            else typer.echo(f"{code}: {entry}")
        )


@app.command()
def reference(
    name: Annotated[
        str, typer.Argument(help="A section, such as symmetry or group_mlp; without one, all.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print every option of a spec: what it may be, its default, what it means."""
    with mistakes(as_json):
        from symgen.errors import suggestion
        from symgen.semantics.reference import markdown, sections

        found = {each.title: each for each in sections()}
        if name and name not in found:
            raise typer.BadParameter(
                f"there is no section {name!r}; {suggestion(name, found, 'sections')}"
            )
        if as_json:
            print_json(
                {
                    title: asdict(each)["options"]
                    for title, each in found.items()
                    if name in ("", title)
                }
            )
        else:
            typer.echo(found[name] if name else markdown(), nl=bool(name))


@app.command()
def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of specs, for editors."""
    with mistakes(as_json):
        from symgen.semantics.json_schema import json_schema

        print_json(json_schema())
