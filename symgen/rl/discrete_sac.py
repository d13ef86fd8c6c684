"""Soft actor-critic of discrete actions, from top to bottom: metrics, target, losses, and the
gradient step.

    for metrics in Learner(network, envs, Options(), steps=100_000, seed=0):
        ...                                  one dictionary of numbers per `report` transitions

The policy is categorical and a critic says the value of every action, so that expectations over
actions are sums and nothing is sampled. The loop around the gradient step (act, store, draw) is
that of every soft actor-critic, in _soft.py. Options are in _discrete_sac_options.py.

Sources: Christodoulou 2019, Soft Actor-Critic for Discrete Action Settings (arXiv:1910.07207);
Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications (arXiv:1812.05905).
"""

import math

import torch
from torch import Tensor

from symgen.nn import distributions
from symgen.problem.training import Trained
from symgen.rl import _soft
from symgen.rl._discrete_sac_options import Options
from symgen.rl._replay import Batch
from symgen.rl._soft import SoftLearner, critic_loss
from symgen.rl._storage import Observation

__all__ = ["METRICS", "Batch", "Learner", "Options", "actor_loss", "targets"]

ACTOR = ("policy",)
CRITICS = ("q1", "q2")

METRICS = {
    **_soft.METRICS,
    "actor_loss": "temperature * log-probability - smaller Q, expected under the policy",
}
"""Of every network; a constraint may measure more."""


# -------------------------------------------------------------------------------------------------
# target and losses


def action_values(outputs: dict[str, Tensor]) -> Tensor:
    """Both Q of every action, [batch, 2, action]."""
    return torch.stack([outputs["q1"], outputs["q2"]], 1)


@torch.no_grad()
def targets(network: Trained, target: Trained, batch: Batch, temperature: Tensor) -> Tensor:
    """What both Q of the actions taken are to become, [batch] (arXiv:1910.07207, equation 10, with
    the smaller of two target Q).

        y = rewards + discounts * V(s'),
        V(s') = sum_a' pi(a'|s') (min(q1', q2')(s', a') - temperature * log pi(a'|s'))

    A terminated episode has discount 0; a truncated one goes on from its final observation. Of n
    steps only the last value holds an entropy.
    """
    logits = network.heads(network.encode(batch.next_observations), ACTOR)["policy"]
    smaller = action_values(target.heads(target.encode(batch.next_observations), CRITICS)).amin(1)
    logs = logits.log_softmax(1)
    values = (logs.exp() * (smaller - temperature * logs)).sum(1)
    return batch.rewards + batch.discounts * values


def actor_loss(logits: Tensor, smaller: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
    """sum_a pi(a|s) (temperature * log pi(a|s) - min(q1, q2)(s, a)), which is equation 12 of
    arXiv:1910.07207, and minus the entropy at every observation [batch].

    Args:
        logits: of the policy, [batch, action].
        smaller: the smaller Q of every action, without gradient, [batch, action].
        temperature: weight of the entropy.
    """
    logs = logits.log_softmax(1)
    loss = (logs.exp() * (temperature * logs - smaller)).sum(1).mean()
    return loss, (logs.exp() * logs).sum(1).detach()


# -------------------------------------------------------------------------------------------------
# the gradient step


class Learner(SoftLearner[Trained, Options]):
    """Trains a network by discrete SAC, see SoftLearner; it yields METRICS."""

    def target_entropy(self) -> float:
        """A share of the largest entropy there is (0.98 in arXiv:1910.07207)."""
        return self.options.target_entropy * math.log(self.network.action.parameters)

    def explore(self) -> Tensor:
        """Uniformly random actions."""
        return torch.randint(
            self.network.action.parameters,
            (self.options.envs,),
            generator=self._generator,
            device=self._device,
        )

    def act(self, observation: Observation) -> Tensor:
        """Actions drawn from the policy."""
        logits = self.network.heads(self.network.encode(observation), ACTOR)["policy"]
        return distributions.sample(self.network.action, logits, generator=self._generator)

    def improve(self, batch: Batch) -> dict[str, Tensor]:
        """One gradient step of critics, actor and temperature (arXiv:1910.07207, algorithm 1)."""
        network = self.network
        temperature = self.temperature.value
        wanted = targets(network, self.target.network, batch, temperature)

        features = network.encode(batch.observations)
        outputs = network.heads(features, CRITICS)
        taken = batch.actions[:, None, None].expand(-1, 2, 1)
        values = action_values(outputs).gather(2, taken)[:, :, 0]
        loss_of_critics = critic_loss(values, wanted)
        self._descend("critic", loss_of_critics, batch, outputs)

        features = {name: feature.detach() for name, feature in features.items()}
        outputs = network.heads(features, ACTOR)
        with torch.no_grad():
            smaller = action_values(network.heads(features, CRITICS)).amin(1)
        loss_of_actor, negative_entropy = actor_loss(outputs["policy"], smaller, temperature)
        self._descend("actor", loss_of_actor, batch, outputs)

        if self.temperature.is_learnt:
            self._step("temperature", self.temperature.loss(negative_entropy))
        return {
            "critic_loss": loss_of_critics,
            "actor_loss": loss_of_actor,
            "temperature": temperature,
            "entropy": -negative_entropy.mean(),
            "q": values.mean(),
        }
