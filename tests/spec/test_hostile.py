"""Specs with thousands of mistakes are refused in a time that grows no faster than they do."""

import time

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from symgen.compiler import check_spec
from symgen.errors import LONGEST, MAX_DIAGNOSTICS, SpecError, abridged
from symgen.spec.source import from_text

SECTIONS = {
    "environment": "environment: {adapter: gymnasium_env, id: CartPole-v1}",
    "symmetry": "symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: "
    "[1, 0]}}",
    "network": "network: {family: group_mlp, hidden: 8 regular}",
    "train": "train: {algorithm: ppo}",
}
MANY = 8_000


def entries(one: str, count: int = MANY) -> str:
    return "[" + ", ".join([one] * count) + "]"


def keys(start: str, count: int = MANY // 2, value: str = "1") -> str:
    return ", ".join(f"{start}{k}: {value}" for k in range(count))


HOSTILE = {
    "ids that are numbers": {
        "environment": f"environment: {{adapter: minigrid, id: {entries('1')}}}"
    },
    "ids that are mappings": {
        "environment": f"environment: {{adapter: minigrid, id: {entries('{}')}}}"
    },
    "places that are no integers": {
        "symmetry": f"symmetry: {{group: D1, states: {{observation: {{s: {entries('1.5')}}}}}, "
        "actions: trivial}"
    },
    "actions that are text": {
        "symmetry": f"symmetry: {{group: D1, states: trivial, actions: {{s: {entries('a')}}}}}"
    },
    "actions that do not exist": {
        "symmetry": "symmetry: {group: D1, states: trivial, actions: {s: "
        f"{{{keys('left', value='right')}}}}}}}"
    },
    "terms that do not exist": {
        "symmetry": f"symmetry: {{group: D1, states: {{{keys('observation')}}}, actions: trivial}}"
    },
    "layers that are no layers": {
        "environment": "environment: {adapter: gridworld}",
        "symmetry": "symmetry: {group: C4}",
        "network": f"network: {{family: group_conv, layers: {entries('{strid: 2}', MANY // 2)}}}",
    },
    "edges that are no edges": {
        "environment": "environment: {adapter: gridworld}",
        "symmetry": "symmetry: {group: C4}",
        "network": f"graph: {{topology: {{edges: {entries('[a]')}}}}}\nnetwork: {{family: "
        f"graph_attention}}",
    },
    "seeds that are text": {"train": f"train: {{algorithm: ppo, seeds: {entries('a')}}}"},
    "options that do not exist": {"train": f"train: {{algorithm: ppo, {keys('learning_rat')}}}"},
    "sections that do not exist": {"train": "\n".join(f"symmetr{k}: 1" for k in range(MANY // 2))},
    "conditions of options that do not exist": {
        "train": f"evaluate: {{a: {{{keys('environment.kwarg.x')}}}}}"
    },
}


def refused(text: str) -> tuple[SpecError, float]:
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        check_spec(from_text(text))
    return caught.value, time.process_time() - start


def whole(changed: dict[str, str]) -> str:
    return "\n".join(["symgen: 1", *{**SECTIONS, **changed}.values()])


@pytest.mark.parametrize("name", HOSTILE)
def test_thousands_of_mistakes_are_refused_in_no_time(name):
    error, seconds = refused(whole(HOSTILE[name]))
    assert len(error.diagnostics) == MAX_DIAGNOSTICS
    assert error.dropped > MANY / 2 - 2 * MAX_DIAGNOSTICS  # the rest is counted
    assert seconds < 2


def test_the_first_mistakes_of_the_file_are_those_that_are_told():
    """Every one of them keeps its hint, wherever its model looks at it; control: there are more
    than can be shown.
    """
    text = whole(
        {"train": "train:\n  step: 1\n" + "\n".join(f"  learning_rat{k}: 1" for k in range(2_000))}
    )
    error, _ = refused(text + "\n  algorithm: ppo")
    assert error.dropped
    assert [each.line for each in error.diagnostics] == list(range(6, 6 + MAX_DIAGNOSTICS))
    assert all("did you mean" in each.hint for each in error.diagnostics)


class Buttons(gymnasium.Env):
    """A thousand named actions."""

    observation_space = spaces.Box(-1, 1, (4,), np.float32)
    action_space = spaces.Discrete(1_000)


def test_a_thousand_unknown_actions_among_a_thousand(monkeypatch):
    spec = gymnasium.envs.registration.EnvSpec("Buttons-v0", Buttons)
    monkeypatch.setitem(gymnasium.registry, "Buttons-v0", spec)
    symmetry = (
        "symmetry: {group: D1, states: trivial, actions: {s: "
        f"{{{keys('actio', 1_000, 'trivial')}}}}}}}"
    )
    changed = {
        "environment": "environment: {adapter: gymnasium_env, id: Buttons-v0}",
        "symmetry": symmetry,
    }
    error, seconds = refused(whole(changed))
    assert error.dropped
    assert (
        seconds < 2
    )  # a near miss among a thousand takes five milliseconds, and a hundred are looked for


def test_a_list_that_is_only_too_long_is_told_so():
    names = ", ".join(["MiniGrid-LavaCrossingS9N1-v0"] * 17)
    error, _ = refused(whole({"environment": f"environment: {{adapter: minigrid, id: [{names}]}}"}))
    assert [each.message for each in error.diagnostics] == [
        "environment.id: at most 16 entries are possible here"
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {
            "network": "network: {family: group_mlp, hidden: '"
            + "8 regular + " * 2_000
            + "8 regular'}"
        },
        {
            "network": "network: {family: group_mlp, hidden: '"
            + "8 trivial + " * 500
            + "8 trivial'}"
        },
        {
            "environment": "environment: {adapter: gymnasium_env, id: CartPole-v1, kwargs: "
            f"{{{keys('k')}}}}}"
        },
        {"symmetry": "symmetry: {group: D1, states: '" + "(" * 8_000 + "', actions: trivial}"},
    ],
)
def test_a_mistake_that_quotes_a_page_is_cut_short(changed):
    error, _ = refused(whole(changed))
    assert all(
        len(each.message) <= LONGEST + 10 and len(each.hint) <= LONGEST + 10
        for each in error.diagnostics
    )


def test_abridged_keeps_both_ends():
    text = "cause " * 1_000 + "end"
    assert abridged("short") == "short"
    assert abridged(text).startswith("cause ")
    assert abridged(text).endswith("end")
