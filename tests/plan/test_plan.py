"""Plans as values: what a broken one is, how it prints, and the printed plan of every family as
golden pairs.

UPDATE_GOLDEN=1 pytest tests/plan     writes the .plan files anew; read the difference first
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
from symgen.operations.embedding import Nonlinear
from symgen.operations.operation import Operation
from symgen.operations.plain import Dense, Perceptron
from symgen.operations.tied_linear import TiedLinear
from symgen.plan.invariants import INVARIANTS, validate
from symgen.plan.plan import Plan, Step
from symgen.problem.output import Output, Privileged
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
    shown = {
        yaml.safe_load((GOLDEN / f"{name}.yaml").read_text())["network"]["family"] for name in PAIRS
    }
    assert shown == set(lookup.keywords("family"))


D4, C4 = group("D4"), group("C4")
SEEN, HIDDEN, ACTED, NUMBER = (
    parse(C4, f"point: {fibre}") for fibre in ("standard", "2 regular", "regular", "trivial")
)
OF_VALUES = (Output("policy", "action", "actor"), Output("value", "invariant", "critic"))
OF_ACTION_VALUES = (
    Output("policy", "action", "actor"),
    Output("log_std", "deviation", "actor"),
    Output("q1", "invariant", "critic", reads="action"),
    Output("q2", "invariant", "critic", reads="action"),
)


def plan(**changes) -> Plan:
    """A valid plan of three steps, with some fields of its second step replaced."""
    steps = [
        Step("hidden", ("observation",), Nonlinear(HIDDEN, (SEEN,), "relu")),
        Step("policy", ("hidden",), TiedLinear(ACTED, HIDDEN)),
        Step("value", ("hidden",), TiedLinear(NUMBER, HIDDEN)),
    ]
    steps[1] = dataclasses.replace(steps[1], **changes)
    return Plan("group_mlp", {"observation": SEEN}, tuple(steps), OF_VALUES)


def linear(target: str, *sources: str) -> Nonlinear:
    """A map between fibres of C4."""
    types = tuple(parse(C4, f"point: {source}") for source in sources)
    return Nonlinear(parse(C4, f"point: {target}"), types, "relu")


BROKEN = {
    "an input that does not exist": (
        {"inputs": ("nothing",)},
        "policy: input nothing does not exist",
    ),
    "a name twice": ({"name": "hidden"}, "hidden: the name is taken"),
    "the name of a term": ({"name": "observation"}, "observation: the name is taken"),
    "another type": (
        {"operation": linear("regular", "2 trivial")},
        "policy: hidden is point: 2 regular, expected point: 2 trivial",
    ),
    "another group": (
        {"operation": TiedLinear(parse(D4, "point: regular"), parse(D4, "point: 2 regular"))},
        "policy: hidden is point: 2 regular, expected point: 2 regular",
    ),
    "a type missing": (
        {"operation": Nonlinear(ACTED, (), "relu")},
        "policy: 1 inputs but 0 types",
    ),
    "no policy": ({"name": "decision"}, "there is no step called policy"),
}


def judging(step_name: str = "", **changes) -> Plan:
    """A valid plan with action-value critics, with some fields of the step `step_name` replaced."""
    steps = [
        Step("policy", ("observation",), linear("regular", "standard")),
        Step("log_std", ("observation",), linear("regular", "standard")),
        Step("q1", ("observation", "action"), linear("trivial", "standard", "regular")),
        Step("q2", ("observation", "action"), linear("trivial", "standard", "regular")),
    ]
    steps = [
        dataclasses.replace(step, **changes) if step.name == step_name else step for step in steps
    ]
    return Plan("group_mlp", {"observation": SEEN}, tuple(steps), OF_ACTION_VALUES)


BROKEN_CRITICS = {
    "a q that is no number": (
        "q2",
        {"operation": linear("2 trivial", "standard", "regular")},
        "the q2 is not an invariant number",
    ),
    "a q that is no invariant": (
        "q1",
        {"operation": linear("sign", "standard", "regular")},
        "the q1 is not an invariant number",
    ),
    "another action": (
        "q1",
        {"operation": linear("trivial", "standard", "standard")},
        "q1: action is point: regular, expected point: standard",
    ),
    "a q of observations": (
        "q2",
        {"inputs": ("observation",), "operation": linear("trivial", "standard")},
        "the q2 does not read the action",
    ),
    "a policy of actions": (
        "log_std",
        {"inputs": ("action",), "operation": linear("regular", "regular")},
        "the log_std reads the action",
    ),
    "no deviation": ("log_std", {"name": "scale"}, "there is no step called log_std"),
    "one q": ("q2", {"name": "q3"}, "there is no step called q2"),
    "a step of the name of the action": (
        "log_std",
        {"name": "action"},
        "action: the name is taken",
    ),
}


SHARED, LONE = Privileged((2,)), Perceptron((SEEN,), (2,))


def privileged(judge: Operation, *reads: str, head: Operation | None = None) -> Plan:
    """A plan with a privileged critic, of which the first step reads these."""
    number = Output("value", "invariant", "critic", training=SHARED)
    steps = (
        *plan().steps[:2],
        Step("judge", reads, judge),
        Step("value", ("judge",), head or Dense(NUMBER, judge.output)),
    )
    return dataclasses.replace(plan(), steps=steps, outputs=(OF_VALUES[0], number))


BROKEN_TRAINING = {
    "a critic that shares": (
        privileged(Perceptron((HIDDEN,), (2,)), "hidden"),
        "the value is privileged, and shares hidden",
    ),
    "a critic that is bound": (
        privileged(linear("2 trivial", "standard"), "observation"),
        "judge: group_mlp binds what is for training only",
    ),
}


@pytest.mark.parametrize("broken", BROKEN_TRAINING)
def test_training_that_is_not_apart_is_refused(broken):
    wrong, message = BROKEN_TRAINING[broken]
    with pytest.raises(ValueError, match="the plan is broken") as caught:
        validate(wrong)
    assert message in str(caught.value)
    right = privileged(LONE, "observation")
    assert validate(right) == right
    assert [step.name for step in right.training_steps] == ["judge", "value"]


@pytest.mark.parametrize("broken", BROKEN_CRITICS)
def test_broken_critics_are_refused(broken):
    name, changes, message = BROKEN_CRITICS[broken]
    with pytest.raises(ValueError, match="the plan is broken") as caught:
        validate(judging(name, **changes))
    assert message in str(caught.value)
    assert validate(judging()) == judging()


def test_a_term_of_the_name_of_the_action_is_refused():
    whole = judging()
    terms = {**whole.terms, "action": parse(C4, "point: regular")}
    with pytest.raises(ValueError, match="action: the name is taken"):
        validate(dataclasses.replace(whole, terms=terms))
    validate(dataclasses.replace(plan(), terms={**plan().terms, **terms}))


def test_the_value_reads_no_action():
    with pytest.raises(ValueError, match="input action does not exist"):
        validate(plan(inputs=("action",)))


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
    value = dataclasses.replace(whole.steps[2], operation=linear(fibre, "2 regular"))
    with pytest.raises(ValueError, match="the value is not an invariant number"):
        validate(dataclasses.replace(whole, steps=(*whole.steps[:2], value)))


def test_an_input_made_later_does_not_exist():
    whole = plan()
    with pytest.raises(ValueError, match="hidden does not exist"):
        validate(dataclasses.replace(whole, steps=whole.steps[::-1]))


def test_every_invariant_can_fail():
    cases = (*BROKEN.values(), *BROKEN_CRITICS.values(), *BROKEN_TRAINING.values())
    messages = [message for *_, message in cases]
    broken = [plan(**changes) for changes, _ in BROKEN.values()]
    broken += [judging(name, **changes) for name, changes, _ in BROKEN_CRITICS.values()]
    broken += [wrong for wrong, _ in BROKEN_TRAINING.values()]
    for invariant in INVARIANTS:
        found = [each for one in broken for each in invariant(one)]
        assert set(found) & set(messages), invariant.__name__
        assert not [*invariant(plan()), *invariant(judging())]


def test_values():
    whole = plan()
    assert whole.weights == 4 + 2 + 8 + 1 + 2 + 1
    assert whole.step("policy").weights == 9
    with pytest.raises(KeyError):
        whole.step("nothing")
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole.family = "mlp"
    assert str(whole) == (
        "group_mlp under C4: 18 weights\n"
        "observation  observation -> point: standard\n"
        "hidden       observation -> point: 2 regular  exact  6  Nonlinear(activation=relu)\n"
        "policy       hidden -> point: regular         exact  9  TiedLinear\n"
        "value        hidden -> point: trivial         exact  3  TiedLinear\n"
        "outputs: policy (actor, as the action), value (critic, invariant)"
    )


def test_plans_are_the_same_every_time():
    made = problem("C4 dict", "graph_attention", {"readout": "both"})
    one, two = (plan_spec(made) for _ in range(2))
    assert one == two
    assert str(one) == str(two)
    assert str(one) != str(plan_spec(problem("C4 dict", "graph_attention")))


def test_planning_imports_no_torch():
    import subprocess
    import sys

    code = (
        "import sys; from symgen.compiler import check_spec, plan_spec; "
        "str(plan_spec(check_spec(sys.argv[1]))); "
        "assert 'torch' not in sys.modules"
    )
    spec = str(GOLDEN / f"{PAIRS[0]}.yaml")
    subprocess.run([sys.executable, "-c", code, spec], check=True)
    failing = subprocess.run(
        [sys.executable, "-c", "import torch; " + code, spec], capture_output=True, check=False
    )
    assert failing.returncode == 1
