"""What the options of group_conv mean: the layers with their types."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, sampled
from symgen.errors import Refusal
from symgen.families._rules import one_picture, unreadable_fibre
from symgen.families._windows import kernel_windows
from symgen.operations.group_conv import invariants
from symgen.problem.fault import Fault, Refused
from symgen.problem.problem import Problem


class Pool(BaseModel):
    """Pooling windows that overlap or reach over the edge."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    size: int = Field(3, ge=1, le=16, description="side of a pooling window in pixels")
    stride: int = Field(2, ge=1, le=16, description="distance between neighbouring pooling windows")
    padding: int = Field(
        1, ge=0, le=8, description="pixels added on every side; at most half of the size"
    )

    @model_validator(mode="after")
    def _half_of_the_size(self) -> Self:
        if 2 * self.padding > self.size:
            raise ValueError(f"padding {self.padding} is more than half of the size {self.size}")
        return self


class GroupConvLayer(BaseModel):
    """One convolution, and pooling after it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    fields: str = Field(
        description="fibre of the layer's output, e.g. '8 regular' or '4 regular + 4 trivial'"
    )
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
    pool: int | Pool = Field(
        1,
        description="side of the square tiles that are pooled after the convolution, or {size, "
        "stride, padding}",
    )

    @model_validator(mode="after")
    def _windows_see_pixels(self) -> Self:
        if self.padding is not None and self.padding >= self.kernel:
            raise ValueError(
                f"padding {self.padding} is not less than kernel {self.kernel}: windows would see "
                "no pixel"
            )
        if isinstance(self.pool, int) and not 1 <= self.pool <= 16:
            raise ValueError(f"pool {self.pool} does not lie between 1 and 16")
        return self

    @property
    def windows(self) -> Sampling:
        """Windows of the kernel."""
        return kernel_windows(self.kernel, self.stride, self.padding)

    @property
    def pooling(self) -> Sampling | None:
        """Windows of the pooling, if any."""
        if isinstance(self.pool, Pool):
            return Sampling(self.pool.size, self.pool.stride, self.pool.padding)
        return None if self.pool == 1 else Sampling(self.pool, self.pool)


class Options(BaseModel):
    """What `network:` accepts under `family: group_conv`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    layers: tuple[str | GroupConvLayer, ...] = Field(
        ("8 regular", "8 regular"),
        description="the convolutions, each {fields, kernel, stride, padding, pool}, or only its "
        "fields for a 3x3 "
        "convolution that keeps the size",
        strict=False,
        min_length=1,
        max_length=16,
    )
    activation: Literal["relu", "tanh", "gelu", "silu"] = Field(
        "relu", description="pointwise nonlinearity"
    )
    norm: Literal["none", "batch", "layer"] = Field(
        "none",
        description="after every convolution: statistics per field over the batch (batch), or per "
        "place (layer)",
    )
    pool_kind: Literal["max", "mean"] = Field("max", description="what pooling takes of a window")
    group_pool: Literal["none", "max", "mean"] = Field(
        "none",
        description="after the last convolution: what is taken of the channels that the group "
        "exchanges",
    )
    readout: Literal["flatten", "pool"] = Field(
        "flatten",
        description="what goes on to `hidden`: the last feature map as a whole, or its mean over "
        "the places",
    )
    hidden: str = Field("32 regular", description="fibre of the dense layer after the convolutions")
    towers: tuple[str, ...] = Field(
        (),
        description="fibres of dense layers that the policy and each critic have of their own; "
        "then `hidden` is the "
        "fibre of the features, normalised and bounded by tanh, that each of the two sides begins "
        "with (DrQ-v2)",
        strict=False,
        max_length=8,
    )


class Stage(NamedTuple):
    """One layer with its types: what the convolution reads, what pooling reads, and what comes out.

    `convolved` and `out` are None where the windows do not fit.
    """

    layer: GroupConvLayer
    fibre: Representation
    source: FieldType
    convolved: FieldType | None
    out: FieldType | None


@dataclass(frozen=True, eq=False)
class Design:
    """What the options mean.

    Args:
        problem: the problem.
        options: the options.
        stages: the layers, up to the first that does not fit.
        hidden: type of the dense layer after the convolutions.
    """

    problem: Problem
    options: Options
    stages: list[Stage]
    hidden: FieldType

    @property
    def last(self) -> FieldType:
        """Type of what the convolutions leave, pooled over the group where that is asked for."""
        out = self.stages[-1].out
        assert out is not None  # check() has found no window that does not fit
        return out if self.options.group_pool == "none" else invariants(out)

    @property
    def into_hidden(self) -> list[FieldType]:
        """Types of what the dense layer reads: the features of the image, then the other terms."""
        pooled = self.options.readout == "pool"
        features = vector(self.last.fibre) if pooled else self.last
        terms = self.problem.observation.values()
        return [features, *(field for field in terms if field.base.kind != "grid")]


def resolve(problem: Problem, options: Options) -> Design:
    """The fibres of all layers, read.

    Raises:
        Refused: there is not one image, or the group has no such fibre.
    """
    faults = one_picture(problem, "group_conv")
    if faults:
        raise Refused(*faults)
    try:
        hidden = vector(representations.parse(problem.group, options.hidden))
    except Refusal as error:
        raise Refused(unreadable_fibre(problem.group, error)) from error
    try:
        stages = _stages(problem, options)
    except Refusal as error:
        hint = "write e.g. layers: [8 regular, 8 regular]"
        fault = Fault("hidden-fibre", ("network", "layers"), str(error), hint)
        raise Refused(fault) from error
    return Design(problem, options, stages, hidden)


def _stages(problem: Problem, options: Options) -> list[Stage]:
    before = next(field for field in problem.observation.values() if field.base.kind == "grid")
    stages: list[Stage] = []
    for written in options.layers:
        layer = written
        if isinstance(layer, str):
            layer = GroupConvLayer.model_validate({"fields": layer})
        fibre = representations.parse(problem.group, layer.fields)
        stage = _stage(layer, fibre, before)
        stages.append(stage)
        if stage.out is None:
            break
        before = stage.out
    return stages


def _stage(layer: GroupConvLayer, fibre: Representation, before: FieldType) -> Stage:
    """One layer; window_faults says with the way out which windows do not fit."""
    convolved = None
    try:
        convolved = FieldType(sampled(before.base, layer.windows), fibre)
        pool = layer.pooling
        out = convolved if pool is None else FieldType(sampled(convolved.base, pool), fibre)
    except Refusal:
        return Stage(layer, fibre, before, convolved, None)
    return Stage(layer, fibre, before, convolved, out)
