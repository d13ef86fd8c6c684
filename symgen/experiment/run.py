"""A run: the folder runs/<spec>/<variant>/<seed>/ and the provenance in it.

spec.yaml           the spec as it was compiled, edits included, and its checksum; it compiles again to this run
resolved.json       every value in force, defaults included
plan.txt            the plan, verification.json the verification
versions.json       python, torch, numpy, symgen, commit, platform, command, device; of resumed runs too
metrics.jsonl       one line per update; events/ holds the same for TensorBoard
relaxed_weights.jsonl  of a network with banks: their weights over training
checkpoints/        last, best, and every n-th on request (safetensors and JSON)
evaluation.json     a row per condition of `evaluate:`; evaluation.episodes=10.json the same with other settings
learning_curve.png  the return over steps
"""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from symgen.errors import UserError, shown
from symgen.experiment import checkpoint
from symgen.experiment.files import plain, read_json, sealed, write_json, write_text, writing
from symgen.experiment.versions import versions

ROOT = Path("runs")
LAST, BEST = "last", "best"


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
        resolved: Mapping[str, Any],
        plan: str,
        verification: Mapping[str, Any],
        device: str = "cpu",
    ) -> None:
        """Write what is trained, and on which device, before it is trained."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.record_spec(text, resolved)
        write_text(self.folder / "plan.txt", plan.rstrip() + "\n")
        write_json(self.folder / "verification.json", verification)
        write_json(self.folder / "versions.json", {**versions(), "device": device})

    def record_spec(self, text: str, resolved: Mapping[str, Any]) -> None:
        """Write the spec; when a run is resumed it may have more seeds or conditions than before."""
        write_text(self.folder / "spec.yaml", sealed(text))
        write_json(self.folder / "resolved.json", resolved)

    def record_resumption(
        self,
        text: str,
        resolved: Mapping[str, Any],
        step: int,
        longer: tuple[int, int] | None = None,
        device: str = "cpu",
    ) -> None:
        """Add the versions and device of a resumed training, and where it is to be longer its steps
        before and now.
        """
        self.record_spec(text, resolved)
        before = read_json(self.folder / "versions.json")
        again = [
            *before.get("resumed", []),
            {
                "step": step,
                **({"steps": list(longer)} if longer else {}),
                **versions(),
                "device": device,
            },
        ]
        write_json(self.folder / "versions.json", {**before, "resumed": again})

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


def stem(name: str) -> str:
    """The folder name of a spec, from the name of its source.

    >>> stem("specs/gridworld/lava.yaml (edited)"), stem("<dict>")
    ('lava', 'dict')
    """
    return Path(name.removesuffix(" (edited)")).stem.strip("<>.") or "spec"


def variant(edits: Mapping[str, Any]) -> str:
    """A folder name for the `--set` edits of a spec: readable, short, and another one for other
    edits.

    >>> variant({})
    'base'
    >>> variant({"train.steps": 1000, "network.family": "cnn"})
    'network.family=cnn,train.steps=1000'
    >>> variant({"network.hidden": ["64 regular", "32 regular"]})
    'network.hidden=64-regular+32-regular'
    """
    if not edits:
        return "base"
    by_path = sorted(edits.items())  # the order of typing makes no other variant
    text = ",".join(f"{path}={_written(value)}" for path, value in by_path)
    if all(_named(path) == path for path in edits):
        name = ",".join(f"{path}={_word(value)}" for path, value in by_path)
        if "?" not in name and len(name) <= LONGEST_NAME:
            return name
    # what the name has to leave out is told apart by a digest
    slug = re.sub(r"[^\w.=,+-]+", "-", re.sub(r"[\[\]{}\"']", "", text), flags=re.ASCII).strip("-.")
    return f"{slug[:LONGEST_NAME].rstrip('-.,+=')}~{hashlib.sha256(text.encode()).hexdigest()[:6]}"


LONGEST_NAME = 80
"""Characters of a variant's name, its digest apart."""


