"""Whatever belongs to a network is made where it is: only observations and rewards go there, only
actions come back.
"""

import copy

import gymnasium
import numpy as np
import pytest
import torch
from doubles import (
    Exact,
    SmallDiscreteSoft,
    SmallRecurrent,
    identity_action,
    identity_envs,
    identity_network,
    numbers,
)
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from small_sac import network as small_soft
from torch import nn

from symgen.compiler import compile_spec
from symgen.rl import discrete_sac, ppo, sac
from symgen.rl._batch import batch_of
from tests.constraints.agents import CARTPOLE, PENDULUM
from tests.pretend import ELSEWHERE, There, elsewhere

PPO = {
    "envs": 2,
    "rollout": 6,
    "minibatch": 5,
    "epochs": 1,
    "normalise_observations": True,
    "normalise_rewards": True,
}
SAC = {"envs": 2, "warmup": 4, "batch": 4, "report": 4, "n_step": 2, "random_shift": 1}
MODES = (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP)


@pytest.fixture
def traffic(monkeypatch):
    with elsewhere(monkeypatch) as crossings:
        yield crossings


def envs(kind, mode=AutoresetMode.NEXT_STEP):
    # episodes of 8 steps, cut off after 3: both endings
    def build():
        return gymnasium.wrappers.TimeLimit(identity_envs(1, kind=kind).envs[0], 3)

    return SyncVectorEnv([build] * 2, autoreset_mode=mode)


def learner(algorithm, network, mode=AutoresetMode.NEXT_STEP):
    kind = network.action.kind
    options = algorithm.Options.model_validate(PPO if algorithm is ppo else SAC)
    return algorithm.Learner(network, envs(kind, mode), options, steps=24, seed=0)


def state(of):
    """Every tensor that a learner holds, below its attributes."""
    tensors, todo = [], [of]
    seen = set()
    while todo:
        held = todo.pop()
        if id(held) in seen or isinstance(
            held, str | type | np.ndarray | gymnasium.Env | gymnasium.vector.VectorEnv
        ):
            continue
        seen.add(id(held))
        if isinstance(held, torch.Tensor):
            tensors.append(held)
        elif isinstance(held, dict):
            todo += [*held.keys(), *held.values()]
        elif isinstance(held, list | tuple):
            todo += held
        elif isinstance(held, nn.Module):
            todo += [*held.parameters(), *held.buffers()]
        elif hasattr(held, "__dict__"):
            todo += vars(held).values()
    return tensors


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["discrete", "multi_discrete", "continuous"])
def test_ppo_trains_elsewhere_as_it_does_here(traffic, kind, mode):
    here = [numbers(row) for row in learner(ppo, identity_network(kind), mode)]
    run = learner(ppo, identity_network(kind).to(ELSEWHERE), mode)
    rows = iter(run)
    first = next(rows)
    assert [numbers(row) for row in (first, *rows)] == here
    # what environments say beside observations is gathered on the CPU
    ours = [x for x in state(run) if not isinstance(x, There)]
    said = {
        id(x)
        for x in (
            run._buffer.rewards,
            run._buffer.terminated,
            run._buffer.truncated,
            run._buffer.valid,
        )
    }
    assert {id(x) for x in ours} == said


@pytest.mark.parametrize("mode", MODES)
def test_what_is_remembered_is_elsewhere_too(traffic, mode):
    def build():
        return SmallRecurrent(4, identity_action("discrete"))

    here = [numbers(row) for row in learner(ppo, build(), mode)]
    run = learner(ppo, build().to(ELSEWHERE), mode)
    assert [numbers(row) for row in run] == here
    assert all(isinstance(x, There) for x in run._buffer.memory.stored.values())


def test_a_rollout_sends_observations_and_fetches_actions_and_nothing_else(traffic):
    run = learner(ppo, identity_network("discrete").to(ELSEWHERE))
    run._buffer.begin(run._stepper.begin(0, 0)[0])
    traffic.clear()
    ppo.rollout(run.network, run._stepper, run._buffer, run.episodes, run._generator)
    assert (traffic.sent, traffic.fetched) == (6, 6)  # one of each per step
    assert not traffic.made_here
    traffic.clear()
    batch = batch_of(run._buffer, run._advantages())
    assert (traffic.sent, traffic.fetched) == (
        4,
        0,
    )  # rewards, both endings, and which steps are transitions
    traffic.clear()
    ppo.update(run.network, run._optimiser, batch, run.options, 0.0, run._generator)
    assert (traffic.sent, traffic.fetched) == (
        0,
        3,
    )  # the metrics: losses, gradient norm, explained variance
    assert not traffic.made_here


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("encoder", [False, True])
def test_sac_trains_elsewhere_as_it_does_here(traffic, encoder, mode):
    here = [numbers(row) for row in learner(sac, small_soft(encoder=encoder), mode)]
    run = learner(sac, small_soft(encoder=encoder).to(ELSEWHERE), mode)
    assert repr([numbers(row) for row in run]) == repr(here)  # NaN while nothing is learnt
    assert [x for x in state(run) if not isinstance(x, There)] == []
    traffic.clear()
    run.improve(run._draw())
    assert (traffic.sent, traffic.fetched) == (0, 0)
    assert not traffic.made_here


