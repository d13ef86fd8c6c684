"""Rollouts with a teacher: in each episode the teacher or the student acts, and the teacher says of
every step what it would do.

demonstrate    step every environment, and write down what was seen and said
Lessons        the transitions, cut into sequences, as minibatches
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import Space
from torch import Tensor

from symgen.envs._finite import check_finite
from symgen.envs._stepping import Flags, Given, Stepper
from symgen.nn import distributions
from symgen.nn.squashed import box
from symgen.problem.interface import Action
from symgen.problem.resumable import Arrays, Resumable, below, prefixed, taken
from symgen.problem.training import Trained
from symgen.rl._batch import Unrolled
from symgen.rl._clone_options import Options
from symgen.rl._episodes import Episodes
from symgen.rl._labels import Labels, labels_in
from symgen.rl._memory import State
from symgen.rl._rollout import log_std_of
from symgen.rl._rollout_storage import RolloutStorage
from symgen.rl._storage import Observation, mapped


class Tallies(NamedTuple):
    """The episodes in which the student acted, and those in which the teacher did."""

    student: Episodes
    teacher: Episodes


class Demonstrations(RolloutStorage, Resumable):
    """Storage of one rollout and of what the teacher says of it, which `parameters` holds.

    Args:
        network: the student.
        space: observation space of one environment: a Dict of arrays, or arrays alone.
        options: how many environments and steps, and how long the sequences are.

    Attributes:
        log_std: the teacher's, of a continuous action, [step, env, dim].
        said: what the student says, [step, env, size].
        by_student: [env], whether the student acts in the episode under way.
        labels: of the observations that the next step acts on.

    Raises:
        UserError: the observation space holds something other than arrays.
    """

    labels: Labels

    def __init__(self, network: Trained, space: Space[object], options: Options) -> None:
        # a network without memory reads every step alone
        length = options.sequence if network.states else 1
        super().__init__(network, space, options.rollout, options.envs, length)
        shape = (options.rollout, options.envs, self.action.parameters)
        self.log_std = self.zeros(*shape) if self.action.kind == "continuous" else None
        self.said = self.zeros(*shape)
        self.by_student: Flags = np.zeros(options.envs, np.bool_)

    def begin(self, observation: Given, labels: Labels) -> None:
        """Take what `envs.reset()` gave, and remember nothing."""
        self.write(self.steps, observation)
        self.labels = labels
        self.memory.begin()

    def under_way(self) -> Arrays:
        """See Resumable: what the next rollout begins with, what the teacher says of it, and who
        acts.
        """
        return {
            **self.last(),
            **prefixed("labels.", self.labels.to_arrays()),
            "by_student": self.by_student.copy(),
        }

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self.put_last(arrays)
        self.labels = Labels.from_arrays(below("labels.", arrays), self.device)
        self.by_student = taken("by_student", arrays, self.by_student)

    def disagreement(self) -> float:
        """How far the student was from the teacher when it saw the transitions, see METRICS."""
        valid = self.valid.to(self.device)
        said = self.said[valid]
        wanted = self.parameters[valid]
        if self.action.kind == "continuous":
            _, half = box(self.action)
            return ((said - wanted).abs() / half.to(said)).mean().item()
        differs = modes(self.action, said) != modes(self.action, wanted)
        # of several choices one is enough
        return differs.view(len(differs), -1).any(1).double().mean().item()


def modes(action: Action, parameters: Tensor) -> Tensor:
    """The most probable actions of rows of logits [row, size], or the means."""
    if action.kind == "continuous":
        return parameters
    return distributions.distribution(action, parameters).mode


@torch.no_grad()
def demonstrate(
    network: Trained,
    stepper: Stepper,
    rollout: Demonstrations,
    tallies: Tallies,
    options: Options,
    share: float,
    generator: torch.Generator,
) -> None:
    """Step every environment `rollout.steps` times, and fill the rollout.

    Args:
        network: the student.
        stepper: environments whose observations the rollout has seen last (`begin`, or the one
            before).
        rollout: written in place.
        tallies: take in what is stepped.
        options: whether actions are drawn, and the noise on them.
        share: probability that the student acts in an episode that begins now.
        generator: source of all randomness, on the network's device.

    Raises:
        UserError: the environment returns a number that is not finite.
    """
    memory = rollout.memory
    rollout.roll()
    with network.expanded():
        for step in range(rollout.steps):
            _cast(rollout, stepper.starts, share, generator)
            labels = rollout.labels
            rollout.parameters[step] = labels.parameters
            if rollout.log_std is not None and labels.log_std is not None:
                rollout.log_std[step] = labels.log_std
            state = memory.before(step, stepper.starts)
            outputs, memory.state = network(rollout.observation(step), state)
            rollout.said[step] = outputs["policy"]
            action = _executed(rollout, step, log_std_of(outputs), options, generator)
            rollout.actions[step] = action

            after = stepper.step(action.cpu().numpy())
            rollout.valid[step] = torch.from_numpy(after.valid)
            check_finite({}, after.rewards)
            rollout.write(step + 1, after.observation)
            rollout.labels = labels_in(after.info)
            for tally, acts in zip(tallies, (rollout.by_student, ~rollout.by_student), strict=True):
                tally.step(after.rewards, after.valid & acts, after.ended & acts)


def _cast(rollout: Demonstrations, starts: Flags, share: float, generator: torch.Generator) -> None:
    """Draw who acts in the episodes that begin."""
    if starts.any():
        drawn = torch.rand(len(starts), generator=generator, device=rollout.device) < share
        rollout.by_student = np.where(starts, drawn.cpu().numpy(), rollout.by_student)


def _executed(
    rollout: Demonstrations,
    step: int,
    log_std: Tensor | None,
    options: Options,
    generator: torch.Generator,
) -> Tensor:
    """What is done in every environment, by its student or its teacher, with noise."""
    action = rollout.action
    student = torch.from_numpy(rollout.by_student).to(rollout.device)[:, None]
    parameters = torch.where(student, rollout.said[step], rollout.parameters[step])
    scale = None
    if log_std is not None and rollout.log_std is not None:
        scale = torch.where(student, log_std, rollout.log_std[step])
    chosen = modes(action, parameters)
    if options.sampled:
        chosen = distributions.sample(action, parameters, scale, generator)
    if not options.noise:
        return chosen
    if action.kind == "continuous":
        _, half = box(action)
        noise = torch.empty_like(chosen).normal_(generator=generator)
        return chosen + options.noise * half.to(chosen) * noise
    anything = distributions.sample(action, torch.zeros_like(parameters), None, generator)
    drawn = torch.rand(len(chosen), generator=generator, device=rollout.device) < options.noise
    return torch.where(drawn if chosen.dim() == 1 else drawn[:, None], anything, chosen)


# -------------------------------------------------------------------------------------------------
# minibatches


@dataclass(frozen=True)
class Lesson:
    """Transitions, flat, and what the teacher says of them.

    Args:
        observations: [transition, ...].
        actions: what was executed, [transition, ...].
        labels: the teacher's, [transition, size].
        unrolled: where the student has memory, the sequences that the transitions are from.
    """

    observations: Observation
    actions: Tensor
    labels: Labels
    unrolled: Unrolled | None = None

    def outputs(self, network: Trained) -> dict[str, Tensor]:
        """What the student says of the transitions, each [transition, size]."""
        if self.unrolled is not None:
            return self.unrolled.outputs(network)
        outputs, _ = network(self.observations)
        return outputs


@dataclass(frozen=True)
class Lessons:
    """A rollout cut into sequences; of a student without memory they are single steps.

    Args:
        observations: [step, sequence, ...], as are all others.
        actions: what was executed.
        labels: the teacher's.
        valid: whether a step is a transition.
        starts: whether an episode begins with it.
        state: of the student before each sequence, by name [sequence, places, channels].
    """

    observations: Observation
    actions: Tensor
    labels: Labels
    valid: Tensor
    starts: Tensor
    state: State

    def __len__(self) -> int:
        return int(self.valid.sum())

    @property
    def transitions(self) -> Observation:
        """The observations of all transitions, flat."""
        return mapped(lambda x: x[self.valid], self.observations)

    def minibatches(self, epochs: int, size: int, generator: torch.Generator) -> Iterator[Lesson]:
        """`epochs` times all transitions in nearly equal parts of about `size`, shuffled every
        time. A sequence is in one part as a whole; one without a transition is left out.
        """
        some = self.valid.any(0).nonzero()[:, 0]
        count = min(max(1, round(len(self) / size)), len(some))
        for _ in range(epochs):
            drawn = torch.randperm(len(some), generator=generator, device=some.device)
            for chosen in some[drawn].tensor_split(count):
                yield self._of(chosen)

    def _of(self, chosen: Tensor) -> Lesson:
        """The transitions of some sequences."""
        valid = self.valid[:, chosen].flatten()

        def flat(x: Tensor) -> Tensor:
            return x[:, chosen].flatten(0, 1)[valid]

        scale = self.labels.log_std
        labels = Labels(flat(self.labels.parameters), None if scale is None else flat(scale))
        unrolled = None
        if self.state:
            unrolled = Unrolled(
                mapped(lambda x: x[:, chosen], self.observations),
                {name: x[chosen] for name, x in self.state.items()},
                self.starts[:, chosen],
                valid,
            )
        return Lesson(mapped(flat, self.observations), flat(self.actions), labels, unrolled)


def lessons(rollout: Demonstrations) -> Lessons:
    """The rollout cut into sequences of `rollout.memory.length` steps, on the network's device."""
    cut = rollout.cut
    scale = rollout.log_std
    return Lessons(
        mapped(cut, rollout.observations),
        cut(rollout.actions),
        Labels(cut(rollout.parameters), None if scale is None else cut(scale)),
        cut(rollout.valid),
        cut(torch.from_numpy(rollout.memory.starts)),
        rollout.memory.begun,
    )
