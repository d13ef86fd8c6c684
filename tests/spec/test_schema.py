"""Source -> Spec: strict shapes, and mistakes at their place."""

import typing
from typing import Annotated, Any, Literal

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field

from symgen.errors import SpecError
from symgen.spec import schema
from symgen.spec.findings import Findings
from symgen.spec.schema import Spec, parse
from symgen.spec.source import from_text, read
from symgen.spec.wording import in_words

GOOD = """\
symgen: 1
environment: {adapter: gymnasium_env, id: CartPole-v1}
symmetry:
  group: {generators: [s], relations: [ss]}
  states: {observation: {s: [-1, -2, -3, -4]}}
  actions: {s: [[0, 1.5], [1, 0]]}
  constraint: {relaxed: {banks: 3}}
graph: {topology: {edges: [[0, 1], [1, 2, {rod: long}]]}, labels: rod}
network: {family: group_mlp, hidden: 16 regular, depth: 2}
train: {algorithm: ppo, steps: 100_000, seeds: [0, 1], gamma: 0.9}
evaluate: {a: {environment.id: CartPole-v0}}
"""


def mistakes(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(SpecError) as caught:
        parse(from_text(text))
    return [(each.code, each.line, each.column) for each in caught.value.diagnostics]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_a_good_spec():
    spec = parse(from_text(GOOD))
    assert spec.environment.adapter == "gymnasium_env"
    assert spec.environment.options() == {"id": "CartPole-v1"}
    assert spec.network.options() == {"hidden": "16 regular", "depth": 2}
    assert spec.train is not None
    assert (spec.train.steps, spec.train.seeds, spec.train.options()) == (
        100_000,
        (0, 1),
        {"gamma": 0.9},
    )
    assert spec.symmetry.actions == {"s": ((0.0, 1.5), (1.0, 0.0))}
    assert spec.symmetry.states == {"observation": {"s": (-1, -2, -3, -4)}}
    assert spec.symmetry.constraint_name == "relaxed"
    assert spec.symmetry.constraint == {"relaxed": {"banks": 3}}
    assert spec.graph is not None
    assert spec.graph.topology_name == "edges"
    assert spec.graph.edges == ((0, 1), (1, 2, {"rod": "long"}))
    assert spec.evaluate == {"a": {"environment.id": "CartPole-v0"}}


def test_a_spec_prints_as_a_spec():
    spec = parse(from_text(GOOD))
    assert parse(from_text(str(spec))) == spec


def test_defaults():
    spec = parse(
        read(
            {
                "symgen": 1,
                "environment": {"adapter": "a"},
                "symmetry": {"group": "C4"},
                "network": {"family": "f"},
            }
        )
    )
    assert spec.train is None
    assert spec.graph is None
    assert spec.evaluate == {}
    symmetry = spec.symmetry
    assert (symmetry.states, symmetry.actions, symmetry.constraint_name, symmetry.output) == (
        "auto", "auto", "exact", "equivariant",
    )  # fmt: skip


def test_a_spec_is_frozen():
    with pytest.raises(pydantic.ValidationError):
        parse(from_text(GOOD)).symmetry.group = "C2"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("symgen: 1", "symgen: 2", [("wrong-value", 1, 9)]),
        ("symgen: 1\n", "", [("missing-key", 1, 1)]),
        ("symgen: 1", "symgen: true", [("wrong-type", 1, 9)]),
        ("network:", "netwrok:", [("missing-key", 1, 1), ("unknown-key", 9, 1)]),
        ("relations: [ss]", "relation: [ss]", [("missing-key", 4, 3), ("unknown-key", 4, 28)]),
        ("[ss]", "ss", [("wrong-type", 4, 39)]),
        ("[-1, -2, -3, -4]", "[-1, -2, x, -4]", [("wrong-type", 5, 38)]),
        ("[-1, -2, -3, -4]", "[-1, -2, -3.5, -4]", [("wrong-type", 5, 38)]),
        ("[-1, -2, -3, -4]", "3", [("wrong-type", 5, 29)]),
        ("[-1, -2, -3, -4]", "null", [("wrong-type", 5, 29)]),
        ("{s: [[0, 1.5], [1, 0]]}", "[1, 0]", [("wrong-type", 6, 12)]),
        ("{s: [[0, 1.5], [1, 0]]}", "{s: [[0, .nan], [1, 0]]}", [("not-finite", 6, 21)]),
        ("{s: [[0, 1.5], [1, 0]]}", "{s: [[0, 1], 7]}", [("wrong-type", 6, 25)]),
        ("{relaxed: {banks: 3}}", "{}", [("wrong-value", 7, 15)]),
        ("{relaxed: {banks: 3}}", "[exact]", [("wrong-type", 7, 15)]),
        ("[0, 1]", "[0]", [("wrong-value", 8, 28)]),
        ("[0, 1], [1", "[0, x], [1", [("wrong-type", 8, 32)]),
        ("100_000", "1e5", [("wrong-type", 10, 32)]),
        ("100_000", "1e400", [("wrong-type", 10, 32)]),
        ("100_000", "0", [("wrong-value", 10, 32)]),
        ("[0, 1], gamma", "[0, -1], gamma", [("wrong-value", 10, 52)]),
        ("[0, 1], gamma", "[], gamma", [("wrong-value", 10, 48)]),
        ("[0, 1], gamma", "0, gamma", [("wrong-type", 10, 48)]),
        ("algorithm: ppo, ", "", [("missing-key", 10, 1)]),
        ("family: group_mlp", "family: [group_mlp]", [("wrong-type", 9, 19)]),
        ("{environment.id: CartPole-v0}", "7", [("wrong-type", 11, 15)]),
    ],
)  # fmt: skip
def test_mistakes(old, new, expected):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    assert mistakes(text) == expected


