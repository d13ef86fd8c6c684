"""Test doubles: a small network that has what rl asks for, and environments whose best policy is
known.
"""

import contextlib
import math
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import Tensor, nn

from symgen.nn.distributions import distribution
from symgen.nn.squashed import box
from symgen.problem.interface import Action


class Exact(nn.Module):
    """What a network says that has no memory, breaks no symmetry and keeps nothing expanded."""

    states: dict = {}  # noqa: RUF012 (it stays empty)

    def expanded(self) -> Any:
        return contextlib.nullcontext()

    def symmetry_breaking(self) -> dict[str, float]:
        return {}

    def penalty(self) -> Tensor | None:
        return None


class SmallNetwork(Exact):
    """Separate tanh networks for policy and value, initialised as PPO implementations usually
    do.
    """

    def __init__(self, features: int, action: Action, hidden: int = 64, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.action = action
        self.actor = _tanh(features, hidden, action.parameters, 0.01)
        self.critic = _tanh(features, hidden, 1, 1.0)
        self.scale = (
            nn.Parameter(torch.zeros(action.sizes)) if action.kind == "continuous" else None
        )
        self.register_buffer("statistics", torch.zeros(3, features))  # count, sum, sum of squares

    def features(self, observation: Any) -> Tensor:
        terms = observation.values() if isinstance(observation, dict) else [observation]
        weight = self.actor[0].weight
        flat = [torch.as_tensor(term).to(weight) for term in terms]
        flat = [term.reshape(len(term), -1) for term in flat]
        return flat[0] if len(flat) == 1 else torch.cat(flat, -1)

    def forward(self, observation: Any, state: Any = None) -> tuple[dict[str, Tensor], dict]:
        features = self.features(observation)
        outputs = {"policy": self.actor(features), "value": self.critic(features)}
        if self.scale is not None:
            outputs["scale"] = self.scale.expand(len(features), -1)
        return outputs, {}

    def distribution(self, outputs: dict[str, Tensor]) -> torch.distributions.Distribution:
        return distribution(self.action, outputs["policy"], outputs.get("scale"))

    def policy(self, observation: Any) -> torch.distributions.Distribution:
        return self.distribution(self.forward(observation)[0])

    def value(self, observation: Any) -> Tensor:
        return self.forward(observation)[0]["value"].squeeze(-1)

    def update_normalisation(self, observation: Any) -> None:
        with torch.no_grad():
            features = self.features(observation)
            self.statistics += torch.stack(
                [torch.ones_like(features).sum(0), features.sum(0), features.square().sum(0)]
            )

    def best(self, observation: Any) -> np.ndarray:
        """The action the trained policy prefers."""
        with torch.no_grad():
            policy = self.policy(observation)
        return (policy.mean if self.action.kind == "continuous" else policy.mode).numpy()


def _tanh(inputs: int, hidden: int, outputs: int, gain: float) -> nn.Sequential:
    layers = [nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs)]
    for layer, scale in zip(layers, (math.sqrt(2), math.sqrt(2), gain), strict=True):
        nn.init.orthogonal_(layer.weight, scale)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


class SmallRecurrent(Exact):
    """A GRU between observation and outputs, of which one step is one call of the cell."""

    def __init__(self, features: int, action: Action, hidden: int = 16, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.action = action
        self.states = {"cell": hidden}
        self.cell = nn.GRUCell(features, hidden)
        self.actor = nn.Linear(hidden, action.parameters)
        self.critic = nn.Linear(hidden, 1)
        self.scale = (
            nn.Parameter(torch.zeros(action.sizes)) if action.kind == "continuous" else None
        )

    def initial_state(self, batch: int) -> dict[str, Tensor]:
        return {"cell": self.actor.weight.new_zeros(batch, 1, self.states["cell"])}

    def forward(self, observation: Any, state: Any = None) -> tuple[dict[str, Tensor], dict]:
        x = torch.as_tensor(observation).to(self.actor.weight)
        before = (self.initial_state(len(x)) if state is None else state)["cell"]
        hidden = self.cell(x, before[:, 0])
        outputs = {"policy": self.actor(hidden), "value": self.critic(hidden)}
        if self.scale is not None:
            outputs["scale"] = self.scale.expand(len(x), -1)
        return outputs, {"cell": hidden[:, None]}

    def unroll(
        self, observations: Any, state: dict[str, Tensor], starts: Tensor
    ) -> tuple[dict[str, Tensor], dict]:
        rows = []
        for observation, begins in zip(observations, starts, strict=True):
            state = {name: x.masked_fill(begins[:, None, None], 0) for name, x in state.items()}
            outputs, state = self(observation, state)
            rows.append(outputs)
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}, state

    def update_normalisation(self, observation: Any) -> None:
        pass


