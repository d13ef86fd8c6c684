"""Behaviour cloning from a run, from top to bottom: metrics, loss, update, and the loop around
them.

    for metrics in Learner(network, envs, Options(teacher="runs/cartpole/base/0"), steps=100_000,
                           seed=0):
        ...                                  one dictionary of numbers per update

The loop is: `demonstrate` (in _demonstrations.py) fills a rollout, in which the teacher says of
every step what it would do, whoever acts; `update` brings the student nearer to that. The
environments know the teacher, whose labels are in their info (see _labels.py); rewards are counted
and teach nothing. Where the student acts more and more it is taught in the states that it gets
itself into; a rollout is dropped once it was learnt from, where DAgger keeps them all.

Sources: Tang and Ha 2021, The Sensory Neuron as a Transformer (arXiv:2109.02869), section 4, for
students with memory; Ross et al. 2011, A Reduction of Imitation Learning and Structured Prediction
to No-Regret Online Learning (arXiv:1011.0686), algorithm 3.1, for students that act.
"""

import time
from collections.abc import Iterator

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from symgen.envs._stepping import Stepper, check_mask
from symgen.nn.device import generator as generator_on
from symgen.nn.squashed import box
from symgen.problem.algorithm import Scalars
from symgen.problem.interface import Action
from symgen.problem.training import PLAIN, Trained, Training
from symgen.rl import _adam_state, _random_state
from symgen.rl._clone_options import Options
from symgen.rl._demonstrations import Demonstrations, Lesson, Lessons, Tallies, demonstrate, lessons
from symgen.rl._episodes import Episodes
from symgen.rl._labels import Labels, labels_in
from symgen.rl._losses import check_losses
from symgen.rl._rollout import log_std_of
from symgen.rl._schedule import at
from symgen.rl._under_way import UnderWay

__all__ = ["METRICS", "Learner", "Options", "divergence", "squared_error", "update"]

# -------------------------------------------------------------------------------------------------
# metrics

METRICS = {
    "step": "environment transitions so far; steps that only start an episode are not counted",
    "update": "updates so far",
    "episodes": "episodes finished so far, whoever acted",
    "return": "mean undiscounted return of the last 100 finished episodes in which the student "
    "acted, NaN before the first",
    "length": "mean number of transitions of those episodes",
    "teacher_return": "mean undiscounted return of the last 100 finished episodes in which the "
    "teacher acted, NaN before the first",
    "student_share": "probability that the student acts in an episode that begins in this rollout",
    "steps_per_second": "transitions per second of this rollout and update together",
    "learning_rate": "step size of this update",
    "loss": "what `loss` says, mean over the minibatches: kl in nats, mse in squared logits or "
    "half widths, beside the misfit of the deviation in nats",
    "disagreement": "share of the transitions in which the most probable actions of student and "
    "teacher differ, before the update; of continuous actions the mean distance of their means, "
    "in half widths of the box",
    "gradient_norm": "norm of the gradient before it was shortened",
}
"""Of every network; a constraint may measure more."""

# -------------------------------------------------------------------------------------------------
# loss


def divergence(
    action: Action, parameters: Tensor, log_std: Tensor | None, labels: Labels
) -> Tensor:
    """KL(teacher, student) in nats, [transition]: how badly the student's distribution of actions
    describes the teacher's.

    Args:
        action: of the environment.
        parameters: what the student says, logits or mean, [transition, size].
        log_std: logarithm of its deviation, [dim]; None of discrete actions.
        labels: what the teacher says, [transition, size].
    """
    if log_std is not None and labels.log_std is not None:
        shift = (labels.parameters - parameters) * (-log_std).exp()
        return _of_deviations(log_std, labels.log_std) + 0.5 * shift.square().sum(-1)
    total = parameters.new_zeros(len(parameters))
    sizes = (action.parameters,) if action.kind == "discrete" else action.sizes
    said = parameters.split_with_sizes(sizes, -1)
    for ours, theirs in zip(said, labels.parameters.split_with_sizes(sizes, -1), strict=True):
        logs = theirs.log_softmax(-1)
        total = total + (logs.exp() * (logs - ours.log_softmax(-1))).sum(-1)
    return total


def squared_error(
    action: Action, parameters: Tensor, log_std: Tensor | None, labels: Labels
) -> Tensor:
    """Mean squared difference of logits or means, [transition]; arguments as of `divergence`.

    Logits are compared beside their mean, which no probability depends on; means of a Gaussian in
    half widths of the action's box. The deviation, which a squared error knows nothing of, is
    fitted beside, as if the means were equal.
    """
    if log_std is not None and labels.log_std is not None:
        _, half = box(action)
        distance = (parameters - labels.parameters) / half.to(parameters)
        return distance.square().mean(-1) + _of_deviations(log_std, labels.log_std)
    sizes = (action.parameters,) if action.kind == "discrete" else action.sizes
    difference = (parameters - labels.parameters).split_with_sizes(sizes, -1)
    beside = [logits - logits.mean(-1, keepdim=True) for logits in difference]
    return torch.cat(beside, -1).square().mean(-1)


def _of_deviations(log_std: Tensor, wanted: Tensor) -> Tensor:
    """KL of two Gaussians with equal means, [transition]."""
    apart = log_std - wanted
    return (apart + 0.5 * ((-2 * apart).exp() - 1)).sum(-1)


LOSSES = {"kl": divergence, "mse": squared_error}


