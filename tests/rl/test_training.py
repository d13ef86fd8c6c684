"""What a constraint adds to training: moved copies, terms of the losses, metrics. The group here
has two elements, the other of which changes the sign of every number observed and of every action.
"""

import dataclasses

import pytest
import small_ppo
import small_sac
import torch
from doubles import Exact, identity_action, identity_envs, identity_network, numbers
from torch import nn

from symgen.problem.training import PLAIN, Moved, Plain
from symgen.rl import ppo, sac
from symgen.rl._batch import Batch, augmented, batch_of


class Odd(Exact):
    """A policy with pi(-o) = -pi(o) and a value with v(-o) = v(o)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.action = identity_action("continuous")
        self.hidden = nn.Linear(2, 16, bias=False)
        self.mean = nn.Linear(16, 2, bias=False)
        self.judge = nn.Linear(16, 1)
        self.scale = nn.Parameter(torch.zeros(2))

    def forward(self, observation, state=None):
        hidden = self.hidden(observation).tanh()
        outputs = {"policy": self.mean(hidden), "value": self.judge(hidden.square())}
        return {**outputs, "scale": self.scale.expand(len(hidden), -1)}, {}


class Flips(Plain):
    """`copies` moved copies of every row, each by an element drawn for it, or all by the same."""

    def __init__(self, copies=1, log_prob="copied", always=False):
        self.copies = copies
        self.log_prob = log_prob
        self.always = always
        self.signs = None

    def augment(self, observations, actions, generator, beside):
        index = torch.arange(len(actions)).repeat(self.copies)
        signs = 2.0 * torch.randint(0, 2, (len(index), 1), generator=generator) - 1
        self.signs = -torch.ones_like(signs) if self.always else signs
        moved = tuple(x[index] * self.signs for x in observations)
        return Moved(moved, actions[index] * self.signs, index)


class Recorder(Plain):
    """Notes what it is asked."""

    def __init__(self):
        self.calls = []

    def augment(self, observations, actions, generator, beside):
        self.calls.append(("augment", len(observations), len(actions), beside))

    def penalty(self, network, observations, actions, outputs, side, generator):
        sizes = {name: tuple(x.shape) for name, x in outputs.items()}
        assert all(x.requires_grad for x in outputs.values())
        self.calls.append(("penalty", side, len(observations), len(actions), sizes))

    def measured(self, network, update, last):
        self.calls.append(("measured", update, last))
        return {"asked": float(len(self.calls))}


def ppo_learner(network, training=PLAIN, steps=200, **changes):
    envs = identity_envs(4, kind="continuous")
    given = small_ppo.options(**changes)
    return ppo.Learner(network, envs, given, steps=steps, seed=0, training=training)


def sac_learner(training=PLAIN, steps=100, **changes):
    envs = identity_envs(2, kind="continuous")
    given = small_sac.options(**changes)
    return sac.Learner(small_sac.network(), envs, given, steps=steps, seed=0, training=training)


def network(odd):
    return Odd() if odd else identity_network("continuous")


# -------------------------------------------------------------------------------------------------
# PPO


def test_moved_copies_have_what_their_originals_have():
    rows = torch.arange(3.0)
    observations = {"a": rows[:, None], "b": rows[:, None] + 10}
    batch = Batch(observations, rows[:, None], rows + 20, rows + 30, rows + 40, rows + 50)

    class Given(Plain):
        def augment(self, observations, actions, generator, beside):
            (here,) = observations
            index = torch.tensor([2, 0])
            return Moved(({name: -x[index] for name, x in here.items()},), -actions[index], index)

    both = augmented(batch, None, Given(), 8, torch.Generator())
    assert len(both) == 5
    assert both.observations["a"][:, 0].tolist() == [0, 1, 2, -2, 0]
    assert both.observations["b"][:, 0].tolist() == [10, 11, 12, -12, -10]
    assert both.actions[:, 0].tolist() == [0, 1, 2, -2, 0]
    for name, start in (("log_probs", 20), ("advantages", 30), ("returns", 40), ("values", 50)):
        assert getattr(both, name).tolist() == [start + k for k in (0, 1, 2, 2, 0)]
    assert augmented(batch, None, PLAIN, 8, torch.Generator()) is batch


@pytest.mark.parametrize("odd", [True, False])
def test_copied_log_probabilities_are_those_of_an_equivariant_policy(odd):
    run = ppo_learner(network(odd))
    next(iter(run))  # after some steps, so that the policy is not what it was made
    ppo.rollout(run.network, run._stepper, run._buffer, run.episodes, run._generator)
    batch = batch_of(run._buffer, run._advantages())

    def log_probs(kind):
        training = Flips(log_prob=kind, always=True)
        moved = augmented(batch, run.network, training, 7, torch.Generator())
        assert len(moved) == 2 * len(batch)
        return moved.log_probs

    gap = (log_probs("copied") - log_probs("recomputed")).abs().max().item()
    assert gap < 1e-5 if odd else gap > 1e-3


@pytest.mark.parametrize(
    ("odd", "log_prob", "moved"),
    [(True, "copied", False), (False, "copied", True), (False, "recomputed", False)],
)
def test_the_first_ratio_is_one_unless_copies_lie(odd, log_prob, moved):
    rows = list(ppo_learner(network(odd), Flips(log_prob=log_prob)))
    assert len(rows) > 2
    for row in rows[1:]:
        assert row["first_ratio"] > 1e-3 if moved else row["first_ratio"] < 1e-5


def test_without_copies_the_first_ratio_is_one():
    assert all(row["first_ratio"] < 1e-5 for row in ppo_learner(network(False)))


@pytest.mark.parametrize("copies", [0, 1, 3])
def test_minibatches_keep_their_size(copies):
    class Sizes(Flips):
        sizes: tuple[int, ...] = ()

        def penalty(self, network, observations, actions, outputs, side, generator):
            self.sizes += (len(actions),)

    training = Sizes(copies)
    row = next(iter(ppo_learner(network(True), training, epochs=1)))
    # 60 transitions: 16 steps of 4 environments, each of which starts an episode once
    assert sum(training.sizes) == 60 * (1 + copies)
    assert max(training.sizes) <= 33
    assert min(training.sizes) >= 25
    assert row["step"] == 60  # copies are no steps


def test_copies_train_the_sides_alike():
    # only one sign is ever seen, and the free network is asked for the other
    def error(training):
        run = ppo_learner(network(False), training, steps=2000, learning_rate=3e-3)
        for _ in run:
            pass
        x = torch.rand(256, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
        with torch.no_grad():
            mean, mirrored = (run.network(seen)[0]["policy"] for seen in (x, -x))
        return (mean + mirrored).abs().mean().item() / mean.abs().mean().item()

    assert error(Flips(always=True)) < 0.5 * error(PLAIN)


# -------------------------------------------------------------------------------------------------
# SAC


def test_rows_of_the_replay_are_moved_as_a_whole():
    training = Flips()
    run = sac_learner(training)
    next(iter(run))
    plain = run.replay.sample(16, 1, 0.99, run._generator.manual_seed(4))
    run._generator.manual_seed(4)
    moved = run._draw()
    signs = training.signs
    assert {-1.0, 1.0} == set(signs[:, 0].tolist())
    for name in ("observations", "actions", "next_observations"):
        assert torch.equal(getattr(moved, name), getattr(plain, name) * signs), name
    for name in ("rewards", "discounts"):
        assert torch.equal(getattr(moved, name), getattr(plain, name)), name


def test_more_copies_than_rows_make_a_larger_batch():
    run = sac_learner(Flips(3))
    next(iter(run))
    assert {len(getattr(run._draw(), field.name)) for field in dataclasses.fields(run._draw())} == {
        48
    }


# -------------------------------------------------------------------------------------------------
# terms and metrics


def test_ppo_asks_once_per_batch_minibatch_and_update():
    training = Recorder()
    row = next(iter(ppo_learner(network(True), training)))
    sizes = {"policy": (30, 2), "value": (30, 1), "scale": (30, 2)}
    penalty = ("penalty", None, 30, 30, sizes)
    assert training.calls == [("augment", 1, 60, True), *[penalty] * 4, ("measured", 1, False)]
    assert row["asked"] == 6


def test_sac_asks_once_per_side():
    training = Recorder()
    for _ in sac_learner(training, steps=20):
        pass
    # the step that ends the warm-up allows two gradient steps
    critic = ("penalty", "critic", 16, 16, {"q1": (16, 1), "q2": (16, 1)})
    actor = ("penalty", "actor", 16, 16, {"policy": (16, 2), "log_std": (16, 2)})
    asked = [("augment", 2, 16, False), critic, actor]
    assert training.calls == [*asked, *asked, ("measured", 1, True)]


@pytest.mark.parametrize("side", ["actor", "critic", None])
def test_a_penalty_is_part_of_its_side_alone(side):
    class Small(Plain):
        def penalty(self, network, observations, actions, outputs, side_, generator):
            if side_ != side:
                return None
            return 1e3 * sum(x.square().sum() for x in network.parameters())

    def norms(training):
        run = sac_learner(training, steps=120, actor_rate=1e-2, critic_rate=1e-2)
        for _ in run:
            pass
        sides = {"actor": run.network.actor_parameters(), "critic": run.network.critic_parameters()}
        return {
            name: sum(x.detach().square().sum().item() for x in part.values())
            for name, part in sides.items()
        }

    plain, small = norms(PLAIN), norms(Small())
    for name in plain:
        assert (small[name] < 0.5 * plain[name]) is (name == side)


@pytest.mark.parametrize("make", [lambda x: ppo_learner(network(False), x), sac_learner])
def test_what_adds_nothing_changes_nothing(make):
    class Asked(Recorder):
        def measured(self, network, update, last):
            return {}

    def rows(training):
        return repr([numbers(row) for row in make(training)])

    assert rows(Asked()) == rows(PLAIN)
    assert rows(Flips()) != rows(PLAIN)  # control
