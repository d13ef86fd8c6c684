"""Held-out conditions: what an entry of `evaluate:` makes of the environment."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from gymnasium.vector import VectorEnv

from symgen.compiler import check_spec
from symgen.envs._stepping import first_action
from symgen.envs.guarded import environments
from symgen.envs.perturbed import ActionMap, ObservationMap, under
from symgen.envs.piped import Between
from symgen.envs.sensors import Sensors
from symgen.errors import UserError
from symgen.experiment.variant import variant
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.problem.interface import Observation
from symgen.problem.problem import Problem
from symgen.semantics.condition import Condition
from symgen.semantics.evaluate import PREFIX, SHORT, TRAINING, environment_changes
from symgen.semantics.sensors import seen_terms
from symgen.spec.edit import edit

Changes: TypeAlias = Mapping[str, object]
"""An entry of `evaluate:`, or edits of a spec by dotted path."""


def conditions(evaluate: Mapping[str, Changes]) -> dict[str, Changes]:
    """The conditions by name: training's own first, then those of `evaluate:`."""
    return {TRAINING: {}, **evaluate}


def changed(problem: Problem, edits: Changes) -> dict[str, Changes]:
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
        written = source.values.get("evaluate")
        conditions_before = written if isinstance(written, dict) else {}
        source = edit(source, {"evaluate": {**conditions_before, name: options}})
    before = problem.spec.evaluate
    after = check_spec(source).spec.evaluate
    return conditions(
        {name: changes for name, changes in after.items() if changes != before.get(name)}
    )


def under_options(problem: Problem, changes: Changes) -> Problem:
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


def own_keys(changes: Changes) -> Condition:
    """What a condition says beside the options of the environment."""
    names = [key for key in changes if not (key.startswith(PREFIX) or key in SHORT)]
    return Condition.model_validate({key: changes[key] for key in names})


def sensors(problem: Problem, condition: Condition, seed: int, beside: bool = False) -> Between:
    """What changes the sensors of environments, for `piped`; nothing where the condition says
    nothing of tokens.

    Args:
        problem: the problem.
        condition: what it says.
        seed: of the orders.
        beside: whether what the environment gave is observed, too.
    """

    def between(envs: VectorEnv) -> VectorEnv:
        if not condition.concerns_tokens:
            return envs
        terms = seen_terms(problem, condition)
        return Sensors(envs, condition.sensing, terms, condition.patch or 1, seed, beside)

    return between


def environment(
    problem: Problem, changes: Changes, count: int, seed: int, render: bool = False
) -> VectorEnv:
    """`count` environments under a condition.

    Raises:
        SpecError: the changed options are wrong.
    """
    changed = under_options(problem, changes)
    moves = own_keys(changes)

    envs = environments(changed, count, seed, render, sensors(problem, moves, seed))
    transform = observation = None
    if moves.transform is not None:
        transform = (_observed(problem, moves.transform), _undone(problem, moves.transform, envs))
    if moves.observation is not None:
        observation = _observed(problem, moves.observation)
    return under(
        envs,
        transform=transform,
        observation=observation,
        observation_noise=moves.observation_noise or 0.0,
        seed=seed,
    )


def _observed(problem: Problem, word: str) -> ObservationMap:
    """o -> g.o for batches as the space gives them."""
    interface = problem.interface
    fields = problem.observation
    # an image of whole numbers need not be whole numbers; networks take any dtype
    real = {
        term.name for term in interface.terms
        if term.layout != "discrete" and fields[term.name].fibre.kind != "permutation"
    }  # fmt: skip

    def move(observation: Observation) -> Observation:
        parts = interface.by_term(observation)
        for name in real:
            parts[name] = parts[name].astype(np.result_type(parts[name], np.float32))
        return act_on_observation(interface, fields, word, interface.as_space(parts))

    return move


def _undone(problem: Problem, word: str, envs: VectorEnv) -> ActionMap:
    """a -> inverse(g).a for batches as the environment takes them."""
    action = problem.interface.action
    inverse = problem.group.inverse(word)
    start = first_action(envs.single_action_space)

    def move(actions: np.ndarray) -> np.ndarray:
        return act_on_action(action, problem.action, inverse, np.asarray(actions) - start) + start

    return move
