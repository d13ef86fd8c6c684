"""Numbers as TensorBoard events, written in this thread.

TensorBoard's own writer has a thread, which answers a full disk with a traceback that nobody can
catch.
"""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

SECONDS = 30.0
"""Time between flushes."""


class Events:
    """An event file; OSError where it cannot be written.

    Args:
        folder: the folder of event files.
        step: environment steps done before: later events of a killed run are hidden.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a folder in the order of their names
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._file = open(folder / name, "wb")  # noqa: SIM115 (closed by close)
        self._records = RecordWriter(self._file)
        self._flushed = time.monotonic()
        self._write(Event(file_version="brain.Event:2"))
        if step:
            self._write(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Add numbers at a step."""
        self._write(
            Event(step=step, summary=Summary(value=[_value(*item) for item in values.items()]))
        )

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())
        if time.monotonic() - self._flushed > SECONDS:
            self._file.flush()
            self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close; closed even where flushing fails."""
        self._file.close()


def _value(name: str, number: float) -> Summary.Value:
    return Summary.Value(tag=name, simple_value=number)
