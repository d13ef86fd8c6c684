"""The laws of an adapter, as functions that list what is wrong; nothing where a law holds.

Each is written the slow and obvious way, apart from the code it judges, and each has a control in
test_conformance.py: something broken on purpose that it must object to.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symgen.algebra.fieldtype import FieldType
from symgen.algebra.group import Group
from symgen.algebra.representation import Representation
from symgen.problem.adapter import Simulator
from symgen.problem.group_action import (
    act_on_action,
    act_on_observation,
    act_on_term,
    from_field,
    to_field,
)
from symgen.problem.interface import Action, Interface, Term
from symgen.problem.problem import Problem

CLOSE = 1e-5


class Step(NamedTuple):
    """What a vector environment returned, of an episode's first step without reward and endings."""

    observation: Any
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


def play(envs: VectorEnv, steps: int, seed: int | None = None) -> list[Step]:
    """The steps of random actions from a reset on; the actions follow from the seed, or from 0."""
    envs.action_space.seed(seed or 0)
    nothing = np.zeros(envs.num_envs)
    observation, _ = envs.reset(seed=seed)
    played = [Step(observation, nothing, nothing.astype(bool), nothing.astype(bool))]
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = envs.step(envs.action_space.sample())
        played.append(Step(observation, reward, terminated, truncated))
    return played


def parts(observation: Any) -> dict[str, np.ndarray]:
    """An observation by term."""
    if isinstance(observation, Mapping):
        return {name: np.asarray(part) for name, part in observation.items()}
    return {"observation": np.asarray(observation)}


# the interface and the spaces


def interface_faults(interface: Interface, envs: VectorEnv) -> list[str]:
    """In what the spaces of the environments differ from the interface."""
    space = envs.single_observation_space
    named = dict(space.spaces) if isinstance(space, spaces.Dict) else {"observation": space}
    faults = []
    if interface.single == isinstance(space, spaces.Dict):
        faults.append(f"single is {interface.single}, and the space is {space}")
    if list(named) != [term.name for term in interface.terms]:
        return [*faults, f"the space has {list(named)}"]
    for term in interface.terms:
        faults += _term_faults(term, named[term.name])
    if envs.observation_space != batch_space(space, envs.num_envs):
        faults.append(f"the batch's space is {envs.observation_space}")
    return faults + _action_faults(interface.action, envs.single_action_space)


def _term_faults(term: Term, space: spaces.Space[Any]) -> list[str]:
    faults = []
    if (term.shape, term.dtype) != (space.shape, str(space.dtype)):
        faults.append(f"{term} and {space}")
    if (term.layout == "discrete") != isinstance(space, spaces.Discrete):
        faults.append(f"the layout {term.layout} and {space}")
    if isinstance(space, spaces.Discrete) and (space.n, space.start) != (term.size, 0):
        faults.append(f"{term.size} values and {space}")
    axes = {"discrete": 0, "vector": 1, "tokens": 2, "image": 3}[term.layout]
    if len(term.shape) != axes:
        faults.append(f"the layout {term.layout} and the shape {term.shape}")
    if term.scale != 1.0 and np.abs(space.high).max() != term.scale:
        faults.append(f"the scale {term.scale} and {space}")
    return faults


def _action_faults(action: Action, space: spaces.Space[Any]) -> list[str]:
    if action.kind == "discrete":
        same = isinstance(space, spaces.Discrete) and (space.n,) == action.sizes
    elif action.kind == "multi_discrete":
        same = isinstance(space, spaces.MultiDiscrete) and tuple(space.nvec) == action.sizes
    else:
        same = (
            isinstance(space, spaces.Box)
            and space.shape == action.sizes
            and (tuple(space.low), tuple(space.high)) == (action.low, action.high)
        )
    faults = [] if same else [f"{action} and {space}"]
    count = action.parameters if action.kind == "discrete" else len(action.sizes)
    count = action.sizes[0] if action.kind == "continuous" else count
    if len(set(action.names)) != count:
        faults.append(f"{count} actions have the names {action.names}")
    return faults


# what is returned


