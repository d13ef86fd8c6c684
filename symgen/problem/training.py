"""What a constraint adds to training: the contract between constraints and algorithms.

A learner asks its `Training` for moved copies of what it trains on and for terms of its losses, and
adds them; it knows no group. A term sees the network as `Trained`. No torch is imported here: a
spec is checked without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from symgen.problem.interface import Action

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn
    from torch.distributions import Distribution

    from symgen.algebra.fieldtype import FieldType

    Tensors: TypeAlias = dict[str, Tensor]
    Observations: TypeAlias = Tensor | Tensors
    """Observations as the space gives them, batch first: a tensor, or a dict of tensors."""

Side = Literal["actor", "critic"]


class Trained(Protocol):
    """What training asks of a network, beyond being a torch.nn.Module; see nn/network.py.

    Attributes:
        action: the environment's action.
    """

    action: Action

    @property
    def states(self) -> Mapping[str, FieldType]:
        """Field type of each step's memory, by name; empty where the network has none."""
        ...

    def __call__(
        self, observation: Observations, state: Tensors | None = None
    ) -> tuple[Tensors, Tensors]:
        """All outputs that do not read the action, each [batch, size], and the state afterwards."""
        ...

    def initial_state(self, batch: int) -> Tensors:
        """The state at the start of an episode; empty for a network without memory."""
        ...

    def unroll(
        self, observations: Observations, state: Tensors, starts: Tensor
    ) -> tuple[Tensors, Tensors]:
        """As a call step after step: observations [step, env, ...], `starts` [step, env] where the
        state is zero before that step; outputs [step, env, size], and the state afterwards.
        """
        ...

    def encode(self, observation: Observations) -> Tensors:
        """The features that actor and critics share, of a network without memory."""
        ...

    def heads(
        self, features: Tensors, names: tuple[str, ...], action: Tensor | None = None
    ) -> Tensors:
        """Some of the outputs of features that `encode` gave; actions in units of the
        environment.
        """
        ...

    def distribution(self, outputs: Tensors) -> Distribution:
        """The distributions of actions that a batch of the policy's outputs stands for."""
        ...

    def update_normalisation(self, observation: Observations) -> None:
        """Take a batch of observations into the running statistics."""
        ...

    def expanded(self) -> AbstractContextManager[None]:
        """A context within which the weights do not change, so that what derives from them is
        kept.
        """
        ...

    def symmetry_breaking(self) -> dict[str, float]:
        """Symmetry-breaking norms by name; empty where the network is exact."""
        ...

    def penalty(self) -> Tensor | None:
        """What a regulariser of 1 adds to the loss; None where the network is exact."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and weights."""
        ...

    def actor_parameters(self) -> dict[str, nn.Parameter]:
        """The weights that the actor's loss alone trains, by name."""
        ...

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        """The weights of the critics, and of what they share with the policy, by name."""
        ...

    def judging_parameters(self) -> dict[str, nn.Parameter]:
        """The weights that only the critics need, by name."""
        ...


@dataclass(frozen=True)
class Moved:
    """Moved copies of transitions.

    Args:
        observations: as they were given, every one moved by the element of its row.
        actions: moved by the same elements.
        index: [moved row], which of the given rows it comes from.
    """

    observations: tuple[Observations, ...]
    actions: Tensor
    index: Tensor


class Training(Protocol):
    """What a constraint adds to training.

    Law: with `Plain` an algorithm trains as if there were no such thing, bit for bit.
    """

    @property
    def log_prob(self) -> Literal["copied", "recomputed"]:
        """Where the old log-probability of a moved action comes from, which PPO compares with: from
        the original, or from the policy before the first gradient step.
        """
        ...

    def augment(
        self,
        observations: tuple[Observations, ...],
        actions: Tensor,
        generator: Generator,
        beside: bool,
    ) -> Moved | None:
        """Moved copies of a batch; None where there are to be none.

        It is not asked of a network with memory: what is remembered when a sequence begins has no
        image before the group.

        Args:
            observations: several batches with the same rows, such as of the observations before and
                after an action; all are to be moved alike.
            actions: [batch, ...], as the algorithm stores them.
            generator: the learner's source of random numbers, which is saved with it.
            beside: whether the copies are trained on beside the originals, as in PPO, and not in
                place of them, as in SAC; then no copy need be what its original is.
        """
        ...

    def penalty(
        self,
        network: Trained,
        observations: Observations,
        actions: Tensor,
        outputs: Tensors,
        side: Side | None,
        generator: Generator,
    ) -> Tensor | None:
        """What is added to a loss; None for nothing.

        Args:
            network: what is trained.
            observations: of the minibatch.
            actions: of the minibatch, as the algorithm stores them.
            outputs: what the network says of them, with gradients: all that the loss is made of.
            side: whose loss it is; None where actor and critic have one together.
            generator: the learner's source of random numbers.
        """
        ...

    def measured(self, network: Trained, update: int, last: bool) -> dict[str, float]:
        """Further metrics of the network as it is now, in the updates that have any.

        Args:
            network: what is trained.
            update: how many updates have been done.
            last: whether there is none to come.
        """
        ...


class Plain:
    """Training that adds nothing."""

    log_prob: Literal["copied"] = "copied"

    def augment(
        self,
        observations: tuple[Observations, ...],
        actions: Tensor,
        generator: Generator,
        beside: bool,
    ) -> None:
        """No copies."""

    def penalty(
        self,
        network: Trained,
        observations: Observations,
        actions: Tensor,
        outputs: Tensors,
        side: Side | None,
        generator: Generator,
    ) -> None:
        """Nothing."""

    def measured(self, network: Trained, update: int, last: bool) -> dict[str, float]:
        """None."""
        return {}


PLAIN = Plain()
