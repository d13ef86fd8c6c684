"""The attention maps of a trained network, and how they move with the observation.

They are recorded where torch computes them, in calls of the fused kernel or of a softmax, whatever
module makes them. So every form of attention is covered, and none has to keep its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, softmax
from torch.overrides import TorchFunctionMode

from symgen.algebra import base as bases
from symgen.algebra.base import Base
from symgen.compiler import Compiled
from symgen.envs._stepping import environment_action
from symgen.envs.guarded import environments
from symgen.nn.network import Network
from symgen.nn.policy import Policy
from symgen.plan.plan import Plan
from symgen.problem.interface import Observation

LONGEST = 300
"""Steps of the episode that is looked at."""
EPISODES = 20
"""Episodes that are tried."""
SOFTMAX: tuple[Callable[..., Tensor], ...] = (softmax, torch.softmax, Tensor.softmax)


class AttentionRecorder(TorchFunctionMode):
    """While it is active, records every attention map (batch, heads, targets, sources), rows
    summing to one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maps: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Tensor],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Compute as always, and keep the weights of an attention."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func is scaled_dot_product_attention:
            self.maps.append(weights(*args, **kwargs))
        elif func in SOFTMAX and result.dim() == 4:
            self.maps.append(result)
        return result


def weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **_: object,
) -> Tensor:
    """softmax(scale Q K^T + mask): what the fused kernel multiplies the values with (its arguments
    and defaults).
    """
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(-1)


def attention_maps(network: Network, observation: Observation) -> list[np.ndarray]:
    """The attention maps (batch, heads, targets, sources) of a forward pass, in the order of the
    network.
    """
    with torch.no_grad(), AttentionRecorder() as recorder:
        network.policy(observation)
    return [weights.double().cpu().numpy() for weights in recorder.maps]


@dataclass(frozen=True, eq=False)
class PlaceAttention:
    """What the class token attends to, or, where there is none or nothing reads it, the mean over
    all places.

    Args:
        base: the places that are attended to.
        layers: one array (frames, heads, places) per layer.
        token: whether it is the class token that attends.
    """

    base: Base
    layers: tuple[np.ndarray, ...]
    token: bool


def place_attention(compiled: Compiled, observation: Observation) -> PlaceAttention | None:
    """The attention over a batch of observations; None where the network attends to no places of a
    term.
    """
    batch = len(next(iter(compiled.problem.interface.by_term(observation).values())))
    maps = [
        weights
        for weights in attention_maps(compiled.network, observation)
        if len(weights) == batch
    ]
    for base in _candidates(compiled):
        for tokens in (1, 0):
            layers = [weights for weights in maps if weights.shape[-1] == base.size + tokens]
            if layers and base.size > 1:
                token = bool(tokens) and reads_token(compiled.plan)
                # attention to the class token is left out
                if token:
                    rows = [weights[:, :, 0, tokens:] for weights in layers]
                else:
                    rows = [weights[:, :, tokens:, tokens:].mean(2) for weights in layers]
                return PlaceAttention(base, tuple(rows), token)
    return None


def reads_token(plan: Plan) -> bool:
    """Whether the heads read the class token, if there is one: `readout: patches` has one that
    nothing reads.
    """
    steps = {step.name for step in plan.steps}
    return "read_token" in steps or "read_patches" not in steps


def _candidates(compiled: Compiled) -> list[Base]:
    """The bases of the terms, and of a grid the patches that tile it, finest first."""
    candidates = []
    for field in compiled.problem.observation.values():
        base = field.base
        if base.kind != "grid":
            candidates.append(base)
            continue
        rows, columns = base.shape
        sides = [p for p in range(1, min(rows, columns)) if rows % p == 0 and columns % p == 0]
        candidates += [bases.resize(base, rows // p, columns // p) for p in sides]
    return candidates


def equivariance_error(before: PlaceAttention, after: PlaceAttention, generator: str) -> float:
    """The largest difference between the moved maps and the maps of the moved observation, over
    layers and heads.
    """
    places = before.base.permutation(generator)
    return max(
        float(np.abs(new[..., places] - old).max())
        for old, new in zip(before.layers, after.layers, strict=True)
    )


def frames(compiled: Compiled, count: int, seed: int) -> tuple[list[int], Observation]:
    """Observations of one episode of the trained agent, its actions drawn: their steps, and a batch
    of them.

    The episode is the first of EPISODES with `count` steps or more, else the longest: a poor
    agent's ends soon.
    """
    problem = compiled.problem
    envs = environments(problem, 1, seed)
    longest: list[dict[str, np.ndarray]] = []
    try:
        for attempt in range(EPISODES):
            longest = max(longest, _episode(compiled, envs, seed + attempt), key=len)
            if len(longest) >= count:
                break
    finally:
        envs.close()
    steps = sorted({int(step) for step in np.linspace(0, len(longest) - 1, count)})
    batch = {name: np.concatenate([longest[step][name] for step in steps]) for name in longest[0]}
    return steps, problem.interface.as_space(batch)


def _episode(compiled: Compiled, envs: VectorEnv, seed: int) -> list[dict[str, np.ndarray]]:
    """The observations until the episode ends, a batch of one per term."""
    to_environment = environment_action(envs.single_action_space)
    taken: list[dict[str, np.ndarray]] = []
    observation, _ = envs.reset(seed=seed)
    policy = Policy(compiled.network, sample=True)
    policy.reset(envs.num_envs)
    ended = False
    while not ended and len(taken) < LONGEST:
        parts = compiled.problem.interface.by_term(observation)
        taken.append({name: batch.copy() for name, batch in parts.items()})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + len(taken))
            action = policy.act(observation)
        observation, _, terminated, truncated, _ = envs.step(to_environment(action))
        ended = bool(terminated[0] or truncated[0])
    return taken
