"""Runs as a SLURM array: one element per unfinished run, by submitit.

Every element is the same small command: go on with this run from where its folder stands. What
submitit pickles are the arguments of the command alone; a job that is preempted, requeued or
submitted twice continues from the checkpoint, or finds the run finished. Clusters that cancel and
never requeue are served by the same `symgen ablate` again, which submits what is unfinished.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from symgen.errors import UserError
from symgen.experiment.progress import Report
from symgen.study.work import RunTask, found_done, run_one

CLUSTER = "cluster"
"""The option that says where: slurm, or local for processes of this machine."""


class Job(Protocol):
    """What submitit says of a job."""

    @property
    def job_id(self) -> str:
        """Its number; of an element, the array's and its own."""
        ...

    def result(self) -> object:
        """Wait for its end."""
        ...


@dataclass(frozen=True)
class Command:
    """What an element of the array does."""

    task: RunTask

    def __call__(self) -> str:
        """Go on with the run; what became of it in a word."""

        def unheard(_report: Report) -> None:
            """The folder says how far it is."""

        outcome = run_one(self.task, unheard, lambda: False)
        return "busy" if outcome is None else "finished"

    def checkpoint(self) -> object:
        """The command that is queued again after a preemption: the same one."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def unfinished(tasks: Sequence[RunTask]) -> list[RunTask]:
    """The runs that something is to be done of."""
    return [task for task in tasks if found_done(task) is None]


def submit(tasks: Sequence[RunTask], folder: Path, options: Mapping[str, str]) -> list[Job]:
    """Submit an array of the unfinished runs; nothing where there are none.

    Args:
        tasks: of a study.
        folder: of submitit's own files.
        options: of submitit's AutoExecutor, such as timeout_min or slurm_partition.

    Raises:
        UserError: submitit is not installed, there is no SLURM, or an option is none of its own.
    """
    if importlib.util.find_spec("submitit") is None:
        raise UserError(
            "missing-package", "submitit is not installed", 'pip install "symgen[slurm]"'
        )
    import submitit

    parameters = {name: _typed(value) for name, value in options.items() if name != CLUSTER}
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=options.get(CLUSTER, "slurm"))
        executor.update_parameters(name="symgen", **parameters)
    except (RuntimeError, NameError, ValueError, TypeError) as error:
        hint = "write --slurm timeout_min=60 --slurm slurm_partition=NAME; cluster=local needs none"
        raise UserError("cluster-unreachable", f"SLURM: {error}", hint) from error
    commands = [Command(task) for task in unfinished(tasks)]
    if not commands:
        return []
    with executor.batch():
        return [executor.submit(command) for command in commands]


def _typed(value: str) -> int | str:
    return int(value) if value.isdigit() else value
