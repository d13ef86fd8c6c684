"""Held-out conditions: what an entry of `evaluate:` makes of the environment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from symgen.compiler import check_spec
from symgen.envs.guarded import environments
from symgen.envs.perturbed import ArrayMap, under
from symgen.errors import UserError
from symgen.experiment.run import variant
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.problem.problem import Problem
from symgen.semantics.evaluate import PREFIX, environment_changes
from symgen.spec.edit import edit

TRAINING = "training"


def conditions(evaluate: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The conditions by name: training's own first, then those of `evaluate:`."""
    return {TRAINING: {}, **evaluate}


def changed(problem: Problem, edits: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The conditions that edits of a spec make or change; training's own first, to compare with.

    Args:
        problem: what was trained.
        edits: values by dotted path: conditions below `evaluate`; options below `environment` make
            one more condition, called after them.

    Raises:
        SpecError: a condition is wrong.
        UserError: an edit is of neither.
    """
    options = {path: value for path, value in edits.items() if path.startswith(PREFIX)}
    rest = {path: value for path, value in edits.items() if path not in options}
    others = [path for path in rest if path.split(".")[0] != "evaluate"]
    if others:
        message = f"{others[0]} belongs to the training, which is over"
        hint = "an evaluation changes evaluate.<condition>.<key> or environment.<option>"
        raise UserError("edit-after-training", message, hint)
    source = edit(problem.source, rest)
    if options:
        name = variant(options).replace(PREFIX, "")
        source = edit(
            source, {"evaluate": {**(source.values.get("evaluate") or {}), name: options}}
        )
    found = check_spec(source).spec.evaluate
    return conditions(
        {name: each for name, each in found.items() if each != problem.spec.evaluate.get(name)}
    )


def under_options(problem: Problem, changes: Mapping[str, Any]) -> Problem:
    """The problem with the environment's options as a condition changes them.

    Raises:
        SpecError: the changed options are wrong.
    """
    options = {PREFIX + name: value for name, value in environment_changes(changes).items()}
    if not options:
        return problem
    # the other conditions were checked beside training's options, not beside these
    values = {key: value for key, value in problem.source.values.items() if key != "evaluate"}
    return check_spec(edit(replace(problem.source, values=values), options))


def environment(
    problem: Problem, changes: Mapping[str, Any], count: int, seed: int, render: bool = False
) -> VectorEnv:
    """`count` environments under a condition.

    Raises:
        SpecError: the changed options are wrong.
    """
    changed = under_options(problem, changes)
    envs = environments(changed.adapter, changed.adapter_options, count, seed, render)
    transform = changes.get("transform")
    seen = changes.get("observation")
    return under(
        envs,
        transform=None
        if transform is None
        else (_observed(problem, transform), _undone(problem, transform, envs)),
        observation=None if seen is None else _observed(problem, seen),
        observation_noise=float(changes.get("observation_noise") or 0.0),
        seed=seed,
    )


def _observed(problem: Problem, word: str) -> ArrayMap:
    """o -> g.o for batches as the space gives them."""

    fields = problem.observation
    # an image of whole numbers need not be whole numbers; networks take any dtype
    real = {
        term.name for term in problem.interface.terms
        if term.layout != "discrete" and fields[term.name].fibre.kind != "permutation"
    }  # fmt: skip

    def term(name: str, batch: np.ndarray) -> np.ndarray:
        return batch.astype(np.result_type(batch, np.float32)) if name in real else batch

    def move(observation: Any) -> Any:
        if problem.interface.single:
            observation = term(problem.interface.terms[0].name, observation)
        else:
            observation = {name: term(name, batch) for name, batch in observation.items()}
        return act_on_observation(problem.interface, fields, word, observation)

    return move


def _undone(problem: Problem, word: str, envs: VectorEnv) -> ArrayMap:
    """a -> inverse(g).a for batches as the environment takes them."""
    action = problem.interface.action
    inverse = problem.group.inverse(word)
    start = np.asarray(
        getattr(envs.single_action_space, "start", 0)
    )  # discrete actions need not begin at 0

    def move(actions: Any) -> Any:
        return act_on_action(action, problem.action, inverse, np.asarray(actions) - start) + start

    return move
