"""vit: the unconstrained vision transformer, with or without learnt positions (then it sees a bag
of patches).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.families._rules import Fault, least_width, normalised, one_picture, patches_fit
from symgen.families._terms import Source, heads, observed, picture_and_others, plain
from symgen.plan.plan import Plan, Step

CONSTRAINTS = ("none",)


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


def check(problem: Any) -> list[Fault]:
    """One picture that the patches tile, and heads that divide the width."""
    options: Options = problem.family_options
    faults = one_picture(problem, "vit") + patches_fit(problem, options.patch)
    if options.width % options.heads:
        message = f"width {options.width} is not a multiple of {options.heads} heads"
        near = max(1, round(options.width / options.heads)) * options.heads
        faults.append(Fault("width", ("network", "width"), message, f"use width: {near}"))
    hint = f"use width: {least_width(1, options.heads)} or more"
    faults += normalised(plain(problem.group, options.width).fibre, ("network", "width"), hint)
    return faults


def plan(problem: Any) -> Plan:
    """Patches and a class token, attention, the token read out, heads."""
    options: Options = problem.family_options
    steps, sources = observed(problem)
    picture, points = picture_and_others(sources)
    width = options.width
    count = picture.field.base.size // options.patch**2
    tokens = plain(problem.group, (1 + count) * width)
    weights = (options.patch**2 * picture.field.fibre.size + 1) * width + width
    weights += (1 + count) * width * (options.positions == "learned")
    weights += sum((source.field.size + 1) * width for source in points)
    arguments: dict[str, Any] = {
        "source": picture.field,
        "patch": options.patch,
        "width": width,
        "positions": options.positions == "learned",
        "points": tuple(source.field.size for source in points),
    }
    inputs = (picture.name, *(source.name for source in points))
    types = (picture.field, *(source.field for source in points))
    steps.append(
        Step("tokens", "plain.PatchTokens", inputs, types, tokens, "none", weights, arguments)
    )
    weights = 2 * width + 3 * width**2 + (width + 1) * width
    if options.expansion:
        hidden = width * options.expansion
        weights += 2 * width + (width + 1) * hidden + (hidden + 1) * width
    arguments = {"width": width, "heads": options.heads, "expansion": options.expansion}
    for k in range(options.layers):
        before = steps[-1].name
        step = Step(
            f"attention{k + 1}",
            "plain.Attention",
            (before,),
            (tokens,),
            tokens,
            "none",
            weights,
            arguments,
        )
        steps.append(step)
    out = plain(problem.group, width)
    weights = 2 * width + (width + 1) * width
    read = Step(
        "read_token",
        "plain.ReadToken",
        (steps[-1].name,),
        (tokens,),
        out,
        "none",
        weights,
        {"width": width},
    )
    end = Source("read_token", out)
    return Plan("vit", dict(problem.observation), (*steps, read, *heads(problem, end, end, "none")))