def check_variant(name: str) -> None:
    """Raise UserError where a variant cannot be called so: it is one folder, below that of its
    spec.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][\w.=,+~-]{0,99}", name, re.ASCII):
        rule = "at most 100 letters, digits and . _ = , + ~ -, and it begins with a letter or digit"
        raise UserError("variant-name", f"a variant cannot be called {shown(name)}", rule)


def _word(value: Any) -> str:
    """A value in a folder's name, "64 regular" as 64-regular and a list with + between; "?" where
    it has no place.
    """
    if isinstance(value, list | tuple):
        words = "+".join(map(_named, value))
        return f"{words}+" if len(value) == 1 else words or "?"
    return _named(value)


def _named(value: Any) -> str:
    """A scalar in a folder's name; "?" where another scalar would have the same name, or it has
    none.
    """
    text = _written(value)
    if re.fullmatch(r"\d+ [a-z]\w*", text, re.ASCII):
        return text.replace(" ", "-")
    plain_word = re.fullmatch(r"[\w.-]+", text, re.ASCII) and not re.fullmatch(
        r"\d+-[a-z]\w*", text, re.ASCII
    )
    return text if plain_word else "?"


def find(path: Path) -> list[Run]:
    """The runs under a seed, variant or spec folder, in the order of variant and seed.

    Raises:
        UserError: there is none.
    """
    folders = [path, *path.glob("*"), *path.glob("*/*")]
    # links are not followed: the names that a run goes by are those of the folders it is found in
    folders = [Path(os.path.abspath(each)) for each in folders]
    runs = [
        Run(each)
        for each in folders
        if re.fullmatch("[0-9]+", each.name) and (each / "spec.yaml").exists()
    ]
    if not runs:
        near = (
            sorted(str(each.parent) for each in path.parent.glob("*/*/*/spec.yaml"))[:5]
            if path.name
            else []
        )
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


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What training depends on and two resolved specs disagree about, one line per value.

    >>> difference({"train": {"steps": 10, "seeds": [0]}}, {"train": {"steps": 20, "seeds": [0, 1]}})
    ['train.steps: 10 -> 20']
    """
    old = _flat(before)
    new = _flat(after)
    paths = [path for path in {**old, **new} if not path.startswith(_NOT_TRAINED_WITH)]
    missing = "(absent)"
    return [
        f"{path}: {_written(old.get(path, missing))} -> {_written(new.get(path, missing))}"
        for path in paths
        if old.get(path, missing) != new.get(path, missing)
    ]


def disagreement(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What two resolved specs say differently that seeds of one variant have in common, one line
    per value.

    The number of steps may differ, and so may options that one of them does not know yet.

    >>> disagreement({"train": {"steps": 10}, "network": {"width": 8}}, {"train": {}, "network": {"width": 16}})
    ['network.width: 8 and 16']
    """
    here = _flat(one)
    there = _flat(other)
    return [
        f"{path}: {_written(value)} and {_written(there[path])}"
        for path, value in here.items()
        if path in there
        and value != there[path]
        and not path.startswith((*_NOT_TRAINED_WITH, "train.steps"))
    ]


def check_alike(runs: Sequence[Run]) -> None:
    """Raise UserError where seeds of one variant are of different specs: a mean over them means
    nothing.
    """
    first, *others = runs
    values = read_json(first.folder / "resolved.json")
    for other in others:
        lines = disagreement(values, read_json(other.folder / "resolved.json"))
        if lines:
            between = "\n".join(f"    {line}" for line in lines)
            message = f"{first.folder} and {other.folder} are of different specs:\n{between}"
            raise UserError(
                "run-mixed",
                message,
                "evaluate them one by one; train one of them again with --runs",
            )


# More seeds or more held-out conditions change nothing about the seeds trained already.
_NOT_TRAINED_WITH = ("evaluate", "train.seeds")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = plain(value)
    return flat


def _written(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
