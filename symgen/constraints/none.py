"""none: no group binds the network; its symmetry is only measured."""

from pydantic import BaseModel, ConfigDict

from symgen.plan.plan import Step
from symgen.problem.constraint import Fit, Promise
from symgen.problem.fault import Fault
from symgen.problem.problem import Problem
from symgen.problem.training import PLAIN, Training

PROMISE: Promise = "none"
USES_GROUP = False
FITS: Fit = "free"


class Options(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def check(problem: Problem, options: Options) -> list[Fault]:
    """Nothing to object to."""
    return []


def training(problem: Problem, options: Options) -> Training:
    """Nothing is added."""
    return PLAIN


def steps(problem: Problem, options: Options, exact: tuple[Step, ...]) -> tuple[Step, ...]:
    """As they are."""
    return exact
