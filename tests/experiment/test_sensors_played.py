"""sensor_attention under conditions on its sensors: what the layer's symmetry promises of an
evaluation, and what it does not.
"""

import numpy as np
import pytest
import torch

from symgen.compiler import compile_spec
from symgen.errors import Refusal
from symgen.experiment import heldout
from symgen.experiment.player import network_under

SPEC = {
    "symgen": 1,
    "environment": {"adapter": "cartpole_swingup", "previous": ["action"]},
    "symmetry": {"group": "S5", "states": {"observation": "tokens"}, "actions": "trivial"},
    "network": {"family": "sensor_attention"},
    "train": {"algorithm": "ppo", "privileged": True, "decoder": 1.0},
}
STEPS = 12


@pytest.fixture(scope="module", params=["attention", "deep_sets", "pma"])
def trained(request):
    network = {**SPEC["network"], "readout": request.param}
    compiled = compile_spec({**SPEC, "network": network}, verify=False, seed=0)
    compiled.network.double().eval()
    return compiled


def outputs(trained, changes):
    """The policy over steps of an environment that does not listen to it, [step, env, ...]."""
    envs = heldout.environment(trained.problem, changes, 4, seed=1)
    network = network_under(trained, changes)
    observation, _ = envs.reset(seed=1)
    state = network.initial_state(4)
    rows = []
    with torch.no_grad():
        for step in range(STEPS):
            if changes.get("memory") == "zeroed":
                state = network.initial_state(4)
            (distribution, state) = network.decide(observation, state)
            rows.append(distribution.mean)
            observation = envs.step(np.full((4, 1), np.sin(step), np.float32))[0]
    return torch.stack(rows)


def difference(trained, changes):
    return (outputs(trained, changes) - outputs(trained, {})).abs().max().item()


@pytest.mark.parametrize(
    "changes",
    [
        {"shuffle": "per_episode"},
        {"duplicate": 2},
        {"duplicate": 3, "shuffle": "per_episode"},
    ],
)
def test_an_order_and_companions_that_say_the_same_change_nothing(trained, changes):
    assert difference(trained, changes) < 1e-12


@pytest.mark.parametrize(
    "changes",
    [
        {"shuffle": "every 4"},  # the memory of each sensor stays where it was
        {"noise_channels": 5},
        {"occlude": 0.4},
        {"memory": "zeroed"},
    ],
)
def test_what_does_change_it(trained, changes):
    assert difference(trained, changes) > 1e-6


def test_position_codes_see_an_order():
    """The control: the same layer, which knows where a sensor stands."""
    network = {**SPEC["network"], "position_codes": True}
    symmetry = {**SPEC["symmetry"], "group": "C1"}
    trained = compile_spec({**SPEC, "network": network, "symmetry": symmetry}, verify=False, seed=0)
    trained.network.double().eval()
    assert difference(trained, {"shuffle": "per_episode"}) > 1e-6
    with pytest.raises(Refusal, match="says nothing of another number"):
        network_under(trained, {"duplicate": 2})
