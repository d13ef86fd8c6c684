"""Procgen through its shared library: levels, endings, pictures, and what the group does to the
keys.
"""

import ast
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from symgen.algebra.catalogue import group
from symgen.envs import _procgen_library, procgen
from symgen.envs.procgen import ACTIONS, MODES, MOVES, SYMMETRIES, Options
from symgen.errors import UserError

installed = pytest.mark.skipif(
    importlib.util.find_spec("procgen") is None,
    reason=f"needs the package procgen-mirror: {_procgen_library.INSTALL}",
)


def named(representation, generator):
    """Where each action goes, by name."""
    image = representation.matrix(generator).argmax(0)
    return {ACTIONS[k]: ACTIONS[j] for k, j in enumerate(image) if j != k}


def test_what_is_seen_and_done():
    said = procgen.interface(Options(name="maze", reduce=4))
    assert said.term("observation").shape == (16, 16, 3)
    assert said.action.names[:9] == MOVES
    assert said.action.sizes == (15,)
    assert (
        set(SYMMETRIES)
        == set(MODES["easy"])
        == set(Options.model_fields["name"].annotation.__args__)
    )


def test_the_picture_moves_as_a_picture():
    field = procgen.states(Options(name="maze"), group("D4"))["observation"]
    picture = np.random.default_rng(0).integers(256, size=(1, 64, 64, 3))
    for generator, moved in (("r", np.rot90(picture, axes=(1, 2))), ("s", picture[:, :, ::-1])):
        np.testing.assert_array_equal(
            field.act(generator, picture.reshape(1, -1, 3)), moved.reshape(1, -1, 3)
        )
    assert procgen.states(Options(name="maze"), group("S5")) is None


def test_moves_are_directions_and_letters_stay():
    moved = procgen.actions(Options(name="maze"), group("D4"))
    assert named(moved, "r") == {
        "up": "left", "left": "down", "down": "right", "right": "up",
        "up_left": "down_left", "down_left": "down_right",
        "down_right": "up_right", "up_right": "up_left",
    }  # fmt: skip
    assert named(moved, "s") == {
        "left": "right", "right": "left", "up_left": "up_right", "up_right": "up_left",
        "down_left": "down_right", "down_right": "down_left",
    }  # fmt: skip
    assert procgen.actions(Options(name="maze"), group("S5")) is None


def test_a_ship_that_turns_is_turned_the_same_in_every_orientation():
    options = Options(name="caveflyer")
    assert procgen.actions(options, group("C4")).is_trivial
    moved = procgen.actions(options, group("D4"))
    assert named(moved, "r") == {}
    assert named(moved, "s") == named(procgen.actions(Options(name="maze"), group("D4")), "s")
    assert named(moved, "rrs") == named(
        moved, "s"
    )  # up and down mirrored: the ship still turns the other way


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "pong"}, "caveflyer"),
        (
            {"name": "maze", "distribution_mode": "extreme"},
            "maze has no levels of the mode extreme; chaser",
        ),
        ({"name": "maze", "reduce": 3}, "1, 2, 4, 8 or 16"),
        ({"name": "maze", "seed_range": [2**31 - 5, 2**31]}, "level seeds end"),
        ({"name": "maze", "levels": 0}, "greater than or equal to 1"),
    ],
    ids=str,
)
def test_wrong_options_are_told(options, words):
    with pytest.raises(ValidationError, match=words):
        Options(**options)


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(_procgen_library, "find_spec", lambda name: None)
    with pytest.raises(UserError) as told:
        procgen.make(Options(name="maze"), 1, 0)
    assert told.value.code == "missing-package"
    assert told.value.hint == "pip install --no-deps procgen-mirror==0.10.7"


