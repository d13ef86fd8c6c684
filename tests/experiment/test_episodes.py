import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from symgen.errors import UserError
from symgen.experiment import episodes
from symgen.experiment.episodes import play, quotas
from symgen.nn.policy import Policy
from tests.experiment.doubles import Script, Still
from tests.nn.remembering import CHOICES, Counter


class Metronome(Script):
    """Pays 1 for an action that is the number of steps taken in the episode, and else nothing."""

    def __init__(self, lengths, mode):
        super().__init__(lengths, mode)
        self.single_action_space = spaces.Discrete(CHOICES)

    def step(self, actions):
        right = actions == self.time
        observation, _, *rest = super().step(actions)
        return observation, right.astype(float), *rest


def test_quotas_add_up():
    for count in range(1, 12):
        for envs in range(1, 12):
            shares = quotas(count, envs)
            assert shares.sum() == count
            assert shares.max() - shares.min() <= 1


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_returns_and_lengths_by_hand(mode):
    played = play(Still(), Script([[3, 1], [2]], mode), 5, seed=0)
    assert played.returns.tolist() == [
        3,
        1,
        3,
        2,
        2,
    ]  # a resetting step pays 1, and counts for nothing
    assert played.lengths.tolist() == [3, 1, 3, 2, 2]
    assert played.successes is None


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_memory_begins_with_the_first_observation_of_an_episode(mode):
    """What counts the steps of an episode is right in every one of them, in all environments."""
    lengths = [[3, 1, 4], [2], [1], [1, 5]]
    played = play(Policy(Counter()), Metronome(lengths, mode), 24, seed=0)
    assert played.returns.tolist() == played.lengths.tolist()
    assert set(played.lengths) == {1, 2, 3, 4, 5}


class Lasting(gymnasium.Env):
    """An environment of Gymnasium's own kind that pays as Metronome does, and lasts as long as its
    number of resets says.
    """

    observation_space = spaces.Box(-1, 1, (1,))
    action_space = spaces.Discrete(CHOICES)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.resets = getattr(self, "resets", 0) + 1
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        reward = float(action == self.time)
        self.time += 1
        ended = self.time == self.resets
        return np.zeros(1, np.float32), reward, ended and self.time % 2 == 0, ended, {}


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_gymnasiums_own_vector_environments_start_episodes_so(mode):
    envs = SyncVectorEnv([Lasting] * 3, autoreset_mode=mode)
    played = play(Policy(Counter()), envs, 15, seed=0)
    assert played.lengths.tolist() == [1, 2, 3, 4, 5] * 3
    assert played.returns.tolist() == played.lengths.tolist()


class Told(Policy):
    """Is told of starts a step too late, or never."""

    def __init__(self, shift):
        super().__init__(Counter())
        self.shift = shift
        self.heard = []

    def act(self, observation, starts=None):
        self.heard.append(starts)
        told = self.heard[-2:][0] if self.shift == "late" else None
        return super().act(observation, told)


@pytest.mark.parametrize("shift", ["late", "never"])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_control_a_memory_that_begins_elsewhere_is_wrong(mode, shift):
    played = play(Told(shift), Metronome([[3, 1, 4], [2]], mode), 12, seed=0)
    assert (played.returns < played.lengths).any()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_every_episode_starts_once(mode):
    """Of n episodes that are over, and one under way, n + 1 starts are told; in NEXT_STEP the
    final observation, whose step only resets, is none.
    """
    policy = Told("never")
    play(policy, Metronome([[3]], mode), 2, seed=0)
    starts = [bool(told[0]) for told in policy.heard]
    expected = {
        AutoresetMode.NEXT_STEP: [1, 0, 0, 0, 1, 0, 0],  # the fourth only resets
        AutoresetMode.SAME_STEP: [1, 0, 0, 1, 0, 0],
    }
    assert starts == [bool(told) for told in expected[mode]]


def test_short_episodes_are_not_favoured():
    # every environment plays a long episode, then short ones: each contributes exactly one
    lengths = [[100, 1], [1], [1], [1]]
    played = play(Still(), Script(lengths), 4, seed=0)
    assert played.lengths.tolist() == [100, 1, 1, 1]
    assert first_finished(Script(lengths), 4) == [
        1,
        1,
        1,
        1,
    ]  # control: what counting whoever is first would give


def first_finished(envs: Script, count: int) -> list[int]:
    envs.reset()
    times: list[int] = []
    while len(times) < count:
        _, _, ended, _, _ = envs.step(np.zeros(envs.num_envs, int))
        times += envs.time[ended].tolist()
    return times[:count]


def test_success_is_read_where_it_is_reported():
    played = play(Still(), Script([[3, 1], [2]], success=1), 4, seed=0)
    assert played.successes.tolist() == [1, 0, 1, 1]


def test_an_episode_without_end_is_reported(monkeypatch):
    monkeypatch.setattr(episodes, "LONGEST", 50)
    with pytest.raises(UserError, match="has not ended after 50"):
        play(Still(), Script([[3], [1000]]), 2, seed=0)
    assert play(Still(), Script([[3], [49]]), 2, seed=0).lengths.tolist() == [3, 49]
    # an environment that has contributed may go on for as long as it likes: 5 episodes of 20 take
    # 100 steps
    assert play(Still(), Script([[20], [1, 1, 1000]]), 5, seed=0).lengths.tolist() == [
        20,
        20,
        20,
        1,
        1,
    ]


def test_an_environment_that_does_not_reset_itself_is_refused():
    with pytest.raises(UserError, match="reset themselves"):
        play(Still(), Script([[3]], AutoresetMode.DISABLED), 1, seed=0)
