"""Play episodes and count them fairly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from symgen.envs._finite import check_finite
from symgen.envs._stepping import autoreset_mode, environment_action
from symgen.errors import UserError

Act = Callable[[Any], np.ndarray]

SUCCESS = ("success", "is_success")  # the keys under which environments report it in their info
LONGEST = 200_000  # steps; an episode this long is taken to have no end


@dataclass(frozen=True)
class Episodes:
    """Finished episodes in the order of environment and time.

    Args:
        returns: undiscounted sums of rewards, [episodes].
        lengths: steps, [episodes].
        successes: 0 or 1, [episodes]; None where the environment does not report success.
    """

    returns: np.ndarray
    lengths: np.ndarray
    successes: np.ndarray | None


def quotas(episodes: int, num_envs: int) -> np.ndarray:
    """How many episodes each environment contributes, decided before any is played.

    The first `episodes` to finish anywhere would favour short episodes: while one environment plays
    a long one, another finishes ten.

    >>> quotas(5, 2).tolist()
    [3, 2]
    """
    return np.full(num_envs, episodes // num_envs) + (np.arange(num_envs) < episodes % num_envs)


def play(act: Act, envs: VectorEnv, episodes: int, seed: int) -> Episodes:
    """Play until each environment has contributed its quota.

    Args:
        act: a batch of observations -> a batch of the policy's actions.
        envs: a vector environment that resets itself.
        episodes: how many to count.
        seed: of the first reset.

    Raises:
        UserError: the environments do not reset themselves or return a number that is not finite,
            or an episode does not end.
    """
    next_step = autoreset_mode(envs) is AutoresetMode.NEXT_STEP
    to_environment = environment_action(envs.single_action_space)
    quota = quotas(episodes, envs.num_envs)
    finished: list[list[tuple[float, int, float]]] = [[] for _ in quota]
    returns = np.zeros(envs.num_envs)
    lengths = np.zeros(envs.num_envs, np.int64)
    resetting = np.zeros(envs.num_envs, np.bool_)
    observation, _ = envs.reset(seed=seed)
    check_finite(observation)
    while (quota > 0).any():
        observation, reward, terminated, truncated, info = envs.step(
            to_environment(act(observation))
        )
        check_finite(observation, reward)
        # a step that only resets belongs to no episode
        returns += np.where(resetting, 0.0, reward)
        lengths += ~resetting
        ended = (terminated | truncated) & ~resetting
        for index in np.flatnonzero(ended & (quota > 0)):
            finished[index].append((returns[index], lengths[index], _success(info, index)))
            quota[index] -= 1
        returns[ended], lengths[ended] = 0, 0
        resetting = ended & next_step
        if lengths[quota > 0].max(initial=0) > LONGEST:
            raise UserError(
                "endless-episode",
                f"an episode has not ended after {LONGEST} steps",
                "give the environment a time limit",
            )
    table = np.array([row for done in finished for row in done], dtype=np.float64).reshape(-1, 3)
    successes = None if np.isnan(table[:, 2]).any() else table[:, 2]
    return Episodes(table[:, 0], table[:, 1].astype(np.int64), successes)


def _success(info: dict[str, Any], index: np.intp) -> float:
    """What the environment reports on success at an ending: 1, 0, or NaN for nothing."""
    for key in SUCCESS:
        if key in info and (f"_{key}" not in info or info[f"_{key}"][index]):
            return float(info[key][index])
    return float("nan")