def loss(
    network: Trained,
    lesson: Lesson,
    options: Options,
    training: Training,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """The loss of one minibatch with what a constraint adds, and without it and its gradients."""
    outputs = lesson.outputs(network)
    distance = LOSSES[options.loss]
    own = distance(network.action, outputs["policy"], log_std_of(outputs), lesson.labels).mean()
    extra = training.penalty(network, lesson.observations, lesson.actions, outputs, None, generator)
    return own if extra is None else own + extra, own.detach()


# -------------------------------------------------------------------------------------------------
# update


def update(
    network: Trained,
    optimiser: torch.optim.Optimizer,
    taught: Lessons,
    options: Options,
    progress: float,
    generator: torch.Generator,
    training: Training = PLAIN,
) -> dict[str, float]:
    """Bring `network` nearer to the teacher: `options.epochs` passes in shuffled minibatches.

    Args:
        network: the student.
        optimiser: of its weights.
        taught: a rollout, with what the teacher says of it.
        options: how to train.
        progress: share of the training done, 0 to 1, which the schedules follow.
        generator: source of the shuffles, on the network's device.
        training: what a constraint adds.

    Returns:
        "learning_rate", "loss" and "gradient_norm". They may not be finite; the weights are useless
        then.
    """
    rate = at(options.learning_rate, progress)
    for group in optimiser.param_groups:
        group["lr"] = rate
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    for lesson in taught.minibatches(options.epochs, options.minibatch, generator):
        total, own = loss(network, lesson, options, training, generator)
        losses.append(own)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(weights, options.max_grad_norm))
        optimiser.step()
    return {
        "learning_rate": rate,
        "loss": torch.stack(losses).mean().item(),
        "gradient_norm": torch.stack(norms).mean().item(),
    }


# -------------------------------------------------------------------------------------------------
# the loop


class Learner:
    """Trains `network` to do what the teacher does, for `steps` transitions; iterate it, it yields
    METRICS once per update.

    Two learners with the same arguments, weights, environments and teacher yield the same numbers,
    time apart. The global random state is neither read nor changed. A learner restored from
    `tensors()` and `scalars()` yields what this one would have, see UnderWay.

    Args:
        network: the student, on any device; its weights are changed in place.
        envs: `options.envs` environments that reset themselves, with Labels in their info.
        options: how to train.
        steps: transitions to train for; the last rollout may go a little beyond.
        seed: seed of actions, of who acts, of shuffles and environments.
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
        self.episodes = Tallies(Episodes(envs.num_envs), Episodes(envs.num_envs))
        self._stepper = Stepper(envs)
        self._weights = dict(network.named_parameters())
        weight = next(iter(self._weights.values()))
        self._optimiser = torch.optim.Adam(self._weights.values(), eps=options.adam_eps, fused=True)
        self._generator = generator_on(weight.device, seed)
        self._rollout = Demonstrations(network, envs.single_observation_space, options)
        self._under_way = UnderWay(
            weight.device,
            environments=self._stepper,
            student=self.episodes.student,
            teacher=self.episodes.teacher,
            rollout=self._rollout,
        )

    def __iter__(self) -> Iterator[dict[str, float]]:
        """One dictionary of METRICS per update, until `steps` transitions are done.

        Raises:
            UserError: the environment returns a number that is not finite, or reports an action
                mask; or a loss or gradient is not finite: the weights are useless from then on.
            ValueError: the environments know no teacher.
        """
        if not self._under_way.begun:
            observation, info = self._stepper.begin(self.seed, self.step)
            check_mask(info, self.options.ignore_action_mask)
            self._rollout.begin(observation, labels_in(info))
            for tally in self.episodes:
                tally.begin()
            self._under_way.begun = True
        while self.step < self.steps:
            yield self._improve()

    def _improve(self) -> dict[str, float]:
        """One rollout and one update."""
        began = time.perf_counter()
        progress = self.step / self.steps
        share = at(self.options.student_share, progress)
        demonstrate(
            self.network,
            self._stepper,
            self._rollout,
            self.episodes,
            self.options,
            share,
            self._generator,
        )
        taught = lessons(self._rollout)
        disagreement = self._rollout.disagreement()
        metrics = update(
            self.network,
            self._optimiser,
            taught,
            self.options,
            progress,
            self._generator,
            self.training,
        )
        _check(metrics, self.step)
        if self.options.normalise_observations:
            # after the update: it must see what the rollout saw
            self.network.update_normalisation(taught.transitions)

        self.step += len(taught)
        self.updates += 1
        return {
            "step": self.step,
            "update": self.updates,
            **self._returns(),
            "student_share": share,
            "steps_per_second": len(taught) / (time.perf_counter() - began),
            **metrics,
            "disagreement": disagreement,
            **self.training.measured(self.network, self.updates, last=self.step >= self.steps),
        }

    def _returns(self) -> dict[str, float]:
        """What METRICS says of episodes."""
        student = self.episodes.student.metrics()
        teacher = self.episodes.teacher.metrics()
        return {
            **student,
            "episodes": student["episodes"] + teacher["episodes"],
            "teacher_return": teacher["return"],
        }

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
            "student": self.episodes.student.scalars(),
            "teacher": self.episodes.teacher.scalars(),
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
        self.step = scalars["step"]
        self.updates = scalars["updates"]
        self.episodes.student.restore(scalars["student"])
        self.episodes.teacher.restore(scalars["teacher"])
        self._under_way.restore(tensors, scalars)


def _check(metrics: dict[str, float], step: int) -> None:
    """Refuse numbers that are not finite, and say where they came from."""
    losses = {name: metrics[name] for name in ("loss", "gradient_norm")}
    cause = f"training diverged in the rollout that began at step {step}"
    check_losses(losses, cause, "lower learning_rate, or write loss: kl")
