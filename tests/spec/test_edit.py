"""Edits by dotted path."""

import pytest

from symgen.errors import SpecError
from symgen.spec.edit import edit, path_of
from symgen.spec.source import from_text, read

SOURCE = from_text(
    "symgen: 1\nnetwork: {family: mlp, width: 8}\ntrain: {algorithm: ppo, seeds: [0, "
    "1]}\nevaluate:\n",
    "a.yaml",
)


@pytest.mark.parametrize(
    ("changes", "section", "expected"),
    [
        ({"network.width": 16}, "network", {"family": "mlp", "width": 16}),
        (
            {"network.width": [1, {"x": "on"}]},
            "network",
            {"family": "mlp", "width": [1, {"x": "on"}]},
        ),
        ({"network.new.deep": 1.5}, "network", {"family": "mlp", "width": 8, "new": {"deep": 1.5}}),
        ({"train.seeds.1": 7}, "train", {"algorithm": "ppo", "seeds": [0, 7]}),
        ({"train.seeds": (3,)}, "train", {"algorithm": "ppo", "seeds": [3]}),
        (
            {"evaluate.noisy": {"observation_noise": 0.1}},
            "evaluate",
            {"noisy": {"observation_noise": 0.1}},
        ),
        (
            {"evaluate.a.transform": "r", "evaluate.b.transform": "s"},
            "evaluate",
            {"a": {"transform": "r"}, "b": {"transform": "s"}},
        ),
        ({"evaluate.a.environment.kwargs.g": 9}, "evaluate", {"a": {"environment.kwargs.g": 9}}),
        ({"symmetry": {"group": "C4"}}, "symmetry", {"group": "C4"}),
        ({"network.width": None}, "network", {"family": "mlp", "width": None}),
        ({}, "symgen", 1),
    ],
)
def test_edit(changes, section, expected):
    edited = edit(SOURCE, changes)
    assert edited.values[section] == expected
    assert {key: edited.values[key] for key in SOURCE.values if key != section} == {
        key: value for key, value in SOURCE.values.items() if key != section
    }
    assert SOURCE.values["network"] == {"family": "mlp", "width": 8}  # unchanged


def test_an_edited_source_has_spans_and_says_so():
    once = edit(SOURCE, {"network.width": 16})
    assert once.name == edit(once, {"network.width": 17}).name == "a.yaml (edited)"
    assert once.text.split("\n")[once.span(("network", "width")).line - 1].count("16") == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "not a dotted path"),
        (".", "not a dotted path"),
        ("network..width", "not a dotted path"),
        ("network.", "not a dotted path"),
        ("netwrok.width", "did you mean 'network'"),
        ("width", "does not begin with a section"),
        ("network.width.x", "leads through 'width'"),
        ("symgen.x", "leads through 'symgen'"),
        ("train.seeds.2", "no entry '2'"),
        ("train.seeds.x", "no entry 'x'"),
        ("train.seeds.0.x", "leads through '0'"),
        ("train.seeds.-1", "no entry '-1'"),
    ],
)
def test_bad_paths(path, words):
    with pytest.raises(SpecError) as caught:
        edit(SOURCE, {path: 1})
    (found,) = caught.value.diagnostics
    assert found.code == "bad-edit"
    assert words in str(found)


def test_a_condition_is_left_out():
    source = read({"evaluate": {"windy": {"transform": "r"}, "calm": {"transform": "s"}}})
    assert edit(source, {"evaluate.windy": None}).values == {
        "evaluate": {"calm": {"transform": "s"}}
    }
    with pytest.raises(SpecError, match="no condition 'wind' to leave out") as error:
        edit(source, {"evaluate.wind": None})
    assert "windy" in str(error.value)


def test_bad_values():
    with pytest.raises(SpecError, match="no place in a spec"):
        edit(SOURCE, {"network.width": object()})
    with pytest.raises(SpecError) as caught:
        edit(SOURCE, {"nowhere": 1, "train.": 2, "network.width": 3})
    assert len(caught.value.diagnostics) == 2  # all at once


def test_paths():
    assert path_of("train.seeds.10") == ("train", "seeds", 10)
    assert path_of("environment.7") == ("environment", 7)


def test_digits_name_a_key_where_there_is_a_mapping():
    assert edit(read({"evaluate": {}}), {"evaluate.7": {}}).values == {"evaluate": {"7": {}}}
