"""Two samples of transitions, as they come and moved by g: are they one distribution?

The test behind `symgen check-env` where an environment's state cannot be set. Every transition and
every start is of an episode of its own, so that the samples are independent and the permutation
p-value is exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symgen.algebra.representation import Representation
from symgen.envs._finite import not_finite
from symgen.envs.guarded import environments
from symgen.problem.group_action import act_on_action, from_field, to_field
from symgen.problem.interface import Action, Interface
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


@dataclass(frozen=True)
class _Transitions:
    """Transitions and first observations, each from an episode of its own; observations by term,
    batch first.
    """

    starts: dict[str, np.ndarray]
    before: dict[str, np.ndarray]
    actions: np.ndarray
    rewards: np.ndarray
    after: dict[str, np.ndarray]
    ended: np.ndarray


def statistics(
    problem: Problem, count: int, seed: int, observed: Observed
) -> tuple[Statistic, ...]:
    """Test every generator on two samples of `count` transitions under random actions.

    Args:
        observed: takes note of what is observed.
    """
    rng = np.random.default_rng(seed)
    one = _collect(problem, count, rng)
    other = _collect(problem, count, rng)
    for sample in (one, other):
        _note(problem.interface, sample, observed)
    return tuple(_tested(problem, one, other, g, rng) for g in problem.group.generators)


def _tested(
    problem: Problem, one: _Transitions, other: _Transitions, g: str, rng: np.random.Generator
) -> Statistic:
    moved = _moved_transitions(problem, g, other)
    starts = (
        [_projected(_side_by_side(problem.interface, sample.starts), 0)] for sample in (one, moved)
    )
    start = energy_test(*standardised(*starts), rng).p
    p, control = (
        energy_test(*standardised(_blocks(problem, one), _blocks(problem, sample)), rng).p
        for sample in (moved, _spoilt(other, moved))
    )
    return Statistic(g, len(one.rewards), start, p, control)


def _note(interface: Interface, sample: _Transitions, observed: Observed) -> None:
    """Take note of what is observed in a sample; raises UserError where a number is not finite."""
    for fields in (sample.starts, sample.before, sample.after):
        observed.add({term.name: from_field(term, fields[term.name]) for term in interface.terms})
    if not np.isfinite(sample.rewards).all():
        raise not_finite(f"a reward is {sample.rewards[~np.isfinite(sample.rewards)][0]}")


def _moved_transitions(problem: Problem, g: str, sample: _Transitions) -> _Transitions:
    def move(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {
            name: problem.observation[name].act(g, feature) for name, feature in observation.items()
        }

    actions = act_on_action(problem.interface.action, problem.action, g, sample.actions)
    return _Transitions(
        move(sample.starts),
        move(sample.before),
        actions,
        sample.rewards,
        move(sample.after),
        sample.ended,
    )


def _spoilt(plain: _Transitions, moved: _Transitions) -> _Transitions:
    """The moved sample with a mistake in it that the test should see."""
    if not np.array_equal(plain.actions, moved.actions):
        return _Transitions(
            moved.starts, moved.before, plain.actions, moved.rewards, moved.after, moved.ended
        )
    return _Transitions(
        moved.starts, moved.before, moved.actions, moved.rewards, plain.after, moved.ended
    )


def _blocks(problem: Problem, sample: _Transitions) -> list[np.ndarray]:
    """Observation, its change, action, effect of the action, reward and ending as blocks of
    features.
    """
    change = {name: sample.after[name] - sample.before[name] for name in sample.before}
    action = problem.interface.action
    vectors = sample.actions.reshape(len(sample.rewards), -1).astype(np.float64)
    if action.kind != "continuous":
        vectors = np.concatenate(
            [np.eye(n)[vectors[:, k].astype(int)] for k, n in enumerate(action.sizes)], 1
        )
    here, moves = (
        _projected(_side_by_side(problem.interface, o), k)
        for k, o in enumerate((sample.before, change))
    )
    # What an action does: without the products, a wrong action map hides in the dependence of the
    # blocks.
    shift = _side_by_side(
        problem.interface, {name: _summary(problem, name, part) for name, part in change.items()}
    )
    effect = (vectors[:, :, None] * shift[:, None, :]).reshape(len(shift), -1)
    return [
        here,
        moves,
        vectors,
        _projected(effect, 2),
        sample.rewards[:, None],
        sample.ended[:, None].astype(float),
    ]


def _summary(problem: Problem, name: str, feature: np.ndarray) -> np.ndarray:
    """A picture's first moments, channel by channel: in which direction things have moved; other
    terms as they are.
    """
    base = problem.observation[name].base
    if not base.is_picture:
        return feature
    centred = base.coordinates - base.coordinates.mean(0)
    return np.einsum("bpc,pk->bck", feature, centred)


def _side_by_side(interface: Interface, observation: dict[str, np.ndarray]) -> np.ndarray:
    """The entries of all terms, (batch, entries)."""
    return np.concatenate(
        [observation[t.name].reshape(len(observation[t.name]), -1) for t in interface.terms], 1
    )


def _projected(features: np.ndarray, which: int) -> np.ndarray:
    """At most WIDTH features: random combinations where there are more, the same ones for every
    sample.
    """
    count = features.shape[1]
    if count <= WIDTH:
        return features
    return features @ np.random.default_rng(which).normal(size=(count, WIDTH)) / np.sqrt(count)


def _collect(problem: Problem, count: int, rng: np.random.Generator) -> _Transitions:
    """Play episodes with random actions; one transition of each, at a random time that it reaches."""
    width = min(64, count)
    envs = environments(problem.adapter, problem.adapter_options, width, int(rng.integers(2**31)))
    offset = np.asarray(getattr(envs.single_action_space, "start", 0))
    pieces: list[tuple[Any, ...]] = []
    starts: list[dict[str, np.ndarray]] = []
    found = rounds = 0
    try:
        while found < count and rounds < 50 * -(-count // width):
            first = _fields(problem, envs.reset(seed=int(rng.integers(2**31)))[0])
            starts.append(first)
            kept = _episode_pieces(problem, envs, first, offset, rng)
            pieces += kept
            found, rounds = found + len(kept), rounds + 1
    finally:
        envs.close()
    names = [term.name for term in problem.interface.terms]
    before, actions, rewards, after, ended = zip(*pieces[:count], strict=True)
    return _Transitions(
        {name: np.concatenate([s[name] for s in starts])[:count] for name in names},
        {name: np.stack([b[name] for b in before]) for name in names},
        np.stack(actions),
        np.array(rewards),
        {name: np.stack([a[name] for a in after]) for name in names},
        np.array(ended),
    )


def _episode_pieces(
    problem: Problem,
    envs: Any,
    first: dict[str, np.ndarray],
    offset: np.ndarray,
    rng: np.random.Generator,
) -> list[tuple[Any, ...]]:
    """One transition of every environment that lives to its time."""
    times = rng.integers(HORIZON, size=envs.num_envs)
    alive = np.ones(envs.num_envs, dtype=bool)
    here = first
    kept = []
    for time in range(int(times.max()) + 1):
        actions = random_actions(problem.interface.action, problem.action, rng, envs.num_envs)
        observation, reward, terminated, truncated, _ = envs.step(
            actions + offset if offset.any() else actions
        )
        there = _fields(problem, observation)
        for k in np.flatnonzero(alive & (times == time)):
            before, after = (
                {name: part[k] for name, part in fields.items()} for fields in (here, there)
            )
            kept.append((before, actions[k], float(reward[k]), after, bool(terminated[k])))
        alive &= ~(terminated | truncated)
        here = there
    return kept


def _fields(problem: Problem, observation: Any) -> dict[str, np.ndarray]:
    """Every term as float64 (batch, places, channels)."""
    interface = problem.interface
    given = {
        t.name: np.asarray(observation if interface.single else observation[t.name])
        for t in interface.terms
    }
    return {
        t.name: to_field(t, problem.observation[t.name], given[t.name]).astype(np.float64)
        for t in interface.terms
    }
