"""What a policy's parameter vector means: sample, log-probability and entropy for the three kinds
of action.

`parameters` is what the policy head emits, [batch, sum(sizes)]: the logits of a discrete action,
the logits of each component of a multi_discrete one side by side, the mean of a continuous one. The
scale of a continuous action is `log_std`, [dim] where it is the same in every state, or
[batch, dim]. `distribution` gives a torch distribution; `sample` and `evaluate` compute the same
numbers (a test says so) without building one, which is what training calls thousands of times a
second. torch's `kl_divergence` knows all of them.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Normal, kl_divergence
from torch.distributions.constraints import Constraint
from torch.distributions.kl import register_kl
from torch.types import _size

from symgen.problem.interface import Action

__all__ = ["MultiCategorical", "distribution", "evaluate", "sample"]


class MultiCategorical(Distribution):
    """Independent categorical components, each with its own number of choices; a sample is [batch,
    component].

    Args:
        logits: one [batch, choice] tensor per component, not necessarily normalised.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    has_enumerate_support = False

    def __init__(self, logits: tuple[Tensor, ...]) -> None:
        self.components = tuple(Categorical(logits=some, validate_args=False) for some in logits)
        super().__init__(logits[0].shape[:-1], torch.Size([len(logits)]), validate_args=False)

    @property
    def logits(self) -> tuple[Tensor, ...]:
        """Normalised logits, one [batch, choice] tensor per component."""
        return tuple(component.logits for component in self.components)

    @property
    def mode(self) -> Tensor:
        """The most probable choice of each component, [batch, component]."""
        return torch.stack([component.logits.argmax(-1) for component in self.components], -1)

    @torch.no_grad()
    def sample(self, sample_shape: _size = torch.Size()) -> Tensor:  # noqa: B008 (torch's own)
        """Draw one choice per component, [*sample_shape, batch, component]."""
        return torch.stack([component.sample(sample_shape) for component in self.components], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability of choices [..., component], summed over the components."""
        columns = zip(self.components, value.unbind(-1), strict=True)
        logs = [component.log_prob(column) for component, column in columns]
        return torch.stack(logs, -1).sum(-1)

    def entropy(self) -> Tensor:
        """Entropy in nats, [batch], summed over the components."""
        return torch.stack([component.entropy() for component in self.components], -1).sum(-1)


def _kl_of_multi_categorical(p: MultiCategorical, q: MultiCategorical) -> Tensor:
    """KL(p, q) in nats, [batch]: the components are independent, so it is the sum of theirs."""
    pairs = zip(p.components, q.components, strict=True)
    return torch.stack([kl_divergence(ours, theirs) for ours, theirs in pairs], -1).sum(-1)


register_kl(MultiCategorical, MultiCategorical)(_kl_of_multi_categorical)


def distribution(action: Action, parameters: Tensor, log_std: Tensor | None = None) -> Distribution:
    """The torch distribution that `parameters` [batch, sum(sizes)] stand for.

    Returns:
        Categorical (discrete), MultiCategorical (multi_discrete), or a diagonal Gaussian with
        `.mean` (continuous).
    """
    if action.kind == "discrete":
        return Categorical(logits=parameters, validate_args=False)
    if action.kind == "multi_discrete":
        return MultiCategorical(parameters.split_with_sizes(action.sizes, -1))
    scale = _scale(log_std).exp().expand_as(parameters)
    return Independent(Normal(parameters, scale, validate_args=False), 1, validate_args=False)


def sample(
    action: Action,
    parameters: Tensor,
    log_std: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one action per row of `parameters`; [batch] indices, [batch, component] indices or
    [batch, dim] reals.

    A continuous action is not clipped to its box: its density is that of the unclipped Gaussian.
    """
    if action.kind == "discrete":
        return _gumbel_max(parameters, generator)
    if action.kind == "multi_discrete":
        logits = parameters.split_with_sizes(action.sizes, -1)
        return torch.stack([_gumbel_max(some, generator) for some in logits], -1)
    noise = torch.empty_like(parameters).normal_(generator=generator)
    return torch.addcmul(parameters, noise, _scale(log_std).exp())


def evaluate(
    action: Action, parameters: Tensor, log_std: Tensor | None, actions: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-probability of `actions` and entropy of the distribution, both [batch]; finite logits are
    assumed.
    """
    if action.kind == "discrete":
        return _categorical(parameters, actions)
    if action.kind == "multi_discrete":
        split = zip(parameters.split_with_sizes(action.sizes, -1), actions.unbind(-1), strict=True)
        rows = [_categorical(logits, chosen) for logits, chosen in split]
        logs = torch.stack([log for log, _ in rows])
        entropies = torch.stack([entropy for _, entropy in rows])
        return logs.sum(0), entropies.sum(0)
    log_std = _scale(log_std)
    dim = log_std.shape[-1]
    constant = log_std.sum(-1) + dim * 0.5 * math.log(2 * math.pi)
    deviation = (actions - parameters) * (-log_std).exp()
    log_probability = -0.5 * deviation.square().sum(-1) - constant
    return log_probability, (constant + 0.5 * dim).expand_as(log_probability)


def _categorical(logits: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy of [batch, choice] logits at [batch] indices."""
    logs = logits.log_softmax(-1)
    return logs.gather(-1, chosen.unsqueeze(-1)).squeeze(-1), -(logs.exp() * logs).sum(-1)


def _gumbel_max(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """A categorical draw: argmax of logits plus Gumbel noise, where -log of an exponential draw is
    Gumbel.
    """
    return (logits - torch.empty_like(logits).exponential_(generator=generator).log_()).argmax(-1)


def _scale(log_std: Tensor | None) -> Tensor:
    if log_std is None:
        raise ValueError("a continuous action needs log_std, got None")
    return log_std
