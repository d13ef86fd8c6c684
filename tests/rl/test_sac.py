"""SAC piece by piece: options, targets by hand, losses against obvious twins, shifts, seeds, resuming."""

import copy
import json
import math
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from doubles import Countdown, Identity, SmallNetwork, SmallSoft, identity_action, identity_envs
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pydantic import ValidationError

from symgen.envs.interface import Action
from symgen.errors import UserError
from symgen.nn.squashed import SquashedGaussian
from symgen.rl import sac
from symgen.rl._replay import Batch
from symgen.rl.sac import METRICS, Learner, Options, actor_loss, critic_loss, shifted, targets

SMALL = {"envs": 2, "warmup": 20, "batch": 16, "report": 20}
FORCE = Action("continuous", ("x", "y"), (2,), (-2.0, 0.0), (2.0, 1.0))


def options(**changes):
    return Options.model_validate({**SMALL, **changes})


def network(seed=0, encoder=False, features=2, action=None):
    return SmallSoft(features, action or identity_action("continuous"), hidden=16, seed=seed, encoder=encoder)


def learner(steps=100, seed=0, mode=AutoresetMode.NEXT_STEP, encoder=False, **changes):
    envs = identity_envs(2, mode, kind="continuous")
    return Learner(network(encoder=encoder), envs, options(**changes), steps=steps, seed=seed)


def numbers(metrics):
    return {name: value for name, value in metrics.items() if name != "steps_per_second"}


# ------------------------------------------------------------------------------------------------------ options


def test_every_option_has_a_description_and_every_metric_a_meaning():
    assert all(field.description for field in Options.model_fields.values())
    for produced in learner():
        assert set(produced) == set(METRICS)
        assert all(isinstance(value, int | float) for value in produced.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"envs": 0},
        {"warmup": 0},
        {"gamma": 1.5},
        {"tau": 0.0},
        {"updates": 0},
        {"temperature": -1.0},
        {"target_entropy": math.nan},
        {"actor_rate": "fast"},
        {"n_step": 2.5},
        {"momentum": 1},
    ],
)
def test_wrong_options_are_refused(wrong):
    assert options() == Options(**SMALL)  # control
    with pytest.raises(ValidationError):
        options(**wrong)


# ------------------------------------------------------------------------------------------------------ targets


class Fixed:
    """Policy and critics that say numbers which can be followed by hand."""

    box_centre, box_half = torch.tensor([1.0]), torch.tensor([2.0])

    def __init__(self, factor):
        self.factor = factor

    def encode(self, observation):
        return {"x": observation}

    def act(self, features):
        return torch.zeros(len(features["x"]), 1), torch.full((len(features["x"]), 1), -30.0)  # hardly any deviation

    def judge(self, features, action):
        q = self.factor * features["x"] + action
        return torch.cat([q, q + 5], 1)


def test_targets_by_hand_terminated_beside_truncated():
    # next observations 10, 20, 30; the action is the centre of the box, 1; the target's smaller Q is 3 x + 1
    # its density is N(0; 0, e^-30) of one component, with slope tanh'(0) = 1: log p = 30 - log(2 pi) / 2 - noise^2 / 2
    batch = Batch(
        torch.zeros(3, 1),
        torch.zeros(3, 1),
        torch.tensor([1.0, 2.0, 4.0]),
        torch.tensor([0.5, 0.0, 0.25]),  # goes on; terminated; truncated after two steps
        torch.tensor([[10.0], [20.0], [30.0]]),
    )
    wanted = targets(Fixed(7.0), Fixed(3.0), batch, torch.tensor(0.0), torch.Generator().manual_seed(0))
    assert wanted.tolist() == pytest.approx([1 + 0.5 * 31, 2.0, 4 + 0.25 * 91])
    noise = torch.empty(3, 1).normal_(generator=torch.Generator().manual_seed(0))[:, 0]
    density = 30 - 0.5 * math.log(2 * math.pi) - 0.5 * noise**2
    wanted = targets(Fixed(7.0), Fixed(3.0), batch, torch.tensor(0.1), torch.Generator().manual_seed(0))
    expected = torch.tensor([1.0, 2, 4]) + batch.discounts * (torch.tensor([31.0, 61, 91]) - 0.1 * density)
    assert wanted.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def batch_for(net, size=30):
    torch.manual_seed(3)
    actions = net.box_centre + net.box_half * (2 * torch.rand(size, 2) - 1)
    return Batch(torch.randn(size, 2), actions, torch.randn(size), torch.rand(size), torch.randn(size, 2))


