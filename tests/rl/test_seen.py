"""Networks of every kind compile, are exact and train on what frames, patches and previous actions
make of an environment.
"""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from symgen import lookup
from symgen.compiler import check_spec, compile_spec
from symgen.experiment import heldout
from tests.constraints.agents import learner

CARTPOLE = {
    "symgen": 1,
    "environment": {
        "adapter": "gymnasium_env",
        "id": "CartPole-v1",
        "frames": 2,
        "previous": ["action", "reward"],
    },
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "8 regular", "depth": 1},
    "train": {
        "algorithm": "ppo", "steps": 128, "envs": 4, "rollout": 16, "minibatch": 32, "epochs": 1,
    },
}  # fmt: skip


class Dots(gymnasium.Env):
    """A picture of bytes whose four patches come in any order: each shows one brightness."""

    observation_space = spaces.Box(0, 255, (4, 4, 1), np.uint8)
    action_space = spaces.Discrete(2)

    def _seen(self):
        dots = self.np_random.integers(0, 256, (2, 2, 1), dtype=np.uint8)
        return np.kron(dots, np.ones((2, 2, 1), np.uint8))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action):
        seen = self._seen()
        return seen, float(action == (seen.mean() > 128)), False, bool(seen[0, 0, 0] < 20), {}


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    made = gymnasium.envs.registration.EnvSpec("Dots-v0", Dots)
    monkeypatch.setitem(gymnasium.registry, "Dots-v0", made)


def with_parts(**sections):
    return {name: {**part, **sections.get(name, {})} if isinstance(part, dict) else part
            for name, part in CARTPOLE.items()}  # fmt: skip


DOTS = {
    "environment": {"id": "Dots-v0", "patches": 2},
    "symmetry": {"group": "S4", "states": {"observation": "tokens"}, "actions": "trivial"},
}
SPECS = {
    "group_mlp": with_parts(),
    "group_mlp with memory": with_parts(network={"memory": "gru"}),
    "mlp": with_parts(network={"family": "mlp", "width": 8}, symmetry={"constraint": "none"}),
    "graph_attention": with_parts(network={"family": "graph_attention"}, **DOTS),
    "group_mlp of tokens": with_parts(network={"hidden": "2 permutation + 4 trivial"}, **DOTS),
    "augment": with_parts(
        network={"family": "mlp", "width": 8}, symmetry={"constraint": "augment"}
    ),
    "mirror_loss": with_parts(
        network={"family": "mlp", "width": 8}, symmetry={"constraint": "mirror_loss"}
    ),
}
for name in ("mlp", "augment", "mirror_loss", "graph_attention"):
    for option in ("hidden", "depth"):
        SPECS[name]["network"].pop(option, None)


@pytest.mark.parametrize("name", SPECS)
def test_it_compiles_is_exact_and_trains(name):
    compiled = compile_spec(SPECS[name])
    assert compiled.verification.holds
    if compiled.problem.family.BINDS:
        assert any(row.generator in compiled.group.generators for row in compiled.verification.rows)
    updates = list(learner(SPECS[name]))
    assert all(np.isfinite(list(update.values())).all() for update in updates)
    assert updates[-1]["step"] >= 128


GRIDWORLD = {
    "symgen": 1,
    "environment": {
        "adapter": "gridworld",
        "size": 5,
        "frames": 2,
        "previous": ["action", "reward"],
    },
    "symmetry": {"group": "C4"},
    "train": {"algorithm": "ppo"},
}


@pytest.mark.parametrize("family", ["cnn", "group_conv", "steerable_conv", "vit"])
def test_pictures_in_frames_beside_what_was_done_are_taken_by(family):
    constraint = "exact" if lookup.declaration("family", family).BINDS else "none"
    symmetry = {"group": "C4", "constraint": constraint}
    compiled = compile_spec({**GRIDWORLD, "symmetry": symmetry, "network": {"family": family}})
    assert compiled.verification.holds
    assert list(compiled.plan.terms) == ["observation", "previous_action", "previous_reward"]


def test_an_evaluation_in_another_orientation_shows_what_the_policy_did():
    problem = check_spec(SPECS["mlp"])
    envs = heldout.environment(problem, {"transform": "s"}, 3, 0)
    raw = heldout.environment(problem, {}, 3, 0)
    observation, _ = envs.reset(seed=1)
    plain, _ = raw.reset(seed=1)
    for actions in np.array([[0, 1, 1], [1, 1, 0], [0, 0, 1]]):
        assert np.allclose(observation["observation"], -plain["observation"])
        observation, *_ = envs.step(actions)
        plain, *_ = raw.step(1 - actions)
        assert observation["previous_action"].argmax(1).tolist() == actions.tolist()
        assert plain["previous_action"].argmax(1).tolist() == (1 - actions).tolist()
    envs.close()
    raw.close()


def test_what_a_policy_does_follows_its_previous_action():
    compiled = compile_spec(SPECS["group_mlp"])
    network = compiled.network
    envs = compiled.environment(4)
    observation, _ = envs.reset(seed=0)
    given = {name: torch.as_tensor(part) for name, part in observation.items()}
    before = network(given)[0]["policy"]
    pushed = torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    assert not torch.allclose(before, network({**given, "previous_action": pushed})[0]["policy"])
    envs.close()


PENDULUM = {
    "symgen": 1,
    "environment": {
        "adapter": "gymnasium_env",
        "id": "Pendulum-v1",
        "max_episode_steps": 7,
        "previous": ["action", "reward"],
    },
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [1, -2, -3]}},
        "actions": {"s": [-1]},
    },
    "network": {"family": "group_mlp", "hidden": "8 regular"},
    "train": {
        "algorithm": "sac", "steps": 60, "envs": 2, "warmup": 20, "batch": 16, "report": 20,
    },
}  # fmt: skip


def test_the_next_observation_of_a_replay_has_the_action_that_led_to_it():
    trained = learner(PENDULUM)
    list(trained)
    batch = trained.replay.sample(256, 1, 0.99, torch.Generator().manual_seed(0))
    after = batch.next_observations
    assert torch.allclose(after["previous_action"], batch.actions.clamp(-2, 2), atol=1e-6)
    assert torch.allclose(after["previous_reward"][:, 0], batch.rewards, atol=1e-5)
    before = batch.observations["previous_action"]
    starts = (before == 0).all(1) & (batch.observations["previous_reward"] == 0).all(1)
    assert starts.any()
    assert not starts.all()
    assert not torch.allclose(before, batch.actions.clamp(-2, 2), atol=1e-3)
