"""A policy remembers each environment's episode, and nothing else."""

import numpy as np
import pytest
import torch

from symgen.compiler import compile_spec, plan_spec
from symgen.nn.policy import Policy
from tests.experiment.doubles import SPEC
from tests.families.problems import example, observations
from tests.nn.remembering import Counter, remembering

SEEN = np.zeros((3, 1), np.float32)


def test_it_counts_from_the_start_of_each_episode():
    policy = Policy(Counter())
    policy.reset(3)
    assert policy.act(SEEN).tolist() == [0, 0, 0]
    assert policy.act(SEEN).tolist() == [1, 1, 1]
    assert policy.act(SEEN, np.array([False, True, False])).tolist() == [2, 0, 2]
    assert policy.act(SEEN, np.array([True, False, False])).tolist() == [0, 1, 3]
    assert policy.act(SEEN, np.zeros(3, bool)).tolist() == [1, 2, 4]
    policy.reset(2)
    assert policy.act(SEEN[:2]).tolist() == [0, 0]


def test_without_a_reset_it_begins_with_the_first_observation():
    policy = Policy(Counter())
    assert policy.act(SEEN).tolist() == [0, 0, 0]
    assert policy.act(SEEN).tolist() == [1, 1, 1]


def test_another_number_of_environments_is_refused():
    policy = Policy(Counter())
    policy.reset(1)
    with pytest.raises(ValueError, match="reset for 1 environments, and sees 3"):
        policy.act(SEEN)


def test_what_becomes_of_actions_is_said_from_outside():
    policy = Policy(Counter(), convert=lambda actions: actions + 10)
    assert policy.act(SEEN).tolist() == [10, 10, 10]


def test_sampling_draws_by_the_global_random_state():
    compiled = compile_spec(SPEC, verify=False, seed=0)
    seen = observations(compiled.problem.interface, 64)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(Policy(compiled.network, sample=True).act(seen).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    most = Policy(compiled.network).act(seen)
    assert np.array_equal(most, compiled.network.policy(seen).mode)
    assert drawn[0] != most.tolist()  # control


def test_a_network_with_memory_plays_as_it_unrolls(monkeypatch):
    """Act by act, with starts, a policy does what `unroll` says of the whole sequence."""
    this = example("group_mlp", "shared", "C4 grid 5x5")
    torch.manual_seed(0)
    network = remembering(plan_spec(this), this.interface).eval()
    steps = [observations(this.interface, 4, seed=k) for k in range(7)]
    starts = np.random.default_rng(0).random((7, 4)) < 0.3
    stacked = {name: np.stack([step[name] for step in steps]) for name in steps[0]}
    outputs, _ = network.unroll(stacked, network.initial_state(4), torch.from_numpy(starts))
    expected = outputs["policy"].argmax(-1).numpy()

    policy = Policy(network)
    policy.reset(4)
    played = [policy.act(step, begins) for step, begins in zip(steps, starts, strict=True)]
    assert np.array_equal(played, expected)
    policy.reset(4)
    forgetful = [policy.act(step) for step in steps]  # control: starts that are not told
    assert not np.array_equal(forgetful, expected)


def test_one_call_cannot_act_with_a_memory(monkeypatch):
    compiled = compile_spec(SPEC, verify=False, seed=0)
    seen = observations(compiled.problem.interface, 3)
    assert np.array_equal(compiled.policy().act(seen), compiled.act(seen))
    monkeypatch.setattr(compiled.network, "states", Counter().states)
    with pytest.raises(ValueError, match=r"count has memory: ask policy\(\)"):
        compiled.act(seen)