def value_faults(envs: VectorEnv, played: list[Step]) -> list[str]:
    """Observations that are not finite or not of their space; rewards and endings of no form."""
    faults = []
    space = envs.single_observation_space
    for time, step in enumerate(played):
        for k in range(envs.num_envs):
            one = {name: part[k] for name, part in parts(step.observation).items()}
            if not all(np.isfinite(part).all() for part in one.values()):
                faults.append(f"step {time}: not finite in environment {k}")
            seen = one if isinstance(space, spaces.Dict) else one["observation"]
            if not space.contains(seen):
                faults.append(f"step {time}: environment {k} left its space")
        if np.shape(step.reward) != (envs.num_envs,) or not np.isfinite(step.reward).all():
            faults.append(f"step {time}: the rewards {step.reward}")
        for ending in (step.terminated, step.truncated):
            if np.shape(ending) != (envs.num_envs,) or np.asarray(ending).dtype != bool:
                faults.append(f"step {time}: the endings {ending}")
    return faults


def same(one: list[Step], other: list[Step]) -> bool:
    """Whether two plays are the same to the last bit."""
    return all(
        np.array_equal(mine, theirs)
        for before, after in zip(one, other, strict=True)
        for mine, theirs in zip(
            (*parts(before.observation).values(), *before[1:]),
            (*parts(after.observation).values(), *after[1:]),
            strict=True,
        )
    )


def autoreset_faults(envs: VectorEnv, played: list[Step]) -> list[str]:
    """Where environments do not begin anew as they declare.

    NEXT_STEP: the step after an ending ignores its action, and neither rewards nor ends anything.
    SAME_STEP: nothing follows that could be told from outside.
    """
    mode = envs.metadata.get("autoreset_mode")
    if mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        return [f"autoreset_mode is {mode}"]
    if mode is AutoresetMode.SAME_STEP:
        return []
    faults = []
    for time, (step, after) in enumerate(pairwise(played)):
        ended = step.terminated | step.truncated
        if (np.asarray(after.reward)[ended] != 0).any():
            faults.append(f"step {time + 1}: rewards beside the first observation")
        if (after.terminated | after.truncated)[ended].any():
            faults.append(f"step {time + 1}: an episode that has just begun ends")
    return faults


# the group


def field_faults(
    interface: Interface,
    group: Group,
    states: Mapping[str, FieldType] | None,
    actions: Representation | None,
    observation: Any,
) -> list[str]:
    """Where what an adapter says of a group does not fit what is observed and done.

    Args:
        interface: terms and action.
        group: the group.
        states: field types by term.
        actions: representation on the action's parameters.
        observation: a batch that was observed; relations must leave it as it is.
    """
    if states is None or actions is None:
        return ["not known"]
    if set(states) != {term.name for term in interface.terms}:
        return [f"field types of {list(states)}"]
    if actions.group != group or actions.size != interface.action.parameters:
        return [f"{actions} of {actions.group} for {interface.action.parameters} parameters"]
    seen = parts(observation)
    faults = []
    for term in interface.terms:
        faults += _term_field_faults(term, group, states[term.name], seen[term.name])
    for relation in group.relations:
        if not np.allclose(actions.matrix(relation), np.eye(actions.size), atol=CLOSE):
            faults.append(f"{relation} moves the actions")
    return faults


def _term_field_faults(term: Term, group: Group, field: FieldType, batch: np.ndarray) -> list[str]:
    entries = term.size if term.layout == "discrete" else int(np.prod(term.shape))
    if field.group != group or field.size != entries:
        return [f"{field} for the {entries} entries of {term.name}"]
    faults = []
    if not np.array_equal(from_field(term, to_field(term, field, batch)), batch):
        faults.append(f"{field} does not take {term.name} apart")
    for relation in group.relations:
        if not np.allclose(act_on_term(term, field, relation, batch), batch, CLOSE, CLOSE):
            faults.append(f"{relation} moves {term.name}")
    return faults


def simulator_faults(problem: Problem, simulator: Simulator[Any], states: int) -> list[str]:
    """Where observe(g.s) is not g.observe(s), or step(g.s, g.a) is not g.step(s, a), for each
    generator.
    """
    rng = np.random.default_rng(0)
    interface = problem.interface
    faults = []
    for _ in range(states):
        state = simulator.sample(rng)
        action = _random_action(interface.action, rng)
        for g in problem.group.generators:
            seen = simulator.observe(state)
            image = moved(problem, g, seen)
            moved_state = simulator.act(g, state, image)
            if not _alike(interface, simulator.observe(moved_state), image, simulator.grain):
                faults.append(f"{g}: the observation of the moved state")
            here = simulator.step(state, action)
            moved_action = act_on_action(interface.action, problem.action, g, action[None])[0]
            there = simulator.step(moved_state, moved_action)
            after = moved(problem, g, simulator.observe(here.state))
            if not simulator.same(there.state, simulator.act(g, here.state, after)):
                faults.append(f"{g}: the next state")
            if abs(there.reward - here.reward) > CLOSE * (1 + abs(here.reward)):
                faults.append(f"{g}: the reward")
            if there[2:] != here[2:]:
                faults.append(f"{g}: the ending")
    return faults


