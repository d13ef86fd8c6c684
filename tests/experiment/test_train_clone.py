"""A run cloned into another network from the front end: trained, recorded, gone on with, refused
where it should be, and of use without its teacher.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from symgen.compiler import check_spec
from symgen.envs._stepping import Stepper
from symgen.errors import SpecError, UserError
from symgen.experiment import metrics
from symgen.experiment.evaluate import evaluate_run
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.files import read_json
from symgen.experiment.fit import Saving
from symgen.experiment.load import loaded
from symgen.experiment.run import Run
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.teacher import Teacher, digest, environments
from symgen.experiment.train import TrainingSettings, train
from symgen.rl._labels import labels_in
from symgen.rl._memory import forgotten
from symgen.semantics.teacher import check_teacher
from symgen.spec.edit import edit
from symgen.spec.source import from_text, read

SPECS = Path(__file__).parents[2] / "specs" / "control"
FREE = {
    "symmetry": {"group": "C1", "constraint": "none", "states": "trivial", "actions": "trivial"},
    "network": {"family": "mlp", "width": 16},
}
STUDENT = """symgen: 1
environment: {adapter: gymnasium_env, id: CartPole-v1, max_episode_steps: 12}
symmetry: {group: D1, states: {observation: {s: [-1, -2, -3, -4]}}, actions: {s: [1, 0]}}
network: {family: group_mlp, hidden: 4 regular, depth: 1, memory: gru}
train:
  algorithm: clone
  teacher: TEACHER
  steps: 512
  envs: 4
  rollout: 32
  sequence: 8
  minibatch: 64
