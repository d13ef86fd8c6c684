"""Graphs: label counts, the ladder of labels, invariance, automorphisms, topologies, edge
attributes.
"""

import itertools

import networkx as nx
import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.base import parse
from symgen.algebra.catalogue import group
from symgen.algebra.graph import build
from symgen.algebra.representation import parse as fibre

GRIDS = [(name, "grid 4x4") for name in ("C1", "C2", "C4", "D1", "D2", "D4")]
GRIDS += [(name, "grid 3x5") for name in ("C1", "C2", "D1", "D2")] + [
    ("D4", "grid 5x5"),
    ("D1", "grid 4x4(s=transpose)"),
]
TOPOLOGIES = ("complete", "grid", "king", "torus", "radius 1.5", "radius 2", "radius 10")
RING = [[0, 1, {"bond": 1}], [1, 2, {"bond": 2}], [2, 3, {"bond": 1}], [3, 0, {"bond": 2}]]


def on(name, base, *how, **more):
    return build(parse(group(name), base), *how, **more)


@pytest.mark.parametrize(
    ("n", "distance", "offset"), [(4, 10, 10), (5, 15, 15), (8, 34, 36), (14, 94, 105)]
)
def test_label_counts_of_the_facts(n, distance, offset):
    assert on("D4", f"grid {n}x{n}", "complete", "distance").label_count == distance
    assert on("D4", f"grid {n}x{n}", "complete", "offset").label_count == offset == n * (n + 1) // 2
    assert on("D2", f"grid {n}x{n}", "complete", "offset").label_count == n**2
    assert on("D1", f"grid {n}x{n}", "complete", "offset").label_count == n * (2 * n - 1)
    assert on("C1", f"grid {n}x{n}", "complete", "offset").label_count == (2 * n - 1) ** 2
    assert (
        on("C2", f"grid {n}x{n}", "complete", "offset").label_count == ((2 * n - 1) ** 2 + 1) // 2
    )
    assert (
        on("C4", f"grid {n}x{n}", "complete", "offset").label_count
        == ((2 * n - 1) ** 2 - 1) // 4 + 1
    )
    assert on("C1", f"grid {n}x{n}", "complete", "distance").label_count == distance


@pytest.mark.parametrize(("name", "base"), GRIDS)
def test_absolute_labels_are_the_orbits_of_pairs(name, base):
    graph = on(name, base, "complete", "absolute")
    this, places = graph.base.group, range(graph.base.size)
    fixed = [sum(graph.base.permutation(w)[i] == i for i in places) ** 2 for w in this.elements]
    assert graph.label_count == sum(fixed) / this.order  # Burnside


@pytest.mark.parametrize(("name", "base"), GRIDS)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_labels_are_invariant_and_a_ladder(name, base, topology):
    ladder = [on(name, base, topology, kind) for kind in graphs.LABELS]
    for graph in ladder:
        assert graph.broken_automorphism() is None
        assert np.array_equal(graph.labels >= 0, graph.adjacency)
        assert set(np.unique(graph.labels[graph.adjacency])) == set(range(graph.label_count))
        for places in graph.base.permutations:
            assert np.array_equal(graph.labels[np.ix_(places, places)], graph.labels)
    for coarse, fine in itertools.pairwise(ladder):
        assert refines(fine.labels, coarse.labels)
        assert fine.label_count >= coarse.label_count


def refines(fine, coarse):
    """Whether equal fine labels have equal coarse labels."""
    return len(np.unique(np.stack([fine, coarse], -1).reshape(-1, 2), axis=0)) == len(
        np.unique(fine)
    )


def test_control_the_ladder_is_strict_and_has_a_direction():
    distance, offset = (
        on("D1", "grid 4x4", "complete", kind).labels for kind in ("distance", "offset")
    )
    assert refines(offset, distance)
    assert not refines(distance, offset)


def test_control_labels_are_not_invariant_under_what_is_not_in_the_group():
    labels = on("D1", "grid 4x4", "complete", "offset").labels
    turn = parse(group("C4"), "grid 4x4").permutation("r")
    assert not np.array_equal(labels[np.ix_(turn, turn)], labels)


@pytest.mark.parametrize(("name", "base"), [*GRIDS, ("D4", "grid 3x3"), ("D4", "grid 2x2")])
@pytest.mark.parametrize("kind", graphs.LABELS)
@pytest.mark.parametrize("text", ["regular", "trivial", "quotient()", "permutation"])
def test_fibre_labels_move_with_the_fibre(name, base, kind, text):
    graph, channels = on(name, base, "king", kind), fibre(group(name), text)
    labels = graph.fibre_labels(channels)
    assert np.array_equal(labels[..., 0] >= 0, graph.adjacency)
    for g, places in zip(graph.base.group.generators, graph.base.permutations, strict=True):
        moved = labels[np.ix_(places, places, channels.signed_permutation(g)[0])]
        assert np.array_equal(moved, labels)
    if text == "trivial":
        assert np.array_equal(labels[..., 0], graph.labels)


