"""group_conv: lifting and group convolutions of a picture, exact for every group that a pixel grid
carries.

Cohen & Welling 2016, "Group equivariant convolutional networks": the first layer lifts the picture
to fields that move with the group, the others convolve over pixels and group. Each is one plain
convolution with a tied kernel. What the heads read is an equivariant map of the last feature map as
a whole, or of its mean over the places.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.reach import Reach, everything, linear, on_places, pooled, varies
from symgen.algebra.reach import normalised as normalised_reach
from symgen.algebra.reach import pointwise as pointwise_reach
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, sampled, window
from symgen.algebra.tying import MAX_ENTRIES, bias, linear_weights
from symgen.errors import Refusal
from symgen.families._outputs import everything_observed, layer, output_faults, windowed
from symgen.families._relaxed import chosen, relaxed, settings_faults
from symgen.families._rules import (
    Fault,
    carries,
    carries_actions,
    carries_observations,
    normalised,
    one_picture,
    pointwise,
    unreadable_fibre,
)
from symgen.families._terms import Source, heads, observed, picture_and_others
from symgen.families._towers import tower_faults, towers
from symgen.families._windows import kernel_windows, window_faults
from symgen.plan.plan import Plan, Step

CONSTRAINTS = ("exact", "relaxed")
FORMS = ("banks", "residual")


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


class Layer(BaseModel):
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


class Options(BaseModel):
    """What `network:` accepts under `family: group_conv`."""

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

    layer: Layer
    fibre: Representation
    source: FieldType
    convolved: FieldType | None
    out: FieldType | None


def stages(problem: Any) -> Iterator[Stage]:
    """The layers one after the other, up to the first that does not fit; Refusal of an
    unreadable fibre.
    """
    options: Options = problem.family_options
    before = next(field for field in problem.observation.values() if field.base.kind == "grid")
    for each in options.layers:
        layer = Layer.model_validate({"fields": each}) if isinstance(each, str) else each
        fibre = representations.parse(problem.group, layer.fields)
        convolved = None
        out = None
        pool = pooling(layer)
        try:
            convolved = FieldType(sampled(before.base, convolution(layer)), fibre)
            out = convolved if pool is None else FieldType(sampled(convolved.base, pool), fibre)
        except Refusal:  # told by window_faults, with the way out
            yield Stage(layer, fibre, before, convolved, None)
            return
        yield Stage(layer, fibre, before, convolved, out)
        before = out


def convolution(layer: Layer) -> Sampling:
    """Windows of the kernel."""
    return kernel_windows(layer.kernel, layer.stride, layer.padding)


def pooling(layer: Layer) -> Sampling | None:
    """Windows of the pooling, if any."""
    if isinstance(layer.pool, Pool):
        return Sampling(layer.pool.size, layer.pool.stride, layer.pool.padding)
    return None if layer.pool == 1 else Sampling(layer.pool, layer.pool)


def check(problem: Any) -> list[Fault]:
    """What is wrong with this family's options for this problem."""
    options: Options = problem.family_options
    faults = one_picture(problem, "group_conv") or settings_faults(problem, FORMS)
    if faults:
        return faults
    try:
        hidden = vector(representations.parse(problem.group, options.hidden))
    except Refusal as error:
        return [unreadable_fibre(problem.group, error)]
    try:
        made = list(stages(problem))
    except Refusal as error:
        return [
            Fault(
                "hidden-fibre",
                ("network", "layers"),
                str(error),
                "write e.g. layers: [8 regular, 8 regular]",
            )
        ]
    for k, stage in enumerate(made):
        faults += _layer_faults(problem, k, stage)
    faults += pointwise(hidden.fibre, options.activation, ("network", "activation"))
    faults += tower_faults(problem, hidden)
    return (
        list(dict.fromkeys(faults))
        or _size_faults(problem, made, hidden)
        or _carrying_faults(problem, made, hidden)
        or _idle_faults(problem, made, hidden.fibre)
    )


def _layer_faults(problem: Any, k: int, stage: Stage) -> list[Fault]:
    options: Options = problem.family_options
    path = ("network", "layers", k)
    layer = stage.layer
    windows = window_faults(stage.source.base, convolution(layer), f"layer {k + 1}", path)
    pool = pooling(layer)
    if pool is not None and stage.convolved is not None:
        what = f"the pooling of layer {k + 1}"
        windows += window_faults(stage.convolved.base, pool, what, (*path, "pool"), pooled=True)
    windows += pointwise(stage.fibre, options.activation, ("network", "activation"))
    if options.norm == "layer" and not windows:
        windows += normalised(stage.fibre, path, "use more fields, e.g. 8 regular, or norm: batch")
    return windows + _sign_faults(options, k, stage.fibre, pool)


