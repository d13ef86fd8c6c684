"""mlp: the unconstrained multilayer perceptron, the baseline for vectors. The group only checks it."""

from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.families._rules import Fault
from symgen.families._terms import Source, critics, heads, judged, observed, plain
from symgen.plan.plan import Plan, Step

CONSTRAINTS = ("none",)


class Options(BaseModel):
    """What `network:` accepts under `family: mlp`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    width: int = Field(64, ge=1, le=8192, description="units of every hidden layer")
    depth: int = Field(2, ge=1, le=16, description="number of hidden layers")
    activation: Literal["relu", "tanh", "gelu", "silu"] = Field(
        "tanh", description="pointwise nonlinearity"
    )
    shared: bool = Field(False, description="whether policy and critics share the hidden layers")


def check(problem: Any) -> list[Fault]:
    """Nothing to object to: the group binds nothing."""
    return []


def plan(problem: Any) -> Plan:
    """Normalise, hidden layers (of each critic too where it does not share the policy's), heads."""
    options: Options = problem.family_options
    steps, sources = observed(problem)
    if options.shared:
        trunk = _trunk(problem, "", sources, options)
        end = Source(trunk.name, trunk.out_type)
        return Plan(
            "mlp", dict(problem.observation), (*steps, trunk, *heads(problem, end, end, "none"))
        )
    trunks = [_trunk(problem, "policy_", sources, options)]
    trunks += [
        _trunk(problem, f"{name}_", judged(problem, sources), options) for name in critics(problem)
    ]
    policy, *ends = (Source(trunk.name, trunk.out_type) for trunk in trunks)
    return Plan(
        "mlp",
        dict(problem.observation),
        (*steps, *trunks, *heads(problem, policy, tuple(ends), "none")),
    )


def _trunk(problem: Any, prefix: str, sources: list[Source], options: Options) -> Step:
    types = tuple(source.field for source in sources)
    sizes = (sum(field.size for field in types), *[options.width] * options.depth)
    weights = sum((a + 1) * b for a, b in pairwise(sizes))
    arguments = {"sources": types, "widths": sizes[1:], "activation": options.activation}
    inputs = tuple(source.name for source in sources)
    out = plain(problem.group, options.width)
    return Step(
        f"{prefix}hidden", "plain.Perceptron", inputs, types, out, "none", weights, arguments
    )
