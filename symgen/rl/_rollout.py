"""Stepping a vector environment into preallocated storage, with autoreset told apart from
experience.

Gymnasium's two ways to start the next episode (AutoresetMode) differ in what the step after an
ending is:

    NEXT_STEP  the ending step returns the final observation. The step after it ignores its action, rewards nothing and
               returns the first observation of the next episode: it is no transition, and `valid` is False there.
    SAME_STEP  the ending step already returns the first observation of the next episode; the final one is in
               info["final_obs"]. Every step is a transition.

Either way `next_values` holds the value of the observation that truly followed.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import Space, spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from torch import Tensor

from symgen.envs._finite import check_finite
from symgen.errors import UserError
from symgen.nn import distributions
from symgen.nn.observation import as_tensor
from symgen.problem.interface import Action

CPU = torch.device("cpu")
Observation = (
    Any  # a tensor or array, or a dict of them; batch first, in the space's own layout and dtype
)


class ActorCritic(Protocol):
    """What training asks of a network, beyond being a torch.nn.Module.

    A network may also have `expanded()`, a context manager within which its weights do not change,
    so that anything derived from them can be kept; rollouts run inside it. One that may break
    its symmetry has `penalty()`, which is added to the loss, and `symmetry_breaking()`, which is
    logged (see _symmetry_breaking.py).
    """

    action: Action

    def __call__(
        self, observation: Observation, state: dict[str, Tensor] | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The outputs by name, and the state afterwards.

        "policy" are the policy's parameters [batch, sum(sizes)], "value" is [batch, 1], and of a
        continuous action "scale" is the logarithm of its deviation [batch, dim], in all rows the
        same.
        """
        ...

    def update_normalisation(self, observation: Observation) -> None:
        """Take a batch of observations into the running statistics."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Names and weights, as torch.nn.Module has them."""
        ...


@dataclass(frozen=True)
class Episodes:
    """The episodes that ended during one rollout: undiscounted return and number of transitions of
    each.
    """

    returns: tuple[float, ...]
    lengths: tuple[int, ...]


class Buffer:
    """Storage of one rollout, allocated once. What the network reads and says is kept on its
    device.

    What environments say beside observations (rewards, endings, which steps are transitions) is
    gathered on the CPU. The last row of `observations`, `resetting` and the running episodes carry
    over to the next rollout.

    Args:
        space: observation space of one environment: a Dict of arrays, or arrays alone.
        action: the action.
        steps: steps per rollout.
        envs: number of environments.
        dtype: floating type of everything that is not an observation.
        device: where the network computes.

    Raises:
        UserError: the observation space holds something other than arrays.
    """

    def __init__(
        self,
        space: Space[Any],
        action: Action,
        steps: int,
        envs: int,
        dtype: torch.dtype,
        device: torch.device = CPU,
    ) -> None:
        self.steps = steps
        self.envs = envs
        self.action = action
        self.device = device
        row = (steps, envs)
        choices = torch.int64 if action.kind != "continuous" else dtype
        width = {
            "discrete": (),
            "multi_discrete": (len(action.sizes),),
            "continuous": action.sizes,
        }[action.kind]
        self.observations: Observation = storage(
            space, (steps + 1, envs), device
        )  # row t: what step t acts on
        self.actions = torch.zeros(*row, *width, dtype=choices, device=device)
        self.parameters = torch.zeros(*row, action.parameters, dtype=dtype, device=device)
        self.log_std: Tensor | None = None  # of a continuous action, [dim]
        self.values = torch.zeros(*row, dtype=dtype, device=device)
        self.next_values = torch.zeros(*row, dtype=dtype, device=device)
        self.rewards = torch.zeros(*row, dtype=dtype)
        self.terminated = torch.zeros(*row, dtype=torch.bool)
        self.truncated = torch.zeros(*row, dtype=torch.bool)
        self.valid = torch.ones(*row, dtype=torch.bool)
        self.resetting = np.zeros(envs, dtype=np.bool_)  # the coming step is no transition
        self.running_return = np.zeros(envs)
        self.running_length = np.zeros(envs, dtype=np.int64)

    def begin(self, observation: Observation) -> None:
        """Take the observation of `envs.reset()`: no episode is under way."""
        self._write(self.steps, observation)
        self.resetting[:] = False
        self.running_return[:] = 0
        self.running_length[:] = 0

    def roll(self) -> None:
        """Move the last observation to the front."""
        each(lambda tensor: tensor[0].copy_(tensor[-1]), self.observations)

    def observation(self, step: int) -> Observation:
        """The batch of observations [env, ...] before step `step`."""
        return each(lambda tensor: tensor[step], self.observations)

    def _write(self, step: int, observation: Observation) -> None:
        """Keep what step `step` acts on, in the space's own dtype, in which it must be finite."""
        given = each_pair(
            lambda rows, x: as_tensor(x).to(rows.dtype), self.observations, observation
        )
        check_finite(given)
        each_pair(lambda rows, x: rows[step].copy_(x), self.observations, given)


