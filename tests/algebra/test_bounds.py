"""Oversized input raises a ValueError before time or memory is spent; the largest allowed input
stays affordable.
"""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group, presented, symmetric
from symgen.algebra.graph import build
from symgen.algebra.homomorphism import Representation
from symgen.algebra.orbits import hom_dimension, intertwiners, signed_pair_orbits
from symgen.algebra.triangles import triangle_tables
from symgen.algebra.tying import tie
from symgen.algebra.windows import windows

SECONDS = 2.0
"""Of processor time, so that a busy machine does not matter; measuring memory slows Python down,
too.
"""
MEGABYTES = 32.0


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor time and peak megabytes of a call."""
    tracemalloc.start()
    start = time.process_time()
    try:
        work()
    finally:
        seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        spent.last = seconds, peak / 2**20
    return spent.last


def assert_refused_quickly(work: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        spent(work)
    seconds, megabytes = spent.last
    assert seconds < SECONDS, f"{seconds:.1f} s"
    assert megabytes < MEGABYTES, f"{megabytes:.0f} MB"


def field(name, text):
    return fieldtypes.parse(group(name), text)


def rep(name, text):
    return representations.parse(group(name), text)


OVERSIZED = {
    "group number": lambda: group("C99999"),
    "elements of a symmetric group": lambda: group("S9").elements,
    "regular of a symmetric group": lambda: rep("S7", "regular"),
    "quotient of a product": lambda: rep("C512 x C512", "quotient(r)"),
    "word": lambda: group("C4").parse("r^9999" * 10**5),
    "infinite group": lambda: presented(["a"], []),
    "long relations": lambda: presented(["a"], ["a^9999" * 10**4]),
    "relations that cannot be finished": lambda: presented(["a", "b"], ["ab" * 3000, "aab" * 3000]),
    "many relations": lambda: presented(["a", "b"], ["a^2000"] * 10**4),
    "many generators": lambda: presented([f"a{i}" for i in range(10**5)], []),
    "multiplicity": lambda: rep("D4", "999999 regular"),
    "many summands": lambda: rep("D512", " + ".join(["regular", "trivial"] * 10**4)),
    "dense matrix": lambda: rep("D4", "8000 trivial").matrix("r"),
    "sum of too many": lambda: representations.direct_sum((10**9, rep("D4", "regular + trivial"))),
    "signed size": lambda: representations.signed_permutation(group("C2"), {"r": range(1, 10**5)}),
    "grid": lambda: bases.grid(group("C1"), 10**5, 10**5),
    "grid text": lambda: bases.parse(group("C1"), "grid 999999x999999"),
    "tokens": lambda: bases.tokens(group("C1"), 10**9),
    "graph": lambda: bases.graph(group("C1"), {}, 10**9),
    "union": lambda: bases.parse(group("C1"), "+".join(["tokens 16000"] * 50)),
    "long union": lambda: bases.parse(group("C1"), "+".join(["point"] * 10**5)),
    "graph of a large grid": lambda: build(bases.grid(group("D4"), 64, 64), "complete", "offset"),
    "fibre labels": lambda: build(bases.grid(group("D4"), 40, 40), "king", "offset").fibre_labels(
        rep("D4", "regular")
    ),
    "edges": lambda: build(bases.graph(group("C1"), {}, 9), "edges", "distance", [[0, 1]] * 10**6),
    "triangles": lambda: triangle_tables(bases.grid(group("C4"), 64, 64)),
    "windows": lambda: windows(bases.grid(group("C4"), 64, 64), 63),
    "solved intertwiners": lambda: intertwiners(
        rep("C3", "100 standard"), rep("C3", "100 standard")
    ),
    "written intertwiners": lambda: intertwiners(rep("D4", "64 regular"), rep("D4", "64 regular")),
    "orbits of pairs": lambda: signed_pair_orbits(
        rep("D4", "1000 regular"), rep("D4", "1000 regular")
    ),
    "dim Hom of a large block": lambda: hom_dimension(
        field("D4", "grid 64x64: trivial").as_representation,
        field("D4", "grid 64x64: regular").as_representation,
    ),
    "tied matrix": lambda: tie(
        field("D4", "grid 32x32: regular"), field("D4", "grid 32x32: regular")
    ),
    "matrix of a field": lambda: (
        field(
            "C3", "graph 2001(r=" + " ".join(map(str, range(2001))) + "): 3 standard"
        ).as_representation
    ),
}


@pytest.mark.parametrize("what", OVERSIZED)
def test_oversized_input_is_refused_quickly(what):
    assert_refused_quickly(OVERSIZED[what])


def test_control_what_spends_time_or_memory_is_caught():
    def slow():
        start = time.process_time()
        while time.process_time() < start + SECONDS:
            pass
        raise ValueError("too late")

    def large():
        _ = np.zeros(2**23)
        raise ValueError("too late")

    with pytest.raises(AssertionError, match=r"\d s"):
        assert_refused_quickly(slow)
    with pytest.raises(AssertionError, match="64 MB"):
        assert_refused_quickly(large)
    with pytest.raises(pytest.fail.Exception):
        assert_refused_quickly(lambda: group("C4"))


LARGEST = {
    "S512": lambda: field(symmetric(512).name, "tokens 512: 3 trivial + sign").act(
        "scs", np.zeros((1, 512, 4))
    ),
    "S512 by lists": lambda: bases.graph(symmetric(512), group("S512").permutations, 512),
    "S256 of signs": lambda: representations.check_relations(rep("S256", "permutation + sign")),
    "S128": lambda: representations.check_relations(rep("S128", "standard + permutation + sign")),
    "D512 regular": lambda: hom_dimension(rep("D512", "regular"), rep("D512", "regular")),
    "D512 quotient": lambda: rep("D512", "quotient(s)"),
    "a wide fibre": lambda: rep("D4", "8000 regular").act("rs", np.zeros((4, 64000))),
    "a grid": lambda: field("D4", "grid 128x128: 3 trivial").act("rs", np.zeros((1, 128**2, 3))),
    "attention on 14 x 14": lambda: build(
        bases.grid(group("D4"), 14, 14), "complete", "offset"
    ).fibre_labels(rep("D4", "regular")),
    "a king's graph of 32 x 32": lambda: (
        build(bases.grid(group("D4"), 32, 32), "king", "offset").labels
    ),
    "a tied readout": lambda: tie(
        field("D4", "point: 32 regular"), field("D4", "grid 9x9: 20 trivial")
    ),
}


@pytest.mark.parametrize("what", LARGEST)
def test_the_largest_sensible_input_is_affordable(what):
    seconds, megabytes = spent(LARGEST[what])
    assert seconds < SECONDS, f"{seconds:.1f} s"
    assert megabytes < 400, f"{megabytes:.0f} MB"


def test_named_values_do_not_hold_large_matrices():
    wide = rep("D4", "8000 regular")
    assert sum(move.nbytes for _, atom in wide.blocks for move in atom.moves) < 1000
    assert isinstance(wide, Representation)
