"""What plays under a held-out condition: the trained network, planned again where the condition
gives it another number of tokens, and without memory where it takes that away.
"""

import numpy as np
from numpy.typing import NDArray

from symgen.compiler import Compiled, plan_spec
from symgen.errors import UserError
from symgen.experiment.episodes import Player
from symgen.experiment.heldout import Changes, own_keys
from symgen.nn.device import forked
from symgen.nn.network import Network, build
from symgen.nn.norm import RunningNorm
from symgen.nn.observation import Observation
from symgen.nn.policy import Actions, Policy
from symgen.problem.problem import Problem
from symgen.semantics.resized import resized
from symgen.semantics.sensors import tokens_seen


class Forgetful:
    """A player whose memory is zero before every step, as at the start of an episode.

    Args:
        player: whose memory is not kept.
    """

    def __init__(self, player: Player) -> None:
        self._player = player

    def reset(self, count: int) -> None:
        """Episodes begin in `count` environments."""
        self._player.reset(count)

    def act(self, observation: Observation, starts: NDArray[np.bool_]) -> Actions:
        """A batch of actions, as if every episode began with it."""
        return self._player.act(observation, np.ones_like(starts))


def network_under(compiled: Compiled, changes: Changes) -> Network:
    """The trained network as it plays under a condition.

    Args:
        compiled: with the weights of a training.
        changes: the entry of `evaluate:`.

    Raises:
        Refusal: the spec does not allow so many tokens, which `symgen check` says of a condition.
        UserError: its weights do not serve them.
    """
    tokens = tokens_seen(compiled.problem, own_keys(changes))
    if tokens is None:
        return compiled.network
    return with_tokens(compiled.network, resized(compiled.problem, tokens))


def with_tokens(trained: Network, problem: Problem) -> Network:
    """A trained network for a problem with another number of tokens (see `semantics.resized`): all
    weights that acting needs, and the statistics of its normalisation, which all tokens share.

    Raises:
        UserError: weights or statistics depend on the token.
    """
    with forked(trained.device):
        network = build(plan_spec(problem), problem.interface).to(trained.device, trained.dtype)
    training_only = tuple(f"steps.{step.name}." for step in trained.plan.training_steps)
    state = {
        name: value
        for name, value in trained.state_dict().items()
        if not name.startswith(training_only)
    }
    try:
        for name, module in network.named_modules():
            if isinstance(module, RunningNorm):
                module.take_over(_norm(trained, name))
                inside = {f"{name}.{key}": value for key, value in module.state_dict().items()}
                state.update(inside)
        network.load_state_dict(state, strict=True)
    except (RuntimeError, ValueError) as error:
        message = f"the network cannot play with another number of tokens: {error}"
        hint = "leave noise_channels, duplicate and occlude out of the condition"
        raise UserError("fixed-tokens", message, hint) from error
    return network.train(trained.training)


def _norm(trained: Network, name: str) -> RunningNorm:
    """The module of this name; ValueError where there is none."""
    module = dict(trained.named_modules()).get(name)
    if not isinstance(module, RunningNorm):
        raise ValueError(f"it has no statistics of {name}")
    return module


def player(network: Network, changes: Changes, sample: bool) -> Player:
    """What plays with a network under a condition.

    Args:
        network: see `network_under`.
        changes: the entry of `evaluate:`.
        sample: draw actions instead of taking the most probable ones.
    """
    policy = Policy(network, sample=sample)
    return Forgetful(policy) if own_keys(changes).memory == "zeroed" else policy
