"""What cloning computes: losses beside torch's own, whose labels belong to which observation, who
acts, and students that need their memory.
"""

import numpy as np
import pytest
import torch
from bandit import LENGTH, Bandit, bandits, learner, network, options
from doubles import numbers
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorWrapper
from pydantic import ValidationError
from torch.distributions import kl_divergence

from symgen.compiler import compile_spec
from symgen.envs._stepping import Stepper
from symgen.nn.distributions import distribution
from symgen.problem.interface import Action
from symgen.rl._demonstrations import Demonstrations, Tallies, demonstrate, lessons
from symgen.rl._episodes import Episodes
from symgen.rl._labels import TEACHER, Labels, labels_in
from symgen.rl.clone import LOSSES, Learner, divergence, squared_error
from tests.pretend import ELSEWHERE, There, elsewhere
from tests.rl.bandit import spec

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
ACTIONS = {
    "discrete": Action("discrete", ("a", "b", "c"), (3,)),
    "multi_discrete": Action("multi_discrete", ("a", "b"), (2, 3)),
    "continuous": Action("continuous", ("x", "y"), (2,), (-1.0, -3.0), (1.0, 3.0)),
}


def said(kind, rows=50):
    """What a student and a teacher say: parameters, log deviation of the student, labels."""
    action = ACTIONS[kind]
    draw = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, rows, action.parameters, generator=draw, dtype=torch.float64)
    if kind != "continuous":
        return ours, None, Labels(theirs)
    scales = torch.randn(rows, 2, generator=draw, dtype=torch.float64)
    return ours, torch.tensor([0.3, -0.5]).double(), Labels(theirs, scales)


# -------------------------------------------------------------------------------------------------
# losses


@pytest.mark.parametrize("kind", ACTIONS)
def test_the_divergence_is_torchs(kind):
    ours, scale, labels = said(kind)
    student = distribution(ACTIONS[kind], ours, scale)
    teacher = distribution(ACTIONS[kind], labels.parameters, labels.log_std)
    expected = kl_divergence(teacher, student)
    torch.testing.assert_close(divergence(ACTIONS[kind], ours, scale, labels), expected)
    # control: the other way round it is another number
    assert not torch.allclose(kl_divergence(student, teacher), expected)


@pytest.mark.parametrize("kind", ACTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_who_says_the_same_has_no_loss(kind, name):
    _, scale, labels = said(kind)
    ours = labels.parameters.clone().requires_grad_()
    if scale is not None:
        labels = Labels(labels.parameters, scale.expand_as(ours))
    total = LOSSES[name](ACTIONS[kind], ours, scale, labels)
    torch.testing.assert_close(total, torch.zeros_like(total), atol=1e-12, rtol=0)
    (slope,) = torch.autograd.grad(total.sum(), ours)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-12, rtol=0)
    assert (LOSSES[name](ACTIONS[kind], ours * 2, scale, labels) > 1e-3).all()  # control


@pytest.mark.parametrize(("kind", "sizes"), [("discrete", (3,)), ("multi_discrete", (2, 3))])
def test_logits_are_compared_beside_what_says_nothing(kind, sizes):
    ours, _, labels = said(kind)
    apart = torch.cat([torch.full((n,), 5.0 + n).double() for n in sizes])
    before = squared_error(ACTIONS[kind], ours, None, labels)
    torch.testing.assert_close(squared_error(ACTIONS[kind], ours + apart, None, labels), before)
    one_moved = torch.zeros(sum(sizes)).double()
    one_moved[0] = 5.0
    moved = squared_error(ACTIONS[kind], ours + one_moved, None, labels)
    assert not torch.allclose(moved, before)  # control


def test_means_are_compared_in_half_widths():
    scale = torch.zeros(2).double()
    labels = Labels(torch.zeros(1, 2).double(), torch.zeros(1, 2).double())
    off = torch.tensor([[0.5, 1.5]]).double()  # half of each half width
    error = squared_error(ACTIONS["continuous"], off, scale, labels)
    assert error.tolist() == pytest.approx([0.25])


def test_a_squared_error_fits_the_deviation_beside():
    _, _, labels = said("continuous")
    wanted = 0.5 * (2 * labels.log_std).exp().mean(0).log()  # of the mean variance
    scale = wanted.clone().requires_grad_()
    total = squared_error(ACTIONS["continuous"], labels.parameters, scale, labels).mean()
    (slope,) = torch.autograd.grad(total, scale)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-12, rtol=0)


# -------------------------------------------------------------------------------------------------
# rollouts


class Watched(VectorWrapper):
    """A teacher that says what it sees: the first numbers of the observation are its logits."""

    def reset(self, **given):
        observation, info = self.env.reset(**given)
        return observation, {**info, TEACHER: self.labels(observation)}

    def step(self, actions):
        observation, *stepped, info = self.env.step(actions)
        return observation, *stepped, {**info, TEACHER: self.labels(observation)}

    def labels(self, observation):
        return Labels(torch.from_numpy(observation[:, :2].copy()))


