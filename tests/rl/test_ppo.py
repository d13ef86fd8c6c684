"""PPO piece by piece: options, advantages by hand, the loss against an obvious twin."""

import math

import pytest
import torch
from doubles import identity_network
from pydantic import ValidationError
from small_ppo import KINDS, SMALL, learner, options

from symgen.nn.distributions import distribution
from symgen.problem.training import PLAIN
from symgen.rl import ppo
from symgen.rl._schedule import at
from symgen.rl.ppo import METRICS, Batch, Options, advantages, update

# -------------------------------------------------------------------------------------------------
# options


def test_every_option_has_a_description_and_every_metric_a_meaning():
    assert all(field.description for field in Options.model_fields.values())
    produced = next(iter(learner()))
    assert set(produced) == set(METRICS)
    assert all(isinstance(value, int | float) for value in produced.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"envs": 0},
        {"rollout": 1},
        {"envs": 4096, "rollout": 4096},
        {"gamma": 1.5},
        {"learning_rate": -1.0},
        {"learning_rate": {"from": 1.0}},
        {"clip": math.inf},
        {"epochs": 2.5},
        {"clip_value": "yes"},
        {"momentum": 1},
    ],
)
def test_wrong_options_are_refused(wrong):
    assert options() == Options(**SMALL)  # control
    with pytest.raises(ValidationError):
        options(**wrong)


def test_schedules_are_numbers_or_lines():
    given = options(learning_rate={"from": 1, "to": 0.5}, clip=0.1)
    assert [at(given.learning_rate, progress) for progress in (0, 0.5, 1, 1.5)] == [
        1,
        0.75,
        0.5,
        0.5,
    ]
    assert at(given.clip, 0.7) == 0.1
    rates = [
        metrics["learning_rate"]
        for metrics in learner(steps=150, learning_rate={"from": 1e-3, "to": 0})
    ]
    assert rates[0] == 1e-3
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == len(rates) > 2


# -------------------------------------------------------------------------------------------------
# advantages


def test_gae_by_hand_terminated_beside_truncated_beside_a_reset_step():
    # gamma 0.9, lambda 0.5, so gamma * lambda = 0.45; three steps, the episode ends in the middle
    # one column 0 terminated, column 1 truncated, column 2 goes on, column 3 terminated at 0 and
    # starting anew at 1
    rewards = torch.tensor([[1, 1, 1, 1], [2, 2, 2, 0], [3, 3, 3, 3]]).double()
    values = torch.tensor([[10, 10, 10, 10], [20, 20, 20, 777], [30, 30, 30, 30]]).double()
    next_values = torch.tensor([[20, 20, 20, 777], [555, 50, 30, 30], [40, 40, 40, 40]]).double()
    terminated = torch.tensor([[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]]).bool()
    truncated = torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]).bool()
    gain = advantages(rewards, values, next_values, terminated, truncated, 0.9, 0.5)
    # step 2, all columns: 3 + 0.9 * 40 - 30 = 9
    # step 1:  terminated 2 - 20 = -18;  truncated 2 + 0.9 * 50 - 20 = 27;
    #          neither 2 + 0.9 * 30 - 20 + 0.45 * 9 = 13.05
    # step 0:  1 + 0.9 * 20 - 10 = 9, plus 0.45 * step 1 = 0.9, 21.15, 14.8725;
    #          column 3: 1 - 10 = -9 whatever follows
    expected = [[0.9, 21.15, 14.8725, -9.0], [-18.0, 27.0, 13.05], [9.0, 9.0, 9.0, 9.0]]
    assert gain[0].tolist() == pytest.approx(expected[0])
    assert gain[1, :3].tolist() == pytest.approx(expected[1])
    assert gain[2].tolist() == pytest.approx(expected[2])


