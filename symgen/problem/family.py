"""What the file of a network family offers: the contract between families and what plans with them.

A family is a module, `symgen/families/<keyword>.py`, with every name of `Family` in it. It resolves
its options once, into a frozen design that its rules and its plan both read.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.problem.fault import Fault

if TYPE_CHECKING:  # a plan is made of what stands further to the right
    from symgen.plan.plan import Step
    from symgen.problem.problem import Problem

OptionsT = TypeVar("OptionsT", bound=BaseModel)
DesignT = TypeVar("DesignT")


class Family(Protocol[OptionsT, DesignT]):
    """A module in symgen/families whose file name is the keyword in `network: {family: ...}`."""

    @property
    def __name__(self) -> str:
        """The module's name; its last part is the keyword."""

    @property
    def Options(self) -> type[OptionsT]:
        """What a spec may say about the network, a frozen pydantic model."""

    @property
    def BINDS(self) -> bool:
        """Whether the group binds its weights; False for a baseline."""

    @property
    def FORMS(self) -> tuple[Form, ...]:
        """How its maps may break the symmetry, see `algebra.relaxation.Relaxation`; its own way
        first.
        """

    @property
    def CARRIES_PLANES(self) -> bool:
        """Whether it takes images that are rotated by interpolation."""

    @property
    def USES_GRAPH(self) -> bool:
        """Whether it is planned on a graph."""

    def patch(self, options: OptionsT, /) -> int:
        """Side of the square patches of pixels that become one place; 1 for pixels."""

    def resolve(self, problem: "Problem", options: OptionsT, /) -> DesignT:
        """What the options mean for a problem: representations, bases, graphs.

        Raises:
            Refused: they mean nothing.
        """

    def check(self, design: DesignT, /) -> list[Fault]:
        """What is wrong with a design that could be resolved."""

    def plan(self, design: DesignT, /) -> tuple["Step", ...]:
        """The steps, each exact; `check` has found nothing wrong."""

    def graph(self, design: DesignT, /) -> Graph | None:
        """The graph whose pairs of places label the maps; None where there is none."""

    def scaled(self, design: DesignT, factor: float, /) -> OptionsT:
        """The options of a network about so many times as wide, of the same depth.

        Law: weights grow with the factor, and a factor of 1 changes nothing.

        Args:
            design: of the network.
            factor: what hidden widths (of fibres: the copies of every block) are multiplied by, and
                rounded to what the family takes.
        """

    def twin(self, design: DesignT, /) -> Mapping[str, JsonValue] | None:
        """What `network:` says of the network that is built alike, channel by channel, and that no
        group binds; None of a family that no group binds itself.
        """
