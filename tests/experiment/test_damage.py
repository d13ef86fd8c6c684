"""A run whose files are edited, cut short, lost or read-only: the same result as before, or a clear
mistake.
"""

import json
import resource
import shutil
from pathlib import Path

import pytest

from symgen.errors import UserError
from symgen.experiment import files, load, metrics
from symgen.experiment.evaluate import evaluate_run, evaluate_runs
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.fit import Saving, Session
from symgen.experiment.run import Run, find
from symgen.experiment.stored import stored_evaluation, unstorable
from symgen.experiment.train import TrainingSettings, train
from symgen.experiment.variant import check_variant
from symgen.spec.edit import edit
from symgen.spec.source import read
from tests.experiment.doubles import SPEC, counting, new_run
from tests.experiment.test_fit import ALWAYS, fit

FEW = EvaluationSettings(episodes=2, envs=2)
TINY = edit(
    read(SPEC), {"train.steps": 64, "train.epochs": 1, "evaluate": {"rotated": {"transform": "r"}}}
)


def quiet(_report):
    pass


def settings(root, **options) -> TrainingSettings:
    return TrainingSettings(
        root=root, **{"evaluation": None, "saving": Saving(seconds=0), **options}
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Run:
    """A finished run, evaluated twice."""
    [outcome], _ = train(TINY, settings(tmp_path_factory.mktemp("runs")), quiet)
    evaluate_run(outcome.run, FEW)
    return outcome.run


def copied(run: Run, root: Path) -> Run:
    shutil.copytree(run.folder, root / "dict" / "base" / "0")
    return Run(root / "dict" / "base" / "0")


def results(run: Run, deep: bool) -> list[object]:
    """What the files of a run lead to: what is stored, the log, what goes on, and if asked what is
    evaluated.
    """
    values: list[object] = [stored_evaluation(run, FEW).scores, metrics.read(run.folder)]
    outcomes, _ = train(TINY, settings(run.folder.parent.parent.parent, resume=True), quiet)
    values.append(outcomes[0].step)
    restored = run.restore("last")
    values += [restored.scalars, restored.metrics, sorted(restored.tensors)]
    return [*values, evaluate_run(run, FEW).scores] if deep else values


# What only tells people something, or is a picture; and metrics.jsonl, whose digits are a log.
UNREAD = ("plan.txt", "verification.json", ".lock", "learning_curve.png", "metrics.jsonl")


def flipped(content: bytes, place: float) -> bytes:
    at = min(int(place * len(content)), len(content) - 1)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def cut(content: bytes, place: float) -> bytes:
    return content[: int(place * len(content))]


@pytest.mark.parametrize("damage", [flipped, cut])
def test_damage_changes_no_result_silently(trained, damage, tmp_path):
    whole = results(copied(trained, tmp_path / "whole"), deep=False)
    paths = [
        path.relative_to(trained.folder)
        for path in sorted(trained.folder.rglob("*"))
        if path.is_file()
    ]
    read_ones = [path for path in paths if path.name not in UNREAD and "events" not in path.parts]
    assert len(read_ones) >= 6  # spec, resolved, versions, evaluation, last, its tensors
    refused = []
    for number, path in enumerate(read_ones):
        for place in (0.02, 0.3, 0.71, 0.97):
            run = copied(trained, tmp_path / f"{number}-{place}")
            target = run.folder / path
            target.write_bytes(damage(target.read_bytes(), place))
            try:
                assert results(run, deep=False) == whole
                # a finished run's own spec and `best` are not read by any of this, but by an
                # evaluation
                load.loaded(run, "best" if path.name.startswith("best") else "last")
            except UserError as error:
                refused.append((path, error))
            shutil.rmtree(run.folder)
    assert len(refused) > 2 * len(read_ones)  # most bytes matter
    codes = {"file-changed", "file-unreadable", "checkpoint-damaged", "checkpoint-not-found"}
    assert {error.code for _, error in refused} <= codes
    assert all(path.stem in error.message for path, error in refused)


def test_a_halved_spec_is_not_evaluated(trained, tmp_path):
    run = copied(trained, tmp_path)
    path = run.folder / "spec.yaml"
    load.loaded(run, "last")  # control
    text = path.read_text()
    path.write_text(text[: text.index("evaluate:")])  # still a spec, with fewer conditions
    with pytest.raises(UserError, match=r"spec\.yaml is not the file that was written"):
        evaluate_run(run, FEW)


@pytest.mark.parametrize("key", ["step", "update", "seconds", "finished", "best", "meaning"])
def test_an_edited_number_of_a_checkpoint_is_refused(trained, key, tmp_path):
    run = copied(trained, tmp_path)
    path = run.checkpoints / "last.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, key: 1}))
    with pytest.raises(UserError, match=r"last\.json") as caught:
        train(TINY, settings(tmp_path, resume=True), quiet)
    assert caught.value.code == "checkpoint-damaged"


@pytest.mark.parametrize("value", [None, "many", [], {}, 1.5, True])
@pytest.mark.parametrize("key", ["step", "tensors", "scalars", "metrics"])
def test_wrong_types_in_a_checkpoint_without_checksum_are_refused(trained, key, value, tmp_path):
    run = copied(trained, tmp_path)
    path = run.checkpoints / "last.json"
    values = json.loads(path.read_text())
    del values["checksum"], values["meaning"]
    path.write_text(json.dumps({**values, "format": 1}))
    run.restore("last")  # control: as an older symgen wrote it
    if isinstance(value, type(values[key])):
        return
    path.write_text(json.dumps({**values, "format": 1, key: value}))
    with pytest.raises(UserError) as caught:
        run.restore("last")
    assert caught.value.code == "checkpoint-damaged"


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_without_its_last_checkpoint_does_not_start_anew(trained, resume, tmp_path):
    run = copied(trained, tmp_path)
    (run.checkpoints / "step-64.json").write_bytes((run.checkpoints / "last.json").read_bytes())
    (run.checkpoints / "last.json").unlink()
    with pytest.raises(UserError, match=r"last\.json is missing") as caught:
        train(TINY, settings(tmp_path, resume=resume), quiet)
    assert "--force" in caught.value.hint


def test_a_run_that_begins_anew_says_so(tmp_path):
    run = Run(tmp_path / "dict" / "base" / "0")
    run.record("symgen: 1\n", {}, "", {})  # killed before its first checkpoint
    heard = []
    train(TINY, settings(tmp_path, resume=True), heard.append)
    assert heard[0].note == "no checkpoint, so from the start"


def test_looking_at_a_run_replaces_nothing(trained, tmp_path):
    run = copied(trained, tmp_path)
    before = stored_evaluation(run, FEW)
    standard = (run.folder / FEW.file).read_bytes()
    for options in (
        EvaluationSettings(episodes=1, envs=2),
        EvaluationSettings(episodes=2, envs=2, sample=True),
        EvaluationSettings(2, seed=5),
    ):
        evaluate_run(run, options)
        assert (run.folder / FEW.file).read_bytes() == standard
        assert stored_evaluation(run, options).settings["episodes"] == options.episodes
    assert stored_evaluation(run, FEW) == before
    with pytest.raises(
        UserError, match=r"has no evaluation\.json"
    ) as caught:  # control: none was made like that
        stored_evaluation(run)
    assert FEW.file in caught.value.hint


def test_an_evaluation_of_other_settings_in_its_place_is_refused(trained, tmp_path):
    run = copied(trained, tmp_path)
    (run.folder / FEW.file).rename(run.folder / "evaluation.json")  # as an older symgen wrote it
    with pytest.raises(UserError, match="another evaluation: episodes 2"):
        stored_evaluation(run)


def test_a_folder_that_cannot_be_written_to_loses_no_evaluation(trained, tmp_path, monkeypatch):
    run = copied(trained, tmp_path)
    assert unstorable([run]) == []

    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", read_only)
    monkeypatch.setattr(files.os, "replace", read_only)
    [reason] = unstorable([run])
    assert "Read-only file system" in reason
    evaluation = evaluate_runs([run], EvaluationSettings(episodes=1, envs=1))
    assert "Read-only file system" in evaluation.unstored
    assert evaluation.scores["training"].returns.count == 1


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    """A real limit on the size of files, which every write beyond it is refused by."""
    run = new_run(tmp_path)
    network, learner = counting(steps=2000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (7500, hard))
        with pytest.raises(UserError, match="cannot be written to") as caught:
            fit(Session(run, ALWAYS, quiet, lambda: False), network, learner, 2000, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "folder-not-writable"
    last = run.restore("last")
    assert last.update >= 5
    assert not list(run.folder.rglob("*.tmp"))
    network, learner = counting(steps=2000)
    end = fit(Session(run, Saving(1e9), quiet, lambda: False), network, learner, 2000, last)
    assert end.finished
    assert [row["update"] for row in metrics.read(run.folder)] == list(range(1, 201))


def test_tensors_of_a_failed_write_do_not_stay(tmp_path, monkeypatch):
    from symgen.experiment import checkpoint
    from tests.experiment.test_checkpoint import a_checkpoint

    checkpoint.write(tmp_path, "last", a_checkpoint(10))

    def full(path, values):
        raise UserError("folder-not-writable", "no room")

    monkeypatch.setattr(checkpoint, "write_json", full)
    with pytest.raises(UserError, match="no room"):
        checkpoint.write(tmp_path, "last", a_checkpoint(20))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last-10.safetensors", "last.json"]


def test_a_damaged_line_of_metrics_is_named(trained, tmp_path):
    run = copied(trained, tmp_path)
    path = run.folder / metrics.NAME
    first, rest = path.read_text().split("\n", 1)
    for line in ("[]", first.replace("update", "updatf"), first[:-3], '{"update": "1", "step": 8}'):
        path.write_text(f"{line}\n{rest or first}")
        with pytest.raises(UserError, match=r"line 1 of .*metrics\.jsonl is damaged"):
            metrics.read(run.folder)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "x" * 300, "-x", ".x", "a\nb", "a b", "\0"])
