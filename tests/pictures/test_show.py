"""Pictures of a spec and of a run: which are drawn, as what files, and what is said of the rest."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from symgen.algebra import base as bases
from symgen.algebra import graph as graphs
from symgen.algebra.catalogue import group
from symgen.cli import app
from symgen.experiment.train import TrainingSettings, train
from symgen.pictures import (
    draw_actions,
    draw_graph,
)
from symgen.pictures.show import is_run, show_spec
from symgen.spec.source import read
from tests.experiment.doubles import SPEC
from tests.pictures.examples import ATTENTION, CARTPOLE, edited, is_png


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


# --------------------------------------------------------------------------------------------------
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


# --------------------------------------------------------------------------------------------------
# formats


@pytest.mark.parametrize(
    ("kind", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF-"), ("svg", b"<?xml")]
)
def test_equal_figures_are_equal_files_in_every_format(kind, begins, tmp_path, monkeypatch):
    base = bases.grid(group("C4"), 3, 3)
    for time in ("1", "2000000000"):  # a file that held its date would differ
        monkeypatch.setenv("SOURCE_DATE_EPOCH", time)
        draw_graph.draw_graph(base, None, tmp_path / f"{time}.{kind}")
    early, late = ((tmp_path / f"{time}.{kind}").read_bytes() for time in ("1", "2000000000"))
    assert early.startswith(begins)
    assert early == late
    draw_graph.draw_graph(bases.grid(group("C2"), 3, 3), None, tmp_path / f"c2.{kind}")
    assert (tmp_path / f"c2.{kind}").read_bytes() != early  # the control


def test_a_spec_is_shown_in_another_format(tmp_path):
    shown = show_spec(read(CARTPOLE), tmp_path, "svg")
    assert {path.suffix for path in shown.pictures} == {".svg"}
    assert all(path.exists() for path in shown.pictures)


# --------------------------------------------------------------------------------------------------
# the command line


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
    drawn = json.loads(run("show", trained, "--out", tmp_path, "--json").stdout)
    assert {Path(path).parent for path in drawn["pictures"]} >= {tmp_path}
    assert any("holds 2 runs" in note for note in drawn["notes"])


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
