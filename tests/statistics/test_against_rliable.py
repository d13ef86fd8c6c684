"""The same numbers as rliable 1.2.0 on the same scores (golden/statistics/freeze_rliable.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from symgen.statistics import aggregate
from symgen.statistics.improvement import _wins, probability_of_improvement
from symgen.statistics.intervals import bootstrap, distribution, percentiles
from symgen.statistics.profile import profile
from symgen.statistics.scores import scores

PATH = Path(__file__).parents[1] / "golden" / "statistics" / "rliable.json"
GOLDEN = json.loads(PATH.read_text(encoding="utf-8"))
STUDIES = GOLDEN["studies"]
AGGREGATES = {
    "mean": aggregate.mean,
    "median": aggregate.median,
    "iqm": aggregate.iqm,
    "optimality_gap": aggregate.optimality_gap,
}


def arms(name):
    return scores(STUDIES[name]["first"]), scores(STUDIES[name]["second"])


def same_rows(shape):
    """The rows that rliable drew, from NumPy's old generator."""
    state = np.random.RandomState(GOLDEN["seed"])
    for _ in range(GOLDEN["resamples"]):
        yield state.choice(shape[0], shape, replace=True)[None]


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("number", AGGREGATES)
def test_aggregates_and_their_intervals(name, number):
    first, _ = arms(name)
    expected = STUDIES[name]["aggregates"][number]
    answer = AGGREGATES[number]
    close(answer(first.values), expected["value"])
    draws = distribution(first.values, answer, same_rows(first.values.shape))
    close(percentiles(draws, 0.95), np.ravel(expected["interval"]))
    # and with draws of our own within the error of 500 draws
    interval = bootstrap(first, answer)
    spread = draws.std()
    assert abs(interval.low - expected["interval"][0][0]) <= 0.4 * spread
    assert abs(interval.high - expected["interval"][1][0]) <= 0.4 * spread


@pytest.mark.parametrize("name", STUDIES)
def test_probability_of_improvement(name):
    first, second = arms(name)
    expected = STUDIES[name]["improvement"]
    interval = probability_of_improvement(first, second)
    close(interval.value, expected["value"])
    state = np.random.RandomState(GOLDEN["seed"])
    columns = np.arange(len(first.tasks))
    wins = []
    for _ in range(GOLDEN["resamples"]):
        ours = state.choice(len(first.seeds), first.values.shape, replace=True)
        theirs = state.choice(len(second.seeds), second.values.shape, replace=True)
        wins.append(_wins(first.values[ours, columns], second.values[theirs, columns]))
    close(percentiles(np.array(wins), 0.95), np.ravel(expected["interval"]))
    assert interval.low == pytest.approx(expected["interval"][0][0], abs=0.06)
    assert interval.high == pytest.approx(expected["interval"][1][0], abs=0.06)


@pytest.mark.parametrize("name", STUDIES)
def test_profiles(name):
    first, _ = arms(name)
    expected = STUDIES[name]["profile"]
    ours = profile(first, GOLDEN["taus"])
    close(ours.shares, expected["value"])
    low, high = expected["interval"]
    # a band moves in steps of one run
    step = 1.5 / first.values.size
    np.testing.assert_allclose(ours.low, low, atol=step)
    np.testing.assert_allclose(ours.high, high, atol=step)


def test_control_other_scores_give_other_numbers():
    first, second = arms("five seeds")
    expected = STUDIES["five seeds"]["aggregates"]["iqm"]["value"]
    assert abs(float(aggregate.iqm(second.values)) - expected) > 1e-6
    assert abs(float(aggregate.mean(first.values)) - expected) > 1e-6
