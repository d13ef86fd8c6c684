"""The compiled network: the plan's steps carried out in order, ending in a policy and its critics."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from symgen.algebra.fieldtype import FieldType, vector
from symgen.nn import distributions, symmetry_breaking
from symgen.nn.norm import RunningNorm
from symgen.nn.observation import Observation, Reader
from symgen.nn.squashed import LOG_STD, SquashedGaussian, box
from symgen.nn.tied_linear import TiedMatrix
from symgen.plan.plan import ACTION, Plan, Step
from symgen.problem.interface import Interface
from symgen.spec.schema import Relaxed


class Network(nn.Module):
    """An actor with its critics: a value of the observation, or two Q of observation and action.

    Laws, where the plan is exact: policy(g.o) = g.policy(o), value(g.o) = value(o) and q(g.o, g.a)
    = q(o, a).

    Args:
        plan: what to build.
        interface: the environment's terms and action.
    """

    box_centre: Tensor
    box_half: Tensor
    orbit: Tensor | None

    def __init__(self, plan: Plan, interface: Interface) -> None:
        super().__init__()
        self.plan = plan
        self.action = interface.action
        self.reader = Reader(interface, plan.terms)
        self.steps = nn.ModuleDict({step.name: _module(step) for step in plan.steps})
        # what the spec's regulariser is multiplied with, by step
        self._penalised = {
            step.name: factor for step in plan.steps if (factor := _regulariser(step)) > 0
        }
        self._needed = {name: _ancestors(plan, (name,)) for name in plan.ends}
        self._all = _ancestors(plan, plan.ends)
        if plan.judges_actions:
            self._split()

    def _split(self) -> None:
        """Tell the steps apart that actor and critics share, and those of their own; the box of the
        action.
        """
        acting, judging = (
            _ancestors(self.plan, names) for names in (("policy", "log_std"), ("q1", "q2"))
        )
        self._shared = tuple(step for step in acting if step in judging)
        self._acting = tuple(step for step in acting if step not in self._shared)
        self._judging = tuple(step for step in judging if step not in self._shared)
        for name, numbers in zip(("box_centre", "box_half"), box(self.action), strict=True):
            self.register_buffer(name, numbers.to(torch.get_default_dtype()), persistent=False)
        mean, deviation = (self.plan.step(name).out_type for name in ("policy", "log_std"))
        # one number for all components that the group mixes
        orbit = (
            None if deviation.size == mean.size else torch.from_numpy(mean.entry_orbits.reshape(-1))
        )
        self.register_buffer("orbit", orbit, persistent=False)

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
        """The policy's parameters (batch, n) and the value (batch,), sharing what both need.

        The parameters are logits, or the mean of a Gaussian whose deviation is `log_std()`. Where
        the critics judge actions (SAC): mean and logarithm of the deviation of a Gaussian before
        squashing, both (batch, dim). The action without noise is then box_centre + box_half *
        tanh(mean), see nn/squashed.py.
        """
        if self.plan.judges_actions:
            return self.act(self.encode(observation))
        values = self._run(self._all, observation)
        return values["policy"].flatten(1), values["value"].flatten()

    def policy(self, observation: Observation) -> Distribution:
        """The policy as a torch distribution: Categorical, MultiCategorical, or a Gaussian with
        `.mean`.

        Where the critics judge actions it is a squashed Gaussian, with `.mode` and `.sample()`
        inside the action's box.

        Args:
            observation: a batch as the space gives it, array or dict of arrays, numpy or torch.
        """
        if self.plan.judges_actions:
            mean, log_std = self(observation)
            return SquashedGaussian(mean, log_std, self.box_centre, self.box_half)
        return self.distribution(
            self._run(self._needed["policy"], observation)["policy"].flatten(1)
        )

    def value(self, observation: Observation) -> Tensor:
        """The value of each observation of a batch, shape (batch,).

        Raises:
            ValueError: the critics judge actions (SAC), and there is none.
        """
        self._must_have("value", "ask q(observation, action)")
        return self._run(self._needed["value"], observation)["value"].flatten()

    def q(self, observation: Observation, action: Tensor) -> Tensor:
        """Both estimates of the return after an action (batch, dim) of the environment, shape
        (batch, 2).

        Raises:
            ValueError: the critic judges observations (PPO).
        """
        self._must_have("q1", "ask value(observation)")
        return self.judge(self.encode(observation), action)

    def encode(self, observation: Observation) -> dict[str, Tensor]:
        """What actor and critics share, by name, for `act` and `judge`: the critics' loss trains
        it.

        Raises:
            ValueError: the critic judges observations (PPO).
        """
        self._must_have("q1", "ask policy(observation) and value(observation)")
        return self._run(self._shared, observation)

    def act(self, features: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the deviation of the Gaussian before it is squashed, both (batch,
        dim).
        """
        values = self._go_on(self._acting, features)
        log_std = values["log_std"].flatten(1)
        log_std = log_std if self.orbit is None else log_std[:, self.orbit]
        return values["policy"].flatten(1), log_std.clamp(*LOG_STD)

    def judge(self, features: dict[str, Tensor], action: Tensor) -> Tensor:
        """Both Q (batch, 2) of an action of the environment, which they read in units of its box."""
        unit = (action.to(self.box_centre) - self.box_centre) / self.box_half
        values = self._go_on(self._judging, {**features, ACTION: unit.unsqueeze(1)})
        return torch.cat([values["q1"].flatten(1), values["q2"].flatten(1)], 1)

    def actor_parameters(self) -> dict[str, nn.Parameter]:
        """The weights that only the policy needs, by name."""
        own = tuple(f"steps.{step.name}." for step in self._acting)
        return {name: weight for name, weight in self.named_parameters() if name.startswith(own)}

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        """The weights of the critics, and of what they share with the policy, by name."""
        own = self.actor_parameters()
        return {name: weight for name, weight in self.named_parameters() if name not in own}

    def distribution(self, parameters: Tensor) -> Distribution:
        """The torch distribution of a batch of policy parameters."""
        return distributions.distribution(self.action, parameters, self.log_std())

    def log_std(self) -> Tensor | None:
        """Logarithm of a continuous action's standard deviation, constant on orbits, shape (dim,);
        else None.
        """
        return self.steps["scale"]() if "scale" in self.steps else None

    def symmetry_breaking(self) -> dict[str, float]:
        """Symmetry-breaking norms of each relaxed step, see nn/symmetry_breaking.py; empty
        where all is exact.

        Keys: "<step>" for the relative distance to the exact matrices, "<step>/<generator>" for the
        relative size of rho_out(g) W - W rho_in(g), "<step>/spread" for that of the banks' weights
        over the group.
        """
        found = {
            name: symmetry_breaking.symmetry_breaking(module) for name, module in self.steps.items()
        }
        return {
            _joined(name, key): size for name, each in found.items() for key, size in each.items()
        }

    def penalty(self) -> Tensor | None:
        """What the spec's regulariser adds to the loss: times the sum over the relaxed maps of the
        variance of w over the group (banks), or of the mean square of the free weights (residual).
        None where it is zero.
        """
        if not self._penalised:
            return None
        costs = [
            (factor, symmetry_breaking.penalty(self.steps[name]))
            for name, factor in self._penalised.items()
        ]
        known = [factor * cost for factor, cost in costs if cost is not None]
        return torch.stack(known).sum() if known else None

    def relaxed_weights(self) -> dict[str, np.ndarray]:
        """The weights of the banks of every relaxed map, shape (banks, channels of the distinct
        atoms).
        """
        found = self.relaxed_maps().items()
        return {
            name: each.banks.weight.detach().cpu().numpy().copy()
            for name, each in found
            if each.banks
        }

    def relaxed_maps(self) -> dict[str, TiedMatrix]:
        """The maps with banks, by step, and where it has several by their place in it."""
        found = {name: symmetry_breaking.banked(module) for name, module in self.steps.items()}
        return {
            _joined(name, key): each for name, maps in found.items() for key, each in maps.items()
        }

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
        """Hold tied matrices as plain tensors meanwhile: for many forwards between two updates,
        without gradient.
        """
        tied: list[Any] = [module for module in self.modules() if hasattr(module, "_expanded")]
        try:
            with torch.no_grad():
                for module in tied:
                    module._expanded = module.expand()
            yield
        finally:
            for module in tied:
                module._expanded = None

    def _must_have(self, name: str, instead: str) -> None:
        if name not in self.plan.ends:
            raise ValueError(
                f"this network has no {name}: its outputs are {', '.join(self.plan.ends)}; "
                f"{instead}"
            )

    def _run(self, steps: tuple[Step, ...], observation: Observation) -> dict[str, Tensor]:
        return self._go_on(steps, self.reader(observation, self.dtype, self.device))

    def _go_on(self, steps: tuple[Step, ...], given: dict[str, Tensor]) -> dict[str, Tensor]:
        values = dict(given)
        for step in steps:
            values[step.name] = self.steps[step.name](*[values[name] for name in step.inputs])
        return values


class ContinuousScale(nn.Module):
    """The logarithm of the standard deviation of a continuous action, one number per orbit of
    components.

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


def _regulariser(step: Step) -> float:
    how = step.arguments.get("relaxed")
    return how.regulariser if isinstance(how, Relaxed) else 0.0


def _joined(step: str, key: str) -> str:
    return f"{step}/{key}" if key else step


def _module(step: Step) -> nn.Module:
    file, _, name = step.module.partition(".")
    return getattr(import_module(f"symgen.nn.{file}"), name)(**step.arguments)


def _ancestors(plan: Plan, names: tuple[str, ...]) -> tuple[Step, ...]:
    wanted = set(names)
    kept = []
    for step in reversed(plan.steps):
        if step.name in wanted:
            wanted.update(step.inputs)
            kept.append(step)
    return tuple(reversed(kept))
