"""SAC's learner: seeds, counting, warm-up, resuming, and what it refuses."""

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
    SmallSoft,
    identity_action,
    identity_envs,
    numbers,
)
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from small_sac import learner, network, options

from symgen.errors import UserError
from symgen.problem.interface import Action
from symgen.rl import sac
from symgen.rl.sac import Learner


def test_equal_seeds_give_equal_numbers_and_others_do_not():
    first, again, another = ([numbers(row) for row in learner(seed=seed)] for seed in (0, 0, 1))
    assert str(first) == str(again)  # NaN before the first update
    assert len(first) == 5
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


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_steps_count_transitions_only(mode):
    run = learner(steps=200, mode=mode)
    rows = list(run)
    assert rows[-1]["step"] == run.step == 200 == len(run.replay)
    assert rows[-1]["episodes"] == 2 * (100 // Identity.LENGTH)
    assert rows[-1]["length"] == Identity.LENGTH
    assert [row["update"] for row in rows] == list(range(1, 11))


@pytest.mark.parametrize(
    ("updates", "every", "expected"), [(1.0, 1, 82), (0.25, 1, 20), (2.0, 1, 164), (1.0, 5, 90)]
)
def test_gradient_steps_per_transition(updates, every, expected):
    # 100 transitions, the first 20 of which are warm-up: the step that reaches 20 counts already
    envs = SyncVectorEnv(
        [lambda: Identity("continuous")] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    run = Learner(network(), envs, options(updates=updates, train_every=every), steps=100, seed=0)
    assert list(run)[-1]["gradient_steps"] == expected


def test_warmup_acts_uniformly_and_learns_nothing():
    run = learner(steps=300, warmup=200)
    rows = list(run)
    assert [math.isnan(row["critic_loss"]) for row in rows] == [True] * 9 + [False] * 6
    actions = run.replay.actions[run.replay.valid][:180]
    assert actions.abs().max() <= 1
    assert actions.abs().mean().item() == pytest.approx(0.5, abs=0.1)


class Remembering(Countdown):
    """Countdown with a continuous action."""

    action_space = spaces.Box(-2.0, 2.0, (1,), np.float32)


def countdown_learner(steps=80, **changes):
    envs = SyncVectorEnv(
        [lambda: Remembering(4, "truncated")] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    net = network(features=1, action=Action("continuous", ("x",), (1,), (-2.0,), (2.0,)))
    return Learner(net, envs, options(report=16, updates=0.75, **changes), steps=steps, seed=3)


def test_a_restored_learner_continues_exactly():
    # Countdown starts every episode alike and 16 transitions are two whole ones each, so a fresh
    # start is going on
    whole = countdown_learner()
    rows = [numbers(row) for row in whole]
    assert len(rows) == 5

    first = countdown_learner()
    for metrics in first:
        if metrics["update"] == 3:
            break
    tensors = {name: tensor.clone() for name, tensor in first.tensors().items()}
    scalars = json.loads(json.dumps(first.scalars(), allow_nan=False))
    weights = copy.deepcopy(first.network.state_dict())

    def second(tensors, scalars):
        result = countdown_learner()
        result.restore(tensors, scalars)
        result.network.load_state_dict(weights)
        return [numbers(row) for row in result]

    assert second(tensors, scalars) == rows[3:]
    # controls: everything that is saved matters
    changed = {name: torch.zeros_like(x) for name, x in tensors.items() if x.is_floating_point()}
    changed["random"] = torch.Generator().get_state()
    changed["replay.valid"] = tensors["replay.valid"].roll(1, 1)
    changed["target.critics.0.4.bias"] = torch.tensor([-100.0])
    for name in (
        "random",
        "temperature",
        "replay.rewards",
        "replay.observations",
        "replay.actions",
        "replay.valid",
        "target.critics.0.4.bias",
        "adam.critic.exp_avg.critics.0.0.weight",
        "adam.actor.exp_avg_sq.actor.0.weight",
        "adam.temperature.exp_avg.log",
    ):
        assert second({**tensors, name: changed[name]}, scalars) != rows[3:], name
    assert second(tensors, {**scalars, "pending_updates": 0.0}) != rows[3:]


def test_a_checkpoint_of_an_older_version_is_gone_on_with():
    first = learner(steps=200, updates=0.75)
    for row in first:
        if row["update"] == 3:
            break
    tensors = {name: tensor.clone() for name, tensor in first.tensors().items()}
    scalars = dict(first.scalars())
    assert scalars["pending_updates"] > 0
    # the names of two counters then
    old = dict(scalars)
    old["owed"] = old.pop("pending_updates")
    old["remembered"] = old.pop("stored")
    del old["fresh_episodes"], old["device"]
    again = learner(steps=200, updates=0.75)
    again.restore(tensors, old)
    assert again.scalars() == {**scalars, "fresh_episodes": "no episode had begun"}


def test_a_replay_that_is_not_saved_is_filled_anew():
    first = learner(steps=200, saved_gigabytes=0)
    for row in first:
        if row["update"] == 4:
            break
    tensors = {name: x.clone() for name, x in first.tensors().items()}
    assert not [name for name in tensors if name.startswith("replay.")]
    again = learner(steps=200, saved_gigabytes=0)
    again.restore(tensors, first.scalars())
    after = list(again)
    # the step that reaches the warm-up of 20 transitions learns already
    assert after[0]["gradient_steps"] == first.gradient_steps + 2
    assert after[-1]["step"] == 200
    assert len(again.replay) == 120
    assert any(name.startswith("replay.") for name in learner(steps=200).tensors())  # control


def test_a_restored_learner_does_not_repeat_the_first_episodes():
    first = learner(steps=120)
    rows = [row for row, _ in zip(first, range(3), strict=False)]
    again = learner(steps=120)
    again.restore({name: x.clone() for name, x in first.tensors().items()}, first.scalars())
    kept = again.replay.observations[:, : first.replay.filled].clone()
    list(again)
    assert again.step > rows[-1]["step"]
    assert len(again.replay) == 120
    fresh = again.replay.observations[:, first.replay.filled + 1]
    assert not any(bool((kept == x[:, None]).all(-1).any()) for x in fresh[None])


def test_the_state_of_another_network_is_refused():
    first = learner(steps=60)
    list(first)
    another = Learner(
        SmallSoft(2, identity_action("continuous"), 8),
        identity_envs(2, kind="continuous"),
        options(),
        steps=60,
        seed=0,
    )
    with pytest.raises(ValueError, match=r"\(16, 4\), the network's is \(8, 4\)"):
        another.restore(first.tensors(), first.scalars())
    assert another.step == 0


def test_the_number_of_environments_must_be_that_of_the_options():
    with pytest.raises(ValueError, match="options say 2 environments, envs holds 3"):
        Learner(network(), identity_envs(3, kind="continuous"), options(), steps=9, seed=0)


def test_environments_that_do_not_reset_themselves_are_refused():
    envs = identity_envs(2, AutoresetMode.DISABLED, kind="continuous")
    with pytest.raises(UserError, match="reset themselves"):
        Learner(network(), envs, options(), steps=9, seed=0)


def test_a_replay_that_does_not_fit_is_refused_at_the_start():
    with pytest.raises(UserError, match="replay_gigabytes allows 1e-06"):
        learner(steps=10_000, replay_gigabytes=1e-6)
    assert learner(steps=10, replay_gigabytes=1e-6)  # what will never be filled is not counted


class Broken(Identity):
    reward, seen = 1.0, 0.0

    def step(self, action):
        observation, _, ended, _, info = super().step(action)
        return observation + np.float32(self.seen), self.reward, ended, False, info


@pytest.mark.parametrize(
    ("reward", "seen", "changes", "cause"),
    [
        (1e30, 0.0, {"critic_rate": 1.0}, "training diverged"),
        (1.0, 0.0, {}, None),
    ],
)
def test_a_loss_that_is_not_finite_stops_training(reward, seen, changes, cause):
    class This(Broken):
        pass

    This.reward, This.seen = reward, seen
    run = Learner(
        network(),
        SyncVectorEnv([lambda: This("continuous")] * 2),
        options(**changes),
        steps=200,
        seed=0,
    )
    if cause is None:
        assert len(list(run)) == 10
        return
    with pytest.raises(UserError, match=cause) as caught:
        list(run)
    assert caught.value.code == "loss-not-finite"


def test_acting_between_updates_runs_inside_the_networks_expanded_context():
    from contextlib import contextmanager

    inside = []

    class Expanding(SmallSoft):
        @contextmanager
        def expanded(self):
            inside.append("in")
            yield
            inside.append("out")

    net = Expanding(2, identity_action("continuous"), hidden=16)
    list(
        Learner(net, identity_envs(2, kind="continuous"), options(train_every=5), steps=60, seed=0)
    )
    assert len(inside) >= 6
    assert inside[:2] == ["in", "out"]


def test_nothing_here_knows_groups():
    for name in ("sac", "_soft", "_replay", "_adam_state"):
        text = Path(sac.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        assert "algebra" not in text
        assert "families" not in text
    assert not hasattr(SmallNetwork, "judge")
