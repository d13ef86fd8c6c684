"""The verbs that tell about symgen itself: explain, reference, schema."""

from dataclasses import asdict
from typing import Annotated

import typer

from symgen._arguments import AsJson
from symgen._mistakes import mistakes
from symgen._printing import print_json


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
            if as_json:
                print_json(titles)
            else:
                typer.echo("\n".join(f"{name:<{width}}  {title}" for name, title in titles.items()))
            return
        if code not in CODES:
            near = suggestion(code, CODES, "codes")
            raise typer.BadParameter(f"there is no error code {code!r}; {near}")
        if as_json:
            print_json({"code": code, **asdict(CODES[code])})
        else:
            typer.echo(f"{code}: {CODES[code]}")


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

        by_title = {section.title: section for section in sections()}
        if name and name not in by_title:
            near = suggestion(name, by_title, "sections")
            raise typer.BadParameter(f"there is no section {name!r}; {near}")
        titles = [name] if name else list(by_title)
        if as_json:
            print_json({title: asdict(by_title[title])["options"] for title in titles})
        else:
            typer.echo(by_title[name] if name else markdown(), nl=bool(name))


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of specs, for editors."""
    with mistakes(as_json):
        from symgen.semantics.json_schema import json_schema

        print_json(json_schema())
