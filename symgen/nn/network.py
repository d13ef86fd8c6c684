"""The compiled network: the plan's steps carried out in order, ending in a policy and a value."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from symgen.algebra.fieldtype import FieldType, vector
from symgen.envs.interface import Interface
from symgen.nn import distributions
from symgen.nn.departure import departure
from symgen.nn.norm import RunningNorm
from symgen.nn.observation import Observation, Reader
from symgen.plan.ir import Plan, Step


class Network(nn.Module):
    """An actor-critic. Laws: policy(g.o) = g.policy(o) and value(g.o) = value(o) where the plan is exact.

    Args:
        plan: what to build.
        interface: the environment's terms and action.
    """

    def __init__(self, plan: Plan, interface: Interface) -> None:
        super().__init__()
        self.plan, self.action = plan, interface.action
        self.reader = Reader(interface, plan.terms)
        self.steps = nn.ModuleDict({step.name: _module(step) for step in plan.steps})
        self._needed = {name: _ancestors(plan, name) for name in ("policy", "value")}
        self._both = tuple(
            s for s in plan.steps if s.name in {x.name for steps in self._needed.values() for x in steps}
        )

    def __repr__(self) -> str:
        return str(self.plan)

    @property
    def dtype(self) -> torch.dtype:
        """The floating type the network computes in."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.parameters()).device

    def forward(self, observation: Observation) -> tuple[Tensor, Tensor]:
        """The policy's parameters (batch, n) and the value (batch,), sharing what both need."""
        values = self._run(self._both, observation)
        return values["policy"].flatten(1), values["value"].flatten()

    def policy(self, observation: Observation) -> Distribution:
        """The policy as a torch distribution: Categorical, MultiCategorical, or a Gaussian with `.mean`.

        Args:
            observation: a batch as the space gives it, array or dict of arrays, numpy or torch.
        """
        return self.distribution(self._run(self._needed["policy"], observation)["policy"].flatten(1))

    def value(self, observation: Observation) -> Tensor:
        """The value of each observation of a batch, shape (batch,)."""
        return self._run(self._needed["value"], observation)["value"].flatten()

    def distribution(self, parameters: Tensor) -> Distribution:
        """The torch distribution of a batch of policy parameters."""
        return distributions.distribution(self.action, parameters, self.log_std())

    def log_std(self) -> Tensor | None:
        """Logarithm of a continuous action's standard deviation, constant on orbits, shape (dim,); else None."""
        return self.steps["scale"]() if self.action.kind == "continuous" else None

    def departures(self) -> dict[str, float]:
        """How far each relaxed step has departed from the symmetry, relative to its tied weights; empty if exact."""
        found = {name: departure(module) for name, module in self.steps.items()}
        return {name: size for name, size in found.items() if size is not None}

    def update_normalisation(self, observation: Observation) -> None:
        """Take a batch of observations into the running statistics, where the plan has any."""
        if any(isinstance(module, RunningNorm) for module in self.steps.values()):
            terms = self.reader(observation, self.dtype, self.device)
            for step in self.plan.steps:
                module = self.steps[step.name]
                if isinstance(module, RunningNorm):
                    module.update(terms[step.inputs[0]])

    @contextmanager
    def expanded(self) -> Iterator[None]:
        """Hold tied matrices as plain tensors meanwhile: for many forwards between two updates, without gradient."""
        tied: list[Any] = [module for module in self.modules() if hasattr(module, "_expanded")]
        try:
            with torch.no_grad():
                for module in tied:
                    module._expanded = module.expand()
            yield
        finally:
            for module in tied:
                module._expanded = None

    def _run(self, steps: tuple[Step, ...], observation: Observation) -> dict[str, Tensor]:
        values = self.reader(observation, self.dtype, self.device)
        for step in steps:
            values[step.name] = self.steps[step.name](*[values[name] for name in step.inputs])
        return values


class ContinuousScale(nn.Module):
    """The logarithm of the standard deviation of a continuous action, one number per orbit of components.

    Args:
        target: type of the action.
        initial: starting value.
    """

    orbit: Tensor

    def __init__(self, target: FieldType, initial: float = 0.0) -> None:
        super().__init__()
        orbit = torch.from_numpy(vector(target.fibre).entry_orbits.reshape(-1))
        self.register_buffer("orbit", orbit, persistent=False)
        self.weight = nn.Parameter(torch.full((int(orbit.max()) + 1,), initial))

    def forward(self) -> Tensor:
        """Shape (dim,)."""
        return self.weight[self.orbit]


def build(plan: Plan, interface: Interface) -> Network:
    """Turn a plan into a network; ValueError where a module's weights differ from the plan's count."""
    network = Network(plan, interface)
    for step in plan.steps:
        found = sum(p.numel() for p in network.steps[step.name].parameters())
        if found != step.weights:
            raise ValueError(f"step {step.name} has {found} weights, the plan says {step.weights}")
    return network


def _module(step: Step) -> nn.Module:
    file, _, name = step.module.partition(".")
    return getattr(import_module(f"symgen.nn.{file}"), name)(**step.arguments)


def _ancestors(plan: Plan, name: str) -> tuple[Step, ...]:
    wanted = {name}
    kept = []
    for step in reversed(plan.steps):
        if step.name in wanted:
            wanted.update(step.inputs)
            kept.append(step)
    return tuple(reversed(kept))
