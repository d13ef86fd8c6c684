"""Every arm compiled and verified, or listed with its reason."""

import json

import pytest
from typer.testing import CliRunner

from symgen.cli import app
from symgen.compiler import compile_spec
from symgen.errors import CODES
from symgen.spec.source import read
from symgen.study.alike import alike
from symgen.study.conditions import checked
from symgen.study.matrix import matrix
from symgen.study.study import study_of
from symgen.study.width import TOLERANCE
from tests.study.specs import CARTPOLE, LAVA


@pytest.fixture(scope="module")
def lava():
    return matrix(study_of(read({**LAVA, "evaluate": {"turned": {"transform": "r"}}})))


def test_each_suggested_arm_compiles_and_verifies_or_has_a_reason(lava):
    reference = lava.rows[0]
    assert reference.arm.is_reference
    assert reference.runs
    for row in lava.rows:
        if row.refusal is not None:
            assert row.refusal.code in CODES
            continue
        assert row.weights
        assert row.flops
        assert row.verification
        near = abs(row.weights - reference.weights) <= TOLERANCE * reference.weights
        assert near != any("weights" in note for note in row.notes)  # it is said, or it is so
    assert [arm.name for arm in lava.study.arms] == [r.arm.name for r in lava.rows if r.runs]
    assert {row.arm.axis for row in lava.rows} >= {"group", "constraint", "output", "hidden fibre"}


def test_exact_arms_are_exact(lava):
    by_name = {row.arm.name: row for row in lava.rows}
    assert by_name["group=wrong"].verification.startswith("exact")
    assert by_name["group=C1"].verification == "nothing to verify"
    assert by_name["constraint=none"].verification.startswith("claims nothing")


def test_a_condition_that_an_arm_cannot_play_is_left_out_and_said(lava):
    """r of C2 is a half turn; a quarter turn it cannot say, and a wrong group means another one."""
    by_name = {row.arm.name: row for row in lava.rows}
    for name in ("group=C2", "group=C1", "group=wrong", "output=invariant"):
        assert by_name[name].arm.edits["evaluate"] == {}
        assert by_name[name].notes[0] == "not evaluated under turned, which it cannot play"
    assert "evaluate" not in by_name["base"].arm.edits
    assert "evaluate" not in by_name["constraint=none"].arm.edits


def test_a_condition_is_the_same_in_the_words_of_every_arm():
    conditions = {
        "half": {"transform": "rr"},
        "seen": {"observation": "rr"},
        "noisy": {"observation_noise": 0.1},
    }
    study = study_of(read({**LAVA, "evaluate": conditions}))
    arms = {arm.name: arm for arm in study.arms}
    for name, half, seen in (("group=C2", "r", "r"), ("group=wrong", "rr", "rr")):
        problem, _, notes = checked(arms[name], study)
        assert problem.spec.evaluate["half"] == {"transform": half}
        assert problem.spec.evaluate["seen"] == {"observation": seen}
        assert not notes
    problem, _, notes = checked(arms["output=invariant"], study)
    assert set(problem.spec.evaluate) == {"seen", "noisy"}  # its actions stay
    assert notes == ("not evaluated under half, which it cannot play",)


def test_what_does_not_compile_is_listed():
    ablate = {"network.hidden": ["8 regular + 3 sgn"], "symmetry.group": ["C3"]}
    rows = matrix(study_of(read({**LAVA, "ablate": ablate}))).rows
    assert [row.refusal and row.refusal.code for row in rows] == [
        None,
        "hidden-fibre",
        "no-auto",
    ]


def test_equal_arms_are_run_once_and_that_is_said():
    ablate = {"arms": {"one": {"network.depth": 2}, "two": {"network": LAVA["network"]}}}
    ablate["arms"]["two"] = {"network": {**LAVA["network"], "shared": False}}
    rows = matrix(study_of(read({**LAVA, "ablate": ablate}))).rows
    assert [row.same_as for row in rows] == ["", "", "base"]
    assert rows[2].notes == ("the same network and training as base: not run twice",)


def test_what_is_alike_is_measured():
    tokens = {"states": {"observation": "tokens"}, "actions": "trivial", "output": "invariant"}
    spec = {
        **CARTPOLE,
        "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
        "network": {"family": "sensor_attention", "memory": "none", "slots": 4, "head": [8]},
    }

    def compiled(group, **symmetry):
        changed = {**spec, "symmetry": {"group": group, **tokens, **symmetry}}
        return compile_spec(changed, seed=0, verify=False)

    any_order = compiled("S3")
    assert alike(any_order, compiled("S3"))
    assert alike(any_order, compiled("C3"))  # the family shares its weights in any case
    assert not alike(any_order, compiled("S3", constraint="relaxed"))
    # the same network, trained on other copies
    assert not alike(any_order, compiled("S3", constraint="augment"))
    assert not alike(compiled("S3", constraint="augment"), compiled("C3", constraint="augment"))
    one = compile_spec({**LAVA, "network": {"family": "group_mlp", "hidden": "8 regular"}}, seed=0)
    assert not alike(one, compile_spec(LAVA, seed=0))


def test_the_verb_prints_the_matrix(tmp_path):
    path = tmp_path / "lava.yaml"
    path.write_text(read({**LAVA, "ablate": {"network.depth": [2, 99]}}).text)
    done = CliRunner().invoke(app, ["ablate", str(path), "--dry-run", "--no-probe", "-q"])
    assert done.exit_code == 0, done.output
    assert "network.depth=2" in done.output
    assert "does not run: wrong-value" in done.output
    assert not (tmp_path / "runs").exists()
    arguments = ["ablate", str(path), "--dry-run", "--json", "--seeds", "2"]
    done = CliRunner().invoke(app, arguments)
    told = json.loads(done.stdout)
    assert told["seeds"] == [0, 1]
    assert [arm["name"] for arm in told["arms"]] == ["base", "network.depth=2", "network.depth=99"]
    assert told["arms"][0]["seconds_per_step"] > 0
    assert told["arms"][2]["refusal"]["code"] == "wrong-value"
