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

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from symgen.algebra import base as bases
from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.reach import Reach, everything, linear, pointwise, varies
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, covered, sampled
from symgen.algebra.steerable import harmonics, thresholds, weights, with_gates
from symgen.algebra.tying import MAX_ENTRIES, bias, linear_weights
from symgen.errors import Refusal
from symgen.families._outputs import everything_observed, layer, output_faults, windowed
from symgen.families._rules import (
    Fault,
    carries,
    carries_actions,
    carries_observations,
    one_picture,
)
from symgen.families._terms import (
    Source,
    action_field,
    critics,
    heads,
    observed,
    picture_and_others,
)
from symgen.families._windows import kernel_windows, window_faults
from symgen.plan.plan import ACTION, Plan, Step

CONSTRAINTS = ("exact", "relaxed")
CARRIES_PLANES = True
LEAST_PLANE = 3
"""Fewest pixels per side of a picture that is masked by a disc."""


MAX_SOLVED = 5
"""Largest kernel of which it is told exactly what it reaches; of a larger one it is an upper bound.
"""


class Layer(BaseModel):
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


class Options(BaseModel):
    """What `network:` accepts under `family: steerable_conv`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    layers: tuple[str | Layer, ...] = Field(
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
    pooling.
    """

    layer: Layer
    fibre: Representation
    source: FieldType
    sampling: Sampling
    out: FieldType | None


def stages(problem: Any) -> list[Stage]:
    """The layers one after the other, up to the first whose windows do not fit; ValueError for an
    unreadable fibre.
    """
    options: Options = problem.family_options
    before = next(field for field in problem.observation.values() if field.base.is_picture)
    made: list[Stage] = []
    for each in options.layers:
        layer = Layer.model_validate({"fields": each}) if isinstance(each, str) else each
        fibre = representations.parse(problem.group, layer.fields)
        sampling = kernel_windows(layer.kernel, layer.stride, layer.padding)
        made.append(Stage(layer, fibre, before, sampling, _out(before, fibre, layer, sampling)))
        if made[-1].out is None:
            break
        before = made[-1].out
    return made


