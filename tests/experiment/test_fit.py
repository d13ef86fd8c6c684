import dataclasses
import json
import math

import pytest
import torch

from symgen.errors import UserError
from symgen.experiment import metrics
from symgen.experiment.fit import Saving, Session, fit, load_weights, restore
from tests.experiment.doubles import counting, new_run

NEVER = Saving(seconds=1e9)
ALWAYS = Saving(seconds=0)


def quiet(_report):
    pass


def run_on(run, begin=None, stop_after=None, saving=ALWAYS, **options):
    """Fit a counting learner; returns the last checkpoint and the learner."""
    network, learner = counting(**options)
    seen = []

    def stopped():
        return stop_after is not None and len(seen) >= stop_after

    return (
        fit(Session(run, saving, seen.append, stopped), network, learner, learner.steps, begin),
        learner,
        seen,
    )


def test_it_goes_to_the_end_and_saves(tmp_path):
    run = new_run(tmp_path)
    end, learner, seen = run_on(run, saving=NEVER)
    assert (end.step, end.update, end.finished) == (100, 10, True)
    assert run.finished
    assert run.restore("last").tensors["network.weight"].item() == 10
    assert [report.step for report in seen] == list(range(10, 101, 10))
    assert [row["update"] for row in metrics.read(run.folder)] == list(range(1, 11))
    assert learner.network.weight.item() == 10


def test_a_stopped_run_continues_to_the_same_end(tmp_path):
    whole, parts = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    run_on(whole, saving=NEVER)
    end, _, _ = run_on(parts, stop_after=3, saving=NEVER)
    assert (end.step, end.finished, parts.finished) == (30, False, False)
    _, _, seen = run_on(parts, begin=parts.restore("last"), saving=NEVER)
    assert seen[0].step == 40
    drop = ("seconds",)
    rows = [
        [{k: v for k, v in row.items() if k not in drop} for row in metrics.read(run.folder)]
        for run in (whole, parts)
    ]
    assert rows[0] == rows[1]
    tensors = [run.restore("last").tensors for run in (whole, parts)]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


def test_lines_after_the_checkpoint_are_not_there_twice(tmp_path):
    run = new_run(tmp_path)
    run_on(run, stop_after=3, saving=NEVER)
    begin = run.restore("last")
    with open(
        run.folder / metrics.NAME, "a"
    ) as file:  # what a kill leaves: updates that no checkpoint knows
        file.write('{"update": 4, "step": 40}\n{"update": 5, "st')
    run_on(run, begin=begin)
    assert [row["update"] for row in metrics.read(run.folder)] == list(range(1, 11))
    assert all("return" in row for row in metrics.read(run.folder))


def test_training_time_adds_up(tmp_path):
    run = new_run(tmp_path)
    run_on(run, stop_after=3)
    begin = dataclasses.replace(run.restore("last"), seconds=1000.0)
    end, _, seen = run_on(run, begin=begin)
    assert 1000 < end.seconds < 1010
    assert all(report.speed > 100 for report in seen)  # of this session, not since the beginning


def test_the_best_is_the_best_of_those_saved(tmp_path):
    run = new_run(tmp_path)
    run_on(run, returns=lambda update: math.nan if update < 2 else -((update - 6) ** 2))
    assert run.restore("best").update == 6
    assert run.restore("last").update == 10
    assert run.restore("last").best == 0.0


def test_the_best_survives_a_resumption(tmp_path):
    run = new_run(tmp_path)
    run_on(run, stop_after=4, returns=lambda update: 100.0 - update)
    run_on(run, begin=run.restore("last"), returns=lambda update: 50.0 + update)
    assert run.restore("best").update == 1


def test_checkpoints_can_be_kept(tmp_path):
    run = new_run(tmp_path)
    run_on(run, saving=Saving(seconds=1e9, keep=4))
    assert sorted(path.stem for path in run.checkpoints.glob("*.json")) == [
        "best",
        "last",
        "step-40",
        "step-80",
    ]
    assert run.restore("step-40").tensors["network.weight"].item() == 4


def test_saving_is_not_done_at_every_update_unless_asked(tmp_path, monkeypatch):
    from symgen.experiment import fit as module

    counts = {}
    for name, saving in {"never": NEVER, "always": ALWAYS}.items():
        written = []
        monkeypatch.setattr(
            module, "write", lambda *arguments, written=written: written.append(arguments)
        )
        run_on(
            new_run(tmp_path / name),
            saving=saving,
            returns=lambda update: 0.0 if update < 2 else -1.0,
        )
        counts[name] = sum(arguments[1] == "last" for arguments in written)
    assert counts == {"never": 1, "always": 10}


def test_a_checkpoint_of_another_network_is_a_users_mistake(tmp_path):
    run = new_run(tmp_path)
    run_on(run, stop_after=2)
    with pytest.raises(UserError, match="another network"):
        load_weights(torch.nn.Linear(2, 1, bias=False), run.restore("last"))
    network, learner = counting()
    begin = run.restore("last")
    restore(network, learner, begin)  # control
    with pytest.raises(UserError, match="cannot go on"):
        restore(network, learner, dataclasses.replace(begin, scalars={}))


def test_the_checkpoint_is_readable_json(tmp_path):
    run = new_run(tmp_path)
    run_on(run, stop_after=2, returns=lambda _: math.nan)
    values = json.loads((run.checkpoints / "last.json").read_text())
    assert values["metrics"]["return"] is None
    assert (values["step"], values["update"], values["finished"], values["best"]) == (
        20,
        2,
        False,
        None,
    )
