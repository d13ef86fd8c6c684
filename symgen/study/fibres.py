"""Hidden fibres as texts in `network:`: restricted to a subgroup, or exchanged for others of as
many channels.
"""

import re
from collections.abc import Callable, Iterator

from pydantic import BaseModel, JsonValue

from symgen.algebra import representation as representations
from symgen.algebra.group import Group
from symgen.problem.problem import Problem
from symgen.study.subgroups import Subgroup

KEYS = ("hidden", "fields", "layers", "towers")
"""Options of a family whose texts are fibres of hidden layers."""

Change = Callable[[str], str | None]
"""A fibre -> another one, or None where there is none."""


def changed(problem: Problem, change: Change) -> dict[str, JsonValue]:
    """The edits that change every hidden fibre of the network; none where one cannot be changed."""
    options = _written(problem.family_options)
    edits: dict[str, JsonValue] = {}
    for key in KEYS:
        before = options.get(key)
        if before is None:
            continue
        after = _through(before, change)
        if after is None:
            return {}
        if after != before:
            edits[f"network.{key}"] = after
    return edits


def _written(options: BaseModel) -> dict[str, JsonValue]:
    """The options as a spec has them: of a layer only what was said."""
    unset: dict[str, JsonValue] = options.model_dump(mode="json", by_alias=True)
    said: dict[str, JsonValue] = options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {**unset, **said}


def _through(value: JsonValue, change: Change) -> JsonValue:
    """The value with every fibre changed; None where one cannot be."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        entries = [_through(entry, change) for entry in value]
        return None if any(entry is None for entry in entries) else entries
    if isinstance(value, dict) and isinstance(value.get("fields"), str):
        fields = _through(value["fields"], change)
        return None if fields is None else {**value, "fields": fields}
    return value


def of(problem: Problem) -> Iterator[str]:
    """The hidden fibres of the network."""
    seen: list[str] = []

    def note(text: str) -> str:
        seen.append(text)
        return text

    changed(problem, note)
    yield from seen


def restricted(problem: Problem, subgroup: Subgroup) -> dict[str, JsonValue]:
    """The edits that keep the channels of hidden layers: what moved as the group moves it moves as
    the subgroup does.

    So the layers of the larger group are among those of the smaller one, and its network can
    compute all that the larger one's can.
    """

    def change(text: str) -> str | None:
        blocks = []
        for count, atom in representations.parse(problem.group, text).blocks:
            smaller = _restricted(problem.group, subgroup, atom.name, atom.size)
            if smaller is None:
                return text  # where the subgroup has no such fibre, its arm says so
            copies, name = smaller
            blocks.append((count * copies, name))
        return _text(blocks)

    return changed(problem, change)


def _restricted(group: Group, subgroup: Subgroup, name: str, size: int) -> tuple[int, str] | None:
    """A block as copies of one of the subgroup's."""
    smaller = subgroup.group
    if name == "trivial" or not subgroup.words:
        return size, "trivial"
    if name == "regular":
        return group.order // smaller.order, "regular"
    if smaller.planar is None or smaller.planar.mirrors:
        return None
    turns = smaller.planar.turns
    frequency = re.fullmatch(r"irrep\((\d+)\)", name)
    if frequency and not smaller.is_continuous:
        k = int(frequency[1]) % turns
        k = min(k, turns - k)
        if k == 0:
            return 2, "trivial"
        return (2, "sign(r)") if 2 * k == turns else (1, f"irrep({k})")
    if group.planar is not None and group.planar.mirrors and name.startswith("sign(s"):
        return 1, "trivial"
    return (1, name) if smaller.is_continuous else None


def _text(blocks: list[tuple[int, str]]) -> str:
    joined: list[tuple[int, str]] = []
    for count, name in blocks:
        if joined and joined[-1][1] == name:
            joined[-1] = (joined[-1][0] + count, name)
        else:
            joined.append((count, name))
    return " + ".join(name if count == 1 else f"{count} {name}" for count, name in joined)


def others(problem: Problem) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    """Other hidden fibres of as many channels: regular, regular + trivial, a quotient."""
    group = problem.group
    if group.is_continuous or group.known_order is None or group.order < 2:
        return
    order = group.order

    def size(text: str) -> int:
        return representations.parse(group, text).size

    def regular(text: str) -> str:
        return _text([(max(1, round(size(text) / order)), "regular")])

    def half(text: str) -> str:
        copies = max(1, round(size(text) / order / 2))
        return _text([(copies, "regular"), (max(1, size(text) - copies * order), "trivial")])

    yield "regular", changed(problem, regular)
    yield "regular + trivial", changed(problem, half)
    word = _half_turn(group)
    if word:
        name = f"quotient({word})"

        def quotient(text: str) -> str:
            return _text([(max(1, round(2 * size(text) / order)), name)])

        yield "quotient", changed(problem, quotient)


def _half_turn(group: Group) -> str:
    """An element of order 2 of a larger group; "" where there is none that is known."""
    if group.planar is None or group.order < 4:
        return ""
    if group.planar.mirrors:
        return "s"
    return "r" * (group.planar.turns // 2) if group.planar.turns % 2 == 0 else ""
