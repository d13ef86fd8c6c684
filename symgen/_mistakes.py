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

HOLDS = 0
DOES_NOT_HOLD = 1
WRONG = 2
INTERRUPTED = 130

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
        try:
            return super().parse_args(ctx, words)
        except _Mistyped as error:
            if option in self._options_of_verbs():
                error.message = (
                    f"{error.message.rstrip('.')}. It stands after the verb, as in "
                    f"symgen check SPEC {option}."
                )
            raise

    def _options_of_verbs(self) -> set[str]:
        parameters = (parameter for verb in self.commands.values() for parameter in verb.params)
        return {name for parameter in parameters for name in parameter.opts}

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> object:
        """See click's `main`."""
        words = sys.argv[1:] if args is None else list(args)
        if "--json" not in words:
            return super().main(args, *rest, **options)
        try:
            status = super().main(args, *rest, **{**options, "standalone_mode": False})
        except _Mistyped as error:
            hint = "the verbs and their options: symgen --help"
            print_mistakes([{"code": "mistyped", "message": error.format_message(), "hint": hint}])
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
    except (SpecError, UserError) as error:
        if not as_json:
            typer.echo(str(error), err=True)
        elif isinstance(error, SpecError):
            print_mistakes([asdict(diagnostic) for diagnostic in error.diagnostics])
        else:
            print_mistakes([{"code": error.code, "message": error.message, "hint": error.hint}])
        raise typer.Exit(WRONG) from None


def print_mistakes(diagnostics: Sequence[dict[str, object]]) -> None:
    """Mistakes as JSON; one outside a spec has the shape of those in a spec, without a place."""
    print_json({"holds": False, "diagnostics": diagnostics})
