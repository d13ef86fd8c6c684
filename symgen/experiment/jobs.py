"""Seeds side by side, one process each; and Ctrl-C that lets a training save before it stops.

Processes are spawned, not forked: torch and forked threads do not mix. Reports and results come
back through one queue.
"""

import contextlib
import multiprocessing
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Generic, TypeAlias, TypeVar

from symgen.errors import UserError
from symgen.experiment.progress import Listen, Report

Stopped = Callable[[], bool]
Task = TypeVar("Task")
Result = TypeVar("Result")

Work = Callable[[Task, Listen, Stopped], Result]
"""A function that does one task; it must be importable by name, and tasks and results must pickle.
"""


@contextlib.contextmanager
def interruptible() -> Iterator[Stopped]:
    """Within it, the first Ctrl-C (or SIGTERM) only makes the yielded function true; a second one
    interrupts.
    """
    asked = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    # signals are the main thread's business
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_all(
    work: "Work[Task, Result]", tasks: Sequence[Task], jobs: int, listen: Listen
) -> list[Result]:
    """Do the tasks, `jobs` at a time, and return their results in the order of `tasks`.

    After Ctrl-C no further task begins, and the results are those of the tasks that ended in good
    order (a task may answer `stopped` by raising KeyboardInterrupt, and then has no result).

    Raises:
        UserError: a task raised it, or its process was killed.
        RuntimeError: a task raised something else; the text is its traceback.
    """
    with interruptible() as stopped:
        if jobs <= 1 or len(tasks) <= 1:
            return _one_by_one(work, tasks, listen, stopped)
        return _Pool(work, tasks, listen).run(jobs, stopped)


def _one_by_one(
    work: "Work[Task, Result]", tasks: Sequence[Task], listen: Listen, stopped: Stopped
) -> list[Result]:
    """The tasks in this process."""
    results: list[Result] = []
    for task in tasks:
        if stopped():
            break
        try:
            results.append(work(task, listen, stopped))
        except KeyboardInterrupt:  # a task gave up because it was asked to
            if not stopped():
                raise
    return results


@dataclass(frozen=True)
class Reported:
    """A process says how far its task is."""

    index: int
    report: Report


@dataclass(frozen=True)
class Returned(Generic[Result]):
    """A process has done its task."""

    index: int
    result: Result


@dataclass(frozen=True)
class Raised:
    """A process has failed."""

    index: int
    error: Exception


@dataclass(frozen=True)
class Stopping:
    """A process gave up its task because it was asked to."""

    index: int


Message: TypeAlias = Reported | Returned[Result] | Raised | Stopping
"""What a process says of its task."""


class _Pool(Generic[Task, Result]):
    """The processes of one `run_all`."""

    def __init__(self, work: "Work[Task, Result]", tasks: Sequence[Task], listen: Listen) -> None:
        self._work = work
        self._tasks = tasks
        self._listen = listen
        self._context = multiprocessing.get_context("spawn")
        self._messages: Queue[Message[Result]] = self._context.Queue()
        self._stop = self._context.Event()
        self._processes: dict[int, BaseProcess] = {}
        self._results: dict[int, Result] = {}
        self._errors: dict[int, Exception] = {}

    def run(self, jobs: int, stopped: Stopped) -> list[Result]:
        """See `run_all`."""
        waiting = list(range(len(self._tasks)))
        try:
            while waiting or self._processes:
                if stopped() or self._errors:
                    self._stop.set()
                    waiting.clear()
                while waiting and len(self._processes) < jobs:
                    self._begin(waiting.pop(0))
                self._receive()
        finally:
            # there are some only after an exception here, such as a second Ctrl-C
            for process in self._processes.values():
                process.terminate()
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._results[index] for index in sorted(self._results)]

    def _begin(self, index: int) -> None:
        arguments = (index, self._work, self._tasks[index], self._messages, self._stop)
        process = self._context.Process(target=_child, args=arguments, daemon=True)
        process.start()
        self._processes[index] = process

    def _receive(self) -> None:
        """Take one message, or notice that a process has died without one."""
        try:
            message = self._messages.get(timeout=0.2)
        except queue.Empty:
            for index, process in list(self._processes.items()):
                if not process.is_alive() and self._messages.empty():
                    self._end(index)
                    self._errors[index] = _killed(process.exitcode)
            return
        if isinstance(message, Reported):
            self._listen(message.report)
            return
        if isinstance(message, Returned):
            self._results[message.index] = message.result
        elif isinstance(message, Raised):
            self._errors[message.index] = message.error
        self._end(message.index)

    def _end(self, index: int) -> None:
        self._processes.pop(index).join()


def _child(
    index: int,
    work: "Work[Task, Result]",
    task: Task,
    messages: "Queue[Message[Result]]",
    stop: Event,
) -> None:
    """The body of a process: do one task; whatever comes of it is a message."""
    message: Message[Result]
    # the terminal sends Ctrl-C to everyone; the parent passes it on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def stopped() -> bool:
        return stop.is_set() or (parent is not None and not parent.is_alive())

    def listen(report: Report) -> None:
        messages.put(Reported(index, report))

    try:
        message = Returned(index, work(task, listen, stopped))
        pickle.dumps(message)
    except KeyboardInterrupt:
        message = Stopping(index)
    except Exception as error:
        message = Raised(index, _portable(error))
    messages.put(message)


def _portable(error: Exception) -> Exception:
    """`error` itself where it is one of symgen's and survives the way; else its traceback."""
    if type(error).__module__.startswith("symgen."):
        with contextlib.suppress(Exception):
            return pickle.loads(pickle.dumps(error))
    return RuntimeError("a training process failed:\n" + "".join(traceback.format_exception(error)))


def _killed(status: int | None) -> UserError:
    return UserError(
        "process-killed",
        f"a training process was ended from outside (exit status {status}); memory may "
        "have run out",
        "continue with --resume, perhaps with fewer --jobs",
    )
