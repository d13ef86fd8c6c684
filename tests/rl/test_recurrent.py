"""PPO of networks with memory: what is remembered in the rollout is remembered again in the update,
episodes are kept apart, and a cue can be remembered.
"""

import dataclasses
import math

import gymnasium
import numpy as np
import pytest
import small_ppo
import torch
from doubles import (
    Countdown,
    Exact,
    SmallNetwork,
    SmallRecurrent,
    identity_action,
    identity_envs,
    identity_network,
    numbers,
)
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pydantic import ValidationError
from torch import nn

from symgen.envs._stepping import Stepper
from symgen.problem.interface import Action
from symgen.problem.training import PLAIN
from symgen.rl import ppo
from symgen.rl._episodes import Episodes
from symgen.rl._rollout import Buffer, rollout
from symgen.rl._sequences import sequences_of
from symgen.rl.ppo import Learner, Options

NEXT, SAME = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP
MODES = [NEXT, SAME]
TWO = Action("discrete", ("a", "b"), (2,))


def envs_of(mode, kind="discrete", number=3):
    """Episodes of 8 steps that are cut off after 5, 8 (terminated), 3: all endings."""

    def made(limit):
        return gymnasium.wrappers.TimeLimit(identity_envs(1, kind=kind).envs[0], limit)

    limits = [5, 8, 3][:number]
    return SyncVectorEnv([lambda n=n: made(n) for n in limits], autoreset_mode=mode)


def learner(mode=NEXT, kind="discrete", steps=500, network=None, **changes):
    network = network or SmallRecurrent(4 if kind == "discrete" else 2, identity_action(kind))
    given = small_ppo.options(**{"envs": 3, "minibatch": 24, **changes})
    return Learner(network.double(), envs_of(mode, kind), given, steps=steps, seed=0)


# -------------------------------------------------------------------------------------------------
# what is remembered in the rollout


class Counter(Exact):
    """Its state is how many observations of the episode it has seen, and its value too."""

    def __init__(self):
        super().__init__()
        self.action = TWO
        self.weight = nn.Parameter(torch.zeros(1))
        self.states = {"count": 1}

    def initial_state(self, batch):
        return {"count": torch.zeros(batch, 1, 1)}

    def forward(self, observation, state):
        count = state["count"] + 1
        policy = torch.zeros(len(observation), 2)
        return {"policy": policy, "value": count[:, 0]}, {"count": count}

    def unroll(self, observations, state, starts):
        rows = []
        for observation, begins in zip(observations, starts, strict=True):
            state = {"count": state["count"].masked_fill(begins[:, None, None], 0)}
            outputs, state = self(observation, state)
            rows.append(outputs["value"])
        return {"value": torch.stack(rows)}, state


def counted(mode, ending, steps=11, times=1, sequence=0):
    envs = SyncVectorEnv([lambda n=n: Countdown(n, ending) for n in (3, 5)], autoreset_mode=mode)
    network = Counter()
    buffer = Buffer(network, envs.single_observation_space, steps, 2, sequence)
    stepper = Stepper(envs)
    buffer.begin(stepper.begin(0, 0)[0])
    for _ in range(times):
        rollout(network, stepper, buffer, Episodes(2), torch.Generator().manual_seed(0))
    return network, buffer


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_episode_begins_with_nothing_remembered_and_no_other_step_does(mode, times):
    _, buffer = counted(mode, "truncated", times=times)
    length = torch.tensor([3, 5])
    left = buffer.observations[:-1, :, 0]  # steps left: 0 in the final observation
    assert torch.equal(buffer.values, length + 1 - left)
    assert bool((buffer.values == 1).any())
    # the observation that followed has been seen after one more, whether it was the final one or
    # not
    valid = buffer.valid
    assert torch.equal(buffer.next_values[valid], buffer.values[valid] + 1)
    # control: in SAME_STEP the next row is another episode's
    naive = torch.cat([buffer.values[1:], buffer.next_values[-1:]])
    assert torch.equal(naive[valid], buffer.next_values[valid]) is (mode is NEXT)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sequence", [0, 4, 1])
