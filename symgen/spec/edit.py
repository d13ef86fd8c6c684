"""Source -> Source: a spec with some values changed, by dotted path. Held-out conditions are made
of it.
"""

import copy
from collections.abc import Mapping

from pydantic import JsonValue

from symgen.errors import Diagnostic, Refusal, SpecError, shown, suggestion
from symgen.spec.dump import dump, plain
from symgen.spec.source import MAX_DEPTH, MAX_NODES, Source, from_text

Container = dict[str, JsonValue] | list[JsonValue]

# The top-level keys a path may begin with.
SECTIONS = ("symgen", "environment", "symmetry", "graph", "network", "train", "evaluate", "ablate")


def edit(source: Source, changes: Mapping[str, object]) -> Source:
    """`source` with each value at a dotted path replaced.

    Args:
        source: the spec to start from; it is not changed.
        changes: dotted path -> new value. A missing key is added, and so are missing mappings on
            the way to it; a number names an entry of a list; a condition whose value is None is
            left out.

    Raises:
        SpecError: a path is empty, begins with no section of a spec, or passes through something
            without keys.

    >>> from symgen.spec.source import read
    >>> edit(read({"network": {"width": 8}}), {"network.width": 16, "network.heads": 2}).values
    {'network': {'width': 16, 'heads': 2}}
    """
    values = copy.deepcopy(source.values)
    problems = []
    for path, value in changes.items():
        try:
            put(values, path_of(path), plain(value, MAX_NODES, MAX_DEPTH))
        except Refusal as error:
            problems.append(Diagnostic("bad-edit", error.message, error.hint, file=source.name))
    if problems:
        raise SpecError(problems)
    name = source.name if source.name.endswith(" (edited)") else f"{source.name} (edited)"
    return from_text(dump(values), name)


def path_of(dotted: str) -> tuple[str | int, ...]:
    """The keys of a dotted path. Raises Refusal where it is not one.

    What a condition changes about the environment is one key there, dots included, and so is an
    axis of a study.

    >>> path_of("train.seeds.0"), path_of("evaluate.wide.environment.size")
    (('train', 'seeds', 0), ('evaluate', 'wide', 'environment.size'))
    >>> path_of("ablate.symmetry.group"), path_of("ablate.arms.small.network.width")
    (('ablate', 'symmetry.group'), ('ablate', 'arms', 'small', 'network.width'))
    """
    parts = dotted.split(".")
    if not all(parts) or len(parts) > MAX_DEPTH:
        raise Refusal(
            f"{shown(dotted)} is not a dotted path",
            hint="write the keys with one dot between them: network.width",
        )
    if parts[0] not in SECTIONS:
        cause = f"the path {shown(dotted)} does not begin with a section of a spec"
        raise Refusal(cause, hint=suggestion(parts[0], SECTIONS, "sections"))
    if parts[0] == "evaluate" and parts[2:3] == ["environment"]:
        parts[2:] = [".".join(parts[2:])]
    # what a study varies is one key, too
    for inside, depth in (("axes", 2), ("where", 2), ("arms", 3)):
        if parts[:2] == ["ablate", inside]:
            parts[depth:] = [".".join(parts[depth:])] if parts[depth:] else []
    if parts[0] == "ablate" and parts[1:2] and parts[1] in SECTIONS:
        parts[1:] = [".".join(parts[1:])]
    return tuple(
        int(part) if part.isascii() and part.isdigit() and len(part) < 9 else part for part in parts
    )


def put(values: dict[str, JsonValue], path: tuple[str | int, ...], value: JsonValue) -> None:
    """Write a value into nested mappings and lists. Raises Refusal where the path leads nowhere."""
    dotted = ".".join(str(key) for key in path)
    inner: Container = values
    for key in path[:-1]:
        inner = _child(inner, key, dotted)
    if isinstance(inner, dict) and value is None and path[:-1] == ("evaluate",):
        name = str(path[-1])
        if name not in inner:
            hint = suggestion(name, list(inner), "conditions")
            raise Refusal(f"there is no condition {shown(name)} to leave out", hint=hint)
        del inner[name]
    elif isinstance(inner, dict):
        inner[str(path[-1])] = value
    else:
        inner[_index(inner, path[-1], dotted)] = value


def _child(inner: Container, key: str | int, dotted: str) -> Container:
    """The mapping or list below `key`, made where it is missing."""
    if isinstance(inner, list):
        child = inner[_index(inner, key, dotted)]
    else:
        child = inner.setdefault(str(key), {})
        if child is None:  # 'train:' with nothing after it
            child = inner[str(key)] = {}
    if not isinstance(child, dict | list):
        raise Refusal(
            f"the path '{dotted}' leads through '{key}', which has no keys",
            hint="end the path there",
        )
    return child


def _index(inner: list[JsonValue], key: str | int, dotted: str) -> int:
    if not isinstance(key, int) or key >= len(inner):
        cause = f"the path '{dotted}' leads into a list of {len(inner)}, which has no entry '{key}'"
        raise Refusal(cause, hint="entries are numbered from 0")
    return key
