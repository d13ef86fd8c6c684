"""What the file of a constraint offers: the contract between constraints and what plans, proves and
trains with them.

A constraint is a module, `symgen/constraints/<keyword>.py`, with every name of `Constraint` in it.
"""

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from pydantic import BaseModel

from symgen.problem.fault import Fault

if TYPE_CHECKING:  # a plan is made of what stands further to the right
    from symgen.plan.plan import Step
    from symgen.problem.problem import Problem
    from symgen.problem.training import Training

OptionsT = TypeVar("OptionsT", bound=BaseModel)

Promise = Literal["exact", "relaxed", "none"]
"""What a proof may claim: that the network is exact, that it was at first and says how far it has
gone, or nothing."""

Fit = Literal["bound", "free", "any"]


class Constraint(Protocol[OptionsT]):
    """A module in symgen/constraints whose file name is the keyword in `constraint:`."""

    @property
    def __name__(self) -> str:
        """The module's name; its last part is the keyword."""

    @property
    def Options(self) -> type[OptionsT]:
        """What a spec may say about the constraint, a frozen pydantic model."""

    @property
    def PROMISE(self) -> Promise:
        """What a proof may claim of a network that no training has changed."""

    @property
    def FITS(self) -> Fit:
        """Which families it fits: those whose weights the group binds, the others, or all."""

    @property
    def USES_GROUP(self) -> bool:
        """Whether the group is used at all, to build the network or to train it."""

    def check(self, problem: "Problem", options: OptionsT, /) -> list[Fault]:
        """What is wrong with its options; the family has found nothing wrong."""

    def training(self, problem: "Problem", options: OptionsT, /) -> "Training":
        """What it adds to training."""

    def steps(
        self, problem: "Problem", options: OptionsT, exact: tuple["Step", ...], /
    ) -> tuple["Step", ...]:
        """What becomes of the steps that the family has planned."""
