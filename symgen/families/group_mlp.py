"""group_mlp: an equivariant multilayer perceptron for vectors (and small
pictures taken whole).

Equivariant maps between everything observed and hidden layers of a chosen fibre, e.g. "64 regular",
with a pointwise nonlinearity that the fibre allows (MDP homomorphic networks, van der Pol et al.
2020; group convolutions over a set).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.algebra.tying import MAX_ENTRIES
from symgen.errors import Refusal
from symgen.families._memory import DESCRIPTION, Memory, memory, memory_faults
from symgen.families._outputs import everything_observed, mixing, output_faults, through
from symgen.families._rules import (
    carries_actions,
    carries_observations,
    pointwise,
    unreadable_fibre,
)
from symgen.families._terms import Feature, heads, layer, made_by, observed, read_by
from symgen.families._widths import scaled_fibre
from symgen.plan.plan import Step
from symgen.problem.fault import Fault, Refused
from symgen.problem.output import critics
from symgen.problem.problem import Problem

BINDS = True
FORMS: tuple[Form, ...] = ("banks", "residual")
CARRIES_PLANES = False
USES_GRAPH = False


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
    memory: Memory = Field("none", description=DESCRIPTION)


@dataclass(frozen=True, eq=False)
class Design:
    """What the options mean.

    Args:
        problem: the problem.
        options: the options.
        hidden: type of every hidden layer.
    """

    problem: Problem
    options: Options
    hidden: FieldType


def resolve(problem: Problem, options: Options) -> Design:
    """The hidden fibre, read.

    Raises:
        Refused: the group has no such fibre.
    """
    try:
        hidden = vector(representations.parse(problem.group, options.hidden))
    except Refusal as error:
        raise Refused(unreadable_fibre(problem.group, error)) from error
    return Design(problem, options, hidden)


def patch(options: Options) -> int:
    """Pixels are read one by one."""
    return 1


def graph(design: Design) -> Graph | None:
    """None."""
    return None


def check(design: Design) -> list[Fault]:
    """Sizes, a nonlinearity that the fibre allows, a fibre that carries what is observed and
    done.
    """
    problem = design.problem
    hidden = design.hidden
    path = ("network", "hidden")
    largest = max(hidden.size, *(field.size for field in problem.observation.values()))
    if hidden.size * largest > MAX_ENTRIES:
        message = f"a layer of {hidden.size} x {largest} entries is more than {MAX_ENTRIES}"
        return [Fault("too-large", path, message, "use fewer copies, or a smaller picture")]
    faults = pointwise(hidden.fibre, design.options.activation, ("network", "activation"))
    if not faults and design.options.memory != "none":
        faults = memory_faults(hidden, design.options.memory)
    if faults:
        return faults
    faults = carries_observations(problem, hidden, path) + carries_actions(problem, hidden, path)
    return faults or _idle_faults(design)


def _idle_faults(design: Design) -> list[Fault]:
    """Outputs that could show nothing."""
    fibre = design.hidden.fibre
    # a cell that remembers nothing yet shows what a layer shows
    layers = [fibre] * (design.options.depth + (design.options.memory != "none"))
    observed_reach = everything_observed(design.problem)
    last = through(layers, observed_reach)
    critic = observed_reach
    if design.options.shared and mixing(design.problem, fibre):
        critic = last
        layers = mixing(design.problem, fibre)
    return output_faults(design.problem, last, critic, layers, ("network", "hidden"))


def plan(design: Design) -> tuple[Step, ...]:
    """Normalise, hidden layers (of each critic too where it does not share the policy's), heads."""
    problem = design.problem
    steps, features = observed(problem)
    if design.options.shared:
        trunk = _layers("", features, design)
        end = made_by(trunk[-1])
        return (*steps, *trunk, *heads(problem, end, end))
    trunk = _layers("policy_", features, design)
    steps += trunk
    actor = made_by(trunk[-1])
    ends = {}
    for output in critics(problem.outputs):
        trunk = _layers(f"{output.name}_", read_by(problem, output, features), design)
        steps += trunk
        ends[output.name] = made_by(trunk[-1])
    return (*steps, *heads(problem, actor, ends))


def _layers(prefix: str, features: Sequence[Feature], design: Design) -> list[Step]:
    """The hidden layers, and the memory after them, where there is one."""
    steps: list[Step] = []
    for k in range(design.options.depth):
        name = f"{prefix}hidden{k + 1}"
        steps.append(layer(name, features, design.hidden, design.options.activation))
        features = [made_by(steps[-1])]
    if design.options.memory != "none":
        steps.append(memory(prefix, features[0], design.options.memory))
    return steps


def scaled(design: Design, factor: float) -> Options:
    """Copies of the hidden fibre."""
    hidden = scaled_fibre(design.problem.group, design.options.hidden, factor)
    return design.options.model_copy(update={"hidden": hidden})


def twin(design: Design) -> Mapping[str, JsonValue]:
    """An MLP with as many units in every layer."""
    options = design.options.model_dump(mode="json", exclude={"hidden"})
    return {"family": "mlp", "width": design.hidden.size, **options}
