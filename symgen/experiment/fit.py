"""The loop around a learner: iterate it, log it, save it, stop it, and go on where it stopped."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import nn

from symgen.errors import UserError
from symgen.experiment import metrics, relaxed_weights
from symgen.experiment.checkpoint import Checkpoint, write
from symgen.experiment.jobs import Stopped
from symgen.experiment.progress import Listen, Report, mean_return
from symgen.experiment.run import BEST, LAST, Run
from symgen.problem.algorithm import Learner

NETWORK = "network."
LEARNER = "learner."
"""Prefixes of the tensors in a checkpoint."""


@dataclass(frozen=True)
class Saving:
    """When to write checkpoints.

    Args:
        seconds: time between two; 0 saves after every update.
        keep: keep one for good every so many updates; None keeps the last and the best.
    """

    seconds: float = 30.0
    keep: int | None = None

    def keeps(self, update: int) -> bool:
        """Whether the checkpoint of this update is kept for good."""
        return self.keep is not None and update % self.keep == 0


@dataclass(frozen=True)
class Session:
    """One sitting of a run's training, which may be one of several.

    Args:
        run: where it is written.
        saving: when.
        listen: who is told of each update.
        stopped: whether it is to end, asked after each update.
    """

    run: Run
    saving: Saving
    listen: Listen
    stopped: Stopped


def fit(
    session: Session, network: nn.Module, learner: Learner, steps: int, begin: Checkpoint | None
) -> Checkpoint:
    """Iterate `learner` from `begin`, if any, to its end or until the session is stopped.

    Args:
        session: where it is written, and who watches.
        network: what is trained.
        learner: what trains it.
        steps: environment steps in all.
        begin: the checkpoint to go on from; None for the start.

    Returns:
        The last checkpoint, which has been written.
    """
    run = session.run
    saving = session.saving
    current = begin or Checkpoint(update=0, step=0, tensors={})
    if begin:
        restore(network, learner, begin)
        # a kill may have come between it and its copies
        _copy(run, begin, saving.keeps(begin.update))
    metrics.truncate(run.folder, current.update)
    relaxed_weights.begin(run.folder, network, current.update)
    clock = _Clock(saving.seconds, current.seconds)
    before = current
    with metrics.Metrics(run.folder, current.step) as log:
        for row in learner:
            step = int(row["step"])
            update = int(row["update"])
            seconds = clock.seconds
            log.write({**row, "seconds": round(seconds, 3)})
            relaxed_weights.write(run.folder, network, row)
            speed = (step - before.step) / (seconds - before.seconds)
            session.listen(Report(run.seed, step, steps, mean_return(row), speed))
            keep = saving.keeps(update)
            stop = session.stopped()
            if keep or stop or step >= steps or clock.due():
                with clock:
                    current = capture(
                        network, learner, row, current.best, seconds, finished=step >= steps
                    )
                    save(run, current, keep)
            if stop:
                break
    return current


def capture(
    network: nn.Module,
    learner: Learner,
    row: Mapping[str, float],
    best: float | None,
    seconds: float,
    finished: bool,
) -> Checkpoint:
    """The present state as a checkpoint. `best` is the highest mean return of the checkpoints
    before.
    """
    tensors = {NETWORK + name: value for name, value in network.state_dict().items()}
    tensors |= {LEARNER + name: value for name, value in learner.tensors().items()}
    value = mean_return(row)
    highest = [number for number in (best, value) if number is not None and not math.isnan(number)]
    return Checkpoint(
        update=int(row["update"]),
        step=int(row["step"]),
        tensors=tensors,
        scalars=dict(learner.scalars()),
        metrics=dict(row),
        finished=finished,
        best=max(highest, default=None),
        seconds=seconds,
    )


def save(run: Run, checkpoint: Checkpoint, keep: bool = False) -> None:
    """Write `checkpoint` as the last one, as the best one where no saved one is better, and for
    good where asked.

    Only the last one is gone on from, and it comes first: where there is any checkpoint there is a
    last one. The others are evaluated, and hold the network alone (a replay may be gigabytes).
    """
    write(run.checkpoints, LAST, checkpoint)
    _copy(run, checkpoint, keep)


def _copy(run: Run, checkpoint: Checkpoint, keep: bool) -> None:
    """Write the last checkpoint as the best one, where it is, and for good where asked."""
    network = {
        name: value for name, value in checkpoint.tensors.items() if name.startswith(NETWORK)
    }
    if keep:
        write(run.checkpoints, f"step-{checkpoint.step}", replace(checkpoint, tensors=network))
    if checkpoint.best is not None and mean_return(checkpoint.metrics) >= checkpoint.best:
        write(run.checkpoints, BEST, replace(checkpoint, tensors=network))


def restore(network: nn.Module, learner: Learner, checkpoint: Checkpoint) -> None:
    """Put a checkpoint's state into a network and a learner.

    Raises:
        UserError: it belongs to another network.
    """
    load_weights(network, checkpoint)
    try:
        learner.restore(checkpoint.below(LEARNER), checkpoint.scalars)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise UserError(
            "checkpoint-damaged", f"the learner cannot go on from the checkpoint: {error}"
        ) from error


def load_weights(network: nn.Module, checkpoint: Checkpoint) -> None:
    """Put a checkpoint's weights into `network`.

    Raises:
        UserError: they are those of another network.
    """
    try:
        network.load_state_dict(checkpoint.below(NETWORK))
    except RuntimeError as error:
        message = f"the checkpoint belongs to another network: {error}"
        raise UserError("checkpoint-damaged", message, "train again with --force") from error


class _Clock:
    """Training time, and when the next checkpoint is due; within it, saving is timed.

    Args:
        interval: seconds between checkpoints; saving takes a twentieth of the time at most, unless
            it is 0.
        before: training time of earlier sessions.
    """

    def __init__(self, interval: float, before: float) -> None:
        self._interval = interval
        self._cost = 0.0
        self._begin = time.perf_counter() - before
        self._saved = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return time.perf_counter() - self._begin

    def due(self) -> bool:
        """Whether it is time to save."""
        waited = time.perf_counter() - self._saved
        return not self._interval or waited >= max(self._interval, 20 * self._cost)

    def __enter__(self) -> None:
        self._saved = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        now = time.perf_counter()
        self._cost = now - self._saved
        self._saved = now
