"""`evaluate:` -> what each held-out condition changes, checked.

A condition may change options of the environment ("environment.size", "environment.kwargs.gravity",
or "seed_range" and "levels" for short), move the environment or only the observation by an element
of the group, add noise, and change the tokens that the agent sees (see `sensors`).
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, JsonValue

from symgen.errors import Refusal, UserError, near_miss, shown, suggestion
from symgen.problem.adapter import LevelSet
from symgen.problem.interface import Interface, Term
from symgen.problem.pipeline import KEYS, Pipeline, pipeline_of, shared_keys
from symgen.problem.problem import Problem
from symgen.semantics.condition import SENSING, Condition
from symgen.semantics.moves import described
from symgen.semantics.seen import views_of
from symgen.semantics.sensors import check_sensors
from symgen.spec.edit import path_of, put
from symgen.spec.findings import Failed, Findings
from symgen.spec.schema import Environment
from symgen.spec.source import Place

T = TypeVar("T")

# The condition that every evaluation has: the environment that was trained on, as it is, whatever
# `train.sensors` made of it: agents are compared under the same conditions.
TRAINING = "training"
PREFIX = "environment."
# Options of the environment that a condition may name without the prefix.
SHORT = ("seed_range", "levels")


def environment_changes(changes: Mapping[str, T]) -> dict[str, T]:
    """The options of the environment that a condition changes, by their dotted path below
    `environment`.

    >>> environment_changes({"environment.size": 11, "seed_range": [0, 9], "transform": "r"})
    {'size': 11, 'seed_range': [0, 9]}
    """
    return {
        key.removeprefix(PREFIX): value
        for key, value in changes.items()
        if key.startswith(PREFIX) or key in SHORT
    }


def conditions_are_possible(problem: Problem, findings: Findings) -> None:
    """condition-name, bad-edit, bad-word, changed-interface, level-overlap, no-tokens,
    fixed-tokens, stacked-tokens, no-memory: every held-out condition must be one that the
    environment, the group and the network can produce.
    """
    fields = type(problem.adapter_options).model_fields
    options = [field.alias or name for name, field in fields.items()]
    options += [key for key in KEYS if key not in options]
    for name in problem.spec.evaluate:
        _check_condition(name, options, problem, findings)


def _check_condition(
    name: str, options: Sequence[str], problem: Problem, findings: Findings
) -> None:
    """Note everything that is wrong with one condition.

    Args:
        name: of the condition.
        options: names of the environment's options.
        problem: the problem.
        findings: collects the mistakes.
    """
    path: Place = ("evaluate", name)
    changes = problem.spec.evaluate[name]
    if name == TRAINING:
        message = (
            f"{name} is the name of the environment that was trained on; every report shows it"
        )
        findings.add("condition-name", path, message, "give the condition another name", key=True)
    known = [*Condition.model_fields, *(PREFIX + option for option in options)]
    unknown = [key for key in changes if _without_rest(key) not in known]
    for key in unknown:
        message = f"a held-out condition has no {shown(key)}"
        hint: str | partial[str] = partial(_meant, key, known)
        if key in options:
            hint = f"write {PREFIX}{key} to change the environment's option"
        code = "bad-edit" if "." in key else "unknown-key"
        findings.add(code, (*path, key), message, hint, key=True)
    short = [key for key in changes if key in SHORT and key not in options]
    for key in short:
        message = f"the adapter {problem.spec.environment.adapter} has no {key}"
        findings.add("bad-edit", (*path, key), message, "leave it out", key=True)
    foreign = [key for key in changes if key not in Condition.model_fields]
    own = findings.attempt(findings.validated, Condition, path, foreign)
    for key in ("transform", "observation"):
        word = changes.get(key)
        if isinstance(word, str):
            _check_word(word, (*path, key), problem, findings)
    if own is not None and not SENSING.isdisjoint(changes):
        check_sensors(own, path, problem, findings)
    changed = environment_changes(changes)
    if changed and own is not None and not (short or unknown):
        findings.attempt(_check_environment, changed, path, changes, problem, findings)


def _without_rest(key: str) -> str:
    """The option of the environment that a dotted path leads into; other keys as they are.

    >>> _without_rest("environment.kwargs.g"), _without_rest("transform.x")
    ('environment.kwargs', 'transform.x')
    """
    return ".".join(key.split(".", 2)[:2]) if key.startswith(PREFIX) else key


def _meant(key: str, known: list[str]) -> str:
    """The hint for a key that there is not; what stands behind the option's name stays."""
    option = _without_rest(key)
    close = near_miss(option, known)
    rest = key.removeprefix(option)
    if rest and close.startswith(PREFIX):
        return f"did you mean '{close}{rest}'?"
    return suggestion(key, known, "keys")


def _check_word(word: str, path: Place, problem: Problem, findings: Findings) -> None:
    try:
        if len(word) > 64:
            raise Refusal(f"the word {shown(word)} is too long; at most 64 characters are read")
        problem.group.parse(word)
    except Refusal as error:
        generators = ", ".join(problem.group.generators) or "none, only the empty word"
        hint = (
            f"a word is generators one after the other; those of {problem.group} are: {generators}"
        )
        findings.add("bad-word", path, str(error), hint)


