"""Held-out conditions: what an entry of `evaluate:` makes of the environment."""

from collections.abc import Mapping
from typing import Any

from gymnasium.vector import VectorEnv

from symgen.compiler import check_spec
from symgen.semantics.conditions import PREFIX, environment_changes
from symgen.semantics.problem import Problem
from symgen.spec.edit import edit

TRAINING = "training"


def conditions(evaluate: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The conditions by name: training's own first, then those of `evaluate:`."""
    return {TRAINING: {}, **evaluate}


def environment(problem: Problem, changes: Mapping[str, Any], count: int, seed: int, render: bool = False) -> VectorEnv:
    """`count` environments under a condition.

    Raises:
        SpecError: the changed options are wrong.
    """
    options = {PREFIX + name: value for name, value in environment_changes(changes).items()}
    changed = check_spec(edit(problem.source, options)) if options else problem
    envs = changed.adapter.make(changed.adapter_options, count, seed, render)
    if not changes.keys() & {"transform", "observation", "observation_noise"}:
        return envs
    from symgen.envs import conditions as wrappers

    return wrappers.wrap(envs, problem, changes, seed)
