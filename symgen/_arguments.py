"""What is typed after a verb: the arguments that verbs share, and what they stand for. Nothing
heavy at import.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pydantic import JsonValue

    from symgen.spec.source import Source

SpecPath = Annotated[
    str, typer.Argument(metavar="SPEC", help="A spec, such as specs/gridworld/rotations_c4.yaml.")
]
Edits = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the spec, such as network.width=32, or leave a condition out: "
        "evaluate.windy=null; repeatable.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="DEVICE", help="Where networks compute: cpu, cuda, cuda:1, mps, or auto (the best)."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also show how each generator moves everything.")
]


def source_of(
    spec: str, edits: list[str], more: Mapping[str, JsonValue] = MappingProxyType({})
) -> tuple[Source, dict[str, JsonValue]]:
    """The spec with its `--set` edits and with `more`, from options of their own; and the edits."""
    from symgen.spec.edit import edit
    from symgen.spec.source import read

    changes = changes_of(edits)
    source = read(spec)
    return (edit(source, {**changes, **more}) if changes or more else source), changes


def changes_of(edits: list[str]) -> dict[str, JsonValue]:
    """The `--set` edits as values by path; a value is YAML."""
    from symgen.spec.source import from_text

    changes = {}
    for written in edits:
        path, equals, value = written.partition("=")
        if not equals:
            message = f"{written!r} is not PATH=VALUE, such as network.width=32"
            raise typer.BadParameter(message, param_hint="--set")
        path = path.strip()
        changes[path] = from_text(f"value: {value}", f"--set {path}").values["value"]
    return changes


def imports_first(words: list[str]) -> list[str]:
    """What was typed, `--import MODULE` before the verb wherever it was typed.

    >>> imports_first(["check", "my.yaml", "--import", "my_envs"])
    ['--import', 'my_envs', 'check', 'my.yaml']
    """
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == "--import":
            module = next(waiting, "")
            if not module or module.startswith("-"):
                message = "it needs the name of a module, such as my_envs"
                raise typer.BadParameter(message, param_hint="--import")
            first += [word, module]
        elif word.startswith("--import="):
            first.append(word)
        else:
            rest.append(word)
    return first + rest


def again() -> str:
    """The command that was typed, with --resume."""
    import shlex

    words = [word for word in sys.argv[1:] if word not in ("--resume", "--force")]
    return shlex.join(["symgen", *words, "--resume"])
