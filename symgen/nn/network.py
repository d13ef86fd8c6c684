"""The compiled network: the plan's steps carried out in order, ending in the outputs that an
algorithm declares.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from symgen.algebra.fieldtype import FieldType
from symgen.nn import distributions, symmetry_breaking
from symgen.nn._fast_expansion import Expandable
from symgen.nn.build import built
from symgen.nn.norm import RunningNorm
from symgen.nn.observation import Observation, Reader, fold
from symgen.nn.recurrence import carried
from symgen.nn.routes import routes
from symgen.nn.squashed import LOG_STD, SquashedGaussian, box
from symgen.nn.tied_linear import TiedMatrix
from symgen.plan.plan import Plan, Step
from symgen.problem.interface import AS_GIVEN, Interface
from symgen.problem.output import ACTION, Output, is_squashed

State: TypeAlias = dict[str, Tensor]
"""By name of the step that has memory, each (batch, places, channels)."""
Outputs: TypeAlias = dict[str, Tensor]
"""By name of the output, each (batch, size); a value is (batch, 1)."""
Features: TypeAlias = dict[str, Tensor]
"""By name of a step or an observation term, each (batch, places, channels)."""

Value = TypeVar("Value")


class Network(nn.Module):
    """What a plan computes: the outputs of an actor and its critics, and the memory between steps.

    Laws, where the plan is exact: policy(g.o) = g.policy(o), value(g.o) = value(o) and q(g.o, g.a)
    = q(o, a); with memory the same of whole sequences, g moving all their observations.

    Args:
        plan: what to build.
        interface: the environment's terms and action.

    Attributes:
        plan: what was built.
        action: the environment's action.
        outputs: what it computes, as the algorithm declared it.
        states: field type of each step's memory, by name; empty where the network has none.
        remembering: the outputs that depend on the memory.
        box_centre: where the policy is squashed, centre of the action's box, (dim,).
        box_half: half its width, (dim,).
    """

    box_centre: Tensor
    box_half: Tensor
    orbit: Tensor | None

    def __init__(self, plan: Plan, interface: Interface) -> None:
        super().__init__()
        self.plan = plan
        self.action = interface.action
        self.outputs: tuple[Output, ...] = plan.outputs
        self.reader = Reader(interface, plan.terms)
        self.steps = nn.ModuleDict({step.name: built(step.operation) for step in plan.steps})
        self.states: Mapping[str, FieldType] = plan.states
        self._squashed = is_squashed(self.outputs)
        if self._squashed:
            for name, numbers in zip(("box_centre", "box_half"), box(self.action), strict=True):
                self.register_buffer(name, numbers.to(torch.get_default_dtype()), persistent=False)
        self._routes = routes(plan, self.outputs)
        self._in_training = {step.name for step in plan.training_steps}
        self._constant = tuple(o.name for o in self.outputs if o.reads == "nothing")
        self.remembering = tuple(
            output.name
            for output in self.outputs
            if any(step.name in self.states for step in self._routes.steps[(output.name,)])
        )
        self._spread_deviations()

    def _spread_deviations(self) -> None:
        """Where the group mixes components, a deviation is one number for all that it mixes."""
        self._policy = next(o for o in self.outputs if o.side == "actor" and o.moves == "action")
        self._deviation = next((o for o in self.outputs if o.moves == "deviation"), None)
        orbit = None
        if self._deviation is not None and self._deviation.reads == "observation":
            mean = self.plan.step(self._policy.name).operation.output
            if self.plan.step(self._deviation.name).operation.output.size != mean.size:
                orbit = torch.from_numpy(mean.entry_orbits.reshape(-1))
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

    def forward(
        self, observation: Observation, state: State | None = None
    ) -> tuple[Outputs, State]:
        """All outputs that do not read the action, sharing what several need; the state afterwards.

        Of a policy that is its logits, or the mean of a Gaussian. The logarithm of its deviation is
        an output of its own, for every component, and the Gaussian may be squashed: then the action
        without noise is box_centre + box_half * tanh(mean), see nn/squashed.py.

        Args:
            observation: a batch as the space gives it, array or dict of arrays, numpy or torch.
            state: the memory; None at the start of an episode.
        """
        return self.compute(self._routes.seen, observation, state)

    def compute(
        self, names: tuple[str, ...], observation: Observation, state: State | None = None
    ) -> tuple[Outputs, State]:
        """As `forward`, for some of the outputs that do not read the action: only their steps run.

        The state holds the memory of all steps; those that did not run have theirs unchanged.
        """
        values = self._read(observation)
        if self.states and state is None:
            state = self.initial_state(_batch(values))
        after = self._go_on(self._routes.steps[names], values, state or {})
        return self._flat(names, values), after

    def initial_state(self, batch: int) -> State:
        """The memory at the start of an episode: zeros, which no element of the group moves."""
        weight = next(self.parameters())
        return {name: weight.new_zeros(batch, *field.shape) for name, field in self.states.items()}

    def unroll(
        self, observations: Observation, state: State, starts: Tensor
    ) -> tuple[Outputs, State]:
        """As `forward` step after step. Only steps with memory loop: the others see all at once.

        Args:
            observations: [step, environment, ...].
            state: before the first step.
            starts: [step, environment], bool: episodes begin there, so that the memory is zero
                before that step.

        Returns:
            The outputs, each [step, environment, size], and the state after the last step.
        """
        shape = tuple(starts.shape)
        values = self._read(fold(observations))
        after = dict(state)
        for step in self._routes.steps[self._routes.seen]:
            inputs = self._inputs(step, values)
            module = self.steps[step.name]
            if step.name in self.states:
                rows = [x.unflatten(0, shape) for x in inputs]
                result = carried(module, rows, state[step.name], starts)
                values[step.name], after[step.name] = result
            else:
                values[step.name] = module(*inputs)
        flat = self._flat(self._routes.seen, values)
        return {name: x.unflatten(0, shape) for name, x in flat.items()}, after

    def encode(self, observation: Observation) -> Features:
        """What actor and critics share, and the observation terms: what `heads` goes on from.

        Raises:
            ValueError: the network has memory.
        """
        if self.states:
            raise ValueError(f"{', '.join(self.states)} has memory: ask forward or unroll")
        values = self._read(observation)
        self._go_on(self._routes.shared, values, {})
        return values

    def heads(
        self, features: Features, names: tuple[str, ...], action: Tensor | None = None
    ) -> Outputs:
        """Go on from what `encode` gave to some of the outputs.

        Args:
            features: of a batch of observations.
            names: the outputs, in the order in which they are declared.
            action: what outputs that read it judge, (batch, dim), in units of the environment.

        Raises:
            ValueError: there are no such outputs.
        """
        if names not in self._routes.beyond:
            raise ValueError(f"asked for {', '.join(names)}; {self._has()}, in this order")
        values = dict(features)
        if action is not None and self._routes.judging:
            values[ACTION] = self._read_action(action).unsqueeze(1)
        self._go_on(self._routes.beyond[names], values, {})
        return self._flat(names, values)

    def distribution(self, outputs: Outputs) -> Distribution:
        """The torch distribution of actions that a batch of outputs stands for.

        Categorical, MultiCategorical, a Gaussian with `.mean`, or, where the policy is squashed, a
        SquashedGaussian, with `.mode` and `.sample()` inside the action's box.
        """
        parameters = outputs[self._policy.name]
        log_std = None if self._deviation is None else outputs[self._deviation.name]
        if self._squashed and log_std is not None:
            return SquashedGaussian(parameters, log_std, self.box_centre, self.box_half)
        return distributions.distribution(self.action, parameters, log_std)

    def decide(
        self, observation: Observation, state: State | None = None
    ) -> tuple[Distribution, State]:
        """The policy as a torch distribution, and the state afterwards; no critic is asked."""
        outputs, after = self.compute(self._routes.acting, observation, state)
        return self.distribution(outputs), after

    def policy(self, observation: Observation, state: State | None = None) -> Distribution:
        """The policy as a torch distribution, see `distribution`."""
        return self.decide(observation, state)[0]

    def value(self, observation: Observation, state: State | None = None) -> Tensor:
        """The value of each observation of a batch, shape (batch,).

        Raises:
            ValueError: the critics judge actions (ask `q`), or there are none.
        """
        if not self._routes.values:
            raise ValueError(f"this network has no value: {self._has('q(observation, action)')}")
        outputs, _ = self.compute(self._routes.values, observation, state)
        return outputs[self._routes.values[0]].flatten()

    def q(self, observation: Observation, action: Tensor) -> Tensor:
        """Every critic's estimate of the return after an action, shape (batch, critics).

        Args:
            observation: a batch.
            action: of the environment: (batch, dim), or (batch,) where it is one of a few.

        Raises:
            ValueError: no critic judges actions (ask `value`), or there are none.
        """
        names = self._routes.judging or self._routes.choosing
        if not names:
            raise ValueError(f"no critic judges actions: {self._has('value(observation)')}")
        outputs = self.heads(self.encode(observation), names, action)
        if self._routes.judging:
            return torch.cat(list(outputs.values()), 1)
        chosen = action.to(self.device).long().unsqueeze(1)
        return torch.cat([x.gather(1, chosen) for x in outputs.values()], 1)

    def actor_parameters(self) -> dict[str, nn.Parameter]:
        """The weights that the actor's loss alone trains, by name."""
        return self._weights_of(self._routes.own)

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        """The weights of the critics, and of what they share with the policy, by name."""
        own = self.actor_parameters()
        return {name: weight for name, weight in self.named_parameters() if name not in own}

    def judging_parameters(self) -> dict[str, nn.Parameter]:
        """The weights that only the critics need, by name."""
        return self._weights_of(self._routes.judged)

    def _weights_of(self, steps: Sequence[Step]) -> dict[str, nn.Parameter]:
        own = tuple(f"steps.{step.name}." for step in steps)
        return {name: weight for name, weight in self.named_parameters() if name.startswith(own)}

    def symmetry_breaking(self) -> dict[str, float]:
        """Symmetry-breaking norms of the steps that may have any, see nn/symmetry_breaking.py.

        Keys: "<step>" for the relative distance to the exact matrices, "<step>/<generator>" for the
        relative size of rho_out(g) W - W rho_in(g), "<step>/spread" for that of the banks' weights
        over the group.
        """
        return _by_step(self.steps, symmetry_breaking.symmetry_breaking)

    def penalty(self) -> Tensor | None:
        """What a regulariser of 1 adds to the loss; None where the network is exact.

        The sum over the maps that may break the symmetry of the variance of w over the group
        (banks), or of the mean square of the free weights (residual).
        """
        costs = [symmetry_breaking.penalty(step) for step in self.steps.values()]
        known = [cost for cost in costs if cost is not None]
        return torch.stack(known).sum() if known else None

    def relaxed_weights(self) -> dict[str, np.ndarray]:
        """The weights of the banks of every map with banks, shape (banks, channels of the distinct
        atoms).
        """
        return {
            name: matrix.banks.weight.detach().cpu().numpy().copy()
            for name, matrix in self.relaxed_maps().items()
            if matrix.banks
        }

    def relaxed_maps(self) -> dict[str, TiedMatrix]:
        """The maps with banks, by step, and where it has several by their place in it."""
        return _by_step(self.steps, symmetry_breaking.banked)

    def update_normalisation(self, observation: Observation) -> None:
        """Take a batch of observations into the running statistics, where the plan has any."""
        if any(isinstance(module, RunningNorm) for module in self.steps.values()):
            terms = self._read(observation)
            for step in self.plan.steps:
                module = self.steps[step.name]
                if isinstance(module, RunningNorm):
                    module.update(terms[step.inputs[0]])

    @contextmanager
    def expanded(self) -> Iterator[None]:
        """Hold tied matrices as plain tensors meanwhile: between two updates, without gradient."""
        tied = [module for module in self.modules() if isinstance(module, Expandable)]
        try:
            with torch.no_grad():
                for module in tied:
                    module.hold()
            yield
        finally:
            for module in tied:
                module.release()

    def _has(self, instead: str = "") -> str:
        """What there is, and what to ask of the critics, if there are any."""
        judged = any(output.side == "critic" for output in self.outputs)
        advice = f"; ask {instead}" if instead and judged else ""
        return f"its outputs are {', '.join(output.name for output in self.outputs)}{advice}"

    def _read(self, observation: Observation) -> Features:
        weight = next(self.parameters())  # asked once: it takes as long as a small layer
        return self.reader(observation, weight.dtype, weight.device)

    def _read_action(self, action: Tensor) -> Tensor:
        """An action of the environment as outputs read it: of a squashed policy in units of its
        box.
        """
        if not self._squashed:
            return action.to(device=self.device, dtype=self.dtype)
        return (action.to(self.box_centre) - self.box_centre) / self.box_half

    def _go_on(self, steps: Sequence[Step], values: Features, state: State) -> State:
        """Carry out steps, adding what they give to `values`; the state afterwards."""
        after = dict(state)
        for step in steps:
            inputs = self._inputs(step, values)
            if step.name in self.states:
                result = self.steps[step.name](*inputs, state[step.name])
                values[step.name], after[step.name] = result
            else:
                values[step.name] = self.steps[step.name](*inputs)
        return after

    def _inputs(self, step: Step, values: Features) -> list[Tensor]:
        """What a step reads; one for training only reads terms as they were given."""
        prefix = AS_GIVEN if step.name in self._in_training else ""
        return [values.get(prefix + name, values[name]) for name in step.inputs]

    def _flat(self, names: tuple[str, ...], values: Features) -> Outputs:
        """The outputs among the values, each (batch, size)."""
        outputs = {}
        for name in names:
            x = values[name]
            if name in self._constant:
                outputs[name] = x.expand(_batch(values), -1)
            elif self._deviation is not None and name == self._deviation.name:
                x = x.flatten(1)
                outputs[name] = (x if self.orbit is None else x[:, self.orbit]).clamp(*LOG_STD)
            else:
                outputs[name] = x.flatten(1)
        return outputs


def build(plan: Plan, interface: Interface) -> Network:
    """Turn a plan into a network.

    Raises:
        ValueError: a module has not as many weights as its operation says.
    """
    return Network(plan, interface)


def _by_step(
    steps: nn.ModuleDict, function: Callable[[nn.Module], Mapping[str, Value]]
) -> dict[str, Value]:
    """What `function` says of every step: "<step>", or "<step>/<key>" where a key is not empty."""
    return {
        f"{step}/{key}" if key else step: value
        for step, module in steps.items()
        for key, value in function(module).items()
    }


def _batch(values: Features) -> int:
    return next(iter(values.values())).shape[0]  # of which export makes a symbol, as not of len
