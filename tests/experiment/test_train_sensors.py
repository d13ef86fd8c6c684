"""`train.sensors`: tokens that change places while a network is trained, and nowhere else."""

import json

import numpy as np
import pytest
import torch

from symgen.compiler import check_spec, compile_spec
from symgen.envs._stepping import Stepper
from symgen.errors import UserError
from symgen.experiment import heldout, metrics, teacher
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.fit import Saving
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.teacher import Teacher, environments
from symgen.experiment.train import TrainingSettings, train
from symgen.rl import ppo
from symgen.rl._labels import labels_in
from symgen.spec.edit import edit
from symgen.spec.source import from_text

ENVS = 4
SHORT = 9  # steps of an episode
SPEC = f"""symgen: 1
environment: {{adapter: cartpole_swingup, harder: true, max_episode_steps: {SHORT}}}
symmetry: {{group: S5, states: {{observation: tokens}}, actions: trivial, output: invariant,
  constraint: none}}
network: {{family: mlp, width: 16}}
train: {{algorithm: ppo, steps: 256, envs: {ENVS}, rollout: 32, minibatch: 64, epochs: 2}}
"""
SHUFFLED = {"train.sensors": {"shuffle": "per_episode"}}
SYMMETRIC = {
    "symmetry.constraint": "exact",
    "network": {"family": "sensor_attention", "memory": "none", "readout": "deep_sets"},
}
STUDENT = {
    "train": {
        "algorithm": "clone", "steps": 256, "envs": ENVS, "rollout": 32, "sequence": 8,
        "minibatch": 64,
    }
}  # fmt: skip


def source(*changes):
    return edit(from_text(SPEC, "swingup.yaml"), {key: c[key] for c in changes for key in c})


def settings(root, **changes):
    return TrainingSettings(root=root, evaluation=None, **changes)


def quiet(report):
    pass


def walk(envs, steps=30, seed=7):
    """What is observed, [step, env, ...], under actions that listen to nothing."""
    observation, _ = envs.reset(seed=seed)
    rows = [observation]
    for step in range(steps):
        rows.append(envs.step(np.full((ENVS, 1), np.sin(step), np.float32))[0])
    return np.array(rows)


def in_training(changes, seed=7):
    with environments(check_spec(source(changes)), ENVS, 3, None) as envs:
        return walk(envs, seed=seed)


def orders(seen, plain):
    """Which number of the environment stands where, [step, env, token]."""
    match = seen[..., :, None] == plain[..., None, :]
    assert (match.sum(-1) == 1).all()  # a permutation, and no two numbers alike
    return match.argmax(-1)


def by_episode(order):
    """The orders of each episode, [step, token]; all last SHORT steps, and start with a reset."""
    length = SHORT + 1  # a reset and the steps
    count = len(order) // length
    return [order[k * length : (k + 1) * length, env] for k in range(count) for env in range(ENVS)]


def test_tokens_change_places_with_every_episode():
    order = orders(in_training(SHUFFLED), in_training({}))
    episodes = by_episode(order)
    assert len(episodes) == 3 * ENVS
    assert all((episode == episode[0]).all() for episode in episodes)
    assert len({tuple(episode[0]) for episode in episodes}) > 6
    # control: within an episode, where the spec says so
    often = orders(in_training({"train.sensors": {"shuffle": "every 3"}}), in_training({}))
    assert not all((episode == episode[0]).all() for episode in by_episode(often))
    # another seed, other orders
    other = orders(in_training(SHUFFLED, seed=8), in_training({}, seed=8))
    assert (other != order).any()


def test_missing_tokens_are_zeros():
    zeroed = {"train.sensors": {"occlude": {"fraction": 0.4, "zeroed": True}}}
    seen = in_training(zeroed)
    plain = in_training({})
    assert ((seen == 0).sum(-1) == 2).all()
    assert ((seen == plain) | (seen == 0)).all()


TAUGHT = {"train.privileged": True, "train.decoder": 1.0}


