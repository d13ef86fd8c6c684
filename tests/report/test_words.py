"""The first screen says what the numbers carry, and no more.

UPDATE_GOLDEN=1 pytest tests/report/test_words.py     writes the golden sentences anew
"""

import os
from pathlib import Path

import pytest

from symgen.report.data import gather
from symgen.report.results import seeds_needed, undecidable, work_out
from symgen.report.words import sentences
from tests.report.folders import broken_off, noisy, write_arm, write_study

GOLDEN = Path(__file__).parents[1] / "golden" / "reports"


def said(folder, **options):
    return sentences(work_out(gather([folder]), **options))


def of_kind(lines, kind):
    return [line.text for line in lines if line.kind == kind]


def compare_golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "seeds", "effect"), [("effect", 10, 0.4), ("none", 10, 0.0), ("few", 3, 0.4)]
)
def test_golden_sentences(name, seeds, effect, tmp_path):
    lines = said(write_study(tmp_path, seeds, effect))
    compare_golden(name, "".join(f"{line.kind}: {line.text}\n" for line in lines))


def test_an_effect_is_told_and_none_is_not(tmp_path):
    lines = said(write_study(tmp_path / "effect"))
    [told] = of_kind(lines, "told apart")
    assert told.startswith("`group=wrong` (a control) returns less than `base`")
    assert "as a control does" in of_kind(lines, "control")[0]
    lines = said(write_study(tmp_path / "none", effect=0.0))
    assert of_kind(lines, "told apart") == []
    assert "None of the three arms" in of_kind(lines, "outcome")[0]
    assert "no sign that they are alike" in of_kind(lines, "not told apart")[0]
    assert "was not told apart" in of_kind(lines, "control")[0]


def test_three_seeds_decide_nothing_however_large_the_effect(tmp_path):
    folder = write_study(tmp_path, 3, effect=100.0)
    [results] = work_out(gather([folder])).specs
    assert undecidable(results.compared)
    lines = said(folder)
    assert of_kind(lines, "told apart") == []
    assert "Nothing could be decided" in of_kind(lines, "outcome")[0]
    assert "says nothing yet" in of_kind(lines, "control")[0]
    assert "3 seeds" in of_kind(lines, "warning")[0]
    # control: as many seeds as the sentence names do decide
    needed = seeds_needed(3)
    lines = said(write_study(tmp_path / "more", needed, effect=100.0))
    assert len(of_kind(lines, "told apart")) == 1


def test_a_control_that_returns_more_is_no_support(tmp_path):
    folder = write_study(tmp_path, effect=-0.4)
    assert "returns more than `base`: what it lacks is not" in of_kind(said(folder), "control")[0]


def test_what_is_missing_is_said(tmp_path):
    folders = write_arm(tmp_path, "base", {"training": noisy(0.9, 6, 0)})
    write_arm(tmp_path, "group=C2", {"training": noisy(0.9, 5, 1)})
    (folders[1] / "evaluation.json").unlink()
    broken_off(folders[1])
    lines = said(folders[0].parents[1])
    [missing] = of_kind(lines, "missing")
    assert "`base`, seed 1: not finished" in missing
    assert "`group=C2` has no run of seed 5" in missing
    [warning] = of_kind(lines, "warning")
    assert warning.startswith("`group=C2` is not paired")


def test_another_reference_and_another_primary_condition(tmp_path):
    folder = write_study(tmp_path)
    lines = sentences(work_out(gather([folder], "group=C2"), "rotated"))
    assert "Does `group=C2`" in lines[0].text
    assert "under the held-out condition `rotated`" in lines[0].text
    assert any("`base` returns more than `group=C2`" in line.text for line in lines)


def test_environments_are_put_together_by_stated_ranges_only(tmp_path):
    paths = [write_study(tmp_path, spec=spec) for spec in ("rotations", "lava")]
    data = gather(paths)
    lines = sentences(work_out(data))
    assert "no range was stated" in lines[1].text
    results = work_out(data, ranges={"rotations": (0.0, 1.0), "lava": (0.0, 2.0)})
    assert results.aggregated.iqm["base"].value == pytest.approx(0.9 * 0.75, abs=0.05)
    together = sentences(results)[1].text
    assert "`group=wrong` returns less" in together
    assert "`group=C2`" not in together
