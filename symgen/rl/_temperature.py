"""The weight of the entropy in soft actor-critic: fixed, or learnt."""

import math

import torch
from torch import Tensor, nn


class Temperature:
    """The temperature, whose logarithm is learnt so that the policy's entropy comes to a target.

    Args:
        like: a tensor of the network, for dtype and device.
        fixed: what it always is; None where it is learnt.
        initial: where a learnt one starts.
        target_entropy: what a learnt one aims at, in nats.
    """

    def __init__(
        self, like: Tensor, fixed: float | None, initial: float, target_entropy: float
    ) -> None:
        start = initial if fixed is None else fixed
        self.log = nn.Parameter(like.new_full((), math.log(max(start, 1e-30))))
        self.is_learnt = fixed is None
        self.target_entropy = target_entropy

    @property
    def value(self) -> Tensor:
        """The temperature as it is, without gradient."""
        return self.log.detach().exp()

    def loss(self, negative_entropy: Tensor) -> Tensor:
        """Falls where the temperature grows while the policy's entropy is below the target
        (arXiv:1812.05905, equation 18, in the logarithm as in the authors' code).

        Args:
            negative_entropy: [batch], without gradient: minus the entropy of the policy at every
                observation, or an estimate of it, the log-density of an action drawn there.
        """
        return -self.log * (negative_entropy + self.target_entropy).mean()

    @torch.no_grad()
    def restore(self, log: Tensor) -> None:
        """Take in a saved logarithm."""
        self.log.copy_(log)
