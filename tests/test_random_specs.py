"""Random specs: what `check` accepts has power and is what it claims to be, and nothing raises but
a SpecError.
"""

from collections import Counter

import pytest

from symgen import lookup
from symgen.families import _attention_rules, graph_attention
from tests.random_specs import draw, outcome, outcomes


def assert_sound(accepted: int, first: int) -> Counter[str]:
    """How often each family was accepted."""
    drawn = [outcome for outcome in outcomes(accepted, first) if not outcome.refused]
    wrong = [(outcome.faults, outcome.spec) for outcome in drawn if outcome.faults]
    assert not wrong, wrong[0]
    # turns between pixels, which only measuring can judge
    assert sum(outcome.coarse for outcome in drawn) <= accepted // 10
    return Counter(outcome.family for outcome in drawn)


def test_what_is_accepted_is_sound():
    assert assert_sound(60, first=10_000).keys() == set(lookup.keywords("family"))


@pytest.mark.slow(minutes=1)
@pytest.mark.parametrize("part", range(10))
def test_a_thousand_that_are_accepted_are_sound(part):
    assert min(assert_sound(100, first=10_000 * (part + 2)).values()) > 1


def test_specs_are_drawn_from_their_seeds():
    assert draw(3) == draw(3) != draw(4)


NARROW = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 5},
    "symmetry": {"group": "C4"},
    "network": {"family": "graph_attention", "width": 4, "heads": 1},
}


def test_a_rule_that_is_missing_is_found(monkeypatch):
    """The control: LayerNorm of one copy, accepted."""
    assert outcome(NARROW).refused == ("width",)
    monkeypatch.setattr(_attention_rules, "normalised", lambda *_: [])
    assert any("no power" in fault or "broken" in fault for fault in outcome(NARROW).faults)


def test_a_check_that_raises_is_found(monkeypatch):
    monkeypatch.setattr(graph_attention, "check", lambda _: {}["missing"])
    assert outcome(NARROW).faults == ("KeyError: 'missing'",)
