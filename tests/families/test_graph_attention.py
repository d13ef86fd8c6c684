"""Graph attention: groups x sizes x local and global x readouts x triangles, in both dtypes; and
what it refuses.

The cross with other families, actions and observations is in test_conformance.py.
"""

import dataclasses
from itertools import product

import numpy as np
import pytest
import torch

from symgen.algebra import fieldtype
from symgen.algebra.catalogue import group
from symgen.compiler import plan_spec
from symgen.nn.network import Network, build
from symgen.problem.group_action import act_on_term
from symgen.problem.problem import Problem
from symgen.proofs.verify import Setting, verify
from tests.families.examples import World
from tests.families.laws import assert_broken, assert_equivariant, train
from tests.families.problems import faults_of, observations, problem

ACTIONS = {
    "C2": "permutation + trivial",
    "C4": "permutation",
    "D1": "permutation + trivial",
    "D2": "quotient(s)",
    "D4": "quotient(s)",
}
SIZES = ["4x4", "5x7", "14x14"]
LOCAL = {
    "global": None,
    "local": {"window": 3, "readout": "token"},
    "both": {"window": 3, "readout": "both"},
}
READOUTS = ["token", "patches", "both"]
MIRRORS = ("D1", "D2", "D4")


def cells() -> list:
    """The whole matrix; a cell in eleven is quick, and every value of every axis is among those."""
    cells = [
        (symmetry, size, local, readout, layers)
        for symmetry, size, local, readout, layers in product(
            ACTIONS, SIZES, LOCAL, READOUTS, (0, 1, 2)
        )
        if not (symmetry in ("C4", "D4") and size == "5x7") and not (layers and symmetry in MIRRORS)
    ]
    quick = [c for k, c in enumerate(cells) if k % 11 == 0 and c[1] != "14x14"]
    quick += [("C4", "14x14", "global", "token", 1)]
    return [*quick, *(pytest.param(*c, marks=pytest.mark.slow) for c in cells if c not in quick)]


def world(symmetry: str, size: str, action: str | None = None, labels: str = "offset") -> World:
    terms = {"observation": f"grid {size}: 2 trivial"}
    return World(symmetry, terms, action or ACTIONS[symmetry], graph=("complete", labels))


def oriented(of: Problem) -> Problem:
    """The same with orientation: triangles."""
    from symgen.spec.schema import Graph

    written = Graph(labels=of.graph.kind, orientation="triangles")
    return dataclasses.replace(of, spec=of.spec.model_copy(update={"graph": written}))


def options(local: str = "global", readout: str = "token", **more) -> dict:
    chosen = {"readout": readout, "heads": 2, "global": {"layers": 1}, **more}
    return chosen if LOCAL[local] is None else {**chosen, "local": LOCAL[local]}


def network(of: Problem) -> Network:
    torch.manual_seed(0)
    return build(plan_spec(of), of.interface)


@pytest.mark.parametrize(("symmetry", "size", "local", "readout", "layers"), cells())
def test_conformance(symmetry, size, local, readout, layers):
    # tokens hear of triangles in a second block
    more = {"triangles": layers, "global": {"layers": 2}} if layers else {}
    chosen = options(local, readout, width=8 * group(symmetry).order, **more)
    this = problem(world(symmetry, size), "graph_attention", chosen)
    this = oriented(this) if layers else this
    assert not faults_of(this)
    built = network(this)
    assert_equivariant(built, this)
    if size != "14x14":
        train(built, this)
        assert_equivariant(built, this)
    if layers:
        assert equivariance_error(built, this, "s") > 1e-3


@torch.no_grad()
def equivariance_error(built: Network, this: Problem, mirror: str) -> float:
    """How far the value of a network is from not noticing a mirror that its group has not."""
    (term,) = this.interface.terms
    larger = "D4" if this.group.name == "C4" else "D2"
    field = fieldtype.parse(group(larger), f"{this.observation[term.name].base}: 2 trivial")
    given = observations(this.interface, 8)
    moved = {term.name: act_on_term(term, field, mirror, given[term.name])}
    model = built.double()
    before, after = model.value(given), model.value(moved)
    return float((after - before).abs().max() / before.abs().max())


