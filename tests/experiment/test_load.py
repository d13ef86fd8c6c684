"""A trained network from Python: it acts, proves itself, and goes where torch modules go."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import symgen
from symgen.errors import UserError
from symgen.experiment.fit import Saving
from symgen.experiment.train import TrainingSettings, train
from symgen.spec.source import read

POLE = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [-1, -2, -3, -4]}},
        "actions": {"s": [1, 0]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
    "train": {
        "algorithm": "ppo",
        "steps": 256,
        "seeds": [0, 1],
        "envs": 4,
        "rollout": 32,
        "minibatch": 64,
    },
}
PENDULUM = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "Pendulum-v1"},
    "symmetry": {
        "group": "D1",
        "states": {"observation": {"s": [1, -2, -3]}},
        "actions": {"s": [-1]},
    },
    "network": {"family": "group_mlp", "hidden": "4 regular"},
    "train": {
        "algorithm": "sac",
        "steps": 130,
        "seeds": [0],
        "envs": 2,
        "warmup": 100,
        "batch": 16,
    },
}
SPEC = {"pole": POLE, "pendulum": PENDULUM}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two seeds of CartPole with PPO, one of Pendulum with SAC, every checkpoint kept."""
    root = tmp_path_factory.mktemp("runs")
    for name, values in SPEC.items():
        (root / f"{name}.yaml").write_text(read(values).text)
        settings = TrainingSettings(root=root, evaluation=None, saving=Saving(seconds=0, keep=1))
        train(read(root / f"{name}.yaml"), settings, lambda report: None)
    return root


@pytest.fixture(params=SPEC)
def trained(request, root):
    return symgen.load(root / request.param / "base" / "0")


def observations(compiled, count: int = 5) -> np.ndarray:
    return compiled.environment(count, seed=3).reset(seed=3)[0]


def test_the_weights_are_those_of_the_checkpoint(root):
    folder = root / "pole" / "base" / "0"
    kept = sorted(
        (path.stem for path in folder.glob("checkpoints/step-*.json")),
        key=lambda name: int(name[5:]),
    )
    last, first, end = (
        symgen.load(folder, name).network.state_dict() for name in ("last", kept[0], kept[-1])
    )
    assert all(torch.equal(value, end[name]) for name, value in last.items())
    assert not all(torch.equal(value, first[name]) for name, value in last.items())  # control
    assert not symgen.load(folder).network.training


def test_a_loaded_network_still_proves_its_symmetry(trained):
    assert trained.verification is None
    assert trained.verify().holds
    moved = trained.act_on_observation("s", observations(trained))
    expected = trained.act_on_action("s", trained.act(observations(trained)))
    np.testing.assert_allclose(trained.act(moved), expected, atol=1e-5)
    assert not np.allclose(trained.act(moved), trained.act(observations(trained)))  # control


def test_it_acts_as_the_environment_takes_it(trained):
    batch = observations(trained)
    actions = trained.act(batch)
    assert len(actions) == 5
    for observation, action in zip(batch, actions, strict=True):
        alone = trained.act(observation)
        np.testing.assert_allclose(alone, action, atol=1e-5)
        assert trained.action_space.contains(alone)
    envs = trained.environment(5)
    envs.reset(seed=0)
    envs.step(actions)
    drawn = [trained.act(batch, sample=True) for _ in range(8)]
    assert any(not np.array_equal(actions, drawn[0]) for actions in drawn)


def test_what_sac_gives_is_before_tanh(root):
    trained = symgen.load(root / "pendulum")  # its only run
    batch = observations(trained)
    mean, log_std = trained.network(batch)[0].values()
    assert mean.shape == log_std.shape == (5, 1)
    expected = trained.network.box_centre + trained.network.box_half * mean.tanh()
    np.testing.assert_allclose(trained.act(batch), expected.detach().numpy(), rtol=1e-6)
    assert trained.network.box_half.item() == 2.0
    assert not np.allclose(trained.act(batch), mean.detach().numpy())  # control


def test_one_run_at_a_time(root):
    with pytest.raises(UserError, match="holds 2 runs") as caught:
        symgen.load(root / "pole")
    assert caught.value.code == "several-runs"
    with pytest.raises(UserError, match="is not a run"):
        symgen.load(root / "nowhere")
    with pytest.raises(UserError) as caught:
        symgen.load(root / "pendulum", "newest")
    assert caught.value.code == "checkpoint-not-found"


# ----------------------------------------------------------------------------------------- beyond
# symgen


def test_torch_exports_it(trained):
    batch = torch.from_numpy(observations(trained))
    shapes = {"observation": {0: torch.export.Dim("batch")}}
    exported = torch.export.export(trained.network, (batch,), dynamic_shapes=shapes).module()
    more = torch.randn(9, *batch.shape[1:])
    torch.testing.assert_close(trained.network(more), exported(more))


def test_torch_compiles_it(root):
    trained = symgen.load(root / "pole" / "base" / "0")
    batch = torch.from_numpy(observations(trained))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own
        compiled = torch.compile(trained.network, backend="aot_eager", fullgraph=True)
        expected = compiled(batch)
    torch.testing.assert_close(trained.network(batch), expected)


class Both(nn.Module):
    """A compiled network where Stable-Baselines3 has its two towers; its heads then have nothing
    left to do.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, observation):
        outputs, _ = self.network(observation)
        return outputs["policy"], outputs["value"]

    def forward_actor(self, observation):
        return self(observation)[0]

    def forward_critic(self, observation):
        return self(observation)[1]


def test_stable_baselines3_trains_it():
    import stable_baselines3 as sb3
    from stable_baselines3.common.policies import ActorCriticPolicy

    class Policy(ActorCriticPolicy):
        def _build(self, lr_schedule):
            super()._build(lr_schedule)
            self.mlp_extractor = Both(compiled.network)
            self.action_net = self.value_net = nn.Identity()
            self.optimizer = self.optimizer_class(
                self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
            )

    compiled = symgen.compile(POLE, seed=0)
    before = {name: value.clone() for name, value in compiled.network.state_dict().items()}
    model = sb3.PPO(Policy, "CartPole-v1", n_steps=64, seed=0, device="cpu")
    model.learn(128)
    assert any(
        not torch.equal(value, before[name])
        for name, value in compiled.network.state_dict().items()
    )
    assert compiled.verify().exact  # after their training, too
    batch = observations(compiled)
    moved, _ = model.predict(compiled.act_on_observation("s", batch), deterministic=True)
    np.testing.assert_array_equal(moved, 1 - model.predict(batch, deterministic=True)[0])
