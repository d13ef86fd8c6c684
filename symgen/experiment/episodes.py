"""Play episodes and count them fairly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from symgen.envs._finite import check_finite
from symgen.envs._stepping import Step, Stepper
from symgen.errors import UserError
from symgen.experiment.jobs import Stopped
from symgen.nn.observation import Observation
from symgen.nn.policy import Actions

SUCCESS = ("success", "is_success")  # the keys under which environments report it in their info
LONGEST = 200_000  # steps; an episode this long is taken to have no end


class Player(Protocol):
    """What plays: `symgen.nn.policy.Policy` is one."""

    def reset(self, count: int) -> None:
        """Forget everything: episodes begin in `count` environments."""
        ...

    def act(self, observation: Observation, starts: NDArray[np.bool_]) -> Actions:
        """A batch of actions; `starts` says where an episode begins with this observation."""
        ...


@dataclass(frozen=True)
class Episodes:
    """Finished episodes in the order of environment and time.

    Args:
        returns: undiscounted sums of rewards, [episodes].
        lengths: steps, [episodes].
        successes: 0 or 1, [episodes]; None where the environment does not report success.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    successes: NDArray[np.float64] | None


def quotas(episodes: int, num_envs: int) -> NDArray[np.int64]:
    """How many episodes each environment contributes, decided before any is played.

    The first `episodes` to finish anywhere would favour short episodes: while one environment plays
    a long one, another finishes ten.

    >>> quotas(5, 2).tolist()
    [3, 2]
    """
    more = np.arange(num_envs) < episodes % num_envs
    return np.full(num_envs, episodes // num_envs, np.int64) + more


def play(
    player: Player,
    envs: VectorEnv,
    episodes: int,
    seed: int,
    stopped: Stopped = lambda: False,
) -> Episodes:
    """Play until each environment has contributed its quota.

    Args:
        player: acts, and is told which observations an episode begins with.
        envs: a vector environment that resets itself.
        episodes: how many to count.
        seed: of the first reset.
        stopped: asked before every step.

    Raises:
        UserError: the environments do not reset themselves or return a number that is not finite,
            or an episode does not end.
        KeyboardInterrupt: `stopped` said so.
    """
    stepper = Stepper(envs)
    tally = _Tally(quotas(episodes, envs.num_envs))
    observation, _ = stepper.reset(seed)
    check_finite(observation)
    player.reset(envs.num_envs)
    while tally.is_wanting:
        if stopped():
            raise KeyboardInterrupt
        step = stepper.step(player.act(observation, stepper.starts))
        observation = step.observation
        check_finite(observation, step.rewards)
        tally.count(step)
    return tally.episodes()


class _Tally:
    """The episodes that count, and those under way.

    Args:
        quota: how many episodes each environment is to contribute.
    """

    def __init__(self, quota: NDArray[np.int64]) -> None:
        self._quota = quota
        self._finished: list[list[tuple[float, int, float]]] = [[] for _ in quota]
        self._returns = np.zeros(len(quota))
        self._lengths = np.zeros(len(quota), np.int64)

    @property
    def is_wanting(self) -> bool:
        """Whether some environment has not contributed its quota yet."""
        return bool((self._quota > 0).any())

    def count(self, step: Step) -> None:
        """Take in what a step of all environments gave.

        Raises:
            UserError: an episode does not end.
        """
        # a step that only resets belongs to no episode
        self._returns += np.where(step.valid, step.rewards, 0.0)
        self._lengths += step.valid
        ended = step.ended & step.valid
        for index in np.flatnonzero(ended & (self._quota > 0)):
            row = (self._returns[index], self._lengths[index], _success(step.info, index))
            self._finished[index].append(row)
            self._quota[index] -= 1
        self._returns[ended] = 0
        self._lengths[ended] = 0
        if self._lengths[self._quota > 0].max(initial=0) > LONGEST:
            raise UserError(
                "endless-episode",
                f"an episode has not ended after {LONGEST} steps",
                "give the environment a time limit",
            )

    def episodes(self) -> Episodes:
        """Those that count."""
        rows = [row for finished in self._finished for row in finished]
        table = np.array(rows, dtype=np.float64).reshape(-1, 3)
        successes = None if np.isnan(table[:, 2]).any() else table[:, 2]
        return Episodes(table[:, 0], table[:, 1].astype(np.int64), successes)


def _success(info: Mapping[str, object], index: np.intp) -> float:
    """What the environment reports on success at an ending: 1, 0, or NaN for nothing."""
    for key in SUCCESS:
        if key in info and (f"_{key}" not in info or np.asarray(info[f"_{key}"])[index]):
            return float(np.asarray(info[key])[index])
    return float("nan")
