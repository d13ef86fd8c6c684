"""`sample` and `evaluate` say what the torch distributions say."""

import pytest
import torch
from torch.distributions import Categorical, Independent, kl_divergence

from symgen.nn.distributions import MultiCategorical, distribution, evaluate, sample
from symgen.problem.interface import Action

ACTIONS = {
    "discrete": Action("discrete", ("a", "b", "c"), (3,)),
    "multi_discrete": Action("multi_discrete", ("a", "b", "c"), (2, 4, 3)),
    "continuous": Action("continuous", ("x", "y"), (2,), (-1.0, -1.0), (1.0, 1.0)),
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def case(kind, dtype=torch.float64, batch=64):
    torch.manual_seed(0)
    action = ACTIONS[kind]
    parameters = torch.randn(batch, action.parameters, dtype=dtype, requires_grad=True)
    log_std = (
        torch.tensor([-0.7, 0.4], dtype=dtype, requires_grad=True) if kind == "continuous" else None
    )
    return action, parameters, log_std


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", ACTIONS)
def test_evaluate_equals_the_distribution(kind, dtype):
    action, parameters, log_std = case(kind, dtype)
    law = distribution(action, parameters, log_std)
    actions = law.sample()
    log_prob, entropy = evaluate(action, parameters, log_std, actions)
    assert log_prob.shape == entropy.shape == (64,)
    torch.testing.assert_close(log_prob, law.log_prob(actions), rtol=0, atol=TOLERANCE[dtype] * 10)
    torch.testing.assert_close(entropy, law.entropy(), rtol=0, atol=TOLERANCE[dtype] * 10)

    # control: other actions are not equally likely
    assert (
        evaluate(action, parameters, log_std, actions.roll(1, 0))[0] - log_prob
    ).abs().max() > 0.1

    leaves = [parameters] if log_std is None else [parameters, log_std]
    ours = torch.autograd.grad((log_prob * 2 + entropy).sum(), leaves)
    theirs = torch.autograd.grad((law.log_prob(actions) * 2 + law.entropy()).sum(), leaves)
    torch.testing.assert_close(
        ours, theirs, rtol=TOLERANCE[dtype] * 100, atol=TOLERANCE[dtype] * 100
    )


@pytest.mark.parametrize("kind", ["discrete", "multi_discrete"])
def test_sample_draws_each_choice_as_often_as_its_probability(kind):
    action, parameters, _ = case(kind, batch=1)
    drawn = sample(
        action, parameters.detach().expand(40_000, -1), generator=torch.Generator().manual_seed(1)
    )
    drawn = drawn.reshape(40_000, -1)
    for component, logits in enumerate(parameters.detach()[0].split(action.sizes)):
        counts = torch.bincount(drawn[:, component], minlength=len(logits)) / 40_000
        assert (counts - logits.softmax(-1)).abs().max() < 0.01
        assert (counts - 1 / len(logits)).abs().max() > 0.05  # control: not uniform


def test_sample_draws_a_gaussian_of_the_given_mean_and_scale():
    action, parameters, log_std = case("continuous", batch=1)
    drawn = sample(
        action, parameters.detach().expand(40_000, -1), log_std, torch.Generator().manual_seed(1)
    )
    assert (drawn.mean(0) - parameters[0]).abs().max() < 0.03
    assert (drawn.std(0) / log_std.exp() - 1).abs().max() < 0.02
    assert (drawn.std(0) - 1).abs().min() > 0.2  # control


def test_sample_depends_on_the_generator_alone():
    action, parameters, _ = case("discrete")
    draw = [
        sample(action, parameters, generator=torch.Generator().manual_seed(seed))
        for seed in (3, 3, 4)
    ]
    assert draw[0].equal(draw[1])
    assert not draw[0].equal(draw[2])


def test_kinds_of_distribution():
    assert isinstance(distribution(*case("discrete")), Categorical)
    multi = distribution(*case("multi_discrete"))
    assert isinstance(multi, MultiCategorical)
    assert [each.shape for each in multi.logits] == [(64, 2), (64, 4), (64, 3)]
    assert multi.mode.shape == multi.sample().shape == (64, 3)
    assert multi.sample(torch.Size([5])).shape == (5, 64, 3)
    assert (multi.log_prob(multi.mode) >= multi.log_prob(multi.sample())).all()
    action, parameters, log_std = case("continuous")
    gaussian = distribution(action, parameters, log_std)
    assert isinstance(gaussian, Independent)
    assert gaussian.mean.equal(parameters)


def test_a_continuous_action_without_scale_is_refused():
    action, parameters, _ = case("continuous")
    with pytest.raises(ValueError, match="log_std"):
        sample(action, parameters)


def test_a_deviation_may_differ_from_state_to_state():
    action, parameters, log_std = case("continuous")
    actions = torch.randn(64, 2, dtype=torch.float64)
    same = log_std.expand(64, -1)
    for ours, theirs in zip(
        evaluate(action, parameters, same, actions),
        evaluate(action, parameters, log_std, actions),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    own = same + torch.randn(64, 2, dtype=torch.float64)
    law = distribution(action, parameters, own)
    log_prob, entropy = evaluate(action, parameters, own, actions)
    torch.testing.assert_close(log_prob, law.log_prob(actions), rtol=0, atol=1e-11)
    torch.testing.assert_close(entropy, law.entropy(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", ["discrete", "multi_discrete"])
def test_kl_is_the_sum_over_all_choices(kind):
    action, parameters, _ = case(kind, batch=5)
    p = distribution(action, parameters)
    q = distribution(action, parameters.flip(0) - parameters.roll(1, 1))
    choices = [torch.arange(size) for size in action.sizes]
    table = torch.cartesian_prod(*choices)
    expected = torch.zeros(5, dtype=torch.float64)
    for chosen in table:
        actions = chosen.expand(5, *chosen.shape)
        log_p, log_q = p.log_prob(actions), q.log_prob(actions)
        expected = expected + log_p.exp() * (log_p - log_q)
    found = kl_divergence(p, q)
    assert found.shape == (5,)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert found.min() > 0.01
    assert kl_divergence(p, p).abs().max() < 1e-12
    # control: the other way round it is another number
    assert (kl_divergence(q, p) - found).abs().max() > 0.01
    (gradient,) = torch.autograd.grad(found.sum(), parameters)
    assert gradient.abs().max() > 0


def test_torch_knows_the_kl_of_gaussians():
    action, parameters, log_std = case("continuous", batch=5)
    p = distribution(action, parameters, log_std)
    q = distribution(action, parameters.flip(0), log_std.flip(0))
    assert kl_divergence(p, q).shape == (5,)
