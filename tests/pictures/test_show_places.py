"""Places, labels, triangles, channels and actions are drawn as the algebra has them."""

import math

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.catalogue import group
from symgen.algebra.triangles import triangle_tables
from symgen.compiler import check_spec
from symgen.pictures import (
    canvas,
    draw_actions,
    draw_cells,
    draw_graph,
    draw_observation,
    draw_triangles,
)
from symgen.pictures.show import drawn_graph
from symgen.problem.interface import Term
from tests.experiment.doubles import SPEC
from tests.pictures.examples import ATTENTION, edited, is_png


@pytest.mark.parametrize(("name", "picture_move"), [("r", np.rot90), ("s", np.fliplr)])
def test_places_are_drawn_where_the_base_moves_them(name, picture_move):
    base = bases.grid(group("D4"), 3, 3)
    start = np.arange(9)
    assert np.array_equal(
        canvas.moved(base, name, start).reshape(3, 3), picture_move(start.reshape(3, 3))
    )
    assert not np.array_equal(canvas.moved(base, name, start), start)


def test_moves_are_put_into_words():
    assert (
        canvas.meaning(bases.grid(group("C4"), 3, 3), "r") == "r: a quarter turn counter-clockwise"
    )
    assert canvas.meaning(bases.grid(group("D1"), 3, 4), "s") == "s: left and right change places"
    assert canvas.meaning(bases.tokens(group("S3"), 3), "s") == "s: 2 of 3 places move"
    assert canvas.meaning(bases.point(group("C4")), "r") == "r: moves no place"


def test_labels_are_carried_to_labels_and_the_check_can_fail():
    base = bases.grid(group("D4"), 5, 5)
    graph = graphs.build(base, "complete", "offset")
    for place, _ in draw_graph.viewpoints(canvas.placement(base)):
        assert [draw_graph.differences(graph, generator, place) for generator in ("r", "s")] == [
            0,
            0,
        ]
    # labels that the group does not keep
    graph.__dict__["labels"] = np.arange(25 * 25).reshape(25, 25)
    assert draw_graph.differences(graph, "r", 0) > 0


def test_half_edges_carry_the_label_of_their_pair():
    graph = graphs.build(bases.grid(group("C1"), 3, 3), "torus", "offset")
    where = canvas.placement(graph.base)
    for label in range(graph.label_count):
        starts, middles = draw_graph.half_edges(where, graph, label)
        assert len(starts) in (0, (graph.labels == label).sum())
        # neighbours, also across the border
        assert np.allclose(np.abs(2 * (middles - starts)).sum(1), 1)


def test_many_labels_are_a_heat_map():
    square = bases.grid(group("D4"), 5, 5)
    assert draw_graph.draws_edges(graphs.build(square, "king", "distance"))
    assert not draw_graph.draws_edges(graphs.build(square, "complete", "offset"))


def test_turns_keep_triangles_and_mirrors_break_them():
    base = bases.grid(group("D4"), 4, 4)
    tables = triangle_tables(base)
    i, j, k = draw_triangles.example(base, tables)
    assert draw_triangles.third(tables, 16, i, j) == k
    turn, mirror = base.permutations
    assert draw_triangles.broken(tables, 16, turn) == 0
    assert draw_triangles.broken(tables, 16, mirror) > 100
    assert draw_triangles.third(tables, 16, turn[i], turn[j]) == turn[k]
    assert draw_triangles.third(tables, 16, mirror[i], mirror[j]) != mirror[k]


def test_one_hot_pictures_have_a_colour_per_channel():
    names = ["wall", "agent"]
    picture = np.array([[[1, 0], [1, 1], [0, 0]]], dtype=np.uint8)
    filled = draw_cells.fills(picture, names)
    wall, agent = draw_cells.colours(names)
    # the last channel is on top
    assert np.allclose(filled[0], [wall, agent, canvas.rgb(canvas.PALE)])
    rgb = Term("observation", (1, 1, 3), "uint8", "image", scale=255.0)
    assert np.allclose(
        draw_observation.as_colours(rgb, np.array([[[255, 0, 51]]]), 255.0), [[[1, 0, 0.2]]]
    )


def test_channels_have_their_names():
    problem = check_spec(ATTENTION)
    assert draw_observation.channel_names(problem, problem.interface.terms[0]) == [
        "wall",
        "lava",
        "goal",
        "agent",
    ]
    turning = check_spec(edited(SPEC, environment={"moves": "turn"}))
    assert draw_observation.channel_names(turning, turning.interface.terms[0])[3:] == [
        "heading up", "heading left", "heading down", "heading right",
    ]  # fmt: skip


def test_actions_stand_apart():
    names = [
        "down_left",
        "left",
        "up_left",
        "down",
        "stay",
        "up",
        "down_right",
        "right",
        "up_right",
        *"dawsqe",
    ]
    for given in (names, ["a", "b", "c"], ["left", "right"], ["left", "right", "forward"]):
        points = draw_actions.positions(given)
        gaps = np.abs(points[:, None] - points[None]).max(-1) + 9 * np.eye(len(given))
        assert gaps.min() >= 0.2


def test_the_graph_is_the_one_of_the_patches():
    spec = edited(ATTENTION, environment={"view": "rgb", "resolution": 12}, network={"patch": 2})
    base, graph = drawn_graph(check_spec({**spec, "graph": {"topology": "king"}}))
    assert base is not None
    assert base.shape == (6, 6)
    assert graph is not None
    assert graph.base == base


def test_palettes_tell_labels_apart():
    for count in (1, 5, 12, 60):
        colours = canvas.palette(count)
        assert colours.shape == (count, 3)
        gaps = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + 9 * np.eye(count)
        assert gaps.min() > 0.02
        assert not math.isnan(gaps.sum())


# --------------------------------------------------------------------------------------------------
# planes


def test_a_plane_is_drawn_turned_between_its_pixels(tmp_path):
    base = bases.plane(group("C8"), 9, 9)
    assert canvas.meaning(base, "r") == "r: 45° counter-clockwise, interpolated"
    where = canvas.placement(base)
    assert where.is_grid
    colours = np.full((81, 3), 0.5)
    turned = canvas.turned(base, "r", colours).reshape(9, 9, 3)
    assert np.allclose(turned[4, 4], 0.5)
    assert np.allclose(turned[0, 0], canvas.rgb(canvas.PALE))  # a corner, where nothing arrives
    assert is_png(draw_graph.draw_graph(base, None, tmp_path / "graph.png"))


@pytest.mark.parametrize("order", [4, 8])
def test_a_quarter_turn_of_a_plane_is_that_of_a_grid(order):
    plane, grid = bases.plane(group(f"C{order}"), 5, 5), bases.grid(group("C4"), 5, 5)
    colours = np.random.default_rng(0).random((25, 3))
    turned = canvas.turned(plane, "r" * (order // 4), colours)
    assert np.allclose(turned, canvas.moved(grid, "r", colours))
