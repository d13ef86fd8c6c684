"""graph_attention: global graph symmetric attention over the patches of a picture, a graph or a set
of tokens.

SiT, Weissenbacher et al. 2024, sections 3 and 4: no position embedding; graph matrices of shared
weights break the permutation symmetry of attention down to the group. Beyond the paper the hidden
fibre may move with the group, so that the policy can be equivariant and not only invariant.
"""

import math
from collections.abc import Mapping

from pydantic import JsonValue

from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.relaxation import Form
from symgen.algebra.representation import direct_sum
from symgen.algebra.sampling import Sampling
from symgen.families._attention_design import Design, Local, Options, local_of, resolve
from symgen.families._attention_rules import check
from symgen.families._local_windows import local_attention
from symgen.families._terms import Feature, heads, made_by, observed
from symgen.families._widths import scaled_count
from symgen.operations.attention import GraphAttention
from symgen.operations.embedding import Add, JoinToken, Nonlinear, PatchEmbedding, Places
from symgen.operations.group_conv import GroupConv
from symgen.operations.norm import FieldNorm
from symgen.operations.operation import Operation
from symgen.operations.tied_linear import TiedLinear
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
FORMS: tuple[Form, ...] = ("residual",)
CARRIES_PLANES = False
USES_GRAPH = True


def patch(options: Options) -> int:
    """Side of a patch in pixels."""
    return options.patch


def graph(design: Design) -> Graph | None:
    """The graph on the patches."""
    return design.graph


def plan(design: Design) -> tuple[Step, ...]:
    """Embed patches, join the class token, attend, read out, heads."""
    problem = design.problem
    patches = design.patches
    steps, features = observed(problem)
    local = local_of(design)
    if local is None:
        places, points = _embeddings(steps, features, patches, design.options.patch)
    else:
        places, points = _embeddings(steps, features, local.field, 1, patches, local.options)
        steps.append(Step("local", (places.name,), local_attention(local)))
        places = made_by(steps[-1])
    joined = (places.name, *(point.name for point in points))
    steps.append(Step("token", joined, JoinToken(patches, len(points))))
    _attend(steps, design)
    _read_out(steps, design)
    latent = made_by(steps[-1])
    return (*steps, *heads(problem, latent, latent))


def _embeddings(
    steps: list[Step],
    features: list[Feature],
    places: FieldType,
    patch: int,
    patches: FieldType | None = None,
    local: Local | None = None,
) -> tuple[Feature, list[Feature]]:
    """Terms on the places become features there, added up; plain vectors become vectors with the
    fibre of the patches.

    Args:
        steps: appended to.
        features: the observation terms.
        places: type of the places.
        patch: side of a patch that becomes one place.
        patches: type of the patches, where they are made of the places later.
        local: options of local attention.

    Returns:
        The places, and the vectors.
    """
    points: list[Feature] = []
    spatial: list[Feature] = []
    for feature in features:
        name = f"embed_{feature.name.removeprefix('normal_')}"
        operation = _embedding(feature, places, patch, local)
        if not feature.is_spatial:
            operation = TiedLinear(vector((patches or places).fibre), feature.field)
        steps.append(Step(name, (feature.name,), operation))
        (spatial if feature.is_spatial else points).append(made_by(steps[-1]))
    if len(spatial) > 1:
        names = tuple(feature.name for feature in spatial)
        steps.append(Step("embed", names, Add(places, len(spatial))))
        return made_by(steps[-1]), points
    return spatial[0], points


def _embedding(feature: Feature, places: FieldType, patch: int, local: Local | None) -> Operation:
    """What makes one term on the places a feature there."""
    # attention normalises what it reads: without a bias to compare with, it would not see how large
    # a number is
    bias_gain = 0.1 if feature.is_real else 0.0
    if local is not None and local.downscale > 1:
        kernel = Sampling(local.kernel, 1, local.kernel // 2)
        pool = Sampling(local.downscale, local.downscale)
        return GroupConv(places, feature.field, kernel, pool=pool)
    if patch == 1:
        return TiedLinear(places, feature.field, "place", bias_gain=bias_gain)
    return PatchEmbedding(places, feature.field, patch, bias_gain)


def _attend(steps: list[Step], design: Design) -> None:
    """The blocks of global attention, and the norm after them."""
    options = design.options
    field = steps[-1].operation.output
    block = GraphAttention(
        field,
        design.graph,
        options.heads,
        design.matrices,
        options.symmetrise,
        options.expansion,
        options.score_activation,
        options.triangles if design.is_oriented else 0,
        options.dropout,
    )
    for k in range(options.global_.layers):
        steps.append(Step(f"attention{k + 1}", (steps[-1].name,), block))
    steps.append(Step("norm", (steps[-1].name,), FieldNorm(field)))


def _read_out(steps: list[Step], design: Design) -> None:
    """The class token, the patches, or both, as one vector."""
    last = made_by(steps[-1])
    fibre = vector(design.patches.fibre)
    ends: list[Feature] = []
    if design.options.readout != "patches":
        steps.append(Step("read_token", (last.name,), Places(last.field, fibre, 0)))
        ends.append(made_by(steps[-1]))
    if design.options.readout != "token":
        # few channels at every patch; they are read at once by a map tied over orbits of patches
        patches = design.patches
        ((copies, atom),) = patches.fibre.blocks
        few = FieldType(patches.base, direct_sum((min(2, copies), atom)))
        start = last.field.base.size - patches.base.size
        steps.append(Step("read_patches", (last.name,), Places(last.field, patches, start)))
        slim = Nonlinear(few, (patches,), "gelu", "place")
        steps.append(Step("slim", (steps[-1].name,), slim))
        ends.append(made_by(steps[-1]))
    types = tuple(end.field for end in ends)
    names = tuple(end.name for end in ends)
    steps.append(Step("latent", names, Nonlinear(fibre, types, "gelu")))


def scaled(design: Design, factor: float) -> Options:
    """Channels of a patch, and of a pixel where `local` says so: whole copies of the fibre in every
    head.
    """
    options = design.options
    local = options.local
    if factor == 1:
        return options
    heads = options.heads
    if local is not None and local.width is None:
        heads = math.lcm(heads, local.heads or heads)
    width = scaled_count(options.width, factor, heads * design.atom.size)
    if local is not None and local.width is not None:
        unit = (local.heads or options.heads) * design.atom.size
        local = local.model_copy(update={"width": scaled_count(local.width, factor, unit)})
    return options.model_copy(update={"width": width, "local": local})


def twin(design: Design) -> Mapping[str, JsonValue]:
    """A vision transformer with as many blocks and channels; of what is no image, an MLP."""
    options = design.options
    if not design.pixels.is_picture:
        return {"family": "mlp", "width": options.width, "depth": options.global_.layers}
    alike = options.model_dump(mode="json", include={"width", "heads", "patch", "expansion"})
    return {"family": "vit", "layers": options.global_.layers, **alike}
