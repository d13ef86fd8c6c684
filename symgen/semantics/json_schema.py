"""The JSON Schema of a spec, with the options of every adapter, family, constraint and algorithm,
for editors to complete.
"""

import re

from pydantic import BaseModel

from symgen import lookup
from symgen.lookup import Kind
from symgen.problem.pipeline import KEYS
from symgen.semantics.condition import Condition, Tokens
from symgen.semantics.evaluate import PREFIX
from symgen.semantics.resolve import KEYWORDS
from symgen.semantics.schema_of import JsonSchema, schema_of
from symgen.spec.schema import Environment, Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Definitions = dict[str, JsonSchema]


def json_schema() -> JsonSchema:
    """The schema as plain values. Imports no torch.

    >>> sorted(json_schema()["properties"])
    ['ablate', 'environment', 'evaluate', 'graph', 'network', 'symgen', 'symmetry', 'train']
    """
    schema = schema_of(Spec)
    definitions = schema["$defs"]
    definitions["Train"]["properties"]["sensors"] = _sensors(definitions)
    for name, kind in KEYWORDS.items():
        section = name.capitalize()
        definitions[section] = _section(kind, definitions[section], definitions)
    definitions["Symmetry"]["properties"]["constraint"] = _constraint(definitions)
    schema["properties"]["evaluate"]["additionalProperties"] = _condition(definitions)
    definitions["Ablate"] |= _AXES
    return {"$schema": DIALECT, **schema, "title": "symgen spec"}


_AXES: JsonSchema = {
    "additionalProperties": False,
    "patternProperties": {
        r"^\w+\..+": {
            "type": "array",
            "description": "Values of an axis, by its dotted path: network.width: [32, 64].",
        }
    },
}
"""The short form of the axes of a study."""


def _section(kind: Kind, section: JsonSchema, definitions: Definitions) -> JsonSchema:
    """One closed object per keyword: its own keys and the Options of the module it names."""
    about = section["properties"][kind]["description"]
    branches: list[JsonSchema] = []
    for keyword in lookup.keywords(kind):
        options = _inlined(lookup.options(kind, keyword), f"{kind}.{keyword}", definitions)
        chosen: JsonSchema = {"const": keyword, "description": about}
        branches.append(
            {
                "type": "object",
                "title": keyword,
                "description": options.get("description", section.get("description", "")),
                "properties": {
                    **section["properties"],
                    kind: chosen,
                    **options.get("properties", {}),
                },
                "required": [*section["required"], *options.get("required", [])],
                "additionalProperties": False,
            }
        )
    keywords: JsonSchema = {
        "type": "string",
        "enum": list(lookup.keywords(kind)),
        "description": about,
    }
    return {
        "type": "object",
        "description": section["description"],
        "properties": {kind: keywords},
        "required": [kind],
        "oneOf": branches,
    }


def _constraint(definitions: Definitions) -> JsonSchema:
    """The keyword of a constraint, or the keyword with its Options."""
    written = definitions["Symmetry"]["properties"]["constraint"]
    keywords = lookup.keywords("constraint")
    branches: list[JsonSchema] = [{"type": "string", "enum": list(keywords)}]
    for keyword in keywords:
        model = lookup.options("constraint", keyword)
        options = _inlined(model, f"constraint.{keyword}", definitions)
        branches.append(
            {
                "type": "object",
                "properties": {keyword: options},
                "required": [keyword],
                "additionalProperties": False,
            }
        )
    return {
        "description": written["description"],
        "default": written["default"],
        "anyOf": branches,
    }


def _sensors(definitions: Definitions) -> JsonSchema:
    """What becomes of tokens in training: their keys of a held-out condition."""
    written = definitions["Train"]["properties"]["sensors"]
    schema = _inlined(Tokens, "sensors", definitions)
    return {
        "description": written["description"],
        "default": None,
        "anyOf": [schema, {"type": "null"}],
    }


def _condition(definitions: Definitions) -> JsonSchema:
    """A held-out condition: its own keys, and with their prefix what adapters share and every
    option of every one.
    """
    schema = _inlined(Condition, "condition", definitions)
    shared = _inlined(Environment, "environment", definitions)["properties"]
    for name in KEYS:
        schema["properties"][PREFIX + name] = {"anyOf": [shared[name]]}
    for keyword in lookup.keywords("adapter"):
        options = _inlined(lookup.options("adapter", keyword), f"adapter.{keyword}", definitions)
        for name, option in options.get("properties", {}).items():
            known = schema["properties"].setdefault(PREFIX + name, {"anyOf": []})
            if option not in known["anyOf"]:
                known["anyOf"].append(option)
    inside: JsonSchema = {
        "description": "A part of an option, by its dotted path: environment.kwargs.gravity."
    }
    return {**schema, "patternProperties": {rf"^{re.escape(PREFIX)}\w+\..+": inside}}


def _inlined(model: type[BaseModel], owner: str, definitions: Definitions) -> JsonSchema:
    """The schema of a model; its own definitions move to the spec's, under names that the owner
    makes unique.
    """
    schema = schema_of(model, f"#/$defs/{owner}.{{model}}")
    definitions |= {f"{owner}.{name}": inner for name, inner in schema.pop("$defs", {}).items()}
    return schema
