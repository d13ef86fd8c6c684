"""The arms of an `ablate:` section."""

import pytest

from symgen.compiler import check_spec, plan_spec
from symgen.errors import SpecError
from symgen.experiment.in_force import resolved
from symgen.spec.edit import edit
from symgen.spec.source import from_text, read
from symgen.study.arm import without_study
from symgen.study.study import study_of
from tests.study.specs import LAVA


def study(ablate, **changes):
    return study_of(read({**LAVA, **changes, "ablate": ablate}))


def names(ablate, **changes):
    return [arm.name for arm in study(ablate, **changes).arms]


def test_one_value_at_a_time():
    axes = {"network.depth": [1, 2], "network.activation": ["tanh", "gelu"]}
    assert names(axes) == [
        "base",
        "network.depth=2",  # a depth of 1 is the spec itself
        "network.activation=tanh",
        "network.activation=gelu",
    ]
    assert "network.depth=1 is the spec itself" in study(axes).notes
    assert names({"axes": axes}) == names(axes)  # the short form says the same


def test_the_grid():
    axes = {"network.depth": [1, 2], "network.activation": ["relu", "gelu"]}
    assert names({**axes, "cross": True}) == [
        "base",
        "network.activation=gelu,network.depth=1",
        "network.activation=relu,network.depth=2",
        "network.activation=gelu,network.depth=2",
    ]


def test_a_condition_between_axes_crosses_them():
    axes = {"network.depth": [1, 2], "network.activation": ["relu", "gelu"]}
    assert names({**axes, "where": "depth == 2 and activation == gelu"}) == [
        "base",
        "network.activation=gelu,network.depth=2",
    ]
    # a value that no axis names is the spec's, defaults included
    assert names({**axes, "where": "network.shared == true"}) == ["base"]
    one_by_one = {**axes, "where": "depth == 1", "cross": False}
    assert names(one_by_one) == ["base", "network.activation=gelu"]


def test_an_axis_that_varies_only_where_another_has_a_value():
    ablate = {
        "network.depth": [1, 2],
        "network.activation": ["tanh", "gelu"],
        "where": {"network.activation": "depth == 2"},
    }
    assert names(ablate) == [
        "base",
        "network.activation=tanh,network.depth=2",
        "network.activation=gelu,network.depth=2",
    ]


def test_named_arms():
    arms = {"plain one": {"network": {"family": "mlp"}, "symmetry.constraint": "none"}}
    _base, plain = study({"arms": arms}).arms
    assert (plain.name, plain.fixed) == ("plain-one", ("family",))
    assert plain.label.startswith("plain one: ")
    assert check_spec(plain.source(read(LAVA))).spec.network.family == "mlp"


def test_a_smaller_group_takes_the_action_with_it():
    _, arm = study({"symmetry.group": ["C2"]}).arms
    assert arm.edits == {
        "symmetry.group": "C2",
        "symmetry.actions": {"r": {"up": "down", "left": "right", "down": "up", "right": "left"}},
        "network.hidden": "16 regular",
    }
    arms = {"by hand": {"symmetry.group": "C2", "symmetry.actions": "auto", "network.depth": 2}}
    _, arm = study({"arms": arms}).arms
    assert arm.edits["symmetry.actions"] == "auto"  # what it says itself stays


def test_a_wrong_group():
    _, arm = study({"symmetry.group": [{"wrong": "C4"}]}).arms
    assert arm.name == "symmetry.group=wrong-C4"
    assert arm.control
    assert arm.edits["symmetry.actions"]["r"]["up"] == "right"


def test_where_there_is_no_wrong_group_there_is_no_arm():
    made = study({"symmetry.group": [{"wrong": "C1"}, "C2"]})
    assert [arm.name for arm in made.arms] == ["base", "symmetry.group=C2"]
    assert made.notes == ("no arm wrong-C1: C1 moves nothing",)


def test_a_constraint_of_free_networks_takes_the_free_twin():
    values = ["relaxed", "augment", "none"]
    _, relaxed, augment, none = study({"symmetry.constraint": values}).arms
    assert "network" not in relaxed.edits
    assert augment.edits["network"]["family"] == none.edits["network"]["family"] == "mlp"
    assert augment.edits["network"]["width"] == 32  # as many units as channels


def test_the_spec_in_the_design_is_read():
    text = """
  hold: weights
  axes:
    symmetry.group: [D4, C4, C2, C1, {wrong: C4}]
    symmetry.constraint: [exact, relaxed, augment, mirror_loss, none]
  where: "constraint == exact or group == C4"
  arms: {plain: {network: {family: cnn}, symmetry.constraint: none}}
"""
    spec = read({**LAVA, "symmetry": {"group": "D4"}}).text
    made = study_of(from_text(f"{spec}ablate:{text}"))
    assert made.hold == "weights"
    assert len(made.arms) == 1 + 4 + 4 + 1
    for arm in made.arms:
        check_spec(arm.source(made.source))


def test_seeds_are_the_studys_own():
    assert study({"network.depth": [2], "seeds": [3, 4]}).seeds == (3, 4)
    assert study({"network.depth": [2]}).seeds == (0,)


def test_a_study_changes_nothing_about_its_spec():
    bare = check_spec(read(LAVA))
    with_study = check_spec(read({**LAVA, "ablate": {"network.depth": [1, 2]}}))
    assert str(plan_spec(bare)) == str(plan_spec(with_study))
    assert resolved(bare) == resolved(with_study)
    assert without_study(with_study.source).values == bare.source.values
    assert without_study(bare.source) is bare.source


def test_set_reaches_into_a_study():
    changed = edit(read(LAVA), {"ablate.network.depth": [2], "ablate.hold": "weights"})
    assert changed.values["ablate"] == {"network.depth": [2], "hold": "weights"}
    assert [arm.name for arm in study_of(changed).arms] == ["base", "network.depth=2"]


def test_a_mistake_is_told_at_its_place():
    with pytest.raises(SpecError) as caught:
        study({"network.dept": [1, 2]})
    (mistake,) = caught.value.diagnostics
    assert (mistake.code, mistake.hint) == ("bad-axis", "did you mean 'network.depth'?")
    assert mistake.source_line[mistake.column - 1 :].startswith("network.dept")
