"""augment: trained on moved copies of what is seen and done; the network is left as it is.

An element g moves an observation and the action taken there together, which a symmetry of the task
allows: the copy has the reward, the advantage and the return of its original. PPO trains on the
copies beside the originals, in minibatches of the size that the spec says, so that an update takes
that many more gradient steps; SAC trains on them in place of the originals (elements: all makes its
batches as many times larger as the group has elements). Law: an exact network learns from a copy
what it learns from its original.

The old log-probability of a copy, to which PPO compares, is copied: it is the one with which the
copy came about, for g.a was drawn by g.pi_old(.|o). So pi(g.a|g.o) / pi_old(a|o) is an importance
weight, 1 at the start where the policy is equivariant and not where it is not. Recomputed, a copy
counts as drawn by pi_old(.|g.o). Every ratio starts at 1 then, and an update clips its own steps
alone; but where the policy is not equivariant the gradient is of no expectation, and nothing draws
it back: CartPole's ended further from equivariant than without copies (bench_constraints.py).

Related: Mittal et al. 2024, Symmetry Considerations for Learning Task Symmetric Robot Policies
(arXiv:2403.04359), and Su et al. 2024, Leveraging Symmetry in RL-based Legged Locomotion Control
(arXiv:2403.17320), who augment PPO by reflections; nothing is ported.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra.group import MAX_ELEMENTS
from symgen.constraints._moving import count_faults, fault, moving_faults
from symgen.plan.plan import Step
from symgen.problem.constraint import Fit, Promise
from symgen.problem.fault import Fault
from symgen.problem.output import Decoder
from symgen.problem.problem import Problem
from symgen.problem.training import Moved, Side, Trained

if TYPE_CHECKING:  # a spec is checked without torch
    from torch import Generator, Tensor

    from symgen.nn.group_action import GroupAction
    from symgen.problem.training import Observations, Tensors

PROMISE: Promise = "none"
USES_GROUP = True
FITS: Fit = "any"
MAX_COPIES = 64
"""Elements of the largest group of which every element makes a copy."""


class Options(BaseModel):
    """What a spec may say under `constraint: {augment: ...}`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    elements: Literal["all", "random"] = Field(
        default="all",
        description="Which elements move an observation and its action: all of the group (copies "
        "beside the originals in PPO; in SAC batches as many times larger), or one that is drawn "
        "for each, anew each time.",
    )
    log_prob: Literal["copied", "recomputed"] = Field(
        default="copied",
        description="PPO: the old log-probability of a moved action is that of its original, with "
        "which it was drawn, or what the policy before the update says of it, which may lead "
        "away from equivariance.",
    )


def check(problem: Problem, options: Options) -> list[Fault]:
    """Groups that are too large, what cannot be moved, and an option that the algorithm ignores."""
    faults = moving_faults(problem)
    if faults:
        return faults
    if options.elements == "all":
        faults = count_faults(problem, MAX_COPIES, "write elements: random, or use a smaller group")
    else:
        faults = count_faults(problem, MAX_ELEMENTS, "use a smaller group")
    if any(isinstance(output.training, Decoder) for output in problem.outputs):
        message = "augment moves what a decoder is to find again, so that it would learn nothing"
        return [fault(message, "leave train.decoder out, or use another constraint")]
    values = [o for o in problem.outputs if o.side == "critic" and o.moves == "invariant"]
    if "log_prob" in options.model_fields_set and all(o.reads == "action" for o in values):
        message = f"{problem.algorithm} compares no log-probabilities with those of an older policy"
        faults.append(fault(message, "leave log_prob out, or write algorithm: ppo"))
    return faults


def steps(problem: Problem, options: Options, exact: tuple[Step, ...]) -> tuple[Step, ...]:
    """As they are."""
    return exact


def training(problem: Problem, options: Options) -> "Augmented":
    """The copies."""
    from symgen.nn.group_action import GroupAction

    about = (problem.interface, problem.observation, problem.action, problem.outputs)
    return Augmented(
        GroupAction(*about, problem.group.elements), options.elements, options.log_prob
    )


@dataclass(frozen=True)
class Augmented:
    """Training on moved copies.

    Args:
        action: of the group; its first element is the identity.
        elements: which elements move a row.
        log_prob: where the old log-probability of a moved action comes from.
    """

    action: "GroupAction"
    elements: Literal["all", "random"]
    log_prob: Literal["copied", "recomputed"]

    def augment(
        self,
        observations: "tuple[Observations, ...]",
        actions: "Tensor",
        generator: "Generator",
        beside: bool,
    ) -> Moved | None:
        """Copies by all elements or random ones: beside the originals not by the identity, in place
        of them by it, too.
        """
        import torch

        from symgen.nn.group_action import crossed, rows_of

        order = len(self.action.words)
        if order == 1:
            return None
        first = 1 if beside else 0
        rows = len(actions)
        where = actions.device
        if self.elements == "all":
            index, element = crossed(rows, torch.arange(first, order, device=where))
        else:
            index = torch.arange(rows, device=where)
            element = torch.randint(first, order, (rows,), generator=generator, device=where)
        moved = (self.action.on_observations(element, rows_of(x, index)) for x in observations)
        return Moved(tuple(moved), self.action.on_actions(element, actions[index]), index)

    def penalty(
        self,
        network: Trained,
        observations: "Observations",
        actions: "Tensor",
        outputs: "Tensors",
        side: Side | None,
        generator: "Generator",
    ) -> None:
        """Nothing."""

    def measured(self, network: Trained, update: int, last: bool) -> dict[str, float]:
        """None: how far copied log-probabilities are from the policy's own is PPO's first_ratio."""
        return {}
