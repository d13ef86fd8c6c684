"""The examples' problems and environments, made once for all conformance tests."""

from functools import cache
from typing import Any

import pytest
from gymnasium.vector import VectorEnv

from symgen.envs.guarded import environments
from symgen.problem.adapter import Simulator
from symgen.problem.problem import Problem
from tests.envs.examples import available, parameters
from tests.envs.laws import Step, play

ENVS = 3
STEPS = 20
every_example = pytest.mark.parametrize("name", parameters())


@cache
def problem_of(name: str) -> Problem:
    """What a spec with the example's environment states; skips where a package is missing."""
    return available(name).problem


OPENED: dict[str, VectorEnv] = {}


def environments_of(name: str) -> VectorEnv:
    """The environments of an example; shared, so each test begins with a reset."""
    if name not in OPENED:
        problem = problem_of(name)
        OPENED[name] = environments(problem, ENVS, 0)
    return OPENED[name]


@cache
def played(name: str) -> list[Step]:
    """The first steps of random actions in an example's environments."""
    return play(environments_of(name), STEPS, seed=1)


def simulator_of(name: str) -> Simulator[Any] | str:
    """A simulator of the example's environment, or why there is none."""
    problem = problem_of(name)
    return problem.adapter.simulator(problem.adapter_options, problem.group)


def close_all() -> None:
    """Close the environments."""
    for envs in OPENED.values():
        envs.close()
    OPENED.clear()
    played.cache_clear()
