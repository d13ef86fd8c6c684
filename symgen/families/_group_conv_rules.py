"""What group_conv has to refuse."""

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.reach import Reach, everything, linear, normalised, on_places, pooled, varies
from symgen.algebra.reach import pointwise as pointwise_reach
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, window
from symgen.algebra.tying import MAX_ENTRIES
from symgen.families import _rules
from symgen.families._actor_critic import mlp_faults
from symgen.families._group_conv_design import Design, Options, Stage
from symgen.families._outputs import (
    everything_observed,
    layer,
    mixing,
    output_faults,
    through,
    windowed,
)
from symgen.families._rules import carries, carries_actions, carries_observations, pointwise
from symgen.families._windows import window_faults
from symgen.problem.fault import Fault
from symgen.spec.source import Place


def check(design: Design) -> list[Fault]:
    """Windows, nonlinearities, sizes, and fibres that carry what must reach the heads."""
    options = design.options
    faults = []
    for k, stage in enumerate(design.stages):
        faults += _layer_faults(design, k, stage)
    faults += pointwise(design.hidden.fibre, options.activation, ("network", "activation"))
    faults += mlp_faults(design.problem, options.towers, design.hidden, options.activation)
    return (
        list(dict.fromkeys(faults))
        or _size_faults(design)
        or _carrying_faults(design)
        or _idle_faults(design)
    )


def _layer_faults(design: Design, k: int, stage: Stage) -> list[Fault]:
    options = design.options
    path: Place = ("network", "layers", k)
    faults = window_faults(stage.source.base, stage.layer.windows, f"layer {k + 1}", path)
    pool = stage.layer.pooling
    if pool is not None and stage.convolved is not None:
        what = f"the pooling of layer {k + 1}"
        faults += window_faults(stage.convolved.base, pool, what, (*path, "pool"), pooled=True)
    faults += pointwise(stage.fibre, options.activation, ("network", "activation"))
    if options.norm == "layer" and not faults:
        hint = "use more fields, e.g. 8 regular, or norm: batch"
        faults += _rules.normalised(stage.fibre, path, hint)
    return faults + _sign_faults(options, k, stage.fibre, pool)


def _sign_faults(
    options: Options, k: int, fibre: Representation, pool: Sampling | None
) -> list[Fault]:
    """What acts on channels that change signs must be odd in them."""
    if fibre.kind == "permutation":
        return []
    signed = []
    if options.norm == "layer":
        signed.append(
            ("norm", "LayerNorm", "use norm: batch, or a fibre that permutes its channels")
        )
    if options.pool_kind == "max" and pool is not None:
        signed.append(
            (
                "pool_kind",
                "the maximum",
                "use pool_kind: mean, or a fibre that permutes its channels",
            )
        )
    if options.group_pool != "none" and k == len(options.layers) - 1:
        signed.append(
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
        for key, what, hint in signed
    ]


def _size_faults(design: Design) -> list[Fault]:
    pairs = [("hidden", design.hidden, source) for source in design.into_hidden]
    for stage in design.stages[::-1]:
        around = FieldType(window(stage.source.base, stage.layer.windows), stage.source.fibre)
        pairs.insert(0, ("layers", vector(stage.fibre), around))
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


def _carrying_faults(design: Design) -> list[Fault]:
    """Headings, signs and directions must reach the heads."""
    problem = design.problem
    hidden = design.hidden
    path = ("network", "hidden")
    faults = carries_observations(problem, hidden, path) + carries_actions(problem, hidden, path)
    first = design.stages[0]
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
    features, *others = design.into_hidden
    moving = [field for field in others if not field.is_trivial]
    if (
        faults
        or problem.action.is_trivial
        or moving
        or (design.options.readout == "flatten" and features.base.size > 1)
    ):
        return faults
    if carries(hidden, features) and _directed(design.stages):
        return []
    message = (
        "nothing that reaches the heads tells apart directions, and the group moves the actions"
    )
    hint = (
        "use kernels larger than 1 with fields that the group moves (regular) and group_pool: "
        "none, or readout: flatten"
    )
    return [Fault("hidden-fibre", ("network", "layers"), message, hint)]


def _idle_faults(design: Design) -> list[Fault]:
    """Outputs that could show nothing of a generator."""
    problem = design.problem
    hidden = design.hidden.fibre
    picture = _convolved(design)
    others = everything_observed(problem, pictures=False)
    if not varies(picture):
        message = (
            "no kernel leads from the picture to the fields of the last layer: they would "
            "be constants"
        )
        hint = "use fields that the group moves, e.g. regular"
        return [Fault("no-power", ("network", "layers"), message, hint)]
    if not design.options.towers:
        last = layer(hidden, (*picture, *others))
        return output_faults(problem, last, last, mixing(problem, hidden), ("network", "hidden"))
    features = (*pointwise_reach(normalised(linear(hidden, *picture))), *others)
    fibres = [representations.parse(problem.group, text) for text in design.options.towers]
    last = through(fibres, features)
    return output_faults(problem, last, features, fibres, ("network", "towers"))


def _convolved(design: Design) -> Reach:
    """What can vary of the features that the dense layers read."""
    options = design.options
    reach = everything(vector(design.stages[0].source.fibre))
    for stage in design.stages:
        seen = windowed(stage.source.base, stage.layer.windows, reach)
        reach = linear(stage.fibre, *seen)
        if options.norm == "layer":
            reach = normalised(reach)
        reach = pointwise_reach(reach)
    if options.group_pool != "none":
        reach = pooled(reach, representations.trivial(design.problem.group))
    return reach if options.readout == "pool" else on_places(design.last.base, reach)


def _directed(stages: list[Stage]) -> bool:
    """Whether the channels at a place differ among those that the group exchanges."""
    directed = not stages[0].source.fibre.is_trivial
    for stage in stages:
        directed = not stage.fibre.is_trivial and (directed or stage.layer.kernel > 1)
    return directed