def test_variants_that_are_no_folder_are_refused(name, tmp_path):
    with pytest.raises(UserError) as caught:
        train(TINY, settings(tmp_path, variant=name), quiet)
    assert caught.value.code == "variant-name"
    assert list(tmp_path.iterdir()) == []
    check_variant("train.steps=1000,network.hidden=64-regular+32-regular")  # control


def test_specs_of_one_name_do_not_share_a_folder(trained, tmp_path):
    copied(trained, tmp_path)
    train(TINY, settings(tmp_path), quiet, seeds=[1])  # control: another seed of the same spec
    larger = edit(TINY, {"environment.size": 7})
    with pytest.raises(UserError, match=r"environment\.size: 5 and 7") as caught:
        train(larger, settings(tmp_path), quiet, seeds=[2])
    assert caught.value.code == "run-mixed"
    train(larger, settings(tmp_path, variant="wide"), quiet)  # an edit of a spec is another variant
    elsewhere = read({**SPEC, "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
                      "network": {"family": "mlp"}, "evaluate": {},
                      "symmetry": {"group": "C1", "constraint": "none",
                                   "states": "trivial", "actions": "trivial"}})  # fmt: skip
    with pytest.raises(UserError, match=r"environment\.adapter: gridworld and gymnasium_env"):
        train(elsewhere, settings(tmp_path, variant="cartpole"), quiet)


