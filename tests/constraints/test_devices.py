"""Rows are moved where they are, by tables that are made once."""

import pytest

from tests.constraints.agents import CARTPOLE, PENDULUM, learner, with_constraint
from tests.pretend import ELSEWHERE, elsewhere

RANDOM = {"augment": {"elements": "random", "log_prob": "recomputed"}}
GENERATORS = {"mirror_loss": {"elements": "generators"}}


@pytest.fixture
def traffic(monkeypatch):
    with elsewhere(monkeypatch) as found:
        yield found


def numbers(rows):
    return repr([{k: x for k, x in row.items() if k != "steps_per_second"} for row in rows])


@pytest.mark.parametrize("constraint", ["augment", RANDOM, GENERATORS])
def test_ppo_trains_elsewhere_as_it_does_here(traffic, constraint):
    spec = with_constraint(CARTPOLE, constraint, train={"steps": 100, "epochs": 1})
    one = learner(spec, device=ELSEWHERE)
    assert numbers(one) == numbers(learner(spec))
    experience = one._experience()
    traffic.clear()
    one._update(experience, 0.0)
    # the metrics: losses, gradient norm, explained variance
    assert (traffic.sent, traffic.fetched) == (0, 3)
    assert not traffic.made_here


@pytest.mark.parametrize("constraint", ["augment", "mirror_loss"])
def test_sac_trains_elsewhere_as_it_does_here(traffic, constraint):
    spec = with_constraint(PENDULUM, constraint, train={"steps": 104})
    one = learner(spec, device=ELSEWHERE)
    assert numbers(one) == numbers(learner(spec))
    traffic.clear()
    one.improve(one._draw())
    assert (traffic.sent, traffic.fetched) == (0, 0)
    assert not traffic.made_here
