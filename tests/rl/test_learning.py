"""PPO learns to repeat what it sees, for every kind of action, observation and autoreset."""

import pytest
from doubles import Identity, identity_envs, identity_network
from gymnasium.vector import AutoresetMode

from symgen.rl.ppo import Learner, Options


def score(network, kind, as_dict):
    """Mean reward per step of the preferred actions."""
    envs = identity_envs(64, kind=kind, as_dict=as_dict)
    observation, _ = envs.reset(seed=99)
    total = 0.0
    for _ in range(Identity.LENGTH):
        action = network.best(observation)
        observation, reward, *_ = envs.step(action.clip(-1, 1) if kind == "continuous" else action)
        total += float(reward.mean())
    return total / Identity.LENGTH


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize(
    ("kind", "steps", "bar"),
    [("discrete", 6000, 0.99), ("multi_discrete", 6000, 0.99), ("continuous", 12000, 0.9)],
)
def test_the_identity_is_learnt_within_its_budget(kind, steps, bar, as_dict, mode):
    network = identity_network(kind, as_dict)
    assert score(network, kind, as_dict) < 0.75  # control: untrained
    given = Options(envs=8, rollout=32, minibatch=64, learning_rate=3e-3, gamma=0.5, entropy=0.0)
    rows = list(
        Learner(
            network, identity_envs(8, mode, kind=kind, as_dict=as_dict), given, steps=steps, seed=1
        )
    )
    assert score(network, kind, as_dict) > bar
    assert rows[-1]["return"] > rows[1]["return"]
    assert rows[-1]["entropy"] < rows[0]["entropy"]
