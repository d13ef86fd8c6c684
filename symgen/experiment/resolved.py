"""What two resolved specs disagree about."""

from collections.abc import Mapping, Sequence

from symgen.errors import UserError
from symgen.experiment.files import Json, plain, read_json
from symgen.experiment.run import Run
from symgen.experiment.variant import typed

NOT_TRAINED_WITH = ("evaluate", "train.seeds")
"""More seeds or more held-out conditions change nothing about the seeds trained already."""


LEFT_OUT = (
    "train.sensors",
    "environment.patches",
    "environment.frames",
    "environment.previous",
    "graph",
)
"""What a resolved spec names only where the spec does: where it is missing, there is none of it."""


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What training depends on and two resolved specs disagree about, one line per value.

    >>> before = {"train": {"steps": 10, "seeds": [0]}}
    >>> difference(before, {"train": {"steps": 20, "seeds": [0, 1]}})
    ['train.steps: 10 -> 20']
    """
    old = _flat(before)
    new = _flat(after)
    paths = [path for path in {**old, **new} if not path.startswith(NOT_TRAINED_WITH)]
    absent = "(absent)"
    return [
        f"{path}: {typed(old.get(path, absent))} -> {typed(new.get(path, absent))}"
        for path in paths
        if old.get(path, absent) != new.get(path, absent)
    ]


def disagreement(first: Mapping[str, object], second: Mapping[str, object]) -> list[str]:
    """What two resolved specs say differently that seeds of one variant have in common, one line
    per value.

    The number of steps may differ, and so may options that one of them does not know yet. What a
    spec leaves out because there is none of it is no such option.

    >>> first = {"train": {"steps": 10}, "network": {"width": 8}}
    >>> disagreement(first, {"train": {}, "network": {"width": 16}})
    ['network.width: 8 and 16']
    >>> disagreement({"train": {}}, {"train": {"sensors": {"shuffle": "per_episode"}}})
    ['train.sensors.shuffle: (absent) and per_episode']
    >>> disagreement({"environment": {"frames": 4}}, {"environment": {}})
    ['environment.frames: 4 and (absent)']
    """
    here = _flat(first)
    there = _flat(second)
    absent = "(absent)"
    paths = [
        path
        for path in {**here, **there}
        if (path in here and path in there) or path.startswith(LEFT_OUT)
    ]
    return [
        f"{path}: {typed(here.get(path, absent))} and {typed(there.get(path, absent))}"
        for path in paths
        if here.get(path, absent) != there.get(path, absent)
        and not path.startswith((*NOT_TRAINED_WITH, "train.steps"))
    ]


def check_alike(runs: Sequence[Run]) -> None:
    """Raise UserError where seeds of one variant are of different specs: a mean over them means
    nothing.
    """
    first, *rest = runs
    values = read_json(first.folder / "resolved.json")
    for run in rest:
        lines = disagreement(values, read_json(run.folder / "resolved.json"))
        if lines:
            between = "\n".join(f"    {line}" for line in lines)
            message = f"{first.folder} and {run.folder} are of different specs:\n{between}"
            hint = "evaluate them one by one; train one of them again with --runs"
            raise UserError("run-mixed", message, hint)


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, Json]:
    """{"a": {"b": 1}} as {"a.b": 1}."""
    flat: dict[str, Json] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = plain(value)
    return flat
