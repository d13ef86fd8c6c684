"""Patches are drawn as the image that they were cut from, and attention where it belongs."""

import numpy as np
from matplotlib.text import Text

from symgen.compiler import check_spec, compile_spec
from symgen.pictures import draw_observation, draw_patches, sensors
from symgen.pictures.patches import together
from symgen.pictures.sensors import record
from symgen.pictures.show import show_spec
from symgen.problem.pipeline import patches_of
from symgen.spec.source import read
from tests.pictures.examples import PATCHES, SENSORS
from tests.pictures.legible import complaints


def test_the_most_attended_patches():
    mean = np.full(40, 1.0)
    assert len(draw_patches.most(mean)) == 0
    mean[[3, 30]] = [2.0, 3.0]
    assert draw_patches.most(mean).tolist() == [30, 3]
    assert draw_patches.most(np.arange(40.0)).tolist() == list(range(39, 29, -1))


def test_the_overlay_lies_where_the_attention_is(figures, tmp_path, monkeypatch):
    def corner(network, keys):
        weights = np.ones((len(keys), 9, 6))
        weights[:, 2] = 5  # the patch in the upper right
        return weights

    monkeypatch.setattr(draw_patches, "slot_weights", corner)
    monkeypatch.setattr(sensors, "LONGEST_IMAGES", 12)
    this = compile_spec(PATCHES, verify=False, seed=0)
    draw_patches.draw_patches(this, record(this, {}), tmp_path / "a.png")
    shown = [axes for axes in figures[0].axes if len(axes.images) == 2]
    assert shown
    for axes in shown:
        alpha = np.asarray(axes.images[1].get_array())[..., 3]
        assert alpha.shape == (3, 3)
        assert np.argwhere(alpha).tolist() == [[0, 2]]
        assert axes.images[1].get_extent() == [-0.5, 8.5, 8.5, -0.5]
        (frame,) = axes.patches
        assert frame.get_xy() == (5.5, -0.5)


def test_patches_are_drawn_as_the_image_that_they_were_cut_from():
    environment = {"adapter": "gridworld", "size": 9}
    symmetry = {"group": "C1", "constraint": "none"}
    whole = {"symgen": 1, "environment": environment, "symmetry": symmetry}
    image = check_spec({**whole, "network": {"family": "cnn"}})
    side = 3
    cut = check_spec(
        {**PATCHES, "environment": {**environment, "patches": side}, "network": SENSORS["network"]}
    )
    (term,) = cut.interface.terms
    value = draw_observation.observed(image)["observation"][0]
    shape, again = together(cut, term, patches_of(value, side))
    assert shape == image.interface.terms[0]
    assert np.array_equal(again, value)
    _, moved = together(cut, term, patches_of(value, side)[::-1])
    assert not np.array_equal(moved, value)  # the control


def test_frames_of_patches_are_put_together_one_by_one():
    problem = check_spec(PATCHES)
    term = problem.interface.terms[0]
    frames = np.random.default_rng(0).random((2, 9, 9, 4))
    tokens = np.concatenate([patches_of(frame, 3) for frame in frames], -1)
    shape, picture = together(problem, term, tokens)
    assert shape.shape == (9, 9, 8)
    assert np.array_equal(picture, np.concatenate(list(frames), -1))
    newest, _ = draw_observation.newest(problem, shape, picture)
    assert np.array_equal(newest, frames[1])


def test_an_observation_in_patches_has_a_legend(figures, tmp_path):
    draw_observation.draw_observation(check_spec(PATCHES), tmp_path / "a.png")
    words = [text.get_text() for axes in figures[0].axes for text in axes.findobj(Text)]
    assert "observation (9, 72): the newest of 2" in words
    assert any("goal" in word for word in words)
    assert complaints(figures[0]) == []


def test_patches_are_not_drawn_on_a_ring(tmp_path):
    shown = show_spec(read(PATCHES), tmp_path)
    assert [path.stem for path in shown.pictures] == ["actions", "observation"]
    assert any("the places are patches" in note for note in shown.notes)
    others = show_spec(read(SENSORS), tmp_path)
    assert [path.stem for path in others.pictures] == ["graph", "actions", "observation"]
