"""Two arms: permutation tests against scipy's, pairs, ties, missing seeds, corrections."""

import math

import numpy as np
import pytest
from scipy import stats

from symgen.statistics import aggregate
from symgen.statistics._permutations import least_p, p_value
from symgen.statistics.compare import compare, difference
from symgen.statistics.correct import benjamini_hochberg, holm
from symgen.statistics.scores import Scores, scores


def drawn(seed, *shape, shift=0.0, kind="conditions"):
    return scores(np.random.default_rng(seed).normal(shift, 1.0, size=shape), kind)


def gap(x, y, axis):
    return x.mean(axis=axis) - y.mean(axis=axis)


def size_of_gap(x, y, axis):
    return np.abs(gap(x, y, axis))


@pytest.mark.parametrize("seeds", [3, 6, 9])
def test_sign_flips_as_scipy(seeds):
    first, second = drawn(0, seeds, shift=0.8), drawn(1, seeds)
    reference = stats.permutation_test(
        (first.values[:, 0], second.values[:, 0]),
        gap,
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    p = p_value(first, second, aggregate.mean, "sign flips", 10_000)
    assert p == pytest.approx(reference.pvalue, abs=1e-12)
    assert p >= least_p(first, second, "sign flips") == 2.0 ** (1 - seeds)


@pytest.mark.parametrize("numbers", [(3, 3), (5, 5), (4, 6)])
def test_labels_as_scipy(numbers):
    first, second = drawn(0, numbers[0], shift=0.8), drawn(1, numbers[1])
    reference = stats.permutation_test(
        (first.values[:, 0], second.values[:, 0]),
        size_of_gap,
        permutation_type="independent",
        alternative="greater",
        n_resamples=np.inf,
        vectorized=True,
    )
    p = p_value(first, second, aggregate.mean, "labels", 10_000)
    assert p == pytest.approx(reference.pvalue, abs=1e-12)
    assert p >= least_p(first, second, "labels")


@pytest.mark.parametrize("test", ["sign flips", "labels"])
def test_random_permutations_are_near_all_of_them(test):
    first, second = drawn(2, 8, shift=0.6), drawn(3, 8)
    exact = p_value(first, second, aggregate.iqm, test, 20_000)
    random = p_value(first, second, aggregate.iqm, test, 200 if test == "sign flips" else 2_000)
    assert 0.01 < exact < 0.5
    assert random == pytest.approx(exact, abs=0.06)


@pytest.mark.parametrize("test", ["sign flips", "labels"])
def test_the_farthest_arms_reach_the_least_p(test):
    first, second = scores([10.0, 11.0, 12.0, 13.0]), scores([0.0, 1.0, 2.0, 3.0])
    p = p_value(first, second, aggregate.mean, test, 10_000)
    assert p == pytest.approx(least_p(first, second, test))
    unequal = scores([0.0, 1.0, 2.0])
    assert p_value(first, unequal, aggregate.mean, "labels", 10_000) == pytest.approx(1 / 35)


@pytest.mark.parametrize("test", ["sign flips", "labels"])
def test_ties_count_as_no_difference(test):
    same = scores([0.1, 0.2, 0.3, 0.3])
    assert p_value(same, same, aggregate.mean, test, 10_000) == 1.0
    # sums that rounding alone tells apart are equal
    shifted = scores([0.3, 0.3, 0.2, 0.1])
    assert p_value(same, shifted, aggregate.mean, test, 10_000) == 1.0


def test_environments_are_exchanged_one_by_one_and_conditions_together():
    values = np.random.default_rng(4).normal(size=(3, 4))
    environments = scores(values), scores(values - 1)
    conditions = scores(values, "conditions"), scores(values - 1, "conditions")
    assert least_p(*environments, "sign flips") == 2.0**-11
    assert least_p(*conditions, "sign flips") == 2.0**-2
    assert p_value(*environments, aggregate.mean, "sign flips", 10_000) == 2.0**-11
    assert p_value(*conditions, aggregate.mean, "sign flips", 10_000) == 2.0**-2
    # every deal of four tasks is more than a list holds: random ones, the observed among them
    p = p_value(*environments, aggregate.mean, "labels", 500)
    assert p * 501 == pytest.approx(round(p * 501))


def test_pairs_make_the_interval_narrow():
    common = np.random.default_rng(5).normal(0, 10, size=10)
    noise = np.random.default_rng(6).normal(0, 0.1, size=10)
    first, second = scores(common + 1 + noise), scores(common)
    paired = difference(first, second)
    assert (paired.paired, paired.test) == (True, "sign flips")
    assert 0.8 < paired.low < paired.value < paired.high < 1.2
    assert paired.p == pytest.approx(2 / 1024)
    strangers = difference(first, scores(common, seeds=range(100, 110)))
    assert (strangers.paired, strangers.test) == (False, "labels")
    assert strangers.low < -3 < 5 < strangers.high
    assert strangers.p > 0.5
    assert "not paired: only one arm has scores for seeds 0, 1" in strangers.notes[0]


def test_pairs_are_found_by_seed_not_by_row():
    values = np.arange(8.0)
    order = np.random.default_rng(0).permutation(8)
    there = difference(scores(values + 1), scores(values))
    again = difference(scores(values + 1), scores(values[order], seeds=order.tolist()))
    assert there == again
    assert (there.low, there.high) == (1.0, 1.0)
    rows = difference(scores(values + 1), scores(values[order]))  # control: other pairs
    assert rows.low < 0.5


def test_a_missing_score_is_said_and_unpairs():
    values = np.arange(8.0)
    broken = values.copy()
    broken[3] = np.nan
    result = difference(scores(values), scores(broken))
    assert (result.seeds, result.paired, result.test) == ((8, 7), False, "labels")
    assert "second arm has no score for seeds 3" in result.notes[0]
    assert "not paired" in result.notes[1]
    # the same seed lost by both leaves pairs
    both = difference(scores(broken + 1), scores(broken))
    assert (both.seeds, both.paired) == ((7, 7), True)
    assert both.value == pytest.approx(1.0)
    with pytest.raises(ValueError, match="no seed has a score"):
        difference(scores(values), scores(np.full(8, np.nan)))


def test_the_test_follows_from_the_number_of_seeds():
    five = difference(scores(np.arange(5.0)), scores(np.arange(5.0) + 9))
    assert (five.paired, five.test, five.least_p) == (True, "labels", 2 / 252)
    assert "labels are permuted across seeds" in five.notes[0]
    six = difference(scores(np.arange(6.0)), scores(np.arange(6.0) + 9))
    assert (six.test, six.least_p, six.notes) == ("sign flips", 1 / 32, ())
    strict = difference(scores(np.arange(6.0)), scores(np.arange(6.0) + 9), least=0.01)
    assert strict.test == "labels"
    three = difference(scores(np.arange(3.0)), scores(np.arange(3.0) + 9))
    assert three.least_p == 0.1
    assert "cannot give p below 0.1" in three.notes[0]
    assert three.notes[1].startswith("3 seeds")


def test_one_seed_has_no_interval():
    result = difference(scores([1.0]), scores([0.0]))
    assert math.isnan(result.low)
    assert result.p == 1.0
    assert any("one seed" in note for note in result.notes)


def test_different_tasks_are_refused():
    with pytest.raises(ValueError, match="different tasks"):
        difference(scores([[1.0, 2.0]]), scores([1.0]))
    with pytest.raises(ValueError, match="different tasks"):
        difference(scores([1.0]), scores([1.0], "conditions"))


def test_comparisons_are_corrected_together():
    arms = {"base": drawn(0, 10), "far": drawn(1, 10, shift=5.0), "same": drawn(2, 10)}
    far, same = compare(arms, [("far", "base"), ("same", "base")])
    assert (far.decision, same.decision) == ("better", "not told apart")
    assert far.p == pytest.approx(2 * far.difference.p)
    (turned,) = compare(arms, [("base", "far")])
    assert (turned.decision, turned.p) == ("worse", far.difference.p)
    with pytest.raises(ValueError, match="no pairs"):
        compare(arms, [])


def test_many_comparisons_of_few_seeds_say_that_none_can_count():
    arms = {str(index): drawn(index, 3, shift=9.0 * index) for index in range(4)}
    pairs = [("0", "1"), ("0", "2"), ("0", "3")]
    for comparison in compare(arms, pairs):
        assert comparison.decision == "not told apart"
        assert "0.017 is needed" in comparison.difference.notes[0]


def slow_holm(p):
    """Holm as it is told: the smallest p times how many there are, and so on."""
    left = dict(enumerate(p))
    corrected, most = [0.0] * len(p), 0.0
    while left:
        index = min(left, key=lambda name: left[name])
        most = max(most, len(left) * left.pop(index))
        corrected[index] = min(most, 1.0)
    return corrected


@pytest.mark.parametrize("seed", range(5))
def test_corrections(seed):
    p = np.random.default_rng(seed).random(7) ** 2
    np.testing.assert_allclose(holm(p), slow_holm(p), rtol=1e-12)
    assert (benjamini_hochberg(p) <= holm(p) + 1e-15).all()
    assert (holm(p) >= p).all()
    assert (benjamini_hochberg(p) >= p).all()


@pytest.mark.parametrize(
    ("values", "seeds", "tasks"),
    [
        (np.zeros((2, 1)), (0,), ("a",)),
        (np.zeros((2, 1)), (0, 0), ("a",)),
        (np.zeros((1, 2)), (0,), ("a", "a")),
        (np.full((1, 1), np.inf), (0,), ("a",)),
        (np.zeros((0, 1)), (), ("a",)),
    ],
)
def test_what_are_no_scores_is_refused(values, seeds, tasks):
    with pytest.raises(ValueError, match=r"scores|twice|infinite"):
        Scores(values, seeds, tasks)
