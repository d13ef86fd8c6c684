"""The reference of every option of a spec, made of the models that specs are checked with. No
torch.

sections        the parts of a spec in order, each with its options
markdown        all of them as one page, which is symgen/REFERENCE.md
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import get_args

from pydantic import BaseModel, JsonValue

from symgen import lookup
from symgen.lookup import Kind
from symgen.semantics.condition import Condition
from symgen.semantics.evaluate import PREFIX
from symgen.semantics.resolve import KEYWORDS
from symgen.semantics.schema_of import JsonSchema, schema_of
from symgen.spec.schema import Spec

COMMAND = "symgen reference > symgen/REFERENCE.md"
HEAD = f"""# Every option of a spec

Made of the models that specs are checked with, by `{COMMAND}`; `symgen reference NAME` prints one \
section.
An option is written where its dotted path says, and `--set PATH=VALUE` changes it; `[]` stands \
for an entry of a list.
"""
REQUIRED = "required"
NOTHING = "left out"

Definitions = Mapping[str, JsonSchema]


@dataclass(frozen=True)
class Option:
    """One key of a spec.

    Args:
        name: its path below the section, such as "local.window".
        values: the type in words, and its bounds.
        default: as one writes it, or "required"; "left out" where leaving it out is not the same as
            any value.
        meaning: its description.
    """

    name: str
    values: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """A part of a spec.

    Args:
        name: "symmetry", or of a part with a keyword "network: group_mlp".
        meaning: what it is.
        options: in the order of the model.
    """

    name: str
    meaning: str
    options: tuple[Option, ...]

    @property
    def title(self) -> str:
        """What `symgen reference` calls it: "symmetry", "group_mlp"."""
        return self.name.split(": ")[-1]

    def __str__(self) -> str:
        rows = [
            f"| {' | '.join(map(_cell, (f'`{o.name}`', o.values, o.default, o.meaning)))} |"
            for o in self.options
        ]
        table = ["| option | values | default | meaning |", "|---|---|---|---|", *rows]
        return "\n".join([f"## {self.name}", "", self.meaning, "", *table])


def markdown() -> str:
    """The page."""
    parts = list(sections())
    links = ", ".join(f"[{part.name}](#{_anchor(part.name)})" for part in parts)
    return "\n\n".join([HEAD.rstrip(), f"Sections: {links}.", *map(str, parts)]) + "\n"


def sections() -> Iterator[Section]:
    """Every part of a spec in its order, a part with a keyword once per keyword.

    >>> [section.title for section in sections()][:4]
    ['spec', 'atari', 'car_racing', 'cartpole_swingup']
    """
    yield Section("spec", "The keys of the file.", options(Spec, nested=False))
    for name, field in Spec.model_fields.items():
        if name in KEYWORDS:
            yield from _keywords(name, KEYWORDS[name])
        elif name == "evaluate":
            meaning = f"Any option of the environment, as `{PREFIX}size` for its `size`."
            any_option = Option(f"{PREFIX}OPTION", "as there", NOTHING, meaning)
            yield Section(name, _first(Condition.__doc__), (*options(Condition), any_option))
        elif name != "symgen":
            model = _model(field.annotation)
            yield Section(name, _first(model.__doc__), options(model))
        if name == "symmetry":
            yield from _constraints()


def _keywords(section: str, kind: Kind) -> Iterator[Section]:
    """The section once for each keyword of `kind`, each with the keys that all of them share."""
    which, *shared = options(_model(Spec.model_fields[section].annotation))
    for keyword in lookup.keywords(kind):
        model = lookup.options(kind, keyword)
        # an algorithm's own file needs torch; what its Options say of themselves does not
        about = model.__doc__ if kind == "algorithm" else lookup.module(kind, keyword).__doc__
        meaning = _first(about).removeprefix(f"{keyword}: ")
        of_its_own = options(model)
        names = {option.name for option in of_its_own}
        common = [option for option in shared if option.name not in names]
        own = (replace(which, values=f"`{keyword}`"), *common, *of_its_own)
        yield Section(f"{section}: {keyword}", _sentence(meaning), own)


def _constraints() -> Iterator[Section]:
    """Every constraint: what it is, and its options."""
    for keyword in lookup.keywords("constraint"):
        about = _first(lookup.module("constraint", keyword).__doc__).removeprefix(f"{keyword}: ")
        own = tuple(
            replace(option, name=f"constraint.{keyword}.{option.name}")
            for option in options(lookup.options("constraint", keyword))
        )
        yield Section(f"constraint: {keyword}", _sentence(about), own)


def options(model: type[BaseModel], nested: bool = True) -> tuple[Option, ...]:
    """The options of a pydantic model in order, and `nested` those of the models that their values
    may be.
    """
    schema = schema_of(model)
    return tuple(_options(schema, schema.get("$defs", {}), "", nested))


def _model(annotation: object) -> type[BaseModel]:
    """The model that an annotation such as `Train | None` names."""
    kinds = (annotation, *get_args(annotation))
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))


def _options(
    schema: JsonSchema, definitions: Definitions, prefix: str, nested: bool
) -> Iterator[Option]:
    for name, node in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        needed = name in schema.get("required", ())
        meaning = _sentence(node.get("description", ""))
        yield Option(path, _words(node, definitions), _default(node, needed), meaning)
        for suffix, inner in _inner(node, definitions) if nested else ():
            yield from _options(inner, definitions, f"{path}{suffix}.", nested)


def _inner(
    node: JsonSchema, definitions: Definitions, suffix: str = ""
) -> Iterator[tuple[str, JsonSchema]]:
    """The models that a value, or an entry of a list, may be, each with what the path gains."""
    if "$ref" in node:
        yield suffix, definitions[node["$ref"].rpartition("/")[2]]
    for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _inner(branch, definitions, suffix)
    if node.get("type") == "array" and "items" in node:
        yield from _inner(node["items"], definitions, f"{suffix}[]")


# -------------------------------------------------------------------------------------------------
# in words


def _words(node: JsonSchema, definitions: Definitions) -> str:
    """The type of a value, and its bounds.

    >>> _words({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, {})
    'whole number, at least 1'
    >>> _words({"type": "array", "items": {"enum": ["q", "k"]}}, {})
    'list of `q` or `k`'
    >>> _words({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 9}, {})
    'list of whole numbers (1 to 9 entries)'
    """
    branches = (*node.get("anyOf", ()), *node.get("oneOf", ()))
    values = [branch for branch in branches if branch.get("type") != "null"]
    if values:
        return "; or ".join(dict.fromkeys(_words(value, definitions) for value in values))
    if "$ref" in node:
        return _words(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "const" in node:
        return f"`{_written(node['const'])}`"
    if "enum" in node:
        *most, last = (f"`{_written(value)}`" for value in node["enum"])
        return f"{', '.join(most)} or {last}" if most else last
    if node.get("type") == "array":
        return _list(node, definitions)
    kinds = {
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "string": "text",
        "object": "mapping",
    }
    bounds = _bounds(node)
    word = kinds.get(node.get("type", ""), "any value")
    return f"{word}, {bounds}" if bounds else word


def _list(node: JsonSchema, definitions: Definitions) -> str:
    entries: JsonSchema = {}
    if node.get("items"):
        entries = node["items"]
    elif node.get("prefixItems"):
        entries = node["prefixItems"][0]
    words = _words(entries, definitions)
    words = f"({words})" if "; or " in words else re.sub("^(whole number|number)", r"\1s", words)
    low = node.get("minItems", 0)
    high = node.get("maxItems")
    if high is None:
        return f"list of {words} (at least {low} entries)" if low else f"list of {words}"
    return f"list of {words} ({high if low == high else f'{low} to {high:,}'} entries)"


def _bounds(node: JsonSchema) -> str:
    if "maxLength" in node:
        return f"at most {node['maxLength']:,} characters"
    low = node.get("minimum")
    above = node.get("exclusiveMinimum")
    high = node.get("maximum")
    below = node.get("exclusiveMaximum")
    first = _bound("above", above) if above is not None else _bound("at least", low)
    last = _bound("below", below) if below is not None else _bound("at most", high)
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    return ", ".join(bound for bound in (first, last) if bound)


def _bound(word: str, value: float | None) -> str:
    return "" if value is None else f"{word} {value:,}"


def _default(node: JsonSchema, needed: bool) -> str:
    if needed:
        return REQUIRED
    if "default" not in node:  # pydantic leaves out what a factory makes
        return "`{}`" if node.get("type") == "object" else NOTHING
    value = node["default"]
    return NOTHING if value is None else f"`{_written(value)}`"


def _written(value: JsonValue) -> str:
    """A value as one writes it in a spec."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    """`text` on one line of a table; C<n> is no tag of HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first(text: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((text or "").strip().partition("\n\n")[0].split())


def _anchor(name: str) -> str:
    return name.replace(":", "").replace(" ", "-")
