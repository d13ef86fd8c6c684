"""A study on a Ray cluster gives the numbers of one that is not, a killed worker or not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from symgen.errors import UserError
from symgen.study import ray as runs_by_ray
from tests.study.killed import runs_below, same_study, uninterrupted

SCRIPT = """
import sys
from functools import partial
from pathlib import Path
from symgen.study.engine import run_study
from symgen.study.ray import LOCAL, cluster
from tests.study.killed import settings, tiny
if __name__ == "__main__":
    done = run_study(
        tiny(int(sys.argv[2])),
        settings(Path(sys.argv[1])),
        lambda progress: print(progress.share, flush=True),
        partial(cluster, LOCAL, 1),
    )
    for outcome in done:
        print(outcome.failure, file=sys.stderr)
    sys.exit(any(not outcome.finished for outcome in done))
"""
STEPS = 4096


def test_without_ray_it_is_said(monkeypatch):
    monkeypatch.setattr(runs_by_ray.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        runs_by_ray.cluster("local")
    assert (caught.value.code, caught.value.hint) == (
        "missing-package",
        'pip install "symgen[ray]"',
    )


@pytest.mark.slow(2)
@pytest.mark.skipif(
    runs_by_ray.importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)
def test_a_local_cluster_gives_the_same_bits_though_workers_are_killed(tmp_path):
    whole = uninterrupted(tmp_path / "whole", STEPS)
    script = tmp_path / "driver.py"
    script.write_text(SCRIPT)
    root = tmp_path / "ray"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    victims = []
    with subprocess.Popen(
        [sys.executable, str(script), str(root), str(STEPS)],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as driver:
        for line in driver.stdout:
            # all workers, of which one at least has saved something
            if not victims and 0.1 <= float(line) < 0.9:
                victims = [pid for pid in below(driver.pid) if b"_remote" in command_line(pid)]
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
    assert driver.returncode == 0
    assert victims
    assert same_study(runs_below(root), whole)
    assert any("resumed" in (run.folder / "versions.json").read_text() for run in runs_below(root))


def below(pid: int) -> list[int]:
    """A process's children, theirs, and so on."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended meanwhile
        return []
    return [each for child in children for each in (int(child), *below(int(child)))]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
