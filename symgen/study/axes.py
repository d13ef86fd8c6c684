"""The arms of an `ablate:` section.

One value of one axis at a time, everything else as in the spec: an arm then says what that one
change does, and a study of n values has n arms. `cross: true` is the grid of all values, for
interactions; so is a condition between axes (`where`), which would mean nothing one at a time.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

from pydantic import JsonValue

from symgen.compiler import check_spec
from symgen.errors import SpecError
from symgen.experiment.in_force import resolved
from symgen.experiment.variant import typed, variant
from symgen.problem.problem import Problem
from symgen.semantics.ablate import GROUP, WRONG, folder, full_path
from symgen.spec import where
from symgen.spec.edit import edit, path_of
from symgen.spec.schema import Ablate
from symgen.spec.source import Source
from symgen.study import fibres
from symgen.study.arm import Arm
from symgen.study.subgroups import restricted, within
from symgen.study.suggest import TRAINED
from symgen.study.wrong import wrong

MAX_ARMS = 512
"""Most arms of a study."""

CONSTRAINT = "symmetry.constraint"

Point = dict[str, JsonValue]
"""The values of some axes, by path."""


def arms(ablate: Ablate, problem: Problem, source: Source) -> tuple[list[Arm], list[str]]:
    """The arms beside the spec itself, and what is left out and why.

    Args:
        ablate: what is varied.
        problem: of the spec.
        source: the spec, without `ablate:`.
    """
    notes: list[str] = []
    made = []
    points = [point for point in _points(ablate) if _exists(point, ablate, problem)]
    if len(points) > MAX_ARMS:
        notes.append(f"of {len(points)} combinations the first {MAX_ARMS} are arms")
    makers = [partial(_arm, point, problem, source) for point in points[:MAX_ARMS]]
    makers += [partial(_named_arm, name, problem, source, ablate) for name in ablate.arms]
    for maker in makers:
        try:
            made.append(maker())
        except _NoControl as error:  # it would be another arm under a wrong name
            notes.append(str(error))
    return _once(made, problem, notes), notes


class _NoControl(Exception):
    """There is no group that acts otherwise, as an arm asks for."""


def _points(ablate: Ablate) -> Iterator[Point]:
    """Values of axes: one at a time, or all combinations."""
    axes = {path: values for path, values in ablate.varied.items() if isinstance(values, list)}
    if not ablate.crossed:
        for path, values in axes.items():
            yield from ({path: value} for value in values)
        return
    sometimes = ablate.where if isinstance(ablate.where, Mapping) else {}
    # where an axis does not vary it is left alone
    choices = [[*values, *([_LEFT] if path in sometimes else [])] for path, values in axes.items()]
    for combination in product(*choices):
        point = dict(zip(axes, combination, strict=True))
        yield {path: value for path, value in point.items() if value is not _LEFT}


_LEFT: JsonValue = "<left alone>"


def _exists(point: Point, ablate: Ablate, problem: Problem) -> bool:
    """Whether a combination meets the conditions between axes."""
    if not point:
        return False
    if not ablate.where:
        return True
    values = _flat(resolved(problem))

    def value(name: str) -> JsonValue:
        path = full_path(name, ablate.varied)
        return point.get(path, values.get(path))

    if isinstance(ablate.where, str):
        return where.parse(ablate.where).holds(value)
    return all(
        where.parse(text).holds(value) is (full_path(path, ablate.varied) in point)
        for path, text in ablate.where.items()
    )


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, JsonValue]:
    """Every value in force by its dotted path, mappings too."""
    flat: dict[str, JsonValue] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
            flat[f"{prefix}{key}"] = dict(value)
        elif value is None or isinstance(value, str | int | float | list):
            flat[f"{prefix}{key}"] = value
    return flat


def _named_arm(name: str, problem: Problem, source: Source, ablate: Ablate) -> Arm:
    edits = ablate.arms[name]
    changed = _completed(edits, problem, source)
    label = ", ".join(f"{path} {typed(value)}" for path, value in edits.items())
    return Arm(folder(name), changed, f"{name}: {label}", "arms", _control(edits), _fixed(edits))


def _control(edits: Point) -> str:
    wronged = WRONG in _mapping(edits.get(GROUP))
    return "the group acts as the environment does not" if wronged else ""


def _arm(point: Point, problem: Problem, source: Source) -> Arm:
    edits = _completed(point, problem, source)
    said = {path: _named(value) for path, value in point.items()}
    label = ", ".join(f"{_short(path)} {typed(value)}" for path, value in said.items())
    axis = next(iter(point)) if len(point) == 1 else "grid"
    return Arm(variant(said), edits, label, axis, _control(point), _fixed(point))


def _named(value: JsonValue) -> JsonValue:
    """A value as arms are called by it: {wrong: C4} is wrong-C4."""
    wronged = _mapping(value).get(WRONG)
    return value if wronged is None else f"{WRONG}-{wronged}"


def _short(path: str) -> str:
    return path.rpartition(".")[2]


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _fixed(edits: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The options of the network that edits name."""
    named: list[str] = []
    for path, value in edits.items():
        keys = path_of(path)
        if keys[0] == "network":
            named += [str(keys[1])] if len(keys) > 1 else list(_mapping(value))
    return tuple(named)


