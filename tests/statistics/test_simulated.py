"""Arms that differ are told apart, arms that are alike are not, as often as is said.

A false difference is any pair of equal arms told apart, among four arms with three comparisons
against a baseline. tests/benchmarks/bench_statistics.py prints the whole table.
"""

import numpy as np
import pytest

from symgen.statistics.correct import CORRECTIONS
from tests.statistics import simulated
from tests.statistics.simulated import WORLDS, allowed, fixed, sequential, shares, within_seeds


@pytest.mark.parametrize(
    ("run", "name"), [(fixed, "bimodal"), (sequential, "bimodal"), (within_seeds, "paired")]
)
def test_equal_arms_are_told_apart_no_more_than_the_level(run, name):
    false, _, _ = shares(run, WORLDS[name], 5, False, 200)
    assert false <= allowed(200)


@pytest.mark.parametrize("run", [fixed, sequential])
def test_an_effect_is_found(run):
    false, power, seeds = shares(run, WORLDS["normal"], 5, True, 60)
    assert false <= allowed(60)
    assert power >= (0.8 if run is sequential else 0.4)
    assert seeds <= 20


def test_three_seeds_at_once_tell_nothing_apart_and_sequentially_they_do():
    assert shares(fixed, WORLDS["normal"], 3, True, 5)[1] == 0.0
    assert shares(sequential, WORLDS["normal"], 3, True, 20)[1] >= 0.5


def test_control_without_correction_equal_arms_are_told_apart(monkeypatch):
    monkeypatch.setitem(CORRECTIONS, "holm", np.asarray)
    false, _, _ = shares(fixed, WORLDS["normal"], 10, False, 200)
    assert false > 0.09


@pytest.mark.slow(minutes=1)
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("effect", [False, True])
def test_every_world(name, seeds, effect):
    for run in (fixed, sequential, within_seeds):
        false, power, _ = shares(run, WORLDS[name], seeds, effect, 200)
        assert false <= allowed(200), (run.__name__, false)
        if effect and seeds == 10 and run is not fixed:
            assert power >= 0.5, (run.__name__, power)


def test_every_simulation_has_draws_of_its_own():
    keys = {
        tuple(simulated.key_of(run.__name__, seeds, effect))
        for run in (fixed, sequential)
        for seeds in (3, 5, 10)
        for effect in (False, True)
    }
    assert len(keys) == 12
