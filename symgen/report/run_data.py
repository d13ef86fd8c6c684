"""What one run folder holds, see symgen.experiment.run."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from symgen.errors import UserError
from symgen.experiment import metrics, relaxed_weights
from symgen.experiment.evaluation import Evaluation
from symgen.experiment.files import SEAL, Object, read_json
from symgen.experiment.run import Run
from symgen.experiment.stored import USUAL, shown_evaluation
from symgen.experiment.variant import typed

ARM = "arm.json"
"""Which arm of a study a run is of; runs of no study have none."""


@dataclass(frozen=True, eq=False)
class RunData:
    """One run.

    Args:
        spec: stem of the spec.
        arm: its variant.
        seed: its seed.
        finished: whether it was trained to its end.
        why_not: why it has no scores; "" where it has.
        step: of the last update; 0 where there was none.
        seconds: of training; NaN where not known.
        curve: [update, 3]: step, seconds of training, mean return of recent training episodes;
            updates before the first episode ended are left out.
        evaluation: its scores; None where it has none that are of its present weights.
        before: largest equivariance error of the policy before training; None where not measured.
        after: the same of the trained policy.
        claimed: whether it was claimed to be equivariant, and measured as such.
        weights: numbers that are trained.
        flops: of one forward pass; None where not stored.
        memory: bytes at most; None where not stored.
        relaxed_steps: when the relaxed weights were measured, [time].
        relaxed: by map, [time, bank, element].
        resolved: every value in force.
        versions: software, machine, command.
        text: the spec as it was compiled.
    """

    spec: str
    arm: str
    seed: int
    finished: bool
    why_not: str
    step: int
    seconds: float
    curve: np.ndarray
    evaluation: Evaluation | None
    before: float | None
    after: float | None
    claimed: bool
    weights: int | None
    flops: int | None
    memory: int | None
    relaxed_steps: np.ndarray
    relaxed: Mapping[str, np.ndarray]
    resolved: Mapping[str, object]
    versions: Mapping[str, object]
    text: str

    @property
    def spec_id(self) -> str:
        """The spec in anchors."""
        return identifier(self.spec)

    @property
    def id(self) -> str:
        """Its anchor in a page."""
        return f"run-{self.spec_id}-{identifier(self.arm)}-{self.seed}"

    @property
    def label(self) -> str:
        """Where it lies: spec/arm/seed."""
        return f"{self.spec}/{self.arm}/{self.seed}"

    @property
    def seconds_per_step(self) -> float:
        """Of training, collecting included; NaN where not known."""
        return self.seconds / self.step if self.step else math.nan

    def score(self, condition: str) -> float:
        """Mean return under a condition, NaN where it has none."""
        scores = self.evaluation.scores.get(condition) if self.evaluation else None
        return scores.returns.mean if scores else math.nan

    def success(self, condition: str) -> float:
        """Success rate under a condition, NaN where it has none."""
        scores = self.evaluation.scores.get(condition) if self.evaluation else None
        return scores.successes.mean if scores and scores.successes else math.nan


@dataclass(frozen=True)
class SaidOfArm:
    """What arm.json says; `known` where there is one. `seeds` are those that the study wanted."""

    known: bool = False
    label: str = ""
    axis: str = ""
    control: str = ""
    edits: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    flops: int | None = None
    memory: int | None = None


def identifier(text: str) -> str:
    """A text as part of an anchor: other texts give other ones.

    >>> identifier("group=C2"), identifier("group-C2")
    ('group_3d_C2', 'group-C2')
    """
    return re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}_", text)


def values_of(run: Run) -> Object:
    """Its resolved values; empty of a run that was killed before they were written."""
    return _or_empty(run, "resolved.json")


def _or_empty(run: Run, name: str) -> Object:
    """A JSON file; empty where it is missing, so that what a kill left can still be listed."""
    path = run.folder / name
    return read_json(path) if path.exists() else {}


def read_arm(run: Run) -> SaidOfArm:
    """What arm.json says of a run.

    Raises:
        UserError: it is damaged.
    """
    path = run.folder / ARM
    if not path.exists():
        return SaidOfArm()
    values = read_json(path)
    edits = values.get("edits", {})
    if not isinstance(edits, Mapping):
        raise UserError("file-unreadable", f"{path} says edits: {edits}", "put the file back")
    seeds = values.get("seeds", [])
    return SaidOfArm(
        known=True,
        label=str(values.get("label", "")),
        axis=str(values.get("axis", "")),
        control=str(values.get("control", "")),
        edits={path: typed(value) for path, value in edits.items()},
        seeds=tuple(seeds) if isinstance(seeds, list) else (),
        flops=_count(values.get("flops")),
        memory=_count(values.get("memory")),
    )


def read_run(run: Run) -> RunData:
    """What a run folder holds.

    Raises:
        UserError: a file of it is damaged.
    """
    rows = metrics.read(run.folder)
    evaluation, why_not = _evaluation(run)
    last = rows[-1] if rows else {}
    step = int(last.get("step", 0))
    finished = run.finished if run.resumable else evaluation is not None or step >= _steps(run)
    verification = _or_empty(run, "verification.json")
    measured = _stored_verification(run, evaluation)
    said = read_arm(run)
    steps, relaxed = relaxed_weights.read(run.folder)
    if not finished:
        why_not = f"not finished: stopped at step {step:,}"
    return RunData(
        spec=run.spec,
        arm=run.variant,
        seed=run.seed,
        finished=finished,
        why_not=why_not,
        step=step,
        seconds=float(last.get("seconds", math.nan)),
        curve=_curve(rows),
        evaluation=evaluation if finished else None,
        before=_policy_error(verification),
        after=_policy_error(measured),
        claimed=verification.get("claimed") is True,
        weights=_weights(run),
        flops=said.flops,
        memory=said.memory,
        relaxed_steps=steps,
        relaxed=relaxed,
        resolved=values_of(run),
        versions=_or_empty(run, "versions.json"),
        text=(run.folder / "spec.yaml").read_text(encoding="utf-8").partition(SEAL)[0],
    )


def _steps(run: Run) -> float:
    """The steps that were wanted; infinite where that was not written. A copy may lack the
    checkpoints that say whether they were reached.
    """
    train = values_of(run).get("train")
    steps = train.get("steps") if isinstance(train, Mapping) else None
    return steps if isinstance(steps, int) else math.inf


def _evaluation(run: Run) -> tuple[Evaluation | None, str]:
    """What is stored of the present weights; or why there is none. What is damaged is an error."""
    try:
        return shown_evaluation(run, USUAL), ""
    except UserError as error:
        if error.code != "not-evaluated":
            raise
        return None, error.message.replace(f"{run.folder}", run.label)


def _stored_verification(run: Run, evaluation: Evaluation | None) -> Mapping[str, object]:
    """The verification of the trained network, which stands in its evaluation."""
    if evaluation is None:
        return {}
    usual = run.folder / USUAL.file
    path = usual if usual.exists() else next(iter(sorted(run.folder.glob("evaluation.*.json"))))
    verification = read_json(path).get("verification")
    return verification if isinstance(verification, Mapping) else {}


def _policy_error(verification: Mapping[str, object]) -> float | None:
    """The largest equivariance error of the policy in the precision it acts in."""
    rows = verification.get("rows")
    if not isinstance(rows, list):
        return None
    errors = [
        float(row["error"])
        for row in rows
        if row.get("output") == "policy" and row.get("dtype") == "float32"
    ]
    return max(errors) if errors else None


def _curve(rows: list[dict[str, float]]) -> np.ndarray:
    points = [
        (row["step"], row.get("seconds", math.nan), row["return"])
        for row in rows
        if math.isfinite(row.get("return", math.nan))
    ]
    return np.array(points, dtype=np.float64).reshape(-1, 3)


def _weights(run: Run) -> int | None:
    """As the first line of the plan counts them."""
    path = run.folder / "plan.txt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    counted = re.search(r": ([\d,]+) weights", text.partition("\n")[0])
    return int(counted[1].replace(",", "")) if counted else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def shown_versions(versions: Mapping[str, object]) -> str:
    """Versions in one line: what is null or empty is left out.

    >>> shown_versions({"symgen": "0.1.0", "torch": None, "imports": [], "cores": 2})
    'symgen 0.1.0, cores 2'
    """
    left_out = ("command", "time", "resumed")
    shown = {
        name: value
        for name, value in versions.items()
        if name not in left_out and value not in (None, [], "")
    }
    return ", ".join(
        f"{name} {value if isinstance(value, str | int) else json.dumps(value)}"
        for name, value in shown.items()
    )
