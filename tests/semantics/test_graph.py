"""`graph:` -> a graph on the places, and its automorphisms."""

import pytest

ATTENTION = {"family": "graph_attention", "width": 8, "heads": 1}
RING = [[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]]


def graph(solve, world="Square-v0", group="C4", states="grid", **written) -> str:
    actions = "trivial"
    return str(
        solve(
            world, group=group, states=states, actions=actions, graph=written, network=ATTENTION
        ).graph
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, "complete on grid 6x6, labels offset"),
        ({"labels": "distance"}, "complete on grid 6x6, labels distance"),
        ({"topology": "king", "labels": "absolute"}, "king on grid 6x6, labels absolute"),
        ({"topology": "torus"}, "torus on grid 6x6, labels offset"),
        ({"topology": "radius 2.5"}, "radius 2.5 on grid 6x6, labels offset"),
        (
            {"topology": {"edges": [[0, 5], [5, 35], [35, 30], [30, 0]]}},
            "edges on grid 6x6, labels offset",
        ),
    ],
)
def test_graphs(solve, written, expected):
    assert graph(solve, **written).startswith(expected)


def test_tokens_have_distance_labels_by_default(solve):
    assert graph(solve, "Beads-v0", "C5", "tokens").startswith(
        "complete on tokens 5, labels distance"
    )
    assert graph(solve, "Beads-v0", "C5", "tokens", topology={"edges": RING}).startswith(
        "edges on tokens 5"
    )


@pytest.mark.parametrize("group", ["C5", "D5"])
def test_tokens_on_a_cycle(solve, group):
    assert graph(solve, "Beads-v0", group, "tokens", topology="cycle").startswith(
        "cycle on tokens 5, labels distance"
    )


def test_beads_on_a_path(solve):
    """A string of beads read from the other end is the same string."""
    written = {"topology": "path", "labels": "absolute"}
    states = {"observation": {"s": [5, 4, 3, 2, 1]}}
    assert graph(solve, "Beads-v0", "D1", states, **written).startswith("path on graph 5")


@pytest.mark.parametrize(
    ("group", "states", "written", "code", "hint"),
    [
        ("C5", "tokens", {"topology": "path"}, "not-an-automorphism", "write topology: cycle"),
        (
            "S5",
            "tokens",
            {"topology": "cycle"},
            "not-an-automorphism",
            "use a group that keeps this graph",
        ),
        ("S5", "tokens", {"topology": "cylce"}, "bad-topology", "did you mean 'cycle'?"),
        ("S5", "tokens", {"topology": "cycle 5"}, "bad-topology", "did you mean 'cycle'?"),
        ("S5", "tokens", {"topology": "torus"}, "bad-topology", "cycle"),
        (
            "D1",
            {"observation": {"s": [2, 1, 3, 4, 5]}},
            {"topology": "path"},
            "not-an-automorphism",
            "use a group",
        ),
    ],
)
def test_beads_that_are_on_no_such_string(mistakes, group, states, written, code, hint):
    (mistake,) = mistakes("Beads-v0", group=group, states=states, graph=written, network=ATTENTION)
    assert (mistake.code, hint in mistake.hint) == (code, True), str(mistake)


@pytest.mark.parametrize(("topology", "instead"), [("cycle", "torus"), ("path", "grid")])
def test_a_grid_is_no_string_of_beads(mistakes, topology, instead):
    (mistake,) = mistakes(
        "Square-v0", group="C4", states="grid", graph={"topology": topology}, network=ATTENTION
    )
    assert (mistake.code, f"write {instead}," in mistake.hint) == ("bad-topology", True)


def test_attributes_label_edges(solve):
    edges = [[*edge, {"kind": "rod"}] for edge in RING]
    assert graph(
        solve, "Beads-v0", "C5", "tokens", topology={"edges": edges}, labels="kind"
    ).startswith("edges")


def test_the_resolved_spec_leaves_nothing_open(solve):
    problem = solve("Square-v0", group="C4", states="grid", network=ATTENTION)
    assert problem.spec.graph is not None
    assert (problem.spec.graph.topology, problem.spec.graph.labels) == ("complete", "offset")


def test_no_graph_where_nobody_asks(solve):
    assert solve().graph is None
    assert (
        solve("Square-v0", states="grid", network={"family": "mlp"}, constraint="none").graph
        is None
    )


def test_a_graph_lives_on_patches(solve):
    network = {**ATTENTION, "patch": 3}
    problem = solve(
        "Square-v0", group="C4", states="grid", graph={"topology": "king"}, network=network
    )
    assert str(problem.graph).startswith("king on grid 2x2")


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ({"topology": "queen"}, "bad-topology", "'queen'"),
        ({"topology": "grid 2"}, "bad-topology", "'grid 2'"),
        ({"topology": "radius"}, "bad-topology", "no radius"),
        ({"topology": "radius two"}, "bad-topology", "no radius"),
        ({"topology": "radius -1"}, "bad-topology", "no radius"),
        ({"topology": "radius inf"}, "bad-topology", "no radius"),
        ({"topology": "edges"}, "bad-topology", "'edges'"),
        ({"labels": "ofset"}, "bad-labels", "'ofset'"),
        ({"labels": "kind"}, "bad-labels", "'kind'"),
        ({"topology": {"edges": [[0, 36]]}}, "bad-edge", "0 to 35"),
        ({"topology": {"edges": [[0, -1]]}}, "bad-edge", "0 to 35"),
        ({"topology": {"edges": [[0, 1, 2]]}}, "bad-edge", "two ends"),
        ({"topology": {"edges": [[0, {}]]}}, "bad-edge", "is no edge"),
        ({"topology": {"edges": [[0, 1]]}, "labels": "kind"}, "bad-edge", "no attribute 'kind'"),
        ({"topology": {"edges": [[0, 5]]}}, "not-an-automorphism", "r is no automorphism"),
    ],
)
def test_mistakes(mistakes, written, code, message):
    (mistake,) = mistakes("Square-v0", group="C4", states="grid", graph=written, network=ATTENTION)
    assert mistake.code == code, str(mistake)
    assert message in mistake.message


@pytest.mark.parametrize(
    ("written", "code"),
    [({"topology": "king"}, "bad-topology"), ({"labels": "offset"}, "bad-labels")],
)
def test_tokens_are_no_grid(mistakes, written, code):
    (mistake,) = mistakes("Beads-v0", group="S5", states="tokens", graph=written, network=ATTENTION)
    assert mistake.code == code


def test_attributes_must_be_kept_too(mistakes):
    edges = [[*edge, {"kind": "rod" if edge[0] else "rope"}] for edge in RING]
    written = {"topology": {"edges": edges}, "labels": "kind"}
    (mistake,) = mistakes("Beads-v0", group="C5", states="tokens", graph=written, network=ATTENTION)
    assert mistake.code == "not-an-automorphism"


def test_a_plain_vector_has_no_places(mistakes):
    assert [mistake.code for mistake in mistakes(graph={})] == ["no-places"]


def test_too_many_places(mistakes, solve, monkeypatch):
    monkeypatch.setattr("symgen.semantics.graph.MAX_GRAPH", 30)
    (mistake,) = mistakes("Square-v0", group="C4", states="grid", network=ATTENTION)
    assert mistake.code == "too-large"
    plain = solve(
        "Square-v0", states="grid", graph={}, network={"family": "mlp"}, constraint="none"
    )
    assert plain.graph is None  # mlp needs none, so none is built