def _check_environment(
    options: Mapping[str, JsonValue],
    path: Place,
    changes: Mapping[str, JsonValue],
    problem: Problem,
    findings: Findings,
) -> None:
    """The changed environment must exist and have the same observation and action."""
    environment = copy.deepcopy(problem.source.values["environment"])
    values: dict[str, JsonValue] = {"environment": environment}
    for name, value in options.items():
        try:
            put(values, path_of(PREFIX + name), value)
        except Refusal as error:
            place = (*path, PREFIX + name)
            raise findings.add("bad-edit", place, error.message, error.hint, key=True) from error
    inner = Findings(replace(problem.source, values=values))
    model = type(problem.adapter_options)
    shared = ("adapter", *shared_keys(model))
    section = inner.attempt(inner.validated, Environment, ("environment",))
    changed = inner.attempt(inner.validated, model, ("environment",), shared)
    if section is None or changed is None:
        option_of = {key: _without_rest(PREFIX + key.removeprefix(PREFIX)) for key in changes}
        for mistake in inner.diagnostics:
            keys = [key for key in changes if mistake.message.startswith(option_of[key])]
            findings.add(mistake.code, (*path, *keys[:1]), mistake.message, mistake.hint)
        raise Failed
    pipeline = pipeline_of(section, model)
    after = _interface(changed, pipeline, path, problem, findings)
    difference = _difference(problem.interface, after)
    if difference:
        hint = (
            "a held-out condition keeps the observation and the action; make another spec for "
            "another network"
        )
        message = f"the trained network cannot play there: {difference}"
        raise findings.add("changed-interface", path, message, hint, key=True)
    _check_split(changed, options, path, changes, problem, findings)


def _interface(
    options: BaseModel, pipeline: Pipeline, path: Place, problem: Problem, findings: Findings
) -> Interface:
    """What is seen of the changed environment. Raises Failed where it cannot be asked."""
    code = "bad-environment"
    hint = "check the changed options"
    try:
        return views_of(problem.adapter.interface(options), pipeline).seen
    except UserError as error:
        raise findings.add(error.code, path, error.message, error.hint, key=True) from error
    except Refusal as error:
        raise findings.add(code, path, error.message, error.hint or hint, key=True) from error
    # the environment is other people's code, and may raise anything at options it dislikes
    except Exception as error:
        message = f"the environment cannot be made: {type(error).__name__}: {error}"
        raise findings.add(code, path, message, hint, key=True) from error


def _check_split(
    changed: BaseModel,
    options: Mapping[str, JsonValue],
    path: Place,
    changes: Mapping[str, JsonValue],
    problem: Problem,
    findings: Findings,
) -> None:
    """Other levels than training's are levels of another side of the split: other seeds may make
    the same levels.

    Where an adapter cannot split its levels, their seeds must at least be others.
    """
    about_levels = options.keys() & {"split", "test_share", *SHORT}
    trained = problem.adapter.level_set(problem.adapter_options)
    played = problem.adapter.level_set(changed)
    if not about_levels or trained is None or played is None:
        return
    key = next(key for key in changes if key.removeprefix(PREFIX) in about_levels)
    if trained.split is not None:
        wrong = _same_side(str(path[-1]), key, trained, played)
    else:
        wrong = _same_seeds(str(path[-1]), trained.seeds, played.seeds)
    if wrong is not None:
        raise findings.add("level-overlap", (*path, key), *wrong, key=True)


def _same_side(name: str, key: str, trained: LevelSet, changed: LevelSet) -> tuple[str, str] | None:
    """Why levels of a condition may be levels of training, and the way out; None where they can't
    be.
    """
    if trained.test_share != changed.test_share:
        return (
            f"the test levels of a test_share of {changed.test_share} are trained on where it is "
            f"{trained.test_share}",
            "leave test_share to the environment section, for training and tests alike",
        )
    if {trained.split, changed.split} == {"train", "test"}:
        return None
    if trained.split == "all":
        return (
            f"training is on all levels (environment.split: all), those of {shown(name)} "
            "among them",
            "train on environment.split: train, and give the condition environment.split: test",
        )
    side = "train" if trained.split == "test" else "test"
    return (
        f"the levels of {shown(name)} are drawn from those trained on (split: {changed.split}); "
        "another level seed may make the same level",
        f"write environment.split: {side} into the condition, beside or in the place of {key}",
    )


def _same_seeds(name: str, trained: range | None, changed: range | None) -> tuple[str, str] | None:
    """The same of an adapter whose levels are their seeds; None for all of them."""
    if trained is None or changed is None:
        message = f"the levels of {shown(name)} are among those trained on, which are all there are"
        if changed is None and trained is not None:
            message = f"the levels of {shown(name)} are all there are, those trained on among them"
        return (
            message,
            "name the levels of both: levels in the environment section, seed_range in the "
            "condition",
        )
    shared = range(max(trained.start, changed.start), min(trained.stop, changed.stop))
    if not shared:
        return None
    return (
        f"{len(shared)} of the {len(changed)} level seeds of {shown(name)} are trained on",
        f"take a seed_range from {trained.stop} on",
    )


def _difference(before: Interface, after: Interface) -> str:
    """What the network would meet that it was not made for; "" where there is nothing."""
    if before.action != after.action:
        old = ", ".join(before.action.names[:8])
        new = ", ".join(after.action.names[:8])
        if new == old:
            return "the actions would have other bounds"
        return f"the actions would be {new} instead of {old}"
    old_terms = {term.name: term for term in before.terms}
    new_terms = {term.name: term for term in after.terms}
    if list(old_terms) != list(new_terms):
        return f"it would observe {', '.join(new_terms)} instead of {', '.join(old_terms)}"
    for name, term in new_terms.items():
        if term != old_terms[name]:
            return f"{described(name)} would be {_shape(term)} instead of {_shape(old_terms[name])}"
    return ""


def _shape(term: Term) -> str:
    return f"{'x'.join(map(str, term.shape)) or term.size} ({term.dtype})"
