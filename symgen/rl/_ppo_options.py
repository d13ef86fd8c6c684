"""What `train:` accepts under `algorithm: ppo`. No torch: a spec is checked without it."""

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from symgen.problem.algorithm import AlgorithmOptions
from symgen.problem.fault import Fault
from symgen.problem.interface import Interface, Term
from symgen.problem.output import Decoder, Output, Privileged
from symgen.problem.pipeline import TERM_OF
from symgen.rl._schedule import NonNegative, Schedule

if TYPE_CHECKING:
    from symgen.problem.problem import Problem

__all__ = ["TRAINS_MEMORY", "Options", "RolloutOptions", "check", "clip_observations", "outputs",
           "teacher"]  # fmt: skip

TRAINS_MEMORY = True
MAX_TRANSITIONS = 2**22
"""Of one rollout: vectors of 250 numbers fill 4 GB."""
MAX_DECODED = 1024
"""Entries of the largest term that is decoded: a linear map says nothing of a camera's image."""
UNDECODED = tuple(TERM_OF.values())
"""Terms that are no sensors: a policy that remembers them need not find them again."""

Fraction = Annotated[float, Field(ge=0, le=1)]


class Layers(BaseModel):
    """The layers of a privileged critic."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    hidden: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = Field(
        default=(64, 64),
        strict=False,
        min_length=1,
        max_length=16,
        description="units of every hidden layer, with tanh",
    )


def _branch(value: object) -> str:
    return "<mapping>" if isinstance(value, dict | Layers) else "<word>"


Critic = Annotated[
    Annotated[bool, Tag("<word>")] | Annotated[Layers, Tag("<mapping>")], Discriminator(_branch)
]


class RolloutOptions(AlgorithmOptions):
    """How large a rollout is, and how it is cut for networks with memory: of every algorithm that
    learns from one rollout after another.
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

    @model_validator(mode="after")
    def _is_cut_evenly(self) -> Self:
        if self.sequence and self.rollout % self.sequence:
            raise ValueError(
                f"a rollout of {self.rollout} steps cannot be cut into sequences of {self.sequence}"
            )
        return self

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Self:
        if self.envs * self.rollout > MAX_TRANSITIONS:
            size = f"envs x rollout is {self.envs * self.rollout:,} transitions"
            raise ValueError(f"{size}, and at most {MAX_TRANSITIONS:,} are kept in memory")
        return self


class Options(RolloutOptions):
    """What `train:` accepts under `algorithm: ppo`. A schedule is a number or {from: number, to:
    number}.
    """

    epochs: int = Field(4, ge=1, le=1000, description="passes over each rollout")
    minibatch: int = Field(
        512, ge=1, description="transitions per gradient step, about: a rollout is cut evenly"
    )
    learning_rate: Schedule = Field(5e-4, description="Adam's step size; a schedule")
    critic_learning_rate: Schedule | None = Field(
        None,
        description="step size of the weights that only the critic needs, whose gradient is then "
        "shortened by itself; a schedule. By default they are trained as all others",
    )
    gamma: Fraction = Field(0.99, description="discount per step")
    gae_lambda: Fraction = Field(0.95, description="0 trusts the value estimate, 1 the returns")
    clip: Schedule = Field(
        0.2, description="bound on the change of an action's probability ratio; a schedule"
    )
    clip_value: bool = Field(False, description="bound the change of the value by `clip` as well")
    entropy: Schedule = Field(0.01, description="weight of the entropy bonus; a schedule")
    value: NonNegative = Field(0.5, description="weight of the squared error of the value")
    privileged: Critic = Field(
        False,
        description="in training, judge by a perceptron of the critic's own on all observation "
        "terms as the environment gives them, in its order whatever train.sensors makes of it, "
        "squashed by sign(x) log(1 + |x|); it shares nothing with the policy, no group "
        "binds it, and acting does not need it. true: with the defaults",
    )
    decoder: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="in training, weight of the mean squared error of a linear map from the "
        "features that the policy's head reads to the observed real numbers, squashed by sign(x) "
        "log(1 + |x|), with gradients for the features (previous action and reward are not "
        "decoded; the numbers stand in the environment's order, whatever train.sensors makes of "
        "it); null: none",
    )
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


def outputs(interface: Interface, options: Options) -> tuple[Output, ...]:
    """A policy and a value; of a continuous action also its deviation, the same in every state; and
    what is for training only.
    """
    # a nearly uniform policy at the start (Andrychowicz et al. 2021, "What matters in on-policy
    # RL", section 3.2)
    declared = [Output("policy", "action", "actor", gain=0.1)]
    privileged = _privileged(options) if options.privileged else None
    declared.append(Output("value", "invariant", "critic", training=privileged))
    if interface.action.kind == "continuous":
        declared.append(Output("scale", "deviation", "actor", reads="nothing"))
    if options.decoder is not None:
        terms = _decoded(interface)
        names = tuple(term.name for term in terms)
        decoder = Decoder(names, sum(term.entries for term in terms))
        declared.append(Output("decoder", "free", "actor", training=decoder))
    return tuple(declared)


def _privileged(options: Options) -> Privileged:
    layers = options.privileged
    return Privileged(Layers().hidden if isinstance(layers, bool) else layers.hidden)


def _decoded(interface: Interface) -> list[Term]:
    """The terms of real numbers that are sensors."""
    return [
        term
        for term in interface.terms
        if term.dtype.startswith("float")
        and term.layout != "discrete"
        and term.name not in UNDECODED
    ]


def check(problem: "Problem") -> list[Fault]:
    """Any action will do. decoder-target: nothing to decode, or too much."""
    options = problem.algorithm_options
    if not isinstance(options, Options) or options.decoder is None:
        return []
    hint = "leave decoder out: it finds a few real numbers again in the policy's features"
    terms = _decoded(problem.interface)
    if not terms:
        message = "train.decoder: nothing that is observed is a real number"
        return [Fault("decoder-target", ("train", "decoder"), message, hint)]
    largest = max(terms, key=lambda term: term.entries)
    if largest.entries > MAX_DECODED:
        message = (
            f"train.decoder: {largest.name} has {largest.entries:,} entries, and at most "
            f"{MAX_DECODED:,} are decoded"
        )
        return [Fault("decoder-target", ("train", "decoder"), message, hint)]
    return []


def clip_observations(options: Options) -> float | None:
    """Largest normalised observation, in standard deviations; None for no bound."""
    return options.clip_observations


def teacher(options: Options) -> None:
    """None: it learns from rewards."""
