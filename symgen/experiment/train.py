"""Train a spec, seed by seed: record what is trained, fit it, evaluate it, draw its learning curve.

train          all seeds: may they begin? then each in `train_seed`, side by side where asked
train_seed     one seed: restore or record, `fit` (in fit.py), evaluate, draw
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from symgen import lookup
from symgen.compiler import check_spec, compile_spec
from symgen.errors import UserError
from symgen.experiment import checkpoint, meaning
from symgen.experiment.checkpoint import Checkpoint
from symgen.experiment.evaluate import evaluate_run
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.files import plain, plain_object, read_json, writing
from symgen.experiment.fit import Saving, Session, fit
from symgen.experiment.in_force import resolved
from symgen.experiment.jobs import Stopped, run_all
from symgen.experiment.longer import announcement, keep_end, lengthened
from symgen.experiment.progress import Listen, Report, mean_return
from symgen.experiment.resolved import difference, disagreement
from symgen.experiment.run import LAST, ROOT, Run
from symgen.experiment.stored import is_current
from symgen.experiment.teacher import Teacher, environments, refuse_itself
from symgen.experiment.variant import check_variant, stem
from symgen.nn.device import chosen, described
from symgen.problem.algorithm import Algorithm, AlgorithmOptions
from symgen.problem.problem import Problem
from symgen.proofs.verify import Verification
from symgen.rl._under_way import fresh_episodes, inexact
from symgen.semantics.teacher import check_teacher, teacher_of
from symgen.spec.source import Source


@dataclass(frozen=True)
class TrainingSettings:
    """How to train, beyond what the spec says; none of it changes a result.

    Args:
        root: the folder of all runs.
        variant: the folder of this variant.
        resume: go on with runs that are there.
        force: start anew where runs are there.
        saving: when to write checkpoints.
        threads: torch threads of each process; more than one rarely helps networks of this size.
        jobs: seeds trained side by side.
        device: where networks compute: cpu, cuda, cuda:1, mps, or auto; their results differ by
            rounding.
        evaluation: how to evaluate the trained network; None leaves it out.
    """

    root: Path = ROOT
    variant: str = "base"
    resume: bool = False
    force: bool = False
    saving: Saving = field(default_factory=Saving)
    threads: int = 1
    jobs: int = 1
    device: str = "cpu"
    evaluation: EvaluationSettings | None = field(default_factory=EvaluationSettings)


@dataclass(frozen=True)
class SeedOutcome:
    """What became of one seed.

    Args:
        run: its folder.
        step: environment steps done.
        steps: environment steps wanted.
        mean_return: mean return of recent training episodes; NaN before the first ended.
        seconds: training time, resumed runs included.
    """

    run: Run
    step: int
    steps: int
    mean_return: float
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether training reached its end."""
        return self.step >= self.steps

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "folder": str(self.run.folder),
            "seed": self.run.seed,
            "step": self.step,
            "steps": self.steps,
            "finished": self.finished,
            "return": None if math.isnan(self.mean_return) else self.mean_return,
            "seconds": round(self.seconds, 3),
        }


class Unverified(Exception):
    """The network does not have the symmetry its spec asks for, so it is not trained."""

    def __init__(self, verification: Verification) -> None:
        super().__init__(verification)
        self.verification = verification


# ------------------------------------------------------------------------------------------------
# all seeds


def train(
    source: Source, settings: TrainingSettings, listen: Listen, seeds: Sequence[int] | None = None
) -> tuple[list[SeedOutcome], list[Run]]:
    """Train a spec for `seeds`, or for those it names.

    Returns:
        What became of each seed, and all runs asked for, those finished earlier included. After
        Ctrl-C the seeds that had not begun are missing among the outcomes.

    Raises:
        SpecError: the spec is wrong.
        UserError: it has no `train:`, a run is in the way, or something else than the spec is
            wrong.
        Unverified: the network does not have its symmetry.
    """
    _, runs = admitted(source, settings, seeds)
    tasks = [(source, run, settings) for run in runs]
    outcomes = run_all(train_seed, tasks, settings.jobs, listen)
    if len(outcomes) > 1:
        draw([outcome.run for outcome in outcomes], runs[0].folder.parent)
    return outcomes, runs


