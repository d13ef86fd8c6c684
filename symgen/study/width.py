"""As many weights: the width of an arm's network, solved for."""

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, JsonValue

from symgen.compiler import plan_spec
from symgen.errors import Refusal, SpecError
from symgen.problem.fault import Refused
from symgen.problem.problem import Problem

Hold = Literal["width", "weights"]

TOLERANCE = 0.05
"""Largest difference of two numbers of weights that count as the same, as a share."""
NEAR = 0.005
"""A difference that is not improved on."""
WIDEST = 64.0
"""Largest factor that a width is multiplied or divided by."""
ROUNDS = 16
"""Halvings of the interval in which the factor lies."""


@dataclass(frozen=True)
class Width:
    """What became of an arm's width.

    Args:
        edits: of the network, by dotted path.
        weights: how many weights it has then.
        wanted: how many it was to have.
        why: why the widths are left as they are; empty where they were solved for.
    """

    edits: dict[str, JsonValue]
    weights: int
    wanted: int
    why: str = ""

    @property
    def matches(self) -> bool:
        """Whether the numbers agree within TOLERANCE."""
        return abs(self.weights - self.wanted) <= TOLERANCE * self.wanted


def matched(problem: Problem, wanted: int, fixed: tuple[str, ...] = ()) -> Width:
    """The widths with which a network has about so many weights.

    Args:
        problem: of an arm that checks.
        wanted: number of weights.
        fixed: options that are to stay as they are.
    """
    own = plan_spec(problem).weights
    scaled = _changes(problem, problem.family.scaled(problem.design, 2.0))
    kept = [path for path in scaled if path.removeprefix("network.") in fixed]
    if kept:
        return Width({}, own, wanted, f"the arm says {', '.join(kept)} itself")
    best: dict[str, JsonValue] = {}
    closest = own
    low = 1 / WIDEST
    high = WIDEST
    for _ in range(ROUNDS):
        if abs(closest - wanted) <= NEAR * wanted:
            break
        factor = (low * high) ** 0.5
        options = problem.family.scaled(problem.design, factor)
        weights = _weights(problem, options)
        if weights is None:  # too narrow for what is normalised, or too large
            low, high = (factor, high) if factor < 1 else (low, factor)
            continue
        if abs(weights - wanted) < abs(closest - wanted):
            best = _changes(problem, options)
            closest = weights
        low, high = (factor, high) if weights < wanted else (low, factor)
    return Width(best, closest, wanted)


def _weights(problem: Problem, options: BaseModel) -> int | None:
    """The number of weights with other options; None where they are refused."""
    changed = replace(problem, family_options=options)
    try:
        if problem.family.check(changed.design):
            return None
        return plan_spec(changed).weights
    except (Refused, Refusal, SpecError):
        return None


def _changes(problem: Problem, options: BaseModel) -> dict[str, JsonValue]:
    """The options that differ, as edits of the spec."""
    before = problem.family_options.model_dump(mode="json", by_alias=True)
    after = options.model_dump(mode="json", by_alias=True)
    written = options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {
        f"network.{key}": written.get(key, value)
        for key, value in after.items()
        if value != before[key]
    }