def _out(
    before: FieldType, fibre: Representation, layer: Layer, sampling: Sampling
) -> FieldType | None:
    try:
        base = sampled(before.base, sampling)
    except Refusal:  # told by window_faults, with the way out
        return None
    if layer.pool == 2:
        base = bases.resize(base, *((size + 1) // 2 for size in base.shape))
    return FieldType(base, fibre)


def check(problem: Any) -> list[Fault]:
    """What is wrong with this family's options for this problem."""
    faults = (
        one_picture(problem, "steerable_conv")
        or _plane_faults(problem)
        or _settings_faults(problem)
    )
    if faults:
        return faults
    try:
        made = stages(problem)
        hidden = _hidden(problem, made)
    except Refusal as error:
        hint = (
            "write e.g. layers: [8 regular, 8 regular], or of SO2 and O2 [4 trivial + 4 irrep(1)]"
        )
        return [Fault("hidden-fibre", ("network",), str(error), hint)]
    for k, stage in enumerate(made):
        where = ("network", "layers", k)
        faults += window_faults(
            stage.source.base, stage.sampling, f"layer {k + 1}", where, odd=True
        )
        if (
            stage.out is not None
            and stage.out.base.kind == "plane"
            and min(stage.out.base.shape) < LEAST_PLANE
        ):
            message = (
                f"layer {k + 1} leaves {stage.out.base}: of so few pixels a disc keeps no "
                "directions"
            )
            faults.append(
                Fault(
                    "stride",
                    where,
                    message,
                    "use less pooling, a smaller stride, or a larger picture",
                )
            )
        if stage.fibre.size * stage.sampling.kernel**2 * stage.source.fibre.size > MAX_ENTRIES:
            message = f"the kernel of layer {k + 1} has more than {MAX_ENTRIES} entries"
            faults.append(
                Fault("too-large", where, message, "use fewer copies, or a smaller kernel")
            )
    return faults or _carrying_faults(problem, made, hidden)


def _plane_faults(problem: Any) -> list[Fault]:
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


def _settings_faults(problem: Any) -> list[Fault]:
    """The settings of `relaxed` that mean something for a group convolution only."""
    symmetry = problem.spec.symmetry
    if symmetry.constraint_name != "relaxed":
        return []
    path = ("symmetry", "constraint", "relaxed")
    return [
        Fault(
            "unavailable-constraint",
            (*path, key),
            f"steerable_conv has no {key}: pixels relax its kernels",
            "leave it out",
        )
        for key in ("form", "banks", "index")
        if key in symmetry.relaxed.model_fields_set
    ]


def _hidden(problem: Any, made: list[Stage]) -> FieldType:
    written = problem.family_options.hidden
    return vector(
        made[-1].fibre if written is None else representations.parse(problem.group, written)
    )


def _carrying_faults(problem: Any, made: list[Stage], hidden: FieldType) -> list[Fault]:
    """Headings, signs and directions must reach the heads."""
    path = ("network", "hidden" if problem.family_options.hidden else "layers")
    faults = carries_observations(problem, hidden, path) + carries_actions(problem, hidden, path)
    still = all(
        field.is_trivial for field in problem.observation.values() if not field.base.is_picture
    )
    if (
        not faults
        and still
        and not problem.action.is_trivial
        and not carries(hidden, vector(made[-1].fibre))
    ):
        message = (
            f"fields {made[-1].fibre} cannot tell apart directions, and the group moves the actions"
        )
        faults = [
            Fault("hidden-fibre", ("network", "layers"), message, "use fields that the group moves")
        ]
    if faults:
        return faults
    picture = _convolved(made)
    hint = None
    if not all(covered(stage.source.base, stage.sampling).all() for stage in made):
        hint = (
            "use less pooling, a smaller stride, or fields that the group moves before it: one "
            "pixel has no sides"
        )
    if not varies(picture):
        message = (
            "no kernel leads from the picture to the fields of the last layer: they would "
            "be constants"
        )
        return [
            Fault(
                "no-power",
                ("network", "layers"),
                message,
                hint or "use fields that the group moves",
            )
        ]
    last = layer(hidden.fibre, (*picture, *everything_observed(problem, pictures=False)))
    return output_faults(
        problem, last, last, [hidden.fibre] if problem.critic == "q" else [], path, hint
    )


def _convolved(made: list[Stage]) -> Reach:
    """What can vary of the mean over the picture.

    The solved kernels turn no faster than `rings` says; what a kernel of a plane sees beyond its
    centre is taken to reach everything.
    """
    reach = everything(vector(made[0].source.fibre))
    for stage in made:
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


def plan(problem: Any) -> Plan:
    """Normalise, mask, convolve, take the mean over the picture, a dense layer with the other
    terms, heads.
    """
    options: Options = problem.family_options
    relaxed = (
        problem.spec.symmetry.relaxed
        if problem.spec.symmetry.constraint_name == "relaxed"
        else None
    )
    steps, sources = observed(problem)
    end, others = picture_and_others(sources)
    if end.field.base.kind == "plane":
        arguments: dict[str, Any] = {"base": end.field.base}
        steps.append(
            Step(
                "disc",
                "steerable_conv.Disc",
                (end.name,),
                (end.field,),
                end.field,
                "exact",
                0,
                arguments,
            )
        )
        end = Source("disc", end.field)
    made = stages(problem)
    for k, stage in enumerate(made):
        steps.append(_convolution(f"conv{k + 1}", end, stage, options, relaxed))
        end = Source(steps[-1].name, steps[-1].out_type)
    mean = vector(end.field.fibre)
    arguments = {"base": end.field.base}
    steps.append(
        Step(
            "mean",
            "steerable_conv.MeanOverPicture",
            (end.name,),
            (end.field,),
            mean,
            "exact",
            0,
            arguments,
        )
    )
    hidden = _hidden(problem, made)
    steps.append(_dense("hidden", hidden, [Source("mean", mean), *others], options))
    end = Source("hidden", hidden)
    ends: Source | tuple[Source, ...] = end
    if problem.critic == "q":  # of any fibre, which the layer that `heads` would add is not
        judged = [end, Source(ACTION, action_field(problem))]
        steps += [_dense(f"{name}_hidden", hidden, judged, options) for name in critics(problem)]
        ends = tuple(Source(f"{name}_hidden", hidden) for name in critics(problem))
    return Plan("steerable_conv", dict(problem.observation), (*steps, *heads(problem, end, ends)))


def _convolution(name: str, before: Source, stage: Stage, options: Options, relaxed: Any) -> Step:
    assert stage.out is not None  # check() has found no window that does not fit
    inner = with_gates(stage.fibre, options.vectors)
    side = stage.sampling.kernel
    count = weights(inner, before.field.fibre, side)
    relaxes = relaxed is not None and side > 1
    total = (
        count * (side**2 if relaxes else 1)
        + bias(vector(inner)).weights
        + thresholds(stage.fibre, options.vectors)
    )
    arguments = {
        "target": stage.out,
        "source": before.field,
        "sampling": stage.sampling,
        "activation": options.activation,
        "vectors": options.vectors,
        "pool": stage.layer.pool == 2,
        **({"relaxed": relaxed} if relaxes else {}),
    }
    constraint: Any = "relaxed" if relaxes else "exact"
    inputs = (before.name,)
    types = (before.field,)
    return Step(
        name, "steerable_conv.SteerableConv", inputs, types, stage.out, constraint, total, arguments
    )


def _dense(name: str, target: FieldType, sources: list[Source], options: Options) -> Step:
    types = tuple(source.field for source in sources)
    inner = vector(with_gates(target.fibre, options.vectors))
    count = sum(linear_weights(inner, field, with_bias=k == 0) for k, field in enumerate(types))
    count += thresholds(target.fibre, options.vectors)
    arguments = {
        "target": target,
        "sources": types,
        "activation": options.activation,
        "vectors": options.vectors,
    }
    inputs = tuple(source.name for source in sources)
    return Step(
        name, "steerable_conv.SteerableLinear", inputs, types, target, "exact", count, arguments
    )
