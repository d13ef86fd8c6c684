"""Stepping: autoreset masked, final observations valued, actions as the environment wants them."""

import gymnasium
import numpy as np
import pytest
import torch
from doubles import (
    Countdown,
    Exact,
    Identity,
    SmallNetwork,
    identity_action,
    identity_envs,
    identity_network,
)
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import nn

from symgen.envs._stepping import (
    Stepper,
    autoreset_mode,
    environment_action,
    final_observation,
)
from symgen.errors import UserError
from symgen.problem.interface import Action
from symgen.rl._batch import batch_of
from symgen.rl._episodes import Episodes
from symgen.rl._rollout import Buffer, rollout
from symgen.rl.ppo import advantages

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
TWO = Action("discrete", ("a", "b"), (2,))


class Reader(Exact):
    """Values an observation x at 100 + x and prefers nothing."""

    def __init__(self, dtype=torch.float64):
        super().__init__()
        self.action = TWO
        self.weight = nn.Parameter(torch.zeros((), dtype=dtype))

    def forward(self, observation, state=None):
        x = observation.to(self.weight)
        return {"policy": torch.zeros(len(x), 2, dtype=x.dtype), "value": 100 + x}, {}


def countdown(ending, mode, lengths=(3, 5)):
    return SyncVectorEnv([lambda n=n: Countdown(n, ending) for n in lengths], autoreset_mode=mode)


def rolled(network, envs, steps, seed=0, times=1):
    buffer = Buffer(network, envs.single_observation_space, steps, envs.num_envs)
    stepper = Stepper(envs)
    buffer.begin(stepper.begin(seed, 0)[0])
    episodes = Episodes(envs.num_envs)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(times):
        rollout(network, stepper, buffer, episodes, generator)
    return buffer, list(episodes.recent)


