"""The option `memory`: where the cells stand, what is refused, what a network shows with them."""

import dataclasses

import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import build
from symgen.operations.recurrent import GRU, LSTM, FreeGRU, FreeLSTM
from symgen.proofs.verify import Setting, verify
from tests.families.examples import World
from tests.families.problems import problem

MASKED = World("D1", {"observation": "point: 2 sign"}, "permutation")
OPTIONS = {"group_mlp": {"hidden": "4 regular"}, "mlp": {"width": 8}}
CELLS = {
    ("group_mlp", "gru"): GRU,
    ("group_mlp", "lstm"): LSTM,
    ("mlp", "gru"): FreeGRU,
    ("mlp", "lstm"): FreeLSTM,
}


def remembering(family: str, kind: str, world: World = MASKED, **options):
    """A problem whose network has memory."""
    constraint = "none" if family == "mlp" else "exact"
    return problem(world, family, {**OPTIONS[family], "memory": kind, **options}, constraint)


@pytest.mark.parametrize(("family", "kind"), CELLS)
@pytest.mark.parametrize(
    ("shared", "names"), [(True, {"memory"}), (False, {"policy_memory", "value_memory"})]
)
def test_a_cell_stands_between_hidden_layers_and_heads(family, kind, shared, names):
    plan = plan_spec(remembering(family, kind, shared=shared))
    cells = {step.name: step for step in plan.steps if step.operation.state is not None}
    assert set(cells) == set(plan.states) == names
    for name, step in cells.items():
        assert type(step.operation) is CELLS[family, kind]
        (before,) = step.inputs
        assert "hidden" in before
        assert step.operation.output == plan.step(before).operation.output
        readers = {other.name for other in plan.steps if name in other.inputs}
        assert readers == ({"policy", "value"} if shared else {name.removesuffix("_memory")})


@pytest.mark.parametrize("family", OPTIONS)
def test_without_memory_nothing_is_added(family):
    plan = plan_spec(remembering(family, "none"))
    assert plan.states == {}
    with_cell = plan_spec(remembering(family, "gru"))
    assert [step for step in with_cell.steps if step.name in {s.name for s in plan.steps}] == [
        with_cell.step(step.name) for step in plan.steps
    ]
    assert {step.name for step in with_cell.steps} - {step.name for step in plan.steps} == {
        "policy_memory",
        "value_memory",
    }


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_gates_of_signs_are_refused(kind):
    signs = {"hidden": "4 sign + 3 regular", "activation": "tanh"}
    with pytest.raises(ValueError, match=f"pointwise-nonlinearity.*the gates of {kind}"):
        remembering("group_mlp", kind, **signs)
    remembering("group_mlp", "none", **signs)  # the neighbours
    remembering("group_mlp", kind, hidden="3 regular", activation="tanh")


def test_gates_of_a_continuous_group_are_refused():
    world = dataclasses.replace(
        MASKED, group="O2", terms={"observation": "point: 2 sign"}, action="sign", kind="continuous"
    )
    options = {"hidden": "4 sign + 4 trivial", "activation": "tanh"}
    with pytest.raises(ValueError, match=r"the gates of gru.*use a finite group, such as D8"):
        problem(world, "group_mlp", {**options, "memory": "gru"})


def test_too_many_gates_are_refused():
    wide = {"hidden": "1100 regular"}
    remembering("group_mlp", "gru", **wide)
    with pytest.raises(ValueError, match=r"too-large.*a map of 8800 x 2200 entries"):
        remembering("group_mlp", "lstm", **wide)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_fifty_steps_do_not_lose_the_symmetry(kind):
    this = remembering("group_mlp", kind, hidden="8 regular", activation="tanh")
    torch.manual_seed(0)
    report = verify(build(plan_spec(this), this.interface), Setting.of(this), steps=50)
    assert report.exact
    over = {row.output: row for row in report.rows if row.dtype == "float64"}
    assert {"policy over 50 steps", "state of policy_memory"} <= set(over)
    assert max(row.error for row in over.values()) <= 1e-12
    assert min(row.control for row in over.values()) > 0.03


def test_a_cell_shows_what_a_layer_shows():
    """An observation that r does not move and a hidden fibre that s alone moves: with a memory as
    without, the policy would be the same for actions that r exchanges.
    """
    world = World("D2", {"observation": "grid 4x6: trivial"}, "permutation")
    for kind in ("none", "gru", "lstm"):
        with pytest.raises(ValueError, match="same for actions that r exchanges"):
            remembering("group_mlp", kind, world, hidden="4 quotient(r)")
        this = remembering("group_mlp", kind, world, hidden="4 quotient(r) + 2 regular")
        torch.manual_seed(0)
        assert verify(build(plan_spec(this), this.interface), Setting.of(this)).holds
