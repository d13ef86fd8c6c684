"""The verb that reports on runs: report."""

from pathlib import Path
from typing import Annotated

import typer

from symgen._arguments import AsJson
from symgen._mistakes import mistakes
from symgen._printing import print_json


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders: of a seed, a variant, or a spec."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("report"),
    formats: Annotated[
        str, typer.Option("--format", help="What is written: html, md, csv, pdf, with commas.")
    ] = "html",
    reference: Annotated[
        str, typer.Option(help="The arm that the others are compared with.")
    ] = "base",
    condition: Annotated[
        str, typer.Option(help="The primary condition; by default training's own.")
    ] = "",
    ranges: Annotated[
        list[str],
        typer.Option(
            "--range",
            metavar="SPEC=LOW,HIGH",
            help="The returns of a spec that count as 0 and as 1, for an aggregate over several "
            "specs; one for each.",
        ),
    ] = [],
    as_json: AsJson = False,
) -> None:
    """Report on runs: what was asked, what came out, at what cost; from their folders alone."""
    with mistakes(as_json):
        stated = dict(map(_range, ranges))
        from symgen.report.contents import contents_of
        from symgen.report.write import DRAWN, formats_of, write

        kinds = formats_of(formats)
        drawn = bool(DRAWN.intersection(kinds))
        contents = contents_of(folders, reference, condition, stated, drawn)
        files = write(contents, out, kinds)
        said = [{"kind": said.kind, "text": said.text} for said in contents.sentences]
        if as_json:
            print_json({"sentences": said, "files": files})
            return
        for sentence in said:
            typer.echo(f"{sentence['kind']}: {sentence['text']}")
        for path in files:
            typer.echo(f"wrote {path}", err=True)


def _range(written: str) -> tuple[str, tuple[float, float]]:
    """SPEC=LOW,HIGH."""
    name, _, ends = written.partition("=")
    try:
        low, high = map(float, ends.split(","))
    except ValueError:
        message = f"{written!r} is not SPEC=LOW,HIGH, such as lavacrossing_d4=0,1"
        raise typer.BadParameter(message, param_hint="--range") from None
    return name, (low, high)
