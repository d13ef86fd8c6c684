"""observation: each kind of term is drawn as what it is, and names say what is what."""

from itertools import combinations

import numpy as np
import pytest

from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.compiler import check_spec
from symgen.envs import dm_control
from symgen.envs._dm_control_tasks import DOMAINS, ENTRIES
from symgen.envs._gymnasium_entries import ENTRY_NAMES
from symgen.envs._minigrid_worlds import KNOWN, carried, channels
from symgen.pictures import canvas, draw_cells, draw_observation
from symgen.problem.interface import Term
from tests.envs.examples import spec
from tests.pictures.legible import complaints

LAKE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "FrozenLake-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": "grid 4x4(s=transpose): trivial"},
        "actions": {"s": {"left": "up", "up": "left", "down": "right", "right": "down"}},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
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


def luminance(colour: np.ndarray) -> float:
    return float(np.dot(colour, (0.299, 0.587, 0.114)))


# --------------------------------------------------------------------------------------------------
# cells


@pytest.mark.parametrize("id_", sorted(KNOWN))
def test_no_two_things_of_a_world_look_alike(id_):
    world = KNOWN[id_]
    names = [*channels(world, partial=False), *carried(world), "agent"]
    own = dict(zip(names, draw_cells.colours(names), strict=True))
    for first, second in combinations(
        [name for name in names if not draw_cells._says_more(name)], 2
    ):
        assert np.abs(own[first] - own[second]).sum() > 0.25, (first, second)
        assert draw_cells.LETTERS.get(first) != draw_cells.LETTERS.get(second) or "wall" in (
            first,
            second,
        )


def test_key_and_goal_differ_without_colour():
    key, goal = draw_cells.colours(["key", "goal"])
    assert abs(luminance(key) - luminance(goal)) > 0.25
    assert draw_cells.LETTERS["key"] != draw_cells.LETTERS["goal"]


def test_unnamed_channels_take_no_colour_of_a_named_one():
    colours = draw_cells.colours(["goal", *(f"channel {k}" for k in range(1, 30)), "key"])
    gaps = np.abs(colours[:, None] - colours[None]).sum(-1) + 9 * np.eye(len(colours))
    assert gaps.min() > 0.02


def test_a_locked_door_is_a_door_with_a_letter():
    names = ["wall", "door", "open", "closed", "locked", "heading up"]
    value = np.zeros((1, 3, 6), np.uint8)
    value[0, 0, [1, 4]] = 1
    value[0, 1, [1, 2]] = 1
    value[0, 2, 5] = 1
    filled = draw_cells.fills(value, names)
    assert np.array_equal(filled[0, 0], filled[0, 1])
    assert np.allclose(filled[0, 0], canvas.rgb(draw_cells.COLOURS["door"]))
    assert draw_cells.letters(value, names).tolist() == [["Dl", "Do", "↑"]]


# --------------------------------------------------------------------------------------------------
# states


def test_a_state_is_marked_on_its_grid(figures, tmp_path):
    problem = check_spec(LAKE)
    draw_observation.draw_observation(problem, tmp_path / "a.png")
    before, after = (axes.images[0].get_array() for axes in figures[0].axes[:2])
    assert before.shape == (4, 4, 3)
    marked = [
        np.argwhere(np.abs(shown - canvas.rgb("#f2a93b")).sum(-1) < 1e-6).tolist()
        for shown in (before, after)
    ]
    assert [len(cells) for cells in marked] == [1, 1]
    assert marked[1] == [marked[0][0][::-1]]  # transposed
    assert marked[0] != marked[1]  # a state that the mirror moves was looked for
    assert complaints(figures[0]) == []


@pytest.mark.parametrize("count", [3, 16, 500])
def test_states_without_a_grid_stand_in_rows(count):
    rows, columns = draw_observation._wrapped(count)
    assert rows * columns >= count
    assert columns <= 16
    figure = canvas.figure(4, 4, "states")
    draw_observation._state(figure.subplots(), count - 1, (rows, columns), count, 3.0)
    assert complaints(figure) == []


# --------------------------------------------------------------------------------------------------
# entries


def test_entries_have_their_names_and_numbers(figures, tmp_path):
    problem = check_spec(CARTPOLE)
    names = draw_observation.entry_names(problem, problem.interface.terms[0])
    assert names == [
        "cart position  1",
        "cart velocity  2",
        "pole angle  3",
        "pole angular velocity  4",
    ]
    draw_observation.draw_observation(problem, tmp_path / "a.png")
    assert [text.get_text() for text in figures[0].axes[0].get_yticklabels()] == names
    assert complaints(figures[0]) == []


