"""The keyword in a spec is the name of a file: adapters in envs, families in families, algorithms
in rl.

A file is a keyword when its name does not begin with "_" and it has `Options`, its own class or one
it imports. The folders are listed without importing anything; a module is imported when a spec
names it. An algorithm needs torch and its Options do not: they stand in
`symgen/rl/_<keyword>_options.py`, so that a spec is checked without torch, and beside them
`CRITIC`: whether its critic judges observations ("value") or observations and actions ("q").
"""

import importlib
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel

from symgen.errors import suggestion

Kind = Literal["adapter", "family", "algorithm"]
Critic = Literal["value", "q"]

FOLDERS: dict[Kind, str] = {"adapter": "envs", "family": "families", "algorithm": "rl"}
PLURALS: dict[Kind, str] = {"adapter": "adapters", "family": "families", "algorithm": "algorithms"}

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


def module(kind: Kind, keyword: str) -> ModuleType:
    """The module of a keyword, imported. Raises ValueError with the near miss where there is none."""
    if keyword not in keywords(kind):
        raise ValueError(
            f"unknown {kind} {keyword!r}; {suggestion(keyword, keywords(kind), PLURALS[kind])}"
        )
    return importlib.import_module(f"symgen.{FOLDERS[kind]}.{keyword}")


def options(kind: Kind, keyword: str) -> type[BaseModel]:
    """The Options of a keyword, without importing torch. Raises ValueError where there is no such
    keyword.
    """
    if kind == "algorithm":
        return algorithm_options(keyword)
    return _options_of(module(kind, keyword))


def algorithm_options(keyword: str) -> type[BaseModel]:
    """The Options of an algorithm, from its torch-free file."""
    if keyword not in keywords("algorithm"):
        hint = suggestion(keyword, keywords("algorithm"), "algorithms")
        raise ValueError(f"unknown algorithm {keyword!r}; {hint}")
    return _options_of(importlib.import_module(f"symgen.{FOLDERS['algorithm']}._{keyword}_options"))


def critic(keyword: str) -> Critic:
    """What an algorithm's critic judges.

    >>> critic("ppo")
    'value'
    """
    found: Critic = importlib.import_module(
        f"symgen.{FOLDERS['algorithm']}._{keyword}_options"
    ).CRITIC
    return found


def _options_of(found: ModuleType) -> type[BaseModel]:
    model = found.Options
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{found.__name__}.Options is not a pydantic model")
    return model
