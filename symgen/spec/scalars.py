"""The one table of scalars, for reading and for writing.

The YAML 1.2 core schema plus `_` between digits:

    null                null Null NULL ~ (or nothing)
    boolean             true True TRUE false False FALSE        (yes, no, on, off are text)
    integer             0  -12  +7  1_000_000  0x1F  0o17       (010 is ten)
    number              1.5  .5  1.  3e-4  1.0E+6  .inf  .nan   (3e-4 is a number, as everyone expects)
    text                everything else (1:30, 2026-11-20), and everything in quotes
"""

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import yaml

from symgen.errors import Refusal

Scalar = str | int | float | bool | None

NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
INTEGER = re.compile(rf"(?:[-+]?{_DIGITS}|0o[0-7]+(?:_[0-7]+)*|0x[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)\Z")
NUMBER = re.compile(
    rf"(?:[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
# Longest integer that is written out, so that reading it can say at which place it is too large.
MAX_BITS = 4096
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
        return _integer(text)
    if NUMBER.match(text):
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _integer(text: str) -> int:
    if len(text) > 100:  # refused before int() spends quadratic time on it
        raise OverflowError("an integer beyond 64 bits")
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    value = int(text.replace("_", ""), base)
    if not -(2**63) <= value < 2**63:
        raise OverflowError("an integer beyond 64 bits")
    return value


class _Dumper(yaml.SafeDumper):  # type: ignore[misc,unused-ignore]
    """SafeDumper with the table above, so that what is written reads back as the same values."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def ignore_aliases(self, data: Any) -> bool:
        """Write shared values out in full: no anchors."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key."""
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    """YAML takes these characters for line breaks; only in double quotes they survive."""
    style = '"' if re.search("[\x85\u2028\u2029\ufeff]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
for _tag, _pattern in (("null", NULL), ("bool", BOOLEAN), ("int", INTEGER), ("float", NUMBER)):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, None)


def dump(values: Mapping[str, Any]) -> str:
    """YAML text that reads back as `values` (plain data, as `plain` returns it)."""
    options: dict[str, Any] = {
        "sort_keys": False,
        "allow_unicode": True,
        "default_flow_style": None,
        "width": 1 << 20,
    }
    return str(yaml.dump(values, Dumper=_Dumper, **options))


def plain(value: Any, max_nodes: int, max_depth: int) -> Any:
    """`value` as dicts, lists and scalars; tuples become lists and numpy numbers become Python's.

    Raises Refusal where something in it has no place in YAML, is too large or refers to itself.
    """
    budget = [max_nodes]

    def walk(each: Any, depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0 or depth > max_depth:
            raise Refusal("the mapping is too large, too deep, or contains itself")
        if each is None or isinstance(each, str | bool):
            return each
        if isinstance(each, Integral):
            if int(each).bit_length() > MAX_BITS:  # Python itself refuses to write it out
                raise Refusal(f"an integer of more than {MAX_BITS} bits has no place in a spec")
            return int(each)
        if isinstance(each, Real):
            return float(each)
        if isinstance(each, Mapping):
            return {_key(key): walk(inner, depth + 1) for key, inner in each.items()}
        if isinstance(each, Sequence) and not isinstance(each, bytes | bytearray | memoryview):
            return [walk(inner, depth + 1) for inner in each]
        raise Refusal(
            f"a value of type {type(each).__name__} has no place in a spec; use text, numbers, "
            "lists and mappings"
        )

    return walk(value, 1)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise Refusal(
            f"the key {key!r} is of type {type(key).__name__}; every key of a spec is text"
        )
    return str(key)
