"""The graph on a base: which pairs of places may see each other, and which pairs share a weight.

`topology` says which pairs are edges (networkx builds it); `labels` is a ladder of ever finer partitions of the pairs:
distance, offset, absolute, or an edge attribute. Every partition is joined with the orbits of the group, so equal labels
are what an equivariant map may share. Graph matrices G of SiT (Weissenbacher et al. 2024, section 3) are theta[label].
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from symgen.algebra.base import Base
from symgen.algebra.orbits import components, number, pair_permutation
from symgen.algebra.representation import Representation

TOPOLOGIES = ("complete", "grid", "king", "torus", "radius", "edges")
LABELS = ("distance", "offset", "absolute")
MAX_PAIRS = 16_000_000
"""Largest number of (pair, channel copy) entries that are labelled."""


@dataclass(frozen=True, eq=False)
class Graph:
    """A networkx graph on a base with its labelled pairs.

    Args:
        base: the places and how the group moves them.
        networkx: the graph; every place is also a neighbour of itself (label of distance 0).
        topology: as written in the spec, e.g. "king" or "radius 2".
        kind: "distance", "offset", "absolute" or the name of an edge attribute.
    """

    base: Base
    networkx: nx.Graph = field(repr=False)
    topology: str
    kind: str

    def __str__(self) -> str:
        return f"{self.topology} on {self.base}, labels {self.kind}: {self.label_count} labels"

    @cached_property
    def adjacency(self) -> np.ndarray:
        """Boolean (n, n): an edge, or the place itself."""
        edges = nx.to_numpy_array(self.networkx, nodelist=range(self.base.size), weight=None)
        return (edges > 0) | np.eye(self.base.size, dtype=bool)

    @cached_property
    def signature(self) -> np.ndarray:
        """The ungrouped label of every pair (n, n): what the pair looks like before the group identifies pairs."""
        return _signature(self)

    @cached_property
    def labels(self) -> np.ndarray:
        """Label of every pair (n, n), equal on orbits of the group, -1 where there is no edge."""
        return self.fibre_labels(None)[:, :, 0]

    @property
    def label_count(self) -> int:
        """Number of different labels."""
        return int(self.labels.max()) + 1

    def fibre_labels(self, fibre: Representation | None) -> np.ndarray:
        """Labels of (target place, source place, channel), shape (n, n, fibre.size), -1 where there is no edge.

        A channel that the group moves sees the graph from its own side: the label of (g.i, g.j, g.f) is that of
        (i, j, f). With the trivial fibre these are the labels of pairs; with the regular one, a group convolution.

        Raises:
            ValueError: too many entries, or a fibre that does not permute its channels.
        """
        n, copies = self.base.size, fibre.size if fibre else 1
        if n * n * copies > MAX_PAIRS:
            raise ValueError(
                f"{n} x {n} pairs x {copies} channels are more than {MAX_PAIRS} labels; use a smaller grid"
            )
        permutations = []
        for g, places in zip(self.base.group.generators, self.base.permutations, strict=True):
            channels = fibre.signed_permutation(g)[0] if fibre else np.zeros(1, dtype=np.int64)
            permutations.append(pair_permutation(pair_permutation(places, places), channels))
        signature = (self.signature[:, :, None] * copies + np.arange(copies)).reshape(-1)
        signatures = [] if self.kind == "absolute" else [signature]
        label = components(n * n * copies, permutations, signatures).reshape(n, n, copies)
        return _where_edges(label, self.adjacency)

    def broken_automorphism(self) -> tuple[str, tuple[int, int]] | None:
        """The first (generator, edge) whose image is no edge, or carries another attribute; None where all hold."""
        for g, places in zip(self.base.group.generators, self.base.permutations, strict=True):
            moved = np.ix_(places, places)
            wrong = self.adjacency[moved] != self.adjacency
            if self.kind not in LABELS:
                wrong |= self.signature[moved] != self.signature
            if wrong.any():
                i, j = np.argwhere(wrong)[0]
                edge = (int(i), int(j)) if self.adjacency[i, j] else (int(places[i]), int(places[j]))
                return g, edge
        return None


def _where_edges(label: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    result = np.full(label.shape, -1, dtype=np.int64)
    result[adjacency] = number(label[adjacency])
    return result


def _signature(graph: Graph) -> np.ndarray:
    n = graph.base.size
    if graph.kind == "absolute":
        return np.arange(n * n).reshape(n, n)
    if graph.kind in ("distance", "offset"):
        return _geometric(graph)
    values = np.zeros((n, n), dtype=np.int64)
    codes: dict[Any, int] = {}
    for i, j, data in graph.networkx.edges(data=True):
        code = codes.setdefault(repr(data.get(graph.kind)), len(codes) + 1)
        values[i, j] = code
        if not graph.networkx.is_directed():
            values[j, i] = code
    return values


def _geometric(graph: Graph) -> np.ndarray:
    if graph.base.kind == "grid":
        xy = graph.base.coordinates
        offset = xy[None, :, :] - xy[:, None, :]
        if graph.topology == "torus":
            shape = np.array(graph.base.shape)
            offset = (offset + shape // 2) % shape - shape // 2
            offset = np.where((graph.kind == "distance") & (offset * 2 == -shape), -offset, offset)
        if graph.kind == "distance":
            return (offset**2).sum(-1)
        span = 2 * max(graph.base.shape) + 1
        return (offset[..., 0] + span) * 2 * span + offset[..., 1] + span
    if graph.kind == "offset":
        raise ValueError(f"offset labels need a grid, not {graph.base}")
    lengths = dict(nx.all_pairs_shortest_path_length(graph.networkx))
    n = graph.base.size
    return np.array([[lengths[i].get(j, n) for j in range(n)] for i in range(n)])


def build(base: Base, topology: str, kind: str, edges: Sequence[Sequence[Any]] = ()) -> Graph:
    """The graph of a spec.

    Args:
        base: grid, graph or tokens.
        topology: complete, grid (four neighbours), king (eight), torus, "radius r" (Euclidean), or edges.
        kind: distance, offset, absolute, or the name of an edge attribute.
        edges: for `edges`, [i, j] or [i, j, {attribute: value}].

    Raises:
        ValueError: the topology does not fit the base, or an edge leaves it.
    """
    if base.size**2 > MAX_PAIRS:
        raise ValueError(f"{base.size} places have more than {MAX_PAIRS} pairs; use a smaller grid")
    graph = _edges(base, edges) if topology == "edges" else _regular(base, topology)
    if kind not in LABELS and not nx.get_edge_attributes(graph, kind):
        raise ValueError(f"labels {kind!r}: neither {', '.join(LABELS)} nor an attribute of the edges")
    return Graph(base, graph, topology, kind)


def _edges(base: Base, edges: Sequence[Sequence[Any]]) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(base.size))
    for edge in edges:
        if not all(isinstance(i, int) and 0 <= i < base.size for i in edge[:2]):
            raise ValueError(f"edge {list(edge)} leaves the places 0..{base.size - 1}")
        graph.add_edge(edge[0], edge[1], **(edge[2] if len(edge) > 2 else {}))
    return graph


def _regular(base: Base, topology: str) -> nx.Graph:
    name, _, radius = topology.partition(" ")
    if name == "complete" and not radius:
        return nx.complete_graph(base.size)
    if base.kind != "grid":
        raise ValueError(f"topology {topology!r} needs a grid, not {base}; complete and edges fit any base")
    if name == "torus" and not radius:
        return nx.convert_node_labels_to_integers(nx.grid_2d_graph(*base.shape, periodic=True), ordering="sorted")
    try:
        reach = {"grid": 1.0, "king": 2.0}[name] if not radius else float(radius) ** 2 * (name == "radius" or np.nan)
    except (KeyError, ValueError):
        reach = np.nan
    if not 0 < reach < np.inf:
        raise ValueError(f"unknown topology {topology!r}: complete, grid, king, torus, 'radius 2' or edges")
    offset = base.coordinates[None] - base.coordinates[:, None]
    return nx.from_numpy_array(np.triu((offset**2).sum(-1) <= reach + 1e-9, 1))
