"""Atari games side by side as a Gymnasium vector environment: ale-py's own, in threads, or one
after the other where their memory is observed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._atari_games import rom
from symgen.envs._atari_memory import MemoryGames, missing
from symgen.envs._stepping import Info, ResetOptions, Seed, Stepped

if TYPE_CHECKING:
    from ale_py.vector_env import AtariVectorEnv

    from symgen.envs.atari import Options

SCREEN = (210, 160)
"""Rows and columns of the frames of a video."""
FRAMES_PER_SECOND = 60
NEVER = 2**31 - 1
"""Frames until ale-py's own limit."""


class AtariGames(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """ale-py's vector environment with single images, channels last, or bytes of memory, and
    rewards as they are.

    NEXT_STEP: the step that ends an episode returns its last image. ale-py takes no image of a step
    that reaches its own limit of frames, so that the steps are counted here, and the image of a
    truncated episode is its own; that of a game that is over is of the frames before, which nobody
    asks the value of.

    Neither score nor lives are shown but as the image does; info["lives"] counts the latter.

    Args:
        options: the adapter's.
        num_envs: number of games side by side.
        seed: of the random numbers until `reset` is given another.
        render: whether frames will be asked for: the whole screen in colours, from a second set of
            emulators that goes through the same.

    Raises:
        UserError: ale-py is not installed.
    """

    def __init__(self, options: "Options", num_envs: int, seed: int, render: bool) -> None:
        self.metadata = {
            "autoreset_mode": AutoresetMode.NEXT_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": FRAMES_PER_SECOND // options.frame_skip,
        }
        self.render_mode = "rgb_array" if render else None
        self.num_envs = num_envs
        self._options = options
        self._numbers = np.array(options.chosen, np.int64)
        self._games = _observed(options, num_envs)
        self._screens = _games(options, num_envs, SCREEN, gray=False) if render else None
        self._frames = np.empty(0, np.uint8)
        self.single_observation_space = spaces.Box(0, 255, options.shape, np.uint8)
        self.single_action_space = spaces.Discrete(len(options.actions))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._steps = np.zeros(num_envs, np.int64)
        self._ended = np.zeros(num_envs, np.bool_)
        self._cut = np.zeros(num_envs, np.bool_)
        self.reset(seed=seed)

    def reset(self, *, seed: Seed = None, options: ResetOptions = None) -> tuple[np.ndarray, Info]:
        """Begin an episode in every game; a seed restarts the random numbers."""
        seeds = None if seed is None else _seeds(seed, self.num_envs)
        seen, info = self._games.reset(seed=seeds)
        if self._screens is not None:
            self._frames = self._screens.reset(seed=seeds)[0][:, 0]
        self._steps[:] = 0
        self._ended[:] = False
        self._cut[:] = False
        return self._shown(seen), {"lives": info["lives"]}

    def step(self, actions: np.ndarray) -> Stepped[np.ndarray]:
        """One step of every game; rewards float64, endings bool, (num_envs,) each."""
        taken = np.ascontiguousarray(actions, np.int64)
        count = len(self._numbers)
        if (taken < 0).any() or (taken >= count).any():
            raise ValueError(f"actions must lie in 0..{count - 1}, got {actions}")
        taken = self._numbers[taken]
        seen, rewards, over, lives = self._advanced(self._games, taken)
        if self._screens is not None:
            self._frames = self._advanced(self._screens, taken)[0][:, 0]
        self._steps = np.where(self._ended, 0, self._steps + 1)
        terminated = over & ~self._cut
        truncated = ~terminated & (self._steps >= self._options.max_steps)
        rewards = np.where(self._cut, 0.0, rewards)
        self._ended = terminated | truncated
        self._cut = truncated.copy()
        return self._shown(seen), rewards, terminated, truncated, {"lives": lives}

    def _advanced(
        self, games: "AtariVectorEnv | MemoryGames", actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Images, rewards, which games are over, and lives, after one step; where an episode was
        truncated, of a new one, for the emulator knows nothing of its end.
        """
        seen, rewards, over, _, info = games.step(actions)
        if self._cut.any():
            seen, info = games.reset(options={"reset_mask": self._cut})
        return seen, rewards, over, info["lives"]

    def _shown(self, seen: np.ndarray) -> np.ndarray:
        """Bytes [env, byte] as they are; images with channels last, [env, row, column, channel], of
        ale-py's [env, 1, row, column] or [env, 1, row, column, colour].
        """
        if self._options.observes == "ram":
            return seen
        images = seen.reshape((self.num_envs, *self._options.shape))
        self._options.hide_rows.hide(images)
        return images

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A frame of 210 x 160 pixels per game; None where the environment was not made for it."""
        return tuple(self._frames) if self._screens is not None else None

    def close_extras(self, **kwargs: object) -> None:
        """The emulators end with their objects."""
        del self._games, self._screens


def _observed(options: "Options", num_envs: int) -> "AtariVectorEnv | MemoryGames":
    """The games that are played, drawn where images are observed."""
    if options.observes == "ram":
        return MemoryGames(options, num_envs)
    return _games(options, num_envs, (options.size, options.size), options.gray)


def _games(
    options: "Options", num_envs: int, shape: tuple[int, int], gray: bool
) -> "AtariVectorEnv":
    try:
        from ale_py.vector_env import AtariVectorEnv
    except ImportError as error:
        raise missing() from error
    rows, columns = shape
    return AtariVectorEnv(
        rom(options.game),
        num_envs,
        num_threads=options.threads,
        max_num_frames_per_episode=NEVER,
        repeat_action_probability=options.sticky,
        full_action_space=options.full_actions,
        autoreset_mode=AutoresetMode.NEXT_STEP,
        img_height=rows,
        img_width=columns,
        grayscale=gray,
        stack_num=1,
        frameskip=options.frame_skip,
        maxpool=options.frame_skip > 1,
        noop_max=options.noop_starts + 1,  # it draws a number below
        episodic_life=options.terminal_on_life_loss,
        reward_clipping=False,
        use_fire_reset=False,
    )


def _seeds(seed: int | Sequence[int], count: int) -> np.ndarray:
    """A seed for each game, of one sequence; ale-py's are 31-bit numbers.

    seed, seed + 1, ... as ale-py would count would share games between seeds.
    """
    return np.random.SeedSequence(seed).generate_state(count).astype(np.int64) >> 1
