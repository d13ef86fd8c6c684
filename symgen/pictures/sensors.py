"""What the sensors and slots of a trained network do in a few episodes: what is seen, what each
sensor remembers, what each slot attends to, and what it says.

It is read where the modules compute it, by hooks: no module has to keep anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from gymnasium.vector import VectorEnv, VectorWrapper
from torch import Tensor, nn

from symgen.compiler import Compiled
from symgen.envs._stepping import environment_action
from symgen.envs.sensors import Sensors
from symgen.experiment import heldout
from symgen.experiment.heldout import Changes
from symgen.nn.network import Network
from symgen.nn.policy import Policy
from symgen.nn.slots import SetPooling, SlotAttention
from symgen.operations import slots as operations
from symgen.operations.sensors import PlaceMemory
from symgen.pictures import attention
from symgen.plan.plan import Plan, Step
from symgen.problem.interface import Term
from symgen.problem.problem import Problem

EPISODES = 6
LONGEST = 1000
LONGEST_IMAGES = 300
"""Steps of an episode that is looked at; fewer where the sensors are patches of images, which take
long.
"""
NUMBERS = 20_000_000
FEWEST = 48
"""Of longer episodes every second, fourth, ... step is kept, so that there are at most so many
numbers; but so many steps are kept.
"""
SHUFFLED: Changes = {"shuffle": "per_episode"}
"""The condition under which sensors stand in another order in every episode."""
READ_OUTS = (operations.SlotAttention, operations.SetPooling, operations.Pool)


@dataclass(frozen=True, eq=False)
class Recording:
    """Some episodes side by side, the most probable actions taken.

    Args:
        steps: [time], the steps that were kept, from 0.
        going: [time, episode], whether the episode had not ended yet.
        values: [time, episode, sensor, channel], what the sensors saw, in the environment's order.
        keys: [time, episode, place, channel], what the read-out reads: keys, or of Deep Sets and
            PMA keys and values joined.
        slots: [time, episode, number], the read-out.
        rewarded: [time, episode], sum of the rewards before this step.
        returns: [episode], sum of all rewards.
        ended: [episode], whether the episode ended, and was not left.
        memory: [time, episode, place, channel], the output of the sensors' memory; None without.
    """

    steps: np.ndarray
    going: np.ndarray
    values: np.ndarray
    keys: np.ndarray
    slots: np.ndarray
    rewarded: np.ndarray
    returns: np.ndarray
    ended: np.ndarray
    memory: np.ndarray | None = None

    @property
    def longest(self) -> int:
        """The episode with the most steps."""
        return int(self.going.sum(0).argmax())

    def __str__(self) -> str:
        """Which episode that is."""
        k = self.longest
        return (
            f"the longest of {len(self.returns)} episodes, return {self.returns[k]:.4g}"
            f"{'' if self.ended[k] else ' so far'}"
        )


def read_out(plan: Plan) -> Step | None:
    """The step that reads the sensors out for the policy, whose trunk comes first; None where the
    plan has none.
    """
    return next((step for step in plan.steps if isinstance(step.operation, READ_OUTS)), None)


def memory_step(plan: Plan) -> Step | None:
    """What the policy's sensors remember with."""
    memories = (step for step in plan.steps if isinstance(step.operation, PlaceMemory))
    return next(memories, None)


def sensor_term(problem: Problem) -> Term:
    """The term whose places are the sensors."""
    terms = problem.interface.terms
    return next(term for term in terms if problem.observation[term.name].base.size > 1)


def sensor_names(problem: Problem) -> list[str]:
    """The sensors as the adapter calls them; else their numbers, from 0 as in the picture of the
    graph.
    """
    term = sensor_term(problem)
    count = problem.observation[term.name].base.size
    names = problem.adapter.names(problem.adapter_options).get(term.name, ())
    if problem.pipeline.patches is not None:
        names = ()  # they are those of the image's channels
    return list(names) if len(names) == count else [str(k) for k in range(count)]


def slot_weights(network: Network, keys: np.ndarray) -> np.ndarray | None:
    """How much each place counts in each slot, (batch, places, slots); of PMA the mean over its
    heads. None where the read-out weighs no places, as the mean of Deep Sets.

    Args:
        network: the network.
        keys: what the read-out reads, (batch, places, channels).
    """
    step = read_out(network.plan)
    module = network.steps[step.name] if step is not None else None
    x = torch.as_tensor(keys, dtype=network.dtype, device=network.device)
    with torch.no_grad():
        if isinstance(module, SlotAttention):
            return _array(module.weights(x))
        if isinstance(module, SetPooling):
            return _array(_pooling_weights(module, x))
    return None


