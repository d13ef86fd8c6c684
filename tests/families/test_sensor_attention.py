"""Sensor attention beside a slow obvious twin that is written from the equations of the paper, and
what holds for sensors in any order and of any number.
"""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from symgen.algebra.fieldtype import parse
from symgen.compiler import check_spec, plan_spec
from symgen.errors import SpecError
from symgen.nn.build import built
from symgen.nn.network import build
from symgen.nn.recurrence import carried
from symgen.operations import plain
from symgen.operations.sensors import PlaceMemory, place_channels
from symgen.operations.slots import SlotAttention, SlotVotes
from symgen.plan.plan import Plan
from symgen.problem.problem import Problem
from tests.any_spaces import ID

STATE: dict[str, Any] = {
    "symgen": 1,
    "environment": {"adapter": "cartpole_swingup", "previous": ["action"]},
    "symmetry": {
        "group": "S5",
        "states": {"observation": "tokens"},
        "actions": "trivial",
        "output": "invariant",
    },
    "train": {"algorithm": "ppo"},
}
VISION: dict[str, Any] = {
    "symgen": 1,
    "environment": {
        "adapter": "gridworld",
        "size": 9,
        "patches": 3,
        "frames": 4,
        "previous": ["action"],
    },
    "symmetry": {**STATE["symmetry"], "group": "S9"},
}
FIVE = {"terms": {"observation": {"shape": [5, 2]}}, "action": {"n": 2}}
PAPER_STATE = {"squash": "none", "pooling": "sum", "outer": "tanh", "head": []}
PAPER_VISION = {
    "memory": "none",
    "hidden": 0,
    "differences": True,
    "normalise_frames": True,
    "value_size": 8,
    "key_size": 8,
    "weights": "softmax",
    "scale": True,
    "bias": True,
    "outer": "relu_norm",
    "slots": 12,
    "head": [],
}
STEPS = 12


def problem(base: dict[str, Any], options: dict[str, Any]) -> Problem:
    return check_spec({**base, "network": {"family": "sensor_attention", **options}})


