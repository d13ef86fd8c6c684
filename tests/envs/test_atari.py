"""Atari games: what is seen against the emulator itself, endings, lives, seeds, and the table of
games.
"""

import sys
import time

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from symgen.algebra.catalogue import group
from symgen.compiler import check_spec
from symgen.envs import _atari_memory, atari
from symgen.envs._atari_games import ACTIONS, GAMES, numbers, rom
from symgen.envs._hidden_rows import HiddenRows
from symgen.envs.atari import Options
from symgen.errors import SpecError, UserError
from tests.envs.examples import spec

PONG = Options(game="Pong", noop_starts=0, max_steps=50)


@pytest.fixture
def ale():
    return pytest.importorskip("ale_py")


class Emulator:
    """The slow twin: one emulator by its own interface, frames pooled and averaged by hand.

    Args:
        ale: the package.
        game: its name.
        full: whether actions are numbers of all 18.
    """

    def __init__(self, ale, game, full=False):
        ale.ALEInterface.setLoggerMode(ale.LoggerMode.Error)
        self.ale = ale.ALEInterface()
        self.ale.setInt("random_seed", 0)
        self.ale.setFloat("repeat_action_probability", 0.0)
        self.ale.loadROM(ale.roms.get_rom_path(rom(game)))
        every = self.ale.getLegalActionSet()
        self.actions = every if full else self.ale.getMinimalActionSet()

    def step(self, action, skip, size, gray):
        """The sum of rewards, and the image before rounding, (row, column, channel)."""
        reward = 0
        frames = []
        for _ in range(skip):
            reward += self.ale.act(self.actions[action])
            frames.append(self.ale.getScreenGrayscale() if gray else self.ale.getScreenRGB())
        screen = np.maximum(frames[-1], frames[-2]) if skip > 1 else frames[-1]
        screen = screen.reshape(*screen.shape[:2], -1).astype(float)
        rows, columns = (areas(side, size) for side in screen.shape[:2])
        return reward, np.stack([rows @ part @ columns.T for part in np.moveaxis(screen, 2, 0)], -1)


def areas(pixels, size):
    """How much of each pixel lies in each of `size` equal parts of a side, (size, pixels)."""
    edges = np.arange(size + 1) * pixels / size
    left = np.maximum(edges[:-1, None], np.arange(pixels))
    right = np.minimum(edges[1:, None], np.arange(1, pixels + 1))
    return np.maximum(right - left, 0) * size / pixels


@pytest.mark.parametrize(
    "given",
    [
        {"game": "Pong"},
        {"game": "Breakout", "gray": False, "size": 40, "frame_skip": 3},
        {"game": "Pong", "frame_skip": 1, "full_actions": True, "hide_rows": {"top": 10}},
    ],
    ids=str,
)
def test_what_is_seen_is_what_the_emulator_draws(ale, given):
    options = Options.model_validate({**given, "noop_starts": 0})
    envs = atari.make(options, 1, 0)
    twin = Emulator(ale, options.game, options.full_actions)
    rng = np.random.default_rng(0)
    envs.reset(seed=1)
    for _ in range(120):
        action = int(rng.integers(envs.single_action_space.n))
        seen, reward, *_ = envs.step(np.array([action]))
        expected, image = twin.step(action, options.frame_skip, options.size, options.gray)
        image[: options.hide_rows.top] = 0
        assert reward.dtype == np.float64
        assert reward[0] == expected
        assert np.abs(seen[0] - image).max() <= 0.5 + 1e-9  # it is rounded
    wrong = twin.step(0, options.frame_skip + 1, options.size, options.gray)[1]
    assert np.abs(seen[0] - wrong).max() > 10
    envs.close()


def test_points_are_rewards_as_they_are(ale):
    envs = atari.make(Options(game="MsPacman", noop_starts=0), 2, 0)
    envs.action_space.seed(0)
    envs.reset(seed=0)
    rewards = np.concatenate([envs.step(envs.action_space.sample())[1] for _ in range(150)])
    assert rewards.max() >= 10  # a pellet; the usual preprocessing would make it 1
    envs.close()


def test_rows_are_hidden():
    image = np.ones((2, 8, 4, 3), np.uint8)
    HiddenRows(top=1, bottom=2).hide(image)
    assert image[:, :, 0, 0].tolist() == [[0, 1, 1, 1, 1, 1, 0, 0]] * 2
    whole = np.ones((2, 8, 4, 3), np.uint8)
    HiddenRows().hide(whole)
    assert whole.all()
    assert HiddenRows(top=7).leave(8)
    assert not HiddenRows(top=7, bottom=1).leave(8)


def test_the_last_image_of_an_episode_is_its_own(ale):
    envs = atari.make(PONG, 1, 0)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    twin = Emulator(ale, "Pong")
    first, _ = envs.reset(seed=0)
    for step in range(1, PONG.max_steps + 1):
        seen, _, terminated, truncated, _ = envs.step(np.array([step % 6]))
        _, image = twin.step(step % 6, 4, 84, True)
        assert not terminated[0]
        assert truncated[0] == (step == PONG.max_steps)
    assert np.abs(seen[0] - image).max() <= 0.5 + 1e-9
    again, reward, terminated, truncated, _ = envs.step(np.array([3]))
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(again, seen)
    assert (reward[0], terminated[0], truncated[0]) == (0, False, False)
    envs.close()


