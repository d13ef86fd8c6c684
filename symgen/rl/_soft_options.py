"""Options that soft actor-critics share, of continuous and of discrete actions. No torch."""

from typing import Annotated

from pydantic import ConfigDict, Field

from symgen.problem.algorithm import AlgorithmOptions

Rate = Annotated[float, Field(gt=0, le=1)]


class SoftOptions(AlgorithmOptions):
    """How to act, store transitions and take gradient steps."""

    model_config = ConfigDict(allow_inf_nan=False)

    train_every: int = Field(
        1, ge=1, le=65_536, description="steps per environment between two bouts of updates"
    )
    updates: float = Field(
        1.0, gt=0, le=100, description="gradient steps per transition; may be a fraction"
    )
    warmup: int = Field(
        1_000, ge=1, description="transitions of uniformly random actions before the first update"
    )
    batch: int = Field(256, ge=1, le=65_536, description="transitions per gradient step")
    replay: int = Field(
        1_000_000, ge=2, description="transitions that are stored; the oldest are overwritten"
    )
    replay_gigabytes: float = Field(
        8.0, gt=0, description="a replay that would need more memory is refused"
    )
    saved_gigabytes: float = Field(
        0.5,
        ge=0,
        description="a larger replay is left out of checkpoints, and filled anew when a run is "
        "gone on with",
    )
    gamma: float = Field(0.99, ge=0, le=1, description="discount per step")
    n_step: int = Field(
        1, ge=1, le=100, description="rewards that a target adds up before it trusts the target Q"
    )
    tau: Rate = Field(
        0.005, description="share of the way that the target Q goes towards the Q per gradient step"
    )
    actor_rate: Rate = Field(3e-4, description="Adam's step size for the policy")
    critic_rate: Rate = Field(
        3e-4, description="Adam's step size for the two Q and what they share with the policy"
    )
    temperature_rate: Rate = Field(3e-4, description="Adam's step size for the temperature")
    temperature: float | None = Field(
        None, ge=0, description="fixed weight of the entropy; left out, it is learnt"
    )
    initial_temperature: float = Field(1.0, gt=0, description="where a learnt temperature starts")
    random_shift: int = Field(
        0, ge=0, le=64, description="pixels by which images are shifted at random; DrQ takes 4"
    )
    ignore_action_mask: bool = Field(
        False,
        description="train although the environment reports an action_mask: the policy takes "
        "any action",
    )
    report: int = Field(1_000, ge=1, description="transitions between two lines of metrics")
