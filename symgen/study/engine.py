"""Running a study: every seed of every arm. The run folders are the only state.

The same command again finishes what is unfinished and repeats nothing: a run that is finished is
left as it is, one that was begun goes on from its checkpoint.
"""

from dataclasses import dataclass, replace

from symgen.errors import SpecError, UserError
from symgen.experiment.files import write_json
from symgen.experiment.progress import Listen
from symgen.experiment.run import Run
from symgen.experiment.train import SeedOutcome, TrainingSettings, Unverified, train
from symgen.study.arm import Arm
from symgen.study.study import Study

ARM = "arm.json"
"""The file of a run that says which arm it is of."""


@dataclass(frozen=True)
class ArmOutcome:
    """What became of an arm.

    Args:
        arm: which.
        runs: its runs, one per seed.
        outcomes: of the seeds that were trained, or found trained.
        failure: what went wrong; empty where nothing did.
    """

    arm: Arm
    runs: tuple[Run, ...]
    outcomes: tuple[SeedOutcome, ...] = ()
    failure: str = ""

    @property
    def finished(self) -> bool:
        """Whether all its seeds are trained."""
        done = len(self.outcomes) == len(self.runs)
        return done and all(outcome.finished for outcome in self.outcomes)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "arm": self.arm.name,
            "finished": self.finished,
            "failure": self.failure,
            "runs": [outcome.to_dict() for outcome in self.outcomes],
        }


def run_study(study: Study, settings: TrainingSettings, listen: Listen) -> list[ArmOutcome]:
    """Train and evaluate every arm of a study that `matrix` has admitted.

    An arm that fails is listed with what went wrong, and the others are run. After Ctrl-C the arms
    that had not begun are missing.

    Args:
        study: its arms compile.
        settings: of every run; the variant is the arm.
        listen: hears how far the seeds are.
    """
    done: list[ArmOutcome] = []
    for arm in study.arms:
        settings = replace(settings, variant=arm.name, resume=True)
        outcome = _run_arm(arm, study, settings, listen)
        done.append(outcome)
        if not outcome.failure and not outcome.finished:  # interrupted
            break
    return done


def _run_arm(arm: Arm, study: Study, settings: TrainingSettings, listen: Listen) -> ArmOutcome:
    try:
        outcomes, runs = train(arm.source(study.source), settings, listen, study.seeds)
    except (SpecError, UserError, Unverified, RuntimeError) as error:
        return ArmOutcome(arm, (), failure=str(error))
    for run in runs:
        if run.folder.exists():
            write_json(run.folder / ARM, arm.to_dict())
    return ArmOutcome(arm, tuple(runs), tuple(outcomes))
