"""Text -> Source: the plain values of a YAML file, and where each key and value was written.

The scalars are those of `symgen.spec.nodes` (3e-4 is a number, `on` and 1:30 are text). Refused,
each with its place: repeated keys, keys that are not text, tags, several documents, anchors that
expand without end, integers beyond 64 bits, control bytes, and files that are too large or nested
too deep. The bounds are applied to PyYAML's stream of events, before anything is built from it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import overload

from pydantic import JsonValue

from symgen.errors import Diagnostic, Refusal, SpecError, abridged, near_miss
from symgen.spec.dump import dump, plain
from symgen.spec.nodes import UNPRINTABLE, Builder, List, Node, Span, Table, Unreadable, Value

Place = tuple[str | int, ...]

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 24

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as PyYAML counts lines


@dataclass(frozen=True)
class Source:
    """A spec as it was written.

    Args:
        name: the file's name as the user gave it; "<dict>" for a mapping.
        text: the whole text.
        values: the plain values: dicts, lists, text, numbers, booleans, null.
        key_spans: where each key was written, by path such as ("symmetry", "actions", "r").
        value_spans: where each value was written, by the same paths; () is the whole.
    """

    name: str
    text: str
    values: dict[str, JsonValue]
    key_spans: Mapping[Place, Span]
    value_spans: Mapping[Place, Span]

    def __str__(self) -> str:
        return self.text

    def span(self, path: Place, key: bool = False) -> Span:
        """Where the value (or the key) at `path` stands; of what encloses it where it was not
        written.

        A mapping or list written over several lines is shown by its key, and the whole spec by its
        first key.
        """
        if key and path in self.key_spans:
            return self.key_spans[path]
        if not path:
            return next(iter(self.key_spans.values()), Span(1, 1, 1, 2))
        if path in self.value_spans:
            span = self.value_spans[path]
            return self.key_spans.get(path, span) if span.line != span.end_line else span
        return self.span(path[:-1], key=True)

    def at(self, path: Place) -> JsonValue:
        """The value at `path`. Raises KeyError or IndexError where nothing was written."""
        value: JsonValue = self.values
        for key in path:
            if isinstance(value, dict):
                value = value[str(key)]
            elif isinstance(value, list):
                value = value[int(key)]
            else:
                raise KeyError(key)
        return value

    def diagnostic(
        self, code: str, path: Place, message: str, hint: str = "", *, key: bool = False
    ) -> Diagnostic:
        """A diagnostic whose caret stands under the value (or the key) at `path`."""
        return diagnostic(self.name, self.text, code, self.span(path, key), message, hint)


def diagnostic(
    name: str, text: str, code: str, span: Span, message: str, hint: str = ""
) -> Diagnostic:
    """A diagnostic for a span of `text`; a cause or a hint that quotes too much of it is cut."""
    lines = _lines(text)
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    end = span.end_column if span.end_line == span.line else len(line.rstrip()) + 1
    length = max(1, end - span.column)
    return Diagnostic(
        code, abridged(message), abridged(hint), name, span.line, span.column, length, line
    )


@lru_cache(maxsize=2)  # a wrong spec is asked for its lines once for each mistake
def _lines(text: str) -> list[str]:
    return LINE_BREAK.split(text)


def read(origin: str | Path | Mapping[str, object]) -> Source:
    """Read a spec from a file, or from a mapping (which is written out first, so that it has lines
    too).

    Raises SpecError with all that is wrong with the text itself.

    >>> read({"symgen": 1}).values
    {'symgen': 1}
    """
    if isinstance(origin, Mapping):
        try:
            return from_text(dump(plain(origin, MAX_NODES, MAX_DEPTH)), "<dict>")
        except Refusal as error:
            raise SpecError([Diagnostic("not-plain-data", str(error), file="<dict>")]) from error
    name = str(origin)
    try:
        with Path(origin).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError([_unreadable(name, error)]) from error
    if len(data) > MAX_BYTES:
        raise SpecError([_too_many_bytes(name)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError([_not_utf8(data, error.start, name)]) from error
    return from_text(text, name)


def from_text(text: str, name: str = "<text>") -> Source:
    """Read a spec from YAML text. Raises SpecError."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SpecError([_too_many_bytes(name)])
    control = UNPRINTABLE.search(text)
    if control:
        message = f"the text contains a control character, U+{ord(control.group()):04X}"
        place = _span_at(text, control.start())
        raise SpecError([diagnostic(name, text, "not-text", place, message, _NOT_TEXT)])
    builder = Builder(text, MAX_NODES, MAX_DEPTH)
    keys: dict[Place, Span] = {}
    spans: dict[Place, Span] = {}
    values: dict[str, JsonValue] = {}
    try:
        root = builder.build()
        if not isinstance(root, Table):
            raise _not_a_mapping(root)
        values = _flatten(root, (), keys, spans)
    except Unreadable as error:
        builder.problems.append(error)
    if builder.problems:
        raise SpecError(
            diagnostic(name, text, p.code, p.span, p.message, p.hint) for p in builder.problems
        )
    return Source(name, text, values, keys, spans)


