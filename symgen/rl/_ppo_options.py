"""What `train:` accepts under `algorithm: ppo`. No torch: a spec is checked without it."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from symgen.problem.algorithm import AlgorithmOptions
from symgen.problem.fault import Fault
from symgen.problem.interface import Action
from symgen.problem.output import Output
from symgen.rl._schedule import NonNegative, Schedule

if TYPE_CHECKING:
    from symgen.problem.problem import Problem

__all__ = ["TRAINS_MEMORY", "Options", "check", "clip_observations", "outputs"]

TRAINS_MEMORY = True


def outputs(action: Action) -> tuple[Output, ...]:
    """A policy and a value; of a continuous action also its deviation, the same in every state."""
    # a nearly uniform policy at the start (Andrychowicz et al. 2021, "What matters in on-policy
    # RL", section 3.2)
    policy = Output("policy", "action", "actor", gain=0.1)
    value = Output("value", "invariant", "critic")
    scale = Output("scale", "deviation", "actor", reads="nothing")
    return (policy, value, scale) if action.kind == "continuous" else (policy, value)


MAX_TRANSITIONS = 2**22
"""Of one rollout: vectors of 250 numbers fill 4 GB."""

Fraction = Annotated[float, Field(ge=0, le=1)]


class Options(AlgorithmOptions):
    """What `train:` accepts under `algorithm: ppo`. A schedule is a number or {from: number, to:
    number}.
    """

    envs: int = Field(
        16, ge=1, le=65_536, description="number of environments stepped side by side"
    )
    # at least 2: of two steps one is a transition, so that no rollout is empty
    rollout: int = Field(
        128, ge=2, le=65_536, description="steps per environment between two updates"
    )
    sequence: int = Field(
        0,
        ge=0,
        description="steps that a network with memory is trained through at once, a divisor of "
        "`rollout`; 0 means all of it",
    )
    epochs: int = Field(4, ge=1, le=1000, description="passes over each rollout")
    minibatch: int = Field(
        512, ge=1, description="transitions per gradient step, about: a rollout is cut evenly"
    )
    learning_rate: Schedule = Field(5e-4, description="Adam's step size; a schedule")
    gamma: Fraction = Field(0.99, description="discount per step")
    gae_lambda: Fraction = Field(0.95, description="0 trusts the value estimate, 1 the returns")
    clip: Schedule = Field(
        0.2, description="bound on the change of an action's probability ratio; a schedule"
    )
    clip_value: bool = Field(False, description="bound the change of the value by `clip` as well")
    entropy: Schedule = Field(0.01, description="weight of the entropy bonus; a schedule")
    value: NonNegative = Field(0.5, description="weight of the squared error of the value")
    max_grad_norm: float = Field(
        0.5, gt=0, description="longer gradients are shortened to this norm"
    )
    target_kl: float | None = Field(
        None, gt=0, description="end an update once the policy has moved this far"
    )
    normalise_advantages: bool = Field(
        True, description="zero mean and unit spread in each minibatch"
    )
    normalise_observations: bool = Field(
        False, description="running statistics, kept invariant by the network"
    )
    clip_observations: float | None = Field(
        10.0, gt=0, description="largest normalised observation, in standard deviations, as in "
                                "stable-baselines3's "
        "VecNormalize and CleanRL; null: none. Without normalise_observations nothing is clipped",
    )  # fmt: skip
    normalise_rewards: bool = Field(
        False, description="divide by the running spread of the discounted return"
    )
    ignore_action_mask: bool = Field(
        False,
        description="train although the environment reports an action_mask: the policy takes "
        "any action",
    )
    adam_eps: float = Field(1e-5, gt=0, description="Adam's epsilon")

    @model_validator(mode="after")
    def _is_cut_evenly(self) -> "Options":
        if self.sequence and self.rollout % self.sequence:
            raise ValueError(
                f"a rollout of {self.rollout} steps cannot be cut into sequences of {self.sequence}"
            )
        return self

    @model_validator(mode="after")
    def _fits_in_memory(self) -> "Options":
        if self.envs * self.rollout > MAX_TRANSITIONS:
            size = f"envs x rollout is {self.envs * self.rollout:,} transitions"
            raise ValueError(f"{size}, and at most {MAX_TRANSITIONS:,} are kept in memory")
        return self


def check(problem: "Problem") -> list[Fault]:
    """Any action will do."""
    return []


def clip_observations(options: Options) -> float | None:
    """Largest normalised observation, in standard deviations; None for no bound."""
    return options.clip_observations
