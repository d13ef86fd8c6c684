"""One run of a study: what a worker does with it, and what its folder says without a worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from symgen.errors import UserError
from symgen.experiment import checkpoint
from symgen.experiment.files import plain, plain_object, read_json, write_json
from symgen.experiment.progress import Listen, Report, mean_return
from symgen.experiment.run import LAST, Run
from symgen.experiment.stored import is_current
from symgen.experiment.train import SeedOutcome, TrainingSettings, Unverified, train_seed
from symgen.experiment.workers import Stopped
from symgen.spec.source import Source

ARM = "arm.json"
"""The file of a run that says which arm it is of."""


@dataclass(frozen=True)
class RunTask:
    """One seed of one arm.

    Args:
        source: the spec of the arm.
        run: the folder.
        settings: how to train.
        arm: what arm.json says, see Arm.to_dict.
        steps: environment steps wanted.
        conditions: those that are evaluated, as resolved.json has them.
    """

    source: Source
    run: Run
    settings: TrainingSettings
    arm: Mapping[str, object]
    steps: int
    conditions: object

    @property
    def label(self) -> str:
        """The arm and the seed, as "base/0"."""
        return f"{self.run.variant}/{self.run.seed}"


def run_one(task: RunTask, listen: Listen, stopped: Stopped) -> SeedOutcome | None:
    """Train and evaluate a run from where its folder stands; None where another process has it.

    Raises as `train_seed` does.
    """

    def tell(report: Report) -> None:
        # notes are rare, and a new recording clears the folder; every update need not read a file
        if report.note or not (task.run.folder / ARM).exists():
            _sign(task)
        listen(report)

    try:
        outcome = train_seed((task.source, task.run, task.settings), tell, stopped)
    except UserError as error:
        if error.code == "run-busy":
            return None
        raise
    _sign(task)
    return outcome


def _sign(task: RunTask) -> None:
    """Write the arm beside a run that has been recorded; a new recording clears the folder."""
    path = task.run.folder / ARM
    if not (task.run.folder / "spec.yaml").exists():
        return
    if not path.exists() or read_json(path) != plain_object(task.arm):
        write_json(path, task.arm)


def found_done(task: RunTask) -> SeedOutcome | None:
    """What became of a run that was finished and evaluated earlier; None where there is something
    to do.

    Raises:
        UserError: files of the run are damaged.
    """
    run = task.run
    if not run.resumable:
        return None
    header = checkpoint.header(run.checkpoints, LAST)
    if not header["finished"] or header["step"] < task.steps:
        return None
    if read_json(run.folder / "resolved.json").get("evaluate") != plain(task.conditions):
        return None
    evaluation = task.settings.evaluation
    if evaluation is not None and not is_current(run, evaluation):
        return None
    _sign(task)
    mean = mean_return(header["metrics"])
    return SeedOutcome(run, header["step"], task.steps, mean, header["seconds"])


def reason(error: Exception) -> str:
    """Why a run has failed, in words."""
    if isinstance(error, Unverified):
        return "the network is not what its spec claims"
    if isinstance(error, UserError) and error.hint:
        return f"{error}; {error.hint}"
    return str(error)