evaluate: {mirrored: {transform: s}}
"""
NOTHING = EvaluationSettings(episodes=4)


def quiet(report):
    pass


def settings(root, **changes):
    return TrainingSettings(root=root, evaluation=None, **changes)


def a_teacher(root, **changes):
    """A run of PPO with a network that no group binds."""
    small = {
        "environment.max_episode_steps": 12, "train.seeds": [0], "train.steps": 256,
        "train.envs": 4,
    }  # fmt: skip
    source = edit(read(SPECS / "cartpole_group.yaml"), {**FREE, **small, **changes})
    [outcome], _ = train(source, settings(root), quiet)
    return outcome.run


def student(teacher, **changes):
    return edit(from_text(STUDENT.replace("TEACHER", str(teacher)), "student.yaml"), changes)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return a_teacher(tmp_path_factory.mktemp("teachers"))


@pytest.fixture(scope="module")
def trained(teacher, tmp_path_factory):
    """One finished and evaluated student."""
    given = TrainingSettings(root=tmp_path_factory.mktemp("runs"), evaluation=NOTHING)
    [outcome], _ = train(student(teacher.folder), given, quiet)
    return outcome


def test_a_student_is_trained_evaluated_and_exact(trained):
    assert trained.finished
    rows = metrics.read(trained.run.folder)
    assert rows[-1]["step"] >= 512
    assert rows[-1]["loss"] < rows[0]["loss"]
    scores = stored_evaluation(trained.run, NOTHING).scores
    assert scores["mirrored"].returns.mean == pytest.approx(scores["training"].returns.mean)
    compiled, _ = loaded(trained.run, "last")
    assert compiled.verify().exact


def test_a_run_says_who_taught_it(trained, teacher):
    said = read_json(trained.run.folder / "teacher.json")
    taught_by = teacher.restore("last")
    assert said["folder"] == str(teacher.folder)
    assert said["step"] == taught_by.step == teacher.restore("last").metrics["step"]
    assert (said["checkpoint"], said["sha256"]) == ("last", digest(taught_by))
    # control: one that learns from rewards has none
    assert not (teacher.folder / "teacher.json").exists()


def test_equal_seeds_give_equal_students(trained, teacher, tmp_path):
    [again], _ = train(student(teacher.folder), settings(tmp_path), quiet)
    assert digest(again.run.restore("last")) == digest(trained.run.restore("last"))
    [other], _ = train(student(teacher.folder), settings(tmp_path), quiet, seeds=[1])
    assert digest(other.run.restore("last")) != digest(trained.run.restore("last"))


def test_a_stopped_student_goes_on(teacher, tmp_path):
    def interrupt(report):
        if report.step >= 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(student(teacher.folder), settings(tmp_path, saving=Saving(0)), interrupt)
    [outcome], _ = train(student(teacher.folder), settings(tmp_path, resume=True), quiet)
    assert outcome.finished
    rows = metrics.read(outcome.run.folder)
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))


def test_a_student_is_not_gone_on_with_by_another_teacher(tmp_path):
    before = a_teacher(tmp_path / "teachers")
    [begun], _ = train(student(before.folder), settings(tmp_path / "runs"), quiet)
    step = before.restore("last").step
    longer = edit(read(before.folder / "spec.yaml"), {"train.steps": 512})
    again = settings(tmp_path / "teachers", resume=True)
    train(edit(read(SPECS / "cartpole_group.yaml"), dict(longer.values)), again, quiet)
    more = student(before.folder, **{"train.steps": 1024})
    with pytest.raises(UserError) as caught:
        train(more, settings(tmp_path / "runs", resume=True), quiet)
    assert caught.value.code == "teacher-changed"
    assert f"of step {step} as its teacher" in caught.value.message
    assert begun.run.restore("last").step == begun.step  # nothing was trained
    assert "resumed" not in read_json(begun.run.folder / "versions.json")
    [outcome], _ = train(more, settings(tmp_path / "runs", force=True), quiet)  # the way out
    assert outcome.finished


def test_a_run_is_not_its_own_teacher(tmp_path):
    before = a_teacher(tmp_path)
    kept = digest(before.restore("last"))
    source = edit(read(SPECS / "cartpole_group.yaml"), dict(student(before.folder).values))
    with pytest.raises(UserError) as caught:
        train(source, settings(tmp_path, force=True), quiet)
    assert caught.value.code == "teacher-itself"
    assert digest(before.restore("last")) == kept
    [outcome], _ = train(source, settings(tmp_path, variant="student"), quiet)  # the way out
    assert outcome.finished


def test_a_teacher_sees_in_its_own_way(tmp_path):
    """Frames and previous actions: labels are those of the teacher alone in its own training."""
    seen = {"environment.frames": 2, "environment.previous": ["action"], "network.memory": "gru"}
    taught_by = a_teacher(tmp_path, **seen)
    problem = check_spec(student(taught_by.folder, **{"environment.previous": ["reward"]}))
    check_teacher(problem)
    teacher = Teacher.of(problem, "cpu")
    network = teacher.compiled.network
    alone = teacher.compiled.environment(4, seed=3)
    with environments(problem, 4, 3, teacher) as envs:
        shown, info = envs.reset(seed=7)
        assert set(shown) == {"observation", "previous_reward"}
        observation, _ = alone.reset(seed=7)
        assert observation["observation"].shape == (4, 8)
        stepper = Stepper(alone)  # tells where episodes begin
        state = None
        rng = np.random.default_rng(0)
        for _ in range(40):
            outputs, state = network(observation, forgotten(state or {}, stepper.starts) or None)
            expected = outputs["policy"].log_softmax(-1)
            torch.testing.assert_close(labels_in(info).parameters, expected)
            actions = rng.integers(2, size=4)
            observation = stepper.step(actions).observation
            *_, info = envs.step(actions)
        # control: another teacher's labels are others
        outputs, _ = network(observation)
        assert not torch.allclose(labels_in(info).parameters, outputs["policy"].log_softmax(-1))
    alone.close()


def test_a_student_sees_in_its_own_way(tmp_path):
    taught_by = a_teacher(tmp_path, **{"environment.frames": 2})
    changes = {"environment.previous": ["action", "reward"]}
    [outcome], _ = train(student(taught_by.folder, **changes), settings(tmp_path), quiet)
    rows = metrics.read(outcome.run.folder)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert loaded(outcome.run, "last")[0].verify().exact


def test_a_teacher_may_see_what_its_student_does_not(teacher, tmp_path):
    """Labels are those of the teacher in its own environment, which goes through the same."""
    blind = {
        "environment.hide": [2, 4],
        "symmetry.states": {"observation": {"s": [-1, -2]}},
    }
    source = student(teacher.folder, **blind)
    problem = check_spec(source)
    check_teacher(problem)
    taught_by = Teacher.of(problem, "cpu")
    alone = taught_by.compiled.environment(4, seed=3)
    with environments(problem, 4, 3, taught_by) as envs:
        shown, info = envs.reset(seed=7)
        seen, _ = alone.reset(seed=7)
        for _ in range(40):  # over three endings
            assert (shown.shape, seen.shape) == ((4, 2), (4, 4))
            np.testing.assert_array_equal(shown, seen[:, [0, 2]])
            outputs, _ = taught_by.compiled.network(seen)
            expected = outputs["policy"].log_softmax(-1)
            torch.testing.assert_close(labels_in(info).parameters, expected)
            actions = np.arange(4) % 2
            shown, *_, info = envs.step(actions)
            seen = alone.step(actions)[0]
    alone.close()
    [outcome], _ = train(source, settings(tmp_path), quiet)
    assert outcome.finished
    assert metrics.read(outcome.run.folder)[-1]["teacher_return"] > 0


def test_a_student_needs_no_teacher_once_it_has_learnt(teacher, tmp_path):
    copy = tmp_path / "copied" / "base" / "0"
    shutil.copytree(teacher.folder, copy)
    [outcome], _ = train(student(copy), settings(tmp_path / "runs"), quiet)
    shutil.rmtree(copy)
    assert evaluate_run(outcome.run, NOTHING).scores["training"].returns.mean > 0
    assert loaded(outcome.run, "last")[0].problem.algorithm == "clone"
    longer = student(copy, **{"train.steps": 1024})  # control: to be taught further it does
    with pytest.raises(SpecError, match="teacher-not-found"):
        train(longer, settings(tmp_path / "runs", resume=True), quiet)


def refused(source):
    with pytest.raises(SpecError) as caught:
        train(source, settings(Path("never")), quiet)
    (mistake,) = caught.value.diagnostics
    assert "teacher:" in mistake.source_line
    return mistake


def test_a_teacher_must_be_there(teacher, tmp_path):
    assert refused(student(tmp_path / "nobody")).code == "teacher-not-found"
    above = refused(student(teacher.folder.parent))
    assert above.code == "teacher-not-found"
    assert str(teacher.folder) in above.hint
    kept = tmp_path / "copied" / "base" / "0"
    shutil.copytree(teacher.folder, kept)
    (kept / "checkpoints" / "best.json").unlink()
    best = refused(student(kept, **{"train.checkpoint": "best"}))
    assert (best.code, best.hint) == ("teacher-not-found", "there is: last")
    check_teacher(check_spec(student(kept)))  # control


def test_a_teacher_must_know_the_environment_and_its_actions(teacher, tmp_path):
    other = refused(student(teacher.folder, **{"environment.max_episode_steps": 13}))
    assert other.code == "teacher-environment"
    assert "max_episode_steps: 12, here 13" in other.message
    assert "only patches, frames, hide and previous" in other.hint
    pendulum = {
        "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
        "symmetry.states": {"observation": {"s": [1, -2, -3]}},
        "symmetry.actions": {"s": [-1]},
    }
    acts = refused(student(teacher.folder, **pendulum))
    assert acts.code == "teacher-actions"
    assert acts.message.endswith("its action is discrete, here it is continuous")
    stale = tmp_path / "stale" / "base" / "0"
    shutil.copytree(teacher.folder, stale)
    text = (stale / "spec.yaml").read_text(encoding="utf-8")
    (stale / "spec.yaml").write_text(text.replace("CartPole-v1", "CartPole-v7"), encoding="utf-8")
    gone = refused(student(stale))
    assert gone.code == "teacher-environment"
    assert "cannot be had here" in gone.message


def test_weights_that_are_damaged_are_refused_before_anything_is_written(teacher, tmp_path):
    broken = tmp_path / "broken" / "base" / "0"
    shutil.copytree(teacher.folder, broken)
    (weights,) = (broken / "checkpoints").glob("last-*.safetensors")
    weights.write_bytes(b"nothing")
    with pytest.raises(UserError) as caught:
        train(student(broken), settings(tmp_path / "runs"), quiet)
    assert caught.value.code == "checkpoint-damaged"
    assert not (tmp_path / "runs" / "student" / "base" / "0" / "spec.yaml").exists()


@pytest.mark.slow
def test_a_student_of_another_family_does_what_its_teacher_does(tmp_path):
    source = edit(
        read(SPECS / "cartpole_group.yaml"), {**FREE, "train.seeds": [0], "train.steps": 50_000}
    )
    given = TrainingSettings(root=tmp_path, evaluation=EvaluationSettings())
    [taught], _ = train(source, given, quiet)
    changes = {"network.hidden": "16 regular", "train.steps": 40_000}
    text = STUDENT.replace("TEACHER", str(taught.run.folder)).replace(", max_episode_steps: 12", "")
    [outcome], _ = train(edit(from_text(text, "student.yaml"), changes), given, quiet)
    returns = {
        run: stored_evaluation(Run(run), EvaluationSettings()).scores["training"].returns.mean
        for run in (taught.run.folder, outcome.run.folder)
    }
    assert returns[taught.run.folder] > 100
    assert returns[outcome.run.folder] >= 0.9 * returns[taught.run.folder]
    assert evaluate_run(outcome.run, EvaluationSettings(episodes=4)).scores