def walked(changes, steps=30):
    """What is observed in training, by term, [step, env, ...]."""
    with environments(check_spec(source(changes)), ENVS, 3, None) as envs:
        observation, _ = envs.reset(seed=7)
        rows = [observation]
        rows += [envs.step(np.full((ENVS, 1), np.sin(t), np.float32))[0] for t in range(steps)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def test_what_is_for_training_only_reads_the_environments_order():
    """Critic and decoder say what they would of sensors in their order; the policy does not."""
    plain = in_training({})
    shuffled = walked({**SHUFFLED, **TAUGHT})
    assert shuffled.keys() == {"observation", "as_given_observation"}
    np.testing.assert_array_equal(shuffled["as_given_observation"], plain)
    orders(shuffled["observation"], plain)
    assert (shuffled["observation"] != plain).any()
    compiled = compile_spec(source(SHUFFLED, TAUGHT), seed=0)  # an mlp, to which order matters
    seen = {name: rows[4] for name, rows in shuffled.items()}
    ordered, _ = compiled.network(seen["as_given_observation"])
    given, _ = compiled.network(seen)
    lost, _ = compiled.network(seen["observation"])
    assert torch.equal(given["value"], ordered["value"])
    assert not torch.equal(given["policy"], ordered["policy"])
    # the controls: without what was given, a critic judges what the agent sees
    assert not torch.equal(lost["value"], ordered["value"])
    assert torch.equal(lost["policy"], given["policy"])
    assert not torch.equal(lost["decoder"], given["decoder"])
    starts = torch.zeros(len(plain), ENVS, dtype=torch.bool)
    outputs, _ = compiled.network.unroll(shuffled, {}, starts)
    assert torch.equal(outputs["value"][4], given["value"])


def test_truncated_episodes_are_worth_what_was_given():
    """A rollout of shuffled sensors has the values of one in order, final observations included."""
    values = []
    for changes in (TAUGHT, {**SHUFFLED, **TAUGHT}):
        compiled = compile_spec(source(SYMMETRIC, changes), seed=0)
        with environments(compiled.problem, ENVS, 3, None) as envs:
            options = compiled.problem.algorithm_options
            learner = ppo.Learner(compiled.network, envs, options, steps=128, seed=0)
            next(iter(learner))
            values.append((learner._buffer.values, learner._buffer.next_values))
    for ordered, shuffled in zip(*values, strict=True):
        torch.testing.assert_close(shuffled, ordered, rtol=1e-4, atol=1e-5)


def test_evaluations_see_the_environment_as_it_is():
    problem = check_spec(source(SHUFFLED, {"evaluate": {"a": {"shuffle": "every 3"}}}))
    plain = check_spec(source())
    as_it_is = walk(heldout.environment(plain, {}, ENVS, 3))
    assert (walk(heldout.environment(problem, {}, ENVS, 3)) == as_it_is).all()
    shuffled = walk(heldout.environment(problem, {"shuffle": "every 3"}, ENVS, 3))
    assert (shuffled == walk(heldout.environment(plain, {"shuffle": "every 3"}, ENVS, 3))).all()
    assert (shuffled != as_it_is).any()
    envs = compile_spec(source(SHUFFLED), verify=False).environment(ENVS, 3)
    assert (walk(envs) == as_it_is).all()
    assert (in_training(SHUFFLED) != as_it_is).any()  # control


class Noted:
    """Notes what environments give before anything becomes of it."""

    def __init__(self, envs):
        self.rows = []
        self.envs = envs
        self._reset = envs.reset
        self._step = envs.step
        envs.reset = self.reset
        envs.step = self.step

    def reset(self, **options):
        given = self._reset(**options)
        self.rows.append(given[0].copy())
        return given

    def step(self, actions):
        given = self._step(actions)
        self.rows.append(given[0].copy())
        return given


def learner(changes, updates, monkeypatch, seed=0):
    """A learner after some updates, its network, and what the environments gave."""
    problem = check_spec(source(changes))
    network = compile_spec(source(changes), verify=False, seed=seed).network.double()
    noted = []

    def bare(*arguments):
        envs = original(*arguments)
        noted.append(Noted(envs))
        return envs

    original = teacher.bare
    with monkeypatch.context() as patched:
        patched.setattr(teacher, "bare", bare)
        options = problem.algorithm_options
        with environments(problem, ENVS, seed, None) as envs:
            learning = ppo.Learner(network, envs, options, steps=10_000, seed=seed)
            told = iter(learning)
            rows = [next(told) for _ in range(updates)]
    return learning, network, np.array(noted[0].rows), rows


def test_what_is_learnt_from_has_changed_places(monkeypatch):
    learning, _, raw, _ = learner(SHUFFLED, 1, monkeypatch)
    seen = learning._buffer.observations.numpy()
    order = orders(seen, raw)
    assert order.shape == (33, ENVS, 5)
    assert all((episode == episode[0]).all() for episode in by_episode(order))
    assert len({tuple(episode[0]) for episode in by_episode(order)}) > 6
    learning, _, raw, _ = learner({}, 1, monkeypatch)  # control
    assert (learning._buffer.observations.numpy() == raw).all()


def weights(changes, monkeypatch):
    _, network, _, rows = learner(changes, 3, monkeypatch)
    flat = torch.cat([weight.detach().flatten() for weight in network.parameters()])
    return flat, [row["policy_loss"] for row in rows]


@pytest.mark.parametrize("every", ["per_episode", "every 2"])
def test_a_symmetric_network_without_memory_learns_the_same(every, monkeypatch):
    shuffled = {"train.sensors": {"shuffle": every}}
    plain, losses = weights(SYMMETRIC, monkeypatch)
    same, again = weights({**SYMMETRIC, **shuffled}, monkeypatch)
    torch.testing.assert_close(same, plain, rtol=0, atol=1e-9)
    assert again == pytest.approx(losses, abs=1e-9)
    start = compile_spec(source(SYMMETRIC), verify=False, seed=0).network.double()
    begun = torch.cat([weight.detach().flatten() for weight in start.parameters()])
    assert (plain - begun).abs().max() > 1e-3  # it did learn
    # control: a network that reads an order learns something else
    plain, _ = weights({}, monkeypatch)
    other, _ = weights(shuffled, monkeypatch)
    assert (other - plain).abs().max() > 1e-3


def test_a_symmetric_network_with_memory_meets_a_reshuffle(monkeypatch):
    """Constant orders do not concern a memory that each sensor has of its own; others do."""
    remembering = {**SYMMETRIC, "network": {**SYMMETRIC["network"], "memory": "gru"}}
    plain, _ = weights(remembering, monkeypatch)
    same, _ = weights({**remembering, **SHUFFLED}, monkeypatch)
    torch.testing.assert_close(same, plain, rtol=0, atol=1e-9)
    often, _ = weights({**remembering, "train.sensors": {"shuffle": "every 2"}}, monkeypatch)
    assert (often - plain).abs().max() > 1e-3


# -------------------------------------------------------------------------------------------------
# runs


def test_a_run_says_so_and_is_evaluated_in_order(tmp_path):
    few = EvaluationSettings(episodes=4)
    given = TrainingSettings(root=tmp_path, evaluation=few)
    changes = {"evaluate": {"shuffled": {"shuffle": "per_episode"}}}
    [outcome], _ = train(source(SHUFFLED, changes), given, quiet)
    folder = outcome.run.folder
    resolved = json.loads((folder / "resolved.json").read_text())
    assert resolved["train"]["sensors"] == {"shuffle": "per_episode"}
    assert "'shuffle': 'per_episode'" in str(check_spec(folder / "spec.yaml"))
    scores = stored_evaluation(outcome.run, few).scores
    assert list(scores) == ["training", "shuffled"]
    [plain], _ = train(source(changes), settings(tmp_path / "plain"), quiet)
    assert "sensors" not in json.loads((plain.run.folder / "resolved.json").read_text())["train"]


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_a_stopped_run_goes_on(tmp_path, memory):
    def interrupt(report):
        if report.step >= 120:
            raise KeyboardInterrupt

    changes = {**SHUFFLED, "network.memory": memory}
    with pytest.raises(KeyboardInterrupt):
        train(source(changes), settings(tmp_path, saving=Saving(0)), interrupt)
    with pytest.raises(UserError) as caught:  # not with sensors that do something else
        train(source({"network.memory": memory}), settings(tmp_path, resume=True), quiet)
    assert caught.value.code == "run-changed"
    assert "train.sensors.shuffle: per_episode -> (absent)" in caught.value.message
    [outcome], _ = train(source(changes), settings(tmp_path, resume=True), quiet)
    assert outcome.finished
    rows = metrics.read(outcome.run.folder)
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))


