"""cnn: the unconstrained convolutional network, the baseline for pictures. The group only checks
it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.algebra.sampling import Sampling, shrunk
from symgen.families._actor_critic import actor_and_critic_mlps
from symgen.families._rules import normalised, one_picture
from symgen.families._terms import heads, layer, made_by, observed, picture_and_others
from symgen.families._widths import scaled_count
from symgen.families._windows import kernel_windows
from symgen.operations.plain import Convolution, Convolutions, channels
from symgen.plan.plan import Step
from symgen.problem.fault import Fault
from symgen.problem.problem import Problem

BINDS = False
FORMS: tuple[Form, ...] = ()
CARRIES_PLANES = True
USES_GRAPH = False


class ConvLayer(BaseModel):
    """One convolution, and pooling after it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    channels: int = Field(description="channels of the layer's output")
    kernel: int = Field(3, ge=1, le=15, description="side of the kernel in pixels")
    stride: int = Field(
        1, ge=1, le=8, description="distance between neighbouring windows of the kernel"
    )
    padding: int | None = Field(
        None,
        ge=0,
        le=14,
        description="pixels added on every side; left out, (kernel - 1) / 2, which keeps the size",
    )
    pool: int = Field(
        1, ge=1, le=16, description="side of the square tiles whose largest value is kept"
    )

    @model_validator(mode="after")
    def _windows_see_pixels(self) -> Self:
        if self.padding is not None and self.padding >= self.kernel:
            raise ValueError(f"padding {self.padding} is not less than kernel {self.kernel}")
        return self

    @property
    def windows(self) -> Sampling:
        """Windows of the kernel."""
        return kernel_windows(self.kernel, self.stride, self.padding)


class Options(BaseModel):
    """What `network:` accepts under `family: cnn`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    channels: tuple[int | ConvLayer, ...] = Field(
        (32, 32),
        description="the convolutions, each {channels, kernel, stride, padding, pool}, or only "
        "its channels for a 3x3 "
        "convolution that keeps the size",
        strict=False,
        min_length=1,
        max_length=16,
    )
    width: int = Field(
        128, ge=1, le=8192, description="units of the dense layer after the convolutions"
    )
    towers: tuple[int, ...] = Field(
        (),
        description="units of dense layers that the policy and each critic have of their own; "
        "then `width` is the "
        "number of features, normalised and bounded by tanh, that each of the two sides begins "
        "with (DrQ-v2)",
        strict=False,
        max_length=8,
    )

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The convolutions in full."""
        return tuple(
            ConvLayer.model_validate({"channels": c}) if isinstance(c, int) else c
            for c in self.channels
        )


@dataclass(frozen=True, eq=False)
class Design:
    """What the options mean.

    Args:
        problem: the problem.
        options: the options.
        layers: the convolutions.
    """

    problem: Problem
    options: Options
    layers: tuple[Convolution, ...]


def resolve(problem: Problem, options: Options) -> Design:
    """The convolutions in full."""
    layers = (Convolution(each.channels, each.windows, each.pool) for each in options.layers)
    return Design(problem, options, tuple(layers))


def patch(options: Options) -> int:
    """Pixels are read one by one."""
    return 1


def graph(design: Design) -> Graph | None:
    """None."""
    return None


def check(design: Design) -> list[Fault]:
    """One image, windows that fit into it, and channel numbers that make sense."""
    problem = design.problem
    options = design.options
    faults = one_picture(problem, "cnn")
    faults += _count_faults("channels", [layer.channels for layer in design.layers], "channels")
    faults += _count_faults("towers", options.towers, "units")
    if options.towers:
        fibre = channels(problem.group, options.width).fibre
        faults += normalised(fibre, ("network", "width"), "use width: 50")
    windows = [
        sampling
        for layer in design.layers
        for sampling in (layer.windows, Sampling(layer.pool, layer.pool))
    ]
    for field in problem.observation.values():
        if field.base.kind == "grid" and min(shrunk(field.base.shape, windows)) < 1:
            shape = f"{field.base.shape[0]}x{field.base.shape[1]}"
            message = f"the windows of the layers do not fit into {shape} pixels"
            hint = "use smaller kernels, or less pooling"
            faults.append(Fault("stride", ("network", "channels"), message, hint))
    return faults


def _count_faults(key: str, counts: Sequence[int], what: str) -> list[Fault]:
    if all(1 <= count <= 4096 for count in counts):
        return []
    message = f"every number of {what} lies between 1 and 4096"
    return [Fault("width", ("network", key), message, f"write e.g. {key}: [32, 32]")]


def plan(design: Design) -> tuple[Step, ...]:
    """Convolutions and one dense layer on the image, vectors beside it, heads; or actor and critic
    MLPs on the convolutions.
    """
    problem = design.problem
    options = design.options
    steps, features = observed(problem)
    picture, others = picture_and_others(features)
    width = 0 if options.towers else options.width
    convolutions = Convolutions(picture.field, design.layers, width)
    steps.append(Step("convolutions", (picture.name,), convolutions))
    end = made_by(steps[-1])
    if options.towers:
        few, *layers = (channels(problem.group, n) for n in (options.width, *options.towers))
        mlps = actor_and_critic_mlps(problem, end, others, few, layers, "relu", is_free=True)
        return (*steps, *mlps)
    if others:
        mixed = channels(problem.group, options.width)
        steps.append(layer("mixed", [end, *others], mixed, "relu", is_free=True))
        end = made_by(steps[-1])
    return (*steps, *heads(problem, end, end, is_free=True))


def scaled(design: Design, factor: float) -> Options:
    """Channels of the convolutions, and units of the dense layers."""
    options = design.options
    convolutions = tuple(
        scaled_count(layer, factor)
        if isinstance(layer, int)
        else layer.model_copy(update={"channels": scaled_count(layer.channels, factor)})
        for layer in options.channels
    )
    towers = tuple(scaled_count(units, factor) for units in options.towers)
    width = scaled_count(options.width, factor)
    return options.model_copy(update={"channels": convolutions, "width": width, "towers": towers})


def twin(design: Design) -> None:
    """No group binds it."""
