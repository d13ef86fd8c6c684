"""A compiled network is an ordinary torch module: it copies, pickles, saves, loads, compiles and
exports.
"""

import copy
import dataclasses
import io
import pickle
import shutil

import numpy as np
import pytest
import torch

from symgen.compiler import plan_spec
from symgen.nn.network import Network, build
from symgen.operations.group_conv import GroupConv
from symgen.operations.norm import NormedTanh
from symgen.plan.plan import Step
from symgen.problem.output import Output
from symgen.proofs.verify import Setting, verify
from tests.families.examples import VARIANTS, cases
from tests.families.laws import assert_equivariant, train
from tests.families.problems import example, observations, problem

# Each variant of each family in one world.
ONE_EACH = list(
    {
        (family, variant): (family, variant, world) for family, variant, world in cases(wide=False)
    }.values()
)
FEW = [
    ("graph_attention", "both", "C4 two pictures"),
    ("group_mlp", "two trunks", "C4 dict of everything"),
    ("group_conv", "tiles", "C4 heading 6x6"),
    ("cnn", "two layers", "C4 dict"),
    ("vit", "expansion", "C4 dict"),
    ("mlp", "shared", "D3 plane"),
]


def made(case, trained=False) -> tuple[Network, dict]:
    """A network and observations of it."""
    this = example(*case)
    torch.manual_seed(0)
    network = build(plan_spec(this), this.interface)
    if trained:
        train(network, this, steps=1)
    return network, observations(this.interface, 5)


def same(one: Network, other: Network, given, tolerance=0.0) -> bool:
    pairs = zip(outputs(one, given), outputs(other, given), strict=True)
    return all((a - b).abs().max() <= tolerance for a, b in pairs)


@torch.no_grad()
def outputs(network: Network, given) -> tuple[torch.Tensor, ...]:
    """Parameters, value and, for continuous actions, the scale."""
    return tuple(network(given)[0].values())


@pytest.mark.parametrize("case", ONE_EACH, ids=" ".join)
def test_copies_are_equal_and_independent(case):
    network, given = made(case, trained=True)
    network.eval()
    for prepare in (lambda: None, network.train, network.eval, lambda: network(given)):
        prepare()
        training = network.training
        twin = copy.deepcopy(network)
        assert twin.training == training
        assert same(twin.eval(), copy.deepcopy(network).eval(), given)
    reread = pickle.loads(pickle.dumps(network))
    assert same(reread, network, given)
    with torch.no_grad():
        for weight in twin.parameters():
            weight += 1.0
    assert same(reread, network, given)
    assert not same(twin, network, given)


@pytest.mark.parametrize("case", ONE_EACH, ids=" ".join)
def test_state_holds_the_weights_and_little_else(case):
    network, given = made(case, trained=True)
    keys = set(network.train().state_dict())
    network(given)
    assert set(network.eval().state_dict()) == keys
    with network.expanded():
        network(given)
        assert set(network.state_dict()) == keys
    weights = {name for name, _ in network.named_parameters()}
    rest = keys - weights
    assert all(name.rpartition(".")[2] in ("mean", "variance", "count") for name in rest), rest
    assert weights <= keys

    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    entries = sum(value.numel() for value in network.state_dict().values())
    observed = sum(field.size for field in network.plan.terms.values())
    normed = sum(
        step.operation.output.fibre.size
        for step in network.plan.steps
        if isinstance(step.operation, GroupConv) and step.operation.norm == "batch"
    )
    assert entries <= network.plan.weights + 2 * observed + 2 * normed + len(network.plan.terms)
    file.seek(0)
    other, _ = made((case[0], case[1], case[2]))
    with torch.no_grad():
        for weight in other.parameters():
            weight.normal_()
    network.eval(), other.eval()
    assert not same(other, network, given)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert same(other, network, given)


@pytest.mark.parametrize("case", ONE_EACH, ids=" ".join)
def test_expanded_gives_the_same_and_leaves_nothing_behind(case):
    network, given = made(case, trained=True)
    network.eval()
    before = outputs(network, given)
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    with network.expanded():
        held = [
            module for module in network.modules() if getattr(module, "_expanded", None) is not None
        ]
        inside = outputs(network, given)
        with network.expanded():
            assert all((a == b).all() for a, b in zip(outputs(network, given), inside, strict=True))
    assert bool(held) == (any(step.operation.maps for step in network.plan.steps))
    assert all((a - b).abs().max() <= 1e-6 for a, b in zip(before, inside, strict=True))
    with pytest.raises(KeyError), network.expanded():
        raise KeyError
    assert all(getattr(module, "_expanded", None) is None for module in network.modules())
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    with torch.no_grad():  # new weights count, and gradients flow
        for weight in network.parameters():
            weight *= 1.5
    assert any((a != b).any() for a, b in zip(outputs(network, given), before, strict=True))
    sum(x.sum() for x in network(given)[0].values()).backward()
    some = [weight for weight in network.parameters() if weight.numel()]  # a bias may have none
    assert all(weight.grad is not None for weight in some)


BACKENDS = ("eager", "aot_eager")


def tensors(given) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(x) for name, x in given.items()}


