"""cnn: the unconstrained convolutional network, the baseline for pictures. The group only checks it."""

from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from symgen.families._rules import Fault, one_picture
from symgen.families._terms import Source, heads, observed, picture_and_others, plain
from symgen.plan.ir import Plan, Step

CONSTRAINTS = ("none",)


class Options(BaseModel):
    """What `network:` accepts under `family: cnn`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    channels: tuple[int, ...] = Field(
        (32, 32), description="channels of each 3x3 convolution (padding 1)", strict=False, min_length=1, max_length=16
    )
    width: int = Field(128, ge=1, le=8192, description="units of the dense layer after the convolutions")


def check(problem: Any) -> list[Fault]:
    """One picture, and channel numbers that make sense."""
    faults = one_picture(problem, "cnn")
    if any(not 1 <= c <= 4096 for c in problem.family_options.channels):
        message = "every number of channels lies between 1 and 4096"
        faults.append(Fault("width", ("network", "channels"), message, "write e.g. channels: [32, 32]"))
    return faults


def plan(problem: Any) -> Plan:
    """Convolutions and one dense layer on the picture, vectors beside it, heads."""
    options: Options = problem.family_options
    steps, sources = observed(problem)
    picture, others = picture_and_others(sources)
    sizes = (picture.field.fibre.size, *options.channels)
    weights = sum((9 * a + 1) * b for a, b in pairwise(sizes))
    weights += (sizes[-1] * picture.field.base.size + 1) * options.width
    out = plain(problem.group, options.width)
    arguments = {"source": picture.field, "channels": options.channels, "width": options.width}
    steps.append(
        Step("convolutions", "plain.Convolutions", (picture.name,), (picture.field,), out, "none", weights, arguments)
    )
    end = Source("convolutions", out)
    if others:
        types = (out, *(source.field for source in others))
        size = sum(field.size for field in types)
        arguments = {"sources": types, "widths": (options.width,), "activation": "relu"}
        inputs = ("convolutions", *(source.name for source in others))
        weights = (size + 1) * options.width
        steps.append(Step("mixed", "plain.Perceptron", inputs, types, out, "none", weights, arguments))
        end = Source("mixed", out)
    return Plan("cnn", dict(problem.observation), (*steps, *heads(problem, end, end, "none")))
