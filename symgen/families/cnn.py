"""cnn: the unconstrained convolutional network, the baseline for pictures. The group only checks
it.
"""

from itertools import pairwise
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from symgen.algebra.sampling import Sampling, shrunk
from symgen.families._rules import Fault, normalised, one_picture
from symgen.families._terms import Source, heads, observed, picture_and_others, plain
from symgen.families._towers import towers
from symgen.families._windows import kernel_windows
from symgen.plan.plan import Plan, Step

CONSTRAINTS = ("none",)


class Layer(BaseModel):
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

    channels: tuple[int | Layer, ...] = Field(
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
    def layers(self) -> tuple[Layer, ...]:
        """The convolutions in full."""
        return tuple(
            Layer.model_validate({"channels": c}) if isinstance(c, int) else c
            for c in self.channels
        )


def check(problem: Any) -> list[Fault]:
    """One picture, windows that fit into it, and channel numbers that make sense."""
    options: Options = problem.family_options
    faults = one_picture(problem, "cnn")
    for key, numbers in (
        ("channels", [layer.channels for layer in options.layers]),
        ("towers", options.towers),
    ):
        if any(not 1 <= c <= 4096 for c in numbers):
            message = (
                f"every number of {'channels' if key == 'channels' else 'units'} lies "
                "between 1 and 4096"
            )
            faults.append(Fault("width", ("network", key), message, f"write e.g. {key}: [32, 32]"))
    if options.towers:
        faults += normalised(
            plain(problem.group, options.width).fibre, ("network", "width"), "use width: 50"
        )
    for field in problem.observation.values():
        if field.base.kind == "grid" and min(shrunk(field.base.shape, _windows(options))) < 1:
            message = (
                "the windows of the layers do not fit into "
                f"{field.base.shape[0]}x{field.base.shape[1]} pixels"
            )
            faults.append(
                Fault(
                    "stride",
                    ("network", "channels"),
                    message,
                    "use smaller kernels, or less pooling",
                )
            )
    return faults


def _windows(options: Options) -> list[Sampling]:
    """All windows one after the other, those of the convolutions and of the pooling."""
    return [
        each
        for layer in options.layers
        for each in (layer.windows, Sampling(layer.pool, layer.pool))
    ]


def plan(problem: Any) -> Plan:
    """Convolutions and one dense layer on the picture, vectors beside it, heads; or towers on the
    convolutions.
    """
    options: Options = problem.family_options
    steps, sources = observed(problem)
    picture, others = picture_and_others(sources)
    steps.append(_convolutions(problem, picture, options))
    end = Source("convolutions", steps[-1].out_type)
    if options.towers:
        width, *layers = (plain(problem.group, units) for units in (options.width, *options.towers))
        made = towers(problem, end, others, width, tuple(layers), "relu", "none")
        return Plan("cnn", dict(problem.observation), (*steps, *made))
    if others:
        out = plain(problem.group, options.width)
        types = (out, *(source.field for source in others))
        size = sum(field.size for field in types)
        arguments = {"sources": types, "widths": (options.width,), "activation": "relu"}
        inputs = ("convolutions", *(source.name for source in others))
        weights = (size + 1) * options.width
        steps.append(
            Step("mixed", "plain.Perceptron", inputs, types, out, "none", weights, arguments)
        )
        end = Source("mixed", out)
    return Plan("cnn", dict(problem.observation), (*steps, *heads(problem, end, end, "none")))


def _convolutions(problem: Any, picture: Source, options: Options) -> Step:
    """The convolutions with the dense layer, or without it where towers follow."""
    layers = options.layers
    width = 0 if options.towers else options.width
    sizes = (picture.field.fibre.size, *(layer.channels for layer in layers))
    weights = sum(
        (layer.kernel**2 * a + 1) * b for (a, b), layer in zip(pairwise(sizes), layers, strict=True)
    )
    rows, columns = shrunk(picture.field.base.shape, _windows(options))
    weights += (sizes[-1] * rows * columns + 1) * width
    out = plain(problem.group, width or sizes[-1] * rows * columns)
    arguments = {
        "source": picture.field,
        "channels": sizes[1:],
        "windows": tuple(layer.windows for layer in layers),
        "pools": tuple(layer.pool for layer in layers),
        "width": width,
    }
    types = (picture.field,)
    return Step(
        "convolutions",
        "plain.Convolutions",
        (picture.name,),
        types,
        out,
        "none",
        weights,
        arguments,
    )
