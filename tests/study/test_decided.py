"""Seeds are added until arms are told apart, and the folders say again what was decided."""

from dataclasses import replace

import pytest

from symgen.errors import UserError
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.run import Run
from symgen.experiment.train import SeedOutcome, TrainingSettings
from symgen.spec.source import read
from symgen.study import decided
from symgen.study.engine import ArmOutcome
from symgen.study.study import study_of
from tests.study.specs import LAVA

STUDY = study_of(read({**LAVA, "ablate": {"network.depth": [2, 3]}}))
SEEDS = (3, 1, 0, 2, 4)
FIVE = replace(STUDY, seeds=SEEDS)


def play(monkeypatch, scores, fails=()):
    """Runs that end at once, with these scores by arm and seed; the batches that were run."""
    batches = []

    def run_study(study, settings, watch, execute):
        batches.append(([arm.name for arm in study.arms], study.seeds))
        outcomes = []
        for arm in study.arms:
            runs = tuple(Run(settings.root / arm.name / str(seed)) for seed in study.seeds)
            failures = {f"{arm.name}/0": "no"} if arm.name in fails else {}
            ended = tuple(SeedOutcome(run, 1, 1, 0.0, 1.0) for run in runs[len(failures) :])
            outcomes.append(ArmOutcome(arm, runs, ended, failures))
        return outcomes

    class Scores:
        def __init__(self, run):
            value = scores(run.variant, run.seed)
            score = type("S", (), {"returns": type("R", (), {"mean": value})})
            # one condition is played by the spec alone
            self.scores = {"training": score, **({"more": None} if run.variant == "base" else {})}

    monkeypatch.setattr(decided, "run_study", run_study)
    monkeypatch.setattr(decided, "stored_evaluation", lambda run, settings: Scores(run))
    return batches


def run(tmp_path, max_seeds=20):
    settings = TrainingSettings(root=tmp_path, evaluation=EvaluationSettings(episodes=4))
    return decided.run_until_decided(FIVE, settings, lambda progress: None, max_seeds)


def test_arms_that_are_told_apart_get_no_more_seeds(monkeypatch, tmp_path):
    def scores(arm, seed):
        noise = (seed * 7919 % 13) / 13
        return noise + (10 if arm == "network.depth=2" else 0)

    batches = play(monkeypatch, scores)
    result = run(tmp_path, 10)
    first, second = batches
    assert first == (["base", "network.depth=2", "network.depth=3"], SEEDS)
    assert second == (["base", "network.depth=3"], (5, 6, 7, 8, 9))
    verdicts = {verdict.first: verdict for verdict in result.standing.verdicts}
    assert verdicts["network.depth=2"].decision == "better"
    assert verdicts["network.depth=3"].decision == "equal so far"
    assert [len(outcome.runs) for outcome in result.outcomes] == [10, 5, 10]
    assert "network.depth=2 against base: better after 5 seeds" in result.lines()[0]


def test_an_arm_that_fails_is_not_compared(monkeypatch, tmp_path):
    batches = play(monkeypatch, lambda arm, seed: seed / 7, fails=["network.depth=3"])
    result = run(tmp_path, 10)
    assert batches[1][0] == ["base", "network.depth=2"]
    assert [verdict.first for verdict in result.standing.verdicts] == ["network.depth=2"]
    assert result.lines()[0].startswith("not compared: network.depth=3")


@pytest.mark.parametrize(
    ("study", "max_seeds"),
    [(FIVE, 4), (replace(FIVE, arms=FIVE.arms[:1]), 20), (replace(FIVE, seeds=(0, 1)), 2)],
)
def test_what_can_never_be_decided_is_refused(study, max_seeds):
    with pytest.raises(UserError) as caught:
        decided.design_of(study, max_seeds)
    assert caught.value.code == "undecidable"
