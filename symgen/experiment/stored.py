"""Evaluations as files of a run: written, read, and told from those of other settings.

What is stored is named after its settings, so looking at a run in another way replaces nothing:
evaluation.json is the one with the settings as they are, evaluation.episodes=2.json another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from symgen.errors import UserError
from symgen.experiment import checkpoint
from symgen.experiment.evaluation import (
    ConditionScores,
    Evaluation,
    EvaluationSettings,
    StoredScores,
)
from symgen.experiment.files import read_json, unwritable, write_json
from symgen.experiment.run import Run
from symgen.experiment.symmetry_breaking import stated

USUAL = EvaluationSettings()
USED = ("episodes", "actions", "evaluation_seed", "checkpoint", "step")
"""What every stored evaluation says of how it was made; "changes" where there were any."""


def store(path: Path, evaluation: Evaluation, values: Mapping[str, object]) -> Evaluation:
    """`evaluation`, stored in a file as these values; where that cannot be, it says why. What has
    been played is never lost.
    """
    try:
        write_json(path, values)
    except UserError as error:
        return replace(evaluation, unstored=error.message)
    return evaluation


def unstorable(runs: Sequence[Run]) -> list[str]:
    """Why evaluations of these runs will not be stored, one line per folder; asked before anything
    is played.
    """
    reasons = (unwritable(run.folder) for run in runs)
    return [reason for reason in reasons if reason]


def is_current(run: Run, settings: EvaluationSettings) -> bool:
    """Whether what is stored is what evaluating would say now, of the present checkpoint."""
    try:
        stored_evaluation(run, settings)
    except UserError:
        return False
    return True


def stored_evaluation(run: Run, settings: EvaluationSettings = USUAL) -> Evaluation:
    """What is stored of a run, made with these settings.

    Raises:
        UserError: it is missing or damaged.
    """
    path = run.folder / settings.file
    command = f"make it: symgen evaluate {run.folder}"
    if not path.exists():
        others = ", ".join(file.name for file in _stored(run))
        hint = f"{command}; stored with other options: {others}" if others else command
        raise UserError("not-evaluated", f"{run.folder} has no {path.name}", hint)
    evaluation = _read(run, path)
    # an older symgen kept one evaluation, whatever its settings
    different = [
        f"{key} {evaluation.settings.get(key)}"
        for key, value in settings.used.items()
        if evaluation.settings.get(key) != value
    ]
    if different:
        message = f"{path} is another evaluation: {', '.join(different)}"
        raise UserError("not-evaluated", message, command)
    _check_step(run, evaluation)
    return evaluation


def shown_evaluation(run: Run, settings: EvaluationSettings) -> Evaluation:
    """What is stored with these settings; where none were given, and one evaluation is stored
    alone, that one.

    Raises:
        UserError: see `stored_evaluation`.
    """
    stored = _stored(run)
    if settings == USUAL and not (run.folder / settings.file).exists() and len(stored) == 1:
        evaluation = _read(run, stored[0])
        _check_step(run, evaluation)
        return evaluation
    return stored_evaluation(run, settings)


def _check_step(run: Run, evaluation: Evaluation) -> None:
    """Raise UserError where the run has been trained on since; a copy of a run may lack its
    checkpoints.
    """
    name = str(evaluation.settings["checkpoint"])
    if name not in checkpoint.names(run.checkpoints):
        return
    step = evaluation.settings["step"]
    now = checkpoint.header(run.checkpoints, name)["step"]
    if now != step:
        message = (
            f"the evaluation of {run.folder} is of step {step}, and its checkpoint "
            f"{name!r} of step {now}"
        )
        raise UserError("not-evaluated", message, f"make it anew: symgen evaluate {run.folder}")


def _stored(run: Run) -> list[Path]:
    """The evaluations with other settings than the usual ones."""
    return sorted(run.folder.glob("evaluation.*.json"))


def _read(run: Run, path: Path) -> Evaluation:
    values = read_json(path)
    try:
        conditions = cast("dict[str, StoredScores]", values["conditions"])
        sampled = cast("StoredScores | None", values.get("training_sampled"))
        settings = {key: values[key] for key in USED}
        if "changes" in values:
            settings["changes"] = values["changes"]
        return Evaluation(
            run.spec,
            run.variant,
            seeds=(run.seed,),
            over="episodes",
            scores={name: ConditionScores.from_dict(scores) for name, scores in conditions.items()},
            settings=settings,
            symmetry_breaking=stated(values),
            sampled=ConditionScores.from_dict(sampled) if sampled is not None else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        message = f"{path} is not an evaluation: {error}"
        raise UserError("file-unreadable", message, "make it anew") from error
