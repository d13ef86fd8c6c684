import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from symgen.errors import UserError
from symgen.experiment import episodes
from symgen.experiment.episodes import play, quotas
from tests.experiment.doubles import Script


def still(observation):
    return np.zeros(len(observation), int)


def test_quotas_add_up():
    for count in range(1, 12):
        for envs in range(1, 12):
            found = quotas(count, envs)
            assert found.sum() == count
            assert found.max() - found.min() <= 1


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_returns_and_lengths_by_hand(mode):
    played = play(still, Script([[3, 1], [2]], mode), 5, seed=0)
    assert played.returns.tolist() == [
        3,
        1,
        3,
        2,
        2,
    ]  # a resetting step pays 1, and counts for nothing
    assert played.lengths.tolist() == [3, 1, 3, 2, 2]
    assert played.successes is None


def test_short_episodes_are_not_favoured():
    # every environment plays a long episode, then short ones: each contributes exactly one
    lengths = [[100, 1], [1], [1], [1]]
    played = play(still, Script(lengths), 4, seed=0)
    assert played.lengths.tolist() == [100, 1, 1, 1]
    assert first_finished(Script(lengths), 4) == [
        1,
        1,
        1,
        1,
    ]  # control: what counting whoever is first would give


def first_finished(envs: Script, count: int) -> list[int]:
    envs.reset()
    found: list[int] = []
    while len(found) < count:
        _, _, ended, _, _ = envs.step(np.zeros(envs.num_envs, int))
        found += envs.time[ended].tolist()
    return found[:count]


def test_success_is_read_where_it_is_reported():
    played = play(still, Script([[3, 1], [2]], success=1), 4, seed=0)
    assert played.successes.tolist() == [1, 0, 1, 1]


def test_an_episode_without_end_is_reported(monkeypatch):
    monkeypatch.setattr(episodes, "LONGEST", 50)
    with pytest.raises(UserError, match="has not ended after 50"):
        play(still, Script([[3], [1000]]), 2, seed=0)
    assert play(still, Script([[3], [49]]), 2, seed=0).lengths.tolist() == [3, 49]
    # an environment that has contributed may go on for as long as it likes: 5 episodes of 20 take
    # 100 steps
    assert play(still, Script([[20], [1, 1, 1000]]), 5, seed=0).lengths.tolist() == [
        20,
        20,
        20,
        1,
        1,
    ]


def test_an_environment_that_does_not_reset_itself_is_refused():
    with pytest.raises(UserError, match="reset themselves"):
        play(still, Script([[3]], AutoresetMode.DISABLED), 1, seed=0)
