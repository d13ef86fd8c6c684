"""The JSON Schema of a pydantic model, with the types of its parts."""

from typing import TypedDict, cast

from pydantic import BaseModel, JsonValue

JsonSchema = TypedDict(
    "JsonSchema",
    {
        "$schema": str,
        "$ref": str,
        "$defs": dict[str, "JsonSchema"],
        "type": str,
        "title": str,
        "description": str,
        "default": JsonValue,
        "const": JsonValue,
        "enum": list[JsonValue],
        "anyOf": list["JsonSchema"],
        "oneOf": list["JsonSchema"],
        "properties": dict[str, "JsonSchema"],
        "patternProperties": dict[str, "JsonSchema"],
        "additionalProperties": "bool | JsonSchema",
        "required": list[str],
        "items": "JsonSchema",
        "prefixItems": list["JsonSchema"],
        "minItems": int,
        "maxItems": int,
        "maxLength": int,
        "minimum": float,
        "maximum": float,
        "exclusiveMinimum": float,
        "exclusiveMaximum": float,
    },
    total=False,
)
"""The part of the dialect that pydantic writes of a spec; every key may be missing."""

DEFINITIONS = "#/$defs/{model}"


def schema_of(model: type[BaseModel], references: str = DEFINITIONS) -> JsonSchema:
    """The schema of a model; `references` is the form of what points to its definitions."""
    return cast(JsonSchema, model.model_json_schema(ref_template=references))