def policy(net, observation):
    mean, log_std = net(observation)
    return SquashedGaussian(mean, log_std, net.box_centre, net.box_half)


@pytest.mark.parametrize("encoder", [False, True])
def test_targets_and_losses_equal_those_of_obvious_twins(encoder):
    net, target = (network(seed, encoder, action=FORCE) for seed in (0, 1))
    batch, temperature = batch_for(net), torch.tensor(0.3)

    def twin(observation, judge, generator):
        """Density and smaller Q of the policy's own actions, one at a time."""
        noise = torch.empty(len(observation), 2).normal_(generator=generator)
        rows = []
        for x, z in zip(observation, noise, strict=True):
            mean, log_std = (each[0] for each in net(x[None]))
            action = net.box_centre + net.box_half * (mean + log_std.exp() * z).tanh()
            # in units of the box
            density = policy(net, x[None]).log_prob(action[None])[0] + net.box_half.log().sum()
            rows.append((density, judge.judge(judge.encode(x[None]), action[None]).min()))
        densities, smaller = zip(*rows, strict=True)
        return torch.stack(densities), torch.stack(smaller)

    density, smaller = twin(batch.next_observations, target, torch.Generator().manual_seed(0))
    expected = batch.rewards + batch.discounts * (smaller - temperature * density)
    wanted = targets(net, target, batch, temperature, torch.Generator().manual_seed(0))
    torch.testing.assert_close(wanted, expected.detach(), rtol=0, atol=1e-3)
    assert not wanted.requires_grad

    features = net.encode(batch.observations)
    loss, found = critic_loss(net, features, batch.actions, wanted)
    assert loss.item() == pytest.approx(sum((found[:, k] - wanted).square().mean().item() for k in (0, 1)), rel=1e-5)

    features = {name: x.detach() for name, x in features.items()}
    loss, densities = actor_loss(net, features, temperature, torch.Generator().manual_seed(1))
    density, smaller = twin(batch.observations, net, torch.Generator().manual_seed(1))
    assert loss.item() == pytest.approx((temperature * density - smaller).mean().item(), abs=1e-4)
    torch.testing.assert_close(densities, density.detach(), rtol=0, atol=1e-3)
    gradients = torch.autograd.grad(loss, list(net.actor_parameters().values()))
    expected = torch.autograd.grad((temperature * density - smaller).mean(), list(net.actor_parameters().values()))
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-3)
    # controls: another seed, and the larger Q
    assert actor_loss(net, features, temperature, torch.Generator().manual_seed(2))[0].item() != loss.item()
    assert (found.amin(1) - found.amax(1)).abs().max() > 1e-3


def test_each_loss_moves_its_own_weights_only():
    one = learner(steps=40, encoder=True)
    next(iter(one))
    net = one.network
    before = {name: x.clone() for name, x in net.named_parameters()}
    moved = {}
    for part in ("critic", "actor"):
        features = net.encode(one._batch().observations)
        if part == "critic":
            loss, _ = critic_loss(net, features, torch.zeros(16, 2), torch.ones(16))
        else:
            features = {name: x.detach() for name, x in features.items()}
            loss, _ = actor_loss(net, features, torch.tensor(0.1), one._generator)
        one._descend(part, loss)
        moved[part] = {name for name, x in net.named_parameters() if not torch.equal(x, before[name])}
        before = {name: x.clone() for name, x in net.named_parameters()}
    assert moved == {"critic": set(net.critic_parameters()), "actor": set(net.actor_parameters())}
    assert {name.split(".")[0] for name in moved["critic"]} == {"encoder", "critics"}


def test_the_target_follows_slowly():
    one = learner(steps=40, tau=0.25)
    before = [x.clone() for x in one._following]
    rows = iter(one)
    assert next(rows)["gradient_steps"] == 2  # the last step of the warm-up allows as many as it had transitions
    one.updates, seen = 0, [x.clone() for x in one._following]
    one._improve()
    for old, new, followed in zip(seen, one._following, one._followed, strict=True):
        torch.testing.assert_close(new, old + 0.25 * (followed - old))
    assert any(not torch.equal(a, b) for a, b in zip(before, one._following, strict=True))


