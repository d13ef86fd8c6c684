"""Seeds side by side in worker processes; and Ctrl-C that lets a training save before it stops."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence

from symgen.experiment.progress import Listen
from symgen.experiment.workers import (
    Raised,
    Reported,
    Result,
    Returned,
    Stopped,
    Task,
    Work,
    Workers,
)

__all__ = ["Stopped", "interruptible", "run_all"]


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
        UserError: a task raised it, or its workers were killed again and again.
        RuntimeError: a task raised something else; the text is its traceback.
    """
    with interruptible() as stopped:
        if jobs <= 1 or len(tasks) <= 1:
            return _one_by_one(work, tasks, listen, stopped)
        return _side_by_side(work, tasks, jobs, listen, stopped)


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


def _side_by_side(
    work: "Work[Task, Result]",
    tasks: Sequence[Task],
    jobs: int,
    listen: Listen,
    stopped: Stopped,
) -> list[Result]:
    """The tasks in workers, in their order."""
    workers: Workers[Task, Result] = Workers(work, jobs)
    waiting = list(range(len(tasks)))
    open_tasks: set[int] = set()
    results: dict[int, Result] = {}
    errors: dict[int, Exception] = {}
    is_stopping = False
    try:
        while waiting or open_tasks:
            if (stopped() or errors) and not is_stopping:
                workers.stop()
                waiting.clear()
                is_stopping = True
            while waiting and workers.is_free:
                open_tasks.add(waiting[0])
                workers.begin(waiting[0], tasks[waiting.pop(0)])
            for message in workers.receive():
                if isinstance(message, Reported):
                    listen(message.report)
                    continue
                open_tasks.remove(message.index)
                if isinstance(message, Returned):
                    results[message.index] = message.result
                elif isinstance(message, Raised):
                    errors[message.index] = message.error
    finally:
        # tasks are under way only after an exception here, such as a second Ctrl-C
        workers.close()
    if errors:
        raise errors[min(errors)]
    return [results[index] for index in sorted(results)]
