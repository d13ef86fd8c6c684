"""SAC learns to repeat the numbers it sees, and swings the pendulum up as stable-baselines3
does.
"""

import statistics
import sys
from pathlib import Path

import numpy as np
import pytest
from doubles import Identity, SmallSoft, identity_action, identity_envs
from gymnasium.vector import AutoresetMode

from symgen.rl.sac import Learner, Options

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))


def score(network, as_dict):
    """Mean reward per step of the preferred actions."""
    envs = identity_envs(64, kind="continuous", as_dict=as_dict)
    observation, _ = envs.reset(seed=99)
    total = 0.0
    for _ in range(Identity.LENGTH):
        observation, reward, *_ = envs.step(network.best(observation))
        total += float(reward.mean())
    return total / Identity.LENGTH


@pytest.mark.parametrize(
    ("mode", "as_dict", "n_step", "encoder"),
    [(AutoresetMode.NEXT_STEP, False, 1, False), (AutoresetMode.SAME_STEP, True, 2, True)],
)
def test_the_identity_is_learnt_within_its_budget(mode, as_dict, n_step, encoder):
    network = SmallSoft(2 + as_dict, identity_action("continuous"), hidden=32, encoder=encoder)
    assert score(network, as_dict) < 0.75  # control: untrained
    rates = dict.fromkeys(("actor_rate", "critic_rate", "temperature_rate"), 3e-3)
    given = Options(
        envs=8, warmup=200, batch=64, updates=0.3, gamma=0.5, n_step=n_step, report=300, **rates
    )
    envs = identity_envs(8, mode, kind="continuous", as_dict=as_dict)
    rows = list(Learner(network, envs, given, steps=2400, seed=1))
    assert score(network, as_dict) > 0.85
    assert rows[-1]["return"] > rows[0]["return"]
    assert rows[-1]["entropy"] < rows[1]["entropy"]
    assert rows[-1]["temperature"] < rows[1]["temperature"]


@pytest.mark.slow(minutes=5)
@pytest.mark.usefixtures("one_thread")
def test_the_pendulum_is_swung_up_within_the_same_steps():
    from bench_sac import BAR, STEPS, compiled, our_return, ours, their_return, theirs

    scores = []
    for seed in range(3):
        plain, baseline = ours(seed, STEPS)[0], theirs(seed, STEPS)[0]
        group, _ = ours(seed, STEPS, compiled(seed))
        scores.append((our_return(plain), their_return(baseline), our_return(group)))
    plain, baseline, group = np.mean(scores, axis=0)
    assert min(plain, group) >= max(BAR, baseline - 50), scores
    assert our_return(ours(0, 100)[0]) < BAR  # control: untrained


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_no_fewer_steps_per_second():
    from bench_sac import ours, theirs

    ours(0, 200), theirs(0, 200)  # warm up
    ratios = [ours(seed, 400)[1] / theirs(seed, 400)[1] for seed in range(7)]
    assert statistics.median(ratios) >= 1.0, ratios
