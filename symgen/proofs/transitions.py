"""Two samples of transitions, as they come and moved by g: are they one distribution?

The test behind `symgen check-env` where an environment's state cannot be set. Every transition and
every start is of an episode of its own, so that the samples are independent and the permutation
p-value is exact.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv

from symgen.algebra.representation import Representation
from symgen.envs._finite import not_finite
from symgen.envs._stepping import first_action
from symgen.envs.guarded import environments
from symgen.problem.group_action import act_on_action, from_field, to_field
from symgen.problem.interface import Action, Interface, Observation
from symgen.problem.problem import Problem
from symgen.proofs.observed import Observed
from symgen.proofs.two_samples import energy_test, standardised

HORIZON = 20
"""A transition is one of the first HORIZON of its episode."""
WIDTH = 48
"""Observations with more entries are projected to this many random directions."""


@dataclass(frozen=True)
class Statistic:
    """What was measured for one generator.

    Args:
        generator: its name.
        transitions: size of each of the two samples.
        start: p-value for the first observations of episodes.
        p: p-value for the transitions.
        control: the same with a mistake made on purpose: actions left unmoved, or, where they do
            not move, the next observations.
    """

    generator: str
    transitions: int
    start: float
    p: float
    control: float


def random_actions(
    action: Action, moved_by: Representation, rng: np.random.Generator, count: int
) -> np.ndarray:
    """Independent actions whose distribution the group leaves alone, if it acts on the action
    space.

    Uniform over choices; over the box where coordinates are permuted up to sign; over the ellipsoid
    in it where they are mixed. Unbounded coordinates are standard normal.

    Returns:
        indices (count,) or (count, components), or float32 vectors (count, dim).
    """
    if action.kind == "discrete":
        return rng.integers(action.sizes[0], size=count)
    if action.kind == "multi_discrete":
        return rng.integers(np.array(action.sizes), size=(count, len(action.sizes)))
    low = np.array(action.low)
    high = np.array(action.high)
    bounded = np.isfinite(low) & np.isfinite(high)
    centre = np.where(bounded, (low + high) / 2, 0.0)
    half = np.where(bounded, (high - low) / 2, 1.0)
    unit = np.where(
        bounded, rng.uniform(-1, 1, (count, len(low))), rng.normal(size=(count, len(low)))
    )
    if not moved_by.is_signed_permutation:
        unit = rng.normal(size=unit.shape)
        radius = rng.uniform(size=(count, 1)) ** (1 / len(low))
        unit *= radius / np.linalg.norm(unit, axis=1, keepdims=True)
    return (centre + half * unit).astype(np.float32)


Fields = dict[str, np.ndarray]
"""Features by term."""


class _Transition(NamedTuple):
    """One transition; features (places, channels)."""

    before: Fields
    action: np.ndarray
    reward: float
    after: Fields
    ended: bool


@dataclass(frozen=True)
class _Transitions:
    """Transitions and first observations, each from an episode of its own; features (batch, places,
    channels).
    """

    starts: Fields
    before: Fields
    actions: np.ndarray
    rewards: np.ndarray
    after: Fields
    ended: np.ndarray


def statistics(
    problem: Problem, count: int, seed: int, observed: Observed
) -> tuple[Statistic, ...]:
    """Test every generator on two samples of `count` transitions under random actions.

    Args:
        problem: what the spec states.
        count: size of each sample.
        seed: of actions, episodes and permutations.
        observed: takes note of what is observed.
    """
    rng = np.random.default_rng(seed)
    first = _collect(problem, count, rng)
    second = _collect(problem, count, rng)
    for sample in (first, second):
        _note(problem.interface, sample, observed)
    return tuple(_tested(problem, first, second, g, rng) for g in problem.group.generators)


def _tested(
    problem: Problem, first: _Transitions, second: _Transitions, g: str, rng: np.random.Generator
) -> Statistic:
    moved = _moved_transitions(problem, g, second)
    starts = (
        [_projected(_side_by_side(problem.interface, sample.starts), 0)]
        for sample in (first, moved)
    )
    start = energy_test(*standardised(*starts), rng).p
    blocks = _blocks(problem, first)
    p = energy_test(*standardised(blocks, _blocks(problem, moved)), rng).p
    spoilt = _blocks(problem, _spoilt(second, moved))
    control = energy_test(*standardised(blocks, spoilt), rng).p
    return Statistic(g, len(first.rewards), start, p, control)


def _note(interface: Interface, sample: _Transitions, observed: Observed) -> None:
    """Take note of what is observed in a sample; raises UserError where a number is not finite."""
    for fields in (sample.starts, sample.before, sample.after):
        observed.add({term.name: from_field(term, fields[term.name]) for term in interface.terms})
    if not np.isfinite(sample.rewards).all():
        raise not_finite(f"a reward is {sample.rewards[~np.isfinite(sample.rewards)][0]}")


def _moved_transitions(problem: Problem, g: str, sample: _Transitions) -> _Transitions:
    def move(fields: Fields) -> Fields:
        return {name: problem.observation[name].act(g, part) for name, part in fields.items()}

    return replace(
        sample,
        starts=move(sample.starts),
        before=move(sample.before),
        actions=act_on_action(problem.interface.action, problem.action, g, sample.actions),
        after=move(sample.after),
    )


def _spoilt(plain: _Transitions, moved: _Transitions) -> _Transitions:
    """The moved sample with a mistake in it that the test should see."""
    if not np.array_equal(plain.actions, moved.actions):
        return replace(moved, actions=plain.actions)
    return replace(moved, after=plain.after)


def _blocks(problem: Problem, sample: _Transitions) -> list[np.ndarray]:
    """Observation, its change, action, effect of the action, reward and ending as blocks of
    features.
    """
    interface = problem.interface
    change = {name: sample.after[name] - sample.before[name] for name in sample.before}
    vectors = sample.actions.reshape(len(sample.rewards), -1).astype(np.float64)
    if interface.action.kind != "continuous":
        sizes = interface.action.sizes
        one_hot = [np.eye(n)[vectors[:, k].astype(int)] for k, n in enumerate(sizes)]
        vectors = np.concatenate(one_hot, 1)
    # What an action does: without the products, a wrong action map hides in the dependence of the
    # blocks.
    shift = _side_by_side(
        interface, {name: _summary(problem, name, part) for name, part in change.items()}
    )
    effect = (vectors[:, :, None] * shift[:, None, :]).reshape(len(shift), -1)
    return [
        _projected(_side_by_side(interface, sample.before), 0),
        _projected(_side_by_side(interface, change), 1),
        vectors,
        _projected(effect, 2),
        sample.rewards[:, None],
        sample.ended[:, None].astype(float),
    ]


def _summary(problem: Problem, name: str, feature: np.ndarray) -> np.ndarray:
    """An image's first moments, channel by channel: in which direction things have moved; other
    terms as they are.
    """
    base = problem.observation[name].base
    if not base.is_picture:
        return feature
    centred = base.coordinates - base.coordinates.mean(0)
    return np.einsum("bpc,pk->bck", feature, centred)


def _side_by_side(interface: Interface, fields: Fields) -> np.ndarray:
    """The entries of all terms, (batch, entries)."""
    parts = (fields[term.name] for term in interface.terms)
    return np.concatenate([part.reshape(len(part), -1) for part in parts], 1)


def _projected(features: np.ndarray, which: int) -> np.ndarray:
    """At most WIDTH features: random combinations where there are more, the same ones for every
    sample.
    """
    count = features.shape[1]
    if count <= WIDTH:
        return features
    return features @ np.random.default_rng(which).normal(size=(count, WIDTH)) / np.sqrt(count)


def _collect(problem: Problem, count: int, rng: np.random.Generator) -> _Transitions:
    """Play episodes with random actions; one transition of each, at a random time it reaches."""
    width = min(64, count)
    envs = environments(problem, width, int(rng.integers(2**31)))
    transitions: list[_Transition] = []
    starts: list[Fields] = []
    rounds = 0
    try:
        while len(transitions) < count and rounds < 50 * -(-count // width):
            observation, _ = envs.reset(seed=int(rng.integers(2**31)))
            starts.append(_fields(problem, observation))
            transitions += _one_of_each(problem, envs, starts[-1], rng)
            rounds += 1
    finally:
        envs.close()
    kept = transitions[:count]
    names = [term.name for term in problem.interface.terms]
    return _Transitions(
        {name: np.concatenate([start[name] for start in starts])[:count] for name in names},
        {name: np.stack([step.before[name] for step in kept]) for name in names},
        np.stack([step.action for step in kept]),
        np.array([step.reward for step in kept]),
        {name: np.stack([step.after[name] for step in kept]) for name in names},
        np.array([step.ended for step in kept]),
    )


def _one_of_each(
    problem: Problem, envs: VectorEnv, first: Fields, rng: np.random.Generator
) -> list[_Transition]:
    """One transition of every environment whose episode lives to its time."""
    action = problem.interface.action
    offset = first_action(envs.single_action_space)
    times = rng.integers(HORIZON, size=envs.num_envs)
    alive = np.ones(envs.num_envs, dtype=bool)
    here = first
    kept = []
    for time in range(int(times.max()) + 1):
        actions = random_actions(action, problem.action, rng, envs.num_envs)
        given = actions + offset if offset.any() else actions
        observation, reward, terminated, truncated, _ = envs.step(given)
        there = _fields(problem, observation)
        for k in np.flatnonzero(alive & (times == time)):
            before = {name: part[k] for name, part in here.items()}
            after = {name: part[k] for name, part in there.items()}
            step = _Transition(before, actions[k], float(reward[k]), after, bool(terminated[k]))
            kept.append(step)
        alive &= ~(terminated | truncated)
        here = there
    return kept


def _fields(problem: Problem, observation: Observation) -> Fields:
    """Every term as float64 (batch, places, channels)."""
    parts = problem.interface.by_term(observation)
    return {
        term.name: to_field(term, problem.observation[term.name], parts[term.name]).astype(
            np.float64
        )
        for term in problem.interface.terms
    }
