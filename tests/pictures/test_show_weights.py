"""weights.png: what shares a weight is drawn as the algebra says, and says so."""

import numpy as np
import pytest

from symgen.compiler import check_spec, plan_spec
from symgen.pictures import canvas, draw_weights, tied_maps
from symgen.pictures.tied_maps import GAP, map_tables, maps
from tests.experiment.doubles import SPEC
from tests.pictures.legible import complaints

CONV = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 7},
    "symmetry": {"group": "C4"},
    "network": {
        "family": "group_conv",
        "layers": ["2 regular", "2 regular", "2 regular"],
        "hidden": "2 regular",
    },
}
PENDULUM = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [1, -2, -3]}},
        "actions": {"s": [-1]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
    "train": {"algorithm": "sac", "steps": 1000},
}


def plan_of(spec: dict):
    return plan_spec(check_spec(spec))


def drawn(figures, spec: dict, tmp_path, actions=()):
    """The figure that is drawn of a spec's weights."""
    draw_weights.draw_weights(plan_of(spec), None, tmp_path / "weights.png", actions)
    return figures[-1]


def test_of_sac_the_policy_is_shown_and_no_critic():
    plan = plan_of(PENDULUM)
    assert {"q1", "q2", "q2_hidden1"} <= {
        step.name for step in plan.steps
    }  # the control: they are tied, too
    assert [tied.step for tied in maps(plan)] == ["policy_hidden1", "policy"]
    assert map_tables(plan, None)[-1].title.startswith(
        "policy (the mean of the action, before tanh)"
    )


@pytest.mark.parametrize("group", ["C4", "D4"])
def test_a_convolution_is_drawn_as_a_kernel_per_group_element(group):
    plan = plan_of({**CONV, "symmetry": {"group": group}})
    assert [tied.step for tied in maps(plan)] == ["conv1", "conv2", "policy"]
    lifting, between, _ = (part.tables[0] for part in map_tables(plan, None))
    order = 8 if group == "D4" else 4
    assert lifting.index.shape == (3, 4 * order - 1)
    assert between.index.shape == (4 * order - 1,) * 2
    kernels = {
        name: lifting.index[:, 4 * k : 4 * k + 3] for k, (_, name) in enumerate(lifting.right)
    }
    assert np.array_equal(kernels["r"], np.rot90(kernels["e"]))  # W[g](u) = W[e](g^-1 u)
    assert not np.array_equal(kernels["r"], kernels["e"])
    if group == "D4":
        assert np.array_equal(kernels["s"], np.fliplr(kernels["e"]))
    assert (lifting.index[:, 3] == GAP).all()


def test_steerable_kernels_are_those_that_the_weights_combine():
    pytest.importorskip("escnn")
    from symgen.algebra.steerable import kernels

    spec = {
        **CONV,
        "environment": {
            "adapter": "gridworld",
            "size": 7,
            "view": "rgb",
            "resolution": 21,
            "moves": "turn",
        },
    }
    spec = {
        **spec,
        "symmetry": {"group": "C8"},
        "network": {"family": "steerable_conv", "layers": ["2 regular"]},
    }
    first = map_tables(plan_of(spec), None)[0]
    target, source = (maps(plan_of(spec))[0][k] for k in (1, 2))
    basis = kernels(target.fibre, source.fibre, source.base.shape[0])
    values = first.tables[0].values
    side = source.base.shape[0]
    assert values is not None
    assert np.array_equal(values[:side, :side], basis[0, 0, :, 0].reshape(side, side))
    assert np.isnan(values[:, side]).all()
    assert "times these kernels" in first.title


def test_a_weight_that_enters_negatively_looks_different(figures, tmp_path):
    policy = map_tables(plan_of(PENDULUM), None)[-1].tables[0]
    assert (policy.index.tolist(), policy.sign.tolist()) == ([[0, 0]], [[1, -1]])
    plus, minus = draw_weights.shades(policy, 1)[0]
    assert np.allclose(minus, draw_weights.NEGATIVE * plus)
    figure = drawn(figures, PENDULUM, tmp_path)
    assert "minus: the same weight, negated" in figure.get_suptitle()
    assert "−w1" in {text.get_text() for text in figure.axes[-1].texts}


def test_relaxed_weights_start_equal_and_exact_ones_are_shared(figures, tmp_path):
    relaxed = {**CONV, "symmetry": {"group": "C4", "constraint": "relaxed"}}
    assert "start equal" in drawn(figures, relaxed, tmp_path).get_suptitle()
    assert "share a weight" in drawn(figures, CONV, tmp_path).get_suptitle()


def test_rows_and_columns_have_names(figures, tmp_path):
    names = ["up", "left", "down", "right"]
    policy = drawn(figures, CONV, tmp_path, names).axes[-1]
    assert [text.get_text() for text in policy.get_yticklabels()] == names
    assert [text.get_text() for text in policy.get_xticklabels()] == ["e", "r", "r²", "r³"]
    first = drawn(figures, PENDULUM, tmp_path).axes[0]
    assert [text.get_text() for text in first.get_xticklabels()] == [
        "1",
        "2",
        "3",
    ]  # as specs count


@pytest.mark.parametrize(("group", "copies"), [("D4", 3), ("S4", 1)])
def test_large_groups_and_long_names_can_be_read(group, copies, figures, tmp_path):
    from symgen.algebra.catalogue import group as of
    from symgen.algebra.fieldtype import vector
    from symgen.algebra.representation import parse
    from symgen.operations.tied_linear import TiedLinear
    from symgen.plan.plan import Plan, Step

    regular = vector(parse(of(group), "regular"))
    entries = vector(parse(of(group), f"{copies} regular"))
    steps = [
        Step(name, ("x",), TiedLinear(regular, entries))
        for name in ("a_rather_long_name_of_a_step", "policy")
    ]
    names = [f"a_name_of_20_letter{k:02}" for k in range(regular.size)]
    draw_weights.draw_weights(Plan("family", {}, tuple(steps), ()), None, tmp_path / "a.png", names)
    assert complaints(figures[0]) == []


@pytest.mark.parametrize("spec", [CONV, PENDULUM], ids=["conv", "pendulum"])
def test_nothing_is_cut_off_or_written_over(spec, figures, tmp_path):
    assert complaints(drawn(figures, spec, tmp_path)) == []


def test_complaints_find_what_is_wrong():
    figure = canvas.figure(3, 2, "a title")
    axes = figure.subplots()
    assert complaints(figure) == []
    figure.text(0.95, 0.5, "cut off at the right")
    figure.text(0.1, 0.9, "over the title", fontsize=30)
    assert any("cut off" in complaint for complaint in complaints(figure))
    assert any("lies on" in complaint for complaint in complaints(figure))
    assert axes.axison


def test_nothing_tied_no_picture(tmp_path):
    assert draw_weights.draw_weights(plan_of(SPEC), None, tmp_path / "weights.png") is None
    assert tied_maps.maps(plan_of(SPEC)) == []
