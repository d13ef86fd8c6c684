"""The console's memory: read from the emulator itself, of games that go through what ale-py's own
vector environment goes through.
"""

import sys

import numpy as np
import pytest

from symgen.compiler import check_spec
from symgen.envs import _atari_memory, atari
from symgen.envs._atari_memory import below
from symgen.envs.atari import Options
from symgen.errors import UserError
from tests.envs.examples import spec
from tests.envs.test_atari import Emulator

SHORT = {"noop_starts": 0, "max_steps": 60}


@pytest.fixture
def ale():
    return pytest.importorskip("ale_py")


def test_bytes_are_those_of_the_emulator(ale):
    options = Options(game="Pong", observes="ram", ram=(49, 54, 51, 50), **SHORT)
    envs = atari.make(options, 1, 0)
    twin = Emulator(ale, "Pong")
    seen, _ = envs.reset(seed=0)
    moved = 0
    for step in range(1, 61):
        before = seen
        seen, *_, truncated, _ = envs.step(np.array([step % 6]))
        twin.step(step % 6, 4, 84, True)
        np.testing.assert_array_equal(seen[0], twin.ale.getRAM()[[49, 54, 51, 50]])
        moved += not np.array_equal(seen, before)
        assert truncated[0] == (step == 60)
    assert moved > 10  # control: they say what happens
    envs.close()


@pytest.mark.parametrize(
    "given",
    [
        {"game": "Pong", "only_actions": ("noop", "right", "left")},
        {"game": "Breakout"},
        {"game": "Breakout", "terminal_on_life_loss": True, "frame_skip": 5},
        {"game": "Breakout", "max_steps": 40},
    ],
    ids=str,
)
def test_a_seed_is_the_same_game_in_either_view(ale, given):
    drawn = atari.make(Options(sticky=0.25, size=8, **given), 4, 0)
    read = atari.make(Options(sticky=0.25, observes="ram", **given), 4, 0)
    rng = np.random.default_rng(0)

    def happened(envs, seed, actions):
        _, info = envs.reset(seed=seed)
        steps = [[info["lives"].tolist()]]
        for action in actions:
            _, *came, info = envs.step(action)
            steps.append([array.tolist() for array in (*came, info["lives"])])
        return steps

    actions = rng.integers(drawn.single_action_space.n, size=(400, 4))
    expected = happened(drawn, 5, actions)
    assert happened(read, 5, actions) == expected
    assert happened(read, 6, actions) != expected  # control
    assert any(any(step[0]) for step in expected[1:])
    drawn.close()
    read.close()


def test_starts_are_drawn_evenly():
    random = np.random.RandomState(3)
    counts = np.bincount([below(31, random) for _ in range(6200)], minlength=31)
    assert len(counts) == 31
    assert np.abs(counts - 200).max() < 70
    assert {below(1, random) for _ in range(5)} == {0}


def test_only_some_actions_are_chosen_from(ale):
    options = Options(game="Pong", only_actions=("left", "noop"), **SHORT)
    some = atari.make(options, 1, 0)
    every = atari.make(Options(game="Pong", **SHORT), 1, 0)
    assert options.actions == ("left", "noop")
    assert some.single_action_space.n == 2
    for own, number in ((0, 3), (1, 0)):
        some.reset(seed=0)
        every.reset(seed=0)
        for _ in range(8):
            seen = some.step(np.array([own]))[0]
            expected = every.step(np.array([number]))[0]
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(np.array_equal(every.step(np.array([2]))[0], seen), False)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        some.step(np.array([2]))
    some.close()
    every.close()


def test_what_is_observed_is_known_without_the_emulator():
    problem = check_spec(spec("atari", {"game": "Pong", "observes": "ram"}, "C1", "auto", "auto"))
    (term,) = problem.interface.terms
    assert (term.shape, term.layout, term.scale) == ((128,), "vector", 255.0)
    options = Options(game="Pong", observes="ram", ram=(54, 49))
    assert atari.names(options) == {"observation": ("byte 54", "byte 49")}


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(UserError) as caught:
        atari.make(Options(game="Pong", observes="ram"), 1, 0)
    assert (caught.value.code, caught.value.hint) == ("missing-package", _atari_memory.INSTALL)
