"""Steps every family shares: normalised terms at the start, the heads at the end."""

from dataclasses import dataclass
from typing import Any

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import linear_weights
from symgen.plan.ir import Constraint, Step

MAX_PROJECTED = 512
"""Largest field whose mean is projected by a dense matrix."""


@dataclass(frozen=True)
class Source:
    """A named value of the plan with its type: an observation term, or the step that normalises it."""

    name: str
    field: FieldType

    @property
    def is_spatial(self) -> bool:
        """True for a grid, graph or set of tokens; False for a plain vector."""
        return self.field.base.kind != "point"


def observed(problem: Any) -> tuple[list[Step], list[Source]]:
    """The steps that normalise the terms, and every term as later steps read it.

    They do nothing until an algorithm with `normalise_observations` feeds them. A large field whose fibre changes signs
    or mixes channels is left as it is: projecting its mean would take a matrix of its size squared.
    """
    steps, sources = [], []
    for term in problem.interface.terms:
        field = problem.observation[term.name]
        name = term.name
        if term.layout != "discrete" and (field.fibre.kind == "permutation" or field.size <= MAX_PROJECTED):
            name = f"normal_{term.name}"
            arguments = {"field": field}
            steps.append(Step(name, "norm.RunningNorm", (term.name,), (field,), field, "exact", 0, arguments))
        sources.append(Source(name, field))
    return steps, sources


def picture_and_others(sources: list[Source]) -> tuple[Source, list[Source]]:
    """The first source on a grid, and all the others."""
    picture = next(source for source in sources if source.field.base.kind == "grid")
    return picture, [source for source in sources if source is not picture]


def action_field(problem: Any) -> FieldType:
    """Type of the policy's parameter vector."""
    return vector(problem.action)


def heads(problem: Any, policy: Source, value: Source, constraint: Constraint = "exact") -> list[Step]:
    """The linear policy and value heads, and the scale of a continuous action."""
    group = policy.field.group
    action, number = action_field(problem), vector(representations.trivial(group))
    # a nearly uniform policy at the start (Andrychowicz et al. 2021, "What matters in on-policy RL", section 3.2)
    steps = [_head("policy", action, policy, 0.1, constraint), _head("value", number, value, 1.0, constraint)]
    if problem.interface.action.kind == "continuous":
        orbits = int(action.entry_orbits.max()) + 1
        steps.append(Step("scale", "network.ContinuousScale", (), (), action, constraint, orbits, {"target": action}))
    return steps


def _head(name: str, target: FieldType, source: Source, gain: float, constraint: Constraint) -> Step:
    arguments = {"target": target, "source": source.field, "gain": gain}
    if constraint == "none":
        weights = target.size * (source.field.size + 1)
        return Step(name, "plain.Dense", (source.name,), (source.field,), target, constraint, weights, arguments)
    weights = linear_weights(target, source.field)
    return Step(name, "tied_linear.TiedLinear", (source.name,), (source.field,), target, constraint, weights, arguments)


def plain(group: Any, channels: int) -> FieldType:
    """A vector of channels that no group binds (written as trivial: nothing is claimed of how they move)."""
    return vector(representations.direct_sum((channels, representations.trivial(group))))
