"""verify measures sequences where a network has memory: what it says, and what it remembers."""

import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import Network
from symgen.proofs.verify import Setting, Verification, verify
from tests.families.problems import example, problem
from tests.nn.remembering import Leaky, remembering

OVER = {"policy over 50 steps", "value over 50 steps"}
ROWS = {"policy", "value", *OVER, "state of memory"}
WORLDS = ["C4 grid 5x5", "D1 cart", "C4 dict of everything", "D3 plane"]


def network(this, slip=0.0) -> Network:
    torch.manual_seed(0)
    return remembering(plan_spec(this), this.interface, slip=slip)


def measured(this, built, **options) -> Verification:
    return verify(built, Setting.of(this), **options)


def by_verdict(report: Verification, verdict: str) -> set[str]:
    return {row.output for row in report.rows if row.verdict == verdict}


@pytest.mark.parametrize("world", WORLDS)
def test_sequences_are_exact(world):
    this = example("group_mlp", "shared", world)
    report = measured(this, network(this))
    assert report.exact
    assert {row.output for row in report.rows} == ROWS
    assert len(report.rows) == 2 * len(this.group.generators) * len(ROWS)
    assert min(row.control for row in report.rows) > 1e-3


def test_the_length_of_a_sequence_is_said():
    this = example("group_mlp", "shared", "C4 grid 5x5")
    report = measured(this, network(this), steps=5)
    assert report.exact
    assert "policy over 5 steps" in {row.output for row in report.rows}


def test_a_memory_that_breaks_the_symmetry_is_found_in_sequences_alone():
    """At the first step of an episode it is zero, and single observations are told nothing."""
    this = example("group_mlp", "shared", "C4 grid 5x5")
    report = measured(this, network(this, slip=1e-3))
    assert by_verdict(report, "broken") == {*OVER, "state of memory"}
    assert by_verdict(report, "exact") == {"policy", "value"}
    assert not report.holds
    allowed = measured(this, network(this, slip=1e-3), promise="relaxed")
    assert by_verdict(allowed, "relaxed") == {*OVER, "state of memory"}
    assert allowed.holds


def test_a_slip_of_1e_9_is_seen_in_float64():
    this = example("group_mlp", "shared", "C4 grid 5x5")
    report = measured(this, network(this, slip=1e-9).double())
    assert {row.dtype for row in report.rows if row.verdict == "broken"} == {"float64"}


def test_what_remembers_nothing_has_no_power(monkeypatch):
    this = example("group_mlp", "shared", "C4 grid 5x5")
    built = network(this)
    monkeypatch.setattr(Leaky, "forward", lambda self, x, state: (x, 0 * state))
    report = measured(this, built)
    assert by_verdict(report, "no power") == {*OVER, "state of memory"}
    assert by_verdict(report, "exact") == {"policy", "value"}


def test_an_output_that_ignores_the_memory_has_no_power(monkeypatch):
    this = example("group_mlp", "shared", "C4 grid 5x5")
    built = network(this)
    monkeypatch.setattr(Leaky, "forward", lambda self, x, state: (x, (x + state / 2).tanh()))
    assert by_verdict(measured(this, built), "no power") == OVER


def test_a_memory_that_the_group_does_not_move_is_compared_with_others():
    this = problem("C4 grid 5x5", "mlp", constraint="none")
    torch.manual_seed(0)
    plan = plan_spec(this)
    built = remembering(plan, this.interface, after="value_hidden")
    assert str(built.states["memory"].fibre) == "64 trivial"
    rows = {row.output: row for row in measured(this, built, promise="none").rows}
    assert rows["state of memory"].verdict == rows["value over 50 steps"].verdict == "broken"
    assert min(rows[name].control for name in ("state of memory", "value over 50 steps")) > 1e-2


def test_only_what_depends_on_the_memory_is_measured_over_steps():
    this = example("group_mlp", "two trunks", "C4 grid 5x5")
    torch.manual_seed(0)
    plan = plan_spec(this)
    built = remembering(plan, this.interface, after="policy_hidden1")
    report = measured(this, built)
    assert built.remembering == ("policy",)
    assert report.exact
    assert {row.output for row in report.rows} == ROWS - {"value over 50 steps"}


def test_without_memory_there_are_no_sequences():
    from symgen.nn.network import build

    this = example("group_mlp", "shared", "C4 grid 5x5")
    built = build(plan_spec(this), this.interface)
    assert {row.output for row in measured(this, built).rows} == {"policy", "value"}
