import math

import numpy as np
import pytest

from symgen.statistics.estimate import Estimate, estimate


def test_two_values_by_hand():
    # resamples of {0, 1}: mean 0 with probability 1/4, 1/2 with 1/2, 1 with 1/4: the 2.5% quantile
    # is 0
    assert estimate([0.0, 1.0]) == Estimate(0.5, 0.0, 1.0, 2)


def test_three_values_by_hand():
    # P(all three draws are the smallest) = 1/27 > 2.5%: the interval ends at the extremes
    assert estimate([3.0, 1.0, 2.0]) == Estimate(2.0, 1.0, 3.0, 3)


def test_four_values_by_hand():
    # of {0, 0, 0, 4}: the number k of fours is binomial(4, 1/4), the mean is k;
    # P(k = 0) = 0.316, P(k >= 3) = 0.051 > 2.5%, P(k = 4) = 0.004 < 2.5%
    assert estimate([0.0, 0.0, 4.0, 0.0]) == Estimate(1.0, 0.0, 3.0, 4)


def test_many_values_give_the_normal_interval():
    values = np.random.default_rng(0).normal(5.0, 2.0, 2000)
    result = estimate(values.tolist())
    half = 1.96 * values.std() / math.sqrt(2000)
    assert result.low == pytest.approx(result.mean - half, abs=0.02 * half + 1e-3)
    assert result.high == pytest.approx(result.mean + half, abs=0.02 * half + 1e-3)


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    drawn = [estimate(rng.normal(size=50).tolist()) for _ in range(200)]
    hits = [result.low <= 0 <= result.high for result in drawn]
    assert 0.88 <= np.mean(hits) <= 0.99
    narrow = estimate(rng.normal(size=50).tolist(), level=0.1)
    assert narrow.high - narrow.low < 0.1  # control: another level is another interval


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(2).random(30).tolist()
    assert estimate(values) == estimate(values)


def test_one_value_has_no_interval():
    result = estimate([0.25])
    assert (result.mean, result.count) == (0.25, 1)
    assert math.isnan(result.low)
    assert str(result) == "0.25"
    assert result.to_dict() == {"mean": 0.25, "low": None, "high": None, "count": 1}


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_what_is_no_number_is_refused(values):
    with pytest.raises(ValueError, match="finite values"):
        estimate(values)


@pytest.mark.parametrize(
    "stored", [Estimate(1.0, 0.5, 2.0, 3), Estimate(-120.0, -130.0, -1100.0, 9)]
)
def test_estimates_survive_json(stored):
    assert Estimate.from_dict(stored.to_dict()) == stored


def test_digits_follow_the_size():
    assert str(Estimate(0.123, 0.1, 0.2, 3)) == "0.12 [0.10, 0.20]"
    assert str(Estimate(475.26, 460.0, 1480.6, 3)) == "475.3 [460.0, 1481]"


def test_ten_thousand_episodes_need_little_memory():
    assert estimate(list(range(10_000))).mean == pytest.approx(4999.5)