def remembering():
    return compile_spec(spec("clone", "discrete", memory="gru"), seed=0, verify=False).network


def rolled(envs, student, share=0.5, **changes):
    """A rollout, and the episodes in it."""
    given = options("clone", envs=envs.num_envs, **changes)
    stepper = Stepper(envs)
    rollout = Demonstrations(student, envs.single_observation_space, given)
    observation, info = stepper.begin(0, 0)
    rollout.begin(observation, labels_in(info))
    tallies = Tallies(Episodes(envs.num_envs), Episodes(envs.num_envs))
    draw = torch.Generator().manual_seed(0)
    demonstrate(student, stepper, rollout, tallies, given, share, draw)
    return rollout, tallies


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("memory", [False, True])
def test_labels_belong_to_their_observations(mode, memory):
    envs = Watched(bandits("discrete", mode, number=3, shown=0.7).env)
    student = remembering() if memory else network("clone", "discrete")
    rollout, _ = rolled(envs, student, rollout=20, sequence=5)
    taught = lessons(rollout)
    assert len(taught) == int(rollout.valid.sum()) == 60 - (0 if mode is MODES[1] else 3 * 4)
    draw = torch.Generator().manual_seed(0)
    parts = list(taught.minibatches(2, 20, draw))
    assert sum(len(part.actions) for part in parts) == 2 * len(taught)
    for part in parts:
        assert torch.equal(part.labels.parameters, part.observations[:, :2])
        # a step whose action is ignored shows the end of an episode
        assert part.observations[:, 0].max() < 1
        # what it said is what it says when it remembers anew
        assert part.outputs(student)["policy"].shape == part.labels.parameters.shape
    wrong = parts[0].labels.parameters.roll(1, 0)
    assert not torch.equal(wrong, parts[0].observations[:, :2])  # control


@pytest.mark.parametrize("mode", MODES)
def test_a_student_is_asked_as_it_played(mode):
    student = remembering()
    envs = bandits("discrete", mode, number=3)
    rollout, _ = rolled(envs, student, rollout=20, sequence=10)  # several episodes in each
    taught = lessons(rollout)
    outputs, _ = student.unroll(taught.observations, taught.state, taught.starts)
    wanted = rollout.said.unflatten(0, (2, 10)).transpose(0, 1).flatten(1, 2)
    torch.testing.assert_close(outputs["policy"], wanted)
    never = torch.zeros_like(taught.starts)
    outputs, _ = student.unroll(taught.observations, taught.state, never)
    assert not torch.allclose(outputs["policy"], wanted)  # control


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_who_acts_is_who_should(kind):
    student = network("clone", kind)
    for share in (0.0, 1.0):
        rollout, tallies = rolled(bandits(kind), student, share, sampled=False)
        shown = rollout.said if share else rollout.parameters
        expected = shown.argmax(-1) if kind == "discrete" else shown
        assert torch.equal(rollout.actions, expected)
        done = [tallies.student.finished, tallies.teacher.finished]
        assert (done[0] > 0, done[1] > 0) == (share == 1.0, share == 0.0)
        assert rollout.said.flatten().ne(rollout.parameters.flatten()).any()


def test_an_episode_is_one_players():
    # the teacher always takes what pays and an adverse student never, so no return lies between
    student = network("clone", "discrete")
    with torch.no_grad():
        (bias,) = [x for x in student.parameters() if x.shape == (2,)]
        bias.copy_(torch.tensor([1e3, -1e3]))
    _, tallies = rolled(bandits("discrete", number=8), student, rollout=64, sampled=False)
    assert {total for total, _ in tallies.teacher.recent} == {float(LENGTH)}
    assert {total for total, _ in tallies.student.recent} == {0.0}
    total = tallies.teacher.finished + tallies.student.finished
    assert total == 8 * 64 // LENGTH
    assert 0.3 < tallies.student.finished / total < 0.7


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_noise_is_what_it_says(kind):
    student = network("clone", kind)
    given = {"sampled": False, "rollout": 512}
    rollout, _ = rolled(bandits(kind, number=8), student, 0.0, noise=0.2, **given)
    if kind == "discrete":  # half of the random actions are the teacher's own
        differs = rollout.actions != rollout.parameters.argmax(-1)
        assert differs.double().mean().item() == pytest.approx(0.1, abs=0.02)
    else:  # the pendulum's box is [-2, 2]
        off = rollout.actions - rollout.parameters
        assert off.std().item() == pytest.approx(0.4, rel=0.05)
        assert off.mean().item() == pytest.approx(0.0, abs=0.03)