def test_all_mistakes_at_once_in_the_order_of_the_file():
    text = (
        "symmetry: {constraint: 3}\nenvironment: 7\nnetwork: {family: 1}\nextra: 0\nsymgen: '1'\n"
    )
    found = mistakes(text)
    assert [line for _, line, _ in found] == [1, 1, 2, 3, 4, 5]


def test_further_mistakes_are_reported_along():
    source = from_text("symgen: 3\nnetwork: {family: 1}")
    with pytest.raises(SpecError) as caught:
        parse(source, lambda each: [each.diagnostic("unknown-family", ("network",), "also")])
    assert "unknown-family" in {each.code for each in caught.value.diagnostics}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("train: {algorithm: ppo, steps: '5'}", "without quotes"),
        ("train: {algorithm: ppo, steps: 5.0}", "write 5"),
        ("train: {algorithm: 5}", "such as ppo"),
        ("train: {algorithm: ppo, seeds: 5}", "for example [0]"),
        ("train: ppo", "key: value"),
        ("symmetry: {group: C4, output: invarient}", "did you mean 'invariant'"),
        ("symmetry: {group: C4, outptu: invariant}", "did you mean 'output'"),
        ("symmetry: {group: C4, actions: [1, 0]}", "which generator"),
        ("symmetry: {group: C4, constraint: 7}", "constraint: how the group binds the network"),
    ],
)
def test_ways_out(text, hint):
    with pytest.raises(SpecError) as caught:
        parse(from_text(text))
    assert any(hint in each.hint for each in caught.value.diagnostics), str(caught.value)


# ------------------------------------------------------------------------------------------ Options
# of modules


class Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    start: float = Field(alias="from", description="First value.")


