"""The transitions of a rollout, flat, and how they are drawn for gradient steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from symgen.nn import distributions
from symgen.rl._rollout import Buffer
from symgen.rl._storage import Observation, each


@dataclass(frozen=True)
class Batch:
    """Transitions, flat: every tensor is [transition, ...]. Steps that only start an episode are
    left out.
    """

    observations: Observation
    actions: Tensor
    log_probs: Tensor
    advantages: Tensor
    returns: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.advantages)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Apply `function` to every tensor."""
        return Batch(
            each(function, self.observations),
            function(self.actions),
            function(self.log_probs),
            function(self.advantages),
            function(self.returns),
            function(self.values),
        )

    def minibatches(self, epochs: int, parts: int, generator: torch.Generator) -> Iterator["Batch"]:
        """`epochs` times the batch, cut into `parts` nearly equal parts, shuffled every time."""
        for _ in range(epochs):
            if parts == 1:  # the order within a minibatch does not matter
                yield self
                continue
            order = torch.randperm(len(self), generator=generator, device=self.values.device)
            for chosen in order.tensor_split(parts):
                yield self.map(partial(_rows, chosen))


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
        each(flat, buffer.observations),
        actions,
        log_probs,
        flat(advantages),
        flat(advantages + buffer.values),
        flat(buffer.values),
    )
