"""What PPO logs of a relaxed network, and that its penalty is in the loss; with a network whose
symmetry-breaking norm is known.
"""

import pytest
import torch
from doubles import identity_envs, identity_network

from symgen.constraints import relaxed
from symgen.constraints.relaxed import EVERY, Regularised, documented
from symgen.rl.ppo import METRICS, Learner, Options

SMALL = Options(envs=4, rollout=8, minibatch=32, epochs=1)


def relaxed_network(regulariser=0.0):
    """The small network, its norm said to be that of one weight that nothing else depends on."""
    network = identity_network("discrete", False)
    network.delta = torch.nn.Parameter(torch.full((3,), 0.5))
    network.symmetry_breaking = lambda: {
        "policy": float(network.delta.detach().norm()),
        "policy/r": 0.1,
        "policy/spread": 0.2,
    }
    network.penalty = lambda: regulariser * network.delta.square().sum() if regulariser else None
    return network


def learner_of(network, steps):
    envs = identity_envs(4, kind="discrete")
    return Learner(network, envs, SMALL, steps=steps, seed=0, training=Regularised(1.0))


def rows(network, updates=12):
    learner = learner_of(network, 10**6)
    return [next(iter(learner)) for _ in range(updates)]


def test_every_metric_of_a_relaxed_network_has_a_meaning():
    first = rows(relaxed_network(0.1), 1)[0]
    assert {documented(name) for name in first} == {*METRICS, *relaxed.METRICS}
    assert {documented(name) for name in rows(relaxed_network(), 1)[0]} == {
        *METRICS,
        *relaxed.METRICS,
    } - {"penalty"}
    assert not set(relaxed.METRICS) & set(METRICS)


def test_it_is_measured_now_and_then():
    found = [
        row["update"]
        for row in rows(relaxed_network(), EVERY + 2)
        if "symmetry_breaking/policy" in row
    ]
    assert found == [1, EVERY]
    training = Regularised(1.0)
    assert training.measured(relaxed_network(), 7, last=True)
    assert not training.measured(relaxed_network(), 7, last=False)


def test_the_last_update_is_measured():
    learner = learner_of(relaxed_network(), 90)
    assert ["symmetry_breaking/policy" in row for row in learner][-1]


def test_an_exact_network_has_none():
    network = identity_network("discrete", False)
    assert Regularised(1.0).measured(network, 1, last=True) == {}
    assert set(rows(network, 1)[0]) == set(METRICS)


@pytest.mark.parametrize("regulariser", [0.0, 10.0])
def test_the_penalty_is_part_of_the_loss(regulariser):
    network = relaxed_network(regulariser)
    sizes = [
        row["symmetry_breaking/policy"]
        for row in rows(network, EVERY)
        if "symmetry_breaking/policy" in row
    ]
    if regulariser:
        assert sizes[1] < sizes[0]
    else:  # control: nothing else moves that weight
        assert sizes[1] == sizes[0]