def admitted(
    source: Source, settings: TrainingSettings, seeds: Sequence[int] | None = None
) -> tuple[Problem, list[Run]]:
    """What is to be trained, and the runs, where all of them may begin; raises as `train` does."""
    check_variant(settings.variant)
    chosen(settings.device)  # a device that is not there is said before any work
    problem = check_teacher(check_spec(source))
    if problem.spec.train is None:
        raise UserError(
            "nothing-to-train",
            f"{source.name} has no train: section",
            "add one, such as  train: {algorithm: ppo, steps: 100_000}",
        )
    folder = settings.root / stem(source.name) / settings.variant
    runs = [Run(folder / str(seed)) for seed in dict.fromkeys(seeds or problem.spec.train.seeds)]
    refuse_itself(teacher_of(problem), runs)
    values = plain_object(resolved(problem))
    _refuse_neighbours(folder, runs, values)
    for run in runs:
        admit(run, values, settings)
    return problem, runs


def announcements(
    source: Source, settings: TrainingSettings, seeds: Sequence[int] | None = None
) -> list[str]:
    """What `train` will do that a user should know before: runs that are made longer, and what that
    does to schedules; runs that go on in fresh episodes, and why.

    Raises as `train` does.
    """
    problem, runs = admitted(source, settings, seeds)
    lines = []
    for run in runs if settings.resume else ():
        if not run.resumable or problem.algorithm_options is None:
            continue
        saved = checkpoint.header(run.checkpoints, LAST)
        longer = lengthened(read_json(run.folder / "resolved.json"), resolved(problem))
        if longer:
            told = announcement(str(run.folder), longer, saved["step"], problem.algorithm_options)
            lines.append(told)
        why = fresh_episodes(saved["scalars"], chosen(settings.device).type)
        if why and (longer or not saved["finished"]):
            lines.append(f"{run.folder} goes on in fresh episodes, not bit for bit: {why}")
    return lines


def admit(run: Run, values: Mapping[str, object], settings: TrainingSettings) -> None:
    """Raise UserError where training `run` would overwrite, or continue, what it should not."""
    if settings.force:
        return
    if not run.resumable:
        others = ", ".join(checkpoint.names(run.checkpoints))
        if others:
            message = (
                f"{run.folder} has been trained, and {LAST}.json is missing among its "
                f"checkpoints: {others}"
            )
            raise UserError(
                "checkpoint-not-found",
                message,
                "put it back; --force starts anew and deletes the others",
            )
        return
    before = read_json(run.folder / "resolved.json")
    changes = difference(before, values)
    is_another = bool(changes) and not lengthened(before, values)
    changed = "\n".join(f"    {line}" for line in changes)
    if not settings.resume:
        message = f"{run.folder} {'is finished' if run.finished else 'was begun'} already"
        hint = "--force starts anew and deletes it; --runs or --variant writes elsewhere"
        if changes:
            message += f", with another spec:\n{changed}"
        if not is_another:
            hint += "; --resume goes on from its last checkpoint, with --steps N to step N"
        raise UserError("run-exists", message, hint)
    if is_another:
        raise UserError(
            "run-changed",
            f"{run.folder} was begun with another spec:\n{changed}",
            "undo the change to resume it; --force starts anew and deletes it; --variant writes "
            "elsewhere",
        )


def _refuse_neighbours(folder: Path, runs: Sequence[Run], values: Mapping[str, object]) -> None:
    """Raise UserError where the folder holds runs of another spec, which may have the same file
    name.
    """
    for path in sorted(folder.parent.glob("*/*/resolved.json")):
        if path.parent in [run.folder for run in runs]:
            continue
        lines = disagreement(read_json(path), values)
        if path.parent.parent != folder:  # another variant is another edit of one spec
            lines = [line for line in lines if line.startswith("environment.adapter:")]
        if lines:
            between = "\n".join(f"    {line}" for line in lines)
            message = f"{path.parent} is of another spec, which differs here:\n{between}"
            raise UserError(
                "run-mixed", message, "write elsewhere with --runs, or name another --variant"
            )


# -------------------------------------------------------------------------------------------------
# one seed


