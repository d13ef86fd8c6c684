"""What the files of an algorithm offer: the contract between algorithms and what checks specs and
trains with them.

An algorithm is two modules. `symgen/rl/_<keyword>_options.py` declares it and needs no torch, so
that a spec is checked without; it has every name of `Declaration`. `symgen/rl/<keyword>.py` trains;
it has every name of `Algorithm`. tests/test_contracts.py has the type checker compare each module
with its protocol, and tests/rl/test_conformance.py holds each to what is promised here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from symgen.problem.fault import Fault
from symgen.problem.interface import Interface
from symgen.problem.output import Output
from symgen.problem.training import Training

if TYPE_CHECKING:  # a spec is checked without torch
    from gymnasium.vector import VectorEnv
    from torch import Tensor

    from symgen.nn.network import Network
    from symgen.problem.problem import Problem

Scalars = Mapping[str, Any]
"""State of a learner that is no tensor: numbers and lists, as JSON has them."""


class AlgorithmOptions(BaseModel):
    """What a spec may say to every algorithm."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    envs: int = Field(1, ge=1, le=65_536, description="number of environments stepped side by side")


OptionsT = TypeVar("OptionsT", bound=AlgorithmOptions)


@dataclass(frozen=True)
class TeacherRun:
    """A run whose network says what is to be done in what is observed.

    Args:
        folder: of the run, relative to the working folder, or absolute.
        checkpoint: whose weights.
    """

    folder: Path
    checkpoint: str


class Declaration(Protocol[OptionsT]):
    """A module `symgen/rl/_<keyword>_options.py`: what a spec is checked with."""

    @property
    def __name__(self) -> str:
        """The module's name; the keyword is in its last part."""

    @property
    def Options(self) -> type[OptionsT]:
        """What a spec may say under `train:`, a frozen pydantic model."""

    @property
    def TRAINS_MEMORY(self) -> bool:
        """Whether it trains networks with memory: on sequences, from states that it has stored."""

    def outputs(self, interface: Interface, options: OptionsT, /) -> tuple[Output, ...]:
        """What the algorithm asks a network for, of whatever kind the action is; some of it
        perhaps for training only.
        """

    def check(self, problem: Problem, /) -> list[Fault]:
        """What is wrong with a problem for this algorithm."""

    def clip_observations(self, options: OptionsT, /) -> float | None:
        """Largest normalised observation, in standard deviations; None for no bound."""

    def teacher(self, options: OptionsT, /) -> TeacherRun | None:
        """Which run labels what is observed; None of an algorithm that learns from rewards.

        A learner of one that has a teacher finds labels in the info of its environments, see
        rl/_labels.py.
        """


class Learner(Protocol):
    """One training: iterate it, and it can be saved and restored.

    Law: two with the same arguments, weights and environments yield the same numbers, time apart;
    the global random state is neither read nor changed. One that is restored yields what the saved
    one would have, where environments can be saved (see problem/resumable.py); elsewhere it goes on
    where that one stood, in freshly started episodes. `rl/_under_way.py` says which of the two.
    """

    def __iter__(self) -> Iterator[dict[str, float]]:
        """Metrics per update, with at least "update", "step" and "return"; see METRICS."""

    def tensors(self) -> dict[str, Tensor]:
        """State that is tensors, the network's apart."""

    def scalars(self) -> Scalars:
        """State that is JSON."""

    def restore(self, tensors: dict[str, Tensor], scalars: Scalars) -> None:
        """Go on from there.

        Raises:
            ValueError: `tensors` are those of another network.
        """


OptionsIn = TypeVar("OptionsIn", bound=AlgorithmOptions, contravariant=True)


class LearnerType(Protocol[OptionsIn]):
    """A class of learners."""

    def __call__(
        self,
        network: Network,
        envs: VectorEnv,
        options: OptionsIn,
        *,
        steps: int,
        seed: int,
        training: Training,
    ) -> Learner:
        """A training of `network` on `envs` for `steps` transitions, not begun."""


class Algorithm(Protocol[OptionsT]):
    """A module `symgen/rl/<keyword>.py`, whose file name is the keyword in `algorithm: ...`."""

    @property
    def __name__(self) -> str:
        """The module's name; its last part is the keyword."""

    @property
    def Options(self) -> type[OptionsT]:
        """Those of its declaration."""

    @property
    def METRICS(self) -> Mapping[str, str]:
        """What a learner yields of every network, by name, and what it means."""

    @property
    def Learner(self) -> LearnerType[OptionsT]:
        """What trains."""
