"""mirror_loss: the loss punishes what the network does otherwise where all is moved.

    weight * KL(g.pi(.|o), pi(.|g.o))  +  value * (V(g.o) - V(o))^2

for observations o of a minibatch and elements g of the group, both means. What the network says of
o is the target and has no gradient. Of action values the second term is (Q(g.o, g.a) - Q(o, a))^2
for the actions taken, and where a critic has a value for every action, which moves as the action
does, (Q(g.o) - g.Q(o))^2, a mean over the actions. In SAC actor and critics have losses of their
own, and each term is added to its side's. The divergence is that of the distributions, not of their
means alone: a deviation that is learnt counts, and may grow where means disagree. What is for
training only, such as a privileged critic, is left out: it may tell apart what the policy need not.

After Yu et al. 2018, Learning Symmetric and Low-Energy Locomotion (arXiv:1801.08093), which
compares actions.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra.group import MAX_ELEMENTS
from symgen.constraints._moving import count_faults, fault, moving_faults
from symgen.plan.plan import Step
from symgen.problem.constraint import Fit, Promise
from symgen.problem.fault import Fault
from symgen.problem.output import critics, lasting, reads_action
from symgen.problem.problem import Problem
from symgen.problem.training import Side, Trained

if TYPE_CHECKING:  # a spec is checked without torch
    from torch import Generator, Tensor

    from symgen.problem.training import Observations, Tensors

PROMISE: Promise = "none"
USES_GROUP = True
FITS: Fit = "any"
NAMES: dict[Side, str] = {"actor": "mirror_loss/policy", "critic": "mirror_loss/value"}
METRICS = {
    NAMES["actor"]: "KL(g.pi(.|o), pi(.|g.o)) in nats, without its weight, mean over minibatches",
    NAMES["critic"]: "squared difference of values, or action values, of moved and unmoved "
    "observations, without its weight, mean over minibatches",
}
"""Logged for the terms that have a weight, in every update that learns."""


class Options(BaseModel):
    """What a spec may say under `constraint: {mirror_loss: ...}`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float = Field(
        default=1.0,
        ge=0,
        description="Weight of the policy's term in the loss: the divergence between the moved "
        "policy and the policy of the moved observation.",
    )
    value: float = Field(
        default=0.5,
        ge=0,
        description="Weight of the critics' term: the squared difference of their values.",
    )
    elements: Literal["random", "generators"] = Field(
        default="random",
        description="Which elements move a minibatch: one that is drawn for each row, the identity "
        "apart, or every generator.",
    )


def check(problem: Problem, options: Options) -> list[Fault]:
    """What cannot be moved, and groups whose elements cannot be listed."""
    faults = moving_faults(problem)
    if not faults and options.elements == "random":
        hint = "write elements: generators, or use a smaller group"
        faults = count_faults(problem, MAX_ELEMENTS, hint)
    written = "value" in options.model_fields_set and options.value > 0
    if not faults and written and not critics(problem.outputs):
        message = "mirror_loss has no critic to compare: there is none, or it is for training only"
        faults = [fault(message, "leave value out, or leave train.privileged out")]
    return faults


def steps(problem: Problem, options: Options, exact: tuple[Step, ...]) -> tuple[Step, ...]:
    """As they are."""
    return exact


def training(problem: Problem, options: Options) -> "Mirrored":
    """The terms of the loss, and what they are as metrics."""
    return Mirrored(problem, options)


class Mirrored:
    """Training with the loss.

    Args:
        problem: whose group and whose outputs.
        options: weights, and which elements.
    """

    log_prob: Literal["copied"] = "copied"

    def __init__(self, problem: Problem, options: Options) -> None:
        from symgen.nn.group_action import GroupAction

        self._is_random = options.elements == "random"
        # the first element is the identity
        words = problem.group.elements[1:] if self._is_random else problem.group.generators
        about = (problem.interface, problem.observation, problem.action, problem.outputs)
        self._action = GroupAction(*about, words)
        self._weights: dict[Side, float] = {"actor": options.weight, "critic": options.value}
        self._outputs = {output.name: output for output in lasting(problem.outputs)}
        self._terms: dict[Side, list[Tensor]] = {"actor": [], "critic": []}

    def augment(
        self,
        observations: "tuple[Observations, ...]",
        actions: "Tensor",
        generator: "Generator",
        beside: bool,
    ) -> None:
        """No copies."""

    def penalty(
        self,
        network: Trained,
        observations: "Observations",
        actions: "Tensor",
        outputs: "Tensors",
        side: Side | None,
        generator: "Generator",
    ) -> "Tensor | None":
        """The terms of those outputs that the loss is made of, each times its weight; None where
        there is nothing to compare.
        """
        import torch

        from symgen.nn.group_action import rows_of

        known = [name for name in outputs if name in self._outputs]
        names = tuple(name for name in known if self._weights[self._outputs[name].side])
        if not (names and self._action.words):
            return None
        index, element = self._drawn(actions, generator)
        moved = self._action.on_observations(element, rows_of(observations, index))
        acted = None
        if reads_action(self._outputs[name] for name in names):
            acted = self._action.on_actions(element, actions[index])
        said = network.heads(network.encode(moved), names, acted)
        before = {name: outputs[name].detach()[index] for name in names}
        terms = self._compared(network, self._action.on_outputs(element, before), said)
        for part, term in terms.items():
            self._terms[part].append(term.detach())
        return torch.stack([self._weights[part] * term for part, term in terms.items()]).sum()

    def measured(self, network: Trained, update: int, last: bool) -> dict[str, float]:
        """METRICS of the update."""
        import torch

        means = {
            NAMES[part]: float(torch.stack(terms).mean())
            for part, terms in self._terms.items()
            if terms
        }
        for terms in self._terms.values():
            terms.clear()
        return means

    def _drawn(self, actions: "Tensor", generator: "Generator") -> "tuple[Tensor, Tensor]":
        """Which rows are moved, and by which elements; on the device of the actions."""
        import torch

        from symgen.nn.group_action import crossed

        rows = len(actions)
        count = len(self._action.words)
        where = actions.device
        if not self._is_random:
            return crossed(rows, torch.arange(count, device=where))
        drawn = torch.randint(count, (rows,), generator=generator, device=where)
        return torch.arange(rows, device=where), drawn

    def _compared(
        self, network: Trained, expected: "Tensors", said: "Tensors"
    ) -> "dict[Side, Tensor]":
        """The divergence of the policies and the mean squared difference of the critics; each where
        its outputs are given.
        """
        import torch
        from torch.distributions import kl_divergence

        terms: dict[Side, Tensor] = {}
        critics = [name for name in said if self._outputs[name].side == "critic"]
        if len(critics) < len(said):
            divergence = kl_divergence(network.distribution(expected), network.distribution(said))
            terms["actor"] = divergence.mean()
        if critics:
            gaps = torch.cat([said[name] - expected[name] for name in critics], 1)
            terms["critic"] = gaps.square().mean()
        return terms
