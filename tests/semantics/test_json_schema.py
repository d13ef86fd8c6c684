"""The JSON Schema for editors, and the lookup of keywords."""

import json
import re

import pytest
from pydantic import BaseModel

from symgen import lookup
from symgen.semantics.json_schema import json_schema

SCHEMA = json_schema()


def objects(schema):
    """Every subschema that is an object with named properties."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def references(schema):
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for inner in schema.values():
            yield from references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


def test_it_is_json():
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_reference_leads_somewhere():
    referred = set(references(SCHEMA))
    assert referred
    for reference in referred:
        prefix, _, name = reference.rpartition("/")
        assert prefix == "#/$defs"
        assert name in SCHEMA["$defs"]


@pytest.mark.parametrize(
    ("section", "kind"), [("Environment", "adapter"), ("Network", "family"), ("Train", "algorithm")]
)
def test_every_keyword_has_its_options(section, kind):
    branches = {branch["title"]: branch for branch in SCHEMA["$defs"][section]["oneOf"]}
    assert set(branches) == set(lookup.keywords(kind))
    for keyword, branch in branches.items():
        fields = lookup.options(kind, keyword).model_fields
        names = {field.alias or name for name, field in fields.items()}
        assert names < set(branch["properties"])
        assert branch["properties"][kind]["const"] == keyword
        assert branch["additionalProperties"] is False
        assert kind in branch["required"]


def test_every_property_is_described():
    bare = [
        name
        for part in objects(SCHEMA)
        for name, entry in part["properties"].items()
        if not (
            {"description", "$ref"} & set(entry)
            or any("description" in branch for branch in entry.get("anyOf", []))
        )
    ]
    assert bare == []


def test_what_adapters_share_belongs_to_each_and_to_conditions():
    for branch in SCHEMA["$defs"]["Environment"]["oneOf"]:
        assert {"patches", "frames", "previous"} < set(branch["properties"])
    condition = SCHEMA["properties"]["evaluate"]["additionalProperties"]["properties"]
    assert {"environment.patches", "environment.frames", "environment.previous"} < set(condition)


def test_sensors_in_training_have_the_keys_that_concern_tokens():
    for branch in SCHEMA["$defs"]["Train"]["oneOf"]:
        mapping, nothing = branch["properties"]["sensors"]["anyOf"]
        keys = {"shuffle", "noise_channels", "sigma", "duplicate", "occlude"}
        assert set(mapping["properties"]) == keys
        assert mapping["additionalProperties"] is False
        assert nothing == {"type": "null"}


def test_conditions_know_the_options_of_environments():
    condition = SCHEMA["properties"]["evaluate"]["additionalProperties"]["properties"]
    assert {"transform", "seed_range", "environment.crossings", "environment.id"} <= set(condition)


@pytest.mark.parametrize(
    ("key", "inside"),
    [
        ("environment.kwargs.g", True),
        ("environment.seed_range.0", True),
        ("environment.id", False),
        ("kwargs.g", False),
    ],
)
def test_conditions_may_reach_into_options(key, inside):
    patterns = SCHEMA["properties"]["evaluate"]["additionalProperties"]["patternProperties"]
    assert any(re.search(pattern, key) for pattern in patterns) == inside


# -------------------------------------------------------------------------------------------------
# lookup


@pytest.mark.parametrize("kind", lookup.FOLDERS)
def test_keywords_are_files_with_options(kind):
    assert lookup.keywords(kind)
    for keyword in lookup.keywords(kind):
        assert not keyword.startswith("_")
        assert issubclass(lookup.options(kind, keyword), BaseModel)


def test_support_modules_are_no_keywords():
    assert "interface" not in lookup.keywords("adapter")
    assert "conditions" not in lookup.keywords("adapter")


@pytest.mark.parametrize("kind", lookup.FOLDERS)
def test_unknown_keywords(kind):
    with pytest.raises(ValueError, match="did you mean"):
        lookup.module(kind, lookup.keywords(kind)[0] + "x")
    with pytest.raises(ValueError, match=f"unknown {kind}"):
        lookup.options(kind, "../errors")


def test_the_options_of_an_algorithm_are_those_of_its_module():
    for keyword in lookup.keywords("algorithm"):
        assert lookup.module("algorithm", keyword).Options is lookup.options("algorithm", keyword)


@pytest.mark.parametrize("kind", lookup.FOLDERS)
def test_every_option_is_described(kind):
    for keyword in lookup.keywords(kind):
        fields = lookup.options(kind, keyword).model_fields
        assert [name for name, field in fields.items() if not field.description] == []