def test_control_fibre_labels_are_not_invariant_in_places_alone():
    graph = on("C4", "grid 3x3", "king", "offset")
    labels, places = graph.fibre_labels(fibre(group("C4"), "regular")), graph.base.permutation("r")
    assert not np.array_equal(labels[np.ix_(places, places)], labels)


def test_a_regular_fibre_frees_the_labels():
    graph = on("D4", "grid 5x5", "complete", "offset")
    # Every displacement is told apart again: in each channel as many labels as displacements.
    assert graph.fibre_labels(fibre(group("D4"), "regular")).max() + 1 == 9**2
    with pytest.raises(ValueError, match="does not permute"):
        on("C3", "tokens 3", "complete", "distance").fibre_labels(fibre(group("C3"), "standard"))


def test_topologies_equal_networkx():
    for topology, periodic in (("grid", False), ("torus", True)):
        for shape in ((4, 5), (1, 4), (2, 3), (3, 3)):
            expected = nx.grid_2d_graph(*shape, periodic=periodic)
            nodes = [(i, j) for i in range(shape[0]) for j in range(shape[1])]
            expected = nx.to_numpy_array(expected, nodelist=nodes) + np.eye(len(nodes)) > 0
            assert np.array_equal(
                on("C1", f"grid {shape[0]}x{shape[1]}", topology, "offset").adjacency, expected
            )
    degrees = {
        "king": 9,
        "radius 1.5": 9,
        "radius 2": 13,
        "radius 3": 29,
        "radius .5": 1,
        "complete": 49,
    }
    for topology, degree in degrees.items():
        assert on("D4", "grid 7x7", topology, "offset").adjacency[24].sum() == degree


def test_torus_labels_go_the_short_way_round():
    for shape in ("3x3", "4x4", "5x5", "6x6"):
        graph = on("D4", f"grid {shape}", "torus", "distance")
        assert graph.label_count == 2
        every = graphs.Graph(graph.base, "torus", "offset").signature
        shift = np.roll(np.arange(graph.base.size).reshape(graph.base.shape), 1, axis=1).reshape(-1)
        assert np.array_equal(
            every[np.ix_(shift, shift)], every
        )  # a torus has shifts, its offsets know them
        assert not np.array_equal(
            on("D4", f"grid {shape}", "grid", "offset").signature[np.ix_(shift, shift)], every
        )


def test_networkx_has_the_same_edges_and_attributes():
    graph = on("C1", "graph 4()", "edges", "bond", edges=RING)
    assert nx.is_isomorphic(graph.networkx, nx.cycle_graph(4))
    assert graph.networkx.edges[1, 2] == {"bond": 2}
    king = on("D4", "grid 3x3", "king", "offset")
    assert np.array_equal(
        nx.to_numpy_array(king.networkx, nodelist=range(9)) + np.eye(9) > 0, king.adjacency
    )


@pytest.mark.parametrize("seed", range(5))
def test_distances_without_a_grid_are_shortest_paths(seed):
    random = nx.gnp_random_graph(12, 0.15, seed=seed)
    graph = on("C1", "graph 12()", "edges", "distance", edges=[list(edge) for edge in random.edges])
    lengths = dict(nx.all_pairs_shortest_path_length(random))
    assert graph.signature.tolist() == [
        [lengths[i].get(j, 12) for j in range(12)] for i in range(12)
    ]


def test_edge_attributes_label_edges():
    graph = on("C2", "graph 4(r=2 3 0 1)", "edges", "bond", edges=RING)
    assert graph.broken_automorphism() is None
    assert graph.label_count == 3  # itself, bond 1, bond 2
    assert graph.labels[0, 1] == graph.labels[1, 0] == graph.labels[2, 3] != graph.labels[1, 2]
    assert graph.labels[0, 2] == -1
    values = [[0, 1, {"bond": 1}], [1, 2, {"bond": 1.0}], [2, 3, {"bond": True}], [3, 0, {}]]
    assert (
        on("C1", "graph 4()", "edges", "bond", edges=values).label_count == 4
    )  # itself, 1, true, none


