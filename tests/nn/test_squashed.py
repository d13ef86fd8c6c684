"""The squashed Gaussian against torch's own transformed distribution, in the box, at its edges, and
under the group.
"""

import copy
import pickle

import pytest
import torch
from torch.distributions import (
    AffineTransform,
    Independent,
    Normal,
    TanhTransform,
    TransformedDistribution,
    kl_divergence,
)

from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.nn.squashed import SquashedGaussian, box, squash, unsquashed
from symgen.problem.interface import Action

ACTION = Action("continuous", ("x", "y"), (2,), (-2.0, 0.0), (2.0, 1.0))


def case(dtype=torch.float64, batch=50):
    torch.manual_seed(0)
    mean, log_std = torch.randn(2, batch, 2, dtype=dtype)
    return mean.requires_grad_(), (0.5 * log_std - 0.5).detach().requires_grad_()


def twin(mean, log_std, centre, half):
    gaussian = Normal(mean, log_std.exp())
    return Independent(
        TransformedDistribution(gaussian, [TanhTransform(), AffineTransform(centre, half)]), 1
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_densities_and_their_gradients_equal_torchs(dtype):
    mean, log_std = case(dtype)
    centre, half = (each.to(dtype) for each in box(ACTION))
    noise = torch.randn_like(mean)
    unit, density = squash(mean, log_std, noise)
    actions = centre + half * unit
    law, other = SquashedGaussian(mean, log_std, centre, half), twin(mean, log_std, centre, half)
    tolerance = {"rtol": 0, "atol": 1e-10 if dtype == torch.float64 else 2e-3}
    torch.testing.assert_close(
        law.log_prob(actions.detach()), other.log_prob(actions.detach()), **tolerance
    )
    torch.testing.assert_close(density - half.log().sum(), other.log_prob(actions), **tolerance)
    ours, theirs = (
        torch.autograd.grad(x.sum(), [mean, log_std])
        for x in (density, twin_density(mean, log_std, noise))
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8 if dtype == torch.float64 else 1e-3)
    # control: without the slope of tanh the density is that of the Gaussian
    assert (
        density - Normal(mean, log_std.exp()).log_prob(mean + log_std.exp() * noise).sum(-1)
    ).abs().max() > 0.1


def twin_density(mean, log_std, noise):
    """The density along the path: torch's, of the action that the same noise gives."""
    law = twin(mean, log_std, 0.0, 1.0)
    return law.log_prob((mean + log_std.exp() * noise).tanh())


def test_densities_add_up_to_one():
    mean, log_std = torch.tensor([[0.3]]).double(), torch.tensor([[-0.4]]).double()
    centre, half = torch.tensor([1.0]).double(), torch.tensor([3.0]).double()
    grid = torch.linspace(-2 + 1e-6, 4 - 1e-6, 200_001).double()[:, None]
    density = SquashedGaussian(mean, log_std, centre, half).log_prob(grid[:, None]).exp().flatten()
    assert torch.trapezoid(density, grid.flatten()).item() == pytest.approx(1.0, abs=1e-4)


def test_far_from_the_middle_everything_stays_finite():
    mean = torch.tensor([[40.0, -40.0]], requires_grad=True)
    log_std = torch.full((1, 2), 2.0, requires_grad=True)
    unit, density = squash(mean, log_std, torch.randn(1, 2))
    grads = torch.autograd.grad(density.sum() + unit.sum(), [mean, log_std])
    assert all(x.isfinite().all() for x in (unit, density, *grads))
    assert unit.abs().max() <= 1
    law = SquashedGaussian(mean, log_std, *(x.float() for x in box(ACTION)))
    assert law.log_prob(torch.tensor([[2.0, 0.0]])).isfinite().all()
    assert unsquashed(torch.tensor([1.0, -1.0])).isfinite().all()
    assert torch.log1p(-unit.square()).isinf().any()  # control: the plain formula is not


def test_samples_and_the_mode_lie_in_the_box():
    mean, log_std = case(torch.float32, 1)
    law = SquashedGaussian(mean, log_std, *(x.float() for x in box(ACTION)))
    drawn = law.sample((5000,))
    assert drawn.shape == (5000, 1, 2)
    low, high = torch.tensor(ACTION.low), torch.tensor(ACTION.high)
    assert ((drawn >= low) & (drawn <= high)).all()
    assert drawn.std(0).min() > 0.01
    assert torch.equal(law.mode, law.mean)
    assert torch.equal(law.mode, law.centre + law.half * mean.tanh())
    middle = drawn.median(0).values  # tanh keeps the order, so the mode is the median
    assert (middle - law.mode).abs().max() < 0.1
    assert law.rsample().requires_grad
    assert not law.sample().requires_grad


def test_boxes():
    centre, half = box(ACTION)
    assert (centre.tolist(), half.tolist()) == ([0.0, 0.5], [2.0, 0.5])
    open_ = Action("continuous", ("x", "y"), (2,), (-float("inf"), 1.0), (float("inf"), 3.0))
    assert [each.tolist() for each in box(open_)] == [[0.0, 2.0], [1.0, 1.0]]
    assert [each.tolist() for each in box(Action("continuous", ("x",), (1,)))] == [[0.0], [1.0]]


@pytest.mark.parametrize(
    ("name", "text"), [("D4", "standard"), ("D1", "2 sign + trivial"), ("S3", "permutation")]
)
def test_the_law_moves_with_the_group(name, text):
    """log pi(g.a | g.s) = log pi(a | s), with the mean moved by rho and the deviation by |rho|."""
    rho = representations.parse(group(name), text)
    still = torch.zeros(rho.size).double(), torch.ones(rho.size).double()
    torch.manual_seed(0)
    mean, log_std, noise = torch.randn(3, 20, rho.size).double()
    actions = squash(mean, log_std, noise)[0]
    for word in rho.group.elements:
        moved = [torch.from_numpy(rho.act(word, x.numpy())) for x in (mean, actions)]
        size = torch.from_numpy(representations.absolute(rho).act(word, log_std.numpy()))
        here = SquashedGaussian(mean, log_std, *still).log_prob(actions)
        there = SquashedGaussian(moved[0], size, *still).log_prob(moved[1])
        assert (here - there).abs().max() < 1e-9
    assert (
        SquashedGaussian(mean, size.roll(1, 0), *still).log_prob(actions) - here
    ).abs().max() > 0.1  # control


def test_a_matrix_does_not_commute_with_tanh():
    """Why a squashed policy is refused such an action."""
    turn = torch.from_numpy(representations.parse(group("C8"), "standard").matrix("r"))
    u = torch.randn(50, 2).double()
    assert ((u @ turn.T).tanh() - u.tanh() @ turn.T).abs().max() > 0.1
    quarter = turn @ turn
    assert ((u @ quarter.T).tanh() - u.tanh() @ quarter.T).abs().max() < 1e-12


def test_kl_is_the_integral_over_the_box():
    """Of a component: the sum of p (log p - log q) over a fine grid of the box."""
    mean, log_std = torch.tensor([[0.3, -0.6]]).double(), torch.tensor([[-0.4, 0.1]]).double()
    mean_q, log_std_q = torch.tensor([[-0.2, 0.1]]).double(), torch.tensor([[0.0, -0.3]]).double()
    centre, half = box(ACTION)
    grid = (torch.linspace(-12, 12, 400_001).double()).tanh()[1:-1]
    expected = torch.zeros(())
    for k in range(2):
        part = slice(k, k + 1)
        here = (centre[part], half[part])
        p = SquashedGaussian(mean[:, part], log_std[:, part], *here)
        q = SquashedGaussian(mean_q[:, part], log_std_q[:, part], *here)
        actions = (here[0] + here[1] * grid)[:, None]
        log_p, log_q = p.log_prob(actions), q.log_prob(actions)
        expected = expected + torch.trapezoid(log_p.exp() * (log_p - log_q), actions[:, 0])
    p = SquashedGaussian(mean, log_std, centre, half)
    q = SquashedGaussian(mean_q, log_std_q, centre, half)
    assert kl_divergence(p, q).item() == pytest.approx(expected.item(), abs=1e-6)
    assert kl_divergence(p, q).item() > 0.1
    assert kl_divergence(q, p).item() != pytest.approx(expected.item(), abs=1e-2)  # control
    assert kl_divergence(p, p).abs().max() < 1e-12


def test_kl_is_that_of_torchs_gaussians_and_has_its_gradients():
    mean, log_std = case()
    other_mean, other_log_std = (x.detach().flip(0) for x in case())
    still = (torch.zeros(2).double(), torch.ones(2).double())
    p = SquashedGaussian(mean, log_std, *still)
    q = SquashedGaussian(other_mean, other_log_std, *still)
    gaussians = (
        Independent(Normal(m, s.exp()), 1)
        for m, s in ((mean, log_std), (other_mean, other_log_std))
    )
    expected = kl_divergence(*gaussians)
    found = kl_divergence(p, q)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    ours, theirs = (torch.autograd.grad(x.sum(), [mean, log_std]) for x in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_copies():
    mean, log_std = case(torch.float32, 3)
    law = SquashedGaussian(mean.detach(), log_std.detach(), *(x.float() for x in box(ACTION)))
    for twin_ in (copy.deepcopy(law), pickle.loads(pickle.dumps(law))):
        assert torch.equal(twin_.mode, law.mode)
