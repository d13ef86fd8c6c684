"""group_mlp: an equivariant multilayer perceptron, exact or relaxed, for vectors (and small
pictures taken whole).

Equivariant maps between everything observed and hidden layers of a chosen fibre, e.g. "64 regular",
with a pointwise nonlinearity that the fibre allows (MDP homomorphic networks, van der Pol et al.
2020; group convolutions over a set).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.tying import MAX_ENTRIES, linear_weights
from symgen.errors import Refusal
from symgen.families._outputs import everything_observed, layer, output_faults
from symgen.families._relaxed import banks_weigh_something, chosen, relaxed, settings_faults
from symgen.families._rules import (
    Fault,
    carries_actions,
    carries_observations,
    pointwise,
    unreadable_fibre,
)
from symgen.families._terms import Source, critics, heads, judged, observed
from symgen.plan.plan import Plan, Step

CONSTRAINTS = ("exact", "relaxed")
FORMS = ("banks", "residual")


class Options(BaseModel):
    """What `network:` accepts under `family: group_mlp`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    hidden: str = Field(
        "16 regular",
        description="fibre of every hidden layer, e.g. '64 regular' or '8 regular + 8 trivial'",
    )
    depth: int = Field(2, ge=1, le=16, description="number of hidden layers")
    activation: Literal["relu", "tanh", "gelu", "silu"] = Field(
        "relu", description="pointwise nonlinearity"
    )
    shared: bool = Field(False, description="whether policy and critics share the hidden layers")


def check(problem: Any) -> list[Fault]:
    """What is wrong with this family's options for this problem."""
    options: Options = problem.family_options
    try:
        hidden = vector(representations.parse(problem.group, options.hidden))
    except Refusal as error:
        return [unreadable_fibre(problem.group, error)]
    largest = max(hidden.size, *(field.size for field in problem.observation.values()))
    if hidden.size * largest > MAX_ENTRIES:
        message = f"a layer of {hidden.size} x {largest} entries is more than {MAX_ENTRIES}"
        return [
            Fault(
                "too-large",
                ("network", "hidden"),
                message,
                "use fewer copies, or a smaller picture",
            )
        ]
    faults = pointwise(hidden.fibre, options.activation, ("network", "activation"))
    if faults:
        return faults
    path = ("network", "hidden")
    carried = carries_observations(problem, hidden, path) + carries_actions(problem, hidden, path)
    faults = [*carried, *settings_faults(problem, FORMS)]
    return faults or _idle_faults(problem, hidden)


def _idle_faults(problem: Any, hidden: FieldType) -> list[Fault]:
    """Outputs that could show nothing, and banks that would have nothing to weigh."""
    options: Options = problem.family_options
    seen = everything_observed(problem)
    last = seen
    for _ in range(options.depth):
        last = layer(hidden.fibre, last)
    own = [hidden.fibre] * options.depth
    if options.shared:  # critics that judge actions add a layer of their own
        seen, own = (seen, own) if problem.critic == "value" else (last, [hidden.fibre])
    faults = output_faults(problem, last, seen, own, ("network", "hidden"))
    maps = [*((hidden, field) for field in problem.observation.values()), (hidden, hidden)]
    return faults or banks_weigh_something(
        problem, [*maps, (vector(problem.action), hidden)], FORMS[0]
    )


def plan(problem: Any) -> Plan:
    """Normalise, hidden layers (of each critic too where it does not share the policy's), heads."""
    options: Options = problem.family_options
    hidden = vector(representations.parse(problem.group, options.hidden))
    steps, sources = observed(problem)
    if options.shared:
        trunk, last = _layers("", sources, hidden, options)
        return _finished(problem, [*steps, *trunk, *heads(problem, last, last)])
    trunk, policy = _layers("policy_", sources, hidden, options)
    steps += trunk
    ends = []
    for name in critics(problem):
        trunk, end = _layers(f"{name}_", judged(problem, sources), hidden, options)
        steps += trunk
        ends.append(end)
    return _finished(problem, [*steps, *heads(problem, policy, tuple(ends))])


def _finished(problem: Any, steps: list[Step]) -> Plan:
    """The plan of exact steps, or of relaxed ones where the spec says so."""
    how = chosen(problem, FORMS[0])
    if how is not None:
        steps = [relaxed(step, how) for step in steps]
    return Plan("group_mlp", dict(problem.observation), tuple(steps))


def _layers(
    prefix: str, sources: list[Source], hidden: FieldType, options: Options
) -> tuple[list[Step], Source]:
    steps: list[Step] = []
    for k in range(options.depth):
        name = f"{prefix}hidden{k + 1}"
        types = tuple(source.field for source in sources)
        weights = sum(
            linear_weights(hidden, field, with_bias=i == 0) for i, field in enumerate(types)
        )
        arguments = {"target": hidden, "sources": types, "activation": options.activation}
        inputs = tuple(source.name for source in sources)
        steps.append(
            Step(name, "embedding.Nonlinear", inputs, types, hidden, "exact", weights, arguments)
        )
        sources = [Source(name, hidden)]
    return steps, sources[0]
