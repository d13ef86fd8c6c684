"""graph_attention: global graph symmetric attention over the patches of a picture, a graph or a set
of tokens.

SiT, Weissenbacher et al. 2024, sections 3 and 4: no position embedding; graph matrices of shared
weights break the permutation symmetry of attention down to the group. Beyond the paper the hidden
fibre may move with the group, so that the policy can be equivariant and not only invariant.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra import representation as representations
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import Graph
from symgen.algebra.representation import Representation
from symgen.algebra.sampling import Sampling, window
from symgen.algebra.triangles import triangle_tables
from symgen.algebra.tying import bias, linear_weights
from symgen.errors import Refusal
from symgen.families._attention_blocks import block, norm_weights
from symgen.families._attention_reach import latent
from symgen.families._local_windows import Local, local_faults, local_step, pixel_field
from symgen.families._outputs import output_faults
from symgen.families._relaxed import chosen, relaxed, settings_faults
from symgen.families._rules import (
    Fault,
    carries_actions,
    carries_observations,
    least_width,
    moved_fibre,
    normalised,
    patches_fit,
)
from symgen.families._terms import Source, heads, observed
from symgen.plan.plan import Plan, Step

CONSTRAINTS = ("exact", "relaxed")
FORMS = ("residual",)
MAX_READ = 1024
"""Most patches that are read out."""
Matrix = Literal["q", "k", "v", "left", "additive", "hadamard"]


class Global(BaseModel):
    """Attention over all patches."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    layers: int = Field(2, ge=1, le=32, description="number of global attention blocks")


class Options(BaseModel):
    """What `network:` accepts under `family: graph_attention`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    global_: Global = Field(
        Global(layers=2), alias="global", description="attention over all patches"
    )
    local: Local | None = Field(
        None, description="attention inside the window around every patch; left out, none"
    )
    readout: Literal["token", "patches", "both"] = Field(
        "token",
        description="what the heads read: the class token (SiT), the patches (SeT), or both (SieT)",
    )
    width: int = Field(
        64, ge=1, le=4096, description="channels at every patch; a multiple of the fibre's size"
    )
    heads: int = Field(
        8, ge=1, le=64, description="attention heads; divides width / size of the fibre"
    )
    patch: int = Field(1, ge=1, le=64, description="side of a patch in pixels")
    fibre: str = Field(
        "auto",
        description="how the hidden channels move: auto, trivial, regular or a permutation "
        "representation",
    )
    matrices: tuple[Matrix, ...] | None = Field(
        None,
        description="where graph matrices act: q, k, v (queries, keys, values), and on the scores "
        "hadamard, additive, "
        "left; left out, q and k, and v too where the hidden channels move",
        strict=False,
    )
    symmetrise: bool | Literal["both"] = Field(
        True,
        description="true: add the transpose to the scores, as in the paper; both: add up two "
        "softmaxes, of the "
        "symmetric and of the antisymmetric part; false: neither",
    )
    score_activation: Literal["none", "gelu", "relu", "tanh"] = Field(
        "none", description="applied to the scores before they are symmetrised"
    )
    triangles: Literal[1, 2] = Field(
        1,
        description="triangle layers per attention under graph: {orientation: triangles}: 1 (SiT) "
        "or 2 (SiT*)",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="probability of a graph label to be zero in training"
    )
    expansion: int = Field(
        0,
        ge=0,
        le=8,
        description="width of a two-layer map after attention, times the width; 0 for none, as in "
        "the paper",
    )


def check(problem: Any) -> list[Fault]:
    """What is wrong with this family's options for this problem."""
    options: Options = problem.family_options
    spatial = _spatial(problem)
    if len({str(field.base) for field in spatial.values()}) != 1:
        message = (
            "graph_attention needs observation terms on one grid, graph or set of tokens; "
            f"found {len(spatial)}"
        )
        return [
            Fault(
                "no-picture", ("network", "family"), message, "choose group_mlp for plain vectors"
            )
        ]
    faults = patches_fit(problem, options.patch) + settings_faults(problem, FORMS)
    if options.patch > 1 and any(field.base.kind != "grid" for field in spatial.values()):
        faults.append(
            Fault("patch-size", ("network", "patch"), "patches need a picture", "leave `patch` out")
        )
    try:
        atom = _atom(problem)
    except Refusal as error:
        return [
            *faults,
            Fault("hidden-fibre", ("network", "fibre"), str(error), _readable_fibre(problem)),
        ]
    if faults:
        return faults
    return _fibre_faults(problem, atom)


def _readable_fibre(problem: Any) -> str:
    return (
        f"use trivial; or {moved_fibre(problem.group)}"
        if problem.group.is_continuous
        else "use regular or trivial"
    )