def _sign_faults(
    options: Options, k: int, fibre: Representation, pool: Sampling | None
) -> list[Fault]:
    """What acts on channels that change signs must be odd in them."""
    if fibre.kind == "permutation":
        return []
    found = []
    if options.norm == "layer":
        found.append(
            ("norm", "LayerNorm", "use norm: batch, or a fibre that permutes its channels")
        )
    if options.pool_kind == "max" and pool is not None:
        found.append(
            (
                "pool_kind",
                "the maximum",
                "use pool_kind: mean, or a fibre that permutes its channels",
            )
        )
    if options.group_pool != "none" and k == len(options.layers) - 1:
        found.append(
            (
                "group_pool",
                "pooling channels",
                "use group_pool: none, or a fibre that permutes its channels",
            )
        )
    return [
        Fault(
            "pointwise-nonlinearity",
            ("network", key),
            f"{what} does not commute with the fibre {fibre}",
            hint,
        )
        for key, what, hint in found
    ]


def _size_faults(problem: Any, made: list[Stage], hidden: FieldType) -> list[Fault]:
    around = [
        FieldType(window(stage.source.base, convolution(stage.layer)), stage.source.fibre)
        for stage in made
    ]
    pairs = [
        ("layers", vector(stage.fibre), field) for stage, field in zip(made, around, strict=True)
    ]
    pairs += [("hidden", hidden, source) for source in _into_hidden(problem, made)]
    hint = "use fewer copies, more pooling, or readout: pool"
    return [
        Fault(
            "too-large",
            ("network", key),
            f"a map {source} -> {target} has more than {MAX_ENTRIES} entries",
            hint,
        )
        for key, target, source in pairs
        if target.size * source.size > MAX_ENTRIES
    ]


def _into_hidden(problem: Any, made: list[Stage]) -> list[FieldType]:
    """Types of what the dense layer reads: the picture's features, then the terms beside it."""
    options: Options = problem.family_options
    last = made[-1].out
    assert last is not None  # check() has found no window that does not fit
    if options.group_pool != "none":
        last = _invariants(last)
    features = vector(last.fibre) if options.readout == "pool" else last
    return [
        features,
        *(field for field in problem.observation.values() if field.base.kind != "grid"),
    ]


def _invariants(field: FieldType) -> FieldType:
    orbits = int(vector(field.fibre).entry_orbits.max()) + 1
    return FieldType(
        field.base, representations.direct_sum((orbits, representations.trivial(field.group)))
    )


def _carrying_faults(problem: Any, made: list[Stage], hidden: FieldType) -> list[Fault]:
    """Headings, signs and directions must reach the heads."""
    options: Options = problem.family_options
    path = ("network", "hidden")
    faults = carries_observations(problem, hidden, path) + carries_actions(problem, hidden, path)
    first = made[0]
    for _, atom in first.source.fibre.blocks:
        # a wider kernel turns a heading into a difference between neighbours, which any fibre can
        # carry
        if (
            first.layer.kernel == 1
            and not atom.is_trivial
            and not carries(vector(first.fibre), vector(atom))
        ):
            message = (
                f"the fibre {first.fibre} cannot carry {atom}, which the picture has: it "
                "would be lost"
            )
            hint = "use a fibre that the group moves, e.g. regular, or a larger kernel"
            faults.append(Fault("hidden-fibre", ("network", "layers"), message, hint))
    features, *others = _into_hidden(problem, made)
    moving = [field for field in others if not field.is_trivial]
    if (
        faults
        or problem.action.is_trivial
        or moving
        or (options.readout == "flatten" and features.base.size > 1)
    ):
        return faults
    if carries(hidden, features) and _directed(made):
        return []
    message = (
        "nothing that reaches the heads tells apart directions, and the group moves the actions"
    )
    hint = (
        "use kernels larger than 1 with fields that the group moves (regular) and group_pool: "
        "none, or readout: flatten"
    )
    return [Fault("hidden-fibre", ("network", "layers"), message, hint)]


