"""Long names, many entries and large groups: nothing is cut off, and no word lies on another."""

from pathlib import Path

import numpy as np
import pytest

from symgen.algebra.catalogue import group
from symgen.algebra.representation import parse
from symgen.errors import UserError
from symgen.experiment.metrics import Metrics
from symgen.pictures import curve, draw_actions, draw_relaxation, show
from symgen.problem.interface import Action
from symgen.spec.source import read
from tests.experiment.doubles import new_run
from tests.pictures.legible import complaints

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))
NAMES = [f"a_name_of_20_letter{k:02}" for k in range(27)]
RUN = "a_spec_with_a_long_name/a_variant_with_a_long_name/0"


@pytest.mark.parametrize(
    ("name", "representation", "names"),
    [
        ("D4", "regular", NAMES[:8]),
        ("S4", "regular", NAMES[:24]),
        ("D1", "13 regular + trivial", NAMES),
        ("C4", "10 trivial", ["left", "right", "up", "down", *NAMES[:6]]),
        ("C4", "10 trivial", ["left", "right", "up", "down", *"abcdef"]),
        ("D1", "regular", ["left", "right"]),
    ],
)
def test_actions(name, representation, names, figures, tmp_path):
    action = Action("discrete", tuple(names), (len(names),))
    draw_actions.draw_actions(action, parse(group(name), representation), tmp_path / "a.png")
    assert complaints(figures[0]) == []
    boxes = [
        text.get_window_extent()
        for axes in figures[0].axes
        for text in axes.texts
        if text.get_bbox_patch()
    ]
    for k, box in enumerate(boxes):  # nodes do not cover one another
        assert not any(box.overlaps(before) for before in boxes[:k])


def test_many_layers_that_break_the_symmetry(figures, tmp_path):
    layers = [f"a_rather_long_layer_{k:02}" for k in range(27)]
    sizes = {layer: np.linspace(0, k, 5) for k, layer in enumerate(layers)}
    norms = draw_relaxation.Curves(np.arange(5) * 1000, {"": sizes, "r": sizes})
    draw_relaxation.draw_symmetry_breaking(norms, tmp_path / "a.png", RUN)
    assert complaints(figures[0]) == []
    (legend,) = figures[0].legends
    assert legend.get_title().get_text() == "layer (16 more: less, 1 more: exact)"
    assert [text.get_text() for text in legend.get_texts()] == layers[
        -draw_relaxation.MAX_MAPS :
    ]  # the furthest


@pytest.mark.parametrize("order", [8, 24])
def test_weights_of_many_elements(order, figures, tmp_path):
    rng = np.random.default_rng(0)
    weights = {name: 1 + rng.normal(size=(6, 2, order)) / 9 for name in NAMES[:2]}
    elements = {
        name: draw_relaxation.Elements([f"r{k}" for k in range(order)], np.zeros(order))
        for name in weights
    }
    draw_relaxation.draw_relaxed_weights(
        np.arange(6) * 1000, weights, elements, tmp_path / "a.png", RUN
    )
    assert complaints(figures[0]) == []


@pytest.mark.parametrize("seeds", [1, 12])
def test_learning_curves(seeds, figures, tmp_path):
    runs = [new_run(tmp_path / ("a_long_name_of_a_spec_" * 4), seed) for seed in range(seeds)]
    for run in runs:
        with Metrics(run.folder) as log:
            for k in range(1, 4):
                log.write({"update": k, "step": 1000 * k, "return": float(k)})
    curve.draw(runs, tmp_path / "a.png")
    assert complaints(figures[0]) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_shipped_spec(path, figures, tmp_path):
    try:
        shown = show.show_spec(read(path), tmp_path)
    except UserError as error:
        pytest.skip(error.message)
    assert len(shown.pictures) == len(figures) >= 2
    assert {
        shown.pictures[k].stem: complaints(figure)
        for k, figure in enumerate(figures)
        if complaints(figure)
    } == {}
