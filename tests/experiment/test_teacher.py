"""What a teacher says: as it plays, in the episode it is in; and who it is, in the run's files."""

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorWrapper

from symgen.compiler import compile_spec
from symgen.errors import UserError
from symgen.experiment.checkpoint import Checkpoint
from symgen.experiment.teacher import Taught, digest, labels_of
from symgen.nn.distributions import MultiCategorical, distribution
from symgen.nn.squashed import SquashedGaussian
from symgen.problem.interface import Action
from symgen.rl._labels import labels_in
from tests.rl.bandit import LENGTH, bandits, spec

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


def teacher(memory):
    compiled = compile_spec(spec("ppo", "discrete", memory=memory), seed=0, verify=False)
    return compiled.network.double()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("memory", ["none", "gru"])
def test_it_says_what_it_would_in_this_episode(mode, memory):
    network = teacher(memory)
    envs = Taught(bandits("discrete", mode, number=2).env, network)
    observation, info = envs.reset(seed=0)
    history = [observation]
    said = [labels_in(info).parameters]
    for _ in range(11):
        observation, _, _, _, info = envs.step(np.zeros(2, int))
        history.append(observation)
        said.append(labels_in(info).parameters)
    differences = []
    for env in range(2):
        state = None
        for seen, labels in zip(history, said, strict=True):
            if seen[env, 0] == 0:  # an episode begins
                state = None
            outputs, state = network(seen[env : env + 1], state)
            expected = outputs["policy"].log_softmax(-1)
            torch.testing.assert_close(labels[env : env + 1], expected)
        state = None
        for seen, labels in zip(history, said, strict=True):
            outputs, state = network(seen[env : env + 1], state)
            expected = outputs["policy"].log_softmax(-1)
            differences.append((labels[env] - expected[0]).abs().max().item())
    # control: a memory that outlives its episode says something else
    assert (max(differences) > 1e-6) == (memory == "gru")
    assert len(history) > 2 * LENGTH


def test_a_reset_forgets():
    network = teacher("gru")
    envs = Taught(bandits("discrete", number=2).env, network)
    _, info = envs.reset(seed=0)
    first = labels_in(info).parameters
    *_, info = envs.step(np.zeros(2, int))
    assert not torch.equal(labels_in(info).parameters, first)
    _, info = envs.reset(seed=0)
    assert torch.equal(labels_in(info).parameters, first)


@pytest.mark.parametrize("number", [1, 2])
def test_a_teacher_that_goes_another_way_is_refused(number):
    """Its environment shares seed and actions, and rewards must be the same."""
    envs = bandits("discrete", number=2).env
    view = bandits("discrete", number=2).env
    taught = Taught(envs, teacher("none"), Paying(view) if number == 2 else view)
    taught.reset(seed=0)
    if number == 1:  # control
        taught.step(np.zeros(2, int))
        return
    with pytest.raises(UserError) as caught:
        taught.step(np.zeros(2, int))
    assert caught.value.code == "teacher-elsewhere"
    assert "rewards" in caught.value.message


class Paying(VectorWrapper):
    """Environments that reward more."""

    def step(self, actions):
        observation, reward, *rest = self.env.step(actions)
        return observation, reward + 1, *rest


def test_logits_and_means_are_told_as_they_are():
    x = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    several = Action("multi_discrete", ("a", "b"), (2, 3))
    told = labels_of(distribution(several, x))
    again = MultiCategorical(told.parameters.split((2, 3), -1))
    for ours, theirs in zip(distribution(several, x).logits, again.logits, strict=True):
        torch.testing.assert_close(ours, theirs)
    reals = Action("continuous", tuple("abcde"), (5,), (-1.0,) * 5, (1.0,) * 5)
    told = labels_of(distribution(reals, x, x[0]))
    torch.testing.assert_close(told.parameters, x)
    torch.testing.assert_close(told.log_std, x[:1].expand(5, 5))


def test_a_squashed_gaussian_is_told_by_where_it_plays_and_how_far_from_there():
    torch.manual_seed(0)
    mean = torch.tensor([[0.0, 1.0, -2.0]]).double()
    log_std = torch.tensor([[-1.0, 0.0, 0.5]]).double()
    half = torch.tensor([1.0, 2.0, 0.5]).double()
    squashed = SquashedGaussian(mean, log_std, torch.tensor([0.0, 1.0, 0.0]).double(), half)
    told = labels_of(squashed)
    torch.testing.assert_close(told.parameters, squashed.mode)
    drawn = squashed.rsample(torch.Size([400_000]))
    away = (drawn - squashed.mode).square().mean(0).sqrt()
    torch.testing.assert_close(told.log_std.exp(), away, rtol=1e-2, atol=0)
    # control: the slope of tanh at the mean says something else
    slope = half * (1 - mean.tanh().square()) * log_std.exp()
    assert not torch.allclose(slope, away, rtol=0.05)
    certain = SquashedGaussian(mean, log_std - 15, squashed.centre, half)
    assert labels_of(certain).log_std.isfinite().all()


def test_other_distributions_are_not_guessed_at():
    with pytest.raises(TypeError, match="no labels are known of a Bernoulli"):
        labels_of(torch.distributions.Bernoulli(torch.tensor([0.5])))


def test_the_digest_is_of_the_network():
    weights = {"network.a": torch.ones(2), "network.b": torch.zeros(3)}

    def of(**changed):
        return digest(Checkpoint(1, 10, {**weights, **changed}))

    assert of() == of() == of(**{"learner.adam": torch.ones(4)})
    assert of(**{"network.a": torch.tensor([1.0, 1.1])}) != of()
    assert of(**{"network.a": torch.ones(2, dtype=torch.float64)}) != of()
