"""A trained network under conditions on its sensors: what changes nothing, what does, and another
number of tokens with the same weights.
"""

import json

import numpy as np
import pytest
import torch

from symgen.algebra import base as bases
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import direct_sum, parse, trivial
from symgen.compiler import compile_spec
from symgen.errors import UserError
from symgen.experiment import heldout
from symgen.experiment.episodes import play
from symgen.experiment.evaluate import evaluate_run
from symgen.experiment.evaluation import EvaluationSettings
from symgen.experiment.player import Forgetful, network_under, player, with_tokens
from symgen.experiment.run import Run
from symgen.experiment.stored import stored_evaluation
from symgen.experiment.train import TrainingSettings, train
from symgen.nn.build import built
from symgen.nn.norm import RunningNorm
from symgen.operations.tied_linear import TiedLinear
from symgen.semantics.resized import resized
from symgen.spec.source import read

SPEC = {
    "symgen": 1,
    "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
    "symmetry": {"group": "S4", "states": {"observation": "tokens"}, "actions": "trivial"},
    "network": {"family": "group_mlp", "hidden": "8 trivial"},
    "train": {"algorithm": "ppo", "steps": 512, "envs": 8, "rollout": 32},
    "evaluate": {
        "shuffled": {"shuffle": "per_episode"},
        "reshuffled": {"shuffle": "every 7"},
        "companions": {"noise_channels": 3, "sigma": 0.5},
        "fewer": {"occlude": 0.5, "shuffle": "per_episode"},
    },
}
ORDERED = {
    **SPEC,
    "symmetry": {**SPEC["symmetry"], "constraint": "none"},
    "network": {"family": "mlp"},
    "evaluate": {},
}


def compiled(spec, memory=None):
    network = {**spec["network"], "memory": memory} if memory else spec["network"]
    result = compile_spec({**spec, "network": network, "train": None}, verify=False, seed=0)
    result.network.double().eval()
    return result


def returns(trained, changes, episodes=24, envs=6):
    """Of every episode."""
    vector = heldout.environment(trained.problem, changes, envs, seed=3)
    network = network_under(trained, changes)
    with torch.no_grad():
        return play(player(network, changes, sample=False), vector, episodes, seed=3).returns


def test_an_invariant_network_does_not_see_a_shuffle():
    invariant = compiled(SPEC)
    plain = returns(invariant, {})
    for shuffle in ("per_episode", "every 3"):
        np.testing.assert_array_equal(returns(invariant, {"shuffle": shuffle}), plain)
    ordered = compiled(ORDERED)  # control: an ordered one does
    shuffled = returns(ordered, {"shuffle": "per_episode"})
    assert not np.array_equal(shuffled, returns(ordered, {}))
    np.testing.assert_array_equal(shuffled, returns(ordered, {"shuffle": "per_episode"}))


def test_the_outputs_of_an_invariant_network_under_a_shuffle():
    trained, ordered = compiled(SPEC), compiled(ORDERED)
    here, there = (
        heldout.environment(trained.problem, changes, 5, seed=1)
        for changes in ({}, {"shuffle": "every 2"})
    )
    one, two = here.reset(seed=1)[0], there.reset(seed=1)[0]
    moved = 0.0
    for _ in range(40):
        plain, shuffled = (trained.network(batch)[0] for batch in (one, two))
        for name in plain:
            torch.testing.assert_close(plain[name], shuffled[name], rtol=0, atol=1e-12)
        control = ordered.network(one)[0]["policy"] - ordered.network(two)[0]["policy"]
        moved = max(moved, control.abs().max().item())
        actions = np.ones(5, int)
        one, two = here.step(actions)[0], there.step(actions)[0]
    assert moved > 1e-3


class Identifying(torch.nn.Module):
    """The smallest network whose memory belongs to tokens: it adds what each has shown."""

    def __init__(self):
        super().__init__()
        self.states = {"sums": None}

    def initial_state(self, batch):
        return {"sums": torch.zeros(batch, 4, 1, dtype=torch.float64)}

    def decide(self, observation, state=None):
        x = torch.as_tensor(np.asarray(observation), dtype=torch.float64)[..., None]
        sums = state["sums"] + x
        logit = (sums * x).sum((1, 2))
        logits = torch.stack([logit, -logit], 1)
        return torch.distributions.Categorical(logits=logits), {"sums": sums}


