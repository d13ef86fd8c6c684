"""Observations to verify a network on, beside normally distributed ones: the space's, and the
environment's own.
"""

from typing import Any

import numpy as np
from gymnasium import spaces

from symgen.envs._finite import check_finite
from symgen.envs.guarded import environments
from symgen.errors import UserError
from symgen.problem.problem import Problem
from symgen.proofs.shown import Shown

COUNT, ENVS, EVERY = 8, 2, 2
"""Observations of a sample; environments that are stepped, and steps between two observations."""
LARGEST = 1e6
"""Bounds beyond this are as good as none (a space may give the largest number of its type)."""


def samples(problem: Problem, seed: int = 0) -> tuple[tuple[Shown, ...], str]:
    """Numbers between the bounds of the spaces, and what the environment observes under random
    actions.

    Returns:
        The samples, and why some are missing: the environment cannot be made here, or fails.

    Raises:
        UserError: the environment returns a number that is not finite.
    """
    found: list[Shown] = []
    try:
        envs = environments(problem.adapter, problem.adapter_options, ENVS, seed)
        try:
            within = _within_bounds(
                problem, envs.single_observation_space, np.random.default_rng(seed)
            )
            found += [within] if within else []
            found.append(_of_the_environment(problem, envs, seed))
        finally:
            envs.close()
    except UserError as error:
        if error.code == "environment-not-finite":
            raise
        return tuple(found), error.message.splitlines()[0]
    except (
        Exception
    ) as error:  # it is other people's code, and whether it runs is not what is verified
        return tuple(found), f"{type(error).__name__}: {error}".splitlines()[0]
    return tuple(found), ""


def _of_the_environment(problem: Problem, envs: Any, seed: int) -> Shown:
    """A few observations from the first steps of episodes, one of each environment in turn."""
    envs.action_space.seed(seed)
    observation, _ = envs.reset(seed=seed)
    check_finite(observation)
    seen = [_by_term(problem, observation, 0)]
    while len(seen) < COUNT:
        for _ in range(EVERY):
            observation, rewards, *_ = envs.step(envs.action_space.sample())
            check_finite(observation, rewards)
        seen.append(_by_term(problem, observation, len(seen) % ENVS))
    return Shown(
        "of the environment",
        {name: np.stack([one[name] for one in seen]) for name in seen[0]},
        real=True,
    )


def _by_term(problem: Problem, observation: Any, env: int) -> dict[str, np.ndarray]:
    interface = problem.interface
    result = {}
    for term in interface.terms:
        one = np.array((observation if interface.single else observation[term.name])[env])
        result[term.name] = one if term.layout == "discrete" else one.astype(np.float64)
    return result


def _within_bounds(
    problem: Problem, space: spaces.Space[Any], rng: np.random.Generator
) -> Shown | None:
    """Uniform where the space has bounds, normal elsewhere; None where it has none."""
    interface = problem.interface
    any_bounds = False
    result: dict[str, np.ndarray] = {}
    for term in interface.terms:
        inner: Any = space if interface.single else space[term.name]  # type: ignore[index]
        if term.layout == "discrete":
            result[term.name] = rng.integers(0, term.size, COUNT)
            continue
        normal = rng.standard_normal((COUNT, *term.shape)) * term.scale
        if not isinstance(inner, spaces.Box):
            result[term.name] = normal
            continue
        low = inner.low.astype(np.float64)
        high = inner.high.astype(np.float64)
        bounded = (np.abs(low) <= LARGEST) & (np.abs(high) <= LARGEST)
        any_bounds |= bool(bounded.any())
        uniform = rng.uniform(
            np.where(bounded, low, 0.0), np.where(bounded, high, 1.0), (COUNT, *term.shape)
        )
        result[term.name] = np.where(bounded, uniform, normal)
    return Shown("between the bounds of its space", result) if any_bounds else None
