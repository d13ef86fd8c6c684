"""Pong end to end, for a few steps: a teacher that reads the console's memory, a student that sees
patches of the picture in any order.
"""

from pathlib import Path

import pytest

from symgen.experiment import metrics
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.files import read_json
from symgen.experiment.load import loaded
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.train import TrainingSettings, train
from symgen.spec.edit import edit
from symgen.spec.source import read

SPECS = Path(__file__).parents[2] / "specs" / "sensors"
SMALL = {
    "environment.max_steps": 20, "train.envs": 2, "train.rollout": 16, "train.minibatch": 16,
    "train.epochs": 1, "train.steps": 64,
}  # fmt: skip
FEW = EvaluationSettings(episodes=2)


def quiet(report):
    pass


def test_pong_is_cloned_from_the_console_s_memory_into_patches(tmp_path):
    pytest.importorskip("ale_py")
    source = edit(read(SPECS / "pong_ram.yaml"), {**SMALL, "evaluate": {}})
    [taught], _ = train(source, TrainingSettings(root=tmp_path, evaluation=None), quiet)
    conditions = read(SPECS / "pong_patches.yaml").values["evaluate"]
    kept = {name: conditions[name] for name in ("shuffled", "occluded 0.3")}
    changes = {
        **SMALL,
        "train.sequence": 8,
        "train.teacher": str(taught.run.folder),
        "evaluate": {**kept, "every 5": {"shuffle": "every 5"}},
    }
    given = TrainingSettings(root=tmp_path, evaluation=FEW)
    [outcome], _ = train(edit(read(SPECS / "pong_patches.yaml"), changes), given, quiet)
    assert outcome.finished
    assert read_json(outcome.run.folder / "teacher.json")["folder"] == str(taught.run.folder)
    assert metrics.read(outcome.run.folder)[-1]["step"] >= 64
    scores = stored_evaluation(outcome.run, FEW).scores
    assert set(scores) == {"training", "shuffled", "occluded 0.3", "every 5"}
    # one order for each episode changes nothing
    assert scores["shuffled"].lengths.mean == scores["training"].lengths.mean
    compiled, _ = loaded(outcome.run, "last")
    assert compiled.problem.group.name == "S49"
