"""What every adapter says of groups is so in its environments: fields, simulators, conditions."""

from dataclasses import replace
from typing import Any

import pytest

from symgen.algebra import fieldtype as fieldtypes
from symgen.algebra import representation as representations
from symgen.algebra.catalogue import group
from symgen.envs.perturbed import Noisy, Seen, under
from symgen.problem.adapter import Simulator
from symgen.problem.group_action import act_on_action, act_on_observation
from symgen.problem.problem import Problem
from tests.envs.examples import (
    EXAMPLES,
    UNKNOWN,
)
from tests.envs.laws import (
    condition_faults,
    field_faults,
    play,
    simulator_faults,
    value_semantics_faults,
)
from tests.envs.opened import environments_of, every_example, played, problem_of, simulator_of


@every_example
def test_the_group_acts_on_what_is_observed_and_done(name):
    problem = problem_of(name)
    observation = played(name)[0].observation
    about = (problem.interface, problem.group)
    assert field_faults(*about, problem.observation, problem.action, observation) == []
    if EXAMPLES[name].states == "auto":
        said = hooks(problem, problem.group)
        assert field_faults(*about, *said, observation) == []


def hooks(problem: Problem, acting: Any) -> tuple[Any, Any]:
    """What the adapter knows of a group."""
    adapter = problem.adapter
    options = problem.adapter_options
    return adapter.states(options, acting), adapter.actions(options, acting)


@every_example
def test_fields_that_do_not_fit_are_seen(name):
    problem = problem_of(name)
    observation = played(name)[0].observation
    states = problem.observation
    actions = problem.action
    one = representations.trivial(problem.group)
    first = problem.interface.terms[0].name
    for wrong_states, wrong_actions in (
        ({**states, "elsewhere": states[first]}, actions),
        ({**states, first: fieldtypes.vector(one)}, actions),
        (states, representations.direct_sum((actions.size + 1, one))),
        (states, representations.direct_sum((actions.size, representations.trivial(group("C3"))))),
        (None, actions),
    ):
        assert field_faults(
            problem.interface, problem.group, wrong_states, wrong_actions, observation
        )


@pytest.mark.parametrize("adapter", UNKNOWN)
def test_of_some_group_an_adapter_knows_nothing(adapter):
    name = next(name for name, example in EXAMPLES.items() if example.adapter == adapter)
    assert hooks(problem_of(name), group(UNKNOWN[adapter])) == (None, None)


WITHOUT = (
    "gymnasium_env native",
    "gymnasium_env hiding velocities",
    "gymnasium_env index",
    "atari",
    "atari coloured",
    "atari memory",
    "car_racing",
    "car_racing elsewhere",
    "procgen",
    "procgen turning",
)
"""The examples that have no simulator."""


@every_example
def test_a_simulator_is_symmetric_or_there_is_none(name):
    simulator = simulator_of(name)
    if isinstance(simulator, str):
        assert name in WITHOUT
        assert simulator.strip()
        return
    assert name not in WITHOUT
    assert simulator_faults(problem_of(name), simulator, states=12) == []


@every_example
def test_another_symmetry_is_refuted(name):
    problem = problem_of(name)
    simulator = simulator_of(name)
    if isinstance(simulator, str):
        assert name in WITHOUT
        return
    one = representations.trivial(problem.group)
    still = {
        term: fieldtypes.vector(representations.direct_sum((field.size, one)))
        for term, field in problem.observation.items()
    }
    unmoved = replace(problem, observation=still)
    assert simulator_faults(unmoved, simulator, states=12)


@every_example
def test_states_are_values(name):
    simulator = simulator_of(name)
    if isinstance(simulator, str):
        assert name in WITHOUT
        return
    assert value_semantics_faults(problem_of(name), simulator, states=6) == []


class Careless(Simulator[Any]):
    """A simulator that breaks one of the promises about states.

    Args:
        simulator: one that keeps them.
        breaks: "observe" or "step", which answers otherwise every time; "state", which it changes.
    """

    def __init__(self, simulator: Simulator[Any], breaks: str) -> None:
        self._kept = simulator
        self._breaks = breaks
        self._calls = 0
        self.moves = simulator.moves

    def sample(self, rng):
        return self._kept.sample(rng)

    def observe(self, state):
        self._calls += 1
        return self._kept.observe(state) + (self._calls if self._breaks == "observe" else 0)

    def act(self, generator, state, image):
        return self._kept.act(generator, state, image)

    def step(self, state, action):
        self._calls += 1
        outcome = self._kept.step(state, action)
        if self._breaks == "state":
            state.cells[0, 0] += 1
        return outcome._replace(reward=self._calls) if self._breaks == "step" else outcome

    def same(self, one, other):
        return self._kept.same(one, other)

    def describe(self, state):
        return f"{self._kept.describe(state)} {state.cells[0, 0]}"


@pytest.mark.parametrize("breaks", ["observe", "step", "state"])
def test_states_that_are_no_values_are_seen(breaks):
    problem = problem_of("gridworld")
    kept = simulator_of("gridworld")
    assert isinstance(kept, Simulator)
    assert value_semantics_faults(problem, Careless(kept, breaks), states=6)
    assert value_semantics_faults(problem, Careless(kept, "nothing"), states=6) == []


# conditions of an evaluation


@every_example
def test_conditions_keep_what_a_network_is_given(name):
    problem = problem_of(name)
    envs = environments_of(name)
    g = problem.group.generators[-1]
    for sigma in (0.0, 0.1):
        wrapped = under(envs, transform=transform(problem, g), observation_noise=sigma, seed=0)
        observation, _ = wrapped.reset(seed=0)
        assert condition_faults(envs, wrapped, sigma > 0, observation) == []
        for step in play(wrapped, 3, seed=0):
            assert condition_faults(envs, wrapped, sigma > 0, step.observation) == []


def transform(problem: Problem, g: str) -> tuple[Any, Any]:
    """The whole environment seen through g: o -> g.o and a -> inverse(g).a."""
    inverse = problem.group.inverse(g)
    return (
        lambda seen: act_on_observation(problem.interface, problem.observation, g, seen),
        lambda acts: act_on_action(problem.interface.action, problem.action, inverse, acts),
    )


def test_a_condition_that_changes_what_is_given_is_seen():
    envs = environments_of("gridworld")
    observation, _ = envs.reset(seed=0)
    cut = Seen(envs, lambda seen: seen[..., :-1])
    assert condition_faults(envs, cut, False, cut.reset(seed=0)[0])
    assert condition_faults(envs, Noisy(envs, 0.1), False, observation)
    assert condition_faults(envs, environments_of("gridworld egocentric"), True, observation)