def test_next_step_masks_exactly_the_steps_that_start_an_episode():
    buffer, episodes = rolled(Reader(), countdown("terminated", NEXT), 8)
    assert buffer.observations[:, 0, 0].tolist() == [3, 2, 1, 0, 3, 2, 1, 0, 3]
    assert buffer.valid[:, 0].tolist() == [True, True, True, False, True, True, True, False]
    assert buffer.valid[:, 1].tolist() == [True] * 5 + [False, True, True]
    assert buffer.terminated[:, 0].tolist() == [
        False,
        False,
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    assert episodes == [(3.0, 3), (5.0, 5), (3.0, 3)]


def test_the_mask_and_the_running_episode_carry_over_to_the_next_rollout():
    envs = countdown("terminated", NEXT)
    buffer, episodes = rolled(Reader(), envs, 3, times=2)
    assert buffer.observations[:, 0, 0].tolist() == [0, 3, 2, 1]
    assert buffer.valid.tolist() == [[False, True], [True, True], [True, False]]
    # two steps of the second one were in the second rollout
    assert episodes == [(3.0, 3), (5.0, 5)]


def test_same_step_masks_nothing():
    buffer, episodes = rolled(Reader(), countdown("terminated", SAME), 6)
    assert buffer.observations[:, 0, 0].tolist() == [3, 2, 1, 3, 2, 1, 3]
    assert buffer.valid.all()
    assert episodes == [(3.0, 3), (5.0, 5), (3.0, 3)]


@pytest.mark.parametrize("mode", [NEXT, SAME])
def test_next_values_are_those_of_the_observation_that_followed(mode):
    buffer, _ = rolled(Reader(), countdown("truncated", mode), 9)
    followed = buffer.observations[:-1, :, 0] - 1
    assert buffer.next_values[buffer.valid].equal((100 + followed)[buffer.valid].double())
    # control: the observation in the next row is not the one that followed in SAME_STEP
    naive = 100 + buffer.observations[1:, :, 0]
    assert bool((naive == buffer.next_values)[buffer.valid].all()) is (mode is NEXT)


@pytest.mark.parametrize("ending", ["terminated", "truncated"])
def test_both_modes_give_the_same_advantages_by_hand(ending):
    # gamma = lambda = 1/2, V(x) = 100 + x, reward 1, episode 2, 1, (0):
    #   truncated:  delta(1) = 1 + 100/2 - 101 = -50    delta(2) = 1 + 101/2 - 102 = -50.5
    #   terminated: delta(1) = 1 - 101 = -100           A(2) = delta(2) + delta(1)/4
    last = {"terminated": -100.0, "truncated": -50.0}[ending]
    for mode in (NEXT, SAME):
        buffer, _ = rolled(Reader(), countdown(ending, mode, (2,)), 7)
        ends = (buffer.terminated, buffer.truncated)
        gain = advantages(buffer.rewards, buffer.values, buffer.next_values, *ends, 0.5, 0.5)
        for x, expected in ((1, last), (2, -50.5 + last / 4)):
            here = (buffer.observations[:6, :, 0] == x) & buffer.valid[
                :6
            ]  # the last row's episode is cut off
            assert here.sum() >= 2
            assert gain[:6][here].tolist() == [expected] * int(here.sum())


def test_a_batch_leaves_out_the_steps_that_start_an_episode():
    buffer, _ = rolled(Reader(), countdown("terminated", NEXT), 9)
    batch = batch_of(buffer, torch.zeros_like(buffer.values))
    assert len(batch) == int(buffer.valid.sum()) < buffer.valid.numel()
    assert 0 in buffer.observations  # control: the final observation was acted on
    assert 0 not in batch.observations
    assert batch.log_probs.exp().tolist() == pytest.approx([0.5] * len(batch))


def test_same_step_with_dict_observations_values_the_final_one():
    class Truncated(Identity):
        def step(self, action):
            observation, reward, ended, _, info = super().step(action)
            return observation, reward, False, ended, info

    envs = SyncVectorEnv([lambda: Truncated("discrete", as_dict=True)] * 2, autoreset_mode=SAME)
    network = identity_network("discrete", as_dict=True)
    network.forward = lambda observation, state: (
        {
            "policy": torch.zeros(len(observation["step"]), 4),
            "value": observation["step"].float()[:, None],
        },
        {},
    )
    buffer, _ = rolled(network, envs, 10)
    assert buffer.observations["step"].dtype == torch.int64
    assert buffer.next_values[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]
    assert buffer.values[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]


def test_final_observations_may_come_as_a_dict_of_arrays_too():
    info = {"final_obs": {"a": np.arange(6).reshape(3, 2)}}
    assert final_observation(info, 1)["a"].tolist() == [2, 3]
    assert final_observation({"final_obs": np.arange(6).reshape(3, 2)}, 2).tolist() == [
        4,
        5,
    ]


def test_resetting_by_hand_is_refused():
    with pytest.raises(UserError, match="reset themselves") as caught:
        autoreset_mode(countdown("terminated", DISABLED))
    assert caught.value.code == "autoreset-mode"
    silent = countdown("terminated", NEXT)
    silent.metadata = {}
    with pytest.raises(UserError, match="None"):
        autoreset_mode(silent)
    assert autoreset_mode(countdown("terminated", SAME)) is SAME  # control


@pytest.mark.parametrize(
    "space",
    [
        spaces.Dict({"a": spaces.Dict({"b": spaces.Discrete(2)})}),
        spaces.Tuple([spaces.Discrete(2)]),
        spaces.Text(3),
    ],
)
def test_observations_that_are_not_arrays_are_refused(space):
    with pytest.raises(UserError, match="flat dict of arrays") as caught:
        Buffer(Reader(), space, 2, 1)
    assert caught.value.code == "observation-space"


def test_continuous_actions_are_clipped_for_the_environment_only():
    envs = identity_envs(4, kind="continuous")  # its step asserts that the action is in the box
    network = identity_network("continuous")
    buffer, _ = rolled(network, envs, 20)
    assert buffer.actions.abs().max() > 1.5
    to_environment = environment_action(envs.single_action_space)
    assert np.abs(to_environment(buffer.actions.numpy())).max() == 1
    assert to_environment(buffer.actions.double().numpy()).dtype == np.float32


def test_actions_count_from_the_start_of_the_space():
    envs = identity_envs(
        4, kind="discrete", start=3
    )  # its step asserts that the action is in the space
    buffer, _ = rolled(identity_network("discrete"), envs, 20)
    assert buffer.actions.unique().tolist() == [0, 1, 2, 3]
    offset = environment_action(spaces.MultiDiscrete([2, 3], start=[1, 0]))
    assert offset(np.array([[0, 2]])).tolist() == [[1, 2]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_buffer_has_the_type_of_the_network(dtype):
    buffer, _ = rolled(
        identity_network("continuous").to(dtype), identity_envs(2, kind="continuous"), 4
    )
    assert buffer.actions.dtype == buffer.values.dtype == buffer.rewards.dtype == dtype
    assert buffer.observations.dtype == torch.float32  # the space's own


@pytest.mark.parametrize(
    "space", [spaces.MultiBinary(3), spaces.Box(0, 255, (2, 2, 3), np.uint8), spaces.Discrete(5)]
)
def test_observations_keep_the_layout_and_type_of_the_space(space):
    buffer = Buffer(Reader(), space, 3, 2)
    observation = np.stack([space.sample(), space.sample()])
    buffer.begin(observation)
    buffer.roll()
    assert buffer.observation(0).numpy().dtype == space.dtype
    assert (buffer.observation(0).numpy() == observation).all()


def test_rollouts_run_inside_the_networks_expanded_context():
    inside = []

    class Expanding(Reader):
        def expanded(self):
            from contextlib import contextmanager

            @contextmanager
            def context():
                inside.append("in")
                yield
                inside.append("out")

            return context()

        def forward(self, observation, state=None):
            inside.append("forward")
            return super().forward(observation)

    rolled(Expanding(), countdown("terminated", NEXT), 2)
    assert inside == ["in", "forward", "forward", "forward", "out"]


def test_gymnasium_makes_next_step_environments():
    envs = gymnasium.make_vec("CartPole-v1", 2, vectorization_mode="sync")
    assert autoreset_mode(envs) is NEXT
    buffer, episodes = rolled(SmallNetwork(4, TWO), envs, 200)
    just_ended = buffer.terminated[-1] | buffer.truncated[-1]
    assert int((~buffer.valid).sum()) == len(episodes) - int(just_ended.sum())
    # a reset step counted in would not show, but one mistaken for an episode would
    assert min(length for _, length in episodes) >= 8
    assert identity_action("discrete").parameters == 4
