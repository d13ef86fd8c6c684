"""Relaxed weights over training: a line per measurement, none twice after a resumption."""

import json

import numpy as np
import pytest
import torch

from symgen.experiment import relaxed_weights
from symgen.experiment.fit import Saving, Session, fit
from tests.experiment.doubles import CountingLearner, new_run


class Banks(torch.nn.Linear):
    """A network of which the counting learner moves one weight, said to be relaxed."""

    def __init__(self) -> None:
        super().__init__(1, 1, bias=False)
        torch.nn.init.zeros_(self.weight)

    def relaxed_weights(self) -> dict[str, np.ndarray]:
        return {"policy": np.array([[0.5, 0.5], [0.5, 0.5 + self.weight.item() / 3]])}


class Measuring(CountingLearner):
    """Says every third update that it has measured."""

    def __iter__(self):
        for row in super().__iter__():
            yield {**row, "symmetry_breaking/policy": 0.1} if row["update"] % 3 == 0 else row


def run_on(run, network, begin=None, stop_after=None):
    seen = []
    learner = Measuring(network, 100)
    session = Session(run, Saving(1e9), seen.append, lambda: stop_after and len(seen) >= stop_after)
    return fit(session, network, learner, 100, begin)


def updates(run) -> list[int]:
    return [line["update"] for line in relaxed_weights.lines(run.folder)]


def test_a_line_per_measurement_from_the_start_on(tmp_path):
    run = new_run(tmp_path)
    run_on(run, Banks())
    assert updates(run) == [0, 3, 6, 9]
    steps, weights = relaxed_weights.read(run.folder)
    assert steps.tolist() == [0, 30, 60, 90]
    assert weights["policy"].shape == (4, 2, 2)
    assert weights["policy"][:, 1, 1] == pytest.approx([0.5, 1.5, 2.5, 3.5])


def test_no_line_twice_after_a_resumption(tmp_path):
    whole, parts = new_run(tmp_path / "whole"), new_run(tmp_path / "parts")
    run_on(whole, Banks())
    run_on(parts, Banks(), stop_after=5)
    assert updates(parts) == [0, 3]
    with open(parts.folder / relaxed_weights.NAME, "a") as file:  # what a kill leaves
        file.write(
            json.dumps({"update": 6, "step": 60, "weights": {"policy": [[9.0, 9.0]]}}) + '\n{"upd'
        )
    assert updates(parts) == [0, 3, 6]  # control
    run_on(parts, Banks(), begin=parts.restore("last"))
    assert relaxed_weights.lines(parts.folder) == relaxed_weights.lines(whole.folder)


def test_a_new_training_begins_anew(tmp_path):
    run = new_run(tmp_path)
    run_on(run, Banks())
    run_on(run, Banks(), stop_after=4)
    assert updates(run) == [0, 3]


def test_an_exact_network_has_no_file(tmp_path):
    run = new_run(tmp_path)
    run_on(run, torch.nn.Linear(1, 1, bias=False))
    assert not (run.folder / relaxed_weights.NAME).exists()
    assert relaxed_weights.read(run.folder)[1] == {}
