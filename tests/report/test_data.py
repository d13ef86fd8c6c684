"""What run folders hold, and mistakes about them."""

import math
import shutil
from pathlib import Path

import pytest

from symgen.errors import UserError
from symgen.experiment.run import Run
from symgen.report.data import gather
from symgen.report.results import work_out
from symgen.report.run_data import identifier
from symgen.report.write import formats_of
from tests.report.folders import broken_off, noisy, write_arm, write_evaluation, write_study
from tests.report.test_words import compare_golden


def test_a_study_is_read_whole(study):
    [spec] = gather([study]).specs
    assert spec.reference.name == "base"
    assert spec.conditions == ("training", "rotated")
    relaxed = spec.arm("constraint=relaxed")
    assert relaxed.axis == "constraint"
    assert relaxed.edits == {"symmetry.constraint": "relaxed"}
    run = relaxed.runs[3]
    assert (run.seed, run.weights, run.flops, run.step) == (3, 1937, 40_000, 10_000)
    assert run.before == 2e-7
    assert run.after == 0.02
    assert run.curve.shape == (19, 3)  # the first update had no return
    assert run.relaxed["policy_hidden1"].shape == (6, 2, 4)
    assert run.seconds_per_step == pytest.approx(14.3 / 10_000)


def test_a_copied_folder_says_the_same(study, tmp_path):
    copied = Path(shutil.copytree(study, tmp_path / "elsewhere" / study.name))
    first = work_out(gather([study])).specs[0]
    second = work_out(gather([copied])).specs[0]
    assert {key: cell.iqm for key, cell in first.cells.items()} == {
        key: cell.iqm for key, cell in second.cells.items()
    }


def test_runs_of_no_study_are_arms_by_their_variant(tmp_path):
    for name in ("base", "group=C2"):
        write_arm(tmp_path, name, {"training": noisy(0.9, 2, 0)}, known=False)
    [spec] = gather([tmp_path / "rotations"]).specs
    assert spec.arms[1].label == "group=C2"
    assert spec.arms[1].edits == {"symmetry.group": "C2"}
    assert spec.arms[1].control == ""


def test_an_unfinished_run_has_no_scores(tmp_path):
    folders = write_arm(tmp_path, "base", {"training": noisy(0.9, 3, 0)})
    for folder in (folders[0], folders[2]):
        (folder / "evaluation.json").unlink()
    (folders[1] / "metrics.jsonl").unlink()
    broken_off(folders[0])
    [spec] = gather([tmp_path / "rotations"]).specs
    first, second, third = spec.reference.runs
    assert math.isnan(first.score("training"))
    assert first.why_not == "not finished: stopped at step 9,500"
    assert third.why_not == "rotations/base/2 has no evaluation.json"  # trained to its end
    assert third.finished
    assert second.curve.shape == (0, 3)
    assert second.evaluation is not None


def test_a_seed_that_the_study_wanted_is_missing(tmp_path):
    write_arm(tmp_path, "base", {"training": [1.0, 2.0]}, wanted=(0, 1, 2))
    write_arm(tmp_path, "group=C2", {"training": [1.0, 2.0]}, seeds=(0, 2))
    [spec] = gather([tmp_path / "rotations"]).specs
    assert [arm.missing for arm in spec.arms] == [(2,), (1,)]


def no_runs(root):
    gather([root])


def no_common_arm(root):
    write_arm(root, "base", {"training": [1.0]}, spec="lava")
    write_arm(root, "group=C2", {"training": [1.0]}, spec="maze")
    gather([root / "lava", root / "maze"])


def evaluated_differently(root):
    [_, second] = write_arm(root, "base", {"training": [1.0, 2.0]})
    (second / "evaluation.json").unlink()
    write_evaluation(Run(second), {"training": 2.0}, 0.0, episodes=7)
    gather([root / "rotations"])


def unreadable_evaluation(root):
    [folder] = write_arm(root, "base", {"training": [1.0]})
    (folder / "evaluation.json").write_text("{", encoding="utf-8")
    gather([root / "rotations"])


def twice(root):
    write_arm(root / "a", "base", {"training": [1.0]})
    write_arm(root / "b", "base", {"training": [1.0]})
    gather([root / "a" / "rotations", root / "b" / "rotations"])


def no_such_reference(root):
    write_arm(root, "base", {"training": [1.0]})
    gather([root / "rotations"], "exact")


def no_such_condition(root):
    write_arm(root, "base", {"training": [1.0]})
    work_out(gather([root / "rotations"]), "windy")


def range_of_no_spec(root):
    write_arm(root, "base", {"training": [1.0]})
    work_out(gather([root / "rotations"]), ranges={"lava": (0.0, 1.0)})


def no_such_format(root):
    formats_of("html,word")


MISTAKES = (
    no_runs,
    no_common_arm,
    evaluated_differently,
    unreadable_evaluation,
    twice,
    no_such_reference,
    no_such_condition,
    range_of_no_spec,
    no_such_format,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_mistakes(mistake, tmp_path):
    with pytest.raises(UserError) as caught:
        mistake(tmp_path)
    compare_golden(f"error_{mistake.__name__}", str(caught.value).replace(str(tmp_path), "") + "\n")


def test_anchors_of_other_names_are_other_anchors():
    names = ["a=b", "a-b", "a b", "a_b", "a_3d_b"]
    assert len({identifier(name) for name in names}) == len(names)


def test_a_study_of_nothing_evaluated_can_be_read(tmp_path):
    folder = write_study(tmp_path, 2)
    for path in folder.glob("*/*/evaluation.json"):
        path.unlink()
    [results] = work_out(gather([folder])).specs
    assert results.cells == {}
