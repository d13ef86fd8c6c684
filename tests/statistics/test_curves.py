"""Learning curves: interpolation, area, thresholds that some never reach, bands."""

import math

import numpy as np
import pytest

from symgen.statistics.aggregate import mean
from symgen.statistics.curves import Curve, area, band, on_grid, shared_grid, steps_to


def curve(steps, scores):
    return Curve(np.array(steps, dtype=float), np.array(scores, dtype=float))


CURVES = [curve([0, 10, 20], [0, 5, 10]), curve([2, 12, 30], [1, 1, 10])]


def test_the_shared_grid_and_nothing_beyond_it():
    grid = shared_grid(CURVES, 3)
    assert grid.tolist() == [2.0, 11.0, 20.0]
    np.testing.assert_allclose(on_grid(CURVES, grid), [[1.0, 5.5, 10.0], [1.0, 1.0, 5.0]])
    beyond = on_grid(CURVES, np.array([0.0, 25.0]))
    assert np.isnan(beyond).tolist() == [[False, True], [True, False]]
    with pytest.raises(ValueError, match="share no range"):
        shared_grid([CURVES[0], curve([20, 30], [0, 0])])


def test_the_area_is_the_mean_score_while_learning():
    grid = np.array([0.0, 1.0, 4.0])
    assert area(grid, np.array([[2.0, 2.0, 2.0], [0.0, 1.0, 4.0]])).tolist() == [2.0, 2.0]
    assert math.isnan(area(grid, np.array([[0.0, np.nan, 1.0]]))[0])


def test_steps_to_a_threshold():
    noisy = curve([0, 1, 2, 3, 4], [0, 9, 0, 9, 9])
    never = curve([0, 1, 2], [0, 1, 2])
    once = steps_to([noisy, never], 9.0)
    assert once.steps.tolist() == [1.0, 2.0]
    assert once.reached.tolist() == [True, False]
    held = steps_to([noisy, never], 9.0, held=2)
    assert held.steps.tolist() == [3.0, 2.0]
    assert steps_to([noisy], 9.0, held=3).reached.tolist() == [False]
    assert steps_to([noisy], 9.0, held=9).reached.tolist() == [False]
    with pytest.raises(ValueError, match="held"):
        steps_to([noisy], 9.0, held=0)


def test_the_median_counts_those_that_never_reached_it():
    fast, slow = curve([0, 10], [0, 1]), curve([0, 90], [0, 1])
    never = curve([0, 100], [0, 0])
    early = curve([0, 5], [0, 0])
    assert steps_to([fast, fast, slow], 1.0).median == 10.0
    assert steps_to([fast, slow, slow], 1.0).median == 90.0
    assert steps_to([fast, slow, never], 1.0).median == 90.0
    assert math.isinf(steps_to([fast, never, never], 1.0).median)
    assert str(steps_to([fast, never, never], 1.0)) == "not reached by half (1 of 3 seeds)"
    assert str(steps_to([fast, fast, never], 1.0)) == "10 (2 of 3 seeds)"
    # one that ended early went out before it could count: of the two that are left both reach it
    assert steps_to([early, fast, slow], 1.0).median == 10.0
    # by hand: S(10) = 3/4, S(20) = 3/4 * 1/2 = 3/8, as one went out at 15
    mixed = [curve([0, end], [0, score]) for end, score in ((10, 1), (15, 0), (20, 1), (30, 1))]
    assert steps_to(mixed, 1.0).median == 20.0


def test_bands():
    grid = np.array([0.0, 1.0, 2.0])
    curves = np.array([[0.0, 1.0, np.nan], [0.0, 3.0, 4.0], [0.0, 5.0, 6.0]])
    result = band(grid, curves, mean)
    assert result.value[:2].tolist() == [0.0, 3.0]
    assert result.low[:2].tolist() == [0.0, 1.0]
    assert result.high[:2].tolist() == [0.0, 5.0]
    assert np.isnan([result.value[2], result.low[2], result.high[2]]).all()
    assert result.warning.startswith("3 seeds")
    lone = band(grid, curves[1:2], mean)
    assert lone.value.tolist() == [0.0, 3.0, 4.0]
    assert np.isnan(lone.low).all()


@pytest.mark.parametrize(
    ("steps", "values"),
    [([0, 0], [1, 2]), ([0, 1], [1]), ([], []), ([0, 1], [1, np.nan]), ([[0]], [[1]])],
)
def test_what_is_no_curve_is_refused(steps, values):
    with pytest.raises(ValueError, match="curve"):
        curve(steps, values)
