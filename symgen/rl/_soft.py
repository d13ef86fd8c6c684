"""What soft actor-critics share, whatever the action: act, store, draw, take gradient steps, and
tell.

    while transitions are missing:
        step the environments, and put the transitions into the replay
        for every update that is due: improve(a batch drawn from the replay); move the target

What is improved, and how, stands in the algorithm's own file.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn

from symgen.envs._finite import check_finite
from symgen.envs._stepping import Stepper, check_mask, final_observation
from symgen.nn.device import generator as generator_on
from symgen.nn.observation import as_tensor
from symgen.problem.algorithm import Scalars
from symgen.problem.resumable import below
from symgen.problem.training import PLAIN, Side, Trained, Training
from symgen.rl import _adam_state, _episodes, _random_state
from symgen.rl._episodes import Episodes
from symgen.rl._losses import check_losses
from symgen.rl._pending import Pending
from symgen.rl._random_shift import shifted
from symgen.rl._replay import Batch, Replay
from symgen.rl._soft_options import SoftOptions
from symgen.rl._storage import Observation, mapped
from symgen.rl._target import Target
from symgen.rl._temperature import Temperature
from symgen.rl._under_way import UnderWay

METRICS = {
    "step": "environment transitions so far; steps that only start an episode are not counted",
    "update": "lines of metrics so far, one per `report` transitions",
    "gradient_steps": "gradient steps so far",
    **_episodes.METRICS,
    "steps_per_second": "transitions per second, of acting and learning together",
    "critic_loss": "mean squared error of both Q, added up; this and what follows are NaN while "
    "nothing is learnt",
    "actor_loss": "temperature * log-density - smaller Q, of the policy's own actions",
    "temperature": "weight of the entropy",
    "entropy": "entropy of the policy in nats",
    "q": "mean of the Q of stored actions",
}
"""Of every network; a constraint may measure more."""
LEARNT = ("critic_loss", "actor_loss", "temperature", "entropy", "q")
"""What `improve` tells."""


Network = TypeVar("Network", bound=Trained)
Options = TypeVar("Options", bound=SoftOptions)


class SoftLearner(ABC, Generic[Network, Options]):
    """Trains `network` on `envs` for `steps` transitions; iterate it, it yields METRICS once per
    `report` transitions.

    Two learners with the same arguments, weights and environments yield the same numbers, time
    apart. The global random state is neither read nor changed. A learner restored from `tensors()`
    and `scalars()`, the replay among them, yields what this one would have, see UnderWay; on
    another kind of device than before it goes on with fresh random numbers, in fresh episodes. A
    replay of more than `saved_gigabytes` is not saved: then the learner fills one anew, for
    `warmup` transitions, before it learns.

    Args:
        network: policy and critics, on any device, in float32 or float64; its weights are changed
            in place.
        envs: `options.envs` environments in a gymnasium vector environment that resets itself.
        options: how to train.
        steps: transitions to train for.
        seed: seed of actions, batches and environments.
        training: what a constraint adds.

    Raises:
        UserError: the environments do not reset themselves or observe something that is not arrays,
            or the replay does not fit in memory.
    """

    def __init__(
        self,
        network: Network,
        envs: VectorEnv,
        options: Options,
        *,
        steps: int,
        seed: int,
        training: Training = PLAIN,
    ) -> None:
        if envs.num_envs != options.envs:
            raise ValueError(f"options say {options.envs} environments, envs holds {envs.num_envs}")
        self.network = network
        self.options = options
        self.steps = steps
        self.seed = seed
        self.training = training
        self.step = 0
        self.updates = 0
        self.gradient_steps = 0
        self.pending_updates = 0.0  # gradient steps that are due
        self.stored = 0  # transitions put into the replay, which may be younger than the network
        self.episodes = Episodes(envs.num_envs)
        self._stepper = Stepper(envs)

        self.target = Target(network)
        weight = self.target.online_parameters[0]
        self._device = weight.device
        self._dtype = weight.dtype
        self._generator = generator_on(self._device, seed)
        self.temperature = Temperature(
            weight, options.temperature, options.initial_temperature, self.target_entropy()
        )
        self._weights: dict[str, dict[str, nn.Parameter]] = {
            "actor": network.actor_parameters(),
            "critic": network.critic_parameters(),
            "temperature": {"log": self.temperature.log},
        }
        rates = {
            "actor": options.actor_rate,
            "critic": options.critic_rate,
            "temperature": options.temperature_rate,
        }
        self._optimisers = {
            part: torch.optim.Adam(weights.values(), lr=rates[part], fused=True)
            for part, weights in self._weights.items()
        }
        self.replay = Replay(
            envs.single_observation_space,
            network.action,
            min(options.replay, steps + steps // 4),  # the ends of episodes take rows too
            envs.num_envs,
            options.replay_gigabytes,
            self._device,
        )
        self._pending = Pending(self.replay, options.saved_gigabytes)
        self._under_way = UnderWay(
            self._device,
            environments=self._stepper,
            episodes=self.episodes,
            pending=self._pending,
        )

    # -----------------------------------------------------------------------------------------
    # what an algorithm says

    @abstractmethod
    def target_entropy(self) -> float:
        """What a learnt temperature aims at, in nats."""

    @abstractmethod
    def explore(self) -> Tensor:
        """Uniformly random actions [env, ...], as they are taken during the warm-up."""

    @abstractmethod
    def act(self, observation: Observation) -> Tensor:
        """Actions [env, ...] drawn from the policy."""

    @abstractmethod
    def improve(self, batch: Batch) -> dict[str, Tensor]:
        """One gradient step of critics, actor and temperature; the numbers called LEARNT."""

    # -----------------------------------------------------------------------------------------
    # the loop

    def __iter__(self) -> Iterator[dict[str, float]]:
        """One dictionary of METRICS per `report` transitions, until `steps` transitions are done.

        Raises:
            UserError: the environment returns a number that is not finite, or reports an action
                mask; or a loss is not finite: the weights are useless from then on.
        """
        if not self._under_way.begun:
            observation, info = self._stepper.begin(self.seed, self.step)
            check_mask(info, self.options.ignore_action_mask)
            check_finite(observation)
            self.replay.begin(observation)
            self.episodes.begin()
            self._pending.observation = observation
            self._under_way.begun = True
        while self.step < self.steps:
            yield self._report()

    def _report(self) -> dict[str, float]:
        """Act and learn for `report` transitions; METRICS of them."""
        began = time.perf_counter()
        start = self.step
        goal = min(start + self.options.report, self.steps)
        rows: list[Tensor] = []
        while self.step < goal:
            transitions = self._collect()
            self.step += transitions
            self.stored += transitions
            if self.stored >= self.options.warmup:
                self.pending_updates += transitions * self.options.updates
                rows += self._catch_up()
        self.updates += 1
        means = torch.stack(rows).mean(0).cpu().tolist() if rows else [math.nan] * len(LEARNT)
        learnt = dict(zip(LEARNT, means, strict=True))
        if rows:
            check_losses(
                learnt,
                f"training diverged in the transitions after step {start}",
                "lower critic_rate and actor_rate, or divide the rewards by a number",
            )
        return {
            "step": self.step,
            "update": self.updates,
            "gradient_steps": self.gradient_steps,
            **self.episodes.metrics(),
            "steps_per_second": (self.step - start) / (time.perf_counter() - began),
            **learnt,
            **self.training.measured(self.network, self.updates, last=self.step >= self.steps),
        }

    @torch.no_grad()
    def _collect(self) -> int:
        """Step every environment `train_every` times into the replay; the number of transitions."""
        count = 0
        # tied weights are worth expanding where they serve several steps
        many = self.options.train_every > 1 and self.step >= self.options.warmup
        context: AbstractContextManager[None] = self.network.expanded() if many else nullcontext()
        with context:
            for _ in range(self.options.train_every):
                exploring = self.step < self.options.warmup
                seen = mapped(as_tensor, self._pending.observation)
                actions = self.explore() if exploring else self.act(seen)
                acted = actions.cpu().numpy()
                after = self._stepper.step(acted)
                check_finite(after.observation, after.rewards)
                cut = np.flatnonzero(after.ended).tolist() if self._stepper.same_step else []
                finals = {env: final_observation(after.info, env) for env in cut}
                self.replay.add(acted, after, finals)
                self.episodes.step(after.rewards, after.valid, after.ended)
                self._pending.observation = after.observation
                count += int(after.valid.sum())
        return count

    def _catch_up(self) -> list[Tensor]:
        """Do the pending updates; the numbers called LEARNT of each."""
        rows = []
        while self.pending_updates >= 1:
            learnt = self.improve(self._draw())
            self.target.update(self.options.tau)
            self.gradient_steps += 1
            self.pending_updates -= 1
            rows.append(torch.stack([learnt[name] for name in LEARNT]).detach())
        return rows

    def _draw(self) -> Batch:
        """A batch of the replay: its images shifted where asked, and moved as a constraint asks."""
        options = self.options
        batch = self.replay.sample(options.batch, options.n_step, options.gamma, self._generator)
        if options.random_shift:
            here = shifted(batch.observations, options.random_shift, self._generator)
            there = shifted(batch.next_observations, options.random_shift, self._generator)
            batch = replace(batch, observations=here, next_observations=there)
        observations = (batch.observations, batch.next_observations)
        moved = self.training.augment(observations, batch.actions, self._generator, beside=False)
        if moved is None:
            return batch
        here, there = moved.observations
        rewards = batch.rewards[moved.index]
        return Batch(here, moved.actions, rewards, batch.discounts[moved.index], there)

    def _descend(self, side: Side, loss: Tensor, batch: Batch, outputs: dict[str, Tensor]) -> None:
        """One step of the optimiser of actor or critic, whose weights alone get a gradient, with
        what a constraint adds to the loss.

        Args:
            side: which of them.
            loss: of the batch.
            batch: what the loss is of.
            outputs: what the network says of the batch.
        """
        extra = self.training.penalty(
            self.network, batch.observations, batch.actions, outputs, side, self._generator
        )
        self._step(side, loss if extra is None else loss + extra)

    def _step(self, part: str, loss: Tensor) -> None:
        """One step of the optimiser of `part`, whose weights alone get a gradient."""
        weights = list(self._weights[part].values())
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        self._optimisers[part].step()

    # -----------------------------------------------------------------------------------------
    # saving

    def tensors(self) -> dict[str, Tensor]:
        """The replay, the target, the optimisers, the random generator, and what is under way; the
        caller saves the network.
        """
        result = {
            **self._under_way.tensors(),
            **_random_state.tensors(self._generator),
            "temperature": self.temperature.log.detach(),
        }
        result |= {f"target.{name}": x for name, x in self.target.tensors().items()}
        if self._pending.replay_is_saved:
            result |= {f"replay.{name}": x for name, x in self.replay.tensors().items()}
        for part, weights in self._weights.items():
            result |= _adam_state.tensors(self._optimisers[part], weights, f"adam.{part}.")
        return result

    def scalars(self) -> Scalars:
        """Counters, in JSON's types."""
        return {
            "step": self.step,
            "updates": self.updates,
            "gradient_steps": self.gradient_steps,
            "pending_updates": self.pending_updates,
            "stored": self.stored,
            **self.episodes.scalars(),
            **self._under_way.scalars(),
        }

    def restore(self, tensors: dict[str, Tensor], scalars: Scalars) -> None:
        """Go on from what `tensors` and `scalars` gave; the network's weights must be those of that
        moment.

        Raises:
            ValueError: `tensors` are those of another network or environment.
        """
        # checkpoints that older versions wrote call two of them otherwise
        renamed = {"owed": "pending_updates", "remembered": "stored"}
        scalars = {renamed.get(name, name): value for name, value in scalars.items()}
        target = below("target.", tensors)
        self.target.check(target)
        replay = below("replay.", tensors)
        if replay:
            self.replay.restore(replay)
        for part, weights in self._weights.items():
            _adam_state.restore(self._optimisers[part], weights, tensors, f"adam.{part}.")
        self.target.restore(target)
        self.temperature.restore(tensors["temperature"])
        _random_state.restore(self._generator, tensors, self.seed, scalars["step"])
        self.step = scalars["step"]
        self.updates = scalars["updates"]
        self.gradient_steps = scalars["gradient_steps"]
        self.pending_updates = scalars["pending_updates"]
        self.stored = scalars["stored"] if replay else 0
        self.episodes.restore(scalars)
        self._under_way.restore(tensors, scalars)


def critic_loss(values: Tensor, wanted: Tensor) -> Tensor:
    """The squared errors of both Q [batch, 2], added up (arXiv:1812.05905, equation 5).

    Args:
        values: of the actions that were taken.
        wanted: what both are to become, [batch].
    """
    return (values - wanted.unsqueeze(1)).square().sum(1).mean()
