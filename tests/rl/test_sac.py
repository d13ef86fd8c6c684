"""SAC piece by piece: options, targets by hand, losses against obvious twins, shifts."""

import math

import gymnasium
import numpy as np
import pytest
import torch
from doubles import SmallSoft, identity_action, identity_envs
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from pydantic import ValidationError
from small_sac import FORCE, SMALL, learner, network, options

from symgen.constraints.relaxed import Regularised
from symgen.nn.squashed import SquashedGaussian
from symgen.rl._random_shift import shifted
from symgen.rl._replay import Batch
from symgen.rl.sac import (
    ACTOR,
    CRITICS,
    METRICS,
    Learner,
    Options,
    action_values,
    actor_loss,
    critic_loss,
    targets,
)

# -------------------------------------------------------------------------------------------------
# options


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


# -------------------------------------------------------------------------------------------------
# targets


class Fixed:
    """Policy and critics that say numbers which can be followed by hand."""

    box_centre, box_half = torch.tensor([1.0]), torch.tensor([2.0])

    def __init__(self, factor):
        self.factor = factor

    def encode(self, observation):
        return {"x": observation}

    def heads(self, features, names, action=None):
        x = features["x"]
        if names == ("policy", "log_std"):
            return {"policy": torch.zeros(len(x), 1), "log_std": torch.full((len(x), 1), -30.0)}
        q = self.factor * x + action
        return {"q1": q, "q2": q + 5}


def test_targets_by_hand_terminated_beside_truncated():
    # next observations 10, 20, 30; the action is the centre of the box, 1; the target's smaller Q
    # is 3 x + 1 its density is N(0; 0, e^-30) of one component, with slope tanh'(0) = 1: log p = 30
    # - log(2 pi) / 2 - noise^2 / 2
    batch = Batch(
        torch.zeros(3, 1),
        torch.zeros(3, 1),
        torch.tensor([1.0, 2.0, 4.0]),
        torch.tensor([0.5, 0.0, 0.25]),  # goes on; terminated; truncated after two steps
        torch.tensor([[10.0], [20.0], [30.0]]),
    )
    wanted = targets(
        Fixed(7.0), Fixed(3.0), batch, torch.tensor(0.0), torch.Generator().manual_seed(0)
    )
    assert wanted.tolist() == pytest.approx([1 + 0.5 * 31, 2.0, 4 + 0.25 * 91])
    noise = torch.empty(3, 1).normal_(generator=torch.Generator().manual_seed(0))[:, 0]
    density = 30 - 0.5 * math.log(2 * math.pi) - 0.5 * noise**2
    wanted = targets(
        Fixed(7.0), Fixed(3.0), batch, torch.tensor(0.1), torch.Generator().manual_seed(0)
    )
    expected = torch.tensor([1.0, 2, 4]) + batch.discounts * (
        torch.tensor([31.0, 61, 91]) - 0.1 * density
    )
    assert wanted.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def batch_for(net, size=30):
    torch.manual_seed(3)
    actions = net.box_centre + net.box_half * (2 * torch.rand(size, 2) - 1)
    return Batch(
        torch.randn(size, 2), actions, torch.randn(size), torch.rand(size), torch.randn(size, 2)
    )


def policy(net, observation):
    outputs, _ = net(observation)
    return SquashedGaussian(outputs["policy"], outputs["log_std"], net.box_centre, net.box_half)


@pytest.mark.parametrize("encoder", [False, True])
def test_targets_and_losses_equal_those_of_obvious_twins(encoder):
    net, target = (network(seed, encoder, action=FORCE) for seed in (0, 1))
    batch, temperature = batch_for(net), torch.tensor(0.3)

    def twin(observation, critics, generator):
        """Density and smaller Q of the policy's own actions, one at a time."""
        noise = torch.empty(len(observation), 2).normal_(generator=generator)
        rows = []
        for x, z in zip(observation, noise, strict=True):
            mean, log_std = (output[0] for output in net(x[None])[0].values())
            action = net.box_centre + net.box_half * (mean + log_std.exp() * z).tanh()
            # in units of the box
            density = policy(net, x[None]).log_prob(action[None])[0] + net.box_half.log().sum()
            judged = critics.heads(critics.encode(x[None]), CRITICS, action[None])
            rows.append((density, action_values(judged).min()))
        densities, smaller = zip(*rows, strict=True)
        return torch.stack(densities), torch.stack(smaller)

    density, smaller = twin(batch.next_observations, target, torch.Generator().manual_seed(0))
    expected = batch.rewards + batch.discounts * (smaller - temperature * density)
    wanted = targets(net, target, batch, temperature, torch.Generator().manual_seed(0))
    torch.testing.assert_close(wanted, expected.detach(), rtol=0, atol=1e-3)
    assert not wanted.requires_grad

    features = net.encode(batch.observations)
    values = action_values(net.heads(features, CRITICS, batch.actions))
    loss = critic_loss(values, wanted)
    assert loss.item() == pytest.approx(
        sum((values[:, k] - wanted).square().mean().item() for k in (0, 1)), rel=1e-5
    )

    features = {name: x.detach() for name, x in features.items()}
    outputs = net.heads(features, ACTOR)

    def loss_of(seed):
        return actor_loss(net, features, outputs, temperature, torch.Generator().manual_seed(seed))

    loss, densities = loss_of(1)
    density, smaller = twin(batch.observations, net, torch.Generator().manual_seed(1))
    assert loss.item() == pytest.approx((temperature * density - smaller).mean().item(), abs=1e-4)
    torch.testing.assert_close(densities, density.detach(), rtol=0, atol=1e-3)
    gradients = torch.autograd.grad(loss, list(net.actor_parameters().values()))
    expected = torch.autograd.grad(
        (temperature * density - smaller).mean(), list(net.actor_parameters().values())
    )
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-3)
    # controls: another seed, and the larger Q
    assert loss_of(2)[0].item() != loss.item()
    assert (values.amin(1) - values.amax(1)).abs().max() > 1e-3


