"""PPO's learner: seeds, counting, resuming, and what it refuses."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from doubles import (
    Countdown,
    Identity,
    SmallNetwork,
    identity_action,
    identity_envs,
    identity_network,
    numbers,
)
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from small_ppo import KINDS, learner, options

from symgen.errors import UserError
from symgen.problem.interface import Action
from symgen.rl import ppo
from symgen.rl.ppo import Learner


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_give_equal_numbers_and_others_do_not(kind):
    first, again, another = (
        [numbers(row) for row in learner(kind, seed=seed)] for seed in (0, 0, 1)
    )
    assert str(first) == str(again)  # NaN before the first episode
    assert len(first) > 3
    assert str(first) != str(another)


def test_the_global_random_state_is_neither_read_nor_changed():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (the global state is what is tested)
    run = learner()
    before = torch.get_rng_state()
    first = [numbers(row) for row in run]
    assert torch.get_rng_state().equal(before)
    two = learner()
    torch.manual_seed(6)
    assert str([numbers(row) for row in two]) == str(first)


def test_steps_count_transitions_only():
    run = learner(steps=200)
    rows = list(run)
    assert rows[-1]["step"] == run.step >= 200 > rows[-2]["step"]
    # 16 steps of 4 environments; an episode is 8 transitions and one step that starts the next
    assert rows[0]["step"] == 4 * 15
    assert rows[0]["episodes"] == 4
    assert rows[0]["length"] == Identity.LENGTH
    assert rows[-1]["update"] == len(rows)


def countdown_learner(steps=320, **changes):
    envs = SyncVectorEnv(
        [lambda: Countdown(4, "truncated")] * 4, autoreset_mode=AutoresetMode.SAME_STEP
    )
    network = SmallNetwork(1, Action("discrete", ("a", "b"), (2,)), hidden=8)
    return Learner(network, envs, options(normalise_rewards=True, **changes), steps=steps, seed=3)


def test_a_restored_learner_continues_exactly():
    # Countdown starts every episode alike and 16 steps are four whole ones, so a fresh start is the
    # same as going on
    whole = countdown_learner()
    rows = [numbers(row) for row in whole]
    assert len(rows) == 5

    first = countdown_learner()
    for metrics in first:
        if metrics["update"] == 2:
            break
    tensors = {name: tensor.clone() for name, tensor in first.tensors().items()}
    scalars = json.loads(json.dumps(first.scalars(), allow_nan=False))

    def second(tensors, scalars):
        result = countdown_learner()
        result.network.load_state_dict(copy.deepcopy(first.network.state_dict()))
        result.restore(tensors, scalars)
        return [numbers(row) for row in result]

    assert second(tensors, scalars) == rows[2:]
    # controls: the random state, the optimiser and the reward scale each matter
    assert second({**tensors, "random": torch.Generator().get_state()}, scalars) != rows[2:]
    only_random = {"random": tensors["random"]}
    assert second(only_random, scalars) != rows[2:]
    assert second(tensors, {**scalars, "reward_scale": [500.0, 9.0, 1e4]}) != rows[2:]


def test_a_restored_learner_does_not_repeat_the_first_episodes():
    first = learner(steps=60)
    rows = list(first)
    again = learner(steps=10_000)
    again.restore(first.tensors(), first.scalars())
    next(iter(again))
    assert again.step > rows[-1]["step"]
    assert not again._buffer.observations[0].equal(learner_first_observation())


def learner_first_observation():
    run = learner()
    next(iter(run))
    return run._buffer.observations[0]


def test_the_state_of_another_network_is_refused():
    first = learner()
    next(iter(first))
    another = Learner(
        SmallNetwork(4, identity_action("discrete"), 16),
        identity_envs(4, kind="discrete"),
        options(),
        steps=9,
        seed=0,
    )
    with pytest.raises(ValueError, match=r"\(32, 4\), the network's is \(16, 4\)"):
        another.restore(first.tensors(), first.scalars())
    assert another.step == 0


def test_the_number_of_environments_must_be_that_of_the_options():
    with pytest.raises(ValueError, match="options say 4 environments, envs holds 2"):
        Learner(
            identity_network("discrete"),
            identity_envs(2, kind="discrete"),
            options(),
            steps=9,
            seed=0,
        )


def test_environments_that_do_not_reset_themselves_are_refused():
    envs = identity_envs(4, AutoresetMode.DISABLED, kind="discrete")
    with pytest.raises(UserError, match="reset themselves"):
        Learner(identity_network("discrete"), envs, options(), steps=9, seed=0)


def test_observation_statistics_see_each_transition_once_and_only_when_asked():
    for on in (True, False):
        run = learner(steps=200, normalise_observations=on)
        list(run)
        assert run.network.statistics[0].unique().tolist() == [run.step if on else 0]


class Broken(Identity):
    reward = math.nan

    def step(self, action):
        observation, _, ended, _, info = super().step(action)
        return observation, self.reward, ended, False, info


@pytest.mark.parametrize(
    ("reward", "changes", "cause"),
    [
        (1e30, {}, "a return or a value is not finite|diverged"),
        (1.0, {"learning_rate": 1e30}, "diverged|not finite"),
        (1.0, {}, None),
    ],
)
def test_a_loss_that_is_not_finite_stops_training(reward, changes, cause):
    envs = SyncVectorEnv([lambda: Broken("discrete")] * 4)
    for env in envs.envs:
        env.reward = reward
    run = Learner(identity_network("discrete"), envs, options(**changes), steps=400, seed=0)
    if cause is None:  # control
        assert len(list(run)) > 3
        return
    with pytest.raises(UserError, match=cause) as caught:
        list(run)
    assert caught.value.code == "loss-not-finite"
    assert caught.value.hint


@pytest.mark.parametrize(
    "path", sorted(Path(ppo.__file__).parent.glob("*.py")), ids=lambda x: x.name
)
def test_files_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
