"""A run: the folder runs/<spec>/<variant>/<seed>/ and the provenance in it.

spec.yaml           the spec as it was compiled, edits included, and its checksum; it compiles
                    again to this run
resolved.json       every value in force, defaults included
plan.txt            the plan, verification.json the verification
versions.json       python, torch, numpy, symgen, commit, platform, command, device; of resumed
                    runs too, with whether they went on bit for bit (`exact`) and else `why` not
metrics.jsonl       one line per update; events/ holds the same for TensorBoard
relaxed_weights.jsonl  of a network with banks: their weights over training
checkpoints/        last, best, and every n-th on request (safetensors and JSON)
evaluation.json     the scores under each condition of `evaluate:`; evaluation.episodes=10.json
                    the same with other settings
arm.json            of a study: the arm that the run is of, and the seeds of the study
teacher.json        of a clone: the run that taught it, its step and a digest of its weights
learning_curve.png  the return over steps
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from symgen.errors import UserError
from symgen.experiment import checkpoint
from symgen.experiment.files import read_json, sealed, write_json, write_text, writing
from symgen.experiment.versions import versions

ROOT = Path("runs")
LAST = "last"
BEST = "best"


@dataclass(frozen=True)
class Run:
    """One seed of one variant of one spec.

    Args:
        folder: runs/<spec>/<variant>/<seed>.
    """

    folder: Path

    @property
    def seed(self) -> int:
        """The seed, which is the folder's name."""
        return int(self.folder.name)

    @property
    def variant(self) -> str:
        """The variant, e.g. "base" or "network.family=cnn"."""
        return self.folder.parent.name

    @property
    def spec(self) -> str:
        """The stem of the spec file."""
        return self.folder.parent.parent.name

    @property
    def label(self) -> str:
        """e.g. "lavacrossing_c4/base/0"."""
        return "/".join((self.spec, self.variant, self.folder.name))

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"

    @property
    def resumable(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return (self.checkpoints / f"{LAST}.json").exists()

    @property
    def finished(self) -> bool:
        """Whether training reached its last update."""
        return self.resumable and bool(checkpoint.header(self.checkpoints, LAST)["finished"])

    def record(
        self,
        text: str,
        resolved: Mapping[str, object],
        plan: str,
        verification: Mapping[str, object],
        device: str = "cpu",
    ) -> None:
        """Write what is trained, and on which device, before it is trained."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.record_spec(text, resolved)
        write_text(self.folder / "plan.txt", plan.rstrip() + "\n")
        write_json(self.folder / "verification.json", verification)
        write_json(self.folder / "versions.json", {**versions(), "device": device})

    def record_spec(self, text: str, resolved: Mapping[str, object]) -> None:
        """Write the spec; of a resumed run it may have more seeds or conditions than before."""
        write_text(self.folder / "spec.yaml", sealed(text))
        write_json(self.folder / "resolved.json", resolved)

    def record_resumption(
        self,
        text: str,
        resolved: Mapping[str, object],
        step: int,
        longer: tuple[int, int] | None = None,
        device: str = "cpu",
        why: str = "",
    ) -> None:
        """Add to the versions how a training is resumed.

        Args:
            text: of the spec.
            resolved: its values.
            step: at which it goes on.
            longer: where it is to be longer, its steps before and now.
            device: on which it is trained now.
            why: why it does not go on bit for bit; "" where it does.
        """
        self.record_spec(text, resolved)
        before = read_json(self.folder / "versions.json")
        earlier = before.get("resumed")
        resumption = {
            "step": step,
            "exact": not why,
            **({"why": why} if why else {}),
            **({"steps": list(longer)} if longer else {}),
            **versions(),
            "device": device,
        }
        resumptions = [*(earlier if isinstance(earlier, list) else []), resumption]
        write_json(self.folder / "versions.json", {**before, "resumed": resumptions})

    def clear(self) -> None:
        """Remove the run, all but its lock."""
        with writing(self.folder):
            for path in self.folder.iterdir() if self.folder.exists() else ():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path.name != ".lock":
                    path.unlink()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run, so that two trainings never write to one folder; a kill gives it back.

        Raises:
            UserError: another process holds it, or the folder cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open(self.folder / ".lock", "w")  # noqa: SIM115 (closed below)
        except OSError as error:
            message = f"{self.folder} cannot be written to: {error.strerror}"
            raise UserError(
                "folder-not-writable", message, "write elsewhere with --runs"
            ) from error
        with file:
            if not _lock(file):
                raise UserError(
                    "run-busy",
                    f"another process is training {self.folder}",
                    "wait for it, stop it, or write elsewhere with --runs",
                )
            yield

    def restore(self, name: str) -> checkpoint.Checkpoint:
        """The checkpoint called `name` ("last", "best", "step-4096").

        Raises:
            UserError: it is missing or damaged.
        """
        if name not in checkpoint.names(self.checkpoints):
            there = ", ".join(checkpoint.names(self.checkpoints))
            raise UserError(
                "checkpoint-not-found",
                f"{self.folder} has no checkpoint called {name!r}",
                f"there is: {there}" if there else "train it first: symgen train SPEC",
            )
        return checkpoint.read(self.checkpoints, name)


def _lock(file: IO[str]) -> bool:
    """Take the lock of a file; False where another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows, where nothing guards the folder
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def find(path: Path) -> list[Run]:
    """The runs under a seed, variant or spec folder, in the order of variant and seed.

    Raises:
        UserError: there is none.
    """
    folders = [path, *path.glob("*"), *path.glob("*/*")]
    # links are not followed: the names that a run goes by are those of the folders it is found in
    folders = [Path(os.path.abspath(folder)) for folder in folders]
    runs = [
        Run(folder)
        for folder in folders
        if re.fullmatch("[0-9]+", folder.name) and (folder / "spec.yaml").exists()
    ]
    if not runs:
        specs = path.parent.glob("*/*/*/spec.yaml") if path.name else ()
        near = sorted(str(spec.parent) for spec in specs)[:5]
        hint = f"runs nearby: {', '.join(near)}" if near else "train one first: symgen train SPEC"
        raise UserError("run-not-found", f"{path} is not a run, and holds none", hint)
    return sorted(runs, key=lambda run: (run.spec, run.variant != "base", run.variant, run.seed))


def find_all(paths: Iterable[Path]) -> tuple[list[Run], list[Path]]:
    """The runs under several paths, and the paths that hold none, as a pattern such as
    runs/<spec>/* may give.

    Raises:
        UserError: a path does not exist, or none holds a run.
    """
    runs = []
    empty = []
    error = None
    for path in paths:
        try:
            runs += find(path)
        except UserError as caught:
            if not path.exists():
                raise
            empty.append(path)
            error = error or caught
    if error and not runs:
        raise error
    return runs, empty


def by_variant(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs grouped by variant folder, in the order of their first appearance, each once."""
    groups: dict[Path, dict[Path, Run]] = {}
    for run in runs:
        groups.setdefault(run.folder.parent.resolve(), {}).setdefault(run.folder.resolve(), run)
    return [list(group.values()) for group in groups.values()]