@installed
def test_nothing_of_the_wheel_is_imported():
    code = (
        "import sys; from symgen.envs import procgen; envs = "
        "procgen.make(procgen.Options(name='maze'), 1, 0); envs.reset(); print([n for n in "
        "('procgen', 'gym', 'gym3', 'cffi', 'torch') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert ast.literal_eval(done.stdout) == []
    assert done.stderr == ""


def played(envs, steps, seed=0):
    """Observations, rewards, endings and infos of random play."""
    rng = np.random.default_rng(seed)
    results = [(envs.reset(seed=seed)[0], None, None, None, {})]
    results += [envs.step(rng.integers(15, size=envs.num_envs)) for _ in range(steps)]
    envs.close()
    return results


@installed
@pytest.mark.parametrize("reduce", [1, 4])
def test_the_same_seed_plays_the_same_whatever_the_threads(reduce):
    def pictures(seed, threads):
        options = Options(name="starpilot", levels=10, reduce=reduce, threads=threads)
        return np.stack([each[0] for each in played(procgen.make(options, 3, 7), 40, seed)])

    one = pictures(0, 0)
    assert one.shape == (41, 3, 64 // reduce, 64 // reduce, 3)
    np.testing.assert_array_equal(one, pictures(0, 2))
    assert (one != pictures(1, 0)).any()


@installed
def test_levels_come_from_the_range():
    envs = procgen.make(Options(name="caveflyer", seed_range=(500, 505)), 32, 0)
    first = envs.reset(seed=0)[1]["level_seed"]
    again = envs.reset(seed=0)[1]["level_seed"]
    other = envs.reset()[1][
        "level_seed"
    ]  # a reset without a seed ends the episodes that are under way, if any
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, other)  # none was
    envs.step(np.full(32, ACTIONS.index("stay")))
    later = envs.reset()[1]["level_seed"]
    assert set(first) | set(later) == set(range(500, 505))
    assert (first != later).any()
    envs.close()
    free = procgen.make(Options(name="caveflyer"), 32, 0)
    assert len(set(free.reset()[1]["level_seed"])) == 32
    free.close()


@installed
def test_an_ending_is_a_termination_and_shows_the_next_episode():
    envs = procgen.make(Options(name="coinrun", levels=1), 8, 0)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    beginning = envs.reset()[0][0]
    rng = np.random.default_rng(0)
    endings = 0
    running = 0
    for _ in range(250):
        keys = np.where(rng.random(8) < 0.7, ACTIONS.index("right"), ACTIONS.index("up_right"))
        picture, _, terminated, truncated, info = envs.step(keys)
        assert not truncated.any()
        assert (
            "final_obs" not in info
        )  # so nothing may be bootstrapped from, and a termination never is
        assert not (info["success"] & ~terminated).any()
        begins = (picture == beginning).all((1, 2, 3))  # there is one level
        assert begins[terminated].all()
        endings = endings + terminated.sum()
        running = running + (~begins).sum()
    assert endings >= 5
    assert running > 1000
    envs.close()


@installed
def test_success_is_told_where_a_level_is_completed():
    envs = procgen.make(Options(name="coinrun", levels=3), 16, 0)
    envs.reset()
    rng = np.random.default_rng(0)
    completed = 0
    failed = 0
    for _ in range(250):
        actions = np.where(rng.random(16) < 0.8, ACTIONS.index("up_right"), ACTIONS.index("right"))
        _, reward, terminated, _, info = envs.step(actions)
        won = info["success"] & info["_success"]
        assert (reward[won] == 10).all()
        completed = completed + won.sum()
        failed = failed + (terminated & ~won).sum()
    assert completed > 0
    assert failed > 0
    envs.close()


@installed
def test_averaging_commutes_with_turning():
    envs = procgen.make(Options(name="heist", levels=5, reduce=4), 2, 0)
    envs.reset()
    small = envs._picture()
    games = envs._games
    turned = np.rot90(games.observation["rgb"], axes=(1, 2)).copy()
    games.observation["rgb"][:] = turned
    np.testing.assert_array_equal(envs._picture(), np.rot90(small, axes=(1, 2)))
    mean = turned.reshape(2, 16, 4, 16, 4, 3).mean((2, 4))
    assert np.abs(envs._picture() - mean).max() <= 0.5
    envs.close()


@installed
def test_frames_only_where_asked_for():
    envs = procgen.make(Options(name="maze", levels=1), 2, 0, render=True)
    frames = envs.render()
    assert [frame.shape for frame in frames] == [(512, 512, 3)] * 2
    assert np.std(frames[0]) > 0
    envs.close()
    assert procgen.make(Options(name="maze", levels=1), 2, 0).render() is None


@installed
def test_actions_out_of_range_are_refused():
    envs = procgen.make(Options(name="maze", levels=1), 2, 0)
    for action in (-1, 15):
        with pytest.raises(ValueError, match=r"0\.\.14"):
            envs.step(np.array([0, action]))
    envs.close()
