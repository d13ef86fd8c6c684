"""Procgen's games side by side as a Gymnasium vector environment."""

from collections.abc import Mapping, Sequence

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs._procgen_library import Games
from symgen.envs._stepping import Info, ResetOptions, Seed, Stepped

END = -1
"""The action that ends an episode."""


class ProcgenVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Procgen's games with SAME_STEP autoreset: the step that ends an episode returns the first
    picture of the next.

    Procgen never shows the last picture of an episode, so there is no info["final_obs"], and every
    ending is told as a termination, a time limit's too (it is a rule of the game, as in all
    published results): after a termination nobody asks for the value of what followed.
    info["success"] says at every ending whether the level was completed; info["level_seed"] is the
    level that an environment is in.

    Args:
        options: of Procgen, without rand_seed and render_human.
        num_envs: number of games side by side.
        actions: number of actions.
        reduce: sides of the squares of pixels that are averaged.
        seed: of the random numbers until `reset` is given another.
        render: whether frames (512 x 512) are drawn.
    """

    def __init__(
        self,
        options: Mapping[str, str | int | bool],
        num_envs: int,
        actions: int,
        reduce: int,
        seed: int,
        render: bool,
    ) -> None:
        self.metadata = {
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": 15,
        }
        self.render_mode = "rgb_array" if render else None
        self.num_envs = num_envs
        self._actions = actions
        self._reduce = reduce
        self._options = {**options, "render_human": render}
        self._games = self._begin(seed)
        side = self._games.observation["rgb"].shape[1] // reduce
        self.single_observation_space = spaces.Box(0, 255, (side, side, 3), np.uint8)
        self.single_action_space = spaces.Discrete(actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def _begin(self, seed: int | Sequence[int]) -> Games:
        """New games, for Procgen takes a seed only when it makes them."""
        number = int(np.random.SeedSequence(seed).generate_state(1)[0]) % 2**31
        games = Games(self.num_envs, {**self._options, "rand_seed": number})
        games.observe()
        self._fresh = True
        return games

    def reset(self, *, seed: Seed = None, options: ResetOptions = None) -> tuple[np.ndarray, Info]:
        """Begin an episode in every game; a seed restarts the random numbers. Procgen draws the
        levels itself.
        """
        if seed is not None:
            self._games.close()
            self._games = self._begin(seed)
        if not self._fresh:
            self._games.action[:] = END
            self._games.act()
            self._games.observe()
            self._fresh = True
        return self._picture(), {"level_seed": self._games.info["level_seed"].copy()}

    def step(self, actions: np.ndarray) -> Stepped[np.ndarray]:
        """One step of every game; rewards float64, endings bool, (num_envs,) each."""
        actions = np.asarray(actions)
        if (actions < 0).any() or (actions >= self._actions).any():
            raise ValueError(f"actions must lie in 0..{self._actions - 1}, got {actions}")
        games = self._games
        self._fresh = False
        games.action[:] = actions
        games.act()
        games.observe()
        ended = games.first.copy()
        info: Info = {
            "level_seed": games.info["level_seed"].copy(),
            "success": ended & games.info["prev_level_complete"].astype(bool),
            "_success": ended.copy(),
        }
        return self._picture(), games.reward.astype(np.float64), ended, np.zeros_like(ended), info

    def _picture(self) -> np.ndarray:
        """The pictures, averaged over squares; sums of integers, so that turned games are turned
        pictures exactly.
        """
        seen = self._games.observation["rgb"]
        if self._reduce == 1:
            return seen.copy()
        k = self._reduce
        side = seen.shape[1] // self._reduce
        summed = seen.reshape(self.num_envs, side, k, side, k, 3).sum((2, 4), dtype=np.uint32)
        return ((summed + k * k // 2) // (k * k)).astype(np.uint8)

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A frame of 512 x 512 pixels per game; None where the environment was not made for it."""
        return tuple(self._games.info["rgb"].copy()) if self.render_mode else None

    def close_extras(self, **kwargs: object) -> None:
        """Free the games."""
        self._games.close()
