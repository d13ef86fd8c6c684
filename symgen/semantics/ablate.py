"""`ablate:` -> what a study varies, checked: its axes, its named arms, the conditions between them.

What the values mean is found by checking each arm, see study/axes.py: a combination that does not
check is left out of a study and listed; a path that leads nowhere is a mistake.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

from pydantic import JsonValue

from symgen import lookup
from symgen.errors import Refusal, near_miss, shown, suggestion
from symgen.problem.pipeline import KEYS
from symgen.problem.problem import Problem
from symgen.semantics.resolve import KEYWORDS, OWN_KEYS
from symgen.spec import where
from symgen.spec.edit import SECTIONS, path_of
from symgen.spec.findings import Findings
from symgen.spec.schema import Ablate, Graph, Symmetry
from symgen.spec.source import Place

WRONG = "wrong"
"""The key of a value of symmetry.group that is a control: {wrong: C4}."""
GROUP = "symmetry.group"
NO_AXES = {
    "symgen": "it is always 1",
    "evaluate": "the conditions are those of all arms, which are compared under them",
    "ablate": "a study has no studies",
}
"""Sections that are the same in all arms, and why."""
MAX_VALUES = 64
"""Most values of one axis."""


def study_is_possible(problem: Problem, findings: Findings) -> None:
    """bad-axis, bad-where, arm-name: every axis varies something, and every condition is about an
    axis.
    """
    ablate = problem.spec.ablate
    if ablate is None:
        return
    for path, values in ablate.varied.items():
        _check_axis(path, values, ablate, problem, findings)
    for name, edits in ablate.arms.items():
        _check_arm(name, edits, problem, findings)
    clashes = Counter(folder(name) for name in ablate.arms)
    for name in ablate.arms:
        if clashes[folder(name)] > 1:
            message = f"two arms are called {folder(name)}, as their folders are"
            hint = "give one of them another name"
            findings.add("arm-name", ("ablate", "arms", name), message, hint, key=True)
    for place, text in conditions(ablate):
        _check_condition(text, place, ablate, findings)


def folder(name: str) -> str:
    """The folder of a named arm: "wrong group" is written to wrong-group."""
    return "-".join(name.split())


def conditions(ablate: Ablate) -> Iterator[tuple[Place, str]]:
    """Every condition that is written, and where."""
    if isinstance(ablate.where, Mapping):
        yield from ((("ablate", "where", path), text) for path, text in ablate.where.items())
    elif ablate.where:
        yield ("ablate", "where"), ablate.where


def full_path(name: str, axes: Mapping[str, object]) -> str:
    """The dotted path that a condition means by a name: a path, or the end of one axis's.

    Raises:
        Refusal: it means none, or several.

    >>> full_path("group", {"symmetry.group": [], "network.width": []})
    'symmetry.group'
    """
    if name in axes:
        return name
    ends = [path for path in axes if path.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        hint = f"write the whole path: {' or '.join(ends)}"
        raise Refusal(f"{shown(name)} is the end of several axes", hint=hint)
    if "." in name and name.split(".")[0] in SECTIONS:
        return name
    known = [*axes, *(path.rpartition(".")[2] for path in axes)]
    hint = suggestion(name, known, "axes")
    raise Refusal(f"there is no axis {shown(name)}", hint=hint)


def _check_axis(
    path: str, values: JsonValue, ablate: Ablate, problem: Problem, findings: Findings
) -> None:
    place = ablate.place(path)
    if place == ("ablate", path) and "." not in path:
        known = [*Ablate.model_fields, "a dotted path such as network.width"]
        message = f"there is no key {shown(path)} in ablate"
        findings.add("unknown-key", place, message, partial(_key_hint, path, known), key=True)
        return
    if not _path_is_known(path, place, problem, findings):
        return
    if not isinstance(values, list):
        message = f"an axis is a list of values, and {path} has {shown(values)}"
        findings.add("bad-axis", place, message, f"write {path}: [{shown(values)}]")
        return
    if not 1 <= len(values) <= MAX_VALUES:
        message = f"{path} has {len(values)} values; between 1 and {MAX_VALUES} are possible"
        findings.add("bad-axis", place, message, "leave the axis out, or write its values")
    for index, value in enumerate(values):
        if any(value == earlier and type(value) is type(earlier) for earlier in values[:index]):
            message = f"{shown(value)} is a value of {path} twice"
            findings.add("bad-axis", (*place, index), message, "write it once")
        if path == GROUP and isinstance(value, dict) and WRONG in value:
            _check_wrong(value, (*place, index), findings)


def _key_hint(key: str, known: list[str]) -> str:
    close = near_miss(key, known)
    return f"did you mean '{close}'?" if close else f"the keys are: {', '.join(known)}"


def _check_wrong(value: Mapping[str, JsonValue], place: Place, findings: Findings) -> None:
    if set(value) != {WRONG} or not isinstance(value[WRONG], str):
        message = f"{shown(value)} names no group that acts otherwise"
        findings.add("bad-axis", place, message, "write {wrong: C4}, with the name of a group")


def _check_arm(
    name: str, edits: Mapping[str, JsonValue], problem: Problem, findings: Findings
) -> None:
    place = ("ablate", "arms", name)
    plain = folder(name)
    allowed = plain.isascii() and plain.replace("-", "").replace("_", "").isalnum()
    if plain == "base" or not allowed or len(plain) > 80:
        message = f"an arm cannot be called {shown(name)}"
        hint = "use letters, digits, spaces, - and _, 80 at most; base is the spec itself"
        findings.add("arm-name", place, message, hint, key=True)
    if not edits:
        message = f"the arm {shown(name)} changes nothing"
        hint = "write what it changes: {symmetry.group: C2}; the spec itself is an arm already"
        findings.add("bad-axis", place, message, hint, key=True)
    for path in edits:
        _path_is_known(path, (*place, path), problem, findings)


def _path_is_known(path: str, place: Place, problem: Problem, findings: Findings) -> bool:
    """Whether a dotted path leads to something that arms may differ in; a mistake is noted."""
    try:
        keys = path_of(path)
    except Refusal as error:
        close = near_miss(path, _known_paths(problem)) if "." in path else ""
        way_out = f"did you mean '{close}'?" if close else error.hint
        findings.add("bad-axis", place, error.message, way_out, key=True)
        return False
    section = str(keys[0])
    if section in NO_AXES or path == "train.seeds":
        why = NO_AXES.get(section, "seeds belong to all arms: write seeds: [0, 1, 2]")
        message = f"{path} is nothing that arms differ in: {why}"
        findings.add("bad-axis", place, message, "vary something else", key=True)
        return False
    known = _keys_of(section, problem)
    if len(keys) == 1 or str(keys[1]) in known:
        return True
    paths = [f"{section}.{key}" for key in known]
    hint = partial(_path_hint, path, paths)
    findings.add("bad-axis", place, f"{path} leads nowhere", hint, key=True)
    return False


def _path_hint(path: str, paths: list[str]) -> str:
    head = ".".join(path.split(".")[:2])
    close = near_miss(head, paths)
    if close:
        return f"did you mean '{close}{path.removeprefix(head)}'?"
    return suggestion(head, paths, "paths")


def _known_paths(problem: Problem) -> list[str]:
    sections = [name for name in SECTIONS if name not in NO_AXES]
    return [f"{name}.{key}" for name in sections for key in _keys_of(name, problem)]


def _keys_of(section: str, problem: Problem) -> list[str]:
    """The keys below a section: of any keyword that an arm may name, those of the spec's own
    first.
    """
    if section in ("symmetry", "graph"):
        model = Symmetry if section == "symmetry" else Graph
        return list(model.model_fields)
    kind = KEYWORDS[section]
    options = {
        "environment": problem.adapter_options,
        "network": problem.family_options,
        "train": problem.algorithm_options,
    }[section]
    models = [] if options is None else [type(options)]
    models += [lookup.options(kind, keyword) for keyword in lookup.keywords(kind)]
    fields = [field.alias or name for model in models for name, field in model.model_fields.items()]
    shared = KEYS if section == "environment" else ()
    return list(dict.fromkeys([*OWN_KEYS[section], *shared, *fields]))


def _check_condition(text: str, place: Place, ablate: Ablate, findings: Findings) -> None:
    axes = ablate.varied
    try:
        if place[:2] == ("ablate", "where") and len(place) == 3:
            full = full_path(str(place[2]), axes)
            if full not in axes:
                raise Refusal(
                    f"{full} is no axis, so it varies nowhere", hint=f"write {full}: [...], too"
                )
        for name in where.parse(text).names:
            full_path(name, axes)
    except Refusal as error:
        findings.add("bad-where", place, error.message, error.hint)