def _fibre_faults(problem: Any, atom: Representation) -> list[Fault]:
    options: Options = problem.family_options
    faults = []
    path = ("network", "fibre")
    if atom.kind != "permutation":
        hint = "use a fibre that permutes its channels: regular, quotient(...), trivial"
        message = f"attention normalises channels, which does not commute with the fibre {atom}"
        faults.append(Fault("pointwise-nonlinearity", path, message, hint))
    elif options.width % (atom.size * options.heads):
        step = atom.size * options.heads
        message = (
            f"width {options.width} is not a multiple of {options.heads} heads x "
            f"{atom.size} channels of {atom}"
        )
        near = max(step, round(options.width / step) * step)
        faults.append(
            Fault("width", ("network", "width"), message, f"use width: {near}, or fewer heads")
        )
    else:
        hidden = vector(atom)
        least = least_width(atom.size, options.heads)
        faults += normalised(
            _copies(options.width, atom), ("network", "width"), f"use width: {least} or more"
        )
        faults += _graph_faults(problem, atom)
        faults += local_faults(options, next(iter(_spatial(problem).values())).base, atom)
        faults += carries_observations(problem, hidden, path)
        faults += carries_actions(problem, hidden, path)
        faults = faults or _direction_faults(problem, atom) or _idle_faults(problem, atom)
    if not faults and options.readout != "token":
        size = _patch_base(problem).size
        if size > MAX_READ:
            message = f"a readout of {size} patches is too large"
            faults.append(
                Fault(
                    "patch-size",
                    ("network", "readout"),
                    message,
                    "use larger patches, or readout: token",
                )
            )
    return faults