@pytest.mark.parametrize(
    ("base", "edges", "kind"),
    [
        ("graph 4(r=1 2 3 0)", RING[:3], "distance"),
        ("graph 4(r=1 2 3 0)", RING, "bond"),
        ("graph 4(r=0 1 2 3)", [], None),
        ("graph 4(r=1 2 3 0)", RING, "distance"),
    ],
)
def test_broken_automorphisms_are_found_and_sound_ones_are_not(base, edges, kind):
    graph = on("C4", base, "edges", kind or "distance", edges=edges)
    broken = graph.broken_automorphism()
    if kind is None or (kind == "distance" and edges == RING):
        assert broken is None
        return
    generator, (i, j) = broken
    places = graph.base.permutation(generator)
    assert graph.adjacency[i, j], "it names an edge"
    image = (places[i], places[j])
    assert not graph.adjacency[image] or graph.signature[image] != graph.signature[i, j]


def test_both_ways_of_writing_an_edge_are_one():
    twice = on("C1", "graph 3()", "edges", "distance", edges=[[0, 1], [1, 0], [2, 2]])
    assert len(twice.edges) == 2
    assert twice.adjacency.sum() == 5


@pytest.mark.parametrize(
    ("edges", "what"),
    [
        ([[0, 4]], "leaves the places"),
        ([[-1, 0]], "leaves the places"),
        ([[True, 0]], "leaves the places"),
        ([["0", 1]], "leaves the places"),
        ([[0.0, 1]], "leaves the places"),
        ([[0]], r"an edge is \[i, j\]"),
        ([[]], r"an edge is \[i, j\]"),
        ([[0, 1, 2]], r"an edge is \[i, j\]"),
        ([[0, 1, {}, 3]], r"an edge is \[i, j\]"),
        ([5], r"an edge is \[i, j\]"),
        ([[0, 1, {"a": 1}], [1, 0, {"a": 2}]], "given twice"),
    ],
)
def test_edges_that_are_none_are_refused(edges, what):
    with pytest.raises(ValueError, match=what):
        on("C1", "graph 4()", "edges", "distance", edges=edges)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize(("topology", "made"), [("cycle", nx.cycle_graph), ("path", nx.path_graph)])
def test_cycles_and_paths_are_those_of_networkx(n, topology, made):
    graph = on("C1", f"tokens {n}", topology, "distance")
    expected = nx.to_numpy_array(made(n), nodelist=range(n)) + np.eye(n) > 0
    assert np.array_equal(graph.adjacency, expected)
    assert (expected.all() and n < 4) or graph.label_count == 2  # a place and its neighbours


@pytest.mark.parametrize(
    ("name", "topology", "kept"),
    [
        ("C5", "cycle", True),
        ("D5", "cycle", True),
        ("S5", "cycle", False),
        ("C5", "path", False),
        ("D5", "path", False),
    ],
)
def test_a_turn_keeps_a_cycle_and_no_path(name, topology, kept):
    assert (on(name, "tokens 5", topology, "distance").broken_automorphism() is None) == kept


def test_a_reversal_keeps_a_path():
    images = {"s": [4, 3, 2, 1, 0]}
    assert (
        build(bases.graph(group("D1"), images, 5), "path", "distance").broken_automorphism() is None
    )
    images = {"s": [1, 0, 2, 3, 4]}  # control
    assert (
        build(bases.graph(group("D1"), images, 5), "path", "distance").broken_automorphism()
        is not None
    )


@pytest.mark.parametrize(
    ("base", "topology", "kind", "what"),
    [
        ("grid 3x3", "cycle", "distance", "needs places in a row"),
        ("grid 3x3", "hex", "offset", "unknown topology 'hex'"),
        ("grid 3x3", "", "offset", "unknown topology"),
        ("grid 3x3", "radius", "offset", "unknown topology"),
        ("grid 3x3", "radius 0", "offset", "unknown topology"),
        ("grid 3x3", "radius -2", "offset", "unknown topology"),
        ("grid 3x3", "radius nan", "offset", "unknown topology"),
        ("grid 3x3", "radius inf", "offset", "unknown topology"),
        ("grid 3x3", "radius ٢", "offset", "unknown topology"),
        ("grid 3x3", "king 2", "offset", "unknown topology"),
        ("grid 3x3", "complete 2", "offset", "unknown topology"),
        ("grid 3x3", "complete", "colour", "labels 'colour': neither"),
        ("grid 3x3", "edges", "", "labels '': neither"),
        ("tokens 4", "king", "distance", "needs a grid"),
        ("tokens 4", "complete", "offset", "offset labels need a grid"),
        ("point", "radius 2", "distance", "needs a grid"),
    ],
)
def test_graphs_that_fit_no_base_are_refused(base, topology, kind, what):
    with pytest.raises(ValueError, match=what):
        on("C1", base, topology, kind)