@pytest.mark.parametrize("mode", MODES)
def test_discrete_sac_trains_elsewhere_as_it_does_here(traffic, mode):
    def build():
        return SmallDiscreteSoft(4, identity_action("discrete"), hidden=16)

    here = [numbers(row) for row in learner(discrete_sac, build(), mode)]
    run = learner(discrete_sac, build().to(ELSEWHERE), mode)
    assert repr([numbers(row) for row in run]) == repr(here)  # NaN while nothing is learnt
    assert [x for x in state(run) if not isinstance(x, There)] == []
    traffic.clear()
    run.improve(run._draw())
    assert (traffic.sent, traffic.fetched) == (0, 0)
    assert not traffic.made_here


class MakesItHere(Exact):
    """What must not be done: a tensor on the CPU, whatever the device of the input."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.action = inner, inner.action
        self.update_normalisation = inner.update_normalisation

    def forward(self, observation, state=None):
        outputs, after = self.inner(observation)
        parameters = outputs["policy"]
        return {**outputs, "policy": parameters + torch.zeros(parameters.shape[-1])}, after


def test_control_a_module_that_makes_a_tensor_here_is_noticed(traffic):
    run = learner(ppo, MakesItHere(identity_network("discrete")).to(ELSEWHERE))
    with pytest.raises(RuntimeError, match="expected all tensors on one device"):
        next(iter(run))
    assert traffic.made_here["aten.zeros.default"]
    list(learner(ppo, MakesItHere(identity_network("discrete"))))  # on the CPU it does no harm


def test_control_numpy_does_not_see_what_is_elsewhere(traffic):
    away = torch.ones(3, device=ELSEWHERE)
    with pytest.raises((TypeError, RuntimeError, NotImplementedError)):
        away.numpy()
    assert away.cpu().tolist() == [1, 1, 1]
    assert (copy.deepcopy(away) + away).cpu().sum() == 6


SMALL = {"family": "group_mlp", "hidden": "4 regular"}
SPECS = {
    "ppo": {**CARTPOLE, "network": SMALL, "train": {"algorithm": "ppo", "steps": 24}},
    "sac": {**PENDULUM, "network": SMALL, "train": {"algorithm": "sac", "steps": 24}},
}


@pytest.mark.parametrize(("algorithm", "options"), [(ppo, PPO), (sac, SAC)])
def test_a_compiled_network_trains_elsewhere(traffic, algorithm, options):
    def rows(device):
        compiled = compile_spec(SPECS[algorithm.__name__.split(".")[-1]], seed=0, verify=False)
        problem = compiled.problem
        chosen = algorithm.Options.model_validate(options)
        vector = problem.adapter.make(problem.adapter_options, chosen.envs, 0)
        run = algorithm.Learner(compiled.network.to(device), vector, chosen, steps=24, seed=0)
        return repr([numbers(row) for row in run])

    assert rows(ELSEWHERE) == rows("cpu")


# -------------------------------------------------------------------------------------------------
# resuming


@pytest.mark.parametrize(
    ("algorithm", "make"), [(ppo, lambda: identity_network("discrete")), (sac, small_soft)]
)
@pytest.mark.parametrize(("before", "after"), [("cpu", "meta"), ("meta", "cpu")])
def test_training_goes_on_on_another_device(traffic, algorithm, make, before, after):
    first = learner(algorithm, make().to(before))
    row = next(iter(first))
    saved = {name: x.detach().cpu().clone() for name, x in first.tensors().items()}
    weights = {name: x.detach().cpu() for name, x in first.network.state_dict().items()}
    again = learner(algorithm, make().to(after))
    again.restore(saved, first.scalars())
    with torch.no_grad():  # load_state_dict takes torch's own meta tensors for empty
        for name, x in again.network.state_dict(keep_vars=True).items():
            x.copy_(weights[name])
    rows = list(again)
    assert rows[-1]["step"] >= 24 > row["step"]
    where = {
        x.device.type
        for x in state(again._optimiser.state if algorithm is ppo else again._optimisers)
    }
    assert where == {after}
