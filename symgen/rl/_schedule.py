"""Numbers that may change over the training. No torch: a spec is checked without it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Line(BaseModel):
    """A number that moves on a straight line over the training, written {from: 0.001, to: 0}."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True)

    start: NonNegative = Field(alias="from", description="value at the first step")
    end: NonNegative = Field(alias="to", description="value at the last step")


def _branch(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict | Line) else "<number>"


# the branch is chosen by the kind of the value, so that a mistake is reported once and not once per
# branch
Schedule = Annotated[
    Annotated[NonNegative, Tag("<number>")] | Annotated[Line, Tag("<mapping>")],
    Discriminator(_branch),
]


def at(schedule: float | Line, progress: float) -> float:
    """Value of a number or a line when `progress` (0 to 1) of the training is done.

    >>> at(Line(start=1.0, end=0.0), 0.25)
    0.75
    """
    if isinstance(schedule, Line):
        return schedule.start + (schedule.end - schedule.start) * min(progress, 1.0)
    return schedule
