"""Held-out conditions: what they may change, and what is said of the others."""

import gymnasium
import numpy as np
import pytest

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.semantics.evaluate import environment_changes
from symgen.spec.source import from_text

GRID = """\
symgen: 1
environment: {adapter: gridworld, split: train}
symmetry: {group: C4}
network: {family: graph_attention}
evaluate:
"""


def conditions(text: str) -> list[tuple[str, int, int]]:
    """Code, line and column of every mistake in the conditions, the first of which stands on line
    1.
    """
    try:
        check_spec(from_text(GRID + "".join(f"  {line}\n" for line in text.splitlines())))
    except SpecError as error:
        return [
            (mistake.code, mistake.line - 5, mistake.column - 2) for mistake in error.diagnostics
        ]
    return []


def test_good_conditions():
    text = """\
rotated: {transform: rrr}
seen: {observation: r^2}
still: {transform: ""}
noisy: {observation_noise: 0.1}
fresh: {seed_range: [10_000, 10_200], environment.split: test}
few: {levels: 10, environment.split: test}
harder: {environment.crossings: 2, environment.obstacle: wall, transform: r}
nothing: {}"""
    assert conditions(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: {transform: s}", [("bad-word", 1, 16)]),
        ("a: {observation: rr!}", [("bad-word", 1, 18)]),
        ("a: {transform: " + "r" * 65 + "}", [("bad-word", 1, 16)]),
        ("a: {transform: 3}", [("wrong-type", 1, 16)]),
        ("a: {observation_noise: -1}", [("wrong-value", 1, 24)]),
        ("a: {observation_noise: .nan}", [("not-finite", 1, 24)]),
        ("a: {seed_range: [5]}", [("wrong-value", 1, 17)]),
        ("a: {seed_range: [5, 5]}", [("wrong-value", 1, 17)]),
        ("a: {levels: 0}", [("wrong-value", 1, 13)]),
        ("a: {noise: 0.1}", [("unknown-key", 1, 5)]),
        ("a: {crossings: 2}", [("unknown-key", 1, 5)]),
        ("a: {environment.rivers: 2}", [("bad-edit", 1, 5)]),
        ("a: {environment.adapter: minigrid}", [("bad-edit", 1, 5)]),
        ("a: {network.width: 2}", [("bad-edit", 1, 5)]),
        ("a: {environment.crossings: x}", [("wrong-type", 1, 28)]),
        ("a: {environment.crossings: 99}", [("wrong-value", 1, 28)]),
        ("a: {environment.size: 11}", [("changed-interface", 1, 1)]),
        ("a: {environment.moves: turn}", [("changed-interface", 1, 1)]),
        ("training: {}", [("condition-name", 1, 1)]),
        (
            "a: {transform: s}\nb: {levels: 0}\nc: {x: 1, y: 2}",
            [
                ("bad-word", 1, 16),
                ("wrong-value", 2, 13),
                ("unknown-key", 3, 5),
                ("unknown-key", 3, 11),
            ],
        ),
    ],
)
def test_bad_conditions(text, expected):
    assert conditions(text) == expected


PENDULUM = """\
symgen: 1
environment: {adapter: gymnasium_env, id: Pendulum-v1, kwargs: {g: 9.0}}
symmetry: {group: D1, states: {observation: {s: [1, -2, -3]}}, actions: {s: [-1]}}
network: {family: group_mlp, hidden: 4 regular}
evaluate: {a: {%s}}
"""


@pytest.mark.parametrize("change", ["environment.kwargs.g: 5", "environment.kwargs: {g: 5}"])
def test_a_condition_reaches_into_an_option(change):
    check_spec(from_text(PENDULUM % change))


@pytest.mark.parametrize(
    ("change", "code", "message", "hint"),
    [
        (
            "environment.kwarg.g: 5",
            "bad-edit",
            "no 'environment.kwarg.g'",
            "did you mean 'environment.kwargs.g'?",
        ),
        (
            "environment.kwargs.gg: 5",
            "bad-environment",
            "takes no argument 'gg'",
            "did you mean 'g'?",
        ),
        (
            "environment.kwargs: {gg: 5}",
            "bad-environment",
            "takes no argument 'gg'",
            "did you mean 'g'?",
        ),
        (
            "environment.kwargs.g.x: 5",
            "bad-edit",
            "through 'g', which has no keys",
            "end the path there",
        ),
        (
            "environment.id.x: 5",
            "bad-edit",
            "through 'id', which has no keys",
            "end the path there",
        ),
        (
            "environment.kwargs.: 5",
            "bad-edit",
            "'environment.kwargs.' is not a dotted path",
            "one dot between",
        ),
        (
            "environment.kwargs" + ".x" * 99 + ": 5",
            "bad-edit",
            "is not a dotted path",
            "one dot between",
        ),
        (
            "environment.max_episode_steps.x: 5",
            "wrong-type",
            "expected an integer, found the mapping",
            "",
        ),
    ],
)
def test_a_dotted_path_that_leads_nowhere(change, code, message, hint):
    with pytest.raises(SpecError) as caught:
        check_spec(from_text(PENDULUM % change))
    (mistake,) = caught.value.diagnostics
    assert mistake.code == code
    assert message in mistake.message
    assert hint in mistake.hint


def test_what_a_dotted_path_changes_must_keep_the_interface(monkeypatch):
    """Another size is refused, and so is what its constructor chokes on; control: another cost is
    played.
    """
    spec = """\
symgen: 1
environment: {adapter: gymnasium_env, id: Resized-v0, kwargs: {size: 4}}
symmetry: {group: D1, states: trivial, actions: trivial}
network: {family: group_mlp, hidden: 4 regular}
evaluate: {a: {environment.kwargs.%s}}
"""

    class Resized(gymnasium.Env):
        def __init__(self, size: int = 4, cost: float = 1.0) -> None:
            self.observation_space = gymnasium.spaces.Box(-1, 1, (size,), np.float32)
            self.action_space, self.cost = gymnasium.spaces.Discrete(2), 1 / cost

    entry = gymnasium.envs.registration.EnvSpec("Resized-v0", Resized)
    monkeypatch.setitem(gymnasium.registry, "Resized-v0", entry)
    check_spec(from_text(spec % "cost: 2"))
    for change, code in (("size: 5", "changed-interface"), ("cost: 0", "bad-environment")):
        with pytest.raises(SpecError) as caught:
            check_spec(from_text(spec % change))
        assert [mistake.code for mistake in caught.value.diagnostics] == [code]


def test_an_adapter_without_levels(mistakes):
    (mistake,) = mistakes(evaluate={"fewer": {"levels": 5}})
    assert (mistake.code, "has no levels" in mistake.message) == ("bad-edit", True)


def test_what_a_condition_changes_in_the_environment():
    changes = {"environment.size": 5, "environment.kwargs.g": 1, "levels": 3, "transform": "r"}
    assert environment_changes(changes) == {"size": 5, "kwargs.g": 1, "levels": 3}
