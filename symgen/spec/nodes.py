"""PyYAML's stream of events -> a tree of nodes that know where they were written.

The size and depth are counted while the events arrive, so a hostile file is refused before it is
built. Mistakes that do not hide the rest (a repeated key, a tag, ...) are collected in
`Builder.problems`; a mistake of syntax ends it.

The YAML 1.2 core schema plus `_` between digits:

    null                null Null NULL ~ (or nothing)
    boolean             true True TRUE false False FALSE        (yes, no, on, off are text)
    integer             0  -12  +7  1_000_000  0x1F  0o17       (010 is ten)
    number              1.5  .5  1.  3e-4  1.0E+6  .inf  .nan   (3e-4 is a number, as expected)
    text                everything else (1:30, 2026-11-20), and what is in quotes
"""

import re
from dataclasses import dataclass

import yaml

Scalar = str | int | float | bool | None

NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
INTEGER = re.compile(rf"(?:[-+]?{_DIGITS}|0o[0-7]+(?:_[0-7]+)*|0x[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)\Z")
NUMBER = re.compile(
    rf"(?:[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
# What YAML calls printable; anything else in a text is refused.
UNPRINTABLE = re.compile(
    "[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def scalar(text: str) -> Scalar:
    """The value of an unquoted scalar. Raises OverflowError for an integer beyond 64 bits.

    >>> [scalar(text) for text in ("3e-4", "1_000", "yes", "1:30", "010", "true", "~")]
    [0.0003, 1000, 'yes', '1:30', 10, True, None]
    """
    if NULL.match(text):
        return None
    if BOOLEAN.match(text):
        return text.lower() == "true"
    if INTEGER.match(text):
        if len(text) > 100:  # refused before int() spends quadratic time on it
            raise OverflowError("an integer beyond 64 bits")
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        value = int(text.replace("_", ""), base)
        if not -(2**63) <= value < 2**63:
            raise OverflowError("an integer beyond 64 bits")
        return value
    if NUMBER.match(text):
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


@dataclass(frozen=True)
class Span:
    """A stretch of text, 1-based; the end column is the one after the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Value:
    """A scalar."""

    value: Scalar
    span: Span


@dataclass(frozen=True)
class List:
    """A sequence."""

    items: tuple["Node", ...]
    span: Span


@dataclass(frozen=True)
class Table:
    """A mapping: key, where the key stands, and the value."""

    items: tuple[tuple[str, Span, "Node"], ...]
    span: Span


Node = Value | List | Table


class Unreadable(Exception):
    """One mistake in the text, with its place."""

    def __init__(self, code: str, span: Span, message: str, hint: str = "") -> None:
        self.code = code
        self.span = span
        self.message = message
        self.hint = hint
        super().__init__(code, message)


# What PyYAML says, in words that tell the way out. Looked up by a part of its message.
SYNTAX_HINTS = {
    "'\\t'": "indent with spaces, not with tabs",
    "cannot start any token": "put the value in quotes",
    "mapping values are not allowed": "put text that contains ': ' in quotes, and check the "
    "indentation here",
    "could not find expected ':'": "every line of a mapping is 'key: value', with a space after "
    "the colon",
    "but found '}'": "there is one closing bracket too many, or an opening one is missing",
    "but found ']'": "there is one closing bracket too many, or an opening one is missing",
    "expected <block end>": "the lines of one mapping or list must begin in the same column",
    "expected ',' or": "close the bracket, or put a comma between its entries",
    "expected the node content": "an entry is missing here; a bracket may not be closed",
    "unexpected end of stream": "close the quotes or the bracket opened here",
    "unknown escape": "in double quotes a backslash begins an escape; use single quotes",
}


class Builder:
    """Builds the tree of one YAML document.

    Args:
        text: printable text.
        max_nodes: most keys and values.
        max_depth: most levels of nesting.
    """

    def __init__(self, text: str, max_nodes: int, max_depth: int) -> None:
        self.problems: list[Unreadable] = []
        self._loader = yaml.SafeLoader(text)
        self._max_nodes = max_nodes
        self._max_depth = max_depth
        self._count = 0
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open

    def build(self) -> Node:
        """The root node. Raises Unreadable where the text cannot be read any further."""
        self._next()  # the start of the stream
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return Value(None, Span(1, 1, 1, 2))
        root = self._node(self._next(), 1)
        self._next()  # the end of the document
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise Unreadable(
                "multiple-documents", _span(event), "a second document begins here, and a spec is "
                                                    "one document",
                "delete this line, or move what follows to a file of its own",
            )  # fmt: skip
        return root

    def _next(self) -> yaml.Event:
        try:
            return self._loader.get_event()
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(error) from error
        except (
            yaml.YAMLError,
            ValueError,
            OverflowError,
        ) as error:  # an escape or a directive PyYAML trips over
            mark = self._loader.get_mark()
            span = Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
            raise Unreadable(
                "yaml-syntax",
                span,
                "this escape or directive is not valid YAML",
                "write it plainly",
            ) from error

    def _node(self, event: yaml.Event, depth: int) -> Node:
        self._count += 1
        span = _span(event)
        if self._count > self._max_nodes:
            raise Unreadable(
                "too-large",
                span,
                f"the spec has more than {self._max_nodes} keys and values",
                "split it",
            )
        if depth > self._max_depth:
            raise Unreadable(
                "too-large", span, f"this is nested more than {self._max_depth} levels deep",
                "no key of a spec is that deep; check the brackets and the indentation",
            )  # fmt: skip
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event.anchor, span)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")[:40]
            self._problem(
                "yaml-tag", span, f"the tag {tag} is refused: a spec is plain data",
                "delete the tag; quotes make text, and a spec never names Python objects",
            )  # fmt: skip
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = self._content(event, span, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: yaml.Event, span: Span, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return Value(self._scalar(event, span), span)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return List(tuple(items), _span(event, inner))
        pairs = []
        first = dict[str, Span]()
        while not isinstance(inner := self._next(), yaml.MappingEndEvent):
            key_span = _span(inner)
            key = self._node(inner, depth + 1)
            node = self._node(self._next(), depth + 1)
            if not isinstance(key, Value) or not isinstance(key.value, str):
                self._refuse_key(key, key_span)
            elif key.value in first:
                self._problem(
                    "duplicate-key",
                    key_span,
                    f"the key '{key.value[:40]}' is given twice; first on line "
                    f"{first[key.value].line}",
                    "keep one of the two",
                )
            else:
                first[key.value] = key_span
                pairs.append((key.value, key_span, node))
        return Table(tuple(pairs), _span(event, inner))

    def _scalar(self, event: yaml.ScalarEvent, span: Span) -> Scalar:
        if UNPRINTABLE.search(event.value):
            self._problem(
                "not-text",
                span,
                "this text contains a control character",
                "write it without the escape",
            )
            return ""
        if event.style or not event.implicit[0]:
            return str(event.value)
        try:
            return scalar(event.value)
        except OverflowError:
            self._problem(
                "number-too-large",
                span,
                "this integer has more than 64 bits",
                "use a smaller number",
            )
            return 0

    def _refuse_key(self, node: Node, span: Span) -> None:
        what = {List: "a list", Table: "a mapping", Value: "not text"}[type(node)]
        hint = "check the brackets: keys are plain words"
        if isinstance(node, Value):
            hint = "put it in quotes"
        message = f"this key is {what}, and every key of a spec is text"
        self._problem("key-not-text", span, message, hint)

    def _aliased(self, anchor: str, span: Span) -> Node:
        node = self._anchors.get(anchor)
        if node is not None:
            return Value(node.value, span) if isinstance(node, Value) else node
        cause = "refers to itself" if anchor in self._anchors else "has no anchor before it"
        self._problem(
            "yaml-alias",
            span,
            f"the alias *{anchor[:40]} {cause}",
            f"define it with &{anchor[:40]} above",
        )
        return Value(None, span)

    def _problem(self, code: str, span: Span, message: str, hint: str) -> None:
        self.problems.append(Unreadable(code, span, message, hint))


def _span(first: yaml.Event, last: yaml.Event | None = None) -> Span:
    """From the start of an event to its end, or to the end of a later one."""
    start = first.start_mark
    end = (last or first).end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _syntax_error(error: yaml.MarkedYAMLError) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "this is not YAML"
    context = f" {error.context}" if error.context else ""
    if context and error.context_mark and error.context_mark.line != line - 1:
        context += f" that begins on line {error.context_mark.line + 1}"
    hint = next(
        (hint for part, hint in SYNTAX_HINTS.items() if part in problem),
        "check the line above as well",
    )
    return Unreadable(
        "yaml-syntax",
        Span(line, column, line, column + 1),
        f"not valid YAML{context}: {problem}",
        hint,
    )
