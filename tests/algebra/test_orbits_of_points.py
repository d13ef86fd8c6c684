"""Partitions against a slow obvious twin (networkx components)."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.algebra.orbits import components, joined, number, pair_permutation


def slow_components(size, permutations, signatures=()):
    graph = nx.empty_graph(size)
    for p in permutations:
        graph.add_edges_from(enumerate(p))
    for signature in signatures:
        graph.add_edges_from(
            (i, j) for i in range(size) for j in range(i) if signature[i] == signature[j]
        )
    return sorted(map(sorted, nx.connected_components(graph)))


def as_sets(labels):
    return sorted([np.flatnonzero(labels == k).tolist() for k in range(labels.max() + 1)])


@st.composite
def sets(draw):
    size = draw(st.integers(1, 12))
    permutations = draw(st.lists(st.permutations(range(size)), max_size=3))
    signatures = draw(
        st.lists(st.lists(st.integers(-3, 9), min_size=size, max_size=size), max_size=2)
    )
    return size, [np.array(p) for p in permutations], [np.array(s) for s in signatures]


@given(sets())
def test_components_equal_the_twin(example):
    size, permutations, signatures = example
    labels = components(size, permutations, signatures)
    assert as_sets(labels) == slow_components(size, permutations, signatures)
    assert np.array_equal(labels, number(labels)), (
        "labels are numbered in order of first appearance"
    )


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=15))
def test_joined_equals_the_twin(size, pairs):
    pairs = [(a % size, b % size) for a, b in pairs]
    label = joined(
        size, np.array([a for a, _ in pairs], dtype=int), np.array([b for _, b in pairs], dtype=int)
    )
    graph = nx.empty_graph(size)
    graph.add_edges_from(pairs)
    for part in nx.connected_components(graph):
        assert {label[i] for i in part} == {min(part)}


def test_control_a_permutation_left_out_is_noticed():
    p, q = np.array([1, 0, 2, 3]), np.array([0, 1, 3, 2])
    assert as_sets(components(4, [p])) != slow_components(4, [p, q])
    assert as_sets(components(4, [p], [np.array([0, 1, 2, 3])])) != slow_components(
        4, [p], [np.zeros(4)]
    )


@pytest.mark.parametrize("size", [1, 2, 1000, 16384])
def test_a_long_cycle_takes_few_rounds(size):
    cycle = (np.arange(size) + 1) % size
    assert components(size, [cycle]).max() == 0
    assert components(size, [cycle], [np.arange(size)]).max() == 0


@given(st.lists(st.integers(-(2**62), 2**62), max_size=9))
def test_number_keeps_what_is_equal(values):
    labels = number(np.array(values, dtype=np.int64))
    first = list(dict.fromkeys(values))
    assert labels.tolist() == [first.index(value) for value in values]


def test_pairs_move_together():
    rows, columns = np.array([2, 0, 1]), np.array([1, 0])
    moved = pair_permutation(rows, columns)
    assert [moved[i * 2 + j] for i in range(3) for j in range(2)] == [
        rows[i] * 2 + columns[j] for i in range(3) for j in range(2)
    ]