def train_seed(
    task: tuple[Source, Run, TrainingSettings], listen: Listen, stopped: Stopped
) -> SeedOutcome:
    """Train one seed to its end, or until `stopped`; see `train`."""
    source, run, settings = task
    torch.set_num_threads(settings.threads)
    problem = check_spec(source)
    steps = problem.spec.train.steps if problem.spec.train else 0
    with run.locked():
        if settings.force:
            run.clear()
        begin = run.restore(LAST) if run.resumable else None
        start = begin.step if begin else 0
        anew = settings.resume and begin is None and (run.folder / "spec.yaml").exists()
        note = "no checkpoint, so from the start" if anew else "compiling"
        before = mean_return(begin.metrics if begin else {})
        listen(Report(run.seed, start, steps, before, 0.0, note))
        if begin:
            meaning.check(begin.meaning, problem, str(run.checkpoints / LAST))
        if begin and begin.step >= steps:  # `finished` may be of fewer steps
            end = begin
            _take_conditions(source, run, resolved(problem))
        else:
            end = _fit_seed(source, run, begin, settings, listen, stopped)

        def tell(note: str) -> None:
            speed = end.step / end.seconds
            listen(Report(run.seed, end.step, steps, mean_return(end.metrics), speed, note))

        if end.finished and settings.evaluation and not is_current(run, settings.evaluation):
            tell("evaluating")
            evaluation = evaluate_run(run, settings.evaluation, stopped)
            if evaluation.unstored:
                hint = "make room; --resume evaluates the finished run"
                raise UserError("folder-not-writable", evaluation.unstored, hint)
        tell("finished" if end.finished else "saved")
    return SeedOutcome(run, end.step, steps, mean_return(end.metrics), end.seconds)


def _take_conditions(source: Source, run: Run, values: Mapping[str, object]) -> None:
    """Give a finished run the conditions of `source`, and drop its evaluation where they are
    others.
    """
    before = read_json(run.folder / "resolved.json")
    if before.get("evaluate") != plain(values.get("evaluate")):
        # first: they must not outlive their conditions
        for path in run.folder.glob("evaluation*.json"):
            with writing(path):
                path.unlink()
        run.record_spec(source.text, values)


def _fit_seed(
    source: Source,
    run: Run,
    begin: Checkpoint | None,
    settings: TrainingSettings,
    listen: Listen,
    stopped: Stopped,
) -> Checkpoint:
    """Compile, record, and train from `begin` on."""
    # the initial weights belong to the seed
    compiled = compile_spec(source, seed=run.seed, observe=True, device=settings.device)
    problem = compiled.problem
    verification = compiled.verification
    options = problem.algorithm_options
    if problem.spec.train is None or verification is None or options is None:
        raise AssertionError("train() has seen to it that there is something to train")
    if not verification.holds:
        raise Unverified(verification)
    device = described(compiled.network.device)
    teacher = Teacher.of(problem, settings.device)
    if begin is None:
        run.clear()
        run.record(
            source.text, resolved(problem), str(compiled.plan), verification.to_dict(), device
        )
        if teacher is not None:
            teacher.record(run)
    else:
        if teacher is not None:
            teacher.check(run)  # before anything is written
        longer = lengthened(read_json(run.folder / "resolved.json"), resolved(problem))
        if longer and begin.finished:
            keep_end(run, begin)
        why = inexact(begin.scalars, compiled.network.device.type)
        run.record_resumption(source.text, resolved(problem), begin.step, longer, device, why)
    steps = problem.spec.train.steps
    algorithm: Algorithm[AlgorithmOptions] = lookup.module(
        "algorithm", problem.spec.train.algorithm
    )
    with environments(problem, options.envs, run.seed, teacher) as envs:
        learner = algorithm.Learner(
            compiled.network,
            envs,
            options,
            steps=steps,
            seed=run.seed,
            training=problem.constraint.training(problem, problem.constraint_options),
        )
        session = Session(run, settings.saving, listen, stopped)
        end = fit(session, compiled.network, learner, steps, begin)
    draw([run], run.folder)
    return end


def draw(runs: Sequence[Run], folder: Path) -> None:
    """The learning curve, which a folder keeps; matplotlib is loaded when the training is over."""
    from symgen.pictures import curve

    curve.draw(runs, folder / curve.NAME)
