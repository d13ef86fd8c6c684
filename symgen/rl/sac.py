"""Soft actor-critic, from top to bottom: metrics, target, losses, random shifts, and the loop
around them.

    for metrics in Learner(network, envs, Options(), steps=100_000, seed=0):
        ...                                  one dictionary of numbers per `report` transitions

The loop is: step the environments, put the transitions into the replay (in _replay.py), draw
batches from it and improve critics, actor and temperature. SAC knows nothing of groups: it sees a
network with a squashed Gaussian policy and two Q, and a vector environment. Options are in
_sac_options.py, which needs no torch.

Sources: Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications (arXiv:1812.05905); for
pictures Yarats et al. 2021, Image Augmentation Is All You Need (arXiv:2004.13649): random shifts,
and an encoder that the critics' loss alone trains.
"""

import copy
import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor, nn

from symgen.envs._finite import check_finite
from symgen.errors import UserError
from symgen.nn.device import generator as generator_on
from symgen.nn.squashed import squash
from symgen.problem.interface import Action
from symgen.rl import _adam_state, _random_state
from symgen.rl._replay import Batch, Replay
from symgen.rl._rollout import (
    Observation,
    autoreset_mode,
    each,
    environment_action,
    expanded,
    final_observation,
)
from symgen.rl._sac_options import Options
from symgen.rl._symmetry_breaking import measured, penalty

__all__ = [
    "METRICS",
    "Batch",
    "Learner",
    "Options",
    "actor_loss",
    "critic_loss",
    "shifted",
    "targets",
]

METRICS = {
    "step": "environment transitions so far; steps that only start an episode are not counted",
    "update": "lines of metrics so far, one per `report` transitions",
    "gradient_steps": "gradient steps so far",
    "episodes": "episodes finished so far",
    "return": "mean undiscounted return of the last 100 finished episodes, NaN before the first",
    "length": "mean number of transitions of the last 100 finished episodes, NaN before the first",
    "steps_per_second": "transitions per second, of acting and learning together",
    "critic_loss": "mean squared error of both Q, added up; this and what follows are NaN while "
    "nothing is learnt",
    "actor_loss": "temperature * log-density - smaller Q, of the policy's own actions",
    "temperature": "weight of the entropy",
    "entropy": "entropy of the policy in nats, in units of the action's box",
    "q": "mean of the Q of remembered actions",
}
"""Of every network; those of a relaxed one are in _symmetry_breaking.py."""
COUNTERS = ("step", "updates", "gradient_steps", "episodes", "owed", "remembered")
LEARNT = ("critic_loss", "actor_loss", "temperature", "entropy", "q")