class Options(BaseModel):
    """An Options as adapters and families have it, with what pydantic reports in its own ways."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    rate: float | Part = Field(0.5, description="A number, or {from: number}.")
    flag: bool = Field(False, description="On or off.")
    layers: tuple[int, ...] = Field((1,), description="Layers.")
    pair: tuple[int, int] = Field((1, 2), description="Two.")
    table: dict[str, int] = Field(default_factory=dict, description="Numbers.")
    kind: Literal["a", "b"] | None = Field(None, description="A kind.")
    small: Annotated[int, Field(le=3, multiple_of=2)] = Field(2, description="A small even number.")
    name: str = Field("x", max_length=3, pattern="^[a-z]*$", description="A short name.")

    @pydantic.field_validator("small")
    @classmethod
    def _not_two(cls, value: int) -> int:
        if value == -2:
            raise ValueError("must not be minus two")
        return value


def options(text: str) -> tuple[Any, list[str]]:
    source = from_text(f"network: {text}")
    findings = Findings(source)
    model = findings.attempt(findings.validated, Options, ("network",), ("family",))
    return model, [f"{each.code} {each.column} {each.message}" for each in findings.diagnostics]


def test_good_options():
    model, problems = options(
        "{family: mlp, rate: {from: 1}, layers: [1, 2], pair: [3, 4], kind: b, table: {a: 1}}"
    )
    assert problems == []
    assert (model.rate.start, model.layers, model.pair, model.kind) == (1.0, (1, 2), (3, 4), "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{rate: x}", ["wrong-type 17 network.rate: expected a number or a mapping, found the text "
                       "'x'"]),
        ("{rate: {to: 1}}", ["missing-key 11 the key 'from' is missing in network.rate",
                             "unknown-key 18 there is no key 'to' in network.rate"]),
        ("{flag: yes}", ["wrong-type 17 network.flag: expected true or false, found the text "
                         "'yes'"]),
        ("{flag: 1}", ["wrong-type 17 network.flag: expected true or false, found the number 1"]),
        ("{layers: 3}", ["wrong-type 19 network.layers: expected a list, found the number 3"]),
        ("{layers: [1, x]}", ["wrong-type 23 network.layers.1: expected an integer, found the text "
                              "'x'"]),
        ("{pair: [1]}", ["wrong-value 17 network.pair: an entry is missing in this list"]),
        ("{pair: [1, 2, 3]}", ["wrong-value 17 network.pair: at most 2 entries are possible here"]),
        ("{table: {a: b}}", ["wrong-type 22 network.table.a: expected an integer, found the text "
                             "'b'"]),
        ("{kind: c}", ["wrong-value 17 network.kind: 'c' is not one of: a, b"]),
        ("{small: 4}", ["wrong-value 18 network.small: 4 must be at most 3"]),
        ("{small: 1}", ["wrong-value 18 network.small: 1 must be a multiple of 2"]),
        ("{small: -2}", ["wrong-value 18 network.small: must not be minus two"]),
        ("{name: abcd}", ["wrong-value 17 network.name: at most 3 characters are possible here"]),
        ("{name: A}", ["wrong-value 17 network.name: 'A' must match ^[a-z]*$"]),
        ("{nmae: a}", ["unknown-key 11 there is no key 'nmae' in network"]),
        ("[1]", ["wrong-type 10 network: expected a mapping, found the list [1]"]),
    ],
)  # fmt: skip
def test_mistakes_in_options(text, expected):
    model, problems = options(text)
    assert model is None
    assert problems == expected


def test_a_keyword_of_the_section_is_a_near_miss_too():
    source = from_text("network: {family: mlp, familiy: x}")
    findings = Findings(source)
    assert findings.attempt(findings.validated, Options, ("network",), ("family",)) is None
    (problem,) = findings.diagnostics
    assert "did you mean 'family'" in problem.hint


def test_values_in_words():
    assert [in_words(each) for each in (None, True, 3, "x", [1], {"a": 1})] == [
        "nothing", "true", "the number 3", "the text 'x'", "the list [1]", "the mapping {a}",
    ]  # fmt: skip


# ----------------------------------------------------------------------------------------------
# documentation


def models(annotation: Any) -> set[type[BaseModel]]:
    """The models inside an annotation, those inside their fields included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}.union(
            *(models(each.annotation) for each in annotation.model_fields.values())
        )
    return set().union(*(models(each) for each in typing.get_args(annotation)))


def undescribed(model: type[BaseModel]) -> list[str]:
    return [
        f"{each.__name__}.{name}"
        for each in models(model)
        for name, field in each.model_fields.items()
        if not (field.description or "").strip()
    ]


def test_every_field_is_described():
    assert models(Spec) >= {
        schema.Environment,
        schema.Symmetry,
        schema.Presentation,
        schema.Edges,
        schema.Graph,
    }
    assert undescribed(Spec) == []


def test_the_description_test_can_fail():
    class Bare(BaseModel):
        inner: list[Part | None]
        bare: int

    assert undescribed(Bare) == ["Bare.inner", "Bare.bare"]
