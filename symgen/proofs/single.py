"""An environment as it is asked about its symmetry: single observations, pictures cut into patches.

Frames that stand side by side move as each of them does, and previous actions as actions do: both
follow from single observations and actions, and are not compared again. In a statistical test they
would even do harm: an action that is seen afterwards gives power to a control that has none.
"""

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.interface import Interface, Observation
from symgen.problem.pipeline import Pipeline, patches_of, picture_of
from symgen.problem.problem import Problem

State = TypeVar("State")


def single(problem: Problem) -> Problem:
    """The problem whose environment shows one observation at a time, and nothing beside it."""
    frame = problem.frame
    return replace(
        problem,
        interface=frame.interface,
        observation=frame.observation,
        pipeline=Pipeline(problem.pipeline.patches),
        one_frame=None,
    )


def following(pipeline: Pipeline) -> tuple[str, ...]:
    """What follows from single observations and actions, in words."""
    frames = (f"{pipeline.frames} frames side by side",) if pipeline.frames > 1 else ()
    return (*frames, *pipeline.terms)


@dataclass
class Cut(Simulator[State], Generic[State]):
    """A simulator whose pictures are cut into patches.

    Args:
        inner: the simulator.
        raw: what it observes.
        cut: what is seen: some of its pictures are tokens.
        side: pixels per side of a patch.
    """

    inner: Simulator[State]
    raw: Interface
    cut: Interface
    side: int

    def __post_init__(self) -> None:
        self.grain = self.inner.grain
        self.words = self.inner.words
        if self.words:
            self.moves = self.inner.moves

    def sample(self, rng: np.random.Generator) -> State:
        """See Simulator."""
        return self.inner.sample(rng)

    def observe(self, state: State) -> Observation:
        """See Simulator."""
        parts = self.raw.by_term(self.inner.observe(state))
        for term, patched in zip(self.raw.terms, self.cut.terms, strict=True):
            if term.layout != patched.layout:
                parts[term.name] = patches_of(parts[term.name], self.side)
        return self.cut.as_space(parts)

    def act(self, generator: str, state: State, image: Observation) -> State:
        """See Simulator."""
        parts = self.cut.by_term(image)
        for term, patched in zip(self.raw.terms, self.cut.terms, strict=True):
            if term.layout != patched.layout:
                parts[term.name] = picture_of(parts[term.name], term.shape, self.side)
        return self.inner.act(generator, state, self.raw.as_space(parts))

    def step(self, state: State, action: np.ndarray) -> Outcome[State]:
        """See Simulator."""
        return self.inner.step(state, action)

    def same(self, one: State, other: State) -> bool:
        """See Simulator."""
        return self.inner.same(one, other)

    def describe(self, state: State) -> str:
        """See Simulator."""
        return self.inner.describe(state)