def test_a_reshuffle_leaves_the_memory_where_it_was():
    """An order for a whole episode changes nothing; another order in its midst does."""
    trained = compiled(SPEC)

    def chosen(changes):
        envs = heldout.environment(trained.problem, changes, 16, seed=1)
        policy = player(Identifying(), changes, sample=False)
        observation, _ = envs.reset(seed=1)
        policy.reset(16)
        rows, starts = [], np.ones(16, bool)
        for step in range(8):
            rows.append(policy.act(observation, starts))
            observation = envs.step(np.full(16, step % 2))[0]
            starts = np.zeros(16, bool)
        return np.array(rows)

    plain = chosen({})
    np.testing.assert_array_equal(chosen({"shuffle": "per_episode"}), plain)
    reshuffled = chosen({"shuffle": "every 3"})
    np.testing.assert_array_equal(reshuffled[:3], plain[:3])
    assert not np.array_equal(reshuffled[3:], plain[3:])
    assert not np.array_equal(chosen({"memory": "zeroed"}), plain)


def test_a_zeroed_memory_is_that_of_every_first_step():
    trained = compiled(SPEC, "gru")
    observations = np.random.default_rng(0).normal(size=(6, 3, 4))
    forgetful = player(trained.network, {"memory": "zeroed"}, sample=True)
    remembers = player(trained.network, {"memory": None}, sample=True)
    assert isinstance(forgetful, Forgetful)
    assert not isinstance(remembers, Forgetful)

    class Watched:
        def __init__(self, network):
            self.network, self.states, self.seen = network, network.states, []

        def initial_state(self, batch):
            return self.network.initial_state(batch)

        def decide(self, observation, state=None):
            self.seen.append(max(memory.abs().max().item() for memory in state.values()))
            return self.network.decide(observation, state)

    for changes, zero in (({"memory": "zeroed"}, True), ({}, False)):
        watched = Watched(trained.network)
        policy = player(watched, changes, sample=False)
        policy.reset(3)
        for observation in observations:
            policy.act(observation, np.zeros(3, bool))
        assert (max(watched.seen) == 0) is zero


def mean_pooled(x):
    return np.tanh(x).mean(1)


def test_duplicates_do_not_change_a_mean():
    trained = compiled(SPEC)
    one, two, more = (
        heldout.environment(trained.problem, changes, 5, seed=1).reset(seed=1)[0]
        for changes in ({}, {"duplicate": 3, "shuffle": "per_episode"}, {"noise_channels": 3})
    )
    assert two.shape == (5, 12)
    np.testing.assert_allclose(mean_pooled(one), mean_pooled(two), atol=1e-12)
    assert np.abs(mean_pooled(one) - mean_pooled(more)).max() > 1e-3  # control


def test_another_number_of_tokens_has_the_same_weights():
    """Tokens of zeros say nothing to a sum: with one more, the network says the same."""
    trained = compiled(SPEC)
    for norm in trained.network.modules():
        if isinstance(norm, RunningNorm):
            norm.update(torch.randn(64, 4, 1, dtype=torch.float64) + 2)
    wider = with_tokens(trained.network, resized(trained.problem, 6))
    assert wider.dtype == torch.float64
    assert not wider.training
    before, after = dict(trained.network.named_parameters()), dict(wider.named_parameters())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    x = np.random.default_rng(0).normal(size=(7, 4))
    norm = next(m for m in trained.network.modules() if isinstance(m, RunningNorm))
    mean = norm.mean[0].item()
    padded = np.concatenate([x, np.full((7, 2), mean)], 1)  # normalised to zero
    torch.testing.assert_close(
        wider(padded)[0]["policy"], trained.network(x)[0]["policy"], rtol=0, atol=1e-12
    )
    shuffled = padded[:, np.random.default_rng(1).permutation(6)]
    torch.testing.assert_close(
        wider(shuffled)[0]["policy"], wider(padded)[0]["policy"], rtol=0, atol=1e-12
    )
    other = np.concatenate([x, np.full((7, 2), mean + 1)], 1)  # control
    assert (wider(other)[0]["policy"] - wider(padded)[0]["policy"]).abs().max() > 1e-3


@pytest.mark.parametrize(
    "environment",
    [
        {"adapter": "cartpole_swingup", "previous": ["action", "reward"]},
        {"adapter": "gridworld", "view": "rgb", "size": 9, "resolution": 18, "patches": 6,
         "frames": 3, "previous": ["action"]},
    ],
    ids=["vector", "patches"],
)  # fmt: skip
def test_tokens_behind_frames_beside_what_was_done(environment):
    """And outputs for training only, whose weights need not fit."""
    count = 9 if "patches" in environment else 5
    trained = compile_spec(
        {
            **SPEC,
            "environment": environment,
            "symmetry": {**SPEC["symmetry"], "group": f"S{count}"},
            "network": {**SPEC["network"], "memory": "gru"},
            "train": {"algorithm": "ppo", "privileged": True},
            "evaluate": {},
        },
        verify=False,
        seed=0,
    )
    assert trained.plan.training_weights > 0
    for changes in (
        {"noise_channels": 4, "shuffle": "every 3"},
        {"duplicate": 2},
        {"occlude": 0.4},
    ):
        envs = heldout.environment(trained.problem, changes, 3, seed=0)
        network = network_under(trained, changes)
        policy = player(network, changes, sample=False)
        observation, _ = envs.reset(seed=0)
        policy.reset(3)
        starts = np.ones(3, bool)
        for _ in range(3):
            assert observation in envs.observation_space
            actions = policy.act(observation, starts)
            observation = envs.step(actions)[0]
            starts = np.zeros(3, bool)
        channels = 3 * 108 if "patches" in environment else 1
        seen = observation["observation"].reshape(3, -1, channels)
        tokens = {"noise_channels": count + 4, "duplicate": 2 * count}
        assert seen.shape[1] == tokens.get(next(iter(changes)), count - round(0.4 * count))
        envs.close()


