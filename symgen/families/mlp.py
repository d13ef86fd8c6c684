"""mlp: the unconstrained multilayer perceptron, the baseline for vectors. The group only checks it."""

from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.families._rules import Fault
from symgen.families._terms import Source, heads, observed, plain
from symgen.plan.ir import Plan, Step

CONSTRAINTS = ("none",)


class Options(BaseModel):
    """What `network:` accepts under `family: mlp`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    width: int = Field(64, ge=1, le=8192, description="units of every hidden layer")
    depth: int = Field(2, ge=1, le=16, description="number of hidden layers")
    activation: Literal["relu", "tanh", "gelu", "silu"] = Field("tanh", description="pointwise nonlinearity")
    shared: bool = Field(False, description="whether policy and value share the hidden layers")


def check(problem: Any) -> list[Fault]:
    """Nothing to object to: the group binds nothing."""
    return []


def plan(problem: Any) -> Plan:
    """Normalise, hidden layers (twice where policy and value do not share them), heads."""
    options: Options = problem.family_options
    steps, sources = observed(problem)
    trunks = [_trunk(problem, p, sources, options) for p in (("",) if options.shared else ("policy_", "value_"))]
    policy, value = trunks[0], trunks[-1]
    policy_end, value_end = (Source(step.name, step.out_type) for step in (policy, value))
    return Plan("mlp", dict(problem.observation), (*steps, *trunks, *heads(problem, policy_end, value_end, "none")))


def _trunk(problem: Any, prefix: str, sources: list[Source], options: Options) -> Step:
    types = tuple(source.field for source in sources)
    sizes = (sum(field.size for field in types), *[options.width] * options.depth)
    weights = sum((a + 1) * b for a, b in pairwise(sizes))
    arguments = {"sources": types, "widths": sizes[1:], "activation": options.activation}
    inputs = tuple(source.name for source in sources)
    out = plain(problem.group, options.width)
    return Step(f"{prefix}hidden", "plain.Perceptron", inputs, types, out, "none", weights, arguments)
