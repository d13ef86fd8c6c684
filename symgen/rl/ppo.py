"""Proximal policy optimisation, from top to bottom: metrics, advantages, loss, update, and the loop
around them.

    for metrics in Learner(network, envs, Options(), steps=100_000, seed=0):
        ...                                  one dictionary of numbers per update

The loop is: `rollout` (in _rollout.py) fills a buffer, `advantages` credits its steps, `update`
improves the network. PPO knows nothing of groups: it sees a network with a policy and a value, and
a vector environment. Options are in _ppo_options.py, which needs no torch.

Sources: Schulman et al. 2017, Proximal Policy Optimization Algorithms (arXiv:1707.06347); Schulman
et al. 2016, High-Dimensional Continuous Control Using Generalized Advantage Estimation
(arXiv:1506.02438); for the implementation details Huang et al. 2022, The 37 Implementation Details
of Proximal Policy Optimization (ICLR blog track).
"""

import time
from collections.abc import Iterator

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from symgen.envs._stepping import Stepper, check_mask
from symgen.nn import distributions
from symgen.nn.device import generator as generator_on
from symgen.problem.algorithm import Scalars
from symgen.problem.training import PLAIN, Trained, Training
from symgen.rl import _adam_state, _episodes, _random_state, _step_sizes
from symgen.rl._batch import Batch, augmented, batch_of
from symgen.rl._episodes import Episodes
from symgen.rl._losses import check_losses
from symgen.rl._ppo_options import Options
from symgen.rl._reward_scale import RewardScale
from symgen.rl._rollout import Buffer, log_std_of, rollout
from symgen.rl._schedule import at
from symgen.rl._sequences import Sequences, sequences_of
from symgen.rl._under_way import UnderWay

__all__ = ["METRICS", "Batch", "Learner", "Options", "advantages", "rollout", "update"]

# -------------------------------------------------------------------------------------------------
# metrics

METRICS = {
    "step": "environment transitions so far; steps that only start an episode are not counted",
    "update": "updates so far",
    **_episodes.METRICS,
    "steps_per_second": "transitions per second of this rollout and update together",
    "learning_rate": "step size of this update",
    "critic_learning_rate": "step size of the weights that only the critic needs",
    "policy_loss": "clipped surrogate, mean over the minibatches, like all losses here",
    "value_loss": "mean squared error of the value",
    "decoder_loss": "mean squared error of the decoder, 0 where there is none",
    "entropy": "entropy of the policy, in nats",
    "approx_kl": "estimate of KL(old policy, new policy), in nats",
    "clip_fraction": "share of transitions whose probability ratio left the clip range",
    "first_ratio": "mean |probability ratio - 1| in the first minibatch, before any step: 0 but "
    "for rounding, unless moved copies keep the log-probability of their originals",
    "gradient_norm": "norm of the gradient before it was shortened",
    "explained_variance": "1 - Var(return - value) / Var(return) over the rollout, with the value "
    "before the update",
}
"""Of every network; a constraint may measure more."""

# -------------------------------------------------------------------------------------------------
# advantages


def advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Generalised advantage estimation (arXiv:1506.02438, equations 11 and 16), all arguments
    [step, env].

        delta[t] = rewards[t] + gamma * next_values[t] * (not terminated[t]) - values[t]
        A[t]     = delta[t] + gamma * gae_lambda * (not ended[t]) * A[t + 1]

    A terminated episode is worth nothing afterwards; a truncated one is worth what its final
    observation is worth, so `next_values` there must be the value of that observation. Neither lets
    credit through to the next episode, so what stands in a step that only starts an episode reaches
    no other step; that step's own entry means nothing.
    """
    zero = values.new_zeros(())
    deltas = rewards + gamma * torch.where(terminated, zero, next_values) - values
    decay = torch.where(terminated | truncated, zero, zero + gamma * gae_lambda)
    carried = torch.zeros_like(deltas[0])
    result = []
    for delta, share in zip(deltas.flip(0).unbind(), decay.flip(0).unbind(), strict=True):
        carried = delta + share * carried
        result.append(carried)
    return torch.stack(result).flip(0)


# -------------------------------------------------------------------------------------------------
# update


def loss(
    network: Trained,
    batch: Batch,
    options: Options,
    clip: float,
    entropy_weight: float,
    training: Training,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """The loss of one minibatch (arXiv:1707.06347, equations 7 and 9, and what a constraint adds),
    and what METRICS says about it.

    Returns:
        The loss, and [policy_loss, value_loss, entropy, approx_kl, clip_fraction, decoder_loss,
        |ratio - 1|] without gradients.
    """
    outputs = batch.outputs(network)
    values = outputs["value"][:, 0]
    log_probs, entropies = distributions.evaluate(
        network.action, outputs["policy"], log_std_of(outputs), batch.actions
    )

    gain = batch.advantages
    if options.normalise_advantages and len(gain) > 1:
        spread, centre = torch.std_mean(gain)
        gain = (gain - centre) / (spread + 1e-8)
    log_ratio = log_probs - batch.log_probs
    ratio = log_ratio.exp()
    policy_loss = -torch.min(gain * ratio, gain * ratio.clamp(1 - clip, 1 + clip)).mean()

    value_loss = (values - batch.returns).square()
    if options.clip_value:
        bounded = batch.values + (values - batch.values).clamp(-clip, clip)
        value_loss = torch.max(value_loss, (bounded - batch.returns).square())
    value_loss = value_loss.mean()
    entropy = entropies.mean()
    total = policy_loss + options.value * value_loss - entropy_weight * entropy
    decoder_loss = torch.zeros_like(entropy)
    if "decoder" in outputs and options.decoder is not None:
        # what the decoder gives is by how much it misses the observation
        decoder_loss = outputs["decoder"].square().mean()
        total = total + options.decoder * decoder_loss
    extra = training.penalty(network, batch.observations, batch.actions, outputs, None, generator)
    if extra is not None:
        total = total + extra

    with torch.no_grad():
        # Schulman 2020, joschu.net/blog/kl-approx.html, k3
        approx_kl = (ratio - 1 - log_ratio).mean()
        distance = (ratio - 1).abs()
        clipped = (distance > clip).to(ratio).mean()
        losses = [policy_loss, value_loss, entropy, approx_kl, clipped, decoder_loss]
        return total, torch.stack([*losses, distance.mean()])


def update(
    network: Trained,
    optimiser: torch.optim.Optimizer,
    experience: Batch | Sequences,
    options: Options,
    progress: float,
    generator: torch.Generator,
    training: Training = PLAIN,
) -> dict[str, float]:
    """Improve `network` on one rollout: `options.epochs` passes in shuffled minibatches.

    Args:
        network: the policy and the value.
        optimiser: of its weights; where there is a `critic_learning_rate`, the critic's own are its
            second group.
        experience: the rollout, as transitions or, where the network has memory, as sequences of
            which each is in one minibatch.
        options: how to train.
        progress: share of the training done, 0 to 1, which the schedules follow.
        generator: source of the shuffles, on the network's device.
        training: what a constraint adds.

    Returns:
        The metrics from "learning_rate" on. They may not be finite; the weights are useless then.
    """
    rates = _step_sizes.follow(optimiser, options, progress)
    clip = at(options.clip, progress)
    entropy_weight = at(options.entropy, progress)
    batch = experience.transitions
    parts = max(1, round(len(batch) / options.minibatch))
    rows: list[Tensor] = []
    norms: list[Tensor] = []

    for minibatch in experience.minibatches(options.epochs, parts, generator):
        total, row = loss(network, minibatch, options, clip, entropy_weight, training, generator)
        rows.append(row)
        if options.target_kl is not None and row[3] > options.target_kl:
            break
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        norms.append(_step_sizes.shorten(optimiser, options.max_grad_norm))
        optimiser.step()

    names = ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction", "decoder_loss")
    table = torch.stack(rows)
    *means, first_ratio = torch.cat([table[:, :-1].mean(0), table[0, -1:]]).cpu().tolist()
    unexplained = (batch.returns - batch.values).var(correction=0) / batch.returns.var(correction=0)
    return {
        **rates,
        **dict(zip(names, means, strict=True)),
        "first_ratio": first_ratio,
        "gradient_norm": torch.stack(norms).mean().item() if norms else 0.0,
        "explained_variance": 1 - unexplained.item(),
    }


# -------------------------------------------------------------------------------------------------
# the loop


class Learner:
    """Trains `network` on `envs` for `steps` transitions; iterate it, it yields METRICS once per
    update.

    Two learners with the same arguments, weights and environments yield the same numbers, time
    apart. The global random state is neither read nor changed. A learner restored from `tensors()`
    and `scalars()` yields what this one would have, see UnderWay; on another kind of device it goes
    on with fresh random numbers, in fresh episodes.

    Args:
        network: policy and value, on any device, in float32 or float64; its weights are changed in
            place.
        envs: `options.envs` environments in a gymnasium vector environment that resets itself.
        options: how to train.
        steps: transitions to train for; the last rollout may go a little beyond.
        seed: seed of actions, shuffles and environments.
        training: what a constraint adds.

    Raises:
        UserError: the environments do not reset themselves, or observe something that is not
            arrays.
    """

    def __init__(
        self,
        network: Trained,
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
        self.episodes = Episodes(envs.num_envs)
        self._stepper = Stepper(envs)
        self._weights = dict(network.named_parameters())
        weight = next(iter(self._weights.values()))
        self._device = weight.device
        self._optimiser = _step_sizes.adam(network, options)
        self._generator = generator_on(self._device, seed)
        self._reward_scale = RewardScale(envs.num_envs, options.gamma)
        shown = envs.single_observation_space
        self._buffer = Buffer(network, shown, options.rollout, envs.num_envs, options.sequence)
        parts = {"environments": self._stepper, "episodes": self.episodes, "rollout": self._buffer}
        self._under_way = UnderWay(self._device, rewards=self._reward_scale, **parts)

    def __iter__(self) -> Iterator[dict[str, float]]:
        """One dictionary of METRICS per update, until `steps` transitions are done.

        Raises:
            UserError: the environment returns a number that is not finite, or reports an action
                mask; or a loss or gradient is not finite: the weights are useless from then on.
        """
        if not self._under_way.begun:
            observation, info = self._stepper.begin(self.seed, self.step)
            check_mask(info, self.options.ignore_action_mask)
            self._buffer.begin(observation)
            self.episodes.begin()
            self._under_way.begun = True
        while self.step < self.steps:
            yield self._improve()

    def _improve(self) -> dict[str, float]:
        """One rollout and one update."""
        began = time.perf_counter()
        progress = self.step / self.steps
        rollout(self.network, self._stepper, self._buffer, self.episodes, self._generator)
        experience = self._experience()
        batch = experience.transitions
        metrics = self._update(experience, progress)
        _check(metrics, self.step, batch)
        if self.options.normalise_observations:
            # after the update: it must see what the rollout saw
            self.network.update_normalisation(batch.observations)

        self.step += len(batch)
        self.updates += 1
        return {
            "step": self.step,
            "update": self.updates,
            **self.episodes.metrics(),
            "steps_per_second": len(batch) / (time.perf_counter() - began),
            **metrics,
            **self.training.measured(self.network, self.updates, last=self.step >= self.steps),
        }

    def _experience(self) -> Batch | Sequences:
        """The rollout in the buffer, with its advantages."""
        if self.network.states:
            return sequences_of(self._buffer, self._advantages())
        return batch_of(self._buffer, self._advantages())

    def _update(self, experience: Batch | Sequences, progress: float) -> dict[str, float]:
        """Improve the network on a rollout and the moved copies of it; the metrics of `update`."""
        if isinstance(experience, Batch):
            rows = self.options.minibatch
            experience = augmented(experience, self.network, self.training, rows, self._generator)
        return update(
            self.network,
            self._optimiser,
            experience,
            self.options,
            progress,
            self._generator,
            self.training,
        )

    def _advantages(self) -> Tensor:
        """Of every step in the buffer, [step, env]."""
        buffer = self._buffer
        rewards = buffer.rewards
        if self.options.normalise_rewards:
            ended = buffer.terminated | buffer.truncated
            scaled = self._reward_scale.scale(rewards.numpy(), ended.numpy(), buffer.valid.numpy())
            rewards = torch.from_numpy(scaled).to(rewards)
        return advantages(
            rewards.to(self._device),
            buffer.values,
            buffer.next_values,
            buffer.terminated.to(self._device),
            buffer.truncated.to(self._device),
            self.options.gamma,
            self.options.gae_lambda,
        )

    def tensors(self) -> dict[str, Tensor]:
        """Optimiser, random generator, and what is under way; the caller saves the network."""
        return {
            **self._under_way.tensors(),
            **_random_state.tensors(self._generator),
            **_adam_state.tensors(self._optimiser, self._weights),
        }

    def scalars(self) -> Scalars:
        """Counters and statistics, in JSON's types."""
        return {
            "step": self.step,
            "updates": self.updates,
            **self.episodes.scalars(),
            "reward_scale": self._reward_scale.state(),
            **self._under_way.scalars(),
        }

    def restore(self, tensors: dict[str, Tensor], scalars: Scalars) -> None:
        """Go on from what `tensors` and `scalars` gave; the network's weights must be those of that
        moment.

        Raises:
            ValueError: `tensors` are those of another network.
        """
        _adam_state.restore(self._optimiser, self._weights, tensors)
        _random_state.restore(self._generator, tensors, self.seed, scalars["step"])
        self._reward_scale.restore(scalars["reward_scale"])
        self.step = scalars["step"]
        self.updates = scalars["updates"]
        self.episodes.restore(scalars)
        self._under_way.restore(tensors, scalars)


def _check(metrics: dict[str, float], step: int, batch: Batch) -> None:
    """Refuse numbers that are not finite, and say where they came from, as far as can be told."""
    cause = "training diverged"
    hint = "lower learning_rate, or set target_kl"
    if not bool(batch.returns.isfinite().all()):
        cause = "a return or a value is not finite"
        hint = "lower learning_rate, or set normalise_rewards: true"
    losses = {name: metrics[name] for name in ("policy_loss", "value_loss", "gradient_norm")}
    check_losses(losses, f"{cause} in the rollout that began at step {step}", hint)
