import os
import signal
import subprocess
import sys
import time

import pytest

from symgen.errors import UserError
from symgen.experiment.jobs import interruptible, run_all
from symgen.experiment.progress import Report
from symgen.experiment.workers import RETRIES, Reported, Workers


def report(seed: int, step: int) -> Report:
    return Report(seed, step, 10, 0.0, 1.0)


def square(task, listen, stopped):
    listen(report(task, 1))
    return task * task, os.getpid()


def fails(task, listen, stopped):
    if task == 1:
        raise UserError("run-busy", "somebody else", "wait")
    return task


def crashes(task, listen, stopped):
    if task == 1:
        raise ZeroDivisionError("a bug")
    return task


def dies(task, listen, stopped):
    if task == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def waits(task, listen, stopped):
    """Until it is told to stop; says when it began."""
    listen(report(task, 1))
    while not stopped():
        time.sleep(0.01)
    return task


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_tasks(jobs):
    heard = []
    results = run_all(square, [3, 1, 2], jobs, heard.append)
    assert [result for result, _ in results] == [9, 1, 4]
    assert sorted(report.seed for report in heard) == [1, 2, 3]
    assert len({pid for _, pid in results}) <= jobs
    assert (os.getpid() in {pid for _, pid in results}) is (jobs == 1)


def test_workers_are_warm():
    results = run_all(square, [1] * 6, 2, print)
    assert len(results) == 6
    assert len({pid for _, pid in results}) <= 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_users_mistake_comes_through(jobs):
    with pytest.raises(UserError) as caught:
        run_all(fails, [0, 1], jobs, print)
    assert (caught.value.code, caught.value.hint) == ("run-busy", "wait")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(RuntimeError, match=r"in crashes[\s\S]*ZeroDivisionError: a bug"):
        run_all(crashes, [0, 1], 2, print)


def test_a_task_that_kills_its_worker_again_and_again_has_failed():
    with pytest.raises(UserError, match=f"ended from outside {RETRIES + 1} times"):
        run_all(dies, [0, 1], 2, print)


def dies_twice(task, listen, stopped):
    """Killed by its own hand, RETRIES times; the task is the folder that counts."""
    lives = len(list(task.iterdir()))
    if lives < RETRIES:
        (task / str(lives)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return lives


def test_a_killed_worker_is_replaced_and_its_task_begins_again(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    assert run_all(dies_twice, folders, 2, print) == [RETRIES, RETRIES]


def test_a_worker_killed_while_idle_is_in_nobodys_way():
    workers = Workers(square, 1)
    try:
        workers.begin(0, 3)
        [done] = last_words(workers, 1)
        os.kill(done.result[1], signal.SIGKILL)
        workers.begin(1, 4)
        [again] = last_words(workers, 1)
    finally:
        workers.close()
    assert (done.result[0], again.result[0]) == (9, 16)
    assert done.result[1] != again.result[1]


def test_after_a_failure_nothing_of_the_worker_is_used_again():
    workers = Workers(fails, 1)
    try:
        workers.begin(0, 1)
        [failed] = last_words(workers, 1)
        workers.begin(1, 5)
        [done] = last_words(workers, 1)
    finally:
        workers.close()
    assert (failed.error.code, done.result) == ("run-busy", 5)


def last_words(workers, count):
    """The messages that end tasks, until there are so many."""
    messages = []
    while len(messages) < count:
        messages += [m for m in workers.receive() if not isinstance(m, Reported)]
    return messages


PARENT = """
import sys
from symgen.experiment.jobs import run_all
from tests.experiment.test_jobs import notes_its_end
if __name__ == "__main__":
    run_all(notes_its_end, sys.argv[1:], 2, lambda report: print("begun", flush=True))
"""


def notes_its_end(task, listen, stopped):
    """As `waits`; it leaves a file when it has been asked to stop."""
    waits(0, listen, stopped)
    open(task, "w").close()


def test_without_the_parent_workers_give_up_by_themselves(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    ends = [tmp_path / "one", tmp_path / "two"]
    parent = subprocess.Popen(
        [sys.executable, str(script), *map(str, ends)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        parent.stdout.readline()
        parent.stdout.readline()
        parent.kill()
    deadline = time.monotonic() + 30
    while not all(end.exists() for end in ends):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_everyone_finish_and_nobody_begin(jobs, number):
    begun = []

    def listen(report):
        begun.append(report.seed)
        if len(begun) == jobs:
            os.kill(os.getpid(), number)

    assert run_all(waits, [0, 1, 2], jobs, listen) == list(range(jobs))
    assert sorted(begun) == list(range(jobs))


def gives_up(task, listen, stopped):
    """Until it is told to stop, and then without a result."""
    waits(task, listen, stopped)
    raise KeyboardInterrupt


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_gives_up_when_asked_has_no_result(jobs):
    asked = []

    def listen(_report):
        if not asked:
            asked.append(os.kill(os.getpid(), signal.SIGINT))

    assert run_all(gives_up, [0, 1], jobs, listen) == []


def test_the_second_signal_interrupts():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