class ActorCritics(Protocol):
    """What SAC asks of a network, beyond being a torch.nn.Module.

    A network may also have `expanded()`, a context within which its weights do not change. One that
    may break its symmetry has `penalty()`, which is added to the losses, and
    `symmetry_breaking()`, which is logged (see _symmetry_breaking.py).
    """

    action: Action
    box_centre: Tensor
    box_half: Tensor

    def encode(self, observation: Observation) -> dict[str, Tensor]:
        """The features that actor and critics share."""
        ...

    def heads(
        self,
        features: dict[str, Tensor],
        names: tuple[str, ...],
        action: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Some of the outputs: "policy" and "log_std", mean and logarithm of the deviation of the
        Gaussian before it is squashed, both [batch, component]; "q1" and "q2", both [batch, 1], of
        actions in units of the environment.
        """
        ...

    def actor_parameters(self) -> dict[str, nn.Parameter]:
        """The actor's own weights."""
        ...

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        """The critics' weights and those of the shared features."""
        ...


# --------------------------------------------------------------------------------------------
# target and losses


def judge(network: ActorCritics, features: dict[str, Tensor], actions: Tensor) -> Tensor:
    """Both Q [batch, 2] of actions in units of the environment."""
    return torch.cat(list(network.heads(features, ("q1", "q2"), actions).values()), 1)


def propose(
    network: ActorCritics, features: dict[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Actions [batch, component] of the policy in units of the environment, and their log-densities
    [batch].
    """
    mean, log_std = network.heads(features, ("policy", "log_std")).values()
    noise = torch.empty(mean.shape, dtype=mean.dtype, device=mean.device).normal_(
        generator=generator
    )
    unit, log_density = squash(mean, log_std, noise)
    return network.box_centre + network.box_half * unit, log_density


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

        y = rewards + discounts * (min(q1', q2')(s', a') - temperature * log pi(a'|s')),   a' ~ pi(.|s')

    A terminated episode has discount 0; a truncated one goes on from its final observation. Of n
    steps only the last value holds an entropy.
    """
    actions, log_density = propose(network, network.encode(batch.next_observations), generator)
    smaller = judge(target, target.encode(batch.next_observations), actions).amin(1)
    return batch.rewards + batch.discounts * (smaller - temperature * log_density)


def critic_loss(
    network: ActorCritics, features: dict[str, Tensor], actions: Tensor, wanted: Tensor
) -> tuple[Tensor, Tensor]:
    """The squared errors of both Q, added up (equation 5), and the Q themselves [batch, 2]."""
    found = judge(network, features, actions)
    return (found - wanted.unsqueeze(1)).square().sum(1).mean(), found


def actor_loss(
    network: ActorCritics,
    features: dict[str, Tensor],
    temperature: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """temperature * log pi(a|s) - min(q1, q2)(s, a) for a ~ pi(.|s) (equation 9), and the
    log-densities [batch].

    Args:
        features: of the batch's observations, without gradient: the actor's loss does not train the
            encoder.
    """
    actions, log_density = propose(network, features, generator)
    smaller = judge(network, features, actions).amin(1)
    return (temperature * log_density - smaller).mean(), log_density.detach()


def shifted(observation: Observation, pad: int, generator: torch.Generator) -> Observation:
    """Every picture of a batch moved by up to `pad` pixels, its border repeated (arXiv:2004.13649,
    section 3.1).

    A picture is a tensor [batch, row, column, channel]; its channels, so all frames of a stack,
    move together.
    """

    def moved(x: Tensor) -> Tensor:
        if x.dim() != 4:
            return x
        by = torch.randint(-pad, pad + 1, (2, len(x), 1), generator=generator, device=x.device)
        at = partial(torch.arange, device=x.device)
        rows, columns = ((at(n) + b).clamp(0, n - 1) for n, b in zip(x.shape[1:3], by, strict=True))
        return x[at(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]]

    result: Observation = each(moved, observation)
    return result


# ----------------------------------------------------------------------------------------------------
# the loop


class Learner:
    """Trains `network` on `envs` for `steps` transitions; iterate it, it yields METRICS once per
    `report` transitions.

    Two learners with the same arguments, weights and environments yield the same numbers, time
    apart. The global random state is neither read nor changed. A learner restored from `tensors()`
    and `scalars()`, the replay among them, goes on with the next transition in freshly started
    episodes: environments are not saved; on another kind of device than before it goes on with
    fresh random numbers. A replay of more than `saved_gigabytes` is not saved either: then the
    learner fills one anew, for `warmup` transitions, before it learns.

    Args:
        network: policy and critics, on any device, in float32 or float64; its weights are changed
            in place.
        envs: `options.envs` environments in a gymnasium vector environment that resets itself.
        options: how to train.
        steps: transitions to train for.
        seed: seed of actions, batches and environments.

    Raises:
        UserError: the environments do not reset themselves or observe something that is not arrays,
            or the replay does not fit in memory.
    """

    def __init__(
        self, network: ActorCritics, envs: VectorEnv, options: Options, *, steps: int, seed: int
    ) -> None:
        if envs.num_envs != options.envs:
            raise ValueError(f"options say {options.envs} environments, envs holds {envs.num_envs}")
        self.network = network
        self.envs = envs
        self.options = options
        self.steps = steps
        self.seed = seed
        self.step = self.updates = self.gradient_steps = self.episodes = 0
        self.recent: deque[tuple[float, int]] = deque(maxlen=100)  # return and length of episodes
        self._same_step = autoreset_mode(envs) is AutoresetMode.SAME_STEP
        self.owed = 0.0  # gradient steps not yet done
        self.remembered = (
            0  # transitions put into the replay, which may be younger than the network
        )
        self._started = False

        self._target: Any = copy.deepcopy(network)
        self._weights = {"actor": network.actor_parameters(), "critic": network.critic_parameters()}
        self._followed: list[Tensor] = list(self._weights["critic"].values())
        self._following: list[Tensor] = list(self._target.critic_parameters().values())
        weight = self._followed[0]
        self._device = weight.device
        self._generator = generator_on(self._device, seed)
        beginning = (
            options.initial_temperature if options.temperature is None else options.temperature
        )
        self._log_temperature = nn.Parameter(weight.new_full((), math.log(max(beginning, 1e-30))))
        self._weights["temperature"] = {"log": self._log_temperature}
        rates = {
            "actor": options.actor_rate,
            "critic": options.critic_rate,
            "temperature": options.temperature_rate,
        }
        self._optimisers = {
            part: torch.optim.Adam(weights.values(), lr=rates[part], fused=True)
            for part, weights in self._weights.items()
        }
        components = network.action.parameters
        self._target_entropy = (
            -float(components) if options.target_entropy is None else options.target_entropy
        )
        # the ends of episodes take rows too
        capacity = min(options.replay, steps + steps // 4)
        space = envs.single_observation_space
        self.replay = Replay(
            space, components, capacity, envs.num_envs, options.replay_gigabytes, self._device
        )

    def __iter__(self) -> Iterator[dict[str, float]]:
        """One dictionary of METRICS per `report` transitions, until `steps` transitions are done.

        Raises:
            UserError: the environment returns a number that is not finite; or a loss is not finite:
                the weights are useless from then on.
        """
        if not self._started:
            # the step is part of the seed: a restored training must not repeat the episodes of the
            # first start
            entropy = np.random.SeedSequence((self.seed, self.step))
            self._observation, _ = self.envs.reset(seed=int(entropy.generate_state(1)[0] >> 1))
            check_finite(self._observation)
            self.replay.begin(self._observation)
            self._resetting = np.zeros(
                self.envs.num_envs, np.bool_
            )  # the coming step is no transition
            self._returns = np.zeros(self.envs.num_envs)
            self._lengths = np.zeros(self.envs.num_envs, np.int64)
            self._started = True
        while self.step < self.steps:
            yield self._report()

    def _report(self) -> dict[str, float]:
        """Act and learn for `report` transitions; METRICS of them."""
        began = time.perf_counter()
        start = self.step
        goal = min(start + self.options.report, self.steps)
        rows = []
        while self.step < goal:
            transitions = self._collect()
            self.step += transitions
            self.remembered += transitions
            if self.remembered < self.options.warmup:
                continue
            self.owed += transitions * self.options.updates
            while self.owed >= 1:
                rows.append(self._improve())
                self.owed -= 1
        self.updates += 1
        means = torch.stack(rows).mean(0).cpu().tolist() if rows else [math.nan] * len(LEARNT)
        if rows and not all(map(math.isfinite, means)):
            raise self._not_finite(means, start)
        total, length = (
            np.mean(self.recent, axis=0).tolist() if self.recent else (math.nan, math.nan)
        )
        return {
            "step": self.step,
            "update": self.updates,
            "gradient_steps": self.gradient_steps,
            "episodes": self.episodes,
            "return": total,
            "length": length,
            "steps_per_second": (self.step - start) / (time.perf_counter() - began),
            **dict(zip(LEARNT, means, strict=True)),
            **measured(self.network, self.updates, last=self.step >= self.steps),
        }

    @torch.no_grad()
    def _collect(self) -> int:
        """Step every environment `train_every` times into the replay; the number of transitions."""
        count = 0
        to_environment = environment_action(self.envs.single_action_space)
        # tied weights are worth expanding where they serve several steps
        many = self.options.train_every > 1 and self.step >= self.options.warmup
        with expanded(self.network) if many else nullcontext():  # type: ignore[arg-type]
            for _ in range(self.options.train_every):
                actions = self._actions()
                observation, rewards, terminated, truncated, info = self.envs.step(
                    to_environment(actions)
                )
                check_finite(observation, rewards)
                valid = ~self._resetting
                ended = terminated | truncated
                cut = np.flatnonzero(ended) if self._same_step else ()
                finals = {int(env): final_observation(info, int(env)) for env in cut}
                self.replay.add(actions, rewards, terminated, truncated, valid, observation, finals)
                self._observation, count = observation, count + int(valid.sum())
                self._count(rewards, valid, ended)
                if not self._same_step:
                    self._resetting = ended
        return count

    def _actions(self) -> np.ndarray:
        """Actions in units of the environment: uniformly random ones during warm-up, then the
        policy's.
        """
        if self.step < self.options.warmup:
            shape = (self.envs.num_envs, self.network.action.parameters)
            dtype = self._followed[0].dtype
            unit = torch.empty(shape, dtype=dtype, device=self._device).uniform_(
                -1, 1, generator=self._generator
            )
            actions = self.network.box_centre + self.network.box_half * unit
        else:
            actions, _ = propose(
                self.network, self.network.encode(self._observation), self._generator
            )
        return actions.cpu().numpy()

    def _count(self, rewards: np.ndarray, valid: np.ndarray, ended: np.ndarray) -> None:
        """Take a step into the returns and lengths of the episodes under way, and note those that
        ended.
        """
        self._returns += np.where(valid, rewards, 0.0)
        self._lengths += valid
        for env in np.flatnonzero(ended):
            self.recent.append((float(self._returns[env]), int(self._lengths[env])))
            self._returns[env], self._lengths[env] = 0.0, 0
            self.episodes += 1

    def _improve(self) -> Tensor:
        """One gradient step of critics, actor and temperature, and the target's step; the numbers
        called LEARNT.
        """
        options = self.options
        network = self.network
        batch = self._batch()
        temperature = self._log_temperature.detach().exp()
        wanted = targets(network, self._target, batch, temperature, self._generator)

        features = network.encode(batch.observations)
        judged_loss, found = critic_loss(network, features, batch.actions, wanted)
        self._descend("critic", judged_loss)

        features = {name: feature.detach() for name, feature in features.items()}
        acted_loss, log_density = actor_loss(network, features, temperature, self._generator)
        self._descend("actor", acted_loss)

        if options.temperature is None:
            # equation 18, in the logarithm as in the authors' code
            gap = (log_density + self._target_entropy).mean()
            self._descend("temperature", -self._log_temperature * gap)

        with torch.no_grad():
            torch._foreach_lerp_(self._following, self._followed, options.tau)
        self.gradient_steps += 1
        return torch.stack(
            [judged_loss, acted_loss, temperature, -log_density.mean(), found.mean()]
        ).detach()

    def _batch(self) -> Batch:
        options = self.options
        batch = self.replay.sample(options.batch, options.n_step, options.gamma, self._generator)
        if options.random_shift:
            here, there = (
                shifted(each_, options.random_shift, self._generator)
                for each_ in (batch.observations, batch.next_observations)
            )
            batch = replace(batch, observations=here, next_observations=there)
        return batch

    def _descend(self, part: str, loss: Tensor) -> None:
        """One step of the optimiser of `part`, whose weights alone get a gradient."""
        cost = penalty(self.network) if part != "temperature" else None
        total = loss if cost is None else loss + cost
        weights = list(self._weights[part].values())
        for weight, gradient in zip(
            weights, torch.autograd.grad(total, weights, allow_unused=True), strict=True
        ):
            weight.grad = gradient
        self._optimisers[part].step()

    def _not_finite(self, means: list[float], step: int) -> UserError:
        """The error for losses that are not finite."""
        cause, hint = (
            "training diverged",
            "lower critic_rate and actor_rate, or divide the rewards by a number",
        )
        losses = ", ".join(f"{name} {value:g}" for name, value in zip(LEARNT, means, strict=True))
        return UserError(
            "loss-not-finite", f"{cause} in the transitions after step {step} ({losses})", hint
        )

    # -------------------------------------------------------------------------------------------------
    # saving

    def tensors(self) -> dict[str, Tensor]:
        """The replay, the target, the optimisers and the random generator; the caller saves the
        network.
        """
        result = {
            **_random_state.tensors(self._generator),
            "temperature": self._log_temperature.detach(),
        }
        result |= {
            f"target.{name}": x.detach() for name, x in self._target.critic_parameters().items()
        }
        if self.replay.gigabytes <= self.options.saved_gigabytes:
            result |= {f"replay.{name}": x for name, x in self.replay.tensors().items()}
        for part, weights in self._weights.items():
            state = _adam_state.tensors(self._optimisers[part], weights)
            result |= {f"adam.{part}.{name}": x for name, x in state.items()}
        return result

    def scalars(self) -> dict[str, Any]:
        """Counters, in JSON's types."""
        counters = {name: getattr(self, name) for name in COUNTERS}
        return {**counters, "recent": [list(episode) for episode in self.recent]}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> None:
        """Go on from what `tensors` and `scalars` gave; the network's weights must be those of that
        moment.

        Raises:
            ValueError: `tensors` are those of another network or environment.
        """
        following = self._target.critic_parameters()
        saved = _adam_state.below("target.", tensors)
        _adam_state.check_shapes(saved, following)
        replay = _adam_state.below("replay.", tensors)
        if replay:
            self.replay.restore(replay)
        for part, weights in self._weights.items():
            _adam_state.restore(
                self._optimisers[part], weights, _adam_state.below(f"adam.{part}.", tensors)
            )
        for name, weight in following.items():
            weight.copy_(saved[name])
        self._log_temperature.copy_(tensors["temperature"])
        _random_state.restore(self._generator, tensors, self.seed, scalars["step"])
        for name in COUNTERS:
            setattr(self, name, scalars[name])
        self.remembered = self.remembered if replay else 0
        self.recent = deque(((total, length) for total, length in scalars["recent"]), maxlen=100)
        self._started = False