@pytest.mark.parametrize("local", ["global", "local"])
@pytest.mark.parametrize(
    ("symmetry", "labels", "layers", "told"),
    [
        ("C4", "distance", 0, False),
        ("C4", "distance", 1, True),
        ("C4", "distance", 2, True),
        ("C4", "offset", 0, True),
        ("C2", "distance", 0, False),
        ("C2", "distance", 1, True),
    ],
)
def test_mirrors(symmetry, labels, layers, told, local):
    """With a trivial fibre distance labels cannot tell a picture from its mirror image; triangles
    can, and offsets.

    Tokens pass by the triangles, so it takes a second layer until the class token hears of them.
    """
    chosen = options(
        local, fibre="trivial", width=16, triangles=max(layers, 1), **{"global": {"layers": 2}}
    )
    this = problem(world(symmetry, "5x5", "3 trivial", labels), "graph_attention", chosen)
    this = oriented(this) if layers else this
    built = network(this)
    assert_equivariant(built, this)
    found = equivariance_error(built, this, "s")
    assert found > 1e-3 if told else found < 1e-12, found


@pytest.mark.parametrize(
    "window", [None, {}, {"layers": 2}, {"readout": "both"}, {"readout": "patches"}]
)
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("count", [1, 2])
def test_triangles_that_nothing_reads_are_refused(window, readout, count):
    """What `check` says is what gradients say: some triangle reaches an output, or none does."""
    chosen = {"width": 16, "heads": 2, "readout": readout, "global": {"layers": count}}
    chosen |= {} if window is None else {"local": {"window": 3, **window}}
    this = oriented(problem(world("C4", "4x4", "3 trivial"), "graph_attention", chosen))
    faults = [fault.code for fault in faults_of(this)]
    built = network(this).double()
    outputs, _ = built(observations(this.interface, 2))
    (outputs["policy"].square().sum() + outputs["value"].sum()).backward()
    triangles = [weight.grad for name, weight in built.named_parameters() if "triangles" in name]
    assert triangles
    largest = max(0.0 if grad is None else float(grad.abs().max()) for grad in triangles)
    assert faults == ([] if largest > 1e-9 else ["idle-triangles"])
    assert bool(faults) == (count == 1 and readout == "token" and window in (None, {}))


@pytest.mark.parametrize(
    "local", [{"window": 2, "readout": "both"}, {"window": 4}, {"window": 2, "readout": "patches"}]
)
@pytest.mark.parametrize("constraint", ["exact", {"relaxed": {}}])
def test_cheap_form(local, constraint):
    """Convolution, max-pooling, and windows that tile (2) or overlap (4)."""
    chosen = {"heads": 2, "width": 32, "patch": 4, "local": {"downscale": 2, **local}}
    this = problem(world("D4", "8x8"), "graph_attention", chosen, constraint)
    built = network(this)
    assert_equivariant(built, this)
    train(built, this)
    (assert_equivariant if constraint == "exact" else assert_broken)(built, this)


@pytest.mark.parametrize("symmetry", MIRRORS)
def test_triangles_refuse_mirrors(symmetry):
    this = oriented(problem(world(symmetry, "5x5"), "graph_attention", options(width=32)))
    ((code, path, message, hint),) = faults_of(this)
    assert (code, path) == ("not-an-automorphism", ("graph", "orientation"))
    assert "s is no automorphism" in message
    assert "C4 in place of D4" in hint


