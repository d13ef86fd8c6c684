import os
import signal
import time

import pytest

from symgen.errors import UserError
from symgen.experiment.jobs import interruptible, run_all
from symgen.experiment.progress import Report


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
    assert len({pid for _, pid in results}) == (1 if jobs == 1 else 3)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_users_mistake_comes_through(jobs):
    with pytest.raises(UserError) as caught:
        run_all(fails, [0, 1], jobs, print)
    assert (caught.value.code, caught.value.hint) == ("run-busy", "wait")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(RuntimeError, match=r"in crashes[\s\S]*ZeroDivisionError: a bug"):
        run_all(crashes, [0, 1], 2, print)


def test_a_killed_process_is_noticed():
    with pytest.raises(UserError, match="ended from outside"):
        run_all(dies, [0, 1], 2, print)


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
