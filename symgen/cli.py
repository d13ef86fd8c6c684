"""The command line: one verb per pass of the compiler, and train, evaluate, ablate and report.

    symgen check | plan | show | verify | check-env | train | evaluate | ablate | report |
    explain | schema | reference

Exit status: 0 it holds, 1 it does not hold, 2 the spec (or what was typed) is wrong, 130
interrupted. Results go to stdout, mistakes and progress to stderr. Nothing heavy is imported before
a verb needs it: `check` must answer on every save of a spec.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import symgen
from symgen import _help_verbs, _report_verbs, _run_verbs, _spec_verbs, _study_verbs
from symgen._mistakes import Verbs

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
    ] = [],
) -> None:
    """A declarative symmetry-spec compiler for reinforcement learning."""
    if imports:
        os.environ["SYMGEN_IMPORT"] = ",".join(imports)


app.command()(_spec_verbs.check)
app.command()(_spec_verbs.plan)
app.command()(_spec_verbs.show)
app.command()(_spec_verbs.verify)
app.command("check-env")(_spec_verbs.check_env)
app.command()(_run_verbs.train)
app.command()(_run_verbs.evaluate)
app.command()(_study_verbs.ablate)
app.command()(_report_verbs.report)
app.command()(_help_verbs.explain)
app.command()(_help_verbs.reference)
app.command()(_help_verbs.schema)
