"""The devices a user may name, and networks of every family that are elsewhere."""

import copy

import numpy as np
import pytest
import torch

from symgen.compiler import plan_spec
from symgen.errors import UserError
from symgen.nn import device
from symgen.nn.network import build
from symgen.nn.policy import Policy
from tests.families.examples import VARIANTS, cases, judged_cases
from tests.families.problems import example
from tests.nn.remembering import remembering
from tests.pretend import ELSEWHERE, There, elsewhere

CASES = list(
    {
        (family, variant): (family, variant, world) for family, variant, world in cases(wide=False)
    }.values()
)
JUDGED = list({case[0]: case for case in judged_cases()}.values())


@pytest.fixture
def traffic(monkeypatch):
    with elsewhere(monkeypatch) as found:
        yield found


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many CUDA devices, and perhaps a Mac's."""

    def has(cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)

    return has


# -------------------------------------------------------------------------------------------------
# names


@pytest.mark.parametrize(
    ("there", "name", "found"),
    [
        ({}, "cpu", "cpu"),
        ({}, "auto", "cpu"),
        ({"mps": True}, "auto", "mps"),
        ({"mps": True}, "mps", "mps"),
        ({"cuda": 2, "mps": True}, "auto", "cuda:0"),
        ({"cuda": 2}, "cuda", "cuda:0"),
        ({"cuda": 2}, "cuda:1", "cuda:1"),
        ({"cuda": 2}, "cpu", "cpu"),
    ],
)
def test_a_name_is_a_device(machine, there, name, found):
    machine(**there)
    assert device.chosen(name) == torch.device(found)
    # equivariance in float32 needs all of float32
    assert torch.backends.cudnn.allow_tf32 is not found.startswith("cuda")


@pytest.mark.parametrize(
    ("there", "name", "message", "hint"),
    [
        ({}, "gpu", "no device is called 'gpu'", "there is: cpu"),
        ({}, "", "no device is called ''", "there is: cpu"),
        ({}, "cuda:x", "no device is called 'cuda:x'", "there is: cpu"),
        ({}, "cpu:1", "no device is called", "there is: cpu"),
        ({}, "cuda", "cuda is not there", "there is: cpu"),
        ({}, "mps", "mps is not there", "there is: cpu"),
        (
            {"cuda": 2},
            "cuda:2",
            "cuda:2 is not there: 2 CUDA devices are, counted from 0",
            "cpu, cuda:1, cuda:0",
        ),
    ],
)
def test_a_device_that_is_not_there_is_a_mistake(machine, there, name, message, hint):
    machine(**there)
    with pytest.raises(UserError, match=message) as caught:
        device.chosen(name)
    assert caught.value.code == "device-not-found"
    assert hint in caught.value.hint


# -------------------------------------------------------------------------------------------------
# networks


def observations(this, batch=3):
    torch.manual_seed(1)
    found = {}
    for term in this.interface.terms:
        if term.layout == "discrete":
            found[term.name] = torch.randint(term.size, (batch,)).numpy()
        else:
            found[term.name] = torch.rand(batch, *term.shape).numpy()
    return found


def everything(network, seen, where):
    """What a network says and learns of observations: outputs, gradients, statistics, and the
    outputs after it all.
    """
    network.update_normalisation(seen)
    with network.expanded():
        fast = network(seen)[0].values()
    slow = list(network(seen)[0].values())
    action = torch.zeros(3, network.action.parameters, device=where)
    if any(output.reads == "action" for output in network.outputs):
        slow.append(network.q(seen, action))
    total = sum(x.square().sum() for x in slow)
    cost = network.penalty()
    (total if cost is None else total + cost).backward()
    gradients = [x.grad for x in network.parameters() if x.grad is not None]
    return [*fast, *slow, *gradients, *network.buffers()]


@pytest.mark.parametrize(
    ("family", "variant", "world", "critic"),
    [*((*case, "ppo") for case in CASES), *((*case, "sac") for case in JUDGED)],
)
def test_every_family_computes_elsewhere_what_it_computes_here(
    traffic, family, variant, world, critic
):
    this = example(family, variant, world, algorithm=critic)
    torch.manual_seed(0)
    network = build(plan_spec(this), this.interface).eval()
    seen = observations(this)
    away = build(plan_spec(this), this.interface).eval()
    away.load_state_dict(network.state_dict())
    here = everything(network, seen, torch.device("cpu"))
    away = away.to(ELSEWHERE)
    traffic.clear()
    there = everything(away, seen, ELSEWHERE)
    assert all(isinstance(x, There) for x in there)
    assert not traffic.made_here
    assert traffic.sent <= 5 * len(seen)  # the observations, each time they are read
    assert traffic.fetched == 0
    for one, other in zip(here, there, strict=True):
        torch.testing.assert_close(
            other.cpu(), one, rtol=1e-5, atol=1e-6
        )  # torch's own attention has a form for each


def test_every_family_is_among_them():
    assert {family for family, _, _ in CASES} == set(VARIANTS)


def test_a_memory_is_where_its_network_is(traffic):
    this = example("group_mlp", "shared", "C3 plane")
    torch.manual_seed(0)
    network = remembering(plan_spec(this), this.interface).eval()
    away = copy.deepcopy(network).to(ELSEWHERE)
    rows = {name: np.stack([x, -x]) for name, x in observations(this).items()}
    starts = torch.tensor([[False] * 3, [True, False, True]])
    here, state = network.unroll(rows, network.initial_state(3), starts)
    traffic.clear()
    there, moved = away.unroll(rows, away.initial_state(3), starts)
    assert all(isinstance(x, There) for x in (*there.values(), *moved.values()))
    assert not traffic.made_here
    for ours, theirs in ((here, there), (state, moved)):
        for name, x in ours.items():
            torch.testing.assert_close(theirs[name].cpu(), x, rtol=1e-5, atol=1e-6)
    plays = []
    for built in (network, away):
        policy = Policy(built)
        policy.reset(3)
        seen = [{name: x[k] for name, x in rows.items()} for k in range(2)]
        plays.append([policy.act(x, row.numpy()) for x, row in zip(seen, starts, strict=True)])
    np.testing.assert_allclose(*plays, rtol=1e-5)


def test_a_device_without_float64_gets_none(traffic, monkeypatch):
    monkeypatch.setattr(device, "NARROW", {ELSEWHERE.type})
    this = example("group_mlp", next(iter(VARIANTS["group_mlp"])), "C3 plane")
    network = build(plan_spec(this), this.interface)
    assert any(x.dtype == torch.float64 for x in network.buffers())  # control
    network.to(ELSEWHERE)
    assert not any(x.dtype == torch.float64 for x in network.buffers())
    network.update_normalisation(observations(this))
    assert network.value(observations(this)).device == ELSEWHERE
