"""What is seen of MiniGrid's environments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from symgen.envs._minigrid_map import codes_of, held_by
from symgen.envs._minigrid_state import Frame
from symgen.envs._tiles import NO_HEADING
from symgen.envs._views import View

if TYPE_CHECKING:
    from minigrid.minigrid_env import MiniGridEnv

PARTIAL = (7, 7)
"""Rows and columns of MiniGrid's own view."""


@dataclass(frozen=True, eq=False)
class Sight:
    """How the environments are seen: through a view of the whole map, or as MiniGrid's own partial
    view.

    Args:
        frame: how the maps are turned.
        view: what is seen of the whole map, kept up to date here; None for the partial view.
        kinds: the channels of every code in the partial view, (codes, channels).
        with_heading: whether the agent's heading is seen.
        carries: whether what the agent carries is seen.
    """

    frame: Frame
    view: View | None
    kinds: np.ndarray
    with_heading: bool
    carries: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an observation."""
        return self.view.shape if self.view is not None else (*PARTIAL, self.kinds.shape[1])

    @property
    def high(self) -> int:
        """The largest number in an observation."""
        return self.view.high if self.view is not None else 1

    def observe(self, envs: Sequence["MiniGridEnv"], changed: Iterable[int]) -> np.ndarray:
        """The observations, where the maps of `changed` may be new."""
        if self.view is None:
            return self._partial(envs)
        which = np.fromiter(changed, dtype=np.int64)
        if len(which):
            cells = np.array([codes_of(envs[k]) for k in which], dtype=np.uint8)
            self.view.reset(which, cells[:, self.frame.source])
        agent, heading = self.agents(envs)
        look = heading if self.with_heading else np.full_like(heading, NO_HEADING)
        held = np.array([held_by(env) for env in envs]) if self.carries else None
        self.view.place(agent, look, held)
        return self.view.observation()

    def agents(self, envs: Sequence["MiniGridEnv"]) -> tuple[np.ndarray, np.ndarray]:
        """Flat cell and heading of every agent, in the image."""
        columns = self.frame.columns
        cells = [int(env.agent_pos[1]) * columns + int(env.agent_pos[0]) for env in envs]
        return self.frame.target[cells], self.frame.heading[[env.agent_dir for env in envs]]

    def _partial(self, envs: Sequence["MiniGridEnv"]) -> np.ndarray:
        """MiniGrid's own view, one-hot, [row, column]: the agent is in the middle of the last row
        and looks up.
        """
        images = np.stack([env.gen_obs()["image"] for env in envs]).astype(np.int64)
        images = images[:, ::-1] if self.frame.mirror else images
        return self.kinds[(images @ np.array([18, 3, 1])).swapaxes(1, 2)]
