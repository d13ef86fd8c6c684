"""PPO's critic may have a step size of its own: what only it needs is another group of Adam's."""

import torch
from bandit import bandits, options
from doubles import numbers

from symgen.compiler import compile_spec
from symgen.rl import _step_sizes
from symgen.rl.ppo import Learner
from tests.constraints.agents import CARTPOLE


def learner(shared=False, privileged=True, steps=64, **train):
    """A training that has not begun; episodes begin alike and end with the updates."""
    spec = {
        **CARTPOLE,
        "network": {"family": "group_mlp", "hidden": "4 regular", "shared": shared},
        "train": {"algorithm": "ppo", "steps": 64, "privileged": privileged},
    }
    network = compile_spec(spec, seed=0, verify=False).network
    given = options("ppo", **{"envs": 2, **train})
    return Learner(network, bandits("discrete"), given, steps=steps, seed=0)


def weights_after(**train):
    run = learner(**train)
    list(run)
    return dict(run.network.named_parameters())


def weights_before(**train):
    return dict(learner(**train).network.named_parameters())


def test_the_critic_may_have_a_step_size_of_its_own():
    start = weights_before()
    still = weights_after(critic_learning_rate=0.0)
    of_critic = {name for name in start if "value" in name}
    assert {name for name in start if torch.equal(still[name], start[name])} == of_critic
    # control: with the step size of all others it is trained as they are
    moved = weights_after()
    assert not any(torch.equal(moved[name], start[name]) for name in of_critic)


def test_what_is_shared_has_the_step_size_of_the_policy():
    start = weights_before(shared=True, privileged=False)
    still = weights_after(shared=True, privileged=False, critic_learning_rate=0.0)
    same = {name.split(".")[1] for name in start if torch.equal(still[name], start[name])}
    assert same == {"value"}


def test_apart_only_the_shortening_of_gradients_is_another():
    # no gradient is as long as this, so that only the step sizes could differ
    long = {"max_grad_norm": 1e9, "learning_rate": 0.003}
    together = weights_after(**long)
    apart = weights_after(critic_learning_rate=0.003, **long)
    assert all(torch.equal(together[name], apart[name]) for name in together)
    # of short ones Adam's epsilon tells the length
    short = {"max_grad_norm": 1e-3, "learning_rate": 0.003, "adam_eps": 1.0}
    together = weights_after(**short)
    apart = weights_after(critic_learning_rate=0.003, **short)
    assert not any(torch.equal(together[name], apart[name]) for name in together)


def test_each_group_is_shortened_by_itself_and_the_norm_is_that_of_all():
    weights = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))]
    optimiser = torch.optim.Adam([{"params": [weight]} for weight in weights])
    weights[0].grad = torch.tensor([3.0, 4.0])
    weights[1].grad = torch.tensor([0.25])
    norm = _step_sizes.shorten(optimiser, 1.0)
    torch.testing.assert_close(norm, torch.tensor([5.0, 0.25]).norm())
    torch.testing.assert_close(weights[0].grad, torch.tensor([0.6, 0.8]))
    assert torch.equal(weights[1].grad, torch.tensor([0.25]))


def test_a_training_with_two_step_sizes_is_restored():
    rates = {"learning_rate": 0.01, "critic_learning_rate": 0.003, "steps": 96}
    whole = [numbers(row) for row in learner(**rates)]
    first = learner(**rates)
    next(iter(first))
    tensors = {name: x.clone() for name, x in first.tensors().items()}
    weights = {name: x.clone() for name, x in first.network.state_dict().items()}

    def second(**changed):
        again = learner(**{**rates, **changed})
        again.network.load_state_dict(weights)
        again.restore(tensors, first.scalars())
        return [numbers(row) for row in again]

    assert second() == whole[1:]
    assert second(critic_learning_rate=0.001) != whole[1:]  # control