def _completed(point: Point, problem: Problem, source: Source) -> Point:
    """What an arm says, and what goes with it."""
    twin = _of_the_constraint(point, problem)
    more = _of_the_group(point, problem, source)
    if twin:  # another network takes the place of the hidden fibres
        more = {path: value for path, value in more.items() if not path.startswith("network.")}
    return {**point, **more, **twin}


def _of_the_group(edits: Point, problem: Problem, source: Source) -> Point:
    """What goes with another group: the same action of a smaller one, or a wrong action.

    What an arm says of states, actions or the network itself stays as it says.
    """
    written = edits.get(GROUP)
    wrong_name = _mapping(written).get(WRONG)
    name = wrong_name if isinstance(wrong_name, str) else written
    if not isinstance(name, str):
        return {}
    more: Point = {GROUP: name}
    subgroup = within(problem.group, name)
    if subgroup is not None and name != problem.group.name:
        more |= restricted(problem, subgroup)
        if problem.family.BINDS:
            more |= fibres.restricted(problem, subgroup)
    if wrong_name is not None:
        try:
            changed = edit(source, more)
            found = wrong(check_spec(changed), changed)
        except SpecError as error:
            found = error.diagnostics[0].message
        if isinstance(found, str):
            raise _NoControl(f"no arm {WRONG}-{name}: {found}")
        more |= found.edits
    said = [path for path in edits if path != GROUP]
    return {
        path: value
        for path, value in more.items()
        if not any(path == other or path.startswith(f"{other}.") for other in said)
    }


def _of_the_constraint(edits: Point, problem: Problem) -> Point:
    """What goes with a constraint that leaves the network free: the free twin of a family that a
    group binds, unless the arm says something of the network.
    """
    written = edits.get(CONSTRAINT)
    name = next(iter(written), "") if isinstance(written, dict) else written
    said = any(path.split(".")[0] == "network" for path in edits)
    if name not in TRAINED or said or not problem.family.BINDS:
        return {}
    twin = problem.family.twin(problem.design)
    return {} if twin is None else {"network": dict(twin)}


def _once(arms: list[Arm], problem: Problem, notes: list[str]) -> list[Arm]:
    """The arms that change something, each once."""
    values = _flat(resolved(problem))
    kept: dict[str, Arm] = {}
    for arm in arms:
        if all(path in values and values[path] == value for path, value in arm.edits.items()):
            notes.append(f"{arm.name} is the spec itself")
            continue
        key = str(sorted(arm.edits.items(), key=str))
        if key in kept:
            notes.append(f"{arm.name} is {kept[key].name}")
        kept.setdefault(key, arm)
    return list(kept.values())
