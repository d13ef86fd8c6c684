"""Aggregates, intervals, tolerance intervals and profiles, by hand and by their laws."""

import math

import numpy as np
import pytest
from scipy import stats

from symgen.statistics.aggregate import iqm, mean, median, optimality_gap
from symgen.statistics.improvement import probability_of_improvement
from symgen.statistics.intervals import COVERAGE, bootstrap, few_seeds
from symgen.statistics.profile import profile
from symgen.statistics.scores import scores
from symgen.statistics.tolerance import tolerance


def test_the_interquartile_mean_of_few_seeds_is_something_else():
    rng = np.random.default_rng(0)
    three, four = rng.normal(size=(3, 1)), rng.normal(size=(4, 1))
    assert float(iqm(three)) == pytest.approx(three.mean())
    assert float(iqm(four)) == pytest.approx(np.median(four))
    five = np.array([[0.0], [1.0], [2.0], [3.0], [99.0]])
    assert float(iqm(five)) == 2.0


@pytest.mark.parametrize("answer", [mean, median, iqm, optimality_gap])
def test_aggregates_take_resamples_at_once(answer):
    values = np.random.default_rng(1).normal(size=(4, 3, 5, 2))
    together = answer(values)
    alone = [[float(answer(values[i, j])) for j in range(3)] for i in range(4)]
    np.testing.assert_allclose(together, alone, rtol=1e-14)


def test_two_seeds_by_hand():
    interval = bootstrap(scores([0.0, 1.0]), mean)
    assert (interval.value, interval.low, interval.high) == (0.5, 0.0, 1.0)
    assert interval.warning.startswith("2 seeds")
    assert bootstrap(scores([0.0, 1.0]), mean) == interval


def test_one_seed_has_no_interval():
    interval = bootstrap(scores([[2.0, 4.0]]), mean)
    assert interval.value == 3.0
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert "no spread" in interval.warning


def test_a_seed_without_a_score_is_refused_and_named():
    lacking = scores([[1.0, 2.0], [np.nan, 3.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match=r"seeds \(1,\)"):
        bootstrap(lacking)
    assert lacking.without_score == (1,)
    assert bootstrap(lacking.complete(), mean).seeds == 2
    assert lacking.task("1").values[:, 0].tolist() == [2.0, 3.0, 3.0]


def test_conditions_of_one_run_are_resampled_together():
    # all tasks are the same number: as many tasks say no more than one
    values = np.repeat(np.random.default_rng(2).normal(size=(10, 1)), 8, axis=1)
    alone = bootstrap(scores(values[:, :1]), mean)
    together = bootstrap(scores(values, "conditions"), mean)
    stratified = bootstrap(scores(values), mean)
    width = alone.high - alone.low
    assert together.high - together.low == pytest.approx(width, rel=0.05)
    assert stratified.high - stratified.low < 0.5 * width  # control: as if they were eight runs


def test_few_seeds_are_warned_of():
    assert all(few_seeds(count) for count in (1, 2, 3, 4))
    assert few_seeds(5) == few_seeds(10) == ""


@pytest.mark.parametrize("count", [46, 77, 93, 200])
def test_tolerance_by_the_binomial(count):
    values = np.random.default_rng(3).permutation(count).astype(float)
    interval = tolerance(values)
    rank = int(interval.low) + 1
    assert interval.high == count - rank
    # how often at least 2 * rank of the runs lie outside the middle nine tenths
    assert stats.binom.cdf(count - 2 * rank, count, 0.9) >= 0.95
    assert stats.binom.cdf(count - 2 * (rank + 1), count, 0.9) < 0.95
    assert (interval.warning, rank == 1) == ("", count < 76)
    assert interval.held >= 0.9


def test_too_few_runs_for_a_tolerance_interval_say_so():
    values = np.arange(45.0)
    interval = tolerance(values)
    assert (interval.low, interval.high) == (0.0, 44.0)
    assert interval.held < 0.9
    assert "too few runs" in interval.warning
    assert tolerance(np.arange(3.0)).held == pytest.approx(0.135, abs=1e-3)
    for wrong in ([1.0], [1.0, np.nan], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="two finite scores"):
            tolerance(np.array(wrong))
    with pytest.raises(ValueError, match="not in"):
        tolerance(values, content=1.0)


def test_tolerance_holds_as_often_as_it_says():
    rng = np.random.default_rng(4)
    intervals = [tolerance(rng.normal(size=60), 0.8, 0.9) for _ in range(400)]
    shares = [stats.norm.cdf(i.high) - stats.norm.cdf(i.low) for i in intervals]
    held = np.mean(np.array(shares) >= 0.8)
    assert 0.87 <= held <= 0.99
    assert np.mean(np.array(shares) >= 0.9) < 0.6  # control: more than asked is not promised


def test_profiles_fall_and_bands_hold_them():
    result = profile(scores(np.random.default_rng(5).normal(size=(8, 3))), np.linspace(-3, 3, 13))
    assert (np.diff(result.shares) <= 0).all()
    assert (result.low <= result.shares).all()
    assert (result.shares <= result.high).all()
    assert profile(scores([0.0, 1.0]), [0.0]).shares.tolist() == [0.5]  # above, not from it on


def test_improvement_mirrors():
    first, second = scores([1.0, 2.0, 2.0]), scores([0.0, 2.0, 1.0])
    there, back = (
        probability_of_improvement(first, second),
        probability_of_improvement(second, first),
    )
    assert there.value + back.value == pytest.approx(1.0)
    assert probability_of_improvement(first, first).value == 0.5
    assert there.warning.startswith("3 seeds")
    with pytest.raises(ValueError, match="different tasks"):
        probability_of_improvement(first, scores([[1.0, 2.0]]))
    lone = probability_of_improvement(scores([1.0]), second)
    assert math.isnan(lone.low)


@pytest.mark.parametrize("seeds", [3, 10])
def test_the_coverage_said_is_the_coverage_measured(seeds):
    rng = np.random.default_rng(6)
    said, _ = COVERAGE[seeds]
    drawn = [bootstrap(scores(rng.normal(size=seeds)), mean, resamples=500) for _ in range(400)]
    held = np.mean([interval.low <= 0 <= interval.high for interval in drawn])
    assert held == pytest.approx(said, abs=0.06)
    assert f"{COVERAGE[3][0]:.0%}" in few_seeds(3)