def _idle_faults(problem: Any, made: list[Stage], hidden: Representation) -> list[Fault]:
    """Outputs that could show nothing of a generator."""
    options: Options = problem.family_options
    picture = _convolved(problem, made)
    others = everything_observed(problem, pictures=False)
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
                "use fields that the group moves, e.g. regular",
            )
        ]
    if not options.towers:
        last = layer(hidden, (*picture, *others))
        own = [hidden] if problem.critic == "q" else []
        return output_faults(problem, last, last, own, ("network", "hidden"))
    features = pointwise_reach(normalised_reach(linear(hidden, *picture)))
    fibres = [representations.parse(problem.group, each) for each in options.towers]
    last = (*features, *others)
    for fibre in fibres:
        last = layer(fibre, last)
    return output_faults(problem, last, (*features, *others), fibres, ("network", "towers"))


def _convolved(problem: Any, made: list[Stage]) -> Reach:
    """What can vary of the features that the dense layers read."""
    options: Options = problem.family_options
    reach = everything(vector(made[0].source.fibre))
    for stage in made:
        reach = linear(stage.fibre, *windowed(stage.source.base, convolution(stage.layer), reach))
        reach = pointwise_reach(normalised_reach(reach) if options.norm == "layer" else reach)
    if options.group_pool != "none":
        reach = pooled(reach, representations.trivial(problem.group))
    last = made[-1].out
    assert last is not None  # check() has found no window that does not fit
    return reach if options.readout == "pool" else on_places(last.base, reach)


def _directed(made: list[Stage]) -> bool:
    """Whether the channels at a place differ among those that the group exchanges."""
    directed = not made[0].source.fibre.is_trivial
    for stage in made:
        directed = not stage.fibre.is_trivial and (directed or stage.layer.kernel > 1)
    return directed


def plan(problem: Any) -> Plan:
    """Normalise, convolutions, the dense layer that also reads the terms beside the picture, heads."""
    options: Options = problem.family_options
    steps, sources = observed(problem)
    picture, others = picture_and_others(sources)
    end = picture
    for k, stage in enumerate(stages(problem)):
        steps.append(_convolution(f"conv{k + 1}", end, stage, options))
        end = Source(steps[-1].name, steps[-1].out_type)
    for step in _pooled(end, options):
        steps.append(step)
        end = Source(step.name, step.out_type)
    hidden = vector(representations.parse(problem.group, options.hidden))
    if options.towers:
        layers = tuple(
            vector(representations.parse(problem.group, each)) for each in options.towers
        )
        steps += towers(problem, end, others, hidden, layers, options.activation)
    else:
        steps.append(_dense([end, *others], hidden, options))
        steps += heads(problem, Source("hidden", hidden), Source("hidden", hidden))
    how = chosen(problem, FORMS[0])
    if how is not None:
        steps = [relaxed(step, how) for step in steps]
    return Plan("group_conv", dict(problem.observation), tuple(steps))


def _dense(read: list[Source], hidden: FieldType, options: Options) -> Step:
    types = tuple(source.field for source in read)
    weights = sum(linear_weights(hidden, field, with_bias=i == 0) for i, field in enumerate(types))
    arguments = {"target": hidden, "sources": types, "activation": options.activation}
    inputs = tuple(source.name for source in read)
    return Step("hidden", "embedding.Nonlinear", inputs, types, hidden, "exact", weights, arguments)


def _convolution(name: str, before: Source, stage: Stage, options: Options) -> Step:
    sampling = convolution(stage.layer)
    pool = pooling(stage.layer)
    target = stage.out
    assert target is not None  # check() has found no window that does not fit
    fibre = vector(target.fibre)
    around = FieldType(window(before.field.base, sampling), before.field.fibre)
    weights = linear_weights(fibre, around, with_bias=options.norm == "none")
    orbits = int(fibre.entry_orbits.max()) + 1
    weights += {"none": 0, "batch": orbits + bias(fibre).weights, "layer": 2 * orbits}[options.norm]
    arguments = {
        "target": target,
        "source": before.field,
        "sampling": sampling,
        "activation": options.activation,
        "norm": options.norm,
        "pool": pool,
        "pool_kind": options.pool_kind,
    }
    return Step(
        name,
        "group_conv.GroupConv",
        (before.name,),
        (before.field,),
        target,
        "exact",
        weights,
        arguments,
    )


def _pooled(last: Source, options: Options) -> Iterator[Step]:
    """Pooling over the group and over the places."""
    if options.group_pool != "none":
        arguments = {"source": last.field, "kind": options.group_pool}
        out = _invariants(last.field)
        types = (last.field,)
        yield Step(
            "group_pool", "group_conv.GroupPool", (last.name,), types, out, "exact", 0, arguments
        )
        last = Source("group_pool", out)
    if options.readout == "pool":
        out = vector(last.field.fibre)
        yield Step(
            "mean_places", "group_conv.MeanPlaces", (last.name,), (last.field,), out, "exact", 0
        )
