"""Arm: one variant of a study."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from symgen.spec.dump import dump
from symgen.spec.edit import edit
from symgen.spec.source import Source, from_text

REFERENCE = "base"
"""The name of the arm that is the spec itself, and its folder."""


@dataclass(frozen=True)
class Arm:
    """One variant of a study.

    Args:
        name: the variant's folder, runs/<spec>/<name>/.
        edits: what it changes about the spec, by dotted path.
        label: what it is, in words for tables.
        axis: what it varies: "group", "constraint", or the dotted path of an axis.
        control: why it is a control; empty where it is none.
        fixed: options of the network that the arm names itself, which keep their widths whatever
            the study holds.
    """

    name: str
    edits: Mapping[str, JsonValue] = field(default_factory=dict)
    label: str = ""
    axis: str = ""
    control: str = ""
    fixed: tuple[str, ...] = ()

    @property
    def is_reference(self) -> bool:
        """Whether it is the spec itself."""
        return self.name == REFERENCE

    def source(self, base: Source) -> Source:
        """The spec of the arm.

        Args:
            base: the spec of the study.

        Raises:
            SpecError: an edit leads nowhere.
        """
        return edit(without_study(base), self.edits) if self.edits else base

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON: arm.json of each of its runs."""
        return {
            "name": self.name,
            "label": self.label,
            "axis": self.axis,
            "control": self.control,
            "edits": dict(self.edits),
        }

    def __str__(self) -> str:
        return f"{self.name}: {self.label}"


def reference() -> Arm:
    """The arm that is the spec itself, which the others are compared with."""
    return Arm(REFERENCE, label="the spec itself", axis="reference")


def without_study(source: Source) -> Source:
    """The spec alone: what a study varies is no part of its arms."""
    if "ablate" not in source.values:
        return source
    values = {key: value for key, value in source.values.items() if key != "ablate"}
    return from_text(dump(values), source.name)