def test_what_goes_on_does_not_repeat_its_orders():
    problem = check_spec(source(SHUFFLED))
    plain = check_spec(source())

    def first_orders(step):
        with (
            environments(problem, ENVS, 0, None) as envs,
            environments(plain, ENVS, 0, None) as as_is,
        ):
            seen, _ = Stepper(envs).begin(0, step)
            raw, _ = Stepper(as_is).begin(0, step)
            return orders(seen, raw).tolist()

    assert first_orders(0) == first_orders(0) != first_orders(128)


def test_seeds_of_one_variant_were_trained_alike(tmp_path):
    train(source(), settings(tmp_path), quiet)
    with pytest.raises(UserError, match="sensors") as caught:
        train(source(SHUFFLED, {"train.seeds": [1]}), settings(tmp_path), quiet)
    assert caught.value.code == "run-mixed"


def test_a_teacher_sees_the_order_of_the_environment(tmp_path):
    """Its labels are those of what is there; the student sees them beside tokens that moved."""
    [outcome], _ = train(source(), settings(tmp_path), quiet)
    student = {**STUDENT, "train": {**STUDENT["train"], "teacher": str(outcome.run.folder)}}

    def told(changes):
        problem = check_spec(source(student, changes))
        with environments(problem, ENVS, 3, Teacher.of(problem, "cpu")) as envs:
            observation, info = envs.reset(seed=7)
            rows = [(observation, labels_in(info).parameters)]
            for step in range(25):
                actions = np.full((ENVS, 1), np.sin(step), np.float32)
                observation, *_, info = envs.step(actions)
                rows.append((observation, labels_in(info).parameters))
        return np.array([row[0] for row in rows]), torch.stack([row[1] for row in rows])

    plain, labels = told({})
    moved, same = told(SHUFFLED)
    assert torch.equal(same, labels)
    assert (orders(moved, plain) != np.arange(5)).any()
    network = Teacher.of(check_spec(source(student)), "cpu").compiled.network
    with torch.no_grad():  # control: of what the student sees it would say something else
        distribution, _ = network.decide(moved[0], {})
    assert not torch.allclose(distribution.mean, labels[0])
    [cloned], _ = train(source(student, SHUFFLED), settings(tmp_path / "students"), quiet)
    assert cloned.finished


def test_sac_trains_on_them_too(tmp_path):
    train_section = {
        "algorithm": "sac", "steps": 128, "envs": ENVS, "warmup": 32, "batch": 16, "replay": 256,
        "sensors": {"shuffle": "per_episode"},
    }  # fmt: skip
    [outcome], _ = train(source({"train": train_section}), settings(tmp_path), quiet)
    assert outcome.finished
