"""The verbs that take a spec: check, plan, show, verify, check-env.

What is heavy is imported when a verb is run: `check` must answer on every save of a spec.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symgen._arguments import AsJson, Device, Edits, SpecPath, Verbose, source_of
from symgen._mistakes import DOES_NOT_HOLD, mistakes
from symgen._printing import print_json

if TYPE_CHECKING:
    from symgen.spec.source import Source


def check(
    spec: SpecPath, edits: Edits = [], verbose: Verbose = False, as_json: AsJson = False
) -> None:
    """Check a spec, without torch and in a blink, and say what was understood."""
    with mistakes(as_json):
        from symgen.compiler import check_spec
        from symgen.semantics import summary
        from symgen.semantics.teacher import check_teacher

        source, _ = source_of(spec, edits)
        problem = check_teacher(check_spec(source))
        arms = _arms(source) if problem.spec.ablate is not None else []
        if as_json:
            varied = {"arms": arms} if arms else {}
            print_json({"holds": True, "diagnostics": [], **summary.values(problem), **varied})
        else:
            typer.echo(f"{source.name}: ok\n\n{problem}")
            for arm in arms:
                typer.echo(f"  {arm['name']}: {arm['refusal'] or 'ok'}")
        if verbose and not as_json:
            typer.echo(f"\n{summary.moves(problem)}")


def _arms(source: "Source") -> list[dict[str, str]]:
    """The arms of a study, each with what is wrong with it: no mistake of the spec, for they are
    left out of the study.
    """
    from symgen.compiler import check_spec
    from symgen.errors import SpecError
    from symgen.study.study import study_of

    study = study_of(source)
    told = []
    for arm in study.arms:
        refusal = ""
        try:
            check_spec(arm.source(study.source))
        except SpecError as error:
            first = error.diagnostics[0]
            refusal = f"does not check, error[{first.code}]: {first.message}"
        told.append({"name": arm.name, "refusal": refusal})
    return told


def plan(spec: SpecPath, edits: Edits = [], as_json: AsJson = False) -> None:
    """Print the network before it is built: typed steps and their weights."""
    with mistakes(as_json):
        from symgen.compiler import check_spec, plan_spec

        planned = plan_spec(check_spec(source_of(spec, edits)[0]))
        if not as_json:
            typer.echo(str(planned))
            return
        steps = [
            {
                "name": step.name,
                "operation": str(step.operation),
                "inputs": list(step.inputs),
                "in_types": [str(field) for field in step.operation.inputs],
                "out_type": str(step.operation.output),
                "constraint": step.operation.bound,
                "weights": step.weights,
                "training_only": step in planned.training_steps,
            }
            for step in planned.steps
        ]
        terms = {name: str(field) for name, field in planned.terms.items()}
        totals = {
            "family": planned.family,
            "weights": planned.weights,
            "training_weights": planned.training_weights,
        }
        print_json({**totals, "terms": terms, "steps": steps})


def show(
    target: Annotated[
        str, typer.Argument(metavar="SPEC|RUN", help="A spec, or the folder of a run.")
    ],
    edits: Edits = [],
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
    """Draw a spec: graph, labels, triangles, actions, an observation; of a run, its attention (of
    sensors: their slots and memories) and equivariance errors too.
    """
    with mistakes(as_json):
        from symgen.pictures.show import FORMATS, is_run, show_run, show_spec

        if kind not in FORMATS:
            message = f"{kind!r} is none of {', '.join(FORMATS)}"
            raise typer.BadParameter(message, param_hint="--format")
        if not is_run(target):
            drawn = show_spec(source_of(target, edits)[0], out, kind)
        elif edits:
            message = f"{target} is a run, which keeps its own spec"
            raise typer.BadParameter(message, param_hint="--set")
        else:
            drawn = show_run(Path(target), out, checkpoint, kind)
        if as_json:
            print_json(drawn.to_dict())
        else:
            typer.echo(str(drawn))


def verify(
    spec: SpecPath,
    edits: Edits = [],
    dtype: Annotated[str, typer.Option(help="float32, float64 or both.")] = "both",
    seed: Annotated[int, typer.Option(help="Seed of the weights.")] = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Build the network and measure its symmetry, generator by generator."""
    with mistakes(as_json):
        if dtype not in ("float32", "float64", "both"):
            message = f"{dtype} is not float32, float64 or both"
            raise typer.BadParameter(message, param_hint="--dtype")
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


def check_env(
    spec: SpecPath,
    edits: Edits = [],
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
