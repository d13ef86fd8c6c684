"""Evaluating for real, on a tiny trained spec, and the statistics by hand."""

import json

import pytest
import torch

from symgen.errors import UserError
from symgen.experiment.evaluate import evaluate_run, evaluate_runs
from symgen.experiment.evaluation import ConditionScores, Evaluation, EvaluationSettings, over_seeds
from symgen.experiment.run import Run, find
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.train import TrainingSettings, train
from symgen.spec.edit import edit
from symgen.spec.source import read
from symgen.statistics.estimate import Estimate, estimate
from tests.experiment.doubles import SPEC

FEW = EvaluationSettings(episodes=10, envs=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two trained seeds."""
    root = tmp_path_factory.mktemp("runs")
    source = edit(
        read(SPEC), {"train.steps": 3000, "train.envs": 16, "train.rollout": 16, "train.epochs": 4}
    )
    train(source, TrainingSettings(root=root, evaluation=None), lambda report: None, seeds=[0, 1])
    return root / "dict" / "base"


def test_a_row_per_condition(folder):
    evaluation = evaluate_run(Run(folder / "0"), FEW)
    assert list(evaluation.scores) == ["training", "rotated", "harder"]
    assert all(row.returns.count == 10 for row in evaluation.scores.values())


def test_the_file_holds_what_was_returned(folder):
    evaluation = evaluate_run(Run(folder / "0"), FEW)
    values = json.loads((folder / "0" / FEW.file).read_text())
    assert values["conditions"] == json.loads(json.dumps(evaluation.to_dict()["conditions"]))
    assert (values["episodes"], values["checkpoint"], values["actions"]) == (
        10,
        "last",
        "most probable",
    )
    assert values["step"] == Run(folder / "0").restore("last").step
    played = values["episodes_played"]["rotated"]["returns"]
    assert estimate(played) == evaluation.scores["rotated"].returns
    assert stored_evaluation(Run(folder / "0"), FEW).scores == evaluation.scores


def test_the_same_evaluation_twice(folder):
    assert evaluate_run(Run(folder / "0"), FEW) == evaluate_run(Run(folder / "0"), FEW)
    sampled = EvaluationSettings(episodes=10, envs=4, sample=True)
    torch.manual_seed(0)
    first = evaluate_run(Run(folder / "0"), sampled)
    torch.manual_seed(1)  # the global random state is neither read nor changed
    before = torch.get_rng_state()
    assert evaluate_run(Run(folder / "0"), sampled) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert first.scores != evaluate_run(Run(folder / "0"), FEW).scores  # control


def test_training_bears_fruit_and_the_baseline_does_not_turn(folder):
    rows = evaluate_run(Run(folder / "0"), EvaluationSettings(episodes=40)).scores
    assert rows["training"].returns.mean > 0.9
    assert rows["rotated"].returns.mean < 0.5


def test_of_several_seeds_the_interval_is_over_the_seeds(folder):
    evaluation = evaluate_runs(find(folder), FEW)
    assert (evaluation.seeds, evaluation.over) == ((0, 1), "seeds")
    means = [stored_evaluation(run, FEW).scores["rotated"].returns.mean for run in find(folder)]
    assert evaluation.scores["rotated"].returns == estimate(means)
    values = json.loads((folder / FEW.file).read_text())
    assert values["interval"] == "95% bootstrap over seeds"
    assert "step" not in values
    assert evaluate_runs(find(folder), FEW, stored=True) == evaluation


def by_hand(
    seed: int, mean: float, success: float | None, conditions=("training", "a")
) -> Evaluation:
    def certain(value):
        return Estimate(value, value, value, 10)

    row = ConditionScores(
        certain(mean), certain(10 * mean), None if success is None else certain(success)
    )
    return Evaluation("s", "v", (seed,), "episodes", dict.fromkeys(conditions, row), {"step": seed})


def test_over_seeds_by_hand():
    mean = over_seeds([by_hand(0, 0.0, 0.5), by_hand(1, 1.0, 1.0)])
    # two seeds with means 0 and 1: every resample of two has a mean among 0, 1/2, 1
    assert mean.scores["a"].returns == Estimate(0.5, 0.0, 1.0, 2)
    assert mean.scores["a"].lengths == Estimate(5.0, 0.0, 10.0, 2)
    assert mean.scores["a"].successes == Estimate(0.75, 0.5, 1.0, 2)
    assert over_seeds([by_hand(0, 0.0, None), by_hand(1, 1.0, 1.0)]).scores["a"].successes is None
    assert list(
        over_seeds([by_hand(0, 0.0, None), by_hand(1, 1.0, None, ("training",))]).scores
    ) == ["training"]


@pytest.mark.parametrize(
    "row", [by_hand(0, 0.5, None).scores["a"], by_hand(0, 0.5, 0.25).scores["a"]]
)
def test_rows_survive_json(row):
    assert ConditionScores.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_a_missing_checkpoint_names_those_there_are(folder):
    with pytest.raises(UserError) as caught:
        evaluate_run(Run(folder / "0"), EvaluationSettings(checkpoint="newest"))
    assert "best, last" in caught.value.hint


def test_seeds_that_were_evaluated_differently_have_no_mean(folder):
    some = [
        evaluate_run(Run(folder / "0"), FEW),
        evaluate_run(Run(folder / "1"), EvaluationSettings(episodes=3, envs=3)),
    ]
    with pytest.raises(UserError, match="evaluated differently: episodes 10 for seed 0, 3 for 1"):
        over_seeds(some)
    assert over_seeds([evaluate_run(Run(folder / name), FEW) for name in "01"]).seeds == (0, 1)


def test_a_missing_evaluation_names_the_command(folder, tmp_path):
    with pytest.raises(UserError, match="no evaluation") as caught:
        stored_evaluation(Run(tmp_path))
    assert "symgen evaluate" in caught.value.hint
    (tmp_path / "evaluation.json").write_text('{"conditions": {"a": {"return": 3}}}')
    with pytest.raises(UserError, match="not an evaluation"):
        stored_evaluation(Run(tmp_path))


def test_it_can_be_stopped(folder):
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(Run(folder / "0"), FEW, stopped=lambda: True)


def test_a_video_of_every_condition(folder, tmp_path):
    imageio = pytest.importorskip("imageio.v3")
    from symgen.pictures.video import film

    film(Run(folder / "0"), EvaluationSettings(), tmp_path / "new" / "agent.gif")
    frames = imageio.imread(tmp_path / "new" / "agent.gif")
    assert frames.ndim == 4
    assert len(frames) > 4  # a .gif keeps equal frames once
    film(Run(folder / "0"), EvaluationSettings(), tmp_path / "new" / "agent.mp4")
    assert (tmp_path / "new" / "agent.mp4").read_bytes()[4:8] == b"ftyp"


def test_a_video_without_its_package_names_the_extra(folder, tmp_path, monkeypatch):
    import sys

    from symgen.pictures.video import film

    monkeypatch.setitem(sys.modules, "imageio", None)
    monkeypatch.setitem(sys.modules, "imageio.v3", None)
    with pytest.raises(UserError) as caught:
        film(Run(folder / "0"), EvaluationSettings(), tmp_path / "a.mp4")
    assert caught.value.code == "missing-package"
    assert "symgen[video]" in caught.value.hint
    with pytest.raises(UserError, match=r"\.mp4 or \.gif"):
        film(Run(folder / "0"), EvaluationSettings(), tmp_path / "a.avi")


def test_a_video_that_cannot_be_made_says_why(folder, tmp_path, monkeypatch):
    from gymnasium.error import DependencyNotInstalled

    from symgen.pictures import video

    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made") as caught:
        video.check_path(tmp_path / "file" / "a.gif")
    assert caught.value.code == "folder-not-writable"

    def full(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr("imageio.v3.imwrite", full)
    with pytest.raises(UserError, match=r"b\.mp4 cannot be written: no space left"):
        video.film(Run(folder / "0"), EvaluationSettings(), tmp_path / "b.mp4")

    class Undrawable:
        def render(self):
            raise DependencyNotInstalled("pygame is not installed")

    with pytest.raises(UserError, match="pygame is not installed") as caught:
        video._drawn(Undrawable())
    assert caught.value.code == "missing-package"