def test_sequences_count_on_from_where_they_were_cut(mode, sequence):
    network, buffer = counted(mode, "terminated", steps=12, times=2, sequence=sequence)
    sequences = sequences_of(buffer, torch.zeros_like(buffer.values))
    length = sequence or 12
    assert sequences.valid.shape == (length, 12 // length * 2)
    assert len(sequences.transitions) == int(buffer.valid.sum())
    for batch in sequences.minibatches(1, 3, torch.Generator()):
        assert torch.equal(batch.outputs(network)["value"][:, 0], batch.values)
    if sequence == 4:  # control: the state before a sequence is not that of an episode's beginning
        begun = {name: torch.zeros_like(x) for name, x in sequences.state.items()}
        wrong, _ = network.unroll(sequences.steps.observations, begun, sequences.starts)
        assert not torch.equal(wrong["value"][..., 0], sequences.steps.values)


# -------------------------------------------------------------------------------------------------
# what the update remembers


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["discrete", "continuous"])
@pytest.mark.parametrize("sequence", [0, 4, 8])
def test_before_the_first_step_the_update_says_what_the_rollout_said(mode, kind, sequence):
    rows = list(learner(mode, kind, sequence=sequence, rollout=16, learning_rate=0.01))
    assert len(rows) > 8
    assert all(row["first_ratio"] < 1e-12 for row in rows)
    assert rows[-1]["episodes"] > 50


@pytest.mark.parametrize("wrong", ["starts", "state"])
def test_control_a_wrong_memory_is_seen_in_the_first_ratio(wrong):
    class Wrong(SmallRecurrent):
        def unroll(self, observations, state, starts):
            if wrong == "starts":
                starts = torch.zeros_like(starts)
            else:
                state = {name: torch.zeros_like(x) for name, x in state.items()}
            return super().unroll(observations, state, starts)

    network = Wrong(4, identity_action("discrete"))
    rows = list(learner(network=network, sequence=8, learning_rate=0.01))
    assert max(row["first_ratio"] for row in rows) > 1e-3


def slow_outputs(network, sequences, chosen, through_time=True):
    """Step by step and sequence by sequence, from the stored state on."""
    rows = []
    for column in chosen:
        state = {name: x[column][None] for name, x in sequences.state.items()}
        outputs = []
        for step, observation in enumerate(sequences.steps.observations[:, column]):
            if sequences.starts[step, column]:
                state = {name: torch.zeros_like(x) for name, x in state.items()}
            said, state = network(observation[None], state)
            if not through_time:
                state = {name: x.detach() for name, x in state.items()}
            outputs.append(said)
        rows.append([(said, sequences.valid[k, column]) for k, said in enumerate(outputs)])
    # in the order of the flat batch: step by step, all sequences of a step beside each other
    return [said for step in zip(*rows, strict=True) for said, valid in step if valid]


@pytest.mark.parametrize("mode", MODES)
def test_gradients_through_time_equal_those_of_a_slow_twin(mode):
    run = learner(mode, sequence=8, rollout=16)
    next(iter(run))
    rollout(run.network, run._stepper, run._buffer, run.episodes, run._generator)
    sequences = sequences_of(run._buffer, run._advantages())
    chosen = torch.tensor([4, 0, 3])
    batch = sequences._batch(chosen)
    given = run.options

    class Slow:
        def __init__(self, through_time):
            self.through_time = through_time

        def outputs(self, network):
            said = slow_outputs(network, sequences, chosen.tolist(), self.through_time)
            return {name: torch.cat([outputs[name] for outputs in said]) for name in said[0]}

    def gradients(batch):
        arguments = (run.network, batch, given, 0.2, 0.01, PLAIN, torch.Generator())
        return torch.autograd.grad(ppo.loss(*arguments)[0], list(run.network.parameters()))

    fast = gradients(batch)
    slow = gradients(dataclasses.replace(batch, unrolled=Slow(True)))
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    # control: without the gradient through time
    cut = gradients(dataclasses.replace(batch, unrolled=Slow(False)))
    assert max((a - b).abs().max() for a, b in zip(fast, cut, strict=True)) > 1e-4


