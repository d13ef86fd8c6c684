"""Atari games whose memory is observed: one emulator each, stepped as ale-py's vector environment
steps its own, which tells nothing of their memory.

From one seed both go through the same: the same frames without an action at the start, the same
sticky actions. So a teacher that reads the memory can teach a student that sees images. The start
is drawn as C++ draws it there (`std::mt19937` and, in GNU's library, Lemire 2019, Fast Random
Integer Generation in an Interval, algorithm 5); tests/envs/test_atari_memory.py compares the two.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from symgen.envs._atari_games import RAM, rom
from symgen.errors import UserError

if TYPE_CHECKING:
    from ale_py import Action, ALEInterface

    from symgen.envs.atari import Options

INSTALL = "pip install 'symgen[atari]'"
_WORD = 2**32


def missing() -> UserError:
    """That ale-py is not installed."""
    message = "the adapter atari needs the package ale-py"
    return UserError("missing-package", message, INSTALL)


class MemoryGames:
    """Games side by side that show their memory, with as much of ale-py's interface of vector
    environments as AtariGames asks for. NEXT_STEP: the step after an ending starts a new game.

    Args:
        options: the adapter's.
        num_envs: number of games.

    Raises:
        UserError: ale-py is not installed.
    """

    def __init__(self, options: "Options", num_envs: int) -> None:
        self._games = [_Game(options) for _ in range(num_envs)]
        self._addresses = np.array(options.ram or range(RAM), np.int64)

    def reset(
        self,
        *,
        seed: np.ndarray | None = None,
        options: Mapping[str, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Begin an episode in every game, or in those of options["reset_mask"] [env]."""
        every = np.ones(len(self._games), np.bool_)
        chosen = every if options is None else options["reset_mask"]
        for k in np.flatnonzero(chosen):
            self._games[k].begin(None if seed is None else int(seed[k]))
        return self._bytes(), {"lives": self._lives()}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """One step of every game: bytes [env, byte], rewards, over, never truncated, info."""
        rewards = [
            game.step(int(action)) for game, action in zip(self._games, actions, strict=True)
        ]
        over = np.array([game.over for game in self._games], np.bool_)
        info = {"lives": self._lives()}
        return self._bytes(), np.array(rewards, np.float64), over, np.zeros_like(over), info

    def _bytes(self) -> np.ndarray:
        return np.stack([game.memory() for game in self._games])[:, self._addresses]

    def _lives(self) -> np.ndarray:
        return np.array([game.lives for game in self._games], np.int32)


class _Game:
    """One emulator.

    Attributes:
        over: whether the episode has ended.
        lives: that are left.
    """

    def __init__(self, options: "Options") -> None:
        self._options = options
        self._emulator = _emulator(options)
        self._actions: Sequence[Action] = ()
        self._random = np.random.RandomState()  # C++ seeds it as this one does
        self.over = False
        self.lives = 0

    def begin(self, seed: int | None) -> None:
        """Start a game; a seed restarts the random numbers."""
        emulator = self._emulator
        if seed is None:
            emulator.reset_game()
        else:
            emulator.setInt("random_seed", seed)
            emulator.loadROM(_path(self._options))
            self._random = np.random.RandomState(seed)
        full = self._options.full_actions
        self._actions = emulator.getLegalActionSet() if full else emulator.getMinimalActionSet()
        for _ in range(below(self._options.noop_starts + 1, self._random)):
            emulator.act(0)
            if emulator.game_over():
                emulator.reset_game()
        self.over = False
        self.lives = emulator.lives()

    def step(self, number: int) -> float:
        """Take an action, and return what it brought; begin anew where the episode has ended."""
        if self.over:
            self.begin(None)
            return 0.0
        action = self._actions[number]
        reward = 0
        for _ in range(self._options.frame_skip):
            reward += self._emulator.act(action)
            self.over = self._has_ended()
            if self.over:  # the emulator would draw on for sticky actions
                break
        self.lives = self._emulator.lives()
        return float(reward)

    def _has_ended(self) -> bool:
        lost = self._options.terminal_on_life_loss and self._emulator.lives() < self.lives
        return self._emulator.game_over() or lost

    def memory(self) -> np.ndarray:
        """All bytes."""
        return self._emulator.getRAM()


def below(count: int, random: np.random.RandomState) -> int:
    """A number from 0 to count - 1, as `std::uniform_int_distribution` draws it."""
    rejected = (_WORD - count) % count
    while True:
        product = int(random.randint(_WORD, dtype=np.uint32)) * count
        if product % _WORD >= rejected:
            return product // _WORD


def _emulator(options: "Options") -> "ALEInterface":
    try:
        from ale_py import ALEInterface, LoggerMode
    except ImportError as error:
        raise missing() from error
    ALEInterface.setLoggerMode(LoggerMode.Error)
    emulator = ALEInterface()
    emulator.setFloat("repeat_action_probability", options.sticky)
    emulator.loadROM(_path(options))
    return emulator


def _path(options: "Options") -> str:
    from ale_py import roms

    return str(roms.get_rom_path(rom(options.game)))