def test_each_loss_moves_its_own_weights_only():
    run = learner(steps=40, encoder=True)
    next(iter(run))
    net = run.network
    before = {name: x.clone() for name, x in net.named_parameters()}
    moved = {}
    for part in ("critic", "actor"):
        batch = run._draw()
        features = net.encode(batch.observations)
        if part == "critic":
            outputs = net.heads(features, CRITICS, torch.zeros(16, 2))
            loss = critic_loss(action_values(outputs), torch.ones(16))
        else:
            features = {name: x.detach() for name, x in features.items()}
            outputs = net.heads(features, ACTOR)
            loss, _ = actor_loss(net, features, outputs, torch.tensor(0.1), run._generator)
        run._descend(part, loss, batch, outputs)
        moved[part] = {
            name for name, x in net.named_parameters() if not torch.equal(x, before[name])
        }
        before = {name: x.clone() for name, x in net.named_parameters()}
    assert moved == {"critic": set(net.critic_parameters()), "actor": set(net.actor_parameters())}
    assert {name.split(".")[0] for name in moved["critic"]} == {"encoder", "critics"}


def test_the_target_follows_slowly():
    run = learner(steps=40, tau=0.25)
    target = run.target
    before = [x.clone() for x in target.target_parameters]
    rows = iter(run)
    assert (
        next(rows)["gradient_steps"] == 2
    )  # the last step of the warm-up allows as many as it had transitions
    seen = [x.clone() for x in target.target_parameters]
    run.pending_updates = 1.0
    run._catch_up()
    for old, new, online in zip(
        seen, target.target_parameters, target.online_parameters, strict=True
    ):
        torch.testing.assert_close(new, old + 0.25 * (online - old))
    assert any(not torch.equal(a, b) for a, b in zip(before, target.target_parameters, strict=True))


def test_the_temperature_follows_the_entropy():
    def after(goal, **changes):
        run = learner(steps=200, target_entropy=goal, temperature_rate=0.01, **changes)
        return list(run)[-1]["temperature"]

    assert after(10.0) > 1 > after(-10.0)
    assert after(-10.0, temperature=0.2) == pytest.approx(0.2)
    assert after(-10.0, temperature=0.0) == pytest.approx(0.0, abs=1e-9)
    assert learner().target_entropy() == -2


def test_a_penalty_is_part_of_both_losses():
    class Penalised(SmallSoft):
        def penalty(self):
            return 1e3 * sum(x.square().sum() for x in self.parameters())

    def norm(make):
        net = make(2, identity_action("continuous"), hidden=16)
        rates = {"actor_rate": 1e-2, "critic_rate": 1e-2}
        envs = identity_envs(2, kind="continuous")
        given = options(**rates)
        for _ in Learner(net, envs, given, steps=120, seed=0, training=Regularised(1.0)):
            pass
        parts = (net.actor_parameters(), net.critic_parameters())
        return [sum(x.detach().square().sum().item() for x in part.values()) for part in parts]

    for small, large in zip(norm(Penalised), norm(SmallSoft), strict=True):
        assert small < 0.5 * large


# -------------------------------------------------------------------------------------------------
# shifts


def test_shifts_move_all_channels_of_a_picture_together():
    x = torch.arange(6 * 7).view(1, 6, 7, 1).repeat(50, 1, 1, 3) + 100 * torch.arange(3)
    moved = shifted(
        {"view": x.to(torch.uint8), "speed": torch.ones(50, 2)}, 2, torch.Generator().manual_seed(0)
    )
    assert moved["view"].dtype == torch.uint8
    assert torch.equal(moved["speed"], torch.ones(50, 2))
    moved = shifted(x, 2, torch.Generator().manual_seed(0))
    assert torch.equal(moved[..., 1], moved[..., 0] + 100)

    def by(down, right):
        return x[0, :, :, 0][(torch.arange(6) + down).clamp(0, 5)][
            :, (torch.arange(7) + right).clamp(0, 6)
        ]

    shifts = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    drawn = set()
    for picture in moved[..., 0]:
        fits = [shift for shift in shifts if torch.equal(picture, by(*shift))]
        assert len(fits) == 1
        drawn.add(fits[0])
    assert len(drawn) > 15
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
        run = Learner(
            net, SyncVectorEnv([Pictures] * 2), options(random_shift=pad), steps=30, seed=0
        )
        next(iter(run))
        plain = run.replay.sample(16, 1, 0.99, torch.Generator().manual_seed(4))
        run._generator.manual_seed(4)
        return plain, run._draw()

    plain, moved = batch(2)
    assert not torch.equal(plain.observations, moved.observations)
    assert not torch.equal(plain.next_observations, moved.next_observations)
    assert torch.equal(plain.actions, moved.actions)
    plain, still = batch(0)
    assert torch.equal(plain.observations, still.observations)