def network(base, options, seed=0):
    this = problem(base, options)
    torch.manual_seed(seed)
    return build(plan_spec(this), this.interface).double().eval()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def waves(slots, size):
    """Row m, column j: the sine (even j) or cosine of m / 10000^(2 floor(j/2) / size)."""
    table = np.zeros((slots, size))
    for m in range(slots):
        for j in range(size):
            angle = m / 10000 ** (2 * (j // 2) / size)
            table[m, j] = np.sin(angle) if j % 2 == 0 else np.cos(angle)
    return table


def numbers(net, step):
    """The weights of a step, by name, in numpy."""
    return {name: x.detach().numpy() for name, x in net.steps[step].named_parameters()}


class StateTwin:
    """m_t = tanh(sum_i tanh((Q Wq)(K Wk)^T)_i o_i), K the outputs of one LSTM cell that every
    sensor runs by itself: one sensor after the other, one gate after the other.
    """

    def __init__(self, net):
        cell = numbers(net, "policy_memory")
        self.w_o = cell["read.maps.0.matrix.weight"].reshape(32, 1)
        self.bias = cell["read.maps.0.bias.weight"]
        self.w_a = cell["read.maps.1.matrix.weight"].reshape(32, 1)
        self.u = cell["recall.matrix.weight"].reshape(32, 8)
        attention = numbers(net, "policy_slots")
        self.wq = attention["query.weight"]
        self.wk = attention["key.weight"]
        self.h = np.zeros((5, 8))
        self.c = np.zeros((5, 8))

    def __call__(self, o, a):
        keys = []
        for sensor in range(5):
            gates = self.w_o @ o[[sensor]] + self.w_a @ a + self.bias + self.u @ self.h[sensor]
            i, f, g, out = gates[:8], gates[8:16], gates[16:24], gates[24:]
            self.c[sensor] = sigmoid(f) * self.c[sensor] + sigmoid(i) * np.tanh(g)
            self.h[sensor] = sigmoid(out) * np.tanh(self.c[sensor])
            keys.append(self.wk @ self.h[sensor])
        slots = []
        for row in waves(16, 8):
            query = self.wq @ row
            slots.append(sum(np.tanh(query @ key) * x for key, x in zip(keys, o, strict=True)))
        return np.tanh(slots)


def slots(net, observation, state):
    """The slots, which a head without layers reads, and the memory afterwards."""
    seen = {}
    handle = net.steps["policy_slots"].register_forward_hook(
        lambda module, inputs, output: seen.update(slots=output.detach())
    )
    with torch.no_grad():
        _, after = net(observation, state)
    handle.remove()
    return seen["slots"][:, 0].numpy(), after


def test_the_state_layer_equals_its_twin_step_by_step():
    net = network(STATE, PAPER_STATE)
    twin = StateTwin(net)
    rng = np.random.default_rng(0)
    state = None
    for _ in range(STEPS):
        o = rng.standard_normal(5)
        a = rng.standard_normal(1)
        given, state = slots(net, {"observation": o[None], "previous_action": a[None]}, state)
        assert np.abs(given[0] - twin(o, a)).max() < 1e-12
        assert np.abs(given).max() > 0.05


def vision_twin(net, tokens, action):
    """Differences of successive frames and the action are the keys, frames of mean 0 and deviation
    1 the values: patch after patch.
    """
    keys = numbers(net, "policy_key_layer")
    values = numbers(net, "policy_value_layer")
    attention = numbers(net, "policy_slots")
    size = tokens.shape[1] // 4
    k, v = [], []
    for patch in tokens:
        frames = patch.reshape(4, size)
        differences = np.concatenate([frames[t + 1] - frames[t] for t in range(3)])
        w = keys["read.maps.0.matrix.weight"].reshape(8, 3 * size)
        wa = keys["read.maps.1.matrix.weight"].reshape(8, -1)
        k.append(w @ differences + keys["read.maps.0.bias.weight"] + wa @ action)
        normal = [(x - x.mean()) / np.sqrt(x.var() + 1e-5) for x in frames]
        w = values["read.maps.0.matrix.weight"].reshape(8, 4 * size)
        v.append(w @ np.concatenate(normal) + values["read.maps.0.bias.weight"])
    result = []
    for row in waves(12, 8):
        query = attention["query.weight"] @ row + attention["query.bias"]
        logits = np.array([query @ key for key in k]) / np.sqrt(8)
        weights = np.exp(logits - logits.max())
        slot = np.maximum((weights / weights.sum()) @ np.array(v), 0)
        slot = (slot - slot.mean()) / np.sqrt(slot.var() + 1e-5)
        result.append(slot * attention["norm.weight"] + attention["norm.bias"])
    return np.array(result)


def test_the_vision_layer_equals_its_twin():
    net = network(VISION, PAPER_VISION)
    tokens = np.random.default_rng(0).uniform(size=(9, net.plan.terms["observation"].fibre.size))
    action = np.eye(net.action.parameters)[2]
    given, _ = slots(net, {"observation": tokens[None], "previous_action": action[None]}, None)
    assert np.abs(given.reshape(12, 8) - vision_twin(net, tokens, action)).max() < 1e-10


def played(net, observations, actions, orders=None, moved=False):
    """What the policy says along a sequence whose sensors stand in other orders from a step on;
    `moved` moves their memories along.
    """
    state, said, before = None, [], np.arange(observations.shape[1])
    orders = orders or {}
    for t, (o, a) in enumerate(zip(observations, actions, strict=True)):
        if t in orders:
            if moved and state is not None:
                back = np.argsort(before)
                state = {name: x[:, back][:, orders[t]] for name, x in state.items()}
            before = orders[t]
        with torch.no_grad():
            seen = {"observation": o[None][:, before], "previous_action": a[None]}
            outputs, state = net(seen, state)
        said.append(outputs["policy"][0].numpy())
    return np.array(said)


@pytest.mark.parametrize("memory", ["lstm", "gru"])
def test_sensors_move_with_their_memory_and_not_without(memory):
    net = network(STATE, {"memory": memory})
    with torch.no_grad():  # as far from zero as a trained one
        for weight in net.parameters():
            weight *= 2
    rng = np.random.default_rng(0)
    observations = rng.standard_normal((STEPS, 5))
    actions = rng.standard_normal((STEPS, 1))
    fixed = played(net, observations, actions)
    order = np.array([3, 0, 4, 2, 1])
    assert np.abs(played(net, observations, actions, {0: order}) - fixed).max() < 1e-12
    along = played(net, observations, actions, {6: order}, moved=True)
    assert np.abs(along - fixed).max() < 1e-12
    left = played(net, observations, actions, {6: order})
    assert np.abs(left[:6] - fixed[:6]).max() == 0
    assert np.abs(left[6:] - fixed[6:]).max() > 1e-3  # the control: memories stay where they were


@pytest.mark.parametrize("base", [STATE, VISION], ids=["state", "vision"])
@pytest.mark.parametrize("readout", ["attention", "deep_sets", "pma"])
def test_the_weights_fit_any_number_of_sensors(base, readout):
    options = {"readout": readout, "normalise_frames": base is VISION}

    def plan(count: int) -> Plan:
        changed = copy.deepcopy(base)
        changed["symmetry"]["group"] = f"S{count}"
        if base is VISION:
            changed["environment"]["size"] = {9: 9, 25: 15}[count]
            return plan_spec(problem(changed, options))
        changed["environment"]["redundant"] = count == 10
        return plan_spec(problem(changed, options))

    few, many = (plan(count) for count in ((9, 25) if base is VISION else (5, 10)))
    assert few.weights == many.weights
    assert few != many


def test_duplicates_change_no_mean():
    few = network(STATE, {"pooling": "mean"})
    doubled = copy.deepcopy(STATE)
    doubled["symmetry"]["group"] = "S10"
    doubled["environment"]["redundant"] = True
    many = network(doubled, {"pooling": "mean"})
    many.load_state_dict(few.state_dict())
    control = network(doubled, {"pooling": "sum"})
    control.load_state_dict(few.state_dict())
    rng = np.random.default_rng(0)
    o = rng.standard_normal((4, 5))
    a = rng.standard_normal((4, 1))
    with torch.no_grad():
        said = few({"observation": o, "previous_action": a})[0]["policy"]
        twice = {"observation": np.tile(o, 2), "previous_action": a}
        assert (many(twice)[0]["policy"] - said).abs().max() < 1e-12
        assert (control(twice)[0]["policy"] - said).abs().max() > 1e-3


@pytest.mark.parametrize("points", ["none", "2 trivial", "permutation"])
def test_the_fused_cell_is_the_cell_step_by_step(points):
    source = problem(STATE, {}).observation["observation"]
    beside = () if points == "none" else (parse(source.group, f"point: {points}"),)
    torch.manual_seed(0)
    cell = built(PlaceMemory("lstm", place_channels(source, 8), (source,), beside)).double()
    x = torch.randn(STEPS, 3, 5, 1, dtype=torch.float64, requires_grad=True)
    rows = [x, *(torch.randn(STEPS, 3, 1, f.size, dtype=torch.float64) for f in beside)]
    memory = torch.randn(3, 5, 16, dtype=torch.float64, requires_grad=True)
    starts = torch.rand(STEPS, 3) < 0.2
    leaves = (x, memory, *cell.parameters())

    def results(fused: bool):
        if fused:
            outputs, after = carried(cell, rows, memory, starts)
        else:
            said, after = [], memory
            for t in range(STEPS):
                after = torch.where(starts[t][:, None, None], 0.0, after)
                row, after = cell(*[part[t] for part in rows], after)
                said.append(row)
            outputs = torch.cat(said)
        weights = torch.linspace(-1, 1, outputs.numel(), dtype=torch.float64)
        loss = (outputs.flatten() * weights).sum() + after.square().sum()
        return outputs, after, *torch.autograd.grad(loss, leaves)

    for given, expected in zip(results(True), results(False), strict=True):
        assert (given - expected).detach().abs().max() < 1e-12 * max(
            1.0, expected.detach().abs().max().item()
        )
    assert starts.any()
    forgotten = torch.full_like(memory, torch.nan)  # what is no number before an episode is gone
    outputs, after = carried(cell, rows, forgotten, torch.ones_like(starts))
    assert outputs.isfinite().all()
    assert after.isfinite().all()


def test_weights_are_those_of_the_paper():
    """The table in the paper's appendix, less the second bias of its cell, which is redundant."""
    plan = plan_spec(problem(STATE, PAPER_STATE))
    assert plan.step("policy_memory").weights == 32 * (1 + 1) + 32 * 8 + 32
    assert plan.step("policy_slots").weights == 2 * 8 * 32
    assert sum(plan.step(f"policy_{s}").weights for s in ("memory", "slots")) == 896 - 32


def winners(votes, places, count, temperature):
    """Soft top places (Plotz and Roth 2018): each from what the earlier ones left."""
    left = [np.log(share) for share in votes]
    result = []
    for _ in range(count):
        weights = np.exp((np.array(left) - max(left)) / temperature)
        weights /= weights.sum()
        result.append(sum(w * np.array(place) for w, place in zip(weights, places, strict=True)))
        left = [x + np.log(1 - w) for x, w in zip(left, weights, strict=True)]
    return np.array(result)


def test_votes_equal_their_twin_and_are_the_largest_when_cold():
    group = problem(STATE, {}).group
    torch.manual_seed(0)
    head = built(SlotVotes(plain.channels(group, 12 * 3), (3, 4), winners=4)).double()
    x = torch.randn(2, 1, 36, dtype=torch.float64)
    places = [(r, c) for r in (-1, 0, 1) for c in (-1, -1 / 3, 1 / 3, 1)]
    with torch.no_grad():
        votes = head.votes(x)
        assert (votes.sum(-1) - 1).abs().max() < 1e-12
        for temperature in (1.0, 0.3):
            head.log_temperature.fill_(np.log(temperature))
            for share, given in zip(votes.numpy(), head(x).view(2, 4, 2).numpy(), strict=True):
                assert np.abs(given - winners(share, places, 4, temperature)).max() < 1e-9
        head.log_temperature.fill_(np.log(1e-4))
        cold = head(x).view(2, 4, 2).numpy()
    for share, given in zip(votes.numpy(), cold, strict=True):
        largest = np.array(places)[np.argsort(-share)[:4]]
        assert np.abs(given - largest).max() < 1e-3
    head.log_temperature.data.fill_(0.0)
    head(x).square().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in (head.query.weight, head.log_temperature))


@pytest.mark.parametrize("weighting", ["tanh", "softmax"])
def test_held_and_fresh_attention_agree(weighting):
    source = problem(STATE, {}).observation["observation"]
    operation = SlotAttention(place_channels(source, 8), source, 6, weighting=weighting, bias=True)
    torch.manual_seed(0)
    attention = built(operation)
    keys, values = torch.randn(3, 5, 8), torch.randn(3, 5, 1)
    fresh = attention(keys, values)
    attention.hold()
    assert torch.equal(attention(keys, values), fresh)
    if weighting == "softmax":
        assert torch.allclose(attention.weights(keys).sum(1), torch.ones(3, 6))


def pairs(base: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A spec with sections replaced by key."""
    return {
        **base,
        **{name: {**base.get(name, {}), **changes} for name, changes in sections.items()},
    }


WRONG = {
    "too few sensors in the group": (
        pairs(STATE, symmetry={"group": "S4"}),
        {},
        "size-mismatch",
        "use S5 for any order of 5 tokens",
    ),
    "no sensors at all": (
        pairs(STATE, symmetry={"group": "D1", "states": "trivial"}),
        {},
        "no-places",
        "such as S5",
    ),
    "an image that is not cut": (
        pairs(VISION, environment={"patches": None}, symmetry={"group": "C4", "states": "auto"}),
        {},
        "no-places",
        "patches: 6",
    ),
    "patches that do not divide": (
        pairs(VISION, environment={"patches": 4}),
        {},
        "bad-patches",
        "3",
    ),
    "no previous action": (
        pairs(STATE, environment={"previous": []}),
        {"sees_previous_action": True},
        "missing-term",
        "previous: [action]",
    ),
    "no frames to subtract": (STATE, {"differences": True}, "wrong-value", "frames: 4"),
    "frames of one number": (
        {
            **STATE,
            "environment": {"adapter": "gymnasium_env", "id": ID, "kwargs": FIVE, "frames": 2},
        },
        {"normalise_frames": True},
        "width",
        "leave normalise_frames out",
    ),
    "slots of two numbers": (STATE, {"outer": "relu_norm", "value_size": 2}, "width", "tanh"),
    "running statistics": (
        pairs(STATE, train={"algorithm": "ppo", "normalise_observations": True}),
        {},
        "wrong-value",
        "squash",
    ),
    "memory without sequences": (
        pairs(STATE, train={"algorithm": "sac"}),
        {},
        "untrained-memory",
        "ppo",
    ),
    "slots off their grid": (
        STATE,
        {"grid": [3, 4], "convolutions": [{"channels": 4}]},
        "wrong-value",
        "",
    ),
    "kernels larger than the grid": (
        STATE,
        {"grid": [4, 4], "convolutions": [{"channels": 4, "kernel": 5}]},
        "too-large",
        "smaller kernels",
    ),
    "a cell of too many slots": (
        STATE,
        {"slots": 1024, "value_size": 64, "head_memory": "gru", "head": [256]},
        "too-large",
        "smaller first layer",
    ),
    "too many slots": (STATE, {"slots": 4096, "value_size": 64}, "too-large", "value_size"),
    "votes without a grid": (STATE, {"votes": 3}, "wrong-value", ""),
    "heads that do not divide": (STATE, {"readout": "pma", "key_heads": 5}, "wrong-value", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name):
    base, options, code, hint = WRONG[name]
    with pytest.raises(SpecError) as refused:
        problem(base, options)
    (mistake,) = refused.value.diagnostics
    assert mistake.code == code, mistake
    assert hint in mistake.hint
