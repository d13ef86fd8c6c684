"""The files of a report."""

import csv
import json

from typer.testing import CliRunner

from symgen.cli import app
from tests.report.folders import broken_off, noisy, write_arm, write_study


def test_every_format_is_written(tmp_path):
    folder = write_study(tmp_path / "runs", 2)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        app, ["report", str(folder), "--out", str(out), "--format", "html,md,csv,pdf", "--json"]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["sentences"][0]["kind"] == "asked"
    assert {path.name for path in out.iterdir()} == {
        "report.html", "report.md", "report.csv", "figures"
    }  # fmt: skip
    drawn = sorted(path.name for path in (out / "figures").iterdir())
    assert len(drawn) == 6
    assert all((out / "figures" / name).read_bytes().startswith(b"%PDF") for name in drawn)
    page = (out / "report.md").read_text(encoding="utf-8")
    assert "**Asked.**" in page
    assert all(f"figures/{name}" in page for name in drawn)
    assert "group=wrong (control)" in page


def test_the_csv_has_a_row_per_seed_and_condition(tmp_path):
    scores = {"training": [0.5, 0.25], "rotated": [0.1, 0.2]}
    folders = write_arm(tmp_path, "group=wrong", scores)
    write_arm(tmp_path, "base", {"training": noisy(0.9, 1, 0)})
    (folders[1] / "evaluation.json").unlink()
    broken_off(folders[1])
    out = tmp_path / "out"
    arguments = ["report", str(tmp_path / "rotations"), "--out", str(out), "--format", "csv"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    with open(out / "report.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    shown = [(row["arm"], row["seed"], row["condition"], row["return"]) for row in rows]
    assert shown[1:] == [
        ("group=wrong", "0", "training", "0.5"),
        ("group=wrong", "0", "rotated", "0.1"),
        ("group=wrong", "1", "", ""),
    ]
    assert {row["control"] for row in rows} == {"yes", "no"}
    assert rows[-1]["finished"] == "no"


def test_mistakes_are_told(tmp_path):
    run = CliRunner()
    wrong = run.invoke(app, ["report", str(tmp_path / "nothing")])
    assert wrong.exit_code == 2
    assert "run-not-found" in wrong.output
    wrong = run.invoke(app, ["report", str(tmp_path), "--range", "lava"])
    assert wrong.exit_code == 2
    assert "SPEC=LOW,HIGH" in wrong.output
