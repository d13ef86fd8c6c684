"""Transitions in states that are set, each beside its image: step(g.s, g.a) = g.step(s, a)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from symgen.envs._finite import not_finite
from symgen.problem.adapter import Outcome, Simulator
from symgen.problem.group_action import act_on_action, act_on_term
from symgen.problem.interface import Action, Interface, Observation
from symgen.problem.problem import Problem
from symgen.proofs.observed import Observed
from symgen.proofs.transitions import random_actions

State = TypeVar("State")

PARTS = ("action", "observation", "next state", "reward", "ending")
"""What can differ: g.a is no action; observe(g.s) is not g.observe(s); and what one step leads to.
"""

TOLERANCE = 1e-5
"""Largest difference of real numbers, relative to 1 + their size, that counts as equal."""
STATES = 8
"""States in which it is asked what a generator of the spec does to the world."""


class Exact(NamedTuple):
    """What was found for one generator.

    Args:
        moved: transitions whose state the generator moves at all.
        mismatches: transitions that differ, per part.
        deviation: the largest difference of an observation or a reward.
        counterexample: the first difference, in words.
    """

    moved: int
    mismatches: Mapping[str, int]
    deviation: float
    counterexample: str


class Difference(NamedTuple):
    """How far two observations are apart.

    Args:
        largest: of all entries.
        place: where the difference is more than rounding, in words; "" where nowhere.
    """

    largest: float
    place: str


class Pair(NamedTuple):
    """A transition beside its image.

    Args:
        differences: the parts that differ, in words.
        deviation: the largest difference of an observation or the reward.
        moved: whether the generator moves the state.
    """

    differences: Mapping[str, str]
    deviation: float
    moved: bool


def compared(
    problem: Problem,
    simulator: Simulator[State],
    generator: str,
    samples: int,
    seed: int,
    observed: Observed,
) -> Exact:
    """Compare sampled transitions with those of the moved states.

    Args:
        problem: what the spec states.
        simulator: of its environment.
        generator: by which states and actions are moved.
        samples: number of transitions.
        seed: of states and actions.
        observed: takes note of what is observed.

    Raises:
        UserError: the environment returns a number that is not finite.
    """
    asked = _Asked(problem, simulator, generator, observed)
    asked.understand(seed)
    rng = np.random.default_rng(seed)
    mismatches = dict.fromkeys(PARTS, 0)
    moved = 0
    deviation = 0.0
    counterexample = ""
    for _ in range(samples):
        state = simulator.sample(rng)
        action = random_actions(problem.interface.action, problem.action, rng, 1)[0]
        pair = asked.pair(state, action)
        moved += pair.moved
        deviation = max(deviation, pair.deviation)
        for part in pair.differences:
            mismatches[part] += 1
        if pair.differences and not counterexample:
            part, words = next(iter(pair.differences.items()))
            counterexample = f"the {part} in the state\n{simulator.describe(state)}\n{words}"
    return Exact(moved, mismatches, deviation, counterexample)


@dataclass(frozen=True)
class _Asked(Generic[State]):
    """One generator, and the simulator that is asked about it."""

    problem: Problem
    simulator: Simulator[State]
    generator: str
    observed: Observed

    def understand(self, seed: int) -> None:
        """Let g do to the world what the spec has it do to observations, where one of the world's
        own moves does that.

        Group elements have names, and a spec may mean by its s another reflection than the adapter.
        Where no move fits, what the adapter means stays, and the observations will be refuted.
        """
        simulator = self.simulator
        if not simulator.words:
            return
        rng = np.random.default_rng(seed)
        states = [simulator.sample(rng) for _ in range(STATES)]
        usual = simulator.moves[self.generator]
        for word in (usual, *simulator.words):
            simulator.moves[self.generator] = word
            if all(self._fits(state) for state in states):
                return
        simulator.moves[self.generator] = usual

    def pair(self, state: State, action: np.ndarray) -> Pair:
        """The transition from a state beside that from its image."""
        simulator = self.simulator
        acts = self.problem.interface.action
        image_action = act_on_action(acts, self.problem.action, self.generator, action[None])[0]
        said = f"{_named(acts, action)} becomes {_named(acts, image_action)} under {self.generator}"
        if not _is_action(acts, image_action):
            words = f"{said}, which is no action of the environment"
            return Pair({"action": words}, 0.0, moved=True)
        seen = simulator.observe(state)
        self.observed.add_one(seen)
        image = self._image(seen)
        image_state = simulator.act(self.generator, state, image)
        now = self._difference(image, image_state)
        here = _finite(simulator.step(state, action))
        there = _finite(simulator.step(image_state, image_action))
        after = simulator.observe(here.state)
        self.observed.add_one(after)
        image_after = self._image(after)
        later = self._difference(image_after, there.state)
        differences = {}
        if now.place:
            differences["observation"] = f"g.observe(s) and observe(g.s) differ {now.place}"
        if not simulator.same(there.state, simulator.act(self.generator, here.state, image_after)):
            differences["next state"] = (
                f"{said}, and leads to\n{simulator.describe(there.state)}\ninstead of g applied "
                f"to\n{simulator.describe(here.state)}"
            )
        differences |= _outcome_differences(here, there, said, self.generator)
        deviation = max(now.largest, later.largest, abs(here.reward - there.reward))
        return Pair(differences, deviation, not simulator.same(image_state, state))

    def _fits(self, state: State) -> bool:
        """Whether observe(g.s) is g.observe(s) in a state."""
        image = self._image(self.simulator.observe(state))
        moved_state = self.simulator.act(self.generator, state, image)
        return not self._difference(image, moved_state).place

    def _image(self, observation: Observation) -> Observation:
        """g.o for one observation."""
        interface = self.problem.interface
        fields = self.problem.observation
        parts = interface.by_term(observation)
        return interface.as_space(
            {
                term.name: act_on_term(
                    term, fields[term.name], self.generator, parts[term.name][None]
                )[0]
                for term in interface.terms
            }
        )

    def _difference(self, expected: Observation, state: State) -> Difference:
        """Between an observation and what is observed in a state."""
        there = self.simulator.observe(state)
        return difference(self.problem.interface, expected, there, self.simulator.grain)


def difference(
    interface: Interface, expected: Observation, actual: Observation, grain: float = 0.0
) -> Difference:
    """How far two observations are apart.

    Args:
        interface: of the environment.
        expected: one observation.
        actual: the other one.
        grain: see Simulator.
    """
    largest = 0.0
    place = ""
    first = interface.by_term(expected)
    second = interface.by_term(actual)
    for term in interface.terms:
        mine = first[term.name].astype(np.float64)
        theirs = second[term.name].astype(np.float64)
        gap = np.abs(mine - theirs)
        largest = max(largest, float(gap.max(initial=0.0)))
        if term.layout in ("image", "tokens") and gap.mean() <= grain * term.scale:
            continue
        if (gap > TOLERANCE * (1.0 + np.abs(mine))).any() and not place:
            worst = (gap - TOLERANCE * np.abs(mine)).argmax()
            index = np.unravel_index(int(worst), gap.shape)
            entry = ", ".join(str(int(i)) for i in index)
            place = f"in {term.name}[{entry}]: {mine[index]:.6g} and {theirs[index]:.6g}"
    return Difference(largest, place)


def _finite(outcome: Outcome[State]) -> Outcome[State]:
    """The outcome; raises UserError where its reward is not finite."""
    if not np.isfinite(outcome.reward):
        raise not_finite(f"the reward is {outcome.reward}")
    return outcome


def _outcome_differences(
    here: Outcome[State], there: Outcome[State], said: str, generator: str
) -> dict[str, str]:
    """Differences of reward and ending, in words."""
    differences = {}
    if abs(here.reward - there.reward) > TOLERANCE * (1.0 + abs(here.reward)):
        differences["reward"] = (
            f"{said}, and is rewarded {there.reward:.6g} instead of {here.reward:.6g}"
        )
    if (here.terminated, here.truncated) != (there.terminated, there.truncated):
        differences["ending"] = (
            f"{said}, and the episode {_ending(there)} where it {_ending(here)} without {generator}"
        )
    return differences


def _ending(outcome: Outcome[State]) -> str:
    return "ends" if outcome.terminated or outcome.truncated else "goes on"


def _named(action: Action, value: np.ndarray) -> str:
    if action.kind == "discrete":
        return action.names[int(value)]
    return str(np.asarray(value).round(4).tolist())


def _is_action(action: Action, value: np.ndarray) -> bool:
    if action.kind != "continuous":
        return True
    slack = TOLERANCE * (1.0 + np.abs(value))
    above = value >= np.array(action.low) - slack
    below = value <= np.array(action.high) + slack
    return bool((above & below).all())
