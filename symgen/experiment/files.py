"""Files of a run: whole or not there (temporary name, then rename), and what was written or refused
(checksums).

A JSON file carries the SHA-256 of its values as its last key, a text its own as its last line, so a
file and its checksum are replaced in one rename. Files written before there were checksums have
none, and are read as they are.
"""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from symgen.errors import UserError

CHECKSUM = "checksum"
SEAL = "# sha256 of the lines above: "
HINT = "put the file back, or train again with --force"

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What a JSON file can hold."""
Object: TypeAlias = dict[str, object]
"""What is read of one: whoever takes a value out says what it is."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within it, what the file system refuses is a user's mistake.

    Raises:
        UserError: no room, no permission, a read-only disk.
    """
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be written to: {error.strerror or error}"
        hint = (
            "make room or give the permission, or write elsewhere with --runs; --resume goes "
            "on from what is there"
        )
        raise UserError("folder-not-writable", message, hint) from error


def unwritable(folder: Path) -> str:
    """Why no file can be written into a folder; "" where one can."""
    probe = folder / f".probe.{os.getpid()}.tmp"
    try:
        with writing(folder):
            probe.touch()
            probe.unlink()
    except UserError as error:
        return error.message
    return ""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a kill or a full disk at any moment leaves the old one or the new one,
    never half of one.

    Raises:
        UserError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with writing(path):
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode())


def sealed(text: str) -> str:
    """A text with its checksum as a last line, a comment in YAML."""
    whole = text if text.endswith("\n") else text + "\n"
    return f"{whole}{SEAL}{hashlib.sha256(whole.encode()).hexdigest()}\n"


def check_seal(path: Path, required: bool) -> None:
    """Raise UserError where a text is not the one that `sealed` wrote.

    Args:
        path: the file.
        required: whether a text without a checksum is refused, too.
    """
    try:
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        raise UserError("file-not-found", f"{path} does not exist", HINT) from None
    except OSError as error:
        raise UserError("file-unreadable", f"{path} cannot be read: {error}", HINT) from error
    whole, seal, _ = text.rpartition(SEAL)
    if (seal or required) and sealed(whole) != text:
        raise _changed(path)


def _changed(path: Path) -> UserError:
    message = (
        f"{path} is not the file that was written: it was changed or cut short (SHA-256 differs)"
    )
    return UserError("file-changed", message, HINT)


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """`write_text` of an object as indented JSON, with its checksum."""
    content = plain_object(values)
    content[CHECKSUM] = _digest(content)
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _digest(values: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def read_json(path: Path, required: Callable[[Object], bool] = lambda values: False) -> Object:
    """Values of a JSON file of a run: an object. Its checksum is compared, and left out.

    Args:
        path: the file.
        required: whether these values are refused without a checksum, too.

    Raises:
        UserError: the file is missing, not a JSON object, or not what was written.
    """
    values = _object(path)
    checksum = values.pop(CHECKSUM, None)
    if (checksum is not None or required(values)) and checksum != _digest(values):
        raise _changed(path)
    return values


def _object(path: Path) -> Object:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError("file-not-found", f"{path} does not exist", HINT) from None
    except (ValueError, OSError, RecursionError) as error:
        raise UserError("file-unreadable", f"{path} cannot be read: {error}", HINT) from error
    if not isinstance(values, dict):
        raise UserError(
            "file-unreadable", f"{path} holds a {type(values).__name__}, not a JSON object", HINT
        )
    return values


def read_lines(path: Path, keys: Collection[str]) -> list[Object]:
    """The objects of a file of JSON lines; a last line cut short by a kill is left out, a missing
    file is no lines.

    Args:
        path: the file.
        keys: whole numbers that every line has, "update" among them, which grows from line to line.

    Raises:
        UserError: a line in between is damaged.
    """
    rows: list[Object] = []
    last = -math.inf
    try:
        text = path.read_bytes().decode(errors="replace") if path.exists() else ""
    except OSError as error:
        raise UserError("file-unreadable", f"{path} cannot be read: {error}", HINT) from error
    lines = text.split("\n")
    for number, line in enumerate(lines[:-1], 1):
        row = _line(line)
        update = row.get("update")
        whole = all(type(row.get(key)) is int for key in keys)
        if not (whole and isinstance(update, int) and update > last):
            message = f"line {number} of {path} is damaged"
            raise UserError("file-unreadable", message, "put the file back, or take the line out")
        last = update
        rows.append(row)
    return rows


def _line(text: str) -> Object:
    """One line as an object, empty where it is none."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


@runtime_checkable
class Listable(Protocol):
    """Arrays and scalars of numpy and torch."""

    def tolist(self) -> object:
        """The same in Python's own types."""
        ...


def plain_object(values: Mapping[str, object]) -> dict[str, Json]:
    """`plain` of each value."""
    return {str(key): plain(value) for key, value in values.items()}


def plain(value: object) -> Json:
    """`value` in JSON's own types: numpy scalars become numbers, tuples lists, NaN and infinities
    null.
    """
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Listable):
        return plain(value.tolist())
    return str(value)
