import math

import numpy as np
import pytest

from symgen.experiment.metrics import Metrics
from symgen.pictures import canvas, curve
from tests.experiment.doubles import new_run


def trained(tmp_path, seed, returns):
    run = new_run(tmp_path, seed)
    with Metrics(run.folder) as log:
        for k, value in enumerate(returns, 1):
            log.write({"update": k, "step": 1000 * k, "return": value})
    return run


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_picture_is_drawn(tmp_path, seeds):
    runs = [trained(tmp_path, seed, [math.nan, 0.1 * seed, 0.5, 0.9]) for seed in range(seeds)]
    assert curve.draw(runs, tmp_path / curve.NAME)
    assert (tmp_path / curve.NAME).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_no_episode_no_picture(tmp_path):
    assert not curve.draw([trained(tmp_path, 0, [math.nan])], tmp_path / curve.NAME)
    assert not (tmp_path / curve.NAME).exists()


def test_the_mean_is_over_the_steps_all_seeds_reached():
    first = np.array([[0.0, 0.0], [10.0, 1.0]])
    second = np.array([[5.0, 1.0], [20.0, 1.0]])
    steps, mean = curve._mean([first, second])
    assert (steps[0], steps[-1]) == (5, 10)
    assert mean[[0, -1]] == pytest.approx([0.75, 1.0])


@pytest.mark.parametrize(
    ("step", "text"), [(0, "0"), (500, "500"), (2000, "2k"), (1_500_000, "1.5M")]
)
def test_steps_have_units(step, text):
    assert canvas.thousands(step, 0) == text
