"""What an environment must not return is refused where it is returned, by both algorithms and by
evaluation.
"""

import math

import numpy as np
import pytest
from doubles import Identity, identity_network
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from small_sac import network as soft_network
from small_sac import options as soft_options

from symgen.envs._finite import check_finite
from symgen.errors import UserError
from symgen.experiment.episodes import play
from symgen.rl import ppo, sac
from tests.experiment.doubles import Still


class Broken(Identity):
    """The second step of every episode returns such numbers; the first reset may report a mask."""

    number = rewarded = 0.0
    mask, final = False, False

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed, options=options)
        return observation, {"action_mask": np.ones(4, np.int8)} if self.mask else info

    def step(self, action):
        observation, reward, ended, _, info = super().step(action)
        if ended if self.final else self.time == 2:
            cue = observation["cue"] if self.as_dict else observation
            cue[-1] += np.float32(self.number)
            reward += self.rewarded
        return observation, reward, False, ended, info


def broken(
    count: int = 2,
    mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    as_dict: bool = False,
    kind: str = "discrete",
    **numbers,
) -> SyncVectorEnv:
    """Environments of which the last is broken."""
    envs = SyncVectorEnv([lambda: Broken(kind, as_dict)] * count, autoreset_mode=mode)
    for name, number in numbers.items():
        setattr(envs.envs[-1], name, number)
    return envs


def by_ppo(envs: SyncVectorEnv, as_dict: bool = False, **options):
    given = ppo.Options(envs=envs.num_envs, rollout=16, minibatch=8, **options)
    return ppo.Learner(identity_network("discrete", as_dict), envs, given, steps=64, seed=0)


def by_sac(envs: SyncVectorEnv):
    return sac.Learner(soft_network(), envs, soft_options(), steps=100, seed=0)


def by_evaluation(envs: SyncVectorEnv):
    yield play(Still(), envs, 4, seed=0)


NUMBERS = [
    ({"number": math.inf}, "entry 4 of observation is inf in environment 2"),
    ({"number": math.nan}, "entry 4 of observation is nan in environment 2"),
    ({"rewarded": math.nan}, "the reward is nan in environment 2"),
    ({"rewarded": -math.inf}, "the reward is -inf in environment 2"),
]


@pytest.mark.parametrize(("numbers", "message"), NUMBERS)
@pytest.mark.parametrize("player", [by_ppo, by_sac, by_evaluation])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_numbers_that_are_not_finite(player, numbers, message, mode):
    kind = "continuous" if player is by_sac else "discrete"
    with pytest.raises(
        UserError, match=message.replace("4", "2") if player is by_sac else message
    ) as caught:
        list(player(broken(kind=kind, mode=mode, **numbers)))
    assert caught.value.code == "environment-not-finite"
    assert caught.value.hint
    assert list(player(broken(kind=kind, mode=mode, number=28.2, rewarded=-1e6)))  # control


@pytest.mark.parametrize("player", [by_ppo, by_sac])
def test_the_last_observation_of_an_episode_is_looked_at_too(player):
    kind = "continuous" if player is by_sac else "discrete"
    with pytest.raises(UserError, match="in environment 2"):
        list(player(broken(kind=kind, mode=AutoresetMode.SAME_STEP, final=True, number=math.nan)))


def test_the_term_is_named():
    with pytest.raises(UserError, match="entry 4 of cue is nan in environment 2"):
        list(by_ppo(broken(as_dict=True, number=math.nan), as_dict=True))
    picture = np.zeros((2, 4, 4, 2), np.float32)
    picture[0, 0, 2, 1] = math.inf
    with pytest.raises(UserError, match="entry 1, 3, 2 of picture is inf in environment 1"):
        check_finite({"index": np.zeros(2, int), "picture": picture})


def test_an_action_mask_is_refused_or_ignored_on_request():
    with pytest.raises(UserError, match="action_mask") as caught:
        list(by_ppo(broken(mask=True)))
    assert caught.value.code == "action-mask"
    assert "ignore_action_mask: true" in caught.value.hint
    assert list(by_ppo(broken(mask=True), ignore_action_mask=True))
    assert list(by_ppo(broken()))
