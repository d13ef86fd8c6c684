"""`constraint: relaxed` as a rewriting of an exact plan: every map gets a departure that is learnt and starts at zero.

W = W_tied + Delta with Delta = 0 at first, so the network is exact until training departs from it (Finzi et al. 2021,
"Residual pathway priors"). Delta of a matrix is free; that of a graph matrix is shared only by pairs with the same
offset (on a grid), one for every pair elsewhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import Graph
from symgen.families._attention_blocks import ON_PLACES
from symgen.plan.ir import Step


def relaxed(step: Step, graph: Graph) -> Step:
    """The step with departures, or the step itself where there is nothing to relax.

    Args:
        step: exact.
        graph: of the global attention.
    """
    if step.module not in MORE:
        return step
    more, arguments = MORE[step.module](step.arguments, graph)
    return replace(step, constraint="relaxed", weights=step.weights + more, arguments={**step.arguments, **arguments})


def fine_labels(graph: Graph) -> np.ndarray:
    """Labels (n, n) that no group merges: offsets on a grid, every pair its own elsewhere; -1 for no edge."""
    if graph.base.kind == "grid":
        rows, columns = graph.base.shape
        plain = bases.grid(group("C1"), rows, columns)
        return graphs.build(plain, graph.topology, "offset", graph.edges).labels
    return np.where(graph.adjacency, np.cumsum(graph.adjacency).reshape(graph.adjacency.shape) - 1, -1)


Rewriting = Callable[[Mapping[str, Any], Graph], tuple[int, dict[str, Any]]]
FREE = {"relaxed": True}


def _linear(arguments: Mapping[str, Any], _: Graph) -> tuple[int, dict[str, Any]]:
    at_a_place = arguments.get("scope") == "place"
    return _dense(arguments["target"], (arguments["source"],), at_a_place), FREE


def _nonlinear(arguments: Mapping[str, Any], _: Graph) -> tuple[int, dict[str, Any]]:
    return _dense(arguments["target"], arguments["sources"], arguments.get("scope") == "place"), FREE


def _patches(arguments: Mapping[str, Any], _: Graph) -> tuple[int, dict[str, Any]]:
    inside = arguments["patch"] ** 2 * arguments["source"].fibre.size
    return arguments["target"].fibre.size * (inside + 1), FREE


def _convolution(arguments: Mapping[str, Any], _: Graph) -> tuple[int, dict[str, Any]]:
    inside = arguments["sampling"].kernel ** 2 * arguments["source"].fibre.size
    return arguments["target"].fibre.size * (inside + 1), FREE


def _attention(arguments: Mapping[str, Any], graph: Graph) -> tuple[int, dict[str, Any]]:
    labels, width = fine_labels(graph), arguments["field"].fibre.size
    mixed = sum(name in arguments["matrices"] for name in ON_PLACES)
    return 4 * width**2 + width + mixed * width * (int(labels.max()) + 1), {"relaxed": labels}


def _local(arguments: Mapping[str, Any], _: Graph) -> tuple[int, dict[str, Any]]:
    window, slim, readout = arguments["window"], arguments["slim"], arguments["readout"]
    graph = graphs.build(window.base, "complete", "offset")
    each, labels = _attention(arguments["blocks"], graph)
    width, more = arguments["target"].fibre.size, arguments["layers"] * each
    if readout != "patches":
        more += width * (window.fibre.size + 1)
    if readout != "token":
        more += _dense(slim, (window,), True) + width * (slim.size + (readout == "patches"))
    return more, {"blocks": {**arguments["blocks"], **labels}, "relaxed": True}


def _dense(target: FieldType, sources: tuple[FieldType, ...], at_a_place: bool) -> int:
    size = target.fibre.size if at_a_place else target.size
    return size * (1 + sum(source.fibre.size if at_a_place else source.size for source in sources))


MORE: dict[str, Rewriting] = {
    "tied_linear.TiedLinear": _linear,
    "embedding.Nonlinear": _nonlinear,
    "embedding.PatchEmbedding": _patches,
    "group_conv.GroupConv": _convolution,
    "attention.GraphAttention": _attention,
    "local_attention.LocalAttention": _local,
}
"""How many weights a departure adds to a module, and the arguments that ask for it."""