@torch.no_grad()
def rollout(
    network: ActorCritic, envs: VectorEnv, buffer: Buffer, generator: torch.Generator
) -> Episodes:
    """Step every environment `buffer.steps` times with actions drawn from the policy, and fill the
    buffer.

    Args:
        network: the policy and the value.
        envs: environments whose observations `buffer` has seen last (`begin`, or the rollout
            before).
        buffer: written in place.
        generator: source of the actions' randomness, on the network's device.

    Returns:
        The episodes that ended.

    Raises:
        UserError: the environment returns a number that is not finite.
    """
    same_step = autoreset_mode(envs) is AutoresetMode.SAME_STEP
    to_environment = environment_action(envs.single_action_space)
    rewards = buffer.rewards.numpy()
    valid = buffer.valid.numpy()
    terminated = buffer.terminated.numpy()
    truncated = buffer.truncated.numpy()
    returns: list[float] = []
    lengths: list[int] = []
    finals: list[tuple[int, int, Observation]] = []  # step, environment, final observation

    buffer.roll()
    with expanded(network):
        for step in range(buffer.steps):
            outputs, _ = network(buffer.observation(step))
            buffer.parameters[step] = outputs["policy"]
            buffer.values[step] = outputs["value"][:, 0]
            log_std = log_std_of(outputs)
            # a view of a weight asks for gradients even here
            buffer.log_std = None if log_std is None else log_std.detach()
            action = distributions.sample(
                buffer.action, buffer.parameters[step], buffer.log_std, generator
            )
            buffer.actions[step] = action

            observation, rewards[step], terminated[step], truncated[step], info = envs.step(
                to_environment(action.cpu().numpy())
            )
            buffer._write(step + 1, observation)
            check_finite({}, rewards[step])

            valid[step] = ~buffer.resetting
            buffer.running_return += rewards[step]
            buffer.running_length += valid[step]
            ended = terminated[step] | truncated[step]
            if ended.any():
                returns += buffer.running_return[ended].tolist()
                lengths += buffer.running_length[ended].tolist()
                buffer.running_return[ended] = 0
                buffer.running_length[ended] = 0
                if same_step:
                    cut = np.flatnonzero(truncated[step] & ~terminated[step])
                    finals += [(step, int(i), final_observation(info, int(i))) for i in cut]
            if not same_step:
                buffer.resetting = ended

        buffer.next_values[:-1] = buffer.values[1:]
        buffer.next_values[-1] = _values(network, buffer.observation(buffer.steps))
        if finals:
            steps, indices, observations = zip(*finals, strict=True)
            where = torch.tensor([steps, indices]).to(buffer.device)
            final_values = _values(network, stack(observations)).to(buffer.values)
            buffer.next_values.index_put_((where[0], where[1]), final_values)
    return Episodes(tuple(returns), tuple(lengths))


