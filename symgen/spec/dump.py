"""Values -> YAML text that reads back as the same values, by the table of scalars in `nodes`."""

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import yaml
from pydantic import JsonValue

from symgen.errors import Refusal
from symgen.spec.nodes import BOOLEAN, INTEGER, NULL, NUMBER

# Longest integer that is written out, so that reading it can say at which place it is too large.
MAX_BITS = 4096


class _Dumper(yaml.SafeDumper):  # type: ignore[misc,unused-ignore]
    """SafeDumper with the table above, so that what is written reads back as the same values."""

    yaml_implicit_resolvers: dict[str, object] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def ignore_aliases(self, data: object) -> bool:
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


def dump(values: object) -> str:
    """YAML text that reads back as `values` (plain data, as `plain` returns it)."""
    text = yaml.dump(
        values,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=1 << 20,
    )
    return str(text)


def plain(value: object, max_nodes: int, max_depth: int) -> JsonValue:
    """`value` as dicts, lists and scalars; tuples become lists and numpy numbers become Python's.

    Raises Refusal where something in it has no place in YAML, is too large or refers to itself.
    """
    budget = [max_nodes]

    def walk(inner: object, depth: int) -> JsonValue:
        budget[0] -= 1
        if budget[0] < 0 or depth > max_depth:
            raise Refusal("the mapping is too large, too deep, or contains itself")
        if inner is None or isinstance(inner, str | bool):
            return inner
        if isinstance(inner, Integral):
            if int(inner).bit_length() > MAX_BITS:  # Python itself refuses to write it out
                raise Refusal(f"an integer of more than {MAX_BITS} bits has no place in a spec")
            return int(inner)
        if isinstance(inner, Real):
            return float(inner)
        if isinstance(inner, Mapping):
            return {_key(key): walk(entry, depth + 1) for key, entry in inner.items()}
        if isinstance(inner, Sequence) and not isinstance(inner, bytes | bytearray | memoryview):
            return [walk(entry, depth + 1) for entry in inner]
        raise Refusal(
            f"a value of type {type(inner).__name__} has no place in a spec; use text, numbers, "
            "lists and mappings"
        )

    return walk(value, 1)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise Refusal(
            f"the key {key!r} is of type {type(key).__name__}; every key of a spec is text"
        )
    return str(key)
