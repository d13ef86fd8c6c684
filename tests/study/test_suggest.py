"""The studies that shipped specs suggest, as golden lists of arms.

UPDATE_GOLDEN=1 pytest tests/study/test_suggest.py     writes them anew; read the difference before
                                                       committing it
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import symgen
from symgen.algebra.catalogue import group
from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.experiment.variant import check_variant, typed
from symgen.spec.source import read
from symgen.study.study import Study, study_of
from symgen.study.subgroups import chain, within
from symgen.study.wrong import Wrong, wrong
from tests.study.specs import CARTPOLE

ROOT = Path(symgen.__file__).parents[1]
GOLDEN = Path(__file__).parents[1] / "golden" / "studies"
SPECS = (
    "gridworld/rotations_c4",
    "gridworld/rotations_d4",
    "gridworld/rotations_mlp",
    "gridworld/sit_chiral_without_triangles",
    "gridworld/turns_c8",
    "control/pendulum_d1",
    "control/cartpole_group",
    "sensors/cartpole_swingup_shuffled",
)


def told(study: Study) -> str:
    """The arms, what they change, and what does not check."""
    lines = []
    for arm in study.arms:
        lines.append(f"{arm.name} ({arm.axis}): {arm.label}")
        lines += [f"    {path}: {typed(value)}" for path, value in arm.edits.items()]
        lines += [f"    control: {arm.control}"] if arm.control else []
        try:
            check_spec(arm.source(study.source))
        except SpecError as error:
            codes = dict.fromkeys(mistake.code for mistake in error.diagnostics)
            lines.append(f"    does not check: {', '.join(codes)}")
    return "\n".join([*lines, *(f"note: {note}" for note in study.notes)]) + "\n"


@pytest.mark.parametrize("name", SPECS)
def test_golden(name):
    study = study_of(read(ROOT / "specs" / f"{name}.yaml"))
    assert study.suggested
    assert study.hold == "weights"
    assert study.arms[0].is_reference
    assert not study.arms[0].edits
    names = [arm.name for arm in study.arms]
    assert len(set(names)) == len(names)
    for arm in study.arms:
        check_variant(arm.name)
    text = told(study)
    expected = GOLDEN / f"{Path(name).name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_no_torch_is_needed():
    code = (
        "import sys; from symgen.spec.source import read; from symgen.study.study import study_of;"
        "study_of(read(sys.argv[1])); print('torch' in sys.modules)"
    )
    spec = str(ROOT / "specs" / "control" / "cartpole_group.yaml")
    done = subprocess.run(
        [sys.executable, "-c", code, spec], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "names"),
    {
        "D4": ["C4", "C2", "C1"],
        "C6": ["C3", "C1"],
        "D1": ["C1"],
        "S5": ["C5", "C1"],
        "O2": ["SO2", "C8", "C4", "C2", "C1"],
        "C2 x C4": ["C1"],
        "C1": [],
    }.items(),
)
def test_chain(name, names):
    whole = group(name)
    subgroups = chain(whole)
    assert [subgroup.name for subgroup in subgroups] == names
    for subgroup in subgroups:
        smaller = subgroup.group
        images = {g: whole.permutation(word) for g, word in subgroup.words.items()}
        assert images.keys() == set(smaller.generators)
        for relation in smaller.relations:  # it is a subgroup: its relations hold there
            word = "".join(subgroup.words[g] for g in smaller.parse(relation))
            assert whole.element(word) == ""
        for g, word in subgroup.words.items():
            assert whole.element(word) != "" or smaller.letter_order(g) == 1


def test_what_is_no_subgroup():
    assert within(group("C4"), "D4") is None
    assert within(group("C4"), "C3") is None
    assert within(group("D4"), "X9") is None
    assert within(group("S5"), "C4") is None
    assert within(group("C1"), "C1") is None


def test_a_smaller_group_acts_as_the_larger_one_does():
    source = read(ROOT / "specs" / "gridworld" / "rotations_d4.yaml")
    study = study_of(source)
    whole = study.problem
    for subgroup, arm in zip(chain(whole.group), study.arms[1:], strict=False):
        assert arm.name == f"group={subgroup.name}"
        smaller = check_spec(arm.source(source))
        for generator, word in subgroup.words.items():
            ours = smaller.action.matrix(generator)
            assert (ours == whole.action.matrix(word)).all()
            for name, field in smaller.observation.items():
                before = whole.observation[name].base.permutation(word)
                assert (field.base.permutation(generator) == before).all()
        # as many channels: what moved as D4 does moves as its subgroup
        assert smaller.design.hidden.size == whole.design.hidden.size


def test_the_wrong_group_is_another_action_of_the_same_group():
    source = read(CARTPOLE)
    problem = check_spec(source)
    found = wrong(problem, source)
    assert isinstance(found, Wrong)
    assert found.edits == {"symmetry.states": {"observation": {"s": [-1, -2, 3, 4]}}}


def test_where_there_is_no_other_action_there_is_no_wrong_group():
    values = {**CARTPOLE, "symmetry": {**CARTPOLE["symmetry"], "group": "C1"}}
    values["symmetry"] |= {"states": "trivial", "actions": "trivial"}
    source = read(values)
    assert wrong(check_spec(source), source) == "C1 moves nothing"
