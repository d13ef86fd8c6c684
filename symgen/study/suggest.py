"""The study that a spec suggests by itself, where it has no `ablate:` section.

One thing is varied at a time, and everything else is as in the spec: what an arm loses or gains is
then owed to that one thing. In order: subgroups down to the trivial group, a wrong group, the other
constraints (those of free networks with the family's free twin), invariant and equivariant, labels
and triangles of the graph, local attention, other hidden fibres. What does not check is an arm all
the same: the matrix lists it with its reason.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from symgen import lookup
from symgen.algebra.graph import LABELS
from symgen.problem.fault import Refused
from symgen.problem.problem import Problem
from symgen.spec.source import Source
from symgen.study import fibres
from symgen.study.arm import Arm
from symgen.study.subgroups import chain, restricted
from symgen.study.wrong import wrong

TRAINED = ("augment", "mirror_loss", "none")
"""Constraints that leave the network free: only training knows the group, or nobody does."""


def suggested(problem: Problem, source: Source) -> tuple[list[Arm], list[str]]:
    """The arms beside the spec itself, and what is not suggested and why.

    Args:
        problem: of the spec.
        source: the spec.
    """
    notes: list[str] = []
    arms: list[Arm] = []
    if problem.family.BINDS or problem.constraint.USES_GROUP:
        arms += _subgroups(problem)
    if problem.constraint.USES_GROUP:
        arms += _wrong(problem, source, notes)
    arms += _constraints(problem, notes)
    if problem.family.BINDS:
        arms += _outputs(problem)
        arms += _graphs(problem)
        arms += _fibres(problem)
    return _distinct(arms), notes


def _distinct(arms: list[Arm]) -> list[Arm]:
    """Each arm once: two ways of saying the same change nothing."""
    by_edits = {str(sorted(arm.edits.items(), key=str)): arm for arm in reversed(arms)}
    return [arm for arm in arms if arm in by_edits.values()]


def _subgroups(problem: Problem) -> Iterator[Arm]:
    for subgroup in chain(problem.group):
        edits = restricted(problem, subgroup)
        if problem.family.BINDS:
            edits |= fibres.restricted(problem, subgroup)
        label = f"{subgroup.name} in place of {problem.group}"
        if not subgroup.words:
            label = f"the trivial group in place of {problem.group}: nothing is shared"
        yield Arm(f"group={subgroup.name}", edits, label, "group")


def _wrong(problem: Problem, source: Source, notes: list[str]) -> Iterator[Arm]:
    if problem.group.order < 2:
        return
    found = wrong(problem, source)
    if isinstance(found, str):
        notes.append(f"no wrong group: {found}")
        return
    why = (
        "the same group acts as the environment does not: what a network with the right action "
        "gains beyond this one is owed to the symmetry, not to sharing weights"
    )
    yield Arm("group=wrong", found.edits, f"{problem.group}, wrong: {found.label}", "group", why)


def _constraints(problem: Problem, notes: list[str]) -> Iterator[Arm]:
    own = problem.spec.symmetry.constraint_name
    bound = problem.family.BINDS
    twin = _twin(problem, notes) if bound else {}
    for name in ("exact", "relaxed", *TRAINED):
        if name == own and not (bound and name in TRAINED):
            continue
        fits = lookup.declaration("constraint", name).FITS
        edits: dict[str, JsonValue] = {"symmetry.constraint": name}
        if not bound and fits == "bound":
            notes.append(
                f"no arm {name}: no group binds the weights of {problem.spec.network.family}"
            )
            continue
        label = name
        control = ""
        if bound and name in TRAINED:
            if not twin:
                continue
            edits["network"] = twin
            label = f"{name}, with the free twin {twin['family']}"
        if name == "none":
            label = label.replace("none", "no group", 1)
            control = "a free network with as many weights: what no symmetry buys"
        yield Arm(f"constraint={name}", edits, label, "constraint", control)


def _twin(problem: Problem, notes: list[str]) -> dict[str, JsonValue]:
    """The free twin's `network:`; empty where there is none."""
    try:
        twin = problem.family.twin(problem.design)
    except Refused:
        twin = None
    if twin is None:
        notes.append(f"no free network: {problem.spec.network.family} has no twin")
        return {}
    return dict(twin)


def _outputs(problem: Problem) -> Iterator[Arm]:
    if problem.action.is_trivial:
        edits: dict[str, JsonValue] = {"symmetry.output": "equivariant"}
        if problem.spec.symmetry.actions != "auto":
            edits["symmetry.actions"] = "auto"
        label = "equivariant policy: the actions move as the environment knows"
        if _moves_by_itself(problem):
            yield Arm("output=equivariant", edits, label, "output")
        return
    edits = {"symmetry.output": "invariant", "symmetry.actions": "trivial"}
    label = "invariant policy: the same action in every orientation"
    yield Arm("output=invariant", edits, label, "output")


def _moves_by_itself(problem: Problem) -> bool:
    """Whether the adapter knows how the group moves the actions, and it does."""
    try:
        known = problem.adapter.actions(problem.adapter_options, problem.group)
    except ValueError:
        return False
    return known is not None and not known.is_trivial


def _graphs(problem: Problem) -> Iterator[Arm]:
    graph = problem.graph
    if graph is None or not problem.family.USES_GRAPH:
        return
    written = problem.spec.graph
    oriented = written is not None and written.orientation == "triangles"
    for labels in LABELS:
        if labels != graph.kind:
            edits: dict[str, JsonValue] = {"graph.labels": labels}
            yield Arm(f"labels={labels}", edits, f"graph labels by {labels}", "graph labels")
    if oriented:
        label = "without triangles"
        yield Arm("orientation=none", {"graph.orientation": "none"}, label, "triangles")
    else:
        label = "with triangles, which tell reflections apart"
        edits = {"graph.orientation": "triangles"}
        yield Arm("orientation=triangles", edits, label, "triangles")
    options = problem.family_options.model_dump(mode="json")
    if not any(field.base.is_picture for field in problem.observation.values()):
        return
    if options.get("local") is not None:
        yield Arm("local=none", {"network.local": None}, "without local attention", "local")
    elif "local" in options:
        window = problem.family.patch(problem.family_options) + 2
        label = f"with local attention in windows of {window} pixels"
        yield Arm(f"local={window}", {"network.local": {"window": window}}, label, "local")


def _fibres(problem: Problem) -> Iterator[Arm]:
    options = problem.family_options.model_dump(mode="json")
    if "fibre" in options:
        for fibre in ("regular", "trivial"):
            if options["fibre"] != fibre:
                label = f"hidden channels move as {fibre}"
                yield Arm(f"fibre={fibre}", {"network.fibre": fibre}, label, "hidden fibre")
        return
    for name, edits in fibres.others(problem):
        if edits:
            slug = name.replace(" + ", "+")
            yield Arm(f"fibre={slug}", edits, f"hidden layers: {name}", "hidden fibre")