def test_environments_without_a_teacher_are_a_programmers_mistake():
    envs = bandits("discrete").env
    given = options("clone")
    student = network("clone", "discrete")
    with pytest.raises(ValueError, match="holds no labels, but None"):
        next(iter(Learner(student, envs, given, steps=96, seed=0)))


def test_a_share_is_a_probability():
    for share in (1.5, {"from": 0.0, "to": 1.5}):
        with pytest.raises(ValidationError, match=r"1\.5 is above 1"):
            options("clone", student_share=share)
    with pytest.raises(ValidationError, match="cannot be cut into sequences"):
        options("clone", rollout=16, sequence=5)


# -------------------------------------------------------------------------------------------------
# learning


class Bits(Bandit):
    """Shows a random bit at each step."""

    def __init__(self):
        super().__init__("discrete")
        self.observation_space = spaces.Box(-10, 10, self.observation_space.shape, np.float32)

    def _observe(self):
        seen = super()._observe()
        seen[1] = self.np_random.integers(2)
        return seen


class Recalling(Watched):
    """A teacher that does what was shown so many steps ago (0 at the start of an episode), or, to
    no purpose, what any step of any environment showed.
    """

    def __init__(self, envs, delay, shuffled=False):
        super().__init__(envs)
        self.delay = delay
        self.shuffled = shuffled
        self.bits = np.zeros((envs.num_envs, delay + 1), int)
        self.rng = np.random.default_rng(0)

    def labels(self, observation):
        begins = observation[:, 0] == 0
        self.bits[begins] = 0
        self.bits = np.concatenate([observation[:, 1:2].astype(int), self.bits[:, :-1]], 1)
        bit = self.rng.integers(2, size=len(begins)) if self.shuffled else self.bits[:, -1]
        return Labels(torch.from_numpy(np.where(np.stack([bit == 0, bit == 1], 1), 3.0, -3.0)))


def disagreement(student, delay, shuffled=False):
    """How far a student is from such a teacher after its lessons."""
    envs = SyncVectorEnv([Bits] * 16, autoreset_mode=AutoresetMode.SAME_STEP)
    given = options("clone", envs=16, minibatch=64, epochs=4, learning_rate=0.01)
    taught = Learner(student, Recalling(envs, delay, shuffled), given, steps=4000, seed=0)
    return [row["disagreement"] for row in taught]


def test_what_a_teacher_does_is_learnt_and_noise_is_not():
    right = disagreement(network("clone", "discrete"), 0)
    assert right[0] > 0.05
    assert right[-1] == 0.0
    assert disagreement(network("clone", "discrete"), 0, shuffled=True)[-1] > 0.3  # control


def test_what_is_seen_no_more_is_remembered():
    assert disagreement(remembering(), 1)[-1] < 0.02
    assert disagreement(network("clone", "discrete"), 1)[-1] > 0.2  # control


def test_rewards_teach_nothing():
    def told(paid):
        envs = Watched(bandits("discrete", reward=paid).env)
        return [numbers(row) for row in learner("clone", "discrete", envs=envs)]

    before, after = told(1.0), told(2.0)
    assert [row["loss"] for row in before] == [row["loss"] for row in after]
    assert [row["return"] for row in before] != [row["return"] for row in after]  # control


# -------------------------------------------------------------------------------------------------
# devices


class Afar(VectorWrapper):
    """A teacher whose labels are where the student is, as those of a loaded one are."""

    def __init__(self, envs, device):
        super().__init__(envs)
        self.device = device

    def reset(self, **given):
        observation, info = self.env.reset(**given)
        return observation, {**info, TEACHER: self.sent(info)}

    def step(self, actions):
        *stepped, info = self.env.step(actions)
        return *stepped, {**info, TEACHER: self.sent(info)}

    def sent(self, info):
        labels = labels_in(info)
        scale = None if labels.log_std is None else labels.log_std.to(self.device)
        return Labels(labels.parameters.to(self.device), scale)


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
@pytest.mark.parametrize("loss", LOSSES)
def test_it_trains_elsewhere_as_it_does_here(kind, loss, monkeypatch):
    def told(device):
        student = network("clone", kind).to(device)
        given = options("clone", loss=loss, noise=0.1, normalise_observations=True)
        run = Learner(student, Afar(bandits(kind), device), given, steps=96, seed=0)
        return [numbers(row) for row in run], run

    here, _ = told("cpu")
    with elsewhere(monkeypatch):
        there, run = told(ELSEWHERE)
        assert there == here
        kept = (run._rollout.parameters, run._rollout.said, run._rollout.actions)
        assert all(isinstance(x, There) for x in kept)


def test_a_student_has_no_critic_and_says_so():
    student = network("clone", "discrete")
    for asked in (lambda: student.value(np.zeros((1, 4))), lambda: student.q(np.zeros((1, 4)), 0)):
        with pytest.raises(ValueError, match=r"its outputs are policy$"):
            asked()
