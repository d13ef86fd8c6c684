"""Which steps of a plan are needed for which outputs: decided once, when a network is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from symgen.plan.plan import Plan, Step
from symgen.problem.output import Output, lasting

__all__ = ["Routes", "routes"]

Names = tuple[str, ...]


@dataclass(frozen=True)
class Routes:
    """The ways from observations to outputs. Names and steps stand in the order of the plan.

    Args:
        seen: outputs that do not read the action.
        acting: outputs of the actor, but those for training only.
        values: critics of the observation alone.
        judging: outputs that read the action.
        choosing: critics with a number for each action that may be chosen.
        steps: every selection of outputs -> the steps that it needs.
        shared: steps that outputs of the actor and critics have in common.
        own: steps that outputs of the actor alone need, those for training only among them.
        judged: steps that critics alone need.
        beyond: every selection of outputs -> the steps that it needs beyond the shared ones.
    """

    seen: Names
    acting: Names
    values: Names
    judging: Names
    choosing: Names
    steps: Mapping[Names, tuple[Step, ...]]
    shared: tuple[Step, ...]
    own: tuple[Step, ...]
    judged: tuple[Step, ...]
    beyond: Mapping[Names, tuple[Step, ...]]


def routes(plan: Plan, outputs: Sequence[Output]) -> Routes:
    """The routes of a plan to these outputs."""
    names = tuple(output.name for output in outputs)
    acting = tuple(output.name for output in lasting(outputs) if output.side == "actor")
    of_actor = tuple(output.name for output in outputs if output.side == "actor")
    critics = tuple(output.name for output in outputs if output.side == "critic")
    judging = tuple(output.name for output in outputs if output.reads == "action")
    choosing = tuple(o.name for o in outputs if o.side == "critic" and o.moves == "action")
    steps = {
        some: plan.needed(some)
        for length in range(1, len(names) + 1)
        for some in combinations(names, length)
    }
    criticised = {step.name for step in steps[critics]} if critics else set()
    shared = tuple(step for step in steps[acting] if step.name in criticised)
    acted = {step.name for step in steps[of_actor]}
    common = {step.name for step in shared}
    beyond = {
        some: tuple(step for step in route if step.name not in common)
        for some, route in steps.items()
    }
    return Routes(
        seen=tuple(name for name in names if name not in judging),
        acting=acting,
        values=tuple(name for name in critics if name not in (*judging, *choosing)),
        judging=judging,
        choosing=choosing,
        steps=steps,
        shared=shared,
        own=beyond[of_actor],
        judged=tuple(step for step in plan.steps if step.name in criticised - acted),
        beyond=beyond,
    )
