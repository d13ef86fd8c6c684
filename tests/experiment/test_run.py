import multiprocessing
import re
import subprocess
from pathlib import Path

import pytest

from symgen.errors import UserError
from symgen.experiment import versions
from symgen.experiment.resolved import difference
from symgen.experiment.run import Run, by_variant, find, find_all
from symgen.experiment.variant import variant


def make(root: Path, *labels: str) -> None:
    for label in labels:
        (root / label).mkdir(parents=True)
        (root / label / "spec.yaml").write_text("symgen: 1\n")


def test_a_run_knows_its_place(tmp_path):
    run = Run(tmp_path / "lava" / "network.family=cnn" / "3")
    assert (run.spec, run.variant, run.seed, run.label) == (
        "lava",
        "network.family=cnn",
        3,
        "lava/network.family=cnn/3",
    )
    assert not run.resumable
    assert not run.finished


def test_variants_are_readable():
    names = {
        "base": {},
        "network.family=cnn": {"network.family": "cnn"},
        "network.hidden=64-regular": {"network.hidden": "64 regular"},
        "network.hidden=64-regular+32-regular": {"network.hidden": ["64 regular", "32 regular"]},
        "train.seeds=3+4,train.steps=1000": {"train.steps": 1000, "train.seeds": [3, 4]},
        "train.learning_rate=0.001": {"train.learning_rate": 1e-3},
        "environment.id=CartPole-v1": {"environment.id": "CartPole-v1"},
        "environment.shift=-3": {"environment.shift": -3},
    }
    assert [variant(edits) for edits in names.values()] == list(names)
    wide = variant(
        {"evaluate": {"windy": {"observation_noise": 0.2}}, "network.hidden": ["64 regular"] * 9}
    )
    assert re.fullmatch(
        r"evaluate=windy-observation_noise-0.2,network.hidden=64-regular,[\w,-]+~[0-9a-f]{6}", wide
    )
    assert len(wide) <= 87


def test_variants_are_never_confused():
    edits = [
        {},
        {"network.family": "cnn"},
        {"network.family": "vit"},
        {"network.hidden": "8 regular"},
        {"network.hidden": "8-regular"},
        {"network.hidden": ["8 regular"]},
        {"network.hidden": ["8 regular", "8 regular"]},
        {"network.hidden": "8-regular+8-regular"},
        {"network.hidden": "8 regular + 8 regular"},
        {"network.hidden": []},
        {"network.hidden": ""},
        {"network.hidden": [["8 regular"]]},
        {"environment.id": "MiniGrid/../../x"},
        {"evaluate": {"a": [1, 2]}},
        {"evaluate": {"a": [1, 3]}},
        {"evaluate": {"a": {"b": 1}}},
        {"evaluate.a.b": 1},
        {"a": 1, "b": 2},
        {"a": "1,b=2"},
        {"train.gamma": None},
        {"train.flag": True},
        {"a" * 300: 1},
        {"a" * 300: 2},
    ]
    names = [variant(edit) for edit in edits]
    assert len(set(names)) == len(names)
    assert all(Path(name).name == name and len(name) < 120 for name in names)
    assert all(
        re.fullmatch(r"[\w.=,+~-]+", name, re.ASCII) for name in names
    )  # no shell has to quote it
    assert variant({"b": 2, "a": 1}) == variant({"a": 1, "b": 2})


def test_finding_runs_from_any_folder(tmp_path):
    make(tmp_path, "lava/base/10", "lava/base/2", "lava/wide/0", "maze/base/0")
    labels = [run.label for run in find(tmp_path / "lava")]
    assert labels == ["lava/base/2", "lava/base/10", "lava/wide/0"]
    assert [run.label for run in find(tmp_path / "lava" / "base" / "10")] == ["lava/base/10"]
    assert [run.label for run in find(tmp_path / "lava" / "wide")] == ["lava/wide/0"]
    groups = by_variant([*find(tmp_path / "lava"), *find(tmp_path / "lava" / "base")])
    assert [[run.label for run in group] for group in groups] == [
        ["lava/base/2", "lava/base/10"],
        ["lava/wide/0"],
    ]


def test_what_holds_no_run_is_left_out_of_a_pattern(tmp_path):
    make(tmp_path, "lava/base/0", "lava/wide/0")
    (tmp_path / "lava" / "notes").mkdir()
    (tmp_path / "lava" / "table.md").write_text("")
    runs, empty = find_all(sorted((tmp_path / "lava").glob("*")))
    assert [run.label for run in runs] == ["lava/base/0", "lava/wide/0"]
    assert [path.name for path in empty] == ["notes", "table.md"]
    with pytest.raises(UserError, match="is not a run"):
        find_all([tmp_path / "lava" / "notes"])
    with pytest.raises(UserError, match="wyde"):  # what is not there was mistyped
        find_all([tmp_path / "lava" / "base", tmp_path / "lava" / "wyde"])


def test_a_missing_run_is_answered_with_those_nearby(tmp_path):
    make(tmp_path, "lava/base/0")
    with pytest.raises(UserError) as caught:
        find(tmp_path / "lav")
    assert caught.value.code == "run-not-found"
    assert "lava/base/0" in caught.value.hint


def test_differences_are_those_that_training_depends_on():
    before = {"train": {"steps": 10, "seeds": [0]}, "network": {"width": 8}, "evaluate": {"a": {}}}
    after = {
        "train": {"steps": 10, "seeds": [0, 1]},
        "network": {"width": 16, "heads": 2},
        "evaluate": {},
    }
    assert difference(before, after) == ["network.width: 8 -> 16", "network.heads: (absent) -> 2"]
    assert difference(before, before) == []


def hold(folder, ready, leave):
    with Run(folder).locked():
        ready.set()
        leave.wait(30)


def test_two_processes_cannot_train_one_run(tmp_path):
    run = Run(tmp_path / "lava" / "base" / "0")
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    process = context.Process(target=hold, args=(run.folder, ready, leave))
    process.start()
    assert ready.wait(30)
    with pytest.raises(UserError, match="another process"), run.locked():
        pass
    process.kill()  # a kill gives the lock back
    process.join()
    with run.locked():
        pass


def test_a_folder_that_cannot_be_is_a_users_mistake(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot be written to"),
        Run(tmp_path / "file" / "lava" / "base" / "0").locked(),
    ):
        pass


def test_clearing_keeps_nothing_but_the_lock(tmp_path):
    run = Run(tmp_path / "lava" / "base" / "0")
    with run.locked():
        run.record("symgen: 1\n", {"a": 1}, "the plan", {"holds": True})
        (run.folder / "checkpoints").mkdir()
        run.clear()
        assert [path.name for path in run.folder.iterdir()] == [".lock"]


def test_versions_say_what_made_the_numbers():
    stated = versions.versions()
    assert {
        "python",
        "torch",
        "numpy",
        "symgen",
        "commit",
        "platform",
        "command",
        "time",
    } <= stated.keys()
    assert stated["torch"].startswith(tuple("0123456789"))


def test_the_commit_is_that_of_symgens_own_checkout(tmp_path, monkeypatch):
    package = tmp_path / "somebody" / "venv" / "symgen"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git = ["git", "-C", str(tmp_path / "somebody"), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "init", "-q", str(tmp_path / "somebody")], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    monkeypatch.setattr(versions.symgen, "__file__", str(package / "__init__.py"))
    assert versions.commit() is None  # installed inside somebody else's repository
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "ours"], check=True)
    clean = versions.commit()
    assert len(clean) == 40
    (package / "__init__.py").write_text("changed = True")
    assert versions.commit() == f"{clean}+changes"
