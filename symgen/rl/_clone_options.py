"""What `train:` accepts under `algorithm: clone`. No torch: a spec is checked without it."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from symgen.problem.algorithm import TeacherRun
from symgen.problem.fault import Fault
from symgen.problem.interface import Interface
from symgen.problem.output import Output
from symgen.rl._ppo_options import RolloutOptions
from symgen.rl._schedule import Line, Schedule

if TYPE_CHECKING:
    from symgen.problem.problem import Problem

__all__ = ["TRAINS_MEMORY", "Options", "check", "clip_observations", "outputs", "teacher"]

TRAINS_MEMORY = True


class Options(RolloutOptions):
    """What `train:` accepts under `algorithm: clone`: a run is the teacher, whatever its network,
    and the student learns to do what it does. A schedule is a number or {from: number, to: number}.
    """

    teacher: str = Field(
        min_length=1,
        description="folder of the run that is cloned, such as runs/cartpole/base/0, relative to "
        "the working folder. It was trained in this very environment; only how that is seen may be "
        "another: patches, frames, previous, and options of the adapter such as atari's observes",
    )
    checkpoint: Literal["last", "best"] = Field(
        "last", description="which weights of the teacher: its last ones, or those of its best "
                            "mean return"
    )  # fmt: skip
    epochs: int = Field(
        4, ge=1, le=1000, description="passes over each rollout, which is dropped afterwards"
    )
    minibatch: int = Field(
        256, ge=1, description="transitions per gradient step, about: a rollout is cut evenly"
    )
    learning_rate: Schedule = Field(1e-3, description="Adam's step size; a schedule")
    max_grad_norm: float = Field(
        0.5, gt=0, description="longer gradients are shortened to this norm"
    )
    loss: Literal["kl", "mse"] = Field(
        "kl",
        description="what is made small, kl: the divergence of the student's distribution of "
        "actions from the teacher's; mse: the squared error of the logits (beside their mean, "
        "which says nothing), or of the means in half widths of the action's box, and the "
        "deviation is fitted beside",
    )
    student_share: Schedule = Field(
        Line.model_validate({"from": 0.0, "to": 1.0}),
        description="probability that the student acts in an episode while the teacher says what "
        "it would do (DAgger); a schedule. 0 is plain cloning, of which no return of the student "
        "is known before it is evaluated",
    )
    sampled: bool = Field(
        True,
        description="whether the one who acts draws from its policy; false: it takes the most "
        "probable action, or the mean",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="exploration: of a discrete action the probability that a random one is "
        "executed, of a continuous one the deviation of Gaussian noise on what is executed, in "
        "half widths of its box",
    )
    normalise_observations: bool = Field(
        False, description="running statistics, kept invariant by the network"
    )
    clip_observations: float | None = Field(
        10.0,
        gt=0,
        description="largest normalised observation, in standard deviations; null: none. Without "
        "normalise_observations nothing is clipped",
    )
    ignore_action_mask: bool = Field(
        False,
        description="train although the environment reports an action_mask: the policy takes "
        "any action",
    )
    adam_eps: float = Field(1e-5, gt=0, description="Adam's epsilon")

    @model_validator(mode="after")
    def _is_a_probability(self) -> "Options":
        share = self.student_share
        ends = (share.start, share.end) if isinstance(share, Line) else (share,)
        if max(ends) > 1:
            raise ValueError(f"student_share is a probability, and {max(ends):g} is above 1")
        return self


def outputs(interface: Interface, options: Options) -> tuple[Output, ...]:
    """A policy; of a continuous action also its deviation, the same in every state. Nothing judges
    what is done, so there is no critic.
    """
    policy = Output("policy", "action", "actor", gain=0.1)
    scale = Output("scale", "deviation", "actor", reads="nothing")
    return (policy, scale) if interface.action.kind == "continuous" else (policy,)


def check(problem: "Problem") -> list[Fault]:
    """unavailable-constraint: nobody says what the teacher would do in moved copies.

    What is wrong with the teacher itself is looked for before a training only (see
    semantics/teacher.py): a trained student needs it no more.
    """
    if problem.spec.symmetry.constraint_name != "augment":
        return []
    message = "augment moves what was done, and clone learns from what the teacher would do"
    hint = "write constraint: exact or mirror_loss, or algorithm: ppo"
    return [Fault("unavailable-constraint", ("symmetry", "constraint"), message, hint)]


def clip_observations(options: Options) -> float | None:
    """Largest normalised observation, in standard deviations; None for no bound."""
    return options.clip_observations


def teacher(options: Options) -> TeacherRun:
    """The run that is cloned."""
    return TeacherRun(Path(options.teacher), options.checkpoint)
