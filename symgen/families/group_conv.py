"""group_conv: lifting and group convolutions of a picture, exact for every group that a pixel grid
carries.

Cohen & Welling 2016, "Group equivariant convolutional networks": the first layer lifts the picture
to fields that move with the group, the others convolve over pixels and group. Each is one plain
convolution with a tied kernel. What the heads read is an equivariant map of the last feature map as
a whole, or of its mean over the places.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from symgen.algebra import representation as representations
from symgen.algebra.fieldtype import vector
from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.families._actor_critic import actor_and_critic_mlps
from symgen.families._group_conv_design import Design, Options, Stage, resolve
from symgen.families._group_conv_rules import check
from symgen.families._terms import Feature, heads, layer, made_by, observed, picture_and_others
from symgen.families._widths import free_layers, scaled_fibre, scaled_fibres, scaled_layers
from symgen.operations.group_conv import GroupConv, GroupPool, MeanPlaces
from symgen.plan.plan import Step

__all__ = [
    "BINDS",
    "CARRIES_PLANES",
    "FORMS",
    "USES_GRAPH",
    "Options",
    "check",
    "graph",
    "patch",
    "plan",
    "resolve",
    "scaled",
    "twin",
]

BINDS = True
FORMS: tuple[Form, ...] = ("banks", "residual")
CARRIES_PLANES = False
USES_GRAPH = False


def patch(options: Options) -> int:
    """Pixels are read one by one."""
    return 1


def graph(design: Design) -> Graph | None:
    """None."""
    return None


def plan(design: Design) -> tuple[Step, ...]:
    """Normalise, convolutions, the dense layer that also reads the terms beside the image,
    heads.
    """
    problem = design.problem
    options = design.options
    steps, features = observed(problem)
    end, others = picture_and_others(features)
    for k, stage in enumerate(design.stages):
        steps.append(Step(f"conv{k + 1}", (end.name,), _convolution(end, stage, options)))
        end = made_by(steps[-1])
    if options.group_pool != "none":
        steps.append(Step("group_pool", (end.name,), GroupPool(end.field, options.group_pool)))
        end = made_by(steps[-1])
    if options.readout == "pool":
        steps.append(Step("mean_places", (end.name,), MeanPlaces(end.field)))
        end = made_by(steps[-1])
    hidden = design.hidden
    if options.towers:
        layers = [vector(representations.parse(problem.group, text)) for text in options.towers]
        activation = options.activation
        mlps = actor_and_critic_mlps(problem, end, others, hidden, layers, activation)
        return (*steps, *mlps)
    dense = layer("hidden", [end, *others], hidden, options.activation)
    return (*steps, dense, *heads(problem, made_by(dense), made_by(dense)))


def _convolution(before: Feature, stage: Stage, options: Options) -> GroupConv:
    assert stage.out is not None  # check() has found no window that does not fit
    return GroupConv(
        stage.out,
        before.field,
        stage.layer.windows,
        options.activation,
        options.norm,
        stage.layer.pooling,
        options.pool_kind,
    )


def scaled(design: Design, factor: float) -> Options:
    """Copies of the fields of every layer."""
    options = design.options
    group = design.problem.group
    return options.model_copy(
        update={
            "layers": scaled_layers(group, options.layers, factor),
            "hidden": scaled_fibre(group, options.hidden, factor),
            "towers": scaled_fibres(group, options.towers, factor),
        }
    )


def twin(design: Design) -> Mapping[str, JsonValue]:
    """A CNN with as many channels in every layer; it pools by maxima and has ReLU."""
    group = design.problem.group
    sizes = [stage.fibre.size for stage in design.stages]
    layers = [stage.layer for stage in design.stages]
    towers: list[JsonValue] = [
        representations.parse(group, text).size for text in design.options.towers
    ]
    channels = free_layers(sizes, layers)
    return {"family": "cnn", "channels": channels, "width": design.hidden.size, "towers": towers}
