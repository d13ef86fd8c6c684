"""The numbers as CSV: tidy, one row per seed and condition, so that anybody can work them out
again.
"""

import csv
import io
import math

from symgen.report.data import ArmData, ReportData
from symgen.report.run_data import RunData

HEADER = (
    "spec", "arm", "axis", "control", "seed", "condition", "return", "success", "length",
    "finished", "step", "seconds", "weights", "flops", "memory", "error_before", "error_after",
    "group", "constraint", "family", "commit", "symgen",
)  # fmt: skip


def rows(data: ReportData) -> str:
    """The file. A run without scores has one row, with no condition; what is not known is empty."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(HEADER)
    for spec in data.specs:
        for arm in spec.arms:
            for run in arm.runs:
                names = list(run.evaluation.scores) if run.evaluation else [""]
                writer.writerows(_row(arm, run, name) for name in names)
    return content.getvalue()


def _row(arm: ArmData, run: RunData, condition: str) -> list[str]:
    scores = run.evaluation.scores[condition] if run.evaluation and condition else None
    values: tuple[object, ...] = (
        run.spec, arm.name, arm.axis, "yes" if arm.control else "no", run.seed, condition,
        run.score(condition), run.success(condition), scores.lengths.mean if scores else None,
        "yes" if run.finished else "no", run.step, run.seconds, run.weights, run.flops, run.memory,
        run.before, run.after, arm.said("symmetry", "group"), arm.constraint,
        arm.said("network", "family"), run.versions.get("commit"), run.versions.get("symgen"),
    )  # fmt: skip
    return ["" if _unknown(value) else str(value) for value in values]


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
