"""The Problem: a Spec whose names have become groups, graphs, field types and modules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import Graph
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.problem.adapter import Adapter
from symgen.problem.algorithm import AlgorithmOptions
from symgen.problem.constraint import Constraint
from symgen.problem.family import Family
from symgen.problem.interface import Interface
from symgen.problem.output import Output
from symgen.problem.pipeline import Pipeline
from symgen.spec.schema import Spec
from symgen.spec.source import Source


@dataclass(frozen=True, eq=False)
class Frame:
    """One observation of an environment, its pictures cut into patches where the spec says so.

    Args:
        interface: its terms.
        observation: field type of every term, by name.
    """

    interface: Interface
    observation: Mapping[str, FieldType]


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be solved.

    Args:
        spec: the spec.
        source: where it was written.
        group: the group.
        interface: the terms that a network sees, and the action of the environment.
        observation: field type of every term, by name, in the order of the interface.
        action: representation on the vector of action parameters (logits, or the mean).
        graph: the graph on the first term that has places; None where the spec has none.
        family: the network family.
        family_options: its Options.
        constraint: how the group binds the network.
        constraint_options: its Options.
        adapter: the adapter that brings the environment.
        adapter_options: its Options.
        algorithm: keyword of the algorithm; None where the spec has no `train:`.
        algorithm_options: its Options.
        outputs: what the algorithm asks a network for.
        clip_observations: largest normalised observation, in standard deviations; None for no
            bound.
        pipeline: what becomes of the environment's observations before a network sees them.
        one_frame: one observation, where a network sees several or something beside them.
    """

    spec: Spec
    source: Source
    group: Group
    interface: Interface
    observation: Mapping[str, FieldType]
    action: Representation
    graph: Graph | None
    family: Family[Any, Any]
    family_options: BaseModel
    constraint: Constraint[Any]
    constraint_options: BaseModel
    adapter: Adapter[BaseModel]
    adapter_options: BaseModel
    algorithm: str | None
    algorithm_options: AlgorithmOptions | None
    outputs: tuple[Output, ...]
    clip_observations: float | None = None
    pipeline: Pipeline = field(default_factory=Pipeline)
    one_frame: Frame | None = None

    @property
    def frame(self) -> Frame:
        """One observation of the environment, and how it moves: what a network sees without earlier
        observations, and without what was done and rewarded.
        """
        return self.one_frame or Frame(self.interface, self.observation)

    @cached_property
    def design(self) -> object:
        """What the options of the family mean here, resolved once.

        Raises:
            Refused: they mean nothing.
        """
        return self.family.resolve(self, self.family_options)

    def __str__(self) -> str:
        symmetry = self.spec.symmetry
        rows = [
            (
                "environment",
                f"{self.spec.environment.adapter}  "
                + ", ".join(filter(None, (_options(self.adapter_options), str(self.pipeline)))),
            ),
            ("group", f"{self.group}  generators {', '.join(self.group.generators) or 'none'}"),
            *((f"  {name}", str(fieldtype)) for name, fieldtype in self.observation.items()),
            ("  actions", f"{self.action}  ({', '.join(self.interface.action.names)})"),
            (
                "constraint",
                f"{symmetry.constraint_name}{_settings(self.constraint_options)}, policy "
                f"{symmetry.output}",
            ),
            *((("graph", str(self.graph)),) if self.graph else ()),
            ("network", f"{self.spec.network.family}  {_options(self.family_options)}"),
        ]
        if self.spec.train and self.algorithm_options:
            seeds = len(self.spec.train.seeds)
            rows.append(
                ("train", f"{self.algorithm}  {self.spec.train.steps:_} steps, {seeds} seed(s)")
            )
            if self.spec.train.sensors:
                rows.append(("  sensors", str(self.spec.train.sensors)))
        rows += [(f"evaluate {name}", str(changes)) for name, changes in self.spec.evaluate.items()]
        if self.spec.ablate is not None:
            varied = [*self.spec.ablate.varied, *self.spec.ablate.arms]
            rows.append(("ablate", f"{', '.join(varied)}; hold: {self.spec.ablate.hold}"))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def _settings(model: BaseModel) -> str:
    """The settings that were given, in brackets."""
    return f" ({_options(model)})" if model.model_fields_set else ""


def _options(model: BaseModel) -> str:
    """The options that were given, as in the spec."""
    given = model.model_dump(mode="json", by_alias=True, include=model.model_fields_set)
    return ", ".join(f"{name}: {value}" for name, value in given.items())
