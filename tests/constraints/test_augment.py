"""augment: moved copies of what PPO and SAC train on."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from symgen import lookup
from symgen.compiler import check_spec, compile_spec, plan_spec
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.rl import ppo
from symgen.rl._batch import augmented, batch_of
from symgen.rl._ppo_options import Options
from tests.constraints.agents import (
    CARTPOLE,
    EXACT,
    PENDULUM,
    codes,
    learner,
    network,
    training,
    with_constraint,
)
from tests.families.examples import World
from tests.families.problems import observations, problem
from tests.nn.test_group_action import actions, row_of, tensors

ROWS = 6
RANDOM = {"augment": {"elements": "random"}}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def given(this, rows=ROWS, seed=0):
    observed = observations(this.interface, rows, seed)
    return observed["observation"] if this.interface.single else observed


def words_of(this, before, after, row, origin):
    """The elements that take row `origin` of observations and actions to row `row`."""
    found = []
    for word in this.group.elements:
        pairs = [
            (act_on_observation(this.interface, this.observation, word, row_of(x, origin)), y)
            for x, y in zip(before[:-1], after[:-1], strict=True)
        ]
        here = all(
            np.allclose(part, moved[name][row].numpy() if name else moved[row].numpy())
            for expected, moved in pairs
            for name, part in (expected.items() if isinstance(expected, dict) else [("", expected)])
        )
        one = before[-1][origin : origin + 1]
        acted = act_on_action(this.interface.action, this.action, word, one)
        if here and np.allclose(acted[0], after[-1][row].numpy()):
            found.append(word)
    return found


WORLDS = ["D1 cart", "C4 dict of everything", "C2 two components", "D4 force", "D3 plane"]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("constraint", ["augment", RANDOM])
def test_one_element_moves_observation_action_and_next_observation(world, beside, constraint):
    this = problem(world, "mlp", constraint=constraint)
    before = (given(this), given(this, seed=1), actions(this.interface.action, ROWS))
    here, there, acted = map(tensors, before)
    moved = training(this).augment((here, there), acted, generator(), beside)
    after = (*moved.observations, moved.actions)
    words = [
        words_of(this, before, after, row, origin)
        for row, origin in enumerate(moved.index.tolist())
    ]
    assert all(len(some) == 1 for some in words)
    names = [some[0] for some in words]
    if constraint == "augment":
        elements = this.group.elements[1:] if beside else this.group.elements
        pairs = sorted(zip(moved.index.tolist(), names, strict=True))
        assert pairs == sorted((row, word) for row in range(ROWS) for word in elements)
    else:
        assert moved.index.tolist() == list(range(ROWS))
        assert not (beside and "" in names)


def test_observations_moved_by_another_element_are_seen():
    """The control of the test above: actions of one batch, observations of another."""
    this = problem("D4 force", "mlp", constraint=RANDOM)
    before = (given(this), actions(this.interface.action, ROWS))
    here, acted = map(tensors, before)
    first, second = (
        training(this).augment((here,), acted, generator(seed), False) for seed in (0, 1)
    )
    mixed = (*first.observations, second.actions)
    assert any(not words_of(this, before, mixed, row, row) for row in range(ROWS))


@pytest.mark.parametrize("beside", [True, False])
def test_random_elements_are_drawn_evenly(beside):
    this = problem("D4 force", "mlp", constraint=RANDOM)
    count = 8000
    here = {
        "observation": torch.zeros(count, 5, 5, 1),
        "speed": torch.tensor([[1.0, 0.25]]).repeat(count, 1),
    }
    moved = training(this).augment((here,), torch.zeros(count, 2), generator(), beside)
    _, counts = moved.observations[0]["speed"].round(decimals=3).unique(dim=0, return_counts=True)
    order = 8 - beside
    assert len(counts) == order
    assert (counts - count / order).abs().max() < 5 * math.sqrt(count / order)


@pytest.mark.parametrize("beside", [True, False])
def test_a_group_of_one_element_makes_no_copies(beside):
    this = problem("C1 grid 3x4", "mlp", constraint="augment")
    acted = torch.zeros(ROWS, dtype=torch.int64)
    assert training(this).augment((tensors(given(this)),), acted, generator(), beside) is None


@pytest.mark.parametrize("family", lookup.keywords("family"))
def test_every_family_keeps_its_steps(family):
    options = {
        "cnn": {"channels": [4]},
        "vit": {"width": 8, "heads": 2, "layers": 1},
        "graph_attention": {"global": {"layers": 1}, "heads": 4},
        "group_conv": {"layers": ["6 regular"], "hidden": "16 regular"},
        "sensor_attention": {"memory": "none", "hidden": 8},
        "steerable_conv": {"layers": ["6 regular"]},
    }.get(family)
    world = "C4 ring of tokens" if family == "sensor_attention" else "C4 grid 5x5"
    own = "exact" if lookup.module("family", family).BINDS else "none"
    bound, this = (problem(world, family, options, name) for name in (own, "augment"))
    assert str(plan_spec(this)) == str(plan_spec(bound))
    acted = torch.zeros(ROWS, dtype=torch.int64)
    moved = training(this).augment((tensors(given(this)),), acted, generator(), True)
    assert len(moved.actions) == 3 * ROWS


# -------------------------------------------------------------------------------------------------
# PPO


def rolled(spec):
    """A learner in float64 after one update, and the rollout that follows."""
    one = learner(spec, torch.float64)
    next(iter(one))
    ppo.rollout(one.network, one._stepper, one._buffer, one.episodes, one._generator)
    return one, batch_of(one._buffer, one._advantages())


def log_probs(one, batch, kind):
    """Old log-probabilities of the copies, and what the policy itself says of them."""
    rule = dataclasses.replace(one.training, log_prob=kind)
    both = augmented(batch, one.network, rule, 50, generator())
    assert len(both) == 2 * len(batch)
    with torch.no_grad():
        own = one.network.policy(both.observations).log_prob(both.actions)
    return both.log_probs[len(batch) :], own[len(batch) :]


@pytest.mark.parametrize("exact", [True, False])
def test_copied_log_probabilities_are_those_of_an_exact_network(exact):
    one, batch = rolled(with_constraint(CARTPOLE, "augment", EXACT if exact else None))
    copied, _ = log_probs(one, batch, "copied")
    recomputed, own = log_probs(one, batch, "recomputed")
    assert torch.allclose(recomputed, own, rtol=0, atol=1e-12)
    gap = (copied - recomputed).abs().max().item()
    assert gap < 1e-12 if exact else gap > 1e-4


def gradient(one, batch):
    """Of PPO's loss, flat."""
    options = Options(normalise_advantages=False)
    one.network.zero_grad()
    loss, _ = ppo.loss(one.network, batch, options, 0.2, 0.01, one.training, generator())
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in one.network.parameters()])