def test_the_temperature_follows_the_entropy():
    def after(goal, **changes):
        one = learner(steps=200, target_entropy=goal, temperature_rate=0.01, **changes)
        return list(one)[-1]["temperature"]

    assert after(10.0) > 1 > after(-10.0)
    assert after(-10.0, temperature=0.2) == pytest.approx(0.2)
    assert after(-10.0, temperature=0.0) == pytest.approx(0.0, abs=1e-9)
    assert learner()._target_entropy == -2


def test_a_penalty_is_part_of_both_losses():
    class Penalised(SmallSoft):
        def penalty(self):
            return 1e3 * sum(x.square().sum() for x in self.parameters())

    def norm(make):
        net = make(2, identity_action("continuous"), hidden=16)
        rates = {"actor_rate": 1e-2, "critic_rate": 1e-2}
        envs = identity_envs(2, kind="continuous")
        for _ in Learner(net, envs, options(**rates), steps=120, seed=0):
            pass
        parts = (net.actor_parameters(), net.critic_parameters())
        return [sum(x.detach().square().sum().item() for x in part.values()) for part in parts]

    for small, large in zip(norm(Penalised), norm(SmallSoft), strict=True):
        assert small < 0.5 * large


# ------------------------------------------------------------------------------------------------------- shifts


def test_shifts_move_all_channels_of_a_picture_together():
    x = torch.arange(6 * 7).view(1, 6, 7, 1).repeat(50, 1, 1, 3) + 100 * torch.arange(3)
    moved = shifted({"view": x.to(torch.uint8), "speed": torch.ones(50, 2)}, 2, torch.Generator().manual_seed(0))
    assert moved["view"].dtype == torch.uint8
    assert torch.equal(moved["speed"], torch.ones(50, 2))
    moved = shifted(x, 2, torch.Generator().manual_seed(0))
    assert torch.equal(moved[..., 1], moved[..., 0] + 100)

    def by(down, right):
        return x[0, :, :, 0][(torch.arange(6) + down).clamp(0, 5)][:, (torch.arange(7) + right).clamp(0, 6)]

    shifts = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    found = set()
    for picture in moved[..., 0]:
        fits = [each for each in shifts if torch.equal(picture, by(*each))]
        assert len(fits) == 1
        found.add(fits[0])
    assert len(found) > 15
    assert torch.equal(shifted(x, 0, torch.Generator()), x)


class Pictures(gymnasium.Env):
    """Byte pictures of three frames."""

    observation_space = spaces.Box(0, 255, (6, 6, 3), np.uint8)
    action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.integers(0, 256, (6, 6, 3), dtype=np.uint8), {}

    def step(self, action):
        return self.np_random.integers(0, 256, (6, 6, 3), dtype=np.uint8), 1.0, False, False, {}


def test_pictures_are_shifted_when_asked():
    def batch(pad):
        net = network(features=108)
        one = Learner(net, SyncVectorEnv([Pictures] * 2), options(random_shift=pad), steps=30, seed=0)
        next(iter(one))
        plain = one.replay.sample(16, 1, 0.99, torch.Generator().manual_seed(4))
        one._generator.manual_seed(4)
        return plain, one._batch()

    plain, moved = batch(2)
    assert not torch.equal(plain.observations, moved.observations)
    assert not torch.equal(plain.next_observations, moved.next_observations)
    assert torch.equal(plain.actions, moved.actions)
    plain, still = batch(0)
    assert torch.equal(plain.observations, still.observations)


# ------------------------------------------------------------------------------------------------------ learner


def test_equal_seeds_give_equal_numbers_and_others_do_not():
    first, again, other = ([numbers(each) for each in learner(seed=seed)] for seed in (0, 0, 1))
    assert str(first) == str(again)  # NaN before the first update
    assert len(first) == 5
    assert str(first) != str(other)