RING = [[k, (k + 1) % 6, {"kind": "side"}] for k in range(6)] + [
    [k, k + 3, {"kind": "across"}] for k in range(3)
]
OTHERS = {
    "sequence, time reversal": World("D1", {"observation": "grid 1x9: 2 trivial"}, "2 trivial"),
    "sequence, a reversed action": World(
        "D1", {"observation": "grid 1x8: trivial"}, "sign", "continuous"
    ),
    "sequence, time reversal, local": World(
        "D1", {"observation": "grid 1x9: 2 trivial"}, "permutation"
    ),
    "ring, shifts": World("C6", {"observation": "tokens 6: 2 trivial"}, "permutation"),
    "ring, distance": World(
        "C6", {"observation": "tokens 6: 2 trivial"}, "3 trivial", graph=("complete", "absolute")
    ),
    "column": World("D1", {"observation": "grid 7x1(s=flip): 2 trivial"}, "permutation"),
    "rectangle": World("D2", {"observation": "grid 3x8: trivial"}, "quotient(s) + quotient(rs)"),
    "edges with attributes": World(
        "C6",
        {"observation": "tokens 6: 2 trivial"},
        "permutation",
        graph=("edges", "kind"),
        edges=RING,
    ),
    "edges, D6": World(
        "D6",
        {"observation": "graph 6(r=1 2 3 4 5 0, s=5 4 3 2 1 0): 2 trivial"},
        "2 trivial",
        graph=("edges", "distance"),
        edges=RING,
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_sequences_rings_rectangles_and_graphs(name):
    this = OTHERS[name]
    local = {"local": {"window": 3, "readout": "both"}} if "local" in name else {}
    chosen = {"heads": 1, "readout": "both", "width": 4 * this.acting.order, **local}
    built = network(problem(this, "graph_attention", chosen))
    assert_equivariant(built, problem(this, "graph_attention", chosen))


def test_a_shift_of_a_ring_is_only_kept_by_a_group_that_has_it():
    """Control: under C3 a shift by one is noticed, under C6 it is not."""
    found = {}
    for symmetry, base in (("C6", "tokens 6"), ("C3", "graph 6(r=2 3 4 5 0 1)")):
        this = World(
            symmetry,
            {"observation": f"{base}: 2 trivial"},
            "3 trivial",
            graph=("complete", "absolute"),
        )
        built = network(
            problem(this, "graph_attention", {"heads": 1, "width": 12, "fibre": "trivial"})
        ).double()
        x = np.random.default_rng(0).standard_normal((4, 6, 2))
        value, shifted = (built.value(y) for y in (x, np.roll(x, 1, 1)))
        found[symmetry] = float((value - shifted).detach().abs().max())
    assert found["C6"] < 1e-12
    assert found["C3"] > 1e-3


@pytest.mark.parametrize("local", ["global", "both"])
@pytest.mark.parametrize("symmetry", ["C4", "D2"])
def test_relaxed_is_exact_at_first_and_broken_by_training(symmetry, local):
    chosen = options(local, "both", width=4 * group(symmetry).order)
    this = problem(world(symmetry, "4x4"), "graph_attention", chosen, {"relaxed": {}})
    built = network(this)
    assert_equivariant(built, this)
    sizes = built.symmetry_breaking()
    assert {"attention1", "attention1/r", "latent", "policy", "value/r"} <= set(sizes)
    assert max(sizes.values()) <= 1e-12
    train(built, this)
    assert_broken(built, this)
    assert all(size > 1e-3 for name, size in built.symmetry_breaking().items())
    report = verify(built, Setting.of(this), "relaxed")
    assert {row.verdict for row in report.rows} == {"relaxed"}
    assert report.holds
    assert not report.exact
    assert "relaxed by" in str(report)


def test_an_exact_network_breaks_nothing():
    assert (
        network(
            problem(world("C4", "4x4"), "graph_attention", options(width=16))
        ).symmetry_breaking()
        == {}
    )


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({"local": {"window": 4}}, "patch-size"),
        ({"local": {"window": 3}, "patch": 2}, "patch-size"),
        ({"local": {"window": 3, "downscale": 2}}, "patch-size"),
        ({"local": {"window": 3, "width": 12}, "heads": 8}, "width"),
    ],
)
def test_windows_that_do_not_fit_are_refused(chosen, code):
    with pytest.raises(ValueError, match=code):
        problem(world("C4", "4x4"), "graph_attention", {"heads": 2, "width": 64, **chosen})