class SmallSoft(Exact):
    """What SAC asks for: relu networks for mean, deviation and two Q, behind an encoder that is
    shared where asked.
    """

    def __init__(
        self, features: int, action: Action, hidden: int = 64, seed: int = 0, encoder: bool = False
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.action = action
        centre, half = box(action)
        self.register_buffer("box_centre", centre.float())
        self.register_buffer("box_half", half.float())
        dim = action.parameters
        self.encoder = nn.Linear(features, features) if encoder else None
        self.actor = _relu(features, hidden, 2 * dim)
        self.critics = nn.ModuleList(_relu(features + dim, hidden, 1) for _ in range(2))

    def encode(self, observation: Any) -> dict[str, Tensor]:
        terms = observation.values() if isinstance(observation, dict) else [observation]
        flat = [torch.as_tensor(term).to(self.box_half) for term in terms]
        x = torch.cat([term.reshape(len(term), -1) for term in flat], -1)
        return {"features": x if self.encoder is None else self.encoder(x).relu()}

    def heads(
        self, features: dict[str, Tensor], names: tuple[str, ...], action: Tensor | None = None
    ) -> dict[str, Tensor]:
        if action is None:
            mean, log_std = self.actor(features["features"]).chunk(2, -1)
            outputs = {"policy": mean, "log_std": log_std.clamp(-20, 2)}
        else:
            x = torch.cat([features["features"], (action - self.box_centre) / self.box_half], -1)
            outputs = {f"q{k + 1}": critic(x) for k, critic in enumerate(self.critics)}
        return {name: outputs[name] for name in names}

    def forward(self, observation: Any, state: Any = None) -> tuple[dict[str, Tensor], dict]:
        return self.heads(self.encode(observation), ("policy", "log_std")), {}

    def actor_parameters(self) -> dict[str, nn.Parameter]:
        return {name: x for name, x in self.named_parameters() if name.startswith("actor")}

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        return {name: x for name, x in self.named_parameters() if not name.startswith("actor")}

    def best(self, observation: Any) -> np.ndarray:
        """The action the trained policy prefers."""
        with torch.no_grad():
            return (self.box_centre + self.box_half * self(observation)[0]["policy"].tanh()).numpy()


class SmallDiscreteSoft(Exact):
    """What discrete SAC asks for: relu networks for the policy and two Q of every action."""

    def __init__(self, features: int, action: Action, hidden: int = 64, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.action = action
        self.actor = _relu(features, hidden, action.parameters)
        self.critics = nn.ModuleList(_relu(features, hidden, action.parameters) for _ in range(2))

    def encode(self, observation: Any) -> dict[str, Tensor]:
        terms = observation.values() if isinstance(observation, dict) else [observation]
        flat = [torch.as_tensor(term).to(self.actor[0].weight) for term in terms]
        return {"features": torch.cat([term.reshape(len(term), -1) for term in flat], -1)}

    def heads(
        self, features: dict[str, Tensor], names: tuple[str, ...], action: Tensor | None = None
    ) -> dict[str, Tensor]:
        heads = {"policy": self.actor, "q1": self.critics[0], "q2": self.critics[1]}
        return {name: heads[name](features["features"]) for name in names}

    def forward(self, observation: Any, state: Any = None) -> tuple[dict[str, Tensor], dict]:
        return self.heads(self.encode(observation), ("policy", "q1", "q2")), {}

    def actor_parameters(self) -> dict[str, nn.Parameter]:
        return {name: x for name, x in self.named_parameters() if name.startswith("actor")}

    def critic_parameters(self) -> dict[str, nn.Parameter]:
        return {name: x for name, x in self.named_parameters() if not name.startswith("actor")}

    def best(self, observation: Any) -> np.ndarray:
        """The action the trained policy prefers."""
        with torch.no_grad():
            return self(observation)[0]["policy"].argmax(-1).numpy()


def _relu(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    layers = [nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


class Identity(gymnasium.Env):
    """Answer with the action the observation shows; reward 1 for the right one (a real one: minus
    its distance).

    Args:
        kind: "discrete", "multi_discrete" or "continuous".
        as_dict: observe {"cue": one-hot, "step": index} in place of the one-hot alone.
        start: number of the first discrete action.
    """

    CHOICES, LENGTH = 4, 8

    def __init__(self, kind: str, as_dict: bool = False, start: int = 0) -> None:
        self.kind, self.as_dict, self.start = kind, as_dict, start
        self.action_space = {
            "discrete": spaces.Discrete(self.CHOICES, start=start),
            "multi_discrete": spaces.MultiDiscrete([2, 3]),
            "continuous": spaces.Box(-1.0, 1.0, (2,), np.float32),
        }[kind]
        self.features = {"discrete": 4, "multi_discrete": 5, "continuous": 2}[kind]
        cue = spaces.Box(-1.0, 1.0, (self.features,), np.float32)
        step = spaces.Discrete(self.LENGTH + 1)
        self.observation_space = spaces.Dict({"cue": cue, "step": step}) if as_dict else cue

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.time = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        assert self.action_space.contains(action), action
        if self.kind == "continuous":
            reward = 1.0 - float(np.abs(action - self.target).mean())
        else:
            reward = float(np.mean(action == self.target))
        self.time += 1
        ended = self.time == self.LENGTH
        return self._observe(), reward, ended, False, {}

    def _observe(self) -> Any:
        if self.kind == "continuous":
            self.target = cue = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        elif self.kind == "multi_discrete":
            self.target = self.np_random.integers([2, 3])
            cue = np.concatenate([np.eye(2)[self.target[0]], np.eye(3)[self.target[1]]]).astype(
                np.float32
            )
        else:
            self.target = int(self.np_random.integers(self.CHOICES)) + self.start
            cue = np.eye(self.CHOICES, dtype=np.float32)[self.target - self.start]
        return {"cue": cue, "step": self.time} if self.as_dict else cue


def identity_envs(
    number: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP, **options: Any
) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: Identity(**options)] * number, autoreset_mode=mode)


def identity_network(kind: str, as_dict: bool = False, seed: int = 0) -> SmallNetwork:
    env = Identity(kind)
    return SmallNetwork(env.features + as_dict, identity_action(kind), hidden=32, seed=seed)


def identity_action(kind: str) -> Action:
    if kind == "discrete":
        return Action("discrete", ("a", "b", "c", "d"), (4,))
    if kind == "multi_discrete":
        return Action("multi_discrete", ("a", "b"), (2, 3))
    return Action("continuous", ("x", "y"), (2,), (-1.0, -1.0), (1.0, 1.0))


class Countdown(gymnasium.Env):
    """Observes the number of steps left; pays 1 a step; terminates or is truncated at 0."""

    observation_space = spaces.Box(-10.0, 100.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, length: int, ending: str) -> None:
        self.length, self.ending = length, ending

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.left = self.length
        return np.array([self.left], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.left -= 1
        ended = self.left == 0
        observation = np.array([self.left], np.float32)
        return (
            observation,
            1.0,
            ended and self.ending == "terminated",
            ended and self.ending == "truncated",
            {},
        )


def numbers(metrics: dict[str, float]) -> dict[str, float]:
    """Those of a line that must repeat: all but the speed."""
    return {name: value for name, value in metrics.items() if name != "steps_per_second"}
