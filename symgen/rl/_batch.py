"""The transitions of a rollout, flat, and how they are drawn for gradient steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from symgen.nn import distributions
from symgen.problem.training import Trained, Training
from symgen.rl._memory import State
from symgen.rl._rollout import Buffer, log_std_of
from symgen.rl._storage import Observation, joined, mapped


@dataclass(frozen=True)
class Unrolled:
    """Sequences of steps, whose transitions are those of a batch.

    Args:
        observations: [step, sequence, ...].
        state: before each sequence, by name [sequence, places, channels].
        starts: [step, sequence], whether an episode begins with a step, so that the state is zero
            before it.
        valid: [step * sequence], whether a step is a transition.
    """

    observations: Observation
    state: State
    starts: Tensor
    valid: Tensor

    def outputs(self, network: Trained) -> dict[str, Tensor]:
        """What the network says of the transitions, each [transition, size]."""
        outputs, _ = network.unroll(self.observations, self.state, self.starts)
        return {name: x.flatten(0, 1)[self.valid] for name, x in outputs.items()}


@dataclass(frozen=True)
class Batch:
    """Transitions, flat: every tensor is [transition, ...]. Steps that only start an episode are
    left out.

    Args:
        observations: where the action was taken.
        actions: as the policy drew them.
        log_probs: of the actions, by the policy that drew them.
        advantages: of the actions.
        returns: what the value is to become.
        values: what it was.
        unrolled: where the network has memory, the sequences that the transitions are from.
    """

    observations: Observation
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor
    values: Tensor
    unrolled: Unrolled | None = None

    def __len__(self) -> int:
        return len(self.advantages)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Apply `function` to every tensor of the transitions, not to what they are unrolled
        from.
        """
        return Batch(
            mapped(function, self.observations),
            function(self.actions),
            function(self.log_probs),
            function(self.advantages),
            function(self.returns),
            function(self.values),
        )

    @property
    def transitions(self) -> "Batch":
        """All transitions: itself."""
        return self

    def outputs(self, network: Trained) -> dict[str, Tensor]:
        """What the network says of the transitions, each [transition, size]."""
        if self.unrolled is not None:
            return self.unrolled.outputs(network)
        outputs, _ = network(self.observations)
        return outputs

    def minibatches(self, epochs: int, parts: int, generator: torch.Generator) -> Iterator["Batch"]:
        """`epochs` times the batch, cut into `parts` nearly equal parts, shuffled every time."""
        for _ in range(epochs):
            if parts == 1:  # the order within a minibatch does not matter
                yield self
                continue
            order = torch.randperm(len(self), generator=generator, device=self.values.device)
            for chosen in order.tensor_split(parts):
                yield self.map(partial(_rows, chosen))


def augmented(
    batch: Batch, network: Trained, training: Training, rows: int, generator: torch.Generator
) -> Batch:
    """The batch, and the moved copies of it that `training` asks for, which have the advantages,
    returns and values of their originals.

    Args:
        batch: what was rolled out.
        network: the policy before the first gradient step, which is asked for the log-probabilities
            of moved actions where they are not copied.
        training: what the constraint adds.
        rows: transitions that the policy is asked about at once.
        generator: source of the moves' randomness.
    """
    moved = training.augment((batch.observations,), batch.actions, generator, beside=True)
    if moved is None:
        return batch
    (observations,) = moved.observations
    copies = Batch(
        observations,
        moved.actions,
        batch.log_probs[moved.index],
        batch.advantages[moved.index],
        batch.returns[moved.index],
        batch.values[moved.index],
    )
    if training.log_prob == "recomputed":
        copies = replace(copies, log_probs=_log_probs(network, copies, rows))
    return Batch(
        joined(batch.observations, copies.observations),
        torch.cat([batch.actions, copies.actions]),
        torch.cat([batch.log_probs, copies.log_probs]),
        torch.cat([batch.advantages, copies.advantages]),
        torch.cat([batch.returns, copies.returns]),
        torch.cat([batch.values, copies.values]),
    )


@torch.no_grad()
def _log_probs(network: Trained, batch: Batch, rows: int) -> Tensor:
    """Log-probabilities of the batch's actions, `rows` at a time."""
    parts = []
    for begin in range(0, len(batch), rows):
        chosen = torch.arange(begin, min(begin + rows, len(batch)), device=batch.values.device)
        part = batch.map(partial(_rows, chosen))
        outputs, _ = network(part.observations)
        log_probs, _ = distributions.evaluate(
            network.action, outputs["policy"], log_std_of(outputs), part.actions
        )
        parts.append(log_probs)
    return torch.cat(parts)


def _rows(chosen: Tensor, tensor: Tensor) -> Tensor:
    return tensor[chosen]


def batch_of(buffer: Buffer, advantages: Tensor) -> Batch:
    """The transitions in `buffer`, with their advantages [step, env], on the network's device."""
    everything = bool(buffer.valid.all())
    valid = buffer.valid.flatten().to(buffer.device)

    def flat(tensor: Tensor) -> Tensor:
        rows = tensor[: buffer.steps].flatten(0, 1)
        return rows if everything else rows[valid]

    actions = flat(buffer.actions)
    log_probs, _ = distributions.evaluate(
        buffer.action, flat(buffer.parameters), buffer.log_std, actions
    )
    return Batch(
        mapped(flat, buffer.observations),
        actions,
        log_probs,
        flat(advantages),
        flat(advantages + buffer.values),
        flat(buffer.values),
    )
