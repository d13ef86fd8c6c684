"""vit: the unconstrained vision transformer, with or without learnt positions (then it sees a bag
of patches).
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.families._rules import least_width, normalised, one_picture, patches_fit
from symgen.families._terms import heads, made_by, observed, picture_and_others
from symgen.families._widths import scaled_count
from symgen.operations.plain import Attention, PatchTokens, ReadToken, channels
from symgen.plan.plan import Step
from symgen.problem.fault import Fault
from symgen.problem.problem import Problem

BINDS = False
FORMS: tuple[Form, ...] = ()
CARRIES_PLANES = True
USES_GRAPH = False


class Options(BaseModel):
    """What `network:` accepts under `family: vit`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    width: int = Field(64, ge=1, le=4096, description="channels of a token; a multiple of `heads`")
    heads: int = Field(8, ge=1, le=64, description="attention heads")
    layers: int = Field(2, ge=1, le=32, description="number of attention blocks")
    patch: int = Field(1, ge=1, le=64, description="side of a patch in pixels")
    positions: Literal["learned", "none"] = Field(
        "learned", description="none: blind to the order of the patches"
    )
    expansion: int = Field(
        0, ge=0, le=8, description="width of a two-layer map after attention, times the width"
    )


@dataclass(frozen=True, eq=False)
class Design:
    """The options need nothing but the problem."""

    problem: Problem
    options: Options


def resolve(problem: Problem, options: Options) -> Design:
    """The two together."""
    return Design(problem, options)


def patch(options: Options) -> int:
    """Side of a patch in pixels."""
    return options.patch


def graph(design: Design) -> Graph | None:
    """None: every patch sees every other, and nothing is shared but by order."""
    return None


def check(design: Design) -> list[Fault]:
    """One image that the patches tile, and heads that divide the width."""
    problem = design.problem
    options = design.options
    faults = one_picture(problem, "vit") + patches_fit(problem, options.patch)
    if options.width % options.heads:
        message = f"width {options.width} is not a multiple of {options.heads} heads"
        near = max(1, round(options.width / options.heads)) * options.heads
        faults.append(Fault("width", ("network", "width"), message, f"use width: {near}"))
    hint = f"use width: {least_width(1, options.heads)} or more"
    fibre = channels(problem.group, options.width).fibre
    return faults + normalised(fibre, ("network", "width"), hint)


def plan(design: Design) -> tuple[Step, ...]:
    """Patches and a class token, attention, the token read out, heads."""
    problem = design.problem
    options = design.options
    steps, features = observed(problem)
    picture, others = picture_and_others(features)
    points = tuple(feature.field for feature in others)
    learned = options.positions == "learned"
    tokens = PatchTokens(picture.field, options.patch, options.width, learned, points)
    steps.append(Step("tokens", (picture.name, *(feature.name for feature in others)), tokens))
    block = Attention(tokens.output, options.width, options.heads, options.expansion)
    for k in range(options.layers):
        steps.append(Step(f"attention{k + 1}", (steps[-1].name,), block))
    read = Step("read_token", (steps[-1].name,), ReadToken(tokens.output, options.width))
    return (*steps, read, *heads(problem, made_by(read), made_by(read), is_free=True))


def scaled(design: Design, factor: float) -> Options:
    """Channels of a token, a multiple of the heads."""
    options = design.options
    width = options.width if factor == 1 else scaled_count(options.width, factor, options.heads)
    return options.model_copy(update={"width": width})


def twin(design: Design) -> None:
    """No group binds it."""
