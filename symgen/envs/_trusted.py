"""Modules with environments of the user's own: those that `symgen --import` was given."""

import importlib
import os
import sys
import traceback
from pathlib import Path

from symgen.errors import UserError

TRUSTED = "SYMGEN_IMPORT"
"""Environment variable: modules to import before an environment is made, with commas between."""
OWN = (
    "an environment of your own is known by the module that registers it: symgen --import MODULE "
    "(in Python: import it)"
)


def trusted() -> list[str]:
    """The modules that were named on the command line."""
    return [name for name in os.environ.get(TRUSTED, "").split(",") if name]


def import_trusted() -> None:
    """Import the modules that are trusted.

    The environment variable reaches the processes that are started on the way too. Modules are
    looked for in the working folder first. Only the person at the command line can name one, a spec
    cannot.

    Raises:
        UserError: there is no such module, or it fails.
    """
    for name in trusted():
        if name in sys.modules:
            continue
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as cause:  # it is other people's code
            raise _failed(name, cause) from cause


def _failed(name: str, cause: BaseException) -> UserError:
    places = _places(cause)
    where = f" at {places[-1]}" if places else ""
    if len(places) > 1:
        where += f" (which {places[0]} led to)"
    message = f"--import {name} failed{where}: {type(cause).__name__}: {cause}"
    if places:
        return UserError(
            "import-failed", message, f"mend it; the whole story: python -c 'import {name}'"
        )
    hint = (
        "give the dotted name of a module, as in Python; it is looked for in the working folder "
        "first"
    )
    if name.endswith(".py"):
        hint = f"write --import {name.removesuffix('.py').replace('/', '.')}"
    return UserError("import-failed", message, hint)


def _places(cause: BaseException) -> list[str]:
    """Where importing entered the user's code and where it failed, as file:line; none where it
    found no code.
    """
    frames = traceback.extract_tb(cause.__traceback__)
    ours = (__file__, importlib.__file__)
    places = [
        (frame.filename, frame.lineno)
        for frame in frames
        if frame.filename not in ours and not frame.filename.startswith("<")
    ]
    if isinstance(cause, SyntaxError) and cause.filename:
        places.append((cause.filename, cause.lineno))
    ends = dict.fromkeys([places[0], places[-1]]) if places else {}
    return [f"{_short(file)}:{line}" for file, line in ends]


def _short(file: str) -> str:
    """A path as one would type it in the working folder."""
    path = Path(file)
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