def autoreset_mode(envs: VectorEnv) -> AutoresetMode:
    """How `envs` starts the next episode.

    Raises:
        UserError: it does not say, or leaves resetting to the caller.
    """
    mode: AutoresetMode | None = envs.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.NEXT_STEP and mode is not AutoresetMode.SAME_STEP:
        raise UserError(
            "autoreset-mode",
            f"training needs environments that reset themselves, but {type(envs).__name__} has "
            f'metadata["autoreset_mode"] = {mode}',
            "make it with autoreset_mode=AutoresetMode.NEXT_STEP (gymnasium's default) or "
            "SAME_STEP",
        )
    return mode


def environment_action(space: Space[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The map from the policy's actions to what `envs.step` takes: indices from the space's start,
    reals in its box.
    """
    if isinstance(space, spaces.Box):
        low = space.low
        high = space.high
        dtype = space.dtype
        return lambda actions: actions.clip(low, high).astype(dtype)
    start = np.asarray(getattr(space, "start", 0))
    if start.any():
        return lambda actions: actions + start
    return lambda actions: actions


def final_observation(info: dict[str, Any], index: int) -> Observation:
    """The final observation of environment `index`, from an array of observations or a dict of
    arrays.

    Raises:
        UserError: a number of it is not finite.
    """
    final = info["final_obs"]
    found = (
        {name: array[index] for name, array in final.items()}
        if isinstance(final, dict)
        else final[index]
    )
    check_finite(each(lambda array: np.asarray(array)[None], found), first=index)
    return found


def check_mask(info: dict[str, Any], ignored: bool) -> None:
    """Refuse environments that forbid actions, as the info of their first reset says.

    Raises:
        UserError: there is a mask, and it is not to be ignored.
    """
    if "action_mask" in info and not ignored:
        raise UserError(
            "action-mask",
            "the environment says which actions are possible (info['action_mask']), and a policy "
            "that is trained here "
            "takes any",
            "write ignore_action_mask: true in train:, if the environment bears the others (in "
            "Taxi they do nothing)",
        )


def log_std_of(outputs: dict[str, Tensor]) -> Tensor | None:
    """Logarithm of a continuous action's deviation, [dim]: one row, for it is the same in all."""
    return outputs["scale"][0] if "scale" in outputs else None


def _values(network: ActorCritic, observation: Observation) -> Tensor:
    outputs, _ = network(observation)
    return outputs["value"][:, 0]


def expanded(network: ActorCritic) -> AbstractContextManager[Any]:
    """The network's own `expanded()`, or a context that does nothing."""
    return getattr(network, "expanded", nullcontext)()


def each(function: Callable[[Any], Any], observation: Observation) -> Any:
    """Apply `function` to the array, or to every array of the dict."""
    if isinstance(observation, dict):
        return {name: function(array) for name, array in observation.items()}
    return function(observation)


def each_pair(function: Callable[[Any, Any], Any], one: Observation, other: Observation) -> Any:
    """Apply `function` to two arrays, or to those of the same name."""
    if isinstance(one, dict):
        return {name: function(array, other[name]) for name, array in one.items()}
    return function(one, other)


def stack(observations: tuple[Observation, ...]) -> Observation:
    """Single observations as one batch of tensors."""
    if isinstance(observations[0], dict):
        return {name: stack(tuple(one[name] for one in observations)) for name in observations[0]}
    return torch.from_numpy(np.stack(observations))


def storage(space: Space[Any], rows: tuple[int, int], device: torch.device = CPU) -> Observation:
    """Zeros for `rows` observations of `space`; on the CPU the memory is taken when it is first
    written.
    """
    if isinstance(space, spaces.Dict):
        if not any(isinstance(inner, spaces.Dict) for inner in space.values()):
            return {name: storage(inner, rows, device) for name, inner in space.items()}
    elif space.shape is not None and space.dtype is not None:
        return zeros(
            (*rows, *space.shape), torch.from_numpy(np.zeros((), space.dtype)).dtype, device
        )
    raise UserError(
        "observation-space",
        f"observations must be arrays or a flat dict of arrays, but the space is {space}",
        "flatten it with gymnasium.wrappers.FlattenObservation, or drop the part that is not "
        "an array",
    )


def zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros; on the CPU numpy's, whose memory is taken when it is first written (a replay may never
    fill).
    """
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(shape, torch.empty((), dtype=dtype).numpy().dtype))
