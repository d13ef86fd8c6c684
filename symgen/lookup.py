"""The keyword in a spec is the name of a file: adapters in envs, families in families, algorithms
in rl.

A file is a keyword when its name does not begin with "_" and it has `Options`, its own class or one
it imports. The folders are listed without importing anything; a module is imported when a spec
names it. An algorithm needs torch and its Options do not: they stand in
`symgen/rl/_<keyword>_options.py`, so that a spec is checked without torch, and beside them
`outputs(interface, options)`: what it asks a network for.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from symgen.errors import suggestion

if TYPE_CHECKING:
    pass

Kind = Literal["adapter", "family", "constraint", "algorithm"]

FOLDERS: dict[Kind, str] = {
    "adapter": "envs",
    "family": "families",
    "constraint": "constraints",
    "algorithm": "rl",
}
PLURALS: dict[Kind, str] = {
    "adapter": "adapters",
    "family": "families",
    "constraint": "constraints",
    "algorithm": "algorithms",
}

_HAS_OPTIONS = re.compile(r"^(class Options\b|from [\w.]+ import [^#\n]*\bOptions\b)", re.MULTILINE)


@cache
def keywords(kind: Kind) -> tuple[str, ...]:
    """All keywords of a kind, sorted.

    >>> "gridworld" in keywords("adapter")
    True
    """
    files = (Path(__file__).parent / FOLDERS[kind]).glob("[!_]*.py")
    return tuple(
        sorted(file.stem for file in files if _HAS_OPTIONS.search(file.read_text(encoding="utf-8")))
    )


@cache
def declaration(kind: Kind, keyword: str) -> ModuleType:
    """The file that a spec is checked with, imported: what a keyword says of itself without torch.

    Raises:
        ValueError: there is no such keyword; with the near miss.

    >>> declaration("algorithm", "ppo").__name__
    'symgen.rl._ppo_options'
    """
    if keyword not in keywords(kind):
        hint = suggestion(keyword, keywords(kind), PLURALS[kind])
        raise ValueError(f"unknown {kind} {keyword!r}; {hint}")
    file = f"_{keyword}_options" if kind == "algorithm" else keyword
    return importlib.import_module(f"symgen.{FOLDERS[kind]}.{file}")


def module(kind: Kind, keyword: str) -> ModuleType:
    """The file of a keyword itself, imported: of an algorithm, what trains, which needs torch.

    Raises:
        ValueError: there is no such keyword.
    """
    declared = declaration(kind, keyword)
    if kind != "algorithm":
        return declared
    return importlib.import_module(f"symgen.{FOLDERS[kind]}.{keyword}")


def options(kind: Kind, keyword: str) -> type[BaseModel]:
    """The Options of a keyword, without importing torch. Raises ValueError where there is no such
    keyword.
    """
    model = declaration(kind, keyword).Options
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"the Options of the {kind} {keyword} are not a pydantic model")
    return model