@pytest.mark.parametrize("on_life_loss", [False, True])
def test_a_lost_life_ends_an_episode_where_the_spec_says_so(ale, on_life_loss):
    options = Options(game="Breakout", terminal_on_life_loss=on_life_loss)
    envs = atari.make(options, 1, 0)
    _, info = envs.reset(seed=0)
    assert info["lives"].tolist() == [5]
    lives = []
    for step in range(400):
        _, _, terminated, _, info = envs.step(np.array([step % 2]))
        lives.append(int(info["lives"][0]))
        if terminated[0]:
            break
    assert lives[-1] == (4 if on_life_loss else 0)
    _, _, _, _, info = envs.step(np.array([0]))
    assert info["lives"].tolist() == [5]  # a new game, not the old one with a life less
    envs.close()


def test_seeds_are_noop_starts_and_sticky_actions(ale):
    def seen(seed, **given):
        envs = atari.make(Options(game="Pong", **given), 2, seed)
        images = [envs.reset()[0]]
        images += [envs.step(np.array([2, 2]))[0] for _ in range(10)]
        envs.close()
        return np.stack(images)

    still = {"noop_starts": 0}
    assert np.array_equal(seen(0), seen(0))
    assert not np.array_equal(seen(0), seen(1))
    assert np.array_equal(seen(0, **still), seen(1, **still))
    assert not np.array_equal(seen(0, sticky=0.5, **still), seen(1, sticky=0.5, **still))
    apart = seen(0)
    assert not np.array_equal(apart[:, 0], apart[:, 1])


def test_frames_of_a_video_are_of_the_same_game(ale):
    options = Options(game="Pong", sticky=0.25, max_steps=15)
    plain = atari.make(options, 2, 0)
    drawn = atari.make(options, 2, 0, render=True)
    brightness = np.array([0.299, 0.587, 0.114])
    plain.reset(seed=3)
    drawn.reset(seed=3)
    for _ in range(40):  # over two endings
        seen = plain.step(np.array([2, 3]))[0]
        np.testing.assert_array_equal(drawn.step(np.array([2, 3]))[0], seen)
        for image, frame in zip(seen, drawn.render(), strict=True):
            assert (frame.shape, frame.dtype) == ((210, 160, 3), np.uint8)
            gray = areas(210, 84) @ (frame @ brightness) @ areas(160, 84).T
            assert np.abs(gray - image[..., 0]).mean() < 0.5
    assert np.abs(gray[:, ::-1] - image[..., 0]).mean() > 1
    assert plain.render() is None
    plain.close()
    drawn.close()


def test_actions_beyond_the_table_are_refused(ale):
    envs = atari.make(PONG, 1, 0)
    for action in (-1, 6):
        with pytest.raises(ValueError, match=r"0\.\.5"):
            envs.step(np.array([action]))
    envs.close()


def test_the_group_that_moves_nothing_is_known():
    field = atari.states(PONG, group("C1"))["observation"]
    assert field.size == 84 * 84
    assert atari.actions(PONG, group("C1")).size == 6
    problem = check_spec(spec("atari", {"game": "Pong"}, "C1", "auto", "auto"))
    assert problem.interface.action.names == (
        *("noop", "fire", "right", "left", "right_fire", "left_fire"),
    )
    with pytest.raises(SpecError) as caught:
        check_spec(spec("atari", {"game": "Pong"}, "D1", "auto", "auto"))
    assert {mistake.code for mistake in caught.value.diagnostics} == {"no-auto"}


def test_a_near_miss_is_named():
    with pytest.raises(SpecError, match="did you mean 'MsPacman'"):
        check_spec(spec("atari", {"game": "MsPacmann"}))


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py.vector_env", None)
    with pytest.raises(UserError) as caught:
        atari.make(PONG, 1, 0)
    assert caught.value.code == "missing-package"
    assert caught.value.hint == _atari_memory.INSTALL


@pytest.mark.parametrize(
    "game", ["Pong", "Skiing", "TicTacToe3D", pytest.param(None, marks=pytest.mark.slow)]
)
def test_the_table_of_games_is_that_of_the_emulator(ale, game):
    by_file = {rom(name): name for name in GAMES}
    assert set(by_file) | {"combat", "joust", "maze_craze", "warlords"} == set(
        ale.roms.get_all_rom_ids()  # the four are for two players
    )
    for name in [game] if game else GAMES:
        twin = Emulator(ale, name)
        assert tuple(action.value for action in twin.actions) == GAMES[name]
        words = [action.name for action in twin.ale.getLegalActionSet()]
        every = [ACTIONS[k] for k in numbers(name, True)]
        assert words == [action.upper().replace("_", "") for action in every]


@pytest.mark.slow
def test_a_game_is_stepped_fast_enough(ale):
    envs = atari.make(Options(game="Pong"), 8, 0)
    envs.action_space.seed(0)
    actions = envs.action_space.sample()
    began = time.perf_counter()
    for _ in range(200):
        envs.step(actions)
    assert 8 * 200 / (time.perf_counter() - began) > 500  # 3,500 on one core
    envs.close()