def test_the_global_random_state_is_neither_read_nor_changed():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (the global state is what is tested)
    one = learner()
    before = torch.get_rng_state()
    first = [numbers(each) for each in one]
    assert torch.get_rng_state().equal(before)
    two = learner()
    torch.manual_seed(6)
    assert str([numbers(each) for each in two]) == str(first)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_steps_count_transitions_only(mode):
    one = learner(steps=200, mode=mode)
    rows = list(one)
    assert rows[-1]["step"] == one.step == 200 == len(one.replay)
    assert rows[-1]["episodes"] == 2 * (100 // Identity.LENGTH)
    assert rows[-1]["length"] == Identity.LENGTH
    assert [row["update"] for row in rows] == list(range(1, 11))


@pytest.mark.parametrize(("updates", "every", "expected"), [(1.0, 1, 82), (0.25, 1, 20), (2.0, 1, 164), (1.0, 5, 90)])
def test_gradient_steps_per_transition(updates, every, expected):
    # 100 transitions, the first 20 of which are warm-up: the step that reaches 20 counts already
    envs = SyncVectorEnv([lambda: Identity("continuous")] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    one = Learner(network(), envs, options(updates=updates, train_every=every), steps=100, seed=0)
    assert list(one)[-1]["gradient_steps"] == expected


def test_warmup_acts_uniformly_and_learns_nothing():
    one = learner(steps=300, warmup=200)
    rows = list(one)
    assert [math.isnan(row["critic_loss"]) for row in rows] == [True] * 9 + [False] * 6
    actions = torch.from_numpy(one.replay.actions[one.replay.valid])[:180]
    assert actions.abs().max() <= 1
    assert actions.abs().mean().item() == pytest.approx(0.5, abs=0.1)


class Remembering(Countdown):
    """Countdown with a continuous action."""

    action_space = spaces.Box(-2.0, 2.0, (1,), np.float32)


def countdown_learner(steps=80, **changes):
    envs = SyncVectorEnv([lambda: Remembering(4, "truncated")] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    net = network(features=1, action=Action("continuous", ("x",), (1,), (-2.0,), (2.0,)))
    return Learner(net, envs, options(report=16, updates=0.75, **changes), steps=steps, seed=3)


def test_a_restored_learner_continues_exactly():
    # Countdown starts every episode alike and 16 transitions are two whole ones each, so a fresh start is going on
    whole = countdown_learner()
    rows = [numbers(each) for each in whole]
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
        return [numbers(each) for each in result]

    assert second(tensors, scalars) == rows[3:]
    # controls: everything that is saved matters
    changed = {name: torch.zeros_like(x) for name, x in tensors.items() if x.is_floating_point()}
    changed["random"] = torch.Generator().get_state()
    changed["replay.valid"] = tensors["replay.valid"].roll(1, 1)
    changed["target.critics.0.4.bias"] = torch.tensor([-100.0])
    for name in ("random", "temperature", "replay.rewards", "replay.observations", "replay.actions", "replay.valid",
                 "target.critics.0.4.bias", "adam.critic.exp_avg.critics.0.0.weight",
                 "adam.actor.exp_avg_sq.actor.0.weight", "adam.temperature.exp_avg.log"):  # fmt: skip
        assert second({**tensors, name: changed[name]}, scalars) != rows[3:], name
    assert second(tensors, {**scalars, "owed": 0.0}) != rows[3:]


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
    kept = again.replay.observations[:, : first.replay.filled].copy()
    list(again)
    assert again.step > rows[-1]["step"]
    assert len(again.replay) == 120
    fresh = again.replay.observations[:, first.replay.filled + 1]
    assert not any((kept == x[:, None]).all(-1).any() for x in fresh[None])


def test_the_state_of_another_network_is_refused():
    first = learner(steps=60)
    list(first)
    other = Learner(
        SmallSoft(2, identity_action("continuous"), 8), identity_envs(2, kind="continuous"), options(), steps=60, seed=0
    )
    with pytest.raises(ValueError, match=r"\(16, 4\), the network's is \(8, 4\)"):
        other.restore(first.tensors(), first.scalars())
    assert other.step == 0


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
        (math.nan, 0.0, {}, "a reward is not finite"),
        (1.0, math.inf, {}, "an observation is not finite"),
        (1e30, 0.0, {"critic_rate": 1.0}, "training diverged"),
        (1.0, 0.0, {}, None),
    ],
)
def test_a_loss_that_is_not_finite_stops_training(reward, seen, changes, cause):
    class This(Broken):
        pass

    This.reward, This.seen = reward, seen
    one = Learner(network(), SyncVectorEnv([lambda: This("continuous")] * 2), options(**changes), steps=200, seed=0)
    if cause is None:
        assert len(list(one)) == 10
        return
    with pytest.raises(UserError, match=cause) as caught:
        list(one)
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
    list(Learner(net, identity_envs(2, kind="continuous"), options(train_every=5), steps=60, seed=0))
    assert len(inside) >= 6
    assert inside[:2] == ["in", "out"]


def test_nothing_here_knows_groups():
    for name in ("sac", "_replay", "_adam_state"):
        text = Path(sac.__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        assert "algebra" not in text
        assert "families" not in text
    assert not hasattr(SmallNetwork, "judge")
