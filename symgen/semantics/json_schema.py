"""The JSON Schema of a spec, with the options of every adapter, family and algorithm, for editors
to complete.
"""

import re
from typing import Any

from pydantic import BaseModel

from symgen import lookup
from symgen.lookup import Kind
from symgen.semantics.evaluate import PREFIX, Condition
from symgen.semantics.resolve import KEYWORDS
from symgen.spec.schema import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema as plain values. Imports no torch.

    >>> sorted(json_schema()["properties"])
    ['environment', 'evaluate', 'graph', 'network', 'symgen', 'symmetry', 'train']
    """
    schema = Spec.model_json_schema()
    definitions = schema["$defs"]
    for section, kind in KEYWORDS.items():
        definitions[section.capitalize()] = _section(
            kind, definitions[section.capitalize()], definitions
        )
    definitions["Symmetry"]["properties"]["constraint"] = _constraint(definitions)
    schema["properties"]["evaluate"]["additionalProperties"] = _condition(definitions)
    return {"$schema": DIALECT, **schema, "title": "symgen spec"}


def _section(kind: Kind, section: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One closed object per keyword: its own keys and the Options of the module it names."""
    branches = []
    for keyword in lookup.keywords(kind):
        options = _inlined(lookup.options(kind, keyword), f"{kind}.{keyword}", definitions)
        properties = {
            **section["properties"],
            kind: {"const": keyword, "description": section["properties"][kind]["description"]},
            **options.get("properties", {}),
        }
        branches.append(
            {
                "type": "object",
                "title": keyword,
                "description": options.get("description", section.get("description", "")),
                "properties": properties,
                "required": [*section["required"], *options.get("required", [])],
                "additionalProperties": False,
            }
        )
    keywords = {"type": "string", "enum": list(lookup.keywords(kind))}
    return {
        "type": "object",
        "description": section["description"],
        "properties": {
            kind: {**keywords, "description": section["properties"][kind]["description"]}
        },
        "required": [kind],
        "oneOf": branches,
    }


def _constraint(definitions: dict[str, Any]) -> dict[str, Any]:
    """The keyword of a constraint, or the keyword with its Options."""
    written = definitions["Symmetry"]["properties"]["constraint"]
    keywords = lookup.keywords("constraint")
    branches: list[dict[str, Any]] = [{"type": "string", "enum": list(keywords)}]
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


def _condition(definitions: dict[str, Any]) -> dict[str, Any]:
    """A held-out condition: its own keys, and every option of every adapter with its prefix."""
    schema = _inlined(Condition, "condition", definitions)
    for keyword in lookup.keywords("adapter"):
        options = _inlined(lookup.options("adapter", keyword), f"adapter.{keyword}", definitions)
        for name, option in options.get("properties", {}).items():
            known = schema["properties"].setdefault(PREFIX + name, {"anyOf": []})
            if option not in known["anyOf"]:
                known["anyOf"].append(option)
    inside = {"description": "A part of an option, by its dotted path: environment.kwargs.gravity."}
    return {**schema, "patternProperties": {rf"^{re.escape(PREFIX)}\w+\..+": inside}}


def _inlined(model: type[BaseModel], owner: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model; its own definitions move to the spec's, under names that the owner
    makes unique.
    """
    schema = model.model_json_schema(ref_template=f"#/$defs/{owner}.{{model}}")
    definitions |= {f"{owner}.{name}": inner for name, inner in schema.pop("$defs", {}).items()}
    return schema
