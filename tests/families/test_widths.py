"""Every family can be made wider and narrower, and those that a group binds have a free twin."""

from dataclasses import replace

import pytest

from symgen import lookup
from symgen.algebra.fieldtype import vector
from symgen.compiler import plan_spec
from symgen.problem.fault import Refused
from symgen.problem.problem import Problem
from tests.families.examples import VARIANTS, cases
from tests.families.problems import example, faults_of

FIRST = {
    (family, variant): (family, variant, world)
    for family, variant, world in reversed(cases(wide=False))
}


def widened(of: Problem, factor: float) -> Problem:
    options = of.family.scaled(of.design, factor)
    # what is written into a spec is read again
    written = options.model_dump_json(by_alias=True, exclude_unset=True)
    again = type(options).model_validate_json(written, strict=True)
    assert again == options
    return replace(of, family_options=again)


@pytest.mark.parametrize(("family", "variant", "world"), FIRST.values())
def test_weights_grow_with_the_factor(family, variant, world):
    this = example(family, variant, world)
    assert this.family.scaled(this.design, 1) == this.family_options
    weights = [plan_spec(widened(this, factor)).weights for factor in (1, 2, 4)]
    assert weights == sorted(set(weights))
    assert faults_of(widened(this, 2)) == []
    # twice as wide, at most four times the weights of what is read and made, and rounding
    assert weights[1] < 5 * weights[0]
    half = widened(this, 0.5)
    if not faults_of(half):
        assert plan_spec(half).weights <= weights[0]


@pytest.mark.parametrize(("family", "variant", "world"), FIRST.values())
def test_a_bound_family_has_a_twin_that_no_group_binds(family, variant, world):
    this = example(family, variant, world)
    written = this.family.twin(this.design)
    if not this.family.BINDS:
        assert written is None
        return
    options = dict(written)
    twin = lookup.declaration("family", options.pop("family"))
    assert not twin.BINDS
    free = replace(
        this,
        family=twin,
        family_options=twin.Options.model_validate(options),
        constraint=lookup.declaration("constraint", "none"),
        constraint_options=lookup.options("constraint", "none")(),
    )
    try:
        faults = twin.check(free.design)
    except Refused as refused:
        faults = list(refused.faults)
    images = [field for field in this.observation.values() if field.base.is_picture]
    if len(images) > 1 and twin.__name__.endswith((".cnn", ".vit")):
        assert faults  # they read one image, and say so
        return
    assert [fault for fault in faults if fault.code != "width"] == []


def test_control_every_family_is_among_them():
    assert {family for family, _ in FIRST} == set(VARIANTS) == set(lookup.keywords("family"))


def test_a_twin_is_as_wide():
    this = example("group_mlp", "two trunks", "C4 dict")
    twin = this.family.twin(this.design)
    assert (twin["family"], twin["width"]) == ("mlp", this.design.hidden.size)
    assert vector(this.design.hidden.fibre).size == 16
