"""Options that algorithms share which learn from one rollout after another. No torch."""

from typing import Self

from pydantic import Field, model_validator

from symgen.problem.algorithm import AlgorithmOptions

MAX_TRANSITIONS = 2**22
"""Of one rollout: vectors of 250 numbers fill 4 GB."""


class RolloutOptions(AlgorithmOptions):
    """How large a rollout is, and how it is cut for networks with memory."""

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