def test_seeds_of_different_specs_have_no_mean(trained, tmp_path):
    run = copied(trained, tmp_path)
    second = Run(run.folder.parent / "1")
    shutil.copytree(run.folder, second.folder)
    assert evaluate_runs([run, second], FEW, stored=True).over == "seeds"  # control
    values = files.read_json(second.folder / "resolved.json")
    values["environment"]["size"] = 9
    files.write_json(second.folder / "resolved.json", values)
    with pytest.raises(UserError, match=r"environment\.size: 5 and 9"):
        evaluate_runs([run, second], FEW, stored=True)


def test_some_of_the_seeds_do_not_replace_the_summary_of_all(trained, tmp_path):
    run = copied(trained, tmp_path)
    for seed in "12":
        shutil.copytree(run.folder, run.folder.parent / seed)
    runs = find(run.folder.parent)
    evaluate_runs(runs, FEW, stored=True)
    summary = run.folder.parent / FEW.file
    assert files.read_json(summary)["seeds"] == [0, 1, 2]
    assert evaluate_runs(runs[:2], FEW, stored=True).seeds == (0, 1)
    assert files.read_json(summary)["seeds"] == [0, 1, 2]


def test_linked_folders_and_unusual_names(trained, tmp_path):
    run = copied(trained, tmp_path / "a folder, für Läufe")
    link = tmp_path / "runs" / "lava" / "base"
    link.mkdir(parents=True)
    (link / "3").symlink_to(run.folder, target_is_directory=True)
    [linked] = find(tmp_path / "runs" / "lava")
    assert (linked.label, linked.seed) == ("lava/base/3", 3)
    assert load.loaded(linked, "last")[1].step == run.restore("last").step