def test_minibatches_are_whole_sequences_and_every_one_is_drawn_once():
    run = learner(sequence=4, rollout=16)
    next(iter(run))
    sequences = sequences_of(run._buffer, run._advantages())
    parts = list(sequences.minibatches(2, 5, torch.Generator().manual_seed(0)))
    assert len(parts) == 10
    for epoch in (parts[:5], parts[5:]):
        values = torch.cat([part.values for part in epoch])
        assert torch.equal(values.sort().values, sequences.transitions.values.sort().values)
        assert {part.unrolled.starts.shape[0] for part in epoch} == {4}
        assert sum(part.unrolled.starts.shape[1] for part in epoch) == 12
    assert not torch.equal(parts[0].values, parts[5].values)
    # more parts than sequences are not made
    assert len(list(sequences.minibatches(1, 99, torch.Generator()))) == 12


def test_a_minibatch_has_transitions():
    # of sequences of one step, some are steps that only start an episode
    run = learner(NEXT, sequence=1, rollout=16, minibatch=1)
    assert all(math.isfinite(row["policy_loss"]) for row in run)


# -------------------------------------------------------------------------------------------------
# options and learning


def test_a_rollout_is_cut_evenly():
    assert Options(rollout=128, sequence=32).sequence == 32
    with pytest.raises(ValidationError, match="128 steps cannot be cut into sequences of 33"):
        Options(rollout=128, sequence=33)


def test_networks_without_memory_do_as_before():
    def rows(**changes):
        run = learner(network=identity_network("discrete"), **changes)
        return repr([numbers(row) for row in run])

    assert rows(sequence=4) == rows()


def test_a_restored_learner_remembers_nothing():
    # Countdown starts every episode alike, and 16 steps are four whole ones
    def counting():
        envs = SyncVectorEnv([lambda: Countdown(4, "truncated")] * 4, autoreset_mode=SAME)
        given = small_ppo.options(sequence=8)
        return Learner(SmallRecurrent(1, TWO), envs, given, steps=320, seed=3)

    whole = [numbers(row) for row in counting()]
    first = counting()
    for row in first:
        if row["update"] == 2:
            break
    again = counting()
    again.network.load_state_dict(first.network.state_dict())
    again.restore({k: x.clone() for k, x in first.tensors().items()}, first.scalars())
    assert [numbers(row) for row in again] == whole[2:]


class Cue(gymnasium.Env):
    """Shows which of two actions is right, then nothing, and pays for the last action alone."""

    observation_space = spaces.Box(0, 1, (3,), np.float32)
    action_space = spaces.Discrete(2)
    LENGTH = 3

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self.right = int(self.np_random.integers(2))
        return np.eye(3, dtype=np.float32)[self.right], {}

    def step(self, action):
        self.time += 1
        ended = self.time == self.LENGTH
        reward = float(ended and action == self.right)
        return np.eye(3, dtype=np.float32)[2], reward, ended, False, {}


@pytest.mark.parametrize("mode", MODES)
def test_a_cue_is_remembered(mode):
    def last_return(network):
        envs = SyncVectorEnv([Cue] * 32, autoreset_mode=mode)
        given = Options(envs=32, rollout=8, minibatch=64, learning_rate=1e-2, gamma=0.9)
        return list(Learner(network, envs, given, steps=4_000, seed=0))[-1]["return"]

    assert last_return(SmallRecurrent(3, TWO)) > 0.9
    assert last_return(SmallNetwork(3, TWO, hidden=16)) < 0.75  # control
