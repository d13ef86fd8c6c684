"""`local:` of graph_attention: attention inside the window around every patch, with shared weights."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.graph import LABELS, Graph
from symgen.algebra.representation import Representation, direct_sum
from symgen.algebra.tying import bias, linear_weights
from symgen.algebra.windows import windows
from symgen.errors import Refusal
from symgen.families._attention_blocks import block, norm_weights
from symgen.families._rules import Fault, least_width, normalised
from symgen.plan.plan import Step


class Local(BaseModel):
    """Attention among the pixels of the window around every patch."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    window: int = Field(
        3,
        ge=1,
        le=32,
        description="side of a window in pixels; it overlaps its neighbours where larger "
        "than a patch",
    )
    downscale: int = Field(
        1,
        ge=1,
        le=8,
        description="the cheap form: first a convolution with shared weights and max-pooling by "
        "this factor; the "
        "window is counted in the pixels that are left, patch / downscale of them is the smallest",
    )
    kernel: Literal[1, 3, 5, 7] = Field(5, description="side of the kernel of that convolution")
    layers: int = Field(1, ge=1, le=8, description="number of local attention blocks")
    readout: Literal["token", "patches", "both"] = Field(
        "token",
        description="what the patch gets of its window: the local token (SiT), the pixels (SeT), "
        "or both (SieT)",
    )
    width: int | None = Field(
        None, ge=1, le=1024, description="channels at every pixel; left out, the network's width"
    )
    heads: int | None = Field(
        None, ge=1, le=64, description="local attention heads; left out, the network's heads"
    )


def local_faults(options: Any, pixels: Base, atom: Representation) -> list[Fault]:
    """What is wrong with `local:`.

    Args:
        options: of the family.
        pixels: the base of the picture.
        atom: the representation of which the hidden fibre is a multiple.
    """
    local: Local | None = options.local
    if local is None:
        return []
    path = ("network", "local")
    if pixels.kind != "grid":
        return [
            Fault("no-picture", path, f"windows need a picture, not {pixels}", "leave local: out")
        ]
    if options.patch % local.downscale:
        message = f"patches of {options.patch} pixels cannot be downscaled by {local.downscale}"
        return [Fault("patch-size", (*path, "downscale"), message, "choose a divisor of the patch")]
    try:
        windows(coarse(options, pixels), local.window, options.patch // local.downscale)
    except Refusal as error:
        least = options.patch // local.downscale
        hint = f"choose window: {least}, {least + 2} or {least + 4}"
        return [Fault(error.code, (*path, "window"), str(error), hint)]
    width, heads = _sizes(options)
    if width % (heads * atom.size):
        message = (
            f"local width {width} is not a multiple of {heads} heads x {atom.size} channels "
            f"of {atom}"
        )
        near = max(1, round(width / (heads * atom.size))) * heads * atom.size
        return [
            Fault(
                "width",
                (*path, "width") if local.width else path,
                message,
                f"use local width: {near}",
            )
        ]
    fibre = direct_sum((width // atom.size, atom))
    least = least_width(atom.size, heads)
    return normalised(
        fibre, (*path, "width") if local.width else path, f"use local width: {least} or more"
    )


def pixel_field(options: Any, pixels: Base, atom: Representation) -> FieldType:
    """Type of the picture before the windows are cut out of it."""
    return FieldType(coarse(options, pixels), direct_sum((_sizes(options)[0] // atom.size, atom)))


def coarse(options: Any, pixels: Base) -> Base:
    """The grid after downscaling."""
    factor = options.local.downscale
    return (
        pixels if factor == 1 else bases.resize(pixels, *(side // factor for side in pixels.shape))
    )


def window_graph(options: Any, pixels: Base, labels: str) -> Graph:
    """The graph on the pixels of one window; its labels are of the kind of the patches' graph."""
    inside = bases.resize(pixels, options.local.window, options.local.window)
    return graphs.build(inside, "complete", labels if labels in LABELS else "offset")


def local_step(options: Any, before: Step, patches: FieldType, labels: str, oriented: bool) -> Step:
    """The step from pixels to patches.

    Args:
        options: of the family; `matrices` must be written out.
        before: the step that makes the pixels.
        patches: type of the patches.
        labels: of the graph of the patches; those of a window are of the same kind.
        oriented: whether there is a triangle layer.
    """
    local: Local = options.local
    pixels = before.out_type
    ((_, atom),) = pixels.fibre.blocks
    graph = window_graph(options, pixels.base, labels)
    inside = graph.base
    window = FieldType(inside, pixels.fibre)
    slim = FieldType(inside, direct_sum((2, atom)))
    token = local.readout != "patches"
    field = (
        FieldType(bases.union(bases.point(inside.group), inside), pixels.fibre) if token else window
    )
    blocks, each = block(options, field, graph, _sizes(options)[1], oriented)
    fibre = vector(patches.fibre)
    weights = local.layers * each + norm_weights(pixels)
    if token:
        weights += bias(vector(pixels.fibre)).weights + linear_weights(fibre, vector(pixels.fibre))
    if local.readout != "token":
        weights += linear_weights(slim, window, "place") + linear_weights(
            fibre, slim, with_bias=not token
        )
    arguments = {
        "target": patches,
        "window": window,
        "slim": slim,
        "index": windows(pixels.base, local.window, options.patch // local.downscale),
        "blocks": blocks,
        "layers": local.layers,
        "readout": local.readout,
    }
    module = "local_attention.LocalAttention"
    return Step("local", module, (before.name,), (pixels,), patches, "exact", weights, arguments)


def _sizes(options: Any) -> tuple[int, int]:
    return options.local.width or options.width, options.local.heads or options.heads