def _copies(width: int, atom: Representation) -> Representation:
    """The hidden fibre of so many channels."""
    return representations.direct_sum((width // atom.size, atom))


def _direction_faults(problem: Any, atom: Representation) -> list[Fault]:
    """Something must tell the channels of a moving fibre apart, or they stay equal and so do the
    actions.
    """
    options: Options = problem.family_options
    observed_one = any(not field.fibre.is_trivial for field in problem.observation.values())
    if options.local and options.local.readout != "token":
        return []
    if (
        problem.action.is_trivial
        or (options.patch > 1 and not options.local)
        or options.readout != "token"
        or observed_one
    ):
        return []
    labels = patch_graph(problem).fibre_labels(atom)
    if "v" in matrices(options, atom) and (labels != labels[:, :, :1]).any():
        return []
    message = (
        "no layer tells directions apart: the policy would treat actions alike that "
        f"{problem.group} exchanges"
    )
    finer = "offset" if patch_graph(problem).base.kind == "grid" else "absolute"
    hint = f"write readout: patches; or matrices: [q, k, v] here and labels: {finer} in graph:"
    return [Fault("hidden-fibre", ("network", "matrices"), message, hint)]


def _idle_faults(problem: Any, atom: Representation) -> list[Fault]:
    """Outputs that could show nothing of a generator."""
    if _patch_base(problem).size > MAX_READ and problem.family_options.readout != "token":
        return []  # it is refused
    last = latent(problem, _written_out(problem, atom), atom, patch_graph(problem))
    own = [atom] if problem.critic == "q" else []
    regular = "use fibre: regular and readout: patches" if problem.group.generators else None
    return output_faults(problem, last, last, own, ("network", "fibre"), regular)


def matrices(options: Options, atom: Representation) -> tuple[str, ...]:
    """Which of q, k, v carry a graph matrix. Values without one never learn a direction from where
    they stand.
    """
    if options.matrices is not None:
        return options.matrices
    return ("q", "k") if atom.is_trivial else ("q", "k", "v")


def _written_out(problem: Any, atom: Representation) -> Options:
    options: Options = problem.family_options
    return options.model_copy(update={"matrices": matrices(options, atom)})


def _graph_faults(problem: Any, atom: Representation) -> list[Fault]:
    try:
        patch_graph(problem).fibre_labels(atom)
    except Refusal as error:
        return [
            Fault(
                "too-large",
                ("graph",),
                str(error),
                "larger patches or fewer labels make the graph smaller",
            )
        ]
    return _triangle_faults(problem)


def _triangle_faults(problem: Any) -> list[Fault]:
    """Triangles need a grid, and a group without mirrors."""
    path = ("graph", "orientation")
    if not _oriented(problem):
        return []
    base = patch_graph(problem).base
    if base.kind != "grid":
        return [
            Fault(
                "bad-topology",
                path,
                f"triangles need a grid, not {base}",
                "write orientation: none",
            )
        ]
    mirror = triangle_tables(base).broken_by(base)
    if mirror is None:
        return _idle_triangles(problem.family_options)
    message = (
        f"{mirror} is no automorphism of the graph: it is a mirror, and turns the triangles over"
    )
    hint = "use a group of turns (C4 in place of D4, C2 in place of D2), or orientation: none"
    return [Fault("not-an-automorphism", path, message, hint)]


def _idle_triangles(options: Options) -> list[Fault]:
    """Triangles mix the scores of the places alone, so a token learns of them from the places: a
    block later.
    """
    local = options.local
    within = local is not None and (local.readout != "token" or local.layers > 1)
    if options.global_.layers > 1 or options.readout != "token" or within:
        return []
    message = (
        "triangles change what the patches attend to, and the class token is read out "
        "before it can see that"
    )
    hint = "write global: {layers: 2} or readout: both in network:, or orientation: none"
    return [Fault("idle-triangles", ("graph", "orientation"), message, hint)]


def _oriented(problem: Any) -> bool:
    written = problem.spec.graph
    return written is not None and written.orientation == "triangles"


def plan(problem: Any) -> Plan:
    """Embed patches, join the class token, attend, read out, heads."""
    options: Options = problem.family_options
    atom = _atom(problem)
    base = _patch_base(problem)
    patches = FieldType(base, _copies(options.width, atom))
    steps, sources = observed(problem)
    if options.local is None:
        steps += _embeddings(sources, patches, patches, options.patch)
    else:
        pixels = pixel_field(options, next(iter(_spatial(problem).values())).base, atom)
        steps += _embeddings(sources, pixels, patches, 1, options.local)
        last = [step for step in steps if step.out_type == pixels][-1]
        kind = patch_graph(problem).kind
        steps.append(
            local_step(_written_out(problem, atom), last, patches, kind, _oriented(problem))
        )
    steps.append(_join(steps, patches))
    steps += _blocks(problem, steps[-1].out_type, patches, atom)
    steps += _readout(steps[-1], patches, options.readout)
    ends = Source(steps[-1].name, steps[-1].out_type)
    steps += heads(problem, ends, ends)
    how = chosen(problem, FORMS[0])
    if how is not None:
        steps = [relaxed(step, how, patch_graph(problem)) for step in steps]
    return Plan("graph_attention", dict(problem.observation), tuple(steps))


def patch_graph(problem: Any) -> Graph:
    """The graph on the patches that the attention's matrices are labelled by."""
    base = _patch_base(problem)
    chosen = problem.graph
    if chosen is None:
        return graphs.build(base, "complete", "offset" if base.kind == "grid" else "absolute")
    return chosen if chosen.base == base else graphs.build(base, chosen.topology, chosen.kind)


def _spatial(problem: Any) -> dict[str, FieldType]:
    return {
        name: field for name, field in problem.observation.items() if field.base.kind != "point"
    }


def _patch_base(problem: Any) -> Base:
    base = next(iter(_spatial(problem).values())).base
    patch = problem.family_options.patch
    return base if patch == 1 else bases.resize(base, *(side // patch for side in base.shape))


def _atom(problem: Any) -> Representation:
    """The representation of which the hidden fibre is a multiple.

    Auto is trivial (cheapest, the paper's) where nothing observed or done has a direction, else
    regular.
    """
    text = problem.family_options.fibre
    if text == "auto":
        still = (
            all(field.fibre.is_trivial for field in problem.observation.values())
            and problem.action.is_trivial
        )
        small = problem.group.generators and problem.group.order <= 64
        text = "trivial" if still or not small else "regular"
    atom = representations.parse(problem.group, text)
    if len(atom.blocks) != 1 or atom.blocks[0][0] != 1:
        raise Refusal(
            f"the fibre {text!r} must be one representation; `width` says how many copies there are"
        )
    return atom


def _embeddings(
    sources: list[Source],
    places: FieldType,
    patches: FieldType,
    patch: int,
    local: Local | None = None,
) -> list[Step]:
    """Terms on the places become features there; plain vectors become vectors with the fibre of the
    patches.
    """
    steps = []
    for source in sources:
        name = f"embed_{source.name.removeprefix('normal_')}"
        # attention normalises what it reads: without a bias to compare with, it would not see how
        # large a number is
        bias_gain = 0.1 if source.real else 0.0
        if not source.is_spatial:
            target = vector(patches.fibre)
            arguments: dict[str, Any] = {"target": target, "source": source.field}
            weights = linear_weights(target, source.field)
            module = "tied_linear.TiedLinear"
        elif local is not None and local.downscale > 1:
            target = places
            sampling = Sampling(local.kernel, 1, local.kernel // 2)
            pool = Sampling(local.downscale, local.downscale)
            around = FieldType(window(source.field.base, sampling), source.field.fibre)
            arguments = {
                "target": target,
                "source": source.field,
                "sampling": sampling,
                "pool": pool,
            }
            weights = linear_weights(vector(target.fibre), around)
            module = "group_conv.GroupConv"
        elif patch == 1:
            target = places
            arguments = {
                "target": target,
                "source": source.field,
                "scope": "place",
                "bias_gain": bias_gain,
            }
            weights = linear_weights(target, source.field, "place")
            module = "tied_linear.TiedLinear"
        else:
            target = places
            inside = FieldType(bases.resize(source.field.base, patch, patch), source.field.fibre)
            arguments = {
                "target": target,
                "source": source.field,
                "patch": patch,
                "bias_gain": bias_gain,
            }
            weights = linear_weights(vector(target.fibre), inside)
            module = "embedding.PatchEmbedding"
        steps.append(
            Step(name, module, (source.name,), (source.field,), target, "exact", weights, arguments)
        )
    spatial = [step for step in steps if step.out_type == places]
    if len(spatial) > 1:
        names = tuple(s.name for s in spatial)
        types = tuple(s.out_type for s in spatial)
        steps.append(Step("embed", "embedding.Add", names, types, places, "exact", 0))
    return steps


def _join(steps: list[Step], patches: FieldType) -> Step:
    places = [step for step in steps if step.out_type == patches][-1]
    points = [
        step
        for step in steps
        if step.out_type == vector(patches.fibre) and step.name.startswith("embed_")
    ]
    field = FieldType(bases.union(bases.point(patches.group), patches.base), patches.fibre)
    inputs = (places.name, *(p.name for p in points))
    types = (places.out_type, *(p.out_type for p in points))
    weights = bias(vector(patches.fibre)).weights
    return Step(
        "token", "embedding.JoinToken", inputs, types, field, "exact", weights, {"field": patches}
    )


def _blocks(problem: Any, field: FieldType, patches: FieldType, atom: Representation) -> list[Step]:
    options = _written_out(problem, atom)
    arguments, weights = block(
        options, field, patch_graph(problem), options.heads, _oriented(problem)
    )
    steps = []
    before = "token"
    for k in range(options.global_.layers):
        name = f"attention{k + 1}"
        steps.append(
            Step(
                name,
                "attention.GraphAttention",
                (before,),
                (field,),
                field,
                "exact",
                weights,
                arguments,
            )
        )
        before = name
    norm = Step(
        "norm",
        "norm.FieldNorm",
        (before,),
        (field,),
        field,
        "exact",
        norm_weights(field),
        {"field": field},
    )
    return [*steps, norm]


def _readout(last: Step, patches: FieldType, readout: str) -> list[Step]:
    field = last.out_type
    fibre = vector(patches.fibre)
    steps: list[Step] = []
    ends: list[Step] = []
    arguments: dict[str, Any]
    if readout in ("token", "both"):
        arguments = {"start": 0, "stop": 1}
        steps.append(
            Step(
                "read_token",
                "embedding.Places",
                (last.name,),
                (field,),
                fibre,
                "exact",
                0,
                arguments,
            )
        )
        ends.append(steps[-1])
    if readout in ("patches", "both"):
        steps += _read_patches(last, patches)
        ends.append(steps[-1])
    types = tuple(end.out_type for end in ends)
    weights = sum(linear_weights(fibre, field, with_bias=k == 0) for k, field in enumerate(types))
    arguments = {"target": fibre, "sources": types, "activation": "gelu"}
    names = tuple(end.name for end in ends)
    return [
        *steps,
        Step("latent", "embedding.Nonlinear", names, types, fibre, "exact", weights, arguments),
    ]


def _read_patches(last: Step, patches: FieldType) -> list[Step]:
    """Few channels at every patch, then they are read all at once by a map that is tied over orbits
    of patches.
    """
    arguments: dict[str, Any] = {
        "start": last.out_type.base.size - patches.base.size,
        "stop": last.out_type.base.size,
    }
    places = Step(
        "read_patches",
        "embedding.Places",
        (last.name,),
        (last.out_type,),
        patches,
        "exact",
        0,
        arguments,
    )
    ((copies, atom),) = patches.fibre.blocks
    slim = FieldType(patches.base, representations.direct_sum((min(2, copies), atom)))
    weights = linear_weights(slim, patches, "place")
    arguments = {"target": slim, "sources": (patches,), "activation": "gelu", "scope": "place"}
    return [
        places,
        Step(
            "slim",
            "embedding.Nonlinear",
            ("read_patches",),
            (patches,),
            slim,
            "exact",
            weights,
            arguments,
        ),
    ]