def gae_twin(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    """Equation 16 as a sum: for every step, all later deltas of its episode."""
    steps, envs = rewards.shape
    result = torch.zeros(steps, envs, dtype=values.dtype)
    for start in range(steps):
        for env in range(envs):
            for step in range(start, steps):
                follows = 0.0 if terminated[step, env] else next_values[step, env]
                delta = rewards[step, env] + gamma * follows - values[step, env]
                result[start, env] += (gamma * gae_lambda) ** (step - start) * delta
                if terminated[step, env] or truncated[step, env]:
                    break
    return result


@pytest.mark.parametrize(
    ("gamma", "gae_lambda"), [(0.99, 0.95), (1.0, 1.0), (0.9, 0.0), (0.0, 0.5)]
)
def test_gae_equals_its_sum(gamma, gae_lambda):
    torch.manual_seed(1)
    rewards, values, next_values = torch.randn(3, 12, 5, dtype=torch.float64)
    terminated, truncated = torch.rand(2, 12, 5) < 0.15
    given = (rewards, values, next_values, terminated, truncated, gamma, gae_lambda)
    torch.testing.assert_close(advantages(*given), gae_twin(*given), rtol=0, atol=1e-12)
    if gamma:  # control: a truncated step treated as terminated differs
        wrong = advantages(
            rewards, values, next_values, terminated | truncated, truncated, gamma, gae_lambda
        )
        assert (wrong - gae_twin(*given)).abs().max() > 0.1


# ------------------------------------------------------------------------------------------------
# loss and update


def batch_for(kind, network, size=40):
    torch.manual_seed(2)
    observations = torch.randn(size, network.actor[0].in_features)
    with torch.no_grad():
        outputs, _ = network(observations)
        parameters, values = outputs["policy"], outputs["value"][:, 0]
        law = distribution(
            network.action, parameters + 0.3 * torch.randn_like(parameters), outputs.get("scale")
        )
        actions = law.sample()
    old_values = values + 0.5 * torch.randn(size)
    gain, returns = torch.randn(size), values + torch.randn(size)
    return Batch(observations, actions, law.log_prob(actions).detach(), gain, returns, old_values)


def loss(network, batch, given, clip, weight, training=PLAIN):
    return ppo.loss(network, batch, given, clip, weight, training, torch.Generator())


def loss_twin(network, batch, given, clip, weight):
    """The loss one transition at a time, with torch's own distributions."""
    gain = batch.advantages
    if given.normalise_advantages:
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
    total = torch.zeros(())
    for i in range(len(batch)):
        law, value = (
            network.policy(batch.observations[i : i + 1]),
            network.value(batch.observations[i : i + 1])[0],
        )
        ratio = (law.log_prob(batch.actions[i : i + 1])[0] - batch.log_probs[i]).exp()
        surrogate = min(gain[i] * ratio, gain[i] * min(max(ratio, 1 - clip), 1 + clip))
        error = (value - batch.returns[i]) ** 2
        if given.clip_value:
            bounded = batch.values[i] + min(max(value - batch.values[i], -clip), clip)
            error = max(error, (bounded - batch.returns[i]) ** 2)
        total = total - surrogate + given.value * error - weight * law.entropy()[0]
    return total / len(batch)


@pytest.mark.parametrize(
    "changes", [{}, {"clip_value": True, "value": 0.7}, {"normalise_advantages": False}]
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_and_its_gradient_equal_those_of_an_obvious_twin(kind, changes):
    network, given = identity_network(kind), options(**changes)
    batch = batch_for(kind, network)
    total, row = loss(network, batch, given, 0.2, 0.05)
    expected = loss_twin(network, batch, given, 0.2, 0.05)
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    weights = list(network.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(total, weights), torch.autograd.grad(expected, weights)
    )
    assert 0 < row[4] < 1  # the clip range was left by some, so that clipping was tested
    # control: another clip range gives another loss
    assert loss(network, batch, given, 0.02, 0.05)[0].item() != pytest.approx(
        expected.item(), abs=1e-4
    )


def test_an_update_takes_every_transition_once_per_epoch():
    batch = Batch(torch.arange(50.0)[:, None], *[torch.arange(50)] * 5)
    parts = list(batch.minibatches(2, 3, torch.Generator().manual_seed(0)))
    assert [len(part) for part in parts] == [17, 17, 16] * 2
    for epoch in (parts[:3], parts[3:]):
        assert sorted(torch.cat([part.actions for part in epoch]).tolist()) == list(range(50))
    assert all(part.observations[:, 0].equal(part.returns.float()) for part in parts)
    assert not parts[0].actions.equal(parts[3].actions)


def count_steps(**changes):
    network = identity_network("discrete")
    optimiser = torch.optim.Adam(network.parameters())
    count = 0
    plain = optimiser.step

    def counted():
        nonlocal count
        count += 1
        plain()

    optimiser.step = counted
    given = options(epochs=10, minibatch=10, learning_rate=0.01, **changes)
    batch = batch_for("discrete", network)
    with torch.no_grad():  # the policy that acted is the present one: KL starts at zero
        batch = Batch(
            **{
                **vars(batch),
                "log_probs": network.policy(batch.observations).log_prob(batch.actions),
            }
        )
    metrics = update(network, optimiser, batch, given, 0.0, torch.Generator().manual_seed(0))
    return count, metrics


def test_target_kl_ends_the_update():
    all_of_them, free = count_steps()
    assert all_of_them == 40
    few, bound = count_steps(target_kl=0.002)
    assert 0 < few < 40
    assert bound["approx_kl"] < free["approx_kl"]


def test_long_gradients_are_shortened():
    def moved(norm):
        network = identity_network("discrete")
        optimiser = torch.optim.SGD(network.parameters())
        before = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
        given = options(epochs=1, minibatch=40, learning_rate=1.0, max_grad_norm=norm)
        metrics = update(
            network, optimiser, batch_for("discrete", network), given, 0.0, torch.Generator()
        )
        after = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
        return (after - before).norm().item(), metrics["gradient_norm"]

    short, length = moved(0.01)
    assert short == pytest.approx(0.01, rel=1e-3)
    assert length > 0.1
    assert moved(1e6)[0] == pytest.approx(
        length, rel=1e-3
    )  # control: nothing shortened, and Adam's rate set to 1
