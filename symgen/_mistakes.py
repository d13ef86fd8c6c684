"""How the command line ends when something was wrong: the exit statuses, and every mistake as text
or as JSON.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import typer
from typer.core import TyperGroup

from symgen._arguments import imports_first
from symgen._printing import print_json

HOLDS, DOES_NOT_HOLD, WRONG, INTERRUPTED = 0, 1, 2, 130

# What typer raises for words it cannot make sense of; it has no public name for it.
_Mistyped: Any = typer.BadParameter.__mro__[1]


class Verbs(TyperGroup):
    """The verbs. With --json a command that was mistyped is answered in JSON too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click's `parse_args`; an option of a verb that stands before it is told where it
        belongs.
        """
        words = imports_first(args)
        option = words[0].partition("=")[0] if words else ""
        parse: Any = super().parse_args
        try:
            return parse(ctx, words)
        except _Mistyped as error:
            if option in {
                name
                for verb in self.commands.values()
                for each in verb.params
                for name in each.opts
            }:
                error.message = (
                    f"{error.message.rstrip('.')}. It stands after the verb, as in "
                    f"symgen check SPEC {option}."
                )
            raise

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """See click's `main`."""
        words = sys.argv[1:] if args is None else list(args)
        run: Any = super().main
        if "--json" not in words:
            return run(args, *rest, **options)
        try:
            status = run(args, *rest, **{**options, "standalone_mode": False})
        except _Mistyped as error:
            print_diagnostic(
                "mistyped", error.format_message(), "the verbs and their options: symgen --help"
            )
            sys.exit(WRONG)
        sys.exit(status or HOLDS)


@contextlib.contextmanager
def mistakes(as_json: bool) -> Iterator[None]:
    """Print a user's mistakes and exit with status 2; anything else is a bug and keeps its
    traceback.
    """
    from symgen.errors import SpecError, UserError

    try:
        yield
    except SpecError as error:
        if as_json:
            print_json(
                {"holds": False, "diagnostics": [asdict(each) for each in error.diagnostics]}
            )
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(WRONG) from None
    except UserError as error:
        if as_json:
            print_diagnostic(error.code, error.message, error.hint)
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(WRONG) from None


def print_diagnostic(code: str, message: str, hint: str) -> None:
    """A mistake outside a spec as JSON, in the shape in which those of a spec are printed."""
    print_json({"holds": False, "diagnostics": [{"code": code, "message": message, "hint": hint}]})
