"""Observations to verify a network on, beside normally distributed ones: the space's, and the
environment's own.
"""

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv

from symgen.envs._finite import check_finite
from symgen.envs.guarded import environments
from symgen.errors import UserError
from symgen.problem.interface import Interface, Observation
from symgen.problem.problem import Problem
from symgen.proofs.shown import Samples, Shown

COUNT = 8
"""Observations of a sample."""
ENVS = 2
"""Environments that are stepped."""
EVERY = 2
"""Steps between two observations."""
LARGEST = 1e6
"""Bounds beyond this are as good as none (a space may give the largest number of its type)."""


def samples(problem: Problem, seed: int = 0) -> Samples:
    """Numbers between the bounds of the spaces, and what the environment observes under random
    actions.

    Some may be missing: the environment cannot be made here, or fails.

    Raises:
        UserError: the environment returns a number that is not finite.
    """
    shown: list[Shown] = []
    try:
        envs = environments(problem, ENVS, seed)
        try:
            rng = np.random.default_rng(seed)
            within = _within_bounds(problem.interface, envs.single_observation_space, rng)
            shown += [within] if within else []
            shown.append(_of_the_environment(problem.interface, envs, seed))
        finally:
            envs.close()
    except UserError as error:
        if error.code == "environment-not-finite":
            raise
        return Samples(tuple(shown), error.message.splitlines()[0])
    except Exception as error:  # other people's code: whether it runs is not what is verified
        return Samples(tuple(shown), f"{type(error).__name__}: {error}".splitlines()[0])
    return Samples(tuple(shown))


def _of_the_environment(interface: Interface, envs: VectorEnv, seed: int) -> Shown:
    """A few observations from the first steps of episodes, one of each environment in turn."""
    envs.action_space.seed(seed)
    observation, _ = envs.reset(seed=seed)
    check_finite(observation)
    seen = [_of_one(interface, observation, 0)]
    while len(seen) < COUNT:
        for _ in range(EVERY):
            observation, rewards, *_ = envs.step(envs.action_space.sample())
            check_finite(observation, rewards)
        seen.append(_of_one(interface, observation, len(seen) % ENVS))
    by_term = {name: np.stack([parts[name] for parts in seen]) for name in seen[0]}
    return Shown("of the environment", by_term, real=True)


def _of_one(interface: Interface, observation: Observation, env: int) -> dict[str, np.ndarray]:
    """What one of the environments observes; numbers as float64, indices as they are."""
    parts = interface.by_term(observation)
    return {
        term.name: np.array(
            parts[term.name][env], None if term.layout == "discrete" else np.float64
        )
        for term in interface.terms
    }


def _within_bounds(
    interface: Interface, space: spaces.Space, rng: np.random.Generator
) -> Shown | None:
    """Uniform where the space has bounds, normal elsewhere; None where it has none."""
    named = space.spaces if isinstance(space, spaces.Dict) else {interface.terms[0].name: space}
    any_bounds = False
    by_term: dict[str, np.ndarray] = {}
    for term in interface.terms:
        inner = named[term.name]
        if term.layout == "discrete":
            by_term[term.name] = rng.integers(0, term.size, COUNT)
            continue
        normal = rng.standard_normal((COUNT, *term.shape)) * term.scale
        if not isinstance(inner, spaces.Box):
            by_term[term.name] = normal
            continue
        low = inner.low.astype(np.float64)
        high = inner.high.astype(np.float64)
        bounded = (np.abs(low) <= LARGEST) & (np.abs(high) <= LARGEST)
        any_bounds |= bool(bounded.any())
        least = np.where(bounded, low, 0.0)
        most = np.where(bounded, high, 1.0)
        uniform = rng.uniform(least, most, (COUNT, *term.shape))
        by_term[term.name] = np.where(bounded, uniform, normal)
    return Shown("between the bounds of its space", by_term) if any_bounds else None