def _pooling_weights(module: SetPooling, x: Tensor) -> Tensor:
    """The weights that `SetPooling.forward` multiplies the values with, which the fused kernel does
    not give.
    """
    seeds = module.seeds.expand(len(x), -1, -1)
    query, key = (
        linear(y).unflatten(-1, (module.heads, -1)).transpose(1, 2)
        for linear, y in ((module.query, seeds), (module.key, x))
    )
    return attention.weights(query, key, key).mean(1).transpose(1, 2)


def _array(x: Tensor) -> np.ndarray:
    """In float64."""
    return x.detach().double().cpu().numpy()


def record(
    compiled: Compiled, changes: Changes, seed: int = 0, episodes: int = EPISODES
) -> Recording:
    """Play some episodes under a condition.

    Args:
        compiled: with the weights of a training, and a read-out of sensors.
        changes: an entry of `evaluate:`, which keeps the number of sensors.
        seed: of the environments.
        episodes: how many, side by side.
    """
    problem = compiled.problem
    longest = LONGEST if problem.pipeline.patches is None else LONGEST_IMAGES
    envs = heldout.environment(problem, changes, episodes, seed)
    watch = _Watch(compiled.network, problem)
    try:
        with torch.no_grad(), compiled.network.expanded():
            returns, going = _play(envs, watch, seed, longest)
    finally:
        watch.close()
        envs.close()
    return Recording(**watch.arrays(), returns=returns, ended=~going)


def _play(envs: VectorEnv, watch: _Watch, seed: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The first episode of every environment: [episode], their returns, and which still go on."""
    to_environment = environment_action(envs.single_action_space)
    policy = Policy(watch.network)
    policy.reset(envs.num_envs)
    going = np.ones(envs.num_envs, np.bool_)
    returns = np.zeros(envs.num_envs)
    observation, _ = envs.reset(seed=seed)
    for time in range(longest):
        parts = watch.problem.interface.by_term(observation)
        values = watch.sensors(parts[watch.term.name], _order(envs))
        actions = policy.act(observation)
        watch.keep(time, going, values, returns)
        observation, rewards, terminated, truncated, _ = envs.step(to_environment(actions))
        returns = returns + np.where(going, rewards, 0.0)
        going = going & ~(terminated | truncated)
        if not going.any():
            break
    return returns, going


def _order(envs: VectorEnv) -> np.ndarray | None:
    """[environment, token], which sensor is seen where; None where all stay in their places."""
    inner = envs
    while isinstance(inner, VectorWrapper):
        if isinstance(inner, Sensors):
            return inner.order
        inner = inner.env
    return None


class _Watch:
    """Keeps what some modules read and say.

    Args:
        network: whose.
        problem: what it was made for.
    """

    def __init__(self, network: Network, problem: Problem) -> None:
        self.network = network
        self.problem = problem
        self.term = sensor_term(problem)
        self._now: dict[str, np.ndarray] = {}
        self._kept: list[tuple[int, dict[str, np.ndarray]]] = []
        self._every = 1
        step = read_out(network.plan)
        if step is None:
            raise ValueError(f"no step of {problem.spec.network.family} reads sensors out")
        self._hooks = [network.steps[step.name].register_forward_hook(self._reads)]
        remembering = memory_step(network.plan)
        if remembering is not None:
            module = network.steps[remembering.name]
            self._hooks.append(module.register_forward_hook(self._remembers))

    def close(self) -> None:
        """Look at the modules no longer."""
        for hook in self._hooks:
            hook.remove()

    def _reads(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._now["keys"] = _array(inputs[0])
        self._now["slots"] = _array(output).reshape(len(output), -1)

    def _remembers(
        self, module: nn.Module, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]
    ) -> None:
        self._now["memory"] = _array(output[0])

    def sensors(self, batch: np.ndarray, order: np.ndarray | None) -> np.ndarray:
        """The term as (environment, sensor, channel), every sensor back in its place."""
        count = self.problem.observation[self.term.name].base.size
        values = batch.reshape(len(batch), count, -1).copy()
        if order is None:
            return values
        return np.take_along_axis(values, np.argsort(order, 1)[:, :, None], 1)

    def keep(self, time: int, going: np.ndarray, values: np.ndarray, returns: np.ndarray) -> None:
        """Take down what the modules did in this step, with what else is known of it."""
        if time % self._every:
            return
        moment = {**self._now, "going": going, "values": values, "rewarded": returns}
        self._kept.append((time, moment))
        numbers = sum(array.size for array in moment.values())
        if len(self._kept) > max(NUMBERS // numbers, FEWEST):
            self._every *= 2
            self._kept = [entry for entry in self._kept if entry[0] % self._every == 0]

    def arrays(self) -> dict[str, np.ndarray]:
        """All that was kept, by the names that a recording has for it."""
        moments = [moment for _, moment in self._kept]
        arrays = {name: np.stack([moment[name] for moment in moments]) for name in moments[0]}
        return {"steps": np.array([time for time, _ in self._kept]), **arrays}
