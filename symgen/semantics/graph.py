"""`graph:` -> the graph on the places (or patches) that the group moves."""

import math
from collections.abc import Mapping

from pydantic import BaseModel

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.base import Base
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import LABELS, OFF_GRID, TOPOLOGIES, Graph
from symgen.errors import Refusal, shown, suggestion
from symgen.problem.family import Family
from symgen.spec.findings import Failed, Findings
from symgen.spec.schema import Edges, Spec
from symgen.spec.schema import Graph as Section

PATH = ("graph",)
TOPOLOGY = (*PATH, "topology")

# Bases without places that the group permutes.
WITHOUT_PLACES = ("point", "plane")
# Most places of a graph: it has a label for every pair of them.
MAX_GRAPH = 1024


def resolve_graph(
    spec: Spec,
    observation: Mapping[str, FieldType],
    family: Family[BaseModel, object],
    options: BaseModel,
    findings: Findings,
) -> tuple[Spec, Graph | None]:
    """The graph on the first observation term that has places; on its patches, where the family has
    an option `patch`.

    Returns:
        The spec with nothing left open in its graph section: offset labels on a grid, distance
        elsewhere. And the graph; None where the family uses none and the spec does not ask for one,
        or the places are too many to build one.

    Raises:
        Failed: the graph does not fit the places.
    """
    places = (field.base for field in observation.values())
    base = next((base for base in places if base.kind not in WITHOUT_PLACES), None)
    if base is None:
        message = "a graph needs places, and the observation is a plain vector"
        hint = "leave graph: out, or give a term as tokens or grid"
        raise findings.add("no-places", PATH, message, hint, key=True)
    section = spec.graph or Section()
    labels = section.labels or ("offset" if base.kind == "grid" else "distance")
    section = section.model_copy(update={"labels": labels})
    complete = spec.model_copy(update={"graph": section})
    if spec.graph is None and not family.USES_GRAPH:
        return complete, None
    base = _patches(base, family.patch(options))
    if base.size > MAX_GRAPH:
        if not family.USES_GRAPH:
            return complete, None
        message = (
            f"{base} has {base.size} places, too many for a graph; at most {MAX_GRAPH} are possible"
        )
        hint = "use a smaller view, or patches of more pixels"
        raise findings.add("too-large", PATH, message, hint, key=True)
    if isinstance(section.topology, Edges):
        _check_edges(section.topology, labels, base, findings)
    else:
        _check_topology(section.topology, base, findings)
    _check_labels(section, base, findings)
    try:
        return complete, graphs.build(base, section.topology_name, labels, section.edges)
    except Refusal as error:
        code = error.code or "bad-topology"
        raise findings.add(code, TOPOLOGY, str(error), "symgen schema lists them") from error


def _patches(base: Base, patch: int) -> Base:
    """The grid of patches; the pixels where the patch does not fit, as the family says itself."""
    if base.kind != "grid" or patch == 1 or any(side % patch for side in base.shape):
        return base
    return bases.resize(base, *(side // patch for side in base.shape))


def _check_topology(topology: str, base: Base, findings: Findings) -> None:
    name, _, radius = topology.partition(" ")
    if name not in TOPOLOGIES or (radius and name != "radius") or topology == "edges":
        known = [word.replace("radius", "radius 2") for word in TOPOLOGIES if word != "edges"]
        word = name if name in TOPOLOGIES else topology
        hint = suggestion(word, known, "topologies") + " (or {edges: [[0, 1], ...]})"
        raise findings.add(
            "bad-topology", TOPOLOGY, f"there is no topology {shown(topology)}", hint
        )
    if name == "radius" and not _positive(radius):
        hint = "write 'radius 2', or 'radius 1.5'"
        raise findings.add("bad-topology", TOPOLOGY, f"{shown(topology)} has no radius", hint)
    if base.kind != "grid" and name not in OFF_GRID:
        message = (
            f"the topology {topology} needs a grid, and the observation is {base.kind} {base.size}"
        )
        raise findings.add(
            "bad-topology",
            TOPOLOGY,
            message,
            "write complete; or cycle, path or {edges: [[0, 1], ...]}, where the group keeps them",
        )
    if base.kind == "grid" and name in ("cycle", "path"):
        message = f"a {name} needs places in a row, such as tokens, and the observation is {base}"
        hint = (
            "write torus, whose ends are neighbours"
            if name == "cycle"
            else "write grid, for neighbouring cells"
        )
        raise findings.add("bad-topology", TOPOLOGY, message, hint)


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


def _check_edges(topology: Edges, labels: str, base: Base, findings: Findings) -> None:
    before = len(findings.diagnostics)
    for index, edge in enumerate(topology.edges):
        path = (*TOPOLOGY, "edges", index)
        ends = edge[:2]
        attributes = edge[2] if len(edge) > 2 else {}
        if not all(isinstance(end, int) and 0 <= end < base.size for end in ends):
            message = f"{shown(list(ends))} is no edge between the places 0 to {base.size - 1}"
            findings.add("bad-edge", path, message, "an edge is [from, to], numbered from 0")
        elif not isinstance(attributes, Mapping):
            hint = "write [from, to], or [from, to, {attribute: value}]"
            findings.add("bad-edge", path, "an edge has two ends", hint)
        elif labels not in LABELS and labels not in attributes:
            message = f"this edge has no attribute {shown(labels)}, which labels: asks for"
            findings.add(
                "bad-edge", path, message, f"write [{ends[0]}, {ends[1]}, {{{labels[:20]}: ...}}]"
            )
    if len(findings.diagnostics) > before:
        raise Failed


def _check_labels(section: Section, base: Base, findings: Findings) -> None:
    path = (*PATH, "labels")
    labels = str(section.labels)
    if labels not in LABELS and not isinstance(section.topology, Edges):
        hint = suggestion(labels, LABELS, "labels") + "; an edge attribute needs {edges: [...]}"
        raise findings.add("bad-labels", path, f"there are no labels {shown(labels)}", hint)
    if labels == "offset" and base.kind != "grid":
        message = f"offset labels need a grid, and the observation is {base.kind} {base.size}"
        hint = (
            "write labels: distance; or absolute, which tells all pairs apart that the group "
            "does not exchange"
        )
        raise findings.add("bad-labels", path, message, hint)
