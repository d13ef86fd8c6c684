"""Running a study: every seed of every arm. The run folders are the only state.

The same command again finishes what is unfinished and repeats nothing: a run that is finished is
left as it is, one that was begun goes on from its checkpoint, and one that another process has is
waited for. Runs are handed out seed by seed, the first seed of every arm first, so that a study
which is stopped early has as many seeds of one arm as of another.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from symgen.errors import SpecError
from symgen.experiment.evaluate import evaluate_runs
from symgen.experiment.evaluation import Evaluation
from symgen.experiment.in_force import resolved
from symgen.experiment.jobs import interruptible
from symgen.experiment.progress import Report
from symgen.experiment.run import Run
from symgen.experiment.train import (
    SeedOutcome,
    TrainingSettings,
    admitted,
    announcements,
    draw,
)
from symgen.experiment.workers import (
    Executor,
    Message,
    Raised,
    Reported,
    Returned,
    Stopped,
    Workers,
)
from symgen.study.arm import Arm
from symgen.study.progress import Progress, Watch
from symgen.study.study import Study
from symgen.study.work import RunTask, found_done, reason, run_one

BUSY = 2.0
"""Seconds after which a run that another process has is asked for again."""

RunExecutor = Executor[RunTask, SeedOutcome | None]
Execute = Callable[[], RunExecutor]
"""Begins what runs are handed to."""


@dataclass(frozen=True)
class ArmOutcome:
    """What became of an arm.

    Args:
        arm: which.
        runs: its runs, one per seed.
        outcomes: of the seeds that were trained, or found trained.
        failures: what went wrong, by label of the run; by name of the arm where no run could begin.
    """

    arm: Arm
    runs: tuple[Run, ...]
    outcomes: tuple[SeedOutcome, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def failure(self) -> str:
        """What went wrong, a line each; empty where nothing did."""
        return "\n".join(f"{label}: {text}" for label, text in self.failures.items())

    @property
    def finished(self) -> bool:
        """Whether all its seeds are trained."""
        done = len(self.outcomes) == len(self.runs)
        return done and not self.failures and all(outcome.finished for outcome in self.outcomes)

    @property
    def is_interrupted(self) -> bool:
        """Whether a run that has not failed is unfinished."""
        finished = sum(outcome.finished for outcome in self.outcomes)
        return finished + len(self.failures) < len(self.runs)

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "arm": self.arm.name,
            "finished": self.finished,
            "failures": dict(self.failures),
            "runs": [outcome.to_dict() for outcome in self.outcomes],
        }


def run_study(
    study: Study, settings: TrainingSettings, watch: Watch, execute: Execute | None = None
) -> list[ArmOutcome]:
    """Train and evaluate every arm of a study that `matrix` has admitted.

    A run that fails is listed with what went wrong, and the others are run. After Ctrl-C the runs
    under way are saved, and those that had not begun are missing.

    Args:
        study: its arms compile.
        settings: of every run; the variant is the arm. Runs that were begun are gone on with.
        watch: hears how far the study is.
        execute: where runs are done; `settings.jobs` workers on this machine where nothing is said.

    Raises:
        UserError: a run is in the way, of another spec for instance; nothing has been trained then.
    """
    tasks, failures = tasks_of(study, settings)
    schedule = _Schedule(tasks, watch)
    with interruptible() as stopped:
        schedule.run(execute or (lambda: Workers(run_one, settings.jobs)), stopped)
    return [_outcome(arm, tasks, schedule, failures) for arm in study.arms]


def tasks_of(
    study: Study, settings: TrainingSettings
) -> tuple[list[RunTask], dict[str, dict[str, str]]]:
    """The runs, the first seed of every arm first; and why arms cannot begin, by arm and label.

    Raises:
        UserError: see `run_study`.
    """
    by_arm: list[list[RunTask]] = []
    failures: dict[str, dict[str, str]] = {}
    for arm in study.arms:
        try:
            by_arm.append(_tasks_of_arm(arm, study, settings))
        except SpecError as error:
            failures[arm.name] = {arm.name: str(error)}
    return list(itertools.chain.from_iterable(zip(*by_arm, strict=True))), failures


def announced(study: Study, settings: TrainingSettings) -> list[str]:
    """What a user should know of runs that are gone on with, see `train.announcements`."""
    lines = []
    for arm in study.arms:
        for_arm = replace(settings, variant=arm.name, resume=True)
        try:
            lines += announcements(arm.source(study.source), for_arm, study.seeds)
        except SpecError:  # it is listed among the failures
            continue
    return lines


def _tasks_of_arm(arm: Arm, study: Study, settings: TrainingSettings) -> list[RunTask]:
    source = arm.source(study.source)
    settings = replace(settings, variant=arm.name, resume=True)
    problem, runs = admitted(source, settings, study.seeds)
    if problem.spec.train is None:
        raise AssertionError("admitted() has seen to it that there is something to train")
    steps = problem.spec.train.steps
    conditions = resolved(problem).get("evaluate")
    stamp = {**arm.to_dict(), "seeds": list(study.seeds)}
    return [RunTask(source, run, settings, stamp, steps, conditions) for run in runs]


class _Schedule:
    """Which runs wait, which are under way, and what became of the others."""

    def __init__(self, tasks: Sequence[RunTask], watch: Watch) -> None:
        self.tasks = tasks
        self.results: dict[int, SeedOutcome] = {}
        self.failures: dict[int, str] = {}
        self._watch = watch
        self._waiting = list(range(len(tasks)))
        self._not_before: dict[int, float] = {}
        self._running: dict[int, Report | None] = {}
        self._first_step: dict[int, int] = {}
        self._began = time.monotonic()

    def run(self, execute: Execute, stopped: Stopped) -> None:
        """Hand out runs until none is left, or it is `stopped`."""
        for index in list(self._waiting):
            self._adopt(index)
        self._watch(self.progress())
        if not self._waiting:
            return
        executor = execute()
        is_stopping = False
        try:
            while self._waiting or self._running:
                if stopped():
                    if not is_stopping:
                        executor.stop()
                    is_stopping = True
                    self._waiting.clear()
                self._hand_out(executor)
                for message in executor.receive():
                    self._take(message)
                self._watch(self.progress())
        finally:
            executor.close()

    def progress(self) -> Progress:
        """How far it is."""
        wanted = sum(task.steps for task in self.tasks)
        gained = 0
        done = sum(outcome.steps for outcome in self.results.values())
        for index, first in self._first_step.items():
            report = self._running.get(index)
            now = report.step if report else first
            if index in self.results:
                now = self.results[index].step
            elif report:
                done += now
            gained += now - first
        failed = sum(self.tasks[index].steps for index in self.failures)
        left = max(0, wanted - done - failed)
        elapsed = time.monotonic() - self._began
        return Progress(
            runs=len(self.tasks),
            done=len(self.results),
            failed=len(self.failures),
            running={
                self.tasks[index].label: report for index, report in self._running.items() if report
            },
            share=(done + failed) / wanted if wanted else 1.0,
            seconds_left=left * elapsed / gained if gained else None,
        )

    def _adopt(self, index: int) -> bool:
        """Take a run that is done as it is; one whose files are damaged has failed."""
        try:
            outcome = found_done(self.tasks[index])
        except Exception as error:
            self.failures[index] = reason(error)
        else:
            if outcome is None:
                return False
            self.results[index] = outcome
        self._waiting.remove(index)
        return True

    def _hand_out(self, executor: RunExecutor) -> None:
        now = time.monotonic()
        for index in list(self._waiting):
            if not executor.is_free:
                return
            if self._not_before.get(index, now) > now:
                continue
            # another process may have done it meanwhile
            if self._adopt(index):
                continue
            self._waiting.remove(index)
            self._running[index] = None
            executor.begin(index, self.tasks[index])

    def _take(self, message: Message[SeedOutcome | None]) -> None:
        index = message.index
        if isinstance(message, Reported):
            self._running[index] = message.report
            self._first_step.setdefault(index, message.report.step)
            return
        self._running.pop(index, None)
        if isinstance(message, Raised):
            self.failures[index] = reason(message.error)
        elif isinstance(message, Returned) and message.result is not None:
            if message.result.finished:
                self.results[index] = message.result
        elif isinstance(message, Returned):
            self._not_before[index] = time.monotonic() + BUSY
            self._waiting.append(index)


def _outcome(
    arm: Arm,
    tasks: Sequence[RunTask],
    schedule: _Schedule,
    failures: Mapping[str, Mapping[str, str]],
) -> ArmOutcome:
    indices = [index for index, task in enumerate(tasks) if task.run.variant == arm.name]
    failed = {
        tasks[index].label: schedule.failures[index]
        for index in indices
        if index in schedule.failures
    }
    return ArmOutcome(
        arm,
        tuple(tasks[index].run for index in indices),
        tuple(schedule.results[index] for index in indices if index in schedule.results),
        {**failures.get(arm.name, {}), **failed},
    )


def summarise(outcomes: Sequence[ArmOutcome], settings: TrainingSettings) -> list[Evaluation]:
    """Write what stands in the folder of an arm that is finished: its learning curve, and the
    evaluation of all seeds.

    Returns:
        The evaluations; none where nothing is evaluated.
    """
    evaluations = []
    for outcome in outcomes:
        if not outcome.finished:
            continue
        if len(outcome.runs) > 1:
            draw(outcome.runs, outcome.runs[0].folder.parent)
        if settings.evaluation is not None:
            evaluations.append(evaluate_runs(outcome.runs, settings.evaluation, stored=True))
    return evaluations