def test_the_order_of_a_frame_holds_for_it_alone():
    """A token changes place in each new frame; those before stay as they were seen."""
    spec = {
        **SPEC,
        "environment": {
            "adapter": "gridworld", "view": "rgb", "size": 9, "resolution": 18, "patches": 6,
            "frames": 2,
        },
        "symmetry": {**SPEC["symmetry"], "group": "S9"},
        "evaluate": {},
    }  # fmt: skip
    problem = compile_spec(spec, verify=False, seed=0).problem
    envs = heldout.environment(problem, {"shuffle": "every 1"}, 8, seed=0)
    before = envs.reset(seed=0)[0]
    after = envs.step(np.zeros(8, int))[0]
    np.testing.assert_array_equal(after[..., :108], before[..., 108:])
    assert not np.array_equal(after[..., :108], after[..., 108:])


def test_statistics_that_differ_between_tokens_are_not_carried_over():
    trained = compiled(SPEC)
    for norm in trained.network.modules():
        if isinstance(norm, RunningNorm):
            norm.mean[1] = 3.0
    with pytest.raises(UserError, match="differ from place to place") as caught:
        with_tokens(trained.network, resized(trained.problem, 6))
    assert caught.value.code == "fixed-tokens"


def test_the_global_random_state_is_left_alone():
    trained = compiled(SPEC)
    before = torch.get_rng_state()
    with_tokens(trained.network, resized(trained.problem, 6))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_evaluation_of_sensors(tmp_path):
    """From spec to file: invariant, so that a shuffle is training's condition once more."""
    settings = TrainingSettings(root=tmp_path, evaluation=None)
    train(read(SPEC), settings, lambda report: None, seeds=[0])
    (folder,) = tmp_path.glob("*/base/0")
    few = EvaluationSettings(episodes=12, envs=4)
    scores = evaluate_run(Run(folder), few).scores
    assert list(scores) == ["training", "shuffled", "reshuffled", "companions", "fewer"]
    assert scores["shuffled"] == scores["reshuffled"] == scores["training"]
    assert scores["companions"] != scores["training"]
    values = json.loads((folder / few.file).read_text())
    played = values["episodes_played"]["companions"]["returns"]
    assert len(played) == 12
    stored = values["conditions"]["companions"]["return_deviation"]
    assert stored == pytest.approx(np.std(played))
    assert stored_evaluation(Run(folder), few).scores == scores
    assert evaluate_run(Run(folder), few).scores == scores


def matrix(count, target, source, state=None):
    """A tied map on tokens, or copies of the permutation, as [place, channel, place, channel]."""
    moved = group(f"S{count}")
    fields = []
    for base, channels in (target, source):
        if base == "tokens":
            fibre = direct_sum((channels, trivial(moved)))
            fields.append(FieldType(bases.tokens(moved, count), fibre))
        else:
            fields.append(vector(parse(moved, f"{channels} permutation")))
    module = built(TiedLinear(*fields)).double()
    if state is not None:
        module.load_state_dict(state)
    x = torch.eye(fields[1].size, dtype=torch.float64).reshape(-1, *fields[1].shape)
    rows = (module(x) - module(0 * x)).detach().reshape(fields[1].size, fields[0].size).T

    for axis, (base, channels) in ((1, source), (0, target)):
        if base == "tokens":
            rows = rows.unflatten(axis, (count, channels))
        else:
            rows = rows.unflatten(axis, (channels, count)).transpose(axis, axis + 1)
    return rows, module.state_dict()


@pytest.mark.parametrize("target", [("tokens", 2), ("point", 2)])
@pytest.mark.parametrize("source", [("tokens", 3), ("point", 3)])
def test_the_maps_of_more_tokens_extend_those_of_fewer(target, source):
    """The same weights belong to the same pairs of places: what is taken over means the same."""
    few, state = matrix(3, target, source)
    more, _ = matrix(6, target, source, state)
    assert few.unique().numel() > 6
    torch.testing.assert_close(more[:3, :, :3], few, rtol=0, atol=1e-12)
    torch.testing.assert_close(more[3:, :, 3:], few, rtol=0, atol=1e-12)