@pytest.mark.parametrize("exact", [True, False])
def test_an_exact_network_learns_from_a_copy_what_it_learns_from_its_original(exact):
    one, batch = rolled(with_constraint(CARTPOLE, "augment", EXACT if exact else None))
    both = augmented(batch, one.network, one.training, 50, generator())
    copies = both.map(lambda x: x[len(batch) :])
    originals = gradient(one, batch)
    gap = (gradient(one, copies) - originals).norm() / originals.norm()
    assert gap < 1e-10 if exact else gap > 1e-2


@pytest.mark.parametrize(
    ("constraint", "moves"),
    [
        ("augment", True),
        ({"augment": {"log_prob": "recomputed"}}, False),
        ("none", False),
    ],
)
def test_ppo_reports_the_first_ratio_and_does_not_diverge(constraint, moves):
    rows = list(learner(with_constraint(CARTPOLE, constraint, train={"steps": 1000, "epochs": 6})))
    assert len(rows) > 6
    for row in rows:
        for name in ("policy_loss", "value_loss", "gradient_norm", "approx_kl", "first_ratio"):
            assert math.isfinite(row[name]), (name, row)
        assert row["first_ratio"] < 1
    assert (max(row["first_ratio"] for row in rows[1:]) > 1e-4) is moves
    assert rows[0].keys() == ppo.METRICS.keys()


# -------------------------------------------------------------------------------------------------
# SAC


