"""`local:` of graph_attention: attention inside the window around every patch, with shared
weights.
"""

from symgen.algebra import base as bases
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.windows import windows
from symgen.errors import Refusal
from symgen.families._attention_design import LocalDesign
from symgen.families._rules import least_width, normalised
from symgen.operations.attention import GraphAttention
from symgen.operations.local_attention import LocalAttention
from symgen.problem.fault import Fault
from symgen.spec.source import Place


def local_faults(local: LocalDesign) -> list[Fault]:
    """What is wrong with `local:`."""
    path: Place = ("network", "local")
    atom = local.design.atom
    pixels = local.design.pixels
    patch = local.design.options.patch
    if pixels.kind != "grid":
        message = f"windows need a picture, not {pixels}"
        return [Fault("no-picture", path, message, "leave local: out")]
    if patch % local.options.downscale:
        message = f"patches of {patch} pixels cannot be downscaled by {local.options.downscale}"
        hint = "choose a divisor of the patch"
        return [Fault("patch-size", (*path, "downscale"), message, hint)]
    try:
        windows(local.pixels, local.options.window, local.patch)
    except Refusal as error:
        hint = f"choose window: {local.patch}, {local.patch + 2} or {local.patch + 4}"
        return [Fault(error.code, (*path, "window"), str(error), hint)]
    path = (*path, "width") if local.options.width else path
    step = local.heads * atom.size
    if local.width % step:
        message = (
            f"local width {local.width} is not a multiple of {local.heads} heads x "
            f"{atom.size} channels of {atom}"
        )
        near = max(1, round(local.width / step)) * step
        return [Fault("width", path, message, f"use local width: {near}")]
    hint = f"use local width: {least_width(atom.size, local.heads)} or more"
    return normalised(local.design.copies(local.width), path, hint)


def local_attention(local: LocalDesign) -> LocalAttention:
    """From pixels to patches."""
    design = local.design
    options = design.options
    pixels = local.field
    inside = local.graph.base
    if local.options.readout != "patches":  # the window has a token of its own
        inside = bases.union(bases.point(inside.group), inside)
    block = GraphAttention(
        FieldType(inside, pixels.fibre),
        local.graph,
        local.heads,
        design.matrices,
        options.symmetrise,
        options.expansion,
        options.score_activation,
        options.triangles if design.is_oriented else 0,
        options.dropout,
    )
    readout = local.options.readout
    return LocalAttention(
        design.patches,
        pixels,
        block,
        local.patch,
        local.options.window,
        local.options.layers,
        readout,
    )
