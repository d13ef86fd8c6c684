"""Every shipped spec is right, and its group is not refuted where the environment can be asked
exactly.
"""

from pathlib import Path

import pytest

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.proofs.check_env import check_environment

SPECS = Path(__file__).parent.parent / "specs"
SHIPPED = sorted(str(path.relative_to(SPECS)) for path in SPECS.rglob("*.yaml"))
CHIRAL = "gridworld/sit_chiral.yaml"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_spec_is_right(name):
    problem = check_spec(SPECS / name)
    first = (SPECS / name).read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")  # it says what it is for
    assert problem.spec.train.steps > 0


def test_shipped_names_are_unique():
    """Runs are kept by the name of the file, whatever its folder."""
    names = [Path(name).stem for name in SHIPPED]
    assert len(names) > 20
    assert len(set(names)) == len(names)


def test_a_spec_that_is_wrong_is_refused(tmp_path):
    spec = (SPECS / CHIRAL).read_text(encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text(spec.replace("size: 9", "size: 8"), encoding="utf-8")
    with pytest.raises(SpecError):
        check_spec(tmp_path / "wrong.yaml")


# The others read an invariant policy from absolute moves, as the paper does: there the group is no
# symmetry of the task.
@pytest.mark.parametrize(
    "name",
    [
        CHIRAL,
        "gridworld/sit_protocol_equivariant.yaml",
        "dm_control/cartpole_swingup_d1.yaml",
        "sensors/cartpole_swingup_group_mlp.yaml",
        "sensors/cartpole_swingup_mlp.yaml",
    ],
)
def test_the_environment_agrees(name):
    if name.startswith("dm_control"):
        pytest.importorskip("dm_control")
    assert check_environment(check_spec(SPECS / name), samples=60).holds


def test_tilted_gravity_is_refuted_as_its_spec_says():
    pytest.importorskip("dm_control")
    report = check_environment(
        check_spec(SPECS / "dm_control/acrobot_tilted_relaxed.yaml"), samples=20
    )
    assert [row.verdict for row in report.rows] == ["refuted"]


def test_the_paper_s_reading_is_refuted_as_a_symmetry():
    """Only the observation is turned there, so the environment itself must not agree."""
    report = check_environment(check_spec(SPECS / "gridworld/sit_protocol.yaml"), samples=60)
    assert {row.verdict for row in report.rows} == {"refuted"}
