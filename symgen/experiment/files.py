"""Files that are either whole or not there: temporary name, then rename."""

import json
import math
import os
from pathlib import Path
from typing import Any

from symgen.errors import UserError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old one or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, values: Any) -> None:
    """`write_text` of indented JSON."""
    write_text(path, json.dumps(plain(values), indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Values of a JSON file of a run: an object.

    Raises:
        UserError: the file is missing, or not a JSON object.
    """
    hint = "put the file back, or train again with --force"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("file-not-found", f"{path} does not exist", hint) from None
    except (ValueError, OSError, RecursionError) as error:
        raise UserError("file-unreadable", f"{path} cannot be read: {error}", hint) from error
    if not isinstance(values, dict):
        raise UserError("file-unreadable", f"{path} holds a {type(values).__name__}, not a JSON object", hint)
    return values


def plain(value: Any) -> Any:
    """`value` in JSON's own types: numpy scalars become numbers, tuples lists, NaN and infinities null."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if callable(getattr(value, "tolist", None)):  # numpy and torch
        return plain(value.tolist())
    return str(value)
