"""The squashed Gaussian of soft actor-critic: a = centre + half * tanh(u), u ~ N(mean, sigma^2),
componentwise.

Actions exist in two units: those of the environment, in the box [low, high], and those of the unit
box [-1, 1], in which densities are taken by the algorithm (Haarnoja et al. 2018, Soft actor-critic
algorithms and applications, arXiv:1812.05905, appendix C), so that an entropy does not depend on
how the environment scales its actions.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.distributions.kl import register_kl
from torch.nn.functional import softplus
from torch.types import _size

from symgen.problem.interface import Action

__all__ = ["LOG_STD", "SquashedGaussian", "box", "squash", "unsquashed"]

LOG_STD = (-20.0, 2.0)
"""Bounds of the logarithm of the deviation, as in the paper's code."""


def box(action: Action) -> tuple[Tensor, Tensor]:
    """Centre and half width of a continuous action's box, float64 [dim]; an unbounded component is
    left as it is.
    """
    unbounded = [math.inf] * action.sizes[0]
    low = torch.tensor(action.low or unbounded).double()
    high = torch.tensor(action.high or unbounded).double()
    bounded = low.isfinite() & high.isfinite()
    centre = (low + high) / 2
    half = (high - low) / 2
    return torch.where(bounded, centre, 0.0), torch.where(bounded, half, 1.0)


def squash(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The action of the unit box that `noise` ~ N(0, 1) gives, and its log-density there.

    Args:
        mean: of the Gaussian, [batch, dim].
        log_std: the logarithm of its deviation, [batch, dim].
        noise: [batch, dim].

    Returns:
        Actions [batch, dim] in (-1, 1), and log-densities [batch]; gradients flow through both.
    """
    u = torch.addcmul(mean, noise, log_std.exp())
    gaussian = noise.square() * -0.5 - log_std - 0.5 * math.log(2 * math.pi)
    return u.tanh(), (gaussian - _log_slope(u)).sum(-1)


def unsquashed(unit: Tensor) -> Tensor:
    """The u with tanh(u) = unit; at the edges, which a rounded tanh reaches, the largest u that can
    be told apart.
    """
    edge = 1 - torch.finfo(unit.dtype).eps
    return unit.clamp(-edge, edge).atanh()


def _log_slope(u: Tensor) -> Tensor:
    """log(1 - tanh(u)^2), exact for large |u| too."""
    return 2 * (math.log(2) - u - softplus(-2 * u))


class SquashedGaussian(Distribution):
    """The distribution of actions in the environment's units, [batch, dim].

    Args:
        mean: of the Gaussian before tanh, [batch, dim].
        log_std: the logarithm of its deviation, [batch, dim].
        centre: centre of the box, [dim].
        half: half its width, [dim].
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    has_rsample = True

    def __init__(self, mean: Tensor, log_std: Tensor, centre: Tensor, half: Tensor) -> None:
        self.parameters = (mean, log_std)
        self.centre = centre
        self.half = half
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    @property
    def mode(self) -> Tensor:
        """The image of the Gaussian's mean, which is what is played without noise."""
        return self.centre + self.half * self.parameters[0].tanh()

    @property
    def mean(self) -> Tensor:
        """The same as `mode`: the true mean has no closed form."""
        return self.mode

    def rsample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own)
        """Draw actions [*sample_shape, batch, dim] through which gradients flow."""
        mean, log_std = self.parameters
        mean = mean.expand(*sample_shape, *mean.shape)
        log_std = log_std.expand(*sample_shape, *log_std.shape)
        unit, _ = squash(mean, log_std, torch.randn_like(mean))
        return self.centre + self.half * unit

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of actions of the environment, [..., batch]."""
        mean, log_std = self.parameters
        u = unsquashed((value - self.centre) / self.half)
        gaussian = (
            -0.5 * ((u - mean) * (-log_std).exp()).square() - log_std - 0.5 * math.log(2 * math.pi)
        )
        return (gaussian - _log_slope(u) - self.half.log()).sum(-1)


def _kl_of_squashed(p: SquashedGaussian, q: SquashedGaussian) -> Tensor:
    """KL(p, q) in nats, [batch]: that of the Gaussians before tanh.

    A divergence does not change under a bijection of the outcomes, and tanh and the box (the same
    for both) are one.
    """
    mean, log_std = p.parameters
    mean_of_q, log_std_of_q = q.parameters
    shrunk = (2 * (log_std - log_std_of_q)).exp()
    shifted = ((mean - mean_of_q) * (-log_std_of_q).exp()).square()
    return (log_std_of_q - log_std + 0.5 * (shrunk + shifted - 1)).sum(-1)


register_kl(SquashedGaussian, SquashedGaussian)(_kl_of_squashed)
