"""steerable_conv: planar steerable convolutions of a picture, for turns by any angle.

Weiler & Cesa 2019, "General E(2)-equivariant steerable CNNs": fields of any representation of C<n>,
D<n>, SO2 or O2, and kernels that commute with them, solved by escnn when the spec is compiled. The
mean over the picture leaves a vector with the last fields' fibre, of which equivariant maps make
policy and value. On a grid (C1, C2, C4, D1, D2, D4) the network is exact; on a plane, where pixels
are turned by interpolation, it is exact for quarter turns and mirrors and close for the others:
`symgen verify` says how close. Pooling is a binomial blur that keeps every second pixel; on a plane
everything outside the largest disc is masked, layer by layer.

`constraint: relaxed` lets the coefficients of the convolutions depend on the pixel of the kernel
(Wang et al. 2022, "Approximately equivariant networks for imperfectly symmetric dynamics", section
3.2): constant over the pixels at first, so that the network is exact then. Of its settings only
`regulariser` means something here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.reach import Reach, everything, linear, pointwise, varies
from symgen.algebra.relaxation import Form
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, covered, sampled
from symgen.algebra.steerable import harmonics
from symgen.algebra.tying import MAX_ENTRIES
from symgen.errors import Refusal
from symgen.families import _outputs
from symgen.families._outputs import everything_observed, mixing, output_faults, windowed
from symgen.families._rules import carries, carries_actions, carries_observations, one_picture
from symgen.families._terms import Feature, heads, made_by, observed, picture_and_others, read_by
from symgen.families._widths import free_layers, scaled_fibre, scaled_layers
from symgen.families._windows import kernel_windows, window_faults
from symgen.operations.steerable_conv import (
    Disc,
    MeanOverPicture,
    SteerableConv,
    SteerableLinear,
)
from symgen.plan.plan import Step
from symgen.problem.fault import Fault, Refused
from symgen.problem.output import critics
from symgen.problem.problem import Problem
from symgen.spec.source import Place

BINDS = True
FORMS: tuple[Form, ...] = ("pixels",)
CARRIES_PLANES = True
USES_GRAPH = False
LEAST_PLANE = 3
"""Fewest pixels per side of an image that is masked by a disc."""
MAX_SOLVED = 5
"""Largest kernel of which it is told exactly what it reaches; of a larger one it is an upper bound.
"""


class SteerableLayer(BaseModel):
    """One steerable convolution, its nonlinearity, and pooling after it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    fields: str = Field(
        description="fibre of the layer's output, e.g. '8 regular' or '4 trivial + 4 irrep(1)'"
    )
    kernel: int = Field(
        3,
        ge=1,
        le=15,
        description="side of the kernel in pixels, odd; 5 and more turn more smoothly",
    )
    stride: int = Field(
        1, ge=1, le=8, description="distance between neighbouring windows of the kernel"
    )
    padding: int | None = Field(
        None,
        ge=0,
        le=14,
        description="pixels added on every side; left out, (kernel - 1) / 2, which keeps the size",
    )
    pool: Literal[1, 2] = Field(1, description="2 blurs the features and keeps every second pixel")

    @field_validator("kernel")
    @classmethod
    def _has_a_centre(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"must be odd, so that the kernel turns about a pixel; it is {value}")
        return value

    @model_validator(mode="after")
    def _windows_see_pixels(self) -> Self:
        if self.padding is not None and self.padding >= self.kernel:
            raise ValueError(
                f"padding {self.padding} is not less than kernel {self.kernel}: windows would see "
                "no pixel"
            )
        return self


