"""The passes, in order: text -> Source -> Spec -> Problem -> Plan -> Network -> Verification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symgen.algebra.group import Group
from symgen.plan.invariants import INVARIANTS, validate
from symgen.plan.plan import Plan
from symgen.problem import group_action as actions
from symgen.problem.problem import Problem
from symgen.semantics.resolve import option_mistakes, resolve
from symgen.semantics.rules import check as check_rules
from symgen.semantics.rules import sizes_refused
from symgen.spec.schema import Spec, parse
from symgen.spec.source import Source, read

if TYPE_CHECKING:
    import gymnasium

    from symgen.nn.network import Network
    from symgen.nn.policy import Policy
    from symgen.proofs.verify import Verification


DRAWS = 8
"""How often initial weights are drawn before a network without power is taken for what it is."""


@dataclass(frozen=True, eq=False)
class Compiled:
    """Everything the passes made of a spec."""

    source: Source
    spec: Spec
    problem: Problem
    plan: Plan
    network: Network
    verification: Verification | None

    @property
    def group(self) -> Group:
        """The group; its `.generators` by name."""
        return self.problem.group

    def environment(self, count: int = 1, seed: int = 0) -> gymnasium.vector.VectorEnv:
        """`count` environments of the spec, side by side, as they are: training may do something to
        their sensors (`train.sensors`).
        """
        from symgen.envs.guarded import environments

        return environments(self.problem, count, seed)

    @cached_property
    def _spaces(self) -> tuple[gymnasium.Space, gymnasium.Space]:
        env = self.environment()
        try:
            return env.single_observation_space, env.single_action_space
        finally:
            env.close()

    @property
    def observation_space(self) -> gymnasium.Space:
        """The space of one observation (the environment is made once to ask it)."""
        return self._spaces[0]

    @property
    def action_space(self) -> gymnasium.Space:
        """The space of one action."""
        return self._spaces[1]

    def act(self, observation: Any, *, sample: bool = False) -> np.ndarray:
        """What the policy does: actions as the environment takes them, within their bounds.

        Of a discrete action it is the most probable one, of a continuous one the mean; where SAC
        trains it, that is centre + half width * tanh(mean) of the mean that the network gives.

        Args:
            observation: one observation or a batch, as the space gives it, array or dict of arrays.
            sample: draw from the policy instead (by torch's global random state).

        Returns:
            One action, or one for each observation of the batch.

        Raises:
            ValueError: the network has memory, and a single call knows of no episode.
        """
        if self.network.states:
            names = ", ".join(self.network.states)
            raise ValueError(f"{names} has memory: ask policy(), which remembers, to act")
        term = self.problem.interface.terms[0]
        given = observation[term.name] if isinstance(observation, Mapping) else observation
        actions = self.policy(sample=sample).act(observation)
        return actions[0] if np.ndim(given) == len(term.shape) else actions

    def policy(self, *, sample: bool = False) -> Policy:
        """The policy, to be asked step after step: it remembers the episodes under way.

            policy = compiled.policy()
            policy.reset(envs.num_envs)
            actions = policy.act(observation, starts)   # as the environment takes them

        Args:
            sample: draw from the policy instead of taking the most probable action.
        """
        from symgen.envs._stepping import environment_action
        from symgen.nn.policy import Policy

        convert = environment_action(self.action_space)
        return Policy(self.network, sample=sample, convert=convert)

    def act_on_observation(self, element: str, observation: Any) -> Any:
        """g.o.

        Args:
            element: a generator's name or a word such as "rrs" (s first).
            observation: a batch as the space gives it, array or dict of arrays.
        """
        return actions.act_on_observation(
            self.problem.interface, self.problem.observation, element, observation
        )

    def act_on_action(self, element: str, action: np.ndarray) -> np.ndarray:
        """g.a for a batch of actions: indices or vectors."""
        return actions.act_on_action(
            self.problem.interface.action, self.problem.action, element, action
        )

    def verify(self, *, observe: bool = False) -> Verification:
        """Measure the network as it is now, trained perhaps; `.verification` is what it was when
        compiled.

        Args:
            observe: on observations of the environment, too, which is made and stepped a little for
                it.
        """
        return _measure(self.problem, self.network, observe)

    def __str__(self) -> str:
        parts = [str(self.problem), str(self.plan), str(self.verification or "")]
        return "\n\n".join(part for part in parts if part)


def check_spec(spec: str | Path | Mapping[str, Any] | Source) -> Problem:
    """Everything that can be said of a spec without torch.

    Args:
        spec: a path, the values of a spec, or a Source.

    Raises:
        SpecError: with `.diagnostics`, all mistakes at once.
    """
    source = spec if isinstance(spec, Source) else read(spec)
    return check_rules(resolve(parse(source, option_mistakes), source))


def plan_spec(problem: Problem) -> Plan:
    """The network before it is built: typed steps with their weights. No torch.

    Raises:
        SpecError: the network would be too large.
    """
    with sizes_refused(problem):
        exact = problem.family.plan(problem.design)
        steps = problem.constraint.steps(problem, problem.constraint_options, exact)
        family = problem.family.__name__.rpartition(".")[2]
        plan = Plan(family, dict(problem.observation), steps, problem.outputs)
        return validate(plan, INVARIANTS)


def compile_spec(
    spec: str | Path | Mapping[str, Any] | Source,
    *,
    verify: bool = True,
    seed: int | None = None,
    observe: bool = False,
    device: str = "cpu",
) -> Compiled:
    """Compile a spec into a network and measure its symmetry.

    A few units may all be shut at first (relu of negative numbers), and learn nothing: where an
    output turns out to be a constant the weights are drawn again. One that has power is never drawn
    twice.

    Args:
        spec: a path, the values of a spec, or a Source.
        verify: measure the network; without, `.verification` is None.
        seed: of the initial weights; by default torch's current state decides.
        observe: measure it on observations of the environment, too, as `symgen verify` and `symgen
            train` do.
        device: where it computes: cpu, cuda, cuda:1, mps, or auto for the best there is.

    Raises:
        SpecError: the spec is wrong.
        UserError: there is no such device; with `observe`: the environment returns a number that is
            not finite.

    >>> compiled = compile_spec({
    ...     "symgen": 1,
    ...     "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    ...     "symmetry": {
    ...         "group": "D1",
    ...         "states": {"observation": {"s": [-1, -2, -3, -4]}},
    ...         "actions": {"s": [1, 0]},
    ...     },
    ...     "network": {"family": "group_mlp", "hidden": "4 regular"},
    ... })
    >>> compiled.verification.exact
    True
    """
    problem = check_spec(spec)
    plan = plan_spec(problem)
    network = _build(problem, plan, seed, device)
    report = _measure(problem, network, observe) if verify else None
    for _ in range(1, DRAWS):
        if report is None or not report.without_power:
            break
        network = _build(problem, plan, None, device)
        report = _measure(problem, network, observe)
    return Compiled(problem.source, problem.spec, problem, plan, network, report)


def _build(problem: Problem, plan: Plan, seed: int | None, device: str) -> Network:
    import torch

    from symgen.nn.device import chosen
    from symgen.nn.network import build

    where = chosen(device)
    if seed is not None:
        torch.manual_seed(seed)
    with sizes_refused(problem):
        # built on the CPU, so that a seed means the same weights everywhere
        return build(plan, problem.interface).to(where)


def _measure(problem: Problem, network: Network, observe: bool) -> Verification:
    from symgen.proofs.samples import samples
    from symgen.proofs.verify import NOTHING, Setting, verify

    further = samples(problem) if observe else NOTHING
    return verify(network, Setting.of(problem), problem.constraint.PROMISE, samples=further)
