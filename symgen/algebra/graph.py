"""The graph on a base: which pairs of places may see each other, and which pairs share a weight.

`topology` says which pairs are edges; `labels` is a ladder of ever finer partitions of the pairs:
distance, offset, absolute, or an edge attribute. Every partition is joined with the orbits of the
group, so equal labels are what an equivariant map may share. Graph matrices G of SiT (Weissenbacher
et al. 2024, section 3) are theta[label].
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from symgen.algebra.base import Base, Grid
from symgen.algebra.homomorphism import Representation
from symgen.algebra.orbits import components, number, pair_permutation
from symgen.errors import Refusal

if TYPE_CHECKING:
    import networkx as nx  # loaded where it is used: importing it takes longer than most checks

TOPOLOGIES = ("complete", "grid", "king", "torus", "radius", "cycle", "path", "edges")
OFF_GRID = ("complete", "cycle", "path", "edges")
"""Topologies of places that are no grid; all but cycle and path fit a grid, too."""
LABELS = ("distance", "offset", "absolute")
MAX_PAIRS = 8_388_608
"""Largest number of (pair, channel copy) entries that are labelled."""
MAX_EDGES = 262_144
"""Longest edge list."""

Edge = tuple[int, int, Mapping[str, object]]


@dataclass(frozen=True)
class Graph:
    """A graph without directions on a base, with its labelled pairs.

    Args:
        base: the places and how the group moves them.
        topology: as written in the spec, e.g. "king" or "radius 2".
        kind: "distance", "offset", "absolute" or the name of an edge attribute.
        edges: of the topology "edges": (place, place, attributes).
    """

    base: Base
    topology: str
    kind: str
    edges: tuple[Edge, ...] = field(default=(), repr=False, hash=False)

    def __str__(self) -> str:
        return f"{self.topology} on {self.base}, labels {self.kind}: {self.label_count} labels"

    @cached_property
    def adjacency(self) -> np.ndarray:
        """Boolean (n, n): an edge, or the place itself (label of distance 0)."""
        n = self.base.size
        if self.topology == "complete":
            return np.ones((n, n), dtype=bool)
        # networkx's cycle_graph and path_graph, and every place itself
        if self.topology in ("cycle", "path"):
            apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
            return np.asarray((apart <= 1) | ((apart == n - 1) & (self.topology == "cycle")))
        if self.topology != "edges":
            rows, columns = _displacements(self.base, self.topology == "torus")
            return np.asarray(rows**2 + columns**2 <= _reach(self.topology))
        adjacency = np.eye(n, dtype=bool)
        for i, j, _ in self.edges:
            adjacency[i, j] = adjacency[j, i] = True
        return adjacency

    @cached_property
    def networkx(self) -> "nx.Graph":
        """The same graph for networkx, edge attributes included; for drawing, and for whatever else
        it knows.
        """
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(range(self.base.size))
        graph.add_edges_from(np.argwhere(np.triu(self.adjacency, 1)).tolist())
        graph.add_edges_from((i, j, dict(attributes)) for i, j, attributes in self.edges)
        return graph

    @cached_property
    def signature(self) -> np.ndarray:
        """The ungrouped label of every pair (n, n): what the pair looks like before the group
        identifies pairs.
        """
        if self.kind == "absolute":
            return np.arange(self.base.size**2).reshape(self.base.size, self.base.size)
        if self.kind not in LABELS:
            return _attribute_codes(self)
        if not isinstance(self.base, Grid):
            return _path_lengths(self.adjacency)
        rows, columns = _displacements(self.base, self.topology == "torus")
        if self.kind == "distance":
            return np.asarray(rows**2 + columns**2)
        return np.asarray((rows - rows.min()) * (2 * self.base.shape[1]) + columns - columns.min())

    @cached_property
    def labels(self) -> np.ndarray:
        """Label of every pair (n, n), equal on orbits of the group, -1 where there is no edge."""
        return np.asarray(self.fibre_labels(None)[:, :, 0])

    @property
    def label_count(self) -> int:
        """Number of different labels."""
        return int(self.labels.max()) + 1

    def fibre_labels(self, fibre: Representation | None) -> np.ndarray:
        """Labels of (target place, source place, channel), shape (n, n, fibre.size), -1 where there
        is no edge.

        A channel that the group moves sees the graph from its own side: the label of (g.i, g.j,
        g.f) is that of (i, j, f). With the trivial fibre these are the labels of pairs; with the
        regular one, a group convolution.

        Raises:
            Refusal: too many entries.
            ValueError: a fibre that does not permute its channels (signs are left aside).
        """
        n = self.base.size
        copies = fibre.size if fibre else 1
        if n * n * copies > MAX_PAIRS:
            raise Refusal(
                f"{n} x {n} pairs x {copies} channels are more than {MAX_PAIRS} labels; use a "
                "smaller grid",
                code="too-large",
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
        """The first (generator, edge) whose image is no edge, or carries another attribute; None
        where all hold.
        """
        for g, places in zip(self.base.group.generators, self.base.permutations, strict=True):
            moved = np.ix_(places, places)
            wrong = self.adjacency & ~self.adjacency[moved]
            if self.kind not in LABELS:
                wrong |= self.adjacency & (self.signature[moved] != self.signature)
            if wrong.any():
                i, j = np.argwhere(wrong)[0]
                return g, (int(i), int(j))
        return None


def _where_edges(label: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    result = np.full(label.shape, -1, dtype=np.int64)
    result[adjacency] = number(label[adjacency])
    return result


def _displacements(base: Base, periodic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns from place i to place j, each (n, n); the shortest way round on a torus."""
    result = []
    for axis, length in zip(base.coordinates.T, base.shape, strict=True):
        step = axis[None, :] - axis[:, None]
        result.append((step + length // 2) % length - length // 2 if periodic else step)
    return result[0], result[1]


def _path_lengths(adjacency: np.ndarray) -> np.ndarray:
    """Number of edges on a shortest path between every two places, n where there is none.

    All places at once: row i of `reached` has one bit for each place within the current distance of
    i.
    """
    n = len(adjacency)
    rows, columns = np.nonzero(adjacency)
    if len(rows) * n > 8 * 2**28:
        raise Refusal(
            f"distances among {n} places with {len(rows)} edges are too many; use labels: absolute",
            code="too-large",
        )
    starts = np.searchsorted(rows, np.arange(n))
    reached = np.packbits(np.eye(n, dtype=bool), axis=1)
    lengths = np.full((n, n), n)
    for length in range(n):
        lengths[(lengths == n) & np.unpackbits(reached, axis=1, count=n).astype(bool)] = length
        further = np.bitwise_or.reduceat(reached[columns], starts, axis=0)
        if np.array_equal(further, reached):
            break
        reached = further
    return lengths


def _attribute_codes(graph: Graph) -> np.ndarray:
    """0 where there is no edge, otherwise a number for each value of the attribute."""
    values = np.zeros((graph.base.size, graph.base.size), dtype=np.int64)
    codes: dict[float | str, int] = {}
    for i, j, attributes in graph.edges:
        code = codes.setdefault(_key(attributes.get(graph.kind)), len(codes) + 1)
        values[i, j] = values[j, i] = code
    return values


def _key(value: object) -> float | str:
    """Something hashable that is equal for equal values: 1 and 1.0 are, 1 and True are not."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return value
    return repr(value)


def build(base: Base, topology: str, kind: str, edges: Sequence[object] = ()) -> Graph:
    """The graph of a spec.

    Args:
        base: grid, graph or tokens.
        topology: complete; on a grid also grid (four neighbours), king (eight), torus and "radius
            r" (Euclidean); elsewhere also cycle (every place and the next, the last and the first)
            and path (a cycle cut open); edges.
        kind: distance (Euclidean on a grid, along edges elsewhere), offset, absolute, or the name
            of an edge attribute.
        edges: for `edges`, [i, j] or [i, j, {attribute: value}], without direction.

    Raises:
        Refusal: the topology does not fit the base, or an edge leaves it.

    >>> from symgen.algebra.base import parse
    >>> from symgen.algebra.catalogue import group
    >>> print(build(parse(group("D4"), "grid 14x14"), "complete", "offset"))
    complete on grid 14x14, labels offset: 105 labels
    """
    if base.size**2 > MAX_PAIRS:
        raise Refusal(
            f"{base.size} places have more than {MAX_PAIRS} pairs; use a smaller grid",
            code="too-large",
        )
    read = _read_edges(base, edges) if topology == "edges" else ()
    if topology not in OFF_GRID:
        _reach(topology)
        if not isinstance(base, Grid):
            raise Refusal(
                f"topology {topology!r} needs a grid, not {base}; complete and edges fit any base"
            )
    if topology in ("cycle", "path") and isinstance(base, Grid):
        raise Refusal(
            f"topology {topology!r} needs places in a row, not {base}; write grid or torus"
        )
    if kind == "offset" and not isinstance(base, Grid):
        raise Refusal(f"offset labels need a grid, not {base}")
    if kind not in LABELS and not any(kind in attributes for _, _, attributes in read):
        raise Refusal(f"labels {kind!r}: neither {', '.join(LABELS)} nor an attribute of the edges")
    return Graph(base, topology, kind, read)


def _read_edges(base: Base, edges: Sequence[object]) -> tuple[Edge, ...]:
    if len(edges) > MAX_EDGES:
        raise Refusal(f"{len(edges)} edges are more than {MAX_EDGES}", code="too-large")
    read: dict[frozenset[int], Edge] = {}
    for written in edges:
        i, j, attributes = _read_edge(base, written)
        first = read.setdefault(frozenset((i, j)), (i, j, attributes))
        if first[2] != attributes:
            raise Refusal(f"edge {[i, j]} is given twice, with different attributes")
    return tuple(read.values())


def _read_edge(base: Base, written: object) -> Edge:
    cause = f"an edge is [i, j] or [i, j, {{attribute: value}}], not {str(written)[:80]}"
    if not isinstance(written, Sequence) or len(written) not in (2, 3):
        raise Refusal(cause)
    i, j = written[:2]
    attributes = written[2] if len(written) == 3 else {}
    if not isinstance(attributes, Mapping):
        raise Refusal(cause)
    if not all(type(end) is int and 0 <= end < base.size for end in (i, j)):
        raise Refusal(f"edge {[i, j]} leaves the places 0..{base.size - 1}")
    return i, j, dict(attributes)


def _reach(topology: str) -> float:
    """Square of the largest distance of neighbours."""
    if topology in ("grid", "torus", "king"):
        return 2.0 if topology == "king" else 1.0
    match = re.fullmatch(r"radius ([0-9]{1,4}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})", topology)
    if match is None or float(match[1]) <= 0:
        raise Refusal(
            f"unknown topology {topology!r}: complete, grid, king, torus, 'radius 2', cycle, path "
            "or edges"
        )
    return float(match[1]) ** 2 + 1e-9