class Options(BaseModel):
    """What `network:` accepts under `family: steerable_conv`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    layers: tuple[str | SteerableLayer, ...] = Field(
        ("8 regular", "8 regular"),
        description="the convolutions, each {fields, kernel, stride, padding, pool}, or only its "
        "fields for a 3x3 "
        "convolution that keeps the size",
        strict=False,
        min_length=1,
        max_length=16,
    )
    activation: Literal["relu", "elu", "tanh", "gelu", "silu"] = Field(
        "relu",
        description="pointwise nonlinearity of fields that permute their channels (trivial, "
        "regular, quotient)",
    )
    vectors: Literal["gated", "norm"] = Field(
        "gated",
        description="nonlinearity of the other fields: times the sigmoid of an invariant of its "
        "own (gated), or a "
        "threshold on the length (norm)",
    )
    hidden: str | None = Field(
        None,
        description="fibre of the dense layer after the convolutions; left out, the last "
        "convolution's fields",
    )


class Stage(NamedTuple):
    """One layer with its types: what the convolution reads, what it makes, and what is left after
    pooling; None where the windows do not fit.
    """

    layer: SteerableLayer
    fibre: Representation
    source: FieldType
    sampling: Sampling
    out: FieldType | None


@dataclass(frozen=True, eq=False)
class Design:
    """What the options mean.

    Args:
        problem: the problem.
        options: the options.
        stages: the layers, up to the first whose windows do not fit.
        hidden: type of the dense layer after the convolutions.
    """

    problem: Problem
    options: Options
    stages: list[Stage]
    hidden: FieldType


def resolve(problem: Problem, options: Options) -> Design:
    """The fields of every layer, read.

    Raises:
        Refused: there is not one image, kernels cannot be solved for what moves it, or the group
            has no such fields.
    """
    faults = one_picture(problem, "steerable_conv") or _plane_faults(problem)
    if faults:
        raise Refused(*faults)
    try:
        stages = _stages(problem, options)
        fibre = stages[-1].fibre
        if options.hidden is not None:
            fibre = representations.parse(problem.group, options.hidden)
    except Refusal as error:
        hint = (
            "write e.g. layers: [8 regular, 8 regular], or of SO2 and O2 [4 trivial + 4 irrep(1)]"
        )
        raise Refused(Fault("hidden-fibre", ("network",), str(error), hint)) from error
    return Design(problem, options, stages, vector(fibre))


def _stages(problem: Problem, options: Options) -> list[Stage]:
    before = next(field for field in problem.observation.values() if field.base.is_picture)
    stages: list[Stage] = []
    for written in options.layers:
        layer = written
        if isinstance(layer, str):
            layer = SteerableLayer.model_validate({"fields": layer})
        fibre = representations.parse(problem.group, layer.fields)
        sampling = kernel_windows(layer.kernel, layer.stride, layer.padding)
        out = _left(before, fibre, layer, sampling)
        stages.append(Stage(layer, fibre, before, sampling, out))
        if out is None:
            break
        before = out
    return stages


def _left(
    before: FieldType, fibre: Representation, layer: SteerableLayer, sampling: Sampling
) -> FieldType | None:
    """What is left after one layer; None where its windows do not fit, which window_faults says."""
    try:
        base = sampled(before.base, sampling)
    except Refusal:
        return None
    if layer.pool == 2:
        base = bases.resize(base, *((size + 1) // 2 for size in base.shape))
    return FieldType(base, fibre)


def patch(options: Options) -> int:
    """Pixels are read one by one."""
    return 1


def graph(design: Design) -> Graph | None:
    """None."""
    return None


def check(design: Design) -> list[Fault]:
    """Windows that fit, kernels that are not too large, fields that carry what must reach the
    heads.
    """
    faults = []
    for k, stage in enumerate(design.stages):
        faults += _stage_faults(k, stage)
    return faults or _carrying_faults(design)


def _stage_faults(k: int, stage: Stage) -> list[Fault]:
    path: Place = ("network", "layers", k)
    faults = window_faults(stage.source.base, stage.sampling, f"layer {k + 1}", path, odd=True)
    left = stage.out and stage.out.base
    if left and left.kind == "plane" and min(left.shape) < LEAST_PLANE:
        message = f"layer {k + 1} leaves {left}: of so few pixels a disc keeps no directions"
        hint = "use less pooling, a smaller stride, or a larger picture"
        faults.append(Fault("stride", path, message, hint))
    if stage.fibre.size * stage.sampling.kernel**2 * stage.source.fibre.size > MAX_ENTRIES:
        message = f"the kernel of layer {k + 1} has more than {MAX_ENTRIES} entries"
        faults.append(Fault("too-large", path, message, "use fewer copies, or a smaller kernel"))
    return faults


def _plane_faults(problem: Problem) -> list[Fault]:
    """Kernels are solved for the usual action on the plane: r turns counter-clockwise, s mirrors
    left and right.
    """
    field = next(field for field in problem.observation.values() if field.base.is_picture)
    if field.base.kind == "plane" or bases.is_usual(field.base):
        return []
    message = (
        "kernels are solved for C<n>, D<n>, SO2 and O2 turning and mirroring a picture, "
        f"not for {field.base} of "
    )
    hint = "use the family group_conv"
    if problem.group.planar is not None:
        grid = "states: grid, or " if bases.has_usual_moves(problem.group) else ""
        hint = f"write {grid}states: plane; or {hint}"
    return [Fault("plane-action", ("symmetry", "states"), message + str(problem.group), hint)]


def _carrying_faults(design: Design) -> list[Fault]:
    """Headings, signs and directions must reach the heads."""
    problem = design.problem
    hidden = design.hidden
    fields = design.stages[-1].fibre
    layers: Place = ("network", "layers")
    path: Place = ("network", "hidden") if design.options.hidden else layers
    faults = carries_observations(problem, hidden, path) + carries_actions(problem, hidden, path)
    if faults:
        return faults
    others = [field for field in problem.observation.values() if not field.base.is_picture]
    blind = all(field.is_trivial for field in others) and not carries(hidden, vector(fields))
    if blind and not problem.action.is_trivial:
        message = f"fields {fields} cannot tell apart directions, and the group moves the actions"
        return [Fault("hidden-fibre", layers, message, "use fields that the group moves")]
    picture = _convolved(design.stages)
    hint = None
    if not all(covered(stage.source.base, stage.sampling).all() for stage in design.stages):
        hint = (
            "use less pooling, a smaller stride, or fields that the group moves before it: one "
            "pixel has no sides"
        )
    if not varies(picture):
        message = (
            "no kernel leads from the picture to the fields of the last layer: they would "
            "be constants"
        )
        return [Fault("no-power", layers, message, hint or "use fields that the group moves")]
    last = _outputs.layer(hidden.fibre, (*picture, *everything_observed(problem, pictures=False)))
    return output_faults(problem, last, last, mixing(problem, hidden.fibre), path, hint)


def _convolved(stages: list[Stage]) -> Reach:
    """What can vary of the mean over the picture.

    The solved kernels turn no faster than `rings` says; what a kernel of a plane sees beyond its
    centre is taken to reach everything.
    """
    reach = everything(vector(stages[0].source.fibre))
    for stage in stages:
        base = stage.source.base
        side = stage.sampling.kernel
        if base.kind == "plane" and side > 1:
            reach = everything(vector(stage.fibre))
            continue
        if side > 1:
            reach = windowed(
                base, stage.sampling, reach, harmonics(side) if side <= MAX_SOLVED else None
            )
        reach = pointwise(linear(stage.fibre, *reach))
    return reach


def plan(design: Design) -> tuple[Step, ...]:
    """Normalise, mask, convolve, take the mean over the image, a dense layer with the other terms,
    heads.
    """
    problem = design.problem
    steps, features = observed(problem)
    end, others = picture_and_others(features)
    if end.field.base.kind == "plane":
        steps.append(Step("disc", (end.name,), Disc(end.field)))
        end = made_by(steps[-1])
    for k, stage in enumerate(design.stages):
        steps.append(Step(f"conv{k + 1}", (end.name,), _convolution(end, stage, design.options)))
        end = made_by(steps[-1])
    steps.append(Step("mean", (end.name,), MeanOverPicture(end.field)))
    steps.append(_dense("hidden", design, [made_by(steps[-1]), *others]))
    end = made_by(steps[-1])
    mixed = {}
    for output in critics(problem.outputs):
        mixed[output.name] = end
        if output.reads == "action":  # of any fibre, which the layer that `heads` would add is not
            inputs = read_by(problem, output, [end])
            steps.append(_dense(f"{output.name}_hidden", design, inputs))
            mixed[output.name] = made_by(steps[-1])
    return (*steps, *heads(problem, end, mixed))


def _convolution(before: Feature, stage: Stage, options: Options) -> SteerableConv:
    assert stage.out is not None  # check() has found no window that does not fit
    return SteerableConv(
        stage.out,
        before.field,
        stage.sampling,
        options.activation,
        options.vectors,
        pool=stage.layer.pool == 2,
    )


def _dense(name: str, design: Design, features: list[Feature]) -> Step:
    types = tuple(feature.field for feature in features)
    options = design.options
    dense = SteerableLinear(design.hidden, types, options.activation, options.vectors)
    return Step(name, tuple(feature.name for feature in features), dense)


def scaled(design: Design, factor: float) -> Options:
    """Copies of the fields of every layer."""
    options = design.options
    group = design.problem.group
    hidden = options.hidden and scaled_fibre(group, options.hidden, factor)
    layers = scaled_layers(group, options.layers, factor)
    return options.model_copy(update={"layers": layers, "hidden": hidden})


def twin(design: Design) -> Mapping[str, JsonValue]:
    """A CNN with as many channels in every layer; it pools by maxima and has ReLU."""
    sizes = [stage.fibre.size for stage in design.stages]
    channels = free_layers(sizes, [stage.layer for stage in design.stages])
    return {"family": "cnn", "channels": channels, "width": design.hidden.size}
