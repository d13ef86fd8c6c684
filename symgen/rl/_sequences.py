"""The transitions of a rollout as sequences, for networks with memory: the state before each
sequence is stored, and from there on the update remembers anew, with gradients through time.

What an episode that ended has left behind reaches no other: the state is zero where one begins, in
the rollout and in the update alike (the sequences of rsl_rl's recurrent minibatches; Kapturowski et
al. 2019, Recurrent Experience Replay in Distributed Reinforcement Learning, call it stored state).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from symgen.nn import distributions
from symgen.rl._batch import Batch, Unrolled
from symgen.rl._memory import State
from symgen.rl._rollout import Buffer
from symgen.rl._storage import mapped


@dataclass(frozen=True)
class Sequences:
    """Steps of a rollout, of which some may only start an episode.

    Args:
        steps: every tensor is [step, sequence, ...].
        valid: [step, sequence], whether a step is a transition.
        starts: [step, sequence], whether an episode begins with it.
        state: before each sequence, by name [sequence, places, channels].
    """

    steps: Batch
    valid: Tensor
    starts: Tensor
    state: State

    @property
    def transitions(self) -> Batch:
        """All transitions, flat."""
        return self.steps.map(lambda x: x.flatten(0, 1)[self.valid.flatten()])

    def minibatches(self, epochs: int, parts: int, generator: torch.Generator) -> Iterator[Batch]:
        """`epochs` times all sequences, cut into `parts` nearly equal parts (as many as there are
        sequences, at most), shuffled every time. A sequence without a transition is left out.
        """
        some = self.valid.any(0).nonzero()[:, 0]
        for _ in range(epochs):
            order = some
            if parts > 1:
                drawn = torch.randperm(len(some), generator=generator, device=some.device)
                order = some[drawn]
            for chosen in order.tensor_split(min(parts, len(some))):
                yield self._batch(chosen)

    def _batch(self, chosen: Tensor) -> Batch:
        """The transitions of some sequences, with what it takes to ask a network about them."""
        valid = self.valid[:, chosen].flatten()
        rows = self.steps.map(partial(_columns, chosen))
        unrolled = Unrolled(
            mapped(lambda x: x[:, chosen], self.steps.observations),
            {name: x[chosen] for name, x in self.state.items()},
            self.starts[:, chosen],
            valid,
        )
        return replace(rows.map(lambda x: x.flatten(0, 1)[valid]), unrolled=unrolled)


def sequences_of(buffer: Buffer, advantages: Tensor) -> Sequences:
    """The rollout in `buffer` cut into sequences of `buffer.memory.length` steps, with their
    advantages [step, env], on the network's device.
    """
    cut = buffer.cut
    log_probs, _ = distributions.evaluate(
        buffer.action, buffer.parameters.flatten(0, 1), buffer.log_std, buffer.actions.flatten(0, 1)
    )
    steps = Batch(
        mapped(cut, buffer.observations),
        cut(buffer.actions),
        cut(log_probs.unflatten(0, (buffer.steps, buffer.envs))),
        cut(advantages),
        cut(advantages + buffer.values),
        cut(buffer.values),
    )
    return Sequences(
        steps,
        cut(buffer.valid),
        cut(torch.from_numpy(buffer.memory.starts)),
        buffer.memory.begun,
    )


def _columns(chosen: Tensor, steps: Tensor) -> Tensor:
    return steps[:, chosen]
