"""Soft actor-critic, from top to bottom: metrics, target, losses, and the gradient step.

    for metrics in Learner(network, envs, Options(), steps=100_000, seed=0):
        ...                                  one dictionary of numbers per `report` transitions

The loop around the gradient step (act, store, draw) is that of every soft actor-critic, in
_soft.py. SAC knows nothing of groups: it sees a network with a squashed Gaussian policy and two
action values, and a vector environment. Options are in _sac_options.py, which needs no torch.

Sources: Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications (arXiv:1812.05905); for
images Yarats et al. 2021, Image Augmentation Is All You Need (arXiv:2004.13649): random shifts, and
an encoder that the critics' loss alone trains.
"""

from typing import Protocol

import torch
from torch import Tensor

from symgen.nn.squashed import squash
from symgen.problem.training import Trained
from symgen.rl import _soft
from symgen.rl._replay import Batch
from symgen.rl._sac_options import Options
from symgen.rl._soft import SoftLearner, critic_loss
from symgen.rl._storage import Observation

__all__ = ["METRICS", "Batch", "Learner", "Options", "actor_loss", "critic_loss", "targets"]

ACTOR = ("policy", "log_std")
CRITICS = ("q1", "q2")

METRICS = {
    **_soft.METRICS,
    "entropy": "entropy of the policy in nats, in units of the action's box",
}
"""Of every network; a constraint may measure more."""


class ActorCritics(Trained, Protocol):
    """What SAC asks of a network: of `heads` the outputs "policy" and "log_std", mean and logarithm
    of the deviation of the Gaussian before it is squashed, both [batch, component]; and "q1" and
    "q2", both [batch, 1], of actions in units of the environment.
    """

    box_centre: Tensor
    box_half: Tensor


# -------------------------------------------------------------------------------------------------
# target and losses


def propose(
    network: ActorCritics, outputs: dict[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Actions [batch, component] of the policy in units of the environment, and their log-densities
    [batch].

    Args:
        network: whose box the actions are in.
        outputs: "policy" and "log_std" of it.
        generator: source of the actions' randomness.
    """
    mean = outputs["policy"]
    noise = torch.empty(mean.shape, dtype=mean.dtype, device=mean.device)
    noise.normal_(generator=generator)
    unit, log_density = squash(mean, outputs["log_std"], noise)
    return network.box_centre + network.box_half * unit, log_density


def action_values(outputs: dict[str, Tensor]) -> Tensor:
    """Both Q side by side, [batch, 2]."""
    return torch.cat([outputs["q1"], outputs["q2"]], 1)


@torch.no_grad()
def targets(
    network: ActorCritics,
    target: ActorCritics,
    batch: Batch,
    temperature: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """What both Q are to become, [batch] (arXiv:1812.05905, equations 3 and 5, with the smaller of
    two target Q).

        y = rewards + discounts * (min(q1', q2')(s', a') - temperature * log pi(a'|s')),
        a' ~ pi(.|s')

    A terminated episode has discount 0; a truncated one goes on from its final observation. Of n
    steps only the last value holds an entropy.
    """
    outputs = network.heads(network.encode(batch.next_observations), ACTOR)
    actions, log_density = propose(network, outputs, generator)
    features = target.encode(batch.next_observations)
    smaller = action_values(target.heads(features, CRITICS, actions)).amin(1)
    return batch.rewards + batch.discounts * (smaller - temperature * log_density)


def actor_loss(
    network: ActorCritics,
    features: dict[str, Tensor],
    outputs: dict[str, Tensor],
    temperature: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """temperature * log pi(a|s) - min(q1, q2)(s, a) for a ~ pi(.|s) (equation 9), and the
    log-densities [batch].

    Args:
        network: the critics that judge the policy's own actions.
        features: of the batch's observations, without gradient: the actor's loss does not train the
            encoder.
        outputs: "policy" and "log_std" of these features.
        temperature: weight of the entropy.
        generator: source of the actions' randomness.
    """
    actions, log_density = propose(network, outputs, generator)
    smaller = action_values(network.heads(features, CRITICS, actions)).amin(1)
    return (temperature * log_density - smaller).mean(), log_density.detach()


# -------------------------------------------------------------------------------------------------
# the gradient step


class Learner(SoftLearner[ActorCritics, Options]):
    """Trains a network by SAC, see SoftLearner; it yields METRICS."""

    def target_entropy(self) -> float:
        """Minus the number of components, unless the options say otherwise (arXiv:1812.05905,
        appendix D).
        """
        chosen = self.options.target_entropy
        return -float(self.network.action.parameters) if chosen is None else chosen

    def explore(self) -> Tensor:
        """Uniformly random actions in the box."""
        shape = (self.options.envs, self.network.action.parameters)
        unit = torch.empty(shape, dtype=self._dtype, device=self._device)
        unit.uniform_(-1, 1, generator=self._generator)
        return self.network.box_centre + self.network.box_half * unit

    def act(self, observation: Observation) -> Tensor:
        """Actions drawn from the policy."""
        outputs = self.network.heads(self.network.encode(observation), ACTOR)
        actions, _ = propose(self.network, outputs, self._generator)
        return actions

    def improve(self, batch: Batch) -> dict[str, Tensor]:
        """One gradient step of critics, actor and temperature (arXiv:1812.05905, algorithm 1)."""
        network = self.network
        temperature = self.temperature.value
        wanted = targets(network, self.target.network, batch, temperature, self._generator)

        features = network.encode(batch.observations)
        outputs = network.heads(features, CRITICS, batch.actions)
        values = action_values(outputs)
        loss_of_critics = critic_loss(values, wanted)
        self._descend("critic", loss_of_critics, batch, outputs)

        features = {name: feature.detach() for name, feature in features.items()}
        outputs = network.heads(features, ACTOR)
        loss_of_actor, log_density = actor_loss(
            network, features, outputs, temperature, self._generator
        )
        self._descend("actor", loss_of_actor, batch, outputs)

        if self.temperature.is_learnt:
            self._step("temperature", self.temperature.loss(log_density))
        return {
            "critic_loss": loss_of_critics,
            "actor_loss": loss_of_actor,
            "temperature": temperature,
            "entropy": -log_density.mean(),
            "q": values.mean(),
        }