def _not_a_mapping(root: Value | List) -> Unreadable:
    what = "a list"
    if isinstance(root, Value):
        what = "empty" if root.value is None else "a single value"
    return Unreadable(
        "not-a-spec",
        root.span,
        f"the file is {what}, and a spec is a mapping of keys to values",
        "start with the line 'symgen: 1', then environment:, symmetry:, network: and train:",
    )


@overload
def _flatten(
    node: Table, path: Place, keys: dict[Place, Span], spans: dict[Place, Span]
) -> dict[str, JsonValue]: ...
@overload
def _flatten(
    node: Node, path: Place, keys: dict[Place, Span], spans: dict[Place, Span]
) -> JsonValue: ...
def _flatten(
    node: Node, path: Place, keys: dict[Place, Span], spans: dict[Place, Span]
) -> JsonValue:
    """The plain value of a node; aliases are expanded here, so the bounds are applied here once
    more.
    """
    if len(spans) >= MAX_NODES or len(path) >= MAX_DEPTH:
        raise Unreadable(
            "too-large",
            node.span,
            "the anchors of this file expand to more than a spec may hold",
            "write the repeated part out, or repeat it less often",
        )
    spans[path] = node.span
    if isinstance(node, Value):
        return node.value
    if isinstance(node, List):
        return [
            _flatten(item, (*path, index), keys, spans) for index, item in enumerate(node.items)
        ]
    values: dict[str, JsonValue] = {}
    for key, span, item in node.items:
        keys[(*path, key)] = span
        values[key] = _flatten(item, (*path, key), keys, spans)
    return values


_NOT_TEXT = (
    "a spec is a UTF-8 text file; save it as UTF-8, or check that this is the file you meant"
)


def _not_utf8(data: bytes, start: int, name: str) -> Diagnostic:
    """A byte that is no UTF-8, told at its place in the text before it."""
    good = data[:start].decode("utf-8-sig", "replace")
    message = f"byte 0x{data[start]:02X} is not UTF-8 text"
    return diagnostic(name, good, "not-text", _span_at(good, len(good)), message, _NOT_TEXT)


def _span_at(text: str, offset: int) -> Span:
    lines = LINE_BREAK.split(text[:offset])
    return Span(len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)


def _too_many_bytes(name: str) -> Diagnostic:
    message = f"the file is larger than {MAX_BYTES // 1024} KiB, the most a spec may be"
    return Diagnostic(
        "too-large",
        message,
        "a spec is a page of text; check that this is the file you meant",
        name,
    )


def _unreadable(name: str, error: Exception) -> Diagnostic:
    file = name if len(name) < 200 and name.isprintable() else "<path>"
    if isinstance(error, FileNotFoundError):
        return Diagnostic("unreadable-file", "there is no such file", _nearby(name), file)
    if isinstance(error, IsADirectoryError):
        return Diagnostic("unreadable-file", "this is a directory, not a file", _inside(name), file)
    cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Diagnostic(
        "unreadable-file",
        f"the file cannot be read: {cause.lower()}",
        "check its path and mode",
        file,
    )


def _nearby(name: str) -> str:
    folder = Path(name).parent
    files = {Path(file).stem: file for file in _specs_in(folder)}
    close = near_miss(Path(name).stem, files)
    if close:
        return f"did you mean '{folder / files[close]}'?"
    return "paths are relative to where you are"


def _inside(name: str) -> str:
    files = sorted(_specs_in(Path(name)))[:5]
    return f"name one of the specs in it: {', '.join(files)}" if files else "name a .yaml file"


def _specs_in(folder: Path) -> Iterator[str]:
    try:
        yield from (path.name for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError:
        return
