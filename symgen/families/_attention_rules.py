"""What graph_attention has to refuse."""

from symgen.algebra.fieldtype import vector
from symgen.algebra.triangles import triangle_tables
from symgen.errors import Refusal
from symgen.families._attention_design import Design, Options, local_of
from symgen.families._attention_reach import latent
from symgen.families._local_windows import local_faults
from symgen.families._outputs import mixing, output_faults
from symgen.families._rules import (
    carries_actions,
    carries_observations,
    least_width,
    normalised,
)
from symgen.problem.fault import Fault

MAX_READ = 1024
"""Most patches that are read out."""


def check(design: Design) -> list[Fault]:
    """A fibre that permutes, a width that it and the heads divide, a graph that it can see."""
    options = design.options
    atom = design.atom
    step = atom.size * options.heads
    if atom.kind != "permutation":
        hint = "use a fibre that permutes its channels: regular, quotient(...), trivial"
        message = f"attention normalises channels, which does not commute with the fibre {atom}"
        faults = [Fault("pointwise-nonlinearity", ("network", "fibre"), message, hint)]
    elif options.width % step:
        message = (
            f"width {options.width} is not a multiple of {options.heads} heads x "
            f"{atom.size} channels of {atom}"
        )
        near = max(step, round(options.width / step) * step)
        hint = f"use width: {near}, or fewer heads"
        faults = [Fault("width", ("network", "width"), message, hint)]
    else:
        faults = _graph_faults(design)
    if not faults and options.readout != "token" and design.base.size > MAX_READ:
        message = f"a readout of {design.base.size} patches is too large"
        hint = "use larger patches, or readout: token"
        faults.append(Fault("patch-size", ("network", "readout"), message, hint))
    return faults


def _graph_faults(design: Design) -> list[Fault]:
    problem = design.problem
    options = design.options
    hidden = vector(design.atom)
    hint = f"use width: {least_width(design.atom.size, options.heads)} or more"
    faults = normalised(design.copies(options.width), ("network", "width"), hint)
    try:
        design.graph.fibre_labels(design.atom)
        faults += _triangle_faults(design)
    except Refusal as error:
        hint = "larger patches or fewer labels make the graph smaller"
        faults.append(Fault("too-large", ("graph",), str(error), hint))
    local = local_of(design)
    faults += local_faults(local) if local else []
    faults += carries_observations(problem, hidden, ("network", "fibre"))
    faults += carries_actions(problem, hidden, ("network", "fibre"))
    return faults or _direction_faults(design) or _idle_faults(design)


def _direction_faults(design: Design) -> list[Fault]:
    """Something must tell the channels of a moving fibre apart, or they stay equal and so do the
    actions.
    """
    problem = design.problem
    options = design.options
    local = options.local
    directed = any(not field.fibre.is_trivial for field in problem.observation.values())
    if problem.action.is_trivial or directed or options.readout != "token":
        return []
    if local is not None and local.readout != "token":
        return []
    if options.patch > 1 and local is None:
        return []
    labels = design.graph.fibre_labels(design.atom)
    if "v" in design.matrices and (labels != labels[:, :, :1]).any():
        return []
    message = (
        "no layer tells directions apart: the policy would treat actions alike that "
        f"{problem.group} exchanges"
    )
    finer = "offset" if design.base.kind == "grid" else "absolute"
    hint = f"write readout: patches; or matrices: [q, k, v] here and labels: {finer} in graph:"
    return [Fault("hidden-fibre", ("network", "matrices"), message, hint)]


def _idle_faults(design: Design) -> list[Fault]:
    """Outputs that could show nothing of a generator."""
    if design.base.size > MAX_READ and design.options.readout != "token":
        return []  # it is refused
    problem = design.problem
    last = latent(design)
    hint = "use fibre: regular and readout: patches" if problem.group.generators else None
    layers = mixing(problem, design.atom)
    return output_faults(problem, last, last, layers, ("network", "fibre"), hint)


def _triangle_faults(design: Design) -> list[Fault]:
    """Triangles need a grid, and a group without mirrors."""
    path = ("graph", "orientation")
    if not design.is_oriented:
        return []
    base = design.graph.base
    if base.kind != "grid":
        message = f"triangles need a grid, not {base}"
        return [Fault("bad-topology", path, message, "write orientation: none")]
    mirror = triangle_tables(base).broken_by(base)
    if mirror is None:
        return _idle_triangles(design.options)
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