def test_entries_without_names_count_from_one():
    problem = check_spec(
        {**CARTPOLE, "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"}}
    )
    assert draw_observation.entry_names(problem, Term("observation", (3,))) == ["1", "2", "3"]


@pytest.mark.parametrize("name", sorted(ENTRY_NAMES))
def test_named_entries_are_as_many_as_there_are(name, monkeypatch, tmp_path):
    gymnasium = pytest.importorskip("gymnasium")
    ids = [id_ for id_ in gymnasium.registry if id_.rsplit("-v", 1)[0] == name]
    assert ids
    newest = sorted(ids)[-1]
    if ".mujoco." in str(gymnasium.registry[newest].entry_point):
        pytest.importorskip("mujoco")
        monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings into the working folder
    arguments = {"include_cfrc_ext_in_observation": False} if name == "Ant" else {}
    assert len(ENTRY_NAMES[name]) == {"LunarLander": 8, "LunarLanderContinuous": 8}.get(name) or (
        len(ENTRY_NAMES[name]) == gymnasium.make(newest, **arguments).observation_space.shape[0]
    )


@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_dm_control_names_every_entry(domain):
    assert {term: len(names) for term, names in ENTRIES[domain].items()} == {
        term: len(signs) for term, signs in DOMAINS[domain].terms.items()
    }
    task = DOMAINS[domain].tasks[0]
    assert dm_control.names(dm_control.Options(domain=domain, task=task))
    assert dm_control.names(dm_control.Options(domain=domain, task=task, observe="pixels")) == {}


@pytest.mark.parametrize("count", [1, 27, 120])
def test_many_entries_with_long_names_can_be_read(count):
    names = [f"a_name_of_20_letter{k:02}  {k + 1}" for k in range(count)]
    figure = canvas.figure(6, max(1.6, min(8.0, 0.19 * count + 1)), "entries")
    draw_observation._bars(figure.subplots(), np.linspace(-1, 1, count), names, 1.0)
    assert complaints(figure) == []


def test_entries_that_are_zero_have_an_axis():
    figure = canvas.figure(4, 3, "zeros")
    axes = figure.subplots()
    draw_observation._bars(axes, np.zeros(3), ["1", "2", "3"], 0.0)
    assert axes.get_xlim()[1] > 0.5


# --------------------------------------------------------------------------------------------------
# pictures


def test_of_stacked_pictures_the_newest_is_drawn():
    term = Term("observation", (2, 2, 9), "uint8", "image", scale=255.0)
    picture = np.zeros((2, 2, 9), np.uint8)
    picture[..., 6] = 255
    assert np.allclose(draw_observation.as_colours(term, picture, 255.0), [1, 0, 0])
    assert draw_observation._of_several(term) == ": the newest of 3"
    assert (
        draw_observation._of_several(Term("observation", (2, 2, 3), "uint8", "image", scale=255.0))
        == ""
    )


def test_of_frames_the_newest_is_drawn_and_entries_say_when_they_were():
    keys = {"frames": 2, "previous": ["action", "reward"]}
    problem = check_spec(spec("gridworld", {"size": 5, **keys}))
    image, action, reward = problem.interface.terms
    value = np.arange(8) * np.ones((5, 5, 8))
    frame, names = draw_observation.newest(problem, image, value)
    assert frame[0, 0].tolist() == [4, 5, 6, 7]
    assert names == ["wall", "lava", "goal", "agent"]
    assert draw_observation._of_several(image, 2) == ": the newest of 2"
    assert draw_observation.entry_names(problem, action)[0] == "up  1"
    assert draw_observation.entry_names(problem, reward) == ["reward  1"]
    cartpole = check_spec(spec("gymnasium_env", {"id": "CartPole-v1", **keys}))
    names = draw_observation.entry_names(cartpole, cartpole.interface.terms[0])
    assert names[1] == "cart velocity (-1)  2"
    assert names[5] == "cart velocity  6"
    shown = draw_observation.observed(cartpole)
    assert shown["previous_action"].sum() == 1  # at the first step there would be none
    assert not np.array_equal(*np.split(shown["observation"], 2, -1))


def test_captions_are_wrapped():
    figure = canvas.figure(3, 3, "a title")
    axes = figure.subplots()
    canvas.caption(axes, "word " * 30)
    assert max(map(len, axes.get_title().split("\n"))) <= canvas.CAPTION
    assert canvas.meaning(bases.point(group("C4")), "r") == "r: moves no place"
