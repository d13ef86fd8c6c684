"""Pictures are PNGs, and what they show is what the algebra says."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.catalogue import group
from symgen.algebra.triangles import triangle_tables
from symgen.cli import app
from symgen.compiler import check_spec, compile_spec
from symgen.experiment.train import TrainingSettings, train
from symgen.pictures import (
    attention,
    canvas,
    draw_actions,
    draw_cells,
    draw_graph,
    draw_observation,
    draw_triangles,
)
from symgen.pictures.draw_attention import _heads, draw_attention
from symgen.pictures.show import drawn_graph, is_run, show_spec
from symgen.problem.interface import Term
from symgen.spec.source import read
from tests.experiment.doubles import SPEC
from tests.pictures.legible import complaints

ATTENTION = {
    "symgen": 1,
    "environment": {"adapter": "gridworld", "size": 5, "crossings": 1, "levels": 20},
    "symmetry": {
        "group": "C4",
        "actions": {"r": {"up": "left", "left": "down", "down": "right", "right": "up"}},
    },
    "graph": {"topology": "king", "labels": "offset", "orientation": "triangles"},
    "network": {
        "family": "graph_attention",
        "width": 16,
        "heads": 2,
        "readout": "patches",
        "global": {"layers": 2},
    },
}
CARTPOLE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
}


def edited(spec: dict, **sections: dict) -> dict:
    return {**spec, **{name: {**spec.get(name, {}), **values} for name, values in sections.items()}}


def is_png(path: Path) -> bool:
    content = path.read_bytes()
    return content[:8] == b"\x89PNG\r\n\x1a\n" and content[-8:-4] == b"IEND" and len(content) > 4000


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


# ----------------------------------------------------------------------------------------------
# whole pictures


def test_every_picture_of_a_spec(tmp_path):
    shown = show_spec(read(ATTENTION), tmp_path / "new" / "folder")
    names = ["graph", "labels", "triangles", "actions", "observation", "weights"]
    assert [path.stem for path in shown.pictures] == names
    assert all(is_png(path) for path in shown.pictures)
    assert shown.notes == ()


def test_what_cannot_be_drawn_is_said(tmp_path):
    shown = show_spec(read(CARTPOLE), tmp_path)
    assert [path.stem for path in shown.pictures] == ["actions", "observation", "weights"]
    assert "no picture of it" in shown.notes[0]
    plain = show_spec(read(SPEC), tmp_path)
    assert "weights" not in [path.stem for path in plain.pictures]
    assert any("no map of cnn is tied" in note for note in plain.notes)


def test_a_missing_package_leaves_out_one_picture(tmp_path, monkeypatch):
    from symgen.envs import gridworld
    from symgen.errors import UserError

    def missing(*_):
        raise UserError("missing-package", "gridworld needs a package", "pip install it")

    monkeypatch.setattr(gridworld, "make", missing)
    shown = show_spec(read(ATTENTION), tmp_path)
    assert "observation" not in [path.stem for path in shown.pictures]
    assert "pip install it" in shown.notes[0]


@pytest.mark.parametrize("kind", ["edges", "tokens", "none"])
def test_graphs_that_are_no_grids(tmp_path, kind):
    if kind == "edges":
        turn = [(i + 1) % 5 for i in range(5)]
        base = bases.graph(group("C5"), {"r": turn})
        graph = graphs.build(
            base, "edges", "kind", [[i, (i + 1) % 5, {"kind": "rim"}] for i in range(5)]
        )
    elif kind == "tokens":
        base = bases.tokens(group("S4"), 4)
        graph = graphs.build(base, "complete", "absolute")
    else:
        base, graph = bases.graph(group("C1"), {}, 30), None
    assert is_png(draw_graph.draw_graph(base, graph, tmp_path / "graph.png"))
    assert graph is None or is_png(draw_graph.draw_labels(graph, tmp_path / "labels.png"))


def test_a_table_where_the_action_is_continuous(tmp_path):
    from symgen.algebra import representation as representations
    from symgen.problem.interface import Action

    turning = representations.parse(group("C3"), "standard")
    action = Action("continuous", ("x", "y"), (2,), (-1.0, -1.0), (1.0, 1.0))
    assert is_png(draw_actions.draw_actions(action, turning, tmp_path / "actions.png"))


# ------------------------------------------------------------------------------------------------
# what they show


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
        assert np.allclose(
            np.abs(2 * (middles - starts)).sum(1), 1
        )  # neighbours, also across the border


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
    names, picture = ["wall", "agent"], np.array([[[1, 0], [1, 1], [0, 0]]], dtype=np.uint8)
    filled = draw_cells.fills(picture, names)
    wall, agent = draw_cells.colours(names)
    assert np.allclose(
        filled[0], [wall, agent, canvas.rgb(canvas.PALE)]
    )  # the last channel is on top
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


# ----------------------------------------------------------------------------------------------------
# attention


def test_attention_is_recorded_as_the_kernel_computes_it():
    q, k, v = torch.randn(3, 2, 4, 5, 8, dtype=torch.float64).unbind(0)
    mask = torch.randn(5, 5, dtype=torch.float64)
    with attention.AttentionRecorder() as recorder:
        fused = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3)
        plain = torch.softmax(0.3 * q @ k.transpose(-2, -1) + mask, -1) @ v
    assert len(recorder.maps) == 2
    assert torch.allclose(recorder.maps[0], recorder.maps[1])
    assert torch.allclose(recorder.maps[0] @ v, fused)
    assert torch.allclose(fused, plain)


def test_the_map_of_a_moved_observation_is_the_moved_map(tmp_path):
    spec = edited({**ATTENTION, "graph": {"topology": "complete"}}, network={"readout": "both"})
    compiled = compile_spec(spec, verify=False, seed=0)
    paths = draw_attention(compiled, tmp_path / "attention.png", tmp_path / "attention_heads.png")
    assert [path.name for path in paths] == ["attention.png", "attention_heads.png"]
    assert all(map(is_png, paths))
    _, observation = attention.frames(compiled, 3, 0)
    before = attention.place_attention(compiled, observation)
    after = attention.place_attention(compiled, compiled.act_on_observation("r", observation))
    assert before is not None
    assert after is not None
    assert (before.token, before.base.shape, len(before.layers)) == (True, (5, 5), 2)
    assert before.layers[0].shape == (len(observation), 2, 25)
    assert attention.equivariance_error(before, after, "r") < 1e-12
    assert (
        attention.equivariance_error(before, before, "r") > 1e-4
    )  # the control: an observation that was not moved


def test_a_class_token_that_nothing_reads_is_not_shown(tmp_path, monkeypatch):
    compiled = compile_spec(ATTENTION, verify=False, seed=0)  # readout: patches
    _, observation = attention.frames(compiled, 2, 0)
    found = attention.place_attention(compiled, observation)
    last = [
        each
        for each in attention.attention_maps(compiled.network, observation)
        if each.shape[-1] == 26
    ][-1]
    assert found is not None
    assert not found.token
    assert np.allclose(found.layers[-1], last[:, :, 1:, 1:].mean(2))
    assert not np.allclose(found.layers[-1], last[:, :, 0, 1:])  # the control: the token's row
    figures = []
    monkeypatch.setattr(canvas, "save", lambda made, path: figures.append(made) or path)
    draw_attention(compiled, tmp_path / "a.png", tmp_path / "b.png")
    assert all("all places together attend" in made.get_suptitle() for made in figures)
    for made in figures:  # a colour bar says what a colour means
        labels = [axes.get_ylabel() for part in made.subfigs for axes in part.axes]
        assert any("attention to a place" in label and "darker: more" in label for label in labels)
        assert complaints(made) == []


@pytest.mark.parametrize("places", [3, 40])
def test_heads_over_tokens_are_a_table_that_can_be_read(places, tmp_path, monkeypatch):
    base = bases.tokens(group(f"C{places}"), places)
    rng = np.random.default_rng(0)
    seen = attention.PlaceAttention(
        base, tuple(rng.random((3, 8, places)) / places for _ in range(2)), True
    )
    figures = []
    monkeypatch.setattr(canvas, "save", lambda made, path: figures.append(made) or path)
    _heads([0, 4, 9], {"": seen, "r": seen}, tmp_path / "heads.png")
    panels = [
        axes
        for axes in figures[0].axes
        if axes.images and axes.images[0].get_array().shape[:2] == (8, places)
    ]
    assert len(panels) == 4  # layers times (as seen, moved by r)
    assert complaints(figures[0]) == []


def test_a_vision_transformer_does_not_move_its_maps():
    spec = edited(SPEC, network={"family": "vit"})
    compiled = compile_spec({**spec, "network": {"family": "vit"}}, verify=False, seed=0)
    _, observation = attention.frames(compiled, 1, 0)
    before = attention.place_attention(compiled, observation)
    after = attention.place_attention(compiled, compiled.act_on_observation("r", observation))
    assert before is not None
    assert after is not None
    assert attention.equivariance_error(before, after, "r") > 1e-4


def test_no_attention_no_picture(tmp_path):
    assert (
        draw_attention(compile_spec(SPEC, verify=False), tmp_path / "a.png", tmp_path / "b.png")
        == []
    )


# ------------------------------------------------------------------------------------------------------
# formats


@pytest.mark.parametrize(
    ("kind", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF-"), ("svg", b"<?xml")]
)
def test_equal_figures_are_equal_files_in_every_format(kind, begins, tmp_path, monkeypatch):
    base = bases.grid(group("C4"), 3, 3)
    for time in ("1", "2000000000"):  # a file that held its date would differ
        monkeypatch.setenv("SOURCE_DATE_EPOCH", time)
        draw_graph.draw_graph(base, None, tmp_path / f"{time}.{kind}")
    one, other = ((tmp_path / f"{time}.{kind}").read_bytes() for time in ("1", "2000000000"))
    assert one.startswith(begins)
    assert one == other
    draw_graph.draw_graph(bases.grid(group("C2"), 3, 3), None, tmp_path / f"c2.{kind}")
    assert (tmp_path / f"c2.{kind}").read_bytes() != one  # the control


def test_a_spec_is_shown_in_another_format(tmp_path):
    shown = show_spec(read(CARTPOLE), tmp_path, "svg")
    assert {path.suffix for path in shown.pictures} == {".svg"}
    assert all(path.exists() for path in shown.pictures)


# ------------------------------------------------------------------------------------------- the
# command line


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    train(
        read(edited(SPEC, train={"seeds": [0, 1], "steps": 100})),
        TrainingSettings(root=root, evaluation=None),
        lambda _: None,
    )
    return root / "dict" / "base"


def test_a_run_is_shown(trained):
    done = run("show", trained / "0")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert str((trained / "0").resolve() / "show" / "graph.png") in lines
    assert any("the family cnn attends to no places" in line for line in lines)
    assert (
        trained / "0" / "show" / "learning_curve.png"
    ).exists() or "no learning curve" in done.stdout


def test_of_several_runs_the_first(trained, tmp_path):
    found = json.loads(run("show", trained, "--out", tmp_path, "--json").stdout)
    assert {Path(path).parent for path in found["pictures"]} >= {tmp_path}
    assert any("holds 2 runs" in note for note in found["notes"])


def test_a_spec_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pole.yaml").write_text(read(CARTPOLE).text)
    done = run("show", "pole.yaml", "--set", "network.depth=1")
    assert done.exit_code == 0
    assert is_png(tmp_path / done.stdout.splitlines()[0])
    assert done.stdout.startswith("runs/pictures/pole/actions.png")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere.yaml"], "unreadable-file"),
        (["nowhere"], "run-not-found"),
        (["."], "run-not-found"),
        (["RUN", "--checkpoint", "newest"], "checkpoint-not-found"),
        (["RUN", "--set", "network.width=8"], "--set"),
        (["SPEC", "--set", "network.widht=8"], "unknown-key"),
        (["SPEC", "--out", "/dev/null/pictures"], "folder-not-writable"),
        (["SPEC", "--format", "bmp"], "png, pdf, svg"),
    ],
)
def test_what_was_mistyped(words, code, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(read(SPEC).text)
    words = [{"RUN": str(trained / "0"), "SPEC": "spec.yaml"}.get(word, word) for word in words]
    done = run("show", *words)
    assert done.exit_code == 2
    assert code in done.stderr
    assert done.stdout == ""


def test_a_folder_is_a_run(tmp_path):
    assert is_run(str(tmp_path))
    assert is_run("runs/nowhere")
    assert not is_run("specs/nowhere.yaml")


def test_palettes_tell_labels_apart():
    for count in (1, 5, 12, 60):
        colours = canvas.palette(count)
        assert colours.shape == (count, 3)
        gaps = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + 9 * np.eye(count)
        assert gaps.min() > 0.02
        assert not math.isnan(gaps.sum())


# -------------------------------------------------------------------------------------------------------
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
