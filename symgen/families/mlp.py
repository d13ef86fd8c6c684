"""mlp: the unconstrained multilayer perceptron, the baseline for vectors. The group only
checks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.families._memory import DESCRIPTION, Memory, memory
from symgen.families._terms import Feature, heads, made_by, observed, read_by
from symgen.families._widths import scaled_count
from symgen.operations.plain import Perceptron
from symgen.plan.plan import Step
from symgen.problem.fault import Fault
from symgen.problem.output import critics
from symgen.problem.problem import Problem

BINDS = False
FORMS: tuple[Form, ...] = ()
CARRIES_PLANES = True
USES_GRAPH = False


class Options(BaseModel):
    """What `network:` accepts under `family: mlp`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    width: int = Field(64, ge=1, le=8192, description="units of every hidden layer")
    depth: int = Field(2, ge=1, le=16, description="number of hidden layers")
    activation: Literal["relu", "tanh", "gelu", "silu"] = Field(
        "tanh", description="pointwise nonlinearity"
    )
    shared: bool = Field(False, description="whether policy and critics share the hidden layers")
    memory: Memory = Field("none", description=DESCRIPTION)


@dataclass(frozen=True, eq=False)
class Design:
    """The options need nothing but the problem."""

    problem: Problem
    options: Options


def resolve(problem: Problem, options: Options) -> Design:
    """The two together."""
    return Design(problem, options)


def patch(options: Options) -> int:
    """Pixels are read one by one."""
    return 1


def graph(design: Design) -> Graph | None:
    """None."""
    return None


def check(design: Design) -> list[Fault]:
    """Nothing to object to: the group binds nothing."""
    return []


def plan(design: Design) -> tuple[Step, ...]:
    """Normalise, hidden layers (of each critic too where it does not share the policy's), heads."""
    problem = design.problem
    steps, features = observed(problem)
    if design.options.shared:
        trunk = _trunk("", features, design.options)
        end = made_by(trunk[-1])
        return (*steps, *trunk, *heads(problem, end, end, is_free=True))
    trunk = _trunk("policy_", features, design.options)
    steps += trunk
    actor = made_by(trunk[-1])
    ends = {}
    for output in critics(problem.outputs):
        trunk = _trunk(f"{output.name}_", read_by(problem, output, features), design.options)
        steps += trunk
        ends[output.name] = made_by(trunk[-1])
    return (*steps, *heads(problem, actor, ends, is_free=True))


def _trunk(prefix: str, features: Sequence[Feature], options: Options) -> list[Step]:
    """The hidden layers, and the memory after them."""
    types = tuple(feature.field for feature in features)
    layers = Perceptron(types, (options.width,) * options.depth, options.activation)
    hidden = Step(f"{prefix}hidden", tuple(feature.name for feature in features), layers)
    if options.memory == "none":
        return [hidden]
    return [hidden, memory(prefix, made_by(hidden), options.memory, is_free=True)]


def scaled(design: Design, factor: float) -> Options:
    """Units of every layer."""
    width = scaled_count(design.options.width, factor)
    return design.options.model_copy(update={"width": width})


def twin(design: Design) -> None:
    """No group binds it."""
