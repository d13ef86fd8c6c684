"""Runs on a Ray cluster: one remote task per run, on a folder that all nodes share.

Ray Core alone. A task whose worker or node is lost begins again elsewhere, from the checkpoint in
the folder. Progress is read from the folders, too: nothing else is asked of the cluster.
"""

import contextlib
import importlib.util
import os
import time
from typing import TYPE_CHECKING, TypeAlias

from symgen.errors import UserError
from symgen.experiment import metrics
from symgen.experiment.jobs import interruptible
from symgen.experiment.progress import Report, mean_return
from symgen.experiment.train import SeedOutcome
from symgen.experiment.workers import (
    PATIENCE,
    RETRIES,
    Message,
    Raised,
    Reported,
    Stopping,
    done,
)
from symgen.study.engine import RunExecutor
from symgen.study.work import RunTask, run_one

if TYPE_CHECKING:
    from ray import ObjectRef

    Reference: TypeAlias = "ObjectRef[Message[SeedOutcome | None]]"

LOCAL = "local"
"""The address of a cluster that is begun for this study, on this machine alone."""
SELDOM = 2.0
"""Seconds between looks into the folders."""

Outcome = SeedOutcome | None


def cluster(address: str, threads: int = 1) -> RunExecutor:
    """Connect to a Ray cluster.

    Args:
        address: host:port of its head, "auto", or "local".
        threads: cores that a run is given.

    Raises:
        UserError: Ray is not installed, or there is no cluster.
    """
    if importlib.util.find_spec("ray") is None:
        raise UserError("missing-package", "ray is not installed", 'pip install "symgen[ray]"')
    return _Cluster(address, threads)


def _remote(index: int, task: RunTask) -> Message[Outcome]:
    """The body of a remote task. Ray asks it to stop by the signal of Ctrl-C."""

    def unheard(_report: Report) -> None:
        """The folder says how far it is."""

    with interruptible() as stopped:
        return done(run_one, index, task, unheard, stopped)


class _Cluster:
    """An Executor of remote tasks; the cluster has its own queue, so that it is always free."""

    is_free = True

    def __init__(self, address: str, threads: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray = ray
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                include_dashboard=False if address == LOCAL else None,
                runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads)}},
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            message = f"there is no Ray cluster at {address}: {error}"
            hint = "begin one with `ray start --head`, or write --ray local"
            raise UserError("cluster-unreachable", message, hint) from error
        self._remote = ray.remote(num_cpus=threads, max_retries=RETRIES)(_remote)
        self._tasks: dict[Reference, tuple[int, RunTask]] = {}
        self._begun: dict[int, float] = {}
        self._looked = 0.0

    def begin(self, index: int, task: RunTask) -> None:
        """See `Executor`."""
        self._tasks[self._remote.remote(index, task)] = (index, task)
        self._begun[index] = time.time()

    def receive(self, patience: float = PATIENCE) -> list[Message[Outcome]]:
        """See `Executor`."""
        if not self._tasks:
            time.sleep(patience)
            return []
        ended, _ = self._ray.wait(list(self._tasks), timeout=patience)
        messages: list[Message[Outcome]] = []
        for reference in ended:
            index, _ = self._tasks.pop(reference)
            messages.append(self._message(reference, index))
        if time.monotonic() - self._looked > SELDOM:
            self._looked = time.monotonic()
            messages += self._reports()
        return messages

    def stop(self) -> None:
        """See `Executor`."""
        for reference in self._tasks:
            self._ray.cancel(reference, force=False)

    def close(self) -> None:
        """See `Executor`."""
        self._ray.shutdown()

    def _message(self, reference: "Reference", index: int) -> Message[Outcome]:
        errors = self._ray.exceptions
        try:
            message: Message[Outcome] = self._ray.get(reference)
        except errors.TaskCancelledError:
            return Stopping(index)
        except errors.RayError as error:
            text = f"its worker was lost {RETRIES + 1} times, or could not begin: {error}"
            return Raised(index, UserError("process-killed", text, "the same command goes on"))
        return message

    def _reports(self) -> list[Message[Outcome]]:
        """The last lines of the metrics that were written since the runs were handed over."""
        reports: list[Message[Outcome]] = []
        for index, task in self._tasks.values():
            path = task.run.folder / metrics.NAME
            if not path.exists() or path.stat().st_mtime < self._begun[index]:
                continue
            rows: list[dict[str, float]] = []
            with contextlib.suppress(UserError):  # the file is being cut back
                rows = metrics.read(task.run.folder)
            if rows:
                row = rows[-1]
                seed = task.run.seed
                speed = float(row["steps_per_second"])
                step = int(row["step"])
                reports.append(
                    Reported(index, Report(seed, step, task.steps, mean_return(row), speed))
                )
        return reports
