"""Rewards divided by the spread of the discounted return."""

import numpy as np
import pytest

from symgen.rl._reward_scale import RewardScale


def twin(rewards, ended, valid, gamma):
    """All discounted returns of all valid steps, one environment after the other."""
    values = []
    for env in range(rewards.shape[1]):
        total = 0.0
        for step in range(len(rewards)):
            total = gamma * total + rewards[step, env]
            if valid[step, env]:
                values.append(total)
            if ended[step, env]:
                total = 0.0
    return np.std(values)


def test_the_spread_over_several_rollouts_is_that_of_all_returns():
    rng = np.random.default_rng(0)
    rewards, ended = rng.normal(3, 2, (60, 4)), rng.random((60, 4)) < 0.2
    valid = np.vstack([np.ones((1, 4), bool), ~ended[:-1]])
    rewards[~valid] = 0
    scale = RewardScale(4, 0.9)
    for rows in np.split(np.arange(60), 3):
        scaled = scale.scale(rewards[rows], ended[rows], valid[rows])
    assert scale.std == pytest.approx(twin(rewards, ended, valid, 0.9), rel=1e-12)
    assert scaled == pytest.approx(rewards[40:] / scale.std)
    # controls: the mask and the endings matter
    assert scale.std != pytest.approx(twin(rewards, ended, np.ones_like(valid), 0.9), rel=1e-3)
    assert scale.std != pytest.approx(twin(rewards, np.zeros_like(ended), valid, 0.9), rel=1e-3)


def test_state_restores():
    first, second = RewardScale(2, 0.5), RewardScale(2, 0.5)
    rewards, no = np.arange(6.0).reshape(3, 2), np.zeros((3, 2), bool)
    first.scale(rewards, no, ~no)
    assert second.std == 1
    second.restore(first.state())
    assert second.std == first.std != 1