@pytest.mark.parametrize(("constraint", "copies"), [("augment", 2), (RANDOM, 1)])
def test_sac_moves_a_batch_of_the_replay_as_a_whole(constraint, copies):
    one = learner(with_constraint(PENDULUM, constraint))
    next(iter(one))
    plain = one.replay.sample(32, 1, 0.99, generator(4))
    one._generator.manual_seed(4)
    moved = one._draw()
    assert len(moved.rewards) == 32 * copies
    rows = torch.arange(32).repeat(copies)
    signs = (moved.actions / plain.actions[rows])[:, 0].round()
    assert {-1.0, 1.0} == set(signs.tolist())
    turned = torch.stack([torch.ones(len(rows)), signs, signs], 1)
    assert torch.equal(moved.actions, plain.actions[rows] * signs[:, None])
    assert torch.equal(moved.observations, plain.observations[rows] * turned)
    assert torch.equal(moved.next_observations, plain.next_observations[rows] * turned)
    assert torch.equal(moved.rewards, plain.rewards[rows])
    assert torch.equal(moved.discounts, plain.discounts[rows])


def test_sac_learns_from_copies():
    rows = list(learner(with_constraint(PENDULUM, "augment")))
    assert rows[-1]["gradient_steps"] == 21
    assert math.isfinite(rows[-1]["critic_loss"])


# -------------------------------------------------------------------------------------------------
# what is claimed, and what is refused


def test_verify_measures_and_claims_nothing():
    compiled = compile_spec(with_constraint(CARTPOLE, "augment"), seed=0)
    report = compiled.verification
    assert report.holds
    assert {row.verdict for row in report.rows} == {"broken"}
    assert "the spec claims no symmetry" in str(report)
    bound = compile_spec(with_constraint(CARTPOLE, "augment", EXACT), seed=0)
    assert bound.verification.exact  # control: it is measured


RING = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
    "symmetry": {"group": "C8", "states": "standard + trivial", "actions": "trivial"},
    "network": {"family": "mlp"},
}


@pytest.mark.parametrize(
    ("group", "constraint", "said"),
    [
        ("C64", "augment", ""),
        ("C65", "augment", "augment takes 64 elements at most, and C65 has 65"),
        ("C65", RANDOM, ""),
        ("C512 x C5", RANDOM, "augment takes 2048 elements at most, and C512 x C5 has 2560"),
        ("SO2", RANDOM, "augment takes elements from a list, and SO2 has no end of them"),
        ("C512", "none", ""),
    ],
)
def test_groups_that_cannot_be_listed_are_refused(group, constraint, said):
    states = "irrep(1) + trivial" if group == "SO2" else "standard + trivial"
    if group == "C512 x C5":
        states = "3 trivial"
    symmetry = {"group": group, "states": states, "actions": "trivial", "constraint": constraint}
    mistakes = codes({**RING, "symmetry": symmetry})
    assert (
        mistakes == []
        if not said
        else [each[:2] for each in mistakes] == [("unavailable-constraint", said)]
    )


def test_the_hint_of_a_large_group_works():
    (mistake,) = codes(
        {**RING, "symmetry": {**RING["symmetry"], "group": "C65", "constraint": "augment"}}
    )
    assert mistake[2] == "write elements: random, or use a smaller group"


def test_bytes_that_change_their_sign_are_refused():
    world = World("C2", {"observation": "bytes grid 3x5: trivial + sign"}, "permutation")
    assert problem(world, "mlp", constraint="none")
    with pytest.raises(ValueError, match=r"as they are stored, and uint8 cannot hold trivial"):
        problem(world, "mlp", constraint="augment")


@pytest.mark.parametrize("constraint", ["augment", "mirror_loss"])
def test_a_memory_is_refused(constraint):
    remembering = {"family": "mlp", "memory": "gru"}
    (mistake,) = codes(with_constraint(CARTPOLE, constraint, remembering))
    assert mistake[0] == "unavailable-constraint"
    assert "this network remembers earlier ones" in mistake[1]
    for spec in (
        with_constraint(CARTPOLE, "none", remembering),
        with_constraint(CARTPOLE, constraint),
    ):
        assert codes(spec) == []  # what the hint says


def test_sac_has_no_old_log_probabilities():
    set_to = {"augment": {"log_prob": "copied"}}
    (mistake,) = codes(with_constraint(PENDULUM, set_to))
    assert mistake[0] == "unavailable-constraint"
    assert mistake[2] == "leave log_prob out, or write algorithm: ppo"
    assert codes(with_constraint(PENDULUM, "augment")) == []
    assert codes(with_constraint(CARTPOLE, set_to)) == []


def test_the_network_is_what_none_makes():
    plain, moved = (
        network(check_spec(with_constraint(CARTPOLE, name))) for name in ("none", "augment")
    )
    for one, other in zip(plain.parameters(), moved.parameters(), strict=True):
        assert torch.equal(one, other)
