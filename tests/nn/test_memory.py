"""A network with memory: forward step after step is `unroll` of the sequence, and both commute with
the group.
"""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

from symgen.compiler import plan_spec
from tests.families.problems import example, observations
from tests.nn.remembering import remembering

STEPS, COUNT = 6, 5


@pytest.fixture(params=["C4 grid 5x5", "C4 dict of everything"])
def case(request, monkeypatch):
    """A network with memory, and observations [step, environment, ...] with the starts among
    them.
    """
    this = example("group_mlp", "shared", request.param)
    torch.manual_seed(0)
    network = remembering(plan_spec(this), this.interface).double()
    rows = [observations(this.interface, COUNT, seed=k) for k in range(STEPS)]
    given = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    starts = torch.from_numpy(np.random.default_rng(0).random((STEPS, COUNT)) < 0.3)
    return network, given, starts


def step_by_step(network, given, starts):
    """The obvious twin of `unroll`: one forward after the other, and memories wiped by hand."""
    state, rows = network.initial_state(COUNT), []
    for k, begins in enumerate(starts):
        for memory in state.values():
            memory[begins] = 0
        outputs, state = network({name: x[k] for name, x in given.items()}, state)
        rows.append(outputs)
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}, state


def test_unroll_is_forward_step_after_step(case):
    network, given, starts = case
    with torch.no_grad():
        expected, last = step_by_step(network, given, starts)
        outputs, after = network.unroll(given, network.initial_state(COUNT), starts)
        assert set(outputs) == set(expected)
        for name, x in outputs.items():
            assert x.shape[:2] == (STEPS, COUNT)
            torch.testing.assert_close(x, expected[name], rtol=0, atol=1e-12)
        torch.testing.assert_close(after, last, rtol=0, atol=1e-12)
        # control: without the starts another sequence
        going_on, _ = network.unroll(given, network.initial_state(COUNT), torch.zeros_like(starts))
        assert (going_on["value"] - expected["value"]).abs().max() > 1e-3


def test_a_sequence_may_be_cut_anywhere(case):
    network, given, starts = case
    with torch.no_grad():
        whole, last = network.unroll(given, network.initial_state(COUNT), starts)
        first = {name: x[:2] for name, x in given.items()}
        rest = {name: x[2:] for name, x in given.items()}
        early, state = network.unroll(first, network.initial_state(COUNT), starts[:2])
        late, after = network.unroll(rest, state, starts[2:])
    for name, x in whole.items():
        torch.testing.assert_close(torch.cat([early[name], late[name]]), x, rtol=0, atol=1e-12)
    torch.testing.assert_close(after, last, rtol=0, atol=1e-12)


def test_nothing_flows_over_a_start(case):
    network, given, starts = case
    starts = torch.zeros_like(starts)
    starts[3] = True
    state = {
        name: torch.full_like(x, torch.nan) for name, x in network.initial_state(COUNT).items()
    }
    outputs, _ = network.unroll(given, state, starts)
    assert outputs["value"][:3].isnan().all()
    assert outputs["value"][3:].isfinite().all()


def test_gradients_flow_back_through_the_steps_of_an_episode(case):
    network, given, starts = case
    state = {name: x.requires_grad_() for name, x in network.initial_state(COUNT).items()}
    outputs, _ = network.unroll(given, state, starts)
    (gradient,) = torch.autograd.grad(outputs["value"][-1].sum(), list(state.values()))
    started = starts.any(0)
    assert gradient[started].abs().max() == 0
    assert (gradient[~started].abs().amax((1, 2)) > 0).all()
    assert 0 < started.sum() < COUNT  # both kinds are there


def test_none_is_the_state_at_the_start_of_an_episode(case):
    network, given, _ = case
    first = {name: x[0] for name, x in given.items()}
    with torch.no_grad():
        torch.testing.assert_close(
            network(first), network(first, network.initial_state(COUNT)), rtol=0, atol=0
        )
        _, state = network(first)
        later = network.value(first, state)
    assert not torch.allclose(network.value(first), later)  # control
    assert {name: x.shape[1:] for name, x in state.items()} == {
        name: field.shape for name, field in network.states.items()
    }
    assert all(x.dtype == torch.float64 for x in network.initial_state(2).values())


def test_what_actor_and_critics_share_is_not_asked_of_a_memory(case):
    network, given, _ = case
    with pytest.raises(ValueError, match="memory has memory: ask forward or unroll"):
        network.encode({name: x[0] for name, x in given.items()})


def test_copies_are_equal(case):
    network, given, starts = case
    expected = network.unroll(given, network.initial_state(COUNT), starts)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        found = twin.unroll(given, twin.initial_state(COUNT), starts)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_it_compiles_to_one_graph_and_exports(case):
    network, given, starts = case
    network.eval()
    first = {name: torch.from_numpy(x[0]) for name, x in given.items()}
    state = network.initial_state(COUNT)
    expected = network(first, state)
    torch._dynamo.reset()
    fast = torch.compile(network, fullgraph=True, backend="eager")
    torch.testing.assert_close(fast(first, state), expected, rtol=0, atol=1e-12)
    file = io.BytesIO()
    torch.export.save(torch.export.export(network, (first, state)), file)
    file.seek(0)
    reread = torch.export.load(file).module()
    torch.testing.assert_close(reread(first, state), expected, rtol=0, atol=1e-12)

    many = {name: torch.from_numpy(x) for name, x in given.items()}
    unrolled = torch.compile(network.unroll, fullgraph=True, backend="eager")
    torch.testing.assert_close(
        unrolled(many, state, starts), network.unroll(many, state, starts), rtol=0, atol=1e-12
    )
