"""Plans as values: what a broken one is, how it prints, and the printed plan of every family as golden pairs.

UPDATE_GOLDEN=1 pytest tests/plan     writes the .plan files anew; read the difference before committing it
"""

import dataclasses
import os
from pathlib import Path

import pytest
import yaml

from symgen import lookup
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import parse
from symgen.compiler import check_spec, plan_spec
from symgen.plan.invariants import INVARIANTS, validate
from symgen.plan.ir import Plan, Step
from tests.families.laws import assert_plan
from tests.families.problems import problem

GOLDEN = Path(__file__).parents[1] / "golden" / "plans"
PAIRS = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("name", PAIRS)
def test_golden(name):
    made = check_spec(GOLDEN / f"{name}.yaml")
    plan = plan_spec(made)
    expected = GOLDEN / f"{name}.plan"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(f"{plan}\n", encoding="utf-8")
    assert f"{plan}\n" == expected.read_text(encoding="utf-8")
    assert_plan(plan, made)


def test_golden_pairs_are_complete():
    assert {path.stem for path in GOLDEN.glob("*.plan")} == set(PAIRS)
    shown = {yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())["network"]["family"] for name in PAIRS}
    assert shown == set(lookup.keywords("family"))


def plan(**changes) -> Plan:
    """A valid plan of three steps, with some fields of its second step replaced."""
    c4 = group("C4")
    seen, hidden, acted, number = (parse(c4, f"point: {t}") for t in ("standard", "2 regular", "regular", "trivial"))
    steps = [
        Step("hidden", "embedding.Nonlinear", ("observation",), (seen,), hidden, "exact", 6),
        Step("policy", "tied_linear.TiedLinear", ("hidden",), (hidden,), acted, "exact", 9),
        Step("value", "tied_linear.TiedLinear", ("hidden",), (hidden,), number, "exact", 3),
    ]
    steps[1] = dataclasses.replace(steps[1], **changes)
    return Plan("group_mlp", {"observation": seen}, tuple(steps))


D4, C4 = group("D4"), group("C4")
BROKEN = {
    "an input that does not exist": ({"inputs": ("nothing",)}, "policy: input nothing does not exist"),
    "a name twice": ({"name": "hidden"}, "hidden: the name is taken"),
    "the name of a term": ({"name": "observation"}, "observation: the name is taken"),
    "another type": (
        {"in_types": (parse(C4, "point: 2 trivial"),)},
        "policy: hidden is point: 2 regular, expected point: 2 trivial",
    ),
    "another group": (
        {"in_types": (parse(D4, "point: 2 regular"),)},
        "policy: hidden is point: 2 regular, expected point: 2 regular",
    ),
    "a type missing": ({"in_types": ()}, "policy: 1 inputs but 0 types"),
    "no policy": ({"name": "decision"}, "there is no step called policy"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_plans_are_refused(broken):
    changes, message = BROKEN[broken]
    with pytest.raises(ValueError, match="the plan is broken") as caught:
        validate(plan(**changes))
    assert message in str(caught.value)
    assert validate(plan()) == plan()


@pytest.mark.parametrize("fibre", ["sign", "2 trivial"])
def test_a_value_that_is_no_invariant_number_is_refused(fibre):
    whole = plan()
    value = dataclasses.replace(whole.steps[2], out_type=parse(C4, f"point: {fibre}"))
    with pytest.raises(ValueError, match="the value is not an invariant number"):
        validate(dataclasses.replace(whole, steps=(*whole.steps[:2], value)))


def test_an_input_made_later_does_not_exist():
    whole = plan()
    with pytest.raises(ValueError, match="hidden does not exist"):
        validate(dataclasses.replace(whole, steps=whole.steps[::-1]))


def test_every_invariant_can_fail():
    messages = [message for _, message in BROKEN.values()]
    for invariant in INVARIANTS:
        found = [each for changes, _ in BROKEN.values() for each in invariant(plan(**changes))]
        assert set(found) & set(messages), invariant.__name__
        assert not list(invariant(plan()))


def test_values():
    whole = plan()
    assert whole.weights == 18
    assert whole.step("policy").weights == 9
    with pytest.raises(KeyError):
        whole.step("nothing")
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.family = "mlp"
    assert str(whole) == (
        "group_mlp under C4: 18 weights\n"
        "observation  observation -> point: standard\n"
        "hidden       observation -> point: 2 regular  Nonlinear   exact  6\n"
        "policy       hidden -> point: regular         TiedLinear  exact  9\n"
        "value        hidden -> point: trivial         TiedLinear  exact  3"
    )


def test_plans_are_the_same_every_time():
    made = problem("C4 dict", "graph_attention", {"readout": "both"})
    one, two = (made.family.plan(made) for _ in range(2))
    assert one == two
    assert str(one) == str(two)
    assert str(one) != str(problem("C4 dict", "graph_attention").family.plan(made).steps)


def test_planning_imports_no_torch():
    import subprocess
    import sys

    code = (
        "import sys; from symgen.compiler import check_spec, plan_spec; str(plan_spec(check_spec(sys.argv[1]))); "
        "assert 'torch' not in sys.modules"
    )
    spec = str(GOLDEN / f"{PAIRS[0]}.yaml")
    subprocess.run([sys.executable, "-c", code, spec], check=True)
    failing = subprocess.run([sys.executable, "-c", "import torch; " + code, spec], capture_output=True, check=False)
    assert failing.returncode == 1
