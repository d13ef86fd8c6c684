"""Warm worker processes: each is begun once, imports torch once, and then does task after task.

Every worker has a pipe of its own, and nothing is shared: a queue or an event has a lock, and a
process that is killed while it holds it leaves all the others waiting for good.
"""

import contextlib
import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, Protocol, TypeAlias, TypeVar

from symgen.errors import UserError
from symgen.experiment.progress import Listen, Report

Stopped = Callable[[], bool]
Task = TypeVar("Task")
Result = TypeVar("Result")
Given = TypeVar("Given", contravariant=True)
Gotten = TypeVar("Gotten")

Work = Callable[[Task, Listen, Stopped], Result]
"""A function that does one task; it must be importable by name, and tasks and results must pickle.
Asked to stop it returns what there is, or raises KeyboardInterrupt and has no result.
"""

RETRIES = 2
"""How often a task is begun again whose worker was killed."""
PATIENCE = 0.5
"""Seconds after which it is looked whether a worker has died without a word."""


@dataclass(frozen=True)
class Reported:
    """A task says how far it is."""

    index: int
    report: Report


@dataclass(frozen=True)
class Returned(Generic[Result]):
    """A task is done."""

    index: int
    result: Result


@dataclass(frozen=True)
class Raised:
    """A task has failed, by an error of its own or because its workers were killed."""

    index: int
    error: Exception


@dataclass(frozen=True)
class Stopping:
    """A task gave up because it was asked to."""

    index: int


Message: TypeAlias = Reported | Returned[Result] | Raised | Stopping
"""What becomes of a task; all but `Reported` are its last."""


class Executor(Protocol[Given, Gotten]):
    """Where tasks are done: processes here, or a cluster."""

    @property
    def is_free(self) -> bool:
        """Whether another task may begin."""
        ...

    def begin(self, index: int, task: Given) -> None:
        """Begin a task; messages call it by its index."""
        ...

    def receive(self, patience: float = PATIENCE) -> "list[Message[Gotten]]":
        """What has been heard since; it waits so many seconds for the first message."""
        ...

    def stop(self) -> None:
        """Ask the tasks to give up."""
        ...

    def close(self) -> None:
        """End everything, tasks under way too."""
        ...


class Workers(Generic[Task, Result]):
    """An Executor of processes on this machine.

    They are spawned, not forked: torch and forked threads do not mix. A worker that is killed is
    replaced, and its task begins again, RETRIES times at most. A worker whose task raised an error
    is replaced, too: what the error left behind is in nobody's way.

    Args:
        work: done to every task.
        jobs: processes, at most.
    """

    def __init__(self, work: "Work[Task, Result]", jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker[Task]] = []
        self._losses: dict[int, int] = {}
        self._stopping = False

    @property
    def is_free(self) -> bool:
        """See `Executor`."""
        return sum(worker.index is not None for worker in self._workers) < self._jobs

    def begin(self, index: int, task: Task) -> None:
        """See `Executor`."""
        while True:
            worker = self._idle() or self._hired()
            try:
                worker.connection.send((index, task))
            except OSError:  # it was killed while it waited
                self._dismiss(worker)
                continue
            worker.index = index
            worker.task = task
            return

    def receive(self, patience: float = PATIENCE) -> "list[Message[Result]]":
        """See `Executor`."""
        wait([worker.connection for worker in self._workers], patience)
        messages: list[Message[Result]] = []
        for worker in list(self._workers):
            # asked first: what it wrote before it died is then in the pipe
            is_alive = worker.process.is_alive()
            is_open = self._read(worker, messages)
            if not (is_alive and is_open):
                self._dismiss(worker)
                if worker.index is not None:
                    messages += self._lost(worker)
        return messages

    def stop(self) -> None:
        """See `Executor`."""
        self._stopping = True
        for worker in self._workers:
            with contextlib.suppress(OSError):
                worker.connection.send(None)

    def close(self) -> None:
        """See `Executor`."""
        for worker in list(self._workers):
            self._dismiss(worker)

    def _idle(self) -> "_Worker[Task] | None":
        return next((worker for worker in self._workers if worker.index is None), None)

    def _hired(self) -> "_Worker[Task]":
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(self._work, theirs), daemon=True)
        process.start()
        theirs.close()
        worker: _Worker[Task] = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _read(self, worker: "_Worker[Task]", messages: "list[Message[Result]]") -> bool:
        """Take what a worker has said; False where it says no more."""
        try:
            while worker.connection.poll():
                message = worker.connection.recv()
                messages.append(message)
                if not isinstance(message, Reported):
                    worker.index = None
                if isinstance(message, Raised):  # it ends by itself
                    return False
        except (EOFError, OSError):
            return False
        return True

    def _lost(self, worker: "_Worker[Task]") -> "list[Message[Result]]":
        """Begin the task of a killed worker again, or say that it has failed."""
        index = worker.index
        if index is None or worker.task is None:
            raise AssertionError("an idle worker has no task to lose")
        if self._stopping:
            return [Stopping(index)]
        self._losses[index] = self._losses.get(index, 0) + 1
        if self._losses[index] > RETRIES:
            return [Raised(index, killed(worker.process.exitcode))]
        self.begin(index, worker.task)
        return []

    def _dismiss(self, worker: "_Worker[Task]") -> None:
        worker.connection.close()
        worker.process.terminate()
        worker.process.join()
        self._workers.remove(worker)


class _Worker(Generic[Task]):
    """A process, and the task that it has; no index while it has none."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.index: int | None = None
        self.task: Task | None = None


def _serve(work: "Work[Task, Result]", connection: Connection) -> None:
    """The body of a worker."""
    # the terminal sends Ctrl-C to everyone; the parent passes it on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = _Line(connection)
    while True:
        try:
            order = connection.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        if order is None:
            return
        index, task = order

        def listen(report: Report, index: int = index) -> None:
            line.send(Reported(index, report))

        message = done(work, index, task, listen, line.is_stopped)
        line.send(message)
        if line.is_stopped() or isinstance(message, Raised):
            return


class _Line:
    """The worker's end of its pipe. Where the parent is gone, it is as if it had asked to stop:
    the training saves what it has.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stopped = False

    def send(self, message: "Message[Result]") -> None:
        try:
            self._connection.send(message)
        except OSError:
            self._stopped = True

    def is_stopped(self) -> bool:
        """In a task, whatever comes from the parent is the wish to stop."""
        try:
            self._stopped = self._stopped or self._connection.poll()
        except OSError:
            self._stopped = True
        return self._stopped


def done(
    work: "Work[Task, Result]", index: int, task: Task, listen: Listen, stopped: Stopped
) -> "Message[Result]":
    """Do one task; whatever comes of it is a message that pickles."""
    message: Message[Result]
    try:
        message = Returned(index, work(task, listen, stopped))
        pickle.dumps(message)
    except KeyboardInterrupt:
        message = Stopping(index)
    except Exception as error:
        message = Raised(index, portable(error))
    return message


def portable(error: Exception) -> Exception:
    """`error` itself where it is one of symgen's and survives the way; else its traceback."""
    if type(error).__module__.startswith("symgen."):
        with contextlib.suppress(Exception):
            return pickle.loads(pickle.dumps(error))
    return RuntimeError("a training process failed:\n" + "".join(traceback.format_exception(error)))


def killed(status: int | None) -> UserError:
    """The mistake of a process that somebody else ended, more than RETRIES times."""
    return UserError(
        "process-killed",
        f"a training process was ended from outside {RETRIES + 1} times (exit status {status}); "
        "memory may have run out",
        "go on with fewer --jobs: symgen train --resume, or symgen ablate as before",
    )
