"""The names of folders: of a spec, and of a variant, which is its spec with edits."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from symgen.errors import UserError, shown

LONGEST_NAME = 80
"""Characters of a variant's name, its digest apart."""


def stem(name: str) -> str:
    """The folder name of a spec, from the name of its source.

    >>> stem("specs/gridworld/lava.yaml (edited)"), stem("<dict>")
    ('lava', 'dict')
    """
    return Path(name.removesuffix(" (edited)")).stem.strip("<>.") or "spec"


def variant(edits: Mapping[str, object]) -> str:
    """A folder name for the `--set` edits of a spec: readable, short, and another one for other
    edits.

    >>> variant({})
    'base'
    >>> variant({"train.steps": 1000, "network.family": "cnn"})
    'network.family=cnn,train.steps=1000'
    >>> variant({"network.hidden": ["64 regular", "32 regular"]})
    'network.hidden=64-regular+32-regular'
    """
    if not edits:
        return "base"
    by_path = sorted(edits.items())  # the order of typing makes no other variant
    text = ",".join(f"{path}={typed(value)}" for path, value in by_path)
    if all(_scalar_word(path) == path for path in edits):
        name = ",".join(f"{path}={_word(value)}" for path, value in by_path)
        if "?" not in name and len(name) <= LONGEST_NAME:
            return name
    # what the name has to leave out is told apart by a digest
    slug = re.sub(r"[^\w.=,+-]+", "-", re.sub(r"[\[\]{}\"']", "", text), flags=re.ASCII).strip("-.")
    return f"{slug[:LONGEST_NAME].rstrip('-.,+=')}~{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def check_variant(name: str) -> None:
    """Raise UserError where a variant cannot be called so: it is one folder, below that of its
    spec.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][\w.=,+~-]{0,99}", name, re.ASCII):
        rule = "at most 100 letters, digits and . _ = , + ~ -, and it begins with a letter or digit"
        raise UserError("variant-name", f"a variant cannot be called {shown(name)}", rule)


def typed(value: object) -> str:
    """A value as one would type it."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{typed(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(typed, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _word(value: object) -> str:
    """A value in a folder's name, "64 regular" as 64-regular and a list with + between; "?" where
    it has no place.
    """
    if isinstance(value, list | tuple):
        words = "+".join(map(_scalar_word, value))
        return f"{words}+" if len(value) == 1 else words or "?"
    return _scalar_word(value)


def _scalar_word(value: object) -> str:
    """A scalar in a folder's name; "?" where another scalar would have the same name, or it has
    none.
    """
    text = typed(value)
    if re.fullmatch(r"\d+ [a-z]\w*", text, re.ASCII):
        return text.replace(" ", "-")
    is_plain = re.fullmatch(r"[\w.-]+", text, re.ASCII)
    is_type = re.fullmatch(r"\d+-[a-z]\w*", text, re.ASCII)  # "64 regular" is written so
    return text if is_plain and not is_type else "?"
