"""Studies whose workers and parents are killed, and what is left of them in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.files import read_json
from symgen.experiment.fit import Saving
from symgen.experiment.run import Run, find
from symgen.experiment.train import TrainingSettings
from symgen.spec.source import read
from symgen.study.engine import tasks_of
from symgen.study.study import Study, study_of
from symgen.study.work import run_one
from tests.experiment.interrupted import same_bits
from tests.study.specs import LAVA

EPISODES = EvaluationSettings(episodes=4)
SCRIPT = """
import sys
from pathlib import Path
from tests.study.killed import settings, tiny
from symgen.study.engine import run_study
if __name__ == "__main__":
    done = run_study(
        tiny(int(sys.argv[2])),
        settings(Path(sys.argv[1])),
        lambda progress: print(progress.share, flush=True),
    )
    sys.exit(any(not outcome.finished for outcome in done))
"""


def tiny(steps: int) -> Study:
    """Two arms, two seeds."""
    train = {**LAVA["train"], "steps": steps, "seeds": [0, 1]}
    return study_of(read({**LAVA, "train": train, "ablate": {"network.depth": [2]}}))


def settings(root: Path, **changes) -> TrainingSettings:
    return TrainingSettings(
        root=root, jobs=2, saving=Saving(seconds=0), evaluation=EPISODES, **changes
    )


def uninterrupted(root: Path, steps: int) -> list[Run]:
    """The same study, one run after the other in this process."""
    tasks, failures = tasks_of(tiny(steps), settings(root))
    assert not failures
    for task in tasks:
        run_one(task, lambda report: None, lambda: False)
    return runs_below(root)


def runs_below(root: Path) -> list[Run]:
    [folder] = root.iterdir()
    return find(folder)


def killed(root: Path, steps: int, kills: int, seed: int) -> tuple[list[Run], list[str]]:
    """The study, killed at so many moments and begun again until it ends; and who was killed."""
    generator = random.Random(seed)
    moments = sorted(generator.uniform(0.02, 0.95) for _ in range(kills))
    # whoever is killed, both are in turn
    whom = ["worker", "parent"] * kills
    log: list[str] = []
    for _ in range(kills + 2):
        with begun(root, steps) as parent:
            for line in parent.stdout:
                while len(log) < kills and float(line) >= moments[len(log)]:
                    victim = whom[len(log)]
                    pids = workers_of(parent.pid) if victim == "worker" else [parent.pid]
                    if not pids:
                        break
                    os.kill(generator.choice(pids), signal.SIGKILL)
                    log.append(victim)
                    if victim == "parent":
                        break
        if parent.returncode == 0:
            return runs_below(root), log
        assert parent.returncode == -signal.SIGKILL
        time.sleep(0.1)
    raise AssertionError(f"the study did not end: {log}")


def begun(root: Path, steps: int) -> subprocess.Popen:
    """The study in a process of its own, which prints how far it is."""
    script = root.parent / "parent.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), str(root), str(steps)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )


def workers_of(pid: int) -> list[int]:
    """Processes that were spawned by one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [int(child) for child, line in lines.items() if b"spawn_main" in line]


def same_study(one: list[Run], other: list[Run]) -> bool:
    """Equal weights and memories, bit for bit, and equal evaluations."""
    if [run.label for run in one] != [run.label for run in other]:
        return False
    return all(
        same_bits(mine, theirs) and played(mine) == played(theirs)
        for mine, theirs in zip(one, other, strict=True)
    )


def played(run: Run):
    values = read_json(run.folder / EPISODES.file)
    return values["conditions"], values["episodes_played"]