def value_semantics_faults(problem: Problem, simulator: Simulator[Any], states: int) -> list[str]:
    """Where a method of a simulator changes a state, or answers otherwise the second time."""
    rng = np.random.default_rng(0)
    faults = []
    for _ in range(states):
        state = simulator.sample(rng)
        action = _random_action(problem.interface.action, rng)
        said = simulator.describe(state)
        seen = {name: part.copy() for name, part in parts(simulator.observe(state)).items()}
        first = simulator.step(state, action)
        for g in problem.group.generators:
            simulator.act(g, state, moved(problem, g, simulator.observe(state)))
        second = simulator.step(state, action)
        if simulator.describe(state) != said:
            faults.append("a state was changed")
        again = parts(simulator.observe(state))
        if not all(np.array_equal(seen[name], again[name]) for name in seen):
            faults.append("a state is observed otherwise the second time")
        if not simulator.same(first.state, second.state) or first[1:] != second[1:]:
            faults.append("a step leads elsewhere the second time")
    return faults


def moved(problem: Problem, g: str, observation: Any) -> Any:
    """g.o for one observation, as the space gives it."""
    batch = {name: part[None] for name, part in parts(observation).items()}
    if problem.interface.single:
        single = batch["observation"]
        return act_on_observation(problem.interface, problem.observation, g, single)[0]
    images = act_on_observation(problem.interface, problem.observation, g, batch)
    return {name: part[0] for name, part in images.items()}


def _alike(interface: Interface, one: Any, other: Any, grain: float) -> bool:
    """Whether two observations are equal up to rounding, images up to what their drawing allows."""
    mine = parts(one)
    theirs = parts(other)
    for term in interface.terms:
        gap = np.abs(mine[term.name].astype(float) - theirs[term.name].astype(float))
        drawn = term.layout == "image" and gap.mean() <= grain * term.scale
        if not drawn and (gap > CLOSE * (1 + np.abs(theirs[term.name].astype(float)))).any():
            return False
    return True


def _random_action(action: Action, rng: np.random.Generator) -> np.ndarray:
    """An action inside the box or among the choices."""
    if action.kind == "continuous":
        return rng.uniform(action.low, action.high).astype(np.float32)
    chosen = rng.integers(np.array(action.sizes))
    return chosen if action.kind == "multi_discrete" else np.asarray(chosen[0])


# conditions of an evaluation


def condition_faults(
    plain: VectorEnv, wrapped: VectorEnv, of_noise: bool, observation: Any
) -> list[str]:
    """Where a held-out condition changes what a network is given: names, shapes, and without noise
    also the numbers' kind.
    """
    faults = []
    before = plain.single_observation_space
    after = wrapped.single_observation_space
    if isinstance(before, spaces.Dict) != isinstance(after, spaces.Dict):
        return [f"{after} and not {before}"]
    if wrapped.single_action_space != plain.single_action_space:
        faults.append(f"the actions are {wrapped.single_action_space}")
    if not of_noise and after != before:
        faults.append(f"{after} and not {before}")
    if observation not in wrapped.observation_space:
        faults.append("what is observed is not of the space")
    olds = dict(before.spaces) if isinstance(before, spaces.Dict) else {"": before}
    news = dict(after.spaces) if isinstance(after, spaces.Dict) else {"": after}
    if {name: old.shape for name, old in olds.items()} != {
        name: new.shape for name, new in news.items()
    }:
        faults.append(f"the shapes are those of {after}")
    return faults


# words


def name_faults(
    interface: Interface, names: Mapping[str, tuple[str, ...]], title: str
) -> list[str]:
    """Names that are of no term, or not as many as its entries or channels; a title of several
    lines, or none.
    """
    faults = []
    sizes = {term.name: term.shape[-1] if term.shape else term.size for term in interface.terms}
    for term, given in names.items():
        if term not in sizes:
            faults.append(f"there is no term {term}")
        elif len(given) != sizes[term] or len(set(given)) != len(given):
            faults.append(f"{term} has {sizes[term]} of {given}")
    if not title.strip() or "\n" in title:
        faults.append(f"the title {title!r}")
    return faults