COMPILED = [
    *((case, "eager") for case in FEW),
    *(pytest.param(case, "aot_eager", marks=pytest.mark.slow) for case in ONE_EACH),
]


@pytest.mark.filterwarnings(
    "ignore:.*autograd.function.Function.*should not be instantiated"
)  # torch's own tracing
@pytest.mark.parametrize(
    ("case", "backend"), COMPILED, ids=lambda value: value if value in BACKENDS else " ".join(value)
)
def test_compiles_to_one_graph(case, backend):
    network, given = made(case, trained=True)
    network.eval()
    torch._dynamo.reset()
    fast = torch.compile(network, fullgraph=True, backend=backend)
    for batch in (tensors(given), {name: torch.cat([x, x]) for name, x in tensors(given).items()}):
        torch.testing.assert_close(fast(batch), network(batch), rtol=1e-5, atol=1e-6)
    loss = sum(x.square().sum() for x in fast(tensors(given))[0].values())
    weights = [weight for weight in network.parameters() if weight.numel()]  # a bias may have none
    eager = torch.autograd.grad(
        sum(x.square().sum() for x in network(tensors(given))[0].values()), weights
    )
    for found, expected in zip(torch.autograd.grad(loss, weights), eager, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.filterwarnings("default")  # the C++ compiler and torch's own deprecations are not ours
@pytest.mark.parametrize("case", FEW, ids=" ".join)
def test_inductor_agrees(case):
    network, given = made(case, trained=True)
    network.eval()
    torch._dynamo.reset()
    fast = torch.compile(network, fullgraph=True)
    batch = tensors(given)
    torch.testing.assert_close(fast(batch), network(batch), rtol=1e-4, atol=1e-5)


EXPORTED = [
    *FEW,
    *(pytest.param(case, marks=pytest.mark.slow) for case in ONE_EACH if case not in FEW),
]


@pytest.mark.parametrize("case", EXPORTED, ids=lambda case: " ".join(case))
def test_exports(case):
    network, given = made(case, trained=True)
    network.eval()
    batch = tensors(given)
    dynamic = {name: {0: torch.export.Dim.DYNAMIC} for name in batch}
    program = torch.export.export(network, (batch,), dynamic_shapes=(dynamic,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    reread = torch.export.load(file).module()
    torch.testing.assert_close(reread(batch), network(batch), rtol=1e-5, atol=1e-6)
    longer = {name: torch.cat([x, x, x]) for name, x in batch.items()}
    assert reread(longer)[0]["value"].shape == (15, 1)


@pytest.mark.parametrize("world", ["C4 two pictures", "C3 plane", "D3 plane", "D1 cart"])
def test_double_is_exact_after_any_cast(world):
    """The tables of a network are whole numbers or float64: casting to float32 and back leaves it
    exact.
    """
    this = problem(world, "group_mlp")
    network = build(plan_spec(this), this.interface)
    assert_equivariant(network, this)
    assert_equivariant(network.double(), this)
    assert_equivariant(network.float().double(), this)
    train(network.float(), this, steps=2)
    assert_equivariant(network, this)


@pytest.mark.parametrize("case", FEW, ids=" ".join)
def test_the_parts_agree_with_the_whole(case):
    network, given = made(case, trained=True)
    network.eval()
    outputs, state = network(given)
    parameters, value = outputs["policy"], outputs["value"][:, 0]
    assert state == {}
    assert torch.equal(network.value(given), value)
    with pytest.raises(ValueError, match=r"no critic judges actions: its outputs are policy, va"):
        network.q(given, None)
    law, other = network.policy(given), network.distribution(outputs)
    taken = law.sample()
    assert torch.equal(law.log_prob(taken), other.log_prob(taken))
    assert parameters.shape == (5, network.action.parameters)
    assert value.shape == law.log_prob(taken).shape == (5,)
    if network.action.kind == "continuous":
        assert torch.equal(law.mean, parameters)
        assert torch.equal(law.stddev, network.steps["scale"]().exp().expand_as(parameters))
        assert outputs["scale"].shape == parameters.shape
    else:
        assert set(outputs) == {"policy", "value"}
    assert repr(network) == str(network.plan)
    assert network.dtype == torch.float32
    assert network.device == torch.device("cpu")


JUDGING = [
    ("group_mlp", "two trunks", "D1 pendulum"),
    ("group_mlp", "shared", "D3 plane"),
    ("graph_attention", "both", "D4 force"),
    ("cnn", "two layers", "D4 force"),
    ("mlp", "two trunks", "C3 plane"),
]


@pytest.mark.parametrize("case", JUDGING, ids=" ".join)
def test_actor_and_critics_agree_with_the_whole(case):
    this = example(*case, algorithm="sac")
    torch.manual_seed(0)
    network, given = (
        build(plan_spec(this), this.interface).eval(),
        observations(this.interface, 5),
    )
    acts = torch.randn(5, this.action.size)
    features = network.encode(given)
    outputs, _ = network(given)
    assert list(outputs) == ["policy", "log_std"]
    mean = outputs["policy"]
    again = network.heads(features, ("policy", "log_std"))
    assert all(torch.equal(again[name], x) for name, x in outputs.items())
    both = network.heads(features, ("q1", "q2"), acts)
    assert torch.equal(torch.cat([both["q1"], both["q2"]], 1), network.q(given, acts))
    assert torch.equal(network.heads(features, ("q2",), acts)["q2"], both["q2"])
    with pytest.raises(ValueError, match="asked for q3; its outputs are policy, log_std, q1, q2"):
        network.heads(features, ("q3",))
    assert network.q(given, acts).shape == (5, 2)
    with pytest.raises(
        ValueError,
        match=r"no value: its outputs are policy, log_std, q1, q2; ask q\(observation, a",
    ):
        network.value(given)
    assert not torch.equal(*network.q(given, acts).unbind(1))  # two critics, not one twice
    law = network.policy(given)
    assert torch.equal(law.mode, mean.tanh())  # this action has no bounds
    assert law.log_prob(law.sample()).shape == (5,)
    everything = dict(network.named_parameters())
    actor, critic = network.actor_parameters(), network.critic_parameters()
    assert {**actor, **critic}.keys() == everything.keys()
    assert not actor.keys() & critic.keys()
    # what only the actor has moves no Q, and what the critics have beyond the shared features moves
    # no mean
    for weights, other, outputs_ in (
        (actor, critic, lambda: network.q(given, acts)),
        (critic, actor, lambda: mean),
    ):
        assert weights
        grads = torch.autograd.grad(
            outputs_().sum(), list(weights.values()), allow_unused=True, retain_graph=True
        )
        shared = [name for name, grad in zip(weights, grads, strict=True) if grad is not None]
        assert not shared if other is critic else all(_is_shared(network, name) for name in shared)


def _is_shared(network, name):
    return name.split(".")[1] in {step.name for step in network._routes.shared}


def test_a_critic_may_have_a_number_for_each_action():
    """As those of a discrete action do: q(observation, action) picks one."""
    this = problem("C4 grid 5x5", "group_mlp")
    asked = (
        Output("policy", "action", "actor"),
        Output("q1", "action", "critic"),
        Output("q2", "action", "critic"),
    )
    torch.manual_seed(0)
    wanted = dataclasses.replace(this, outputs=asked)
    network = build(plan_spec(wanted), this.interface).eval()
    given, chosen = observations(this.interface, 5), torch.tensor([3, 0, 1, 2, 2])
    outputs, _ = network(given)
    assert {name: x.shape for name, x in outputs.items()} == dict.fromkeys(
        ("policy", "q1", "q2"), (5, 4)
    )
    expected = torch.stack([outputs[name][torch.arange(5), chosen] for name in ("q1", "q2")], 1)
    assert torch.equal(network.q(given, chosen), expected)
    assert not torch.equal(network.q(given, chosen.roll(1)), expected)  # control
    with pytest.raises(ValueError, match=r"this network has no value: its outputs are policy, q1"):
        network.value(given)
    assert_equivariant(network, wanted)
    report = verify(network, Setting.of(wanted))
    assert report.exact
    assert {row.output for row in report.rows} == {"policy", "q1", "q2"}


def test_the_critics_read_the_action_in_units_of_its_box():
    this = problem("D1 pendulum", "group_mlp", algorithm="sac")
    torch.manual_seed(0)
    unit = build(plan_spec(this), this.interface)
    action = dataclasses.replace(this.interface.action, low=(-3.0,), high=(3.0,))
    wide = build(plan_spec(this), dataclasses.replace(this.interface, action=action))
    wide.load_state_dict(unit.state_dict())
    given, acts = observations(this.interface, 5), torch.randn(5, 1)
    assert torch.allclose(wide.q(given, 3 * acts), unit.q(given, acts))
    assert not torch.allclose(wide.q(given, acts), unit.q(given, acts))
    assert torch.equal(wide.policy(given).mode, 3 * unit.policy(given).mode)


@pytest.mark.parametrize("case", JUDGING, ids=" ".join)
def test_networks_that_judge_actions_copy_and_keep_their_names(case):
    this = example(*case, algorithm="sac")
    network, given = build(plan_spec(this), this.interface), observations(this.interface, 5)
    names = list(network.train().state_dict())
    assert names == list(network.eval().state_dict())
    acts = torch.randn(5, this.action.size)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin.q(given, acts), network.q(given, acts))
        with torch.no_grad():
            for weight in twin.parameters():
                weight.add_(1)
        assert not torch.equal(twin.q(given, acts), network.q(given, acts))


def test_a_count_that_the_module_does_not_have_is_refused(monkeypatch):
    this = problem("D1 cart", "group_mlp")
    plan = plan_spec(this)
    monkeypatch.setattr(NormedTanh, "own_weights", 1)
    steps = (
        *plan.steps,
        Step("more", ("policy",), NormedTanh(plan.step("policy").operation.output)),
    )
    with pytest.raises(ValueError, match=r"NormedTanh has 2 weights, the plan says 1"):
        build(dataclasses.replace(plan, steps=steps), this.interface)
    assert set(VARIANTS) >= {plan.family}
    assert np.all([p.requires_grad for p in build(plan, this.interface).parameters()])
