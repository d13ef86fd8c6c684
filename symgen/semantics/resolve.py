"""Spec -> Problem: the names in a spec become a group, field types, a graph, and modules with their
Options.

Everything that is wrong is noted in Findings, and what does not depend on it is resolved all the
same, so that all independent mistakes are reported at once.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel

from symgen import lookup
from symgen.algebra.fieldtype import FieldType
from symgen.algebra.graph import Graph
from symgen.algebra.group import Group
from symgen.errors import Diagnostic, Refusal, UserError, near_miss, shown, suggestion
from symgen.lookup import Kind
from symgen.problem.adapter import Adapter
from symgen.problem.algorithm import AlgorithmOptions
from symgen.problem.interface import Interface
from symgen.problem.pipeline import KEYS, NOTHING, pipeline_of, shared_keys
from symgen.problem.problem import Frame, Problem
from symgen.semantics.actions import resolve_actions
from symgen.semantics.graph import WITHOUT_PLACES, resolve_graph
from symgen.semantics.group import resolve_group
from symgen.semantics.seen import Views, of_the_frame, resolve_seen, resolve_views
from symgen.semantics.states import resolve_states
from symgen.spec.findings import Findings
from symgen.spec.schema import Spec, TermMoves
from symgen.spec.source import Place, Source

# Section of a spec -> the key in it that names a module, and which kind of module that is.
KEYWORDS: dict[str, Kind] = {"environment": "adapter", "network": "family", "train": "algorithm"}
DEFAULT_ALGORITHM = "ppo"
"""Whose outputs a network has where nothing is said of training."""
# Keys of a section that do not belong to the module that it names.
OWN_KEYS = {
    "environment": ("adapter", *KEYS),
    "network": ("family",),
    "train": ("algorithm", "steps", "seeds", "sensors"),
}


class Chosen(NamedTuple):
    """What a keyword names: the file that declares it (see `lookup`), and its Options as the spec
    has them.
    """

    module: ModuleType
    options: BaseModel


def resolve(spec: Spec, source: Source) -> Problem:
    """The Problem that a spec states.

    Raises:
        SpecError: with every mistake that was found, each at its place in `source`.
    """
    findings = Findings(source)
    attempt = findings.attempt
    complete: tuple[Spec, Graph | None] | None = (spec, None)
    # A user's numbers may overflow; what comes of it is found by the checks, not by a warning.
    with np.errstate(all="ignore"):
        adapter = attempt(_chosen, "environment", spec.environment.adapter, findings)
        family = attempt(_chosen, "network", spec.network.family, findings)
        keyword = spec.train.algorithm if spec.train else None
        train = attempt(_chosen, "train", keyword, findings)
        constraint = attempt(_constraint, spec.symmetry.constraint, findings)
        group = attempt(resolve_group, spec.symmetry.group, findings)
        raw = attempt(_interface, adapter, findings)
        about = (group, adapter and adapter.module, adapter and adapter.options)
        as_it_is = spec.environment.model_fields_set.isdisjoint(KEYS)
        if as_it_is:
            views = raw and Views(NOTHING, raw, raw, raw)
            frame = attempt(resolve_states, spec.symmetry.states, raw, *about, findings)
        else:
            pipeline = adapter and pipeline_of(spec.environment, type(adapter.options))
            views = attempt(resolve_views, raw, pipeline, findings)
            frame = attempt(_frame, spec.symmetry.states, views, *about, findings)
        action = attempt(resolve_actions, spec.symmetry.actions, raw, *about, findings)
        observation = frame
        if not as_it_is:
            observation = attempt(resolve_seen, views, frame, action, findings)
        fields = (observation or {}).values()
        if spec.graph or any(field.base.kind not in WITHOUT_PLACES for field in fields):
            chosen = (family and family.module, family and family.options)
            complete = attempt(resolve_graph, spec, observation, *chosen, findings)
    findings.raise_any()
    if not (adapter and family and constraint and complete):
        raise AssertionError("a keyword names nothing although nothing is wrong with it")
    if not (group and views and frame and observation and action):
        raise AssertionError("a part of the spec is missing although nothing is wrong with it")
    spec, graph = complete
    declared = train.module if train else lookup.declaration("algorithm", DEFAULT_ALGORITHM)
    options = train.options if train else None
    if options is not None and not isinstance(options, AlgorithmOptions):
        raise TypeError(f"the Options of {keyword} are not those of an algorithm")
    return Problem(
        spec=spec,
        source=source,
        group=group,
        interface=views.seen,
        observation=observation,
        action=action,
        graph=graph,
        family=family.module,
        family_options=family.options,
        constraint=constraint.module,
        constraint_options=constraint.options,
        adapter=adapter.module,
        adapter_options=adapter.options,
        algorithm=keyword,
        algorithm_options=options,
        outputs=declared.outputs(views.seen, options or declared.Options()),
        clip_observations=declared.clip_observations(options or declared.Options()),
        pipeline=views.pipeline,
        one_frame=Frame(views.frame, frame) if views.seen != views.frame else None,
    )


def option_mistakes(source: Source) -> list[Diagnostic]:
    """Mistakes in the Options of a spec that cannot be parsed; for `parse` to report together with
    its own.
    """
    findings = Findings(source)
    for section in KEYWORDS:
        written = source.values.get(section)
        keyword = written.get(KEYWORDS[section]) if isinstance(written, dict) else None
        if isinstance(keyword, str):
            findings.attempt(_chosen, section, keyword, findings)
    symmetry = source.values.get("symmetry")
    if isinstance(symmetry, dict) and isinstance(symmetry.get("constraint"), str | dict):
        findings.attempt(_constraint, symmetry["constraint"], findings)
    return findings.diagnostics


def _chosen(section: str, keyword: str, findings: Findings) -> Chosen:
    """What the keyword of a section names, with its options. Raises Failed."""
    kind = KEYWORDS[section]
    if keyword not in lookup.keywords(kind):
        close = near_miss(keyword, lookup.keywords(kind))
        hint = f"did you mean '{close}'?"
        if not close:
            hint = suggestion(keyword, lookup.keywords(kind), lookup.PLURALS[kind])
        message = f"there is no {kind} {shown(keyword)}"
        raise findings.add(f"unknown-{kind}", (section, kind), message, hint)
    module = lookup.declaration(kind, keyword)
    own = OWN_KEYS[section]
    written = findings.source.values.get(section)
    if kind == "adapter" and isinstance(written, dict) and not written.keys().isdisjoint(KEYS):
        own = ("adapter", *shared_keys(module.Options))
    return Chosen(module, findings.validated(module.Options, (section,), own))


def _constraint(written: object, findings: Findings) -> Chosen:
    """What `constraint:` names, with its options. Raises Failed."""
    path: Place = ("symmetry", "constraint")
    keyword = next(iter(written), "") if isinstance(written, dict) else written
    known = lookup.keywords("constraint")
    if not isinstance(keyword, str) or keyword not in known:
        message = f"symmetry.constraint: {shown(keyword)} is not one of: {', '.join(known)}"
        close = near_miss(str(keyword), known)
        hint = (
            f"did you mean '{close}'?" if close else "symgen reference symmetry says what each is"
        )
        raise findings.add("wrong-value", path, message, hint)
    module = lookup.declaration("constraint", keyword)
    if isinstance(written, str):
        return Chosen(module, module.Options())
    return Chosen(module, findings.validated(module.Options, (*path, keyword)))


def _frame(
    written: str | Mapping[str, TermMoves],
    views: Views,
    group: Group,
    adapter: Adapter[BaseModel],
    options: BaseModel,
    findings: Findings,
) -> dict[str, FieldType]:
    """The field type of every term of one frame. Raises Failed."""
    written = of_the_frame(written, views, findings)
    return resolve_states(written, views.frame, group, adapter, options, findings, views.patched)


def _interface(adapter: Chosen, findings: Findings) -> Interface:
    """What the environment looks like. Raises Failed where it cannot be asked."""
    try:
        interface: Interface = adapter.module.interface(adapter.options)
        return interface
    except UserError as error:
        raise findings.add(
            error.code, ("environment",), error.message, error.hint, key=True
        ) from error
    except Refusal as error:
        place = _named_in(error.message, findings.source)
        hint = error.hint or "check the options of the environment"
        raise findings.add(error.code or "bad-environment", place, error.message, hint) from error
    # the environment is other people's code, and may raise anything at options it dislikes
    except Exception as error:
        message = f"the environment cannot be made: {type(error).__name__}: {error}"
        raise findings.add(
            "bad-environment", ("environment",), message, "check its options", key=True
        ) from error


def _named_in(message: str, source: Source) -> Place:
    """The option of the environment whose value the message names; the whole section where there is
    none.
    """
    environment = source.values["environment"]
    for key, value in environment.items() if isinstance(environment, dict) else ():
        if key != "adapter" and isinstance(value, str) and len(value) > 2 and value in message:
            return ("environment", key)
    return ("environment",)
