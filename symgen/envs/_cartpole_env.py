"""Many carts with poles side by side, in numpy alone: a vector environment of Gymnasium."""

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.envs import _cartpole
from symgen.envs._cartpole import TIME_STEP, TRACK, CartPole, World
from symgen.envs._cartpole_picture import picture
from symgen.envs._generator_words import set_words, words_of
from symgen.envs._stepping import STAGGER, Info, ResetOptions, Seed, Stepped
from symgen.problem.resumable import Arrays, Resumable, taken


class CartPoleVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray], Resumable):
    """Carts with poles, with NEXT_STEP autoreset: after an ending the next step ignores its action
    and starts another episode. So the final observation is what the ending step returns.

    The episodes of an environment follow from the seed and its index: neither from how many
    environments there are, nor from what is done in them. So two agents that are tested from one
    seed meet the same starts, one by one. State and rewards are float64, observations float32
    copies. Actions beyond [-1, 1] act as the nearest one within.

    Args:
        world: wind and tilt.
        num_envs: number of carts side by side.
        harder: where episodes start, see `_cartpole.start`.
        copies: how often the five numbers are observed.
        max_steps: steps after which an episode is truncated.
        staggers: whether a training may ask for first episodes that are cut off at different times.
        seed: of the random numbers until `reset` is given another.
    """

    def __init__(
        self,
        world: World,
        num_envs: int,
        *,
        harder: bool,
        copies: int,
        max_steps: int,
        staggers: bool,
        seed: int,
    ) -> None:
        self.metadata = {
            "autoreset_mode": AutoresetMode.NEXT_STEP,
            "render_modes": ["rgb_array"],
            "render_fps": round(1 / TIME_STEP),
            STAGGER: staggers,
        }
        self.render_mode = "rgb_array"
        self.num_envs = num_envs
        self.max_steps = max_steps
        self._world = world
        self._harder = harder
        self._copies = copies
        largest = np.tile(np.array([np.inf, np.inf, 1.0, 1.0, np.inf], np.float32), copies)
        self.single_observation_space = spaces.Box(-largest, largest, dtype=np.float32)
        self.single_action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._streams = _streams(seed, num_envs)
        self._state = np.zeros((4, num_envs))
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._ended = np.zeros(num_envs, dtype=bool)

    def reset(self, *, seed: Seed = None, options: ResetOptions = None) -> tuple[np.ndarray, Info]:
        """Start an episode in every environment.

        Args:
            seed: restarts the random numbers; one of all environments, or one of each.
            options: {"stagger": True} cuts each first episode off after a random number of steps,
                so that not all end at once.
        """
        if seed is not None:
            self._streams = _streams(seed, self.num_envs)
        self._start(range(self.num_envs))
        if (options or {}).get(STAGGER):
            self._steps[:] = [rng.integers(self.max_steps) for rng in self._streams]
        self._ended[:] = False
        return _cartpole.observed(self._state, self._copies), {}

    def step(self, actions: np.ndarray) -> Stepped[np.ndarray]:
        """One step of every environment; rewards float64, endings bool, (num_envs,) each.

        Args:
            actions: (num_envs, 1).
        """
        pushes = np.asarray(actions, dtype=np.float64)
        if pushes.shape != (self.num_envs, 1):
            raise ValueError(f"actions must be ({self.num_envs}, 1), got {pushes.shape}")
        push = np.clip(pushes[:, 0], -1.0, 1.0)
        self._state = _cartpole.advance(self._world, self._state, push)
        self._steps += 1
        reward = _cartpole.reward(self._state)
        terminated = np.abs(self._state[0]) > TRACK
        truncated = (self._steps >= self.max_steps) & ~terminated
        restart = np.flatnonzero(self._ended)
        if len(restart):
            self._start(restart.tolist())
            reward[restart] = 0.0
            terminated[restart] = False
            truncated[restart] = False
        self._ended = terminated | truncated
        return _cartpole.observed(self._state, self._copies), reward, terminated, truncated, {}

    def _start(self, which: Sequence[int]) -> None:
        for index in which:
            self._state[:, index] = _cartpole.start(self._streams[index], self._harder)
            self._steps[index] = 0

    def load(self, states: Sequence[CartPole]) -> np.ndarray:
        """Put every environment into a given state, mid-episode where its steps say so; returns the
        observations.
        """
        self._state = np.array([state[:4] for state in states], dtype=np.float64).T
        self._steps = np.array([state.steps for state in states])
        self._ended[:] = False
        return _cartpole.observed(self._state, self._copies)

    def states(self) -> list[CartPole]:
        """The states the environments are in, as `load` takes them."""
        rows = zip(*self._state.tolist(), self._steps.tolist(), strict=True)
        return [CartPole._make(row) for row in rows]

    def under_way(self) -> Arrays:
        """See Resumable."""
        return {
            "state": self._state.copy(),
            "steps": self._steps.copy(),
            "ended": self._ended.copy(),
            "random": words_of(self._streams),
        }

    def go_on(self, arrays: Arrays) -> None:
        """See Resumable."""
        self._state = taken("state", arrays, self._state)
        self._steps = taken("steps", arrays, self._steps)
        self._ended = taken("ended", arrays, self._ended)
        set_words(self._streams, taken("random", arrays, words_of(self._streams)))

    def render(self) -> tuple[np.ndarray, ...]:
        """One RGB frame per environment."""
        return tuple(picture(state.position, state.angle) for state in self.states())


def _streams(seed: int | Sequence[int], count: int) -> list[np.random.Generator]:
    """The random numbers of each environment, which are those of its index."""
    seeds = [seed] * count if isinstance(seed, int | np.integer) else list(seed)
    return [
        np.random.default_rng(np.random.SeedSequence(own, spawn_key=(index,)))
        for index, own in zip(range(count), seeds, strict=True)
    ]
