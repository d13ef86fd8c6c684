"""Recurrent cells against torch's own, step by step; and they commute with the group, memory
included, over long sequences.
"""

import pytest
import torch
from torch import Tensor, nn

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.algebra.relaxation import Relaxation
from symgen.nn._fast_expansion import held
from symgen.nn.build import built
from symgen.nn.recurrence import carried
from symgen.nn.recurrent import FORGET
from symgen.operations.operation import Operation
from symgen.operations.recurrent import GRU, LSTM, FreeGRU, FreeLSTM
from tests.families.laws import POWER, TOLERANCE

STEPS, BATCH = 50, 6
CELLS = {"gru": GRU, "lstm": LSTM}
FREE = {"gru": FreeGRU, "lstm": FreeLSTM}
TYPES = {
    "regular": ("D4", "point: 2 regular", "point: standard + 2 trivial"),
    "quotient": ("D4", "point: 3 quotient(s) + regular", "grid 3x3: trivial + sign"),
    "permutation": ("S3", "point: 2 permutation + 2 trivial", "tokens 3: 2 trivial"),
    "a mirror": ("D1", "point: 4 regular", "point: 2 sign"),
}


def cell(
    kind: str, name: str, relaxation: Relaxation | None = None
) -> tuple[GRU | LSTM, nn.Module]:
    """An operation and its module, in float64."""
    acting, hidden, source = TYPES[name]
    types = parse(group(acting), source), parse(group(acting), hidden)
    torch.manual_seed(0)
    operation = CELLS[kind](*types, relaxation=relaxation)
    return operation, built(operation).double()


def free(kind: str) -> tuple[FreeGRU | FreeLSTM, nn.Module]:
    """The same of dense layers."""
    types = (parse(group("C1"), f"point: {size} trivial") for size in (5, 7))
    torch.manual_seed(0)
    operation = FREE[kind](*types)
    return operation, built(operation).double()


def inputs(field: FieldType, seed: int = 0) -> list[Tensor]:
    """A sequence of random features."""
    generator = torch.Generator().manual_seed(seed)
    shape = (STEPS, BATCH, *field.shape)
    return list(torch.randn(shape, generator=generator, dtype=torch.float64))


def zeros(field: FieldType) -> Tensor:
    """A memory of nothing."""
    return torch.zeros(BATCH, *field.shape, dtype=torch.float64)


def moved(field: FieldType, element: str, x: Tensor) -> Tensor:
    """g.x."""
    return torch.from_numpy(field.act(element, x.numpy()))


def expanded(linear: nn.Module) -> tuple[Tensor, Tensor]:
    """The matrix and the bias of a map, tied or not."""
    if isinstance(linear, nn.Linear):
        matrix, bias = linear.weight, linear.bias
    else:
        matrix, bias = linear.expand()
    return matrix, matrix.new_zeros(len(matrix)) if bias is None else bias


def torchs_own(module: nn.Module, kind: str, inputs: int, hidden: int) -> nn.Module:
    """torch's cell with the same weights, written out."""
    twin = {"gru": nn.GRUCell, "lstm": nn.LSTMCell}[kind](inputs, hidden).double()
    read, read_bias = expanded(module.read)
    recall, recall_bias = expanded(module.recall)
    forget = torch.zeros_like(read_bias)
    if kind == "lstm":
        forget[hidden : 2 * hidden] = FORGET
    own = (read, recall, read_bias + forget, recall_bias)
    for weight, ours in zip(twin.parameters(), own, strict=True):
        weight.copy_(ours)
    return twin


def difference(operation: Operation, module: nn.Module, twin: nn.Module) -> float:
    """Between a cell and torch's, the largest over a sequence, of output and memory."""
    state = zeros(operation.state)
    is_pair = isinstance(twin, nn.LSTMCell)
    theirs = state.flatten(1).chunk(2, 1) if is_pair else (state.flatten(1),)
    gaps = []
    for x in inputs(operation.inputs[0]):
        output, state = module(x, state)
        result = twin(x.flatten(1), theirs if is_pair else theirs[0])
        theirs = result if is_pair else (result,)
        gaps.append((output.flatten(1) - theirs[0]).abs().max())
        gaps.append((state.flatten(1) - torch.cat(theirs, 1)).abs().max())
    return float(torch.stack(gaps).max())


@torch.no_grad()
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("name", [*TYPES, "free"])
def test_a_cell_is_torchs_cell_step_by_step(kind, name):
    operation, module = free(kind) if name == "free" else cell(kind, name)
    for weight in module.parameters():
        weight.copy_(torch.randn_like(weight) / 2)  # biases begin as zeros
    twin = torchs_own(module, kind, operation.source.size, operation.hidden.size)
    assert difference(operation, module, twin) <= 1e-12
    twin.weight_hh[0] += 0.1
    assert difference(operation, module, twin) > 1e-3  # control


@torch.no_grad()
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("name", TYPES)
def test_cells_commute_with_every_element_over_fifty_steps(kind, name):
    operation, module = cell(kind, name)
    before, after = zeros(operation.state), zeros(operation.state)
    elements = operation.source.group.elements
    states = dict.fromkeys(elements, after)
    for x in inputs(operation.source):
        output, before = module(x, before)
        for g in elements:
            image, states[g] = module(moved(operation.source, g, x), states[g])
            error = (image - moved(operation.hidden, g, output)).abs().max() / output.abs().max()
            assert error <= TOLERANCE[torch.float64]
    largest = before.abs().max()
    for g in elements:
        expected = moved(operation.state, g, before)
        assert (states[g] - expected).abs().max() / largest <= TOLERANCE[torch.float64]
        if g:  # controls: the memory left unmoved, and the memory of unmoved observations
            assert (before - expected).abs().max() / largest > 0.03
            forgetful, _ = module(moved(operation.source, g, x), before)
            output, _ = module(x, before)
            gap = (forgetful - moved(operation.hidden, g, output)).abs().max()
            assert gap / output.abs().max() > 0.03


@torch.no_grad()
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_whose_maps_are_changed_does_not_commute(kind):
    """The control of the law above."""
    relaxation = Relaxation("residual")
    operation, module = cell(kind, "regular", relaxation)
    assert operation.bound == "relaxed"
    x, (g, *_) = inputs(operation.source)[0], operation.source.group.generators

    def error() -> Tensor:
        _, state = module(x, zeros(operation.state))
        output, _ = module(x, state)
        image, _ = module(moved(operation.source, g, x), moved(operation.state, g, state))
        return (image - moved(operation.hidden, g, output)).abs().max() / output.abs().max()

    assert error() <= TOLERANCE[torch.float64]  # exact at first
    module.recall.matrix.delta[0, 0] += 1.0
    assert error() > POWER


@pytest.mark.parametrize("form", ["banks", "residual"])
@pytest.mark.parametrize("kind", CELLS)
def test_relaxing_works_through_the_maps(kind, form):
    exact, _ = cell(kind, "regular")
    operation, module = cell(kind, "regular", Relaxation(form))
    assert exact.relaxed(Relaxation(form)) == operation
    weights = sum(weight.numel() for weight in module.parameters())
    assert weights == operation.weights > exact.weights
    assert operation.broken_weights == operation.weights - exact.weights


@torch.no_grad()
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("name", TYPES)
def test_nothing_remembered_is_fixed_by_the_group(kind, name):
    operation, _ = cell(kind, name)
    start, something = zeros(operation.state), inputs(operation.state)[0]
    for g in operation.state.group.generators:
        assert torch.equal(moved(operation.state, g, start), start)
        assert not torch.equal(moved(operation.state, g, something), something)  # control


@torch.no_grad()
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("name", [*TYPES, "free"])
def test_the_first_input_is_remembered_and_nothing_grows(kind, name):
    """At first a cell neither forgets within a few steps nor runs away."""
    operation, module = free(kind) if name == "free" else cell(kind, name)
    sequence, other = inputs(operation.source), inputs(operation.source, seed=1)
    state, twin = zeros(operation.state), zeros(operation.state)
    gaps = []
    for k, x in enumerate(sequence):
        output, state = module(x, state)
        changed, twin = module(x if k else other[0], twin)
        gaps.append(float((output - changed).abs().max()))
        assert output.abs().max() < 1
    assert gaps[0] > 0.1
    assert gaps[5] > 1e-3


@pytest.mark.parametrize("kind", CELLS)
def test_a_sequence_makes_its_matrices_once_and_has_the_gradients_of_its_steps(kind, monkeypatch):
    operation, module = cell(kind, "regular")
    rows = torch.stack(inputs(operation.source))
    starts = torch.rand(rows.shape[:2]) < 0.1
    made = []
    expand = type(module.recall).expand
    monkeypatch.setattr(
        type(module.recall), "expand", lambda layer: made.append(layer) or expand(layer)
    )
    results, after = carried(module, [rows], zeros(operation.state), starts)
    assert made == [module.read, module.recall]
    results.square().sum().backward()
    gradients = [weight.grad.clone() for weight in module.parameters()]
    module.zero_grad()

    state, outputs = zeros(operation.state), []
    for x, begins in zip(rows, starts, strict=True):
        output, state = module(x, torch.where(begins[:, None, None], 0.0, state))
        outputs.append(output)
    torch.cat(outputs).square().sum().backward()
    assert len(made) == 2 + 2 * STEPS  # held by nobody
    torch.testing.assert_close(results, torch.cat(outputs), rtol=0, atol=1e-12)
    torch.testing.assert_close(after, state, rtol=0, atol=1e-12)
    for weight, gradient in zip(module.parameters(), gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-10, atol=1e-10)


def test_what_is_held_already_stays():
    _, module = cell("gru", "regular")
    with torch.no_grad():
        module.read.hold()
    before = module.read._expanded
    with held(module):
        assert module.read._expanded is before
        assert module.recall._expanded is not None
    assert module.read._expanded is before
    assert module.recall._expanded is None


def test_gates_want_channels_that_the_group_permutes():
    d4 = group("D4")
    source = parse(d4, "point: 2 trivial")
    for hidden in ("point: 2 standard", "point: 2 sign", "grid 2x2: trivial"):
        with pytest.raises(ValueError, match="gates act on channels that the group permutes"):
            GRU(source, parse(d4, hidden))
        with pytest.raises(ValueError, match="gates act on channels that the group permutes"):
            LSTM(source, parse(d4, hidden))


def test_the_memory_of_an_lstm_is_the_output_and_a_cell():
    operation, _ = cell("lstm", "quotient")
    expected = "point: 3 quotient(s) + regular + 3 quotient(s) + regular"
    assert str(operation.state) == expected
    assert cell("gru", "quotient")[0].state == operation.hidden


@pytest.mark.parametrize("kind", CELLS)
def test_a_sequence_compiles_to_one_graph(kind):
    operation, module = cell(kind, "regular")
    rows = torch.stack(inputs(operation.source)[:4])
    starts = torch.rand(rows.shape[:2]) < 0.3
    torch._dynamo.reset()
    fast = torch.compile(carried, fullgraph=True, backend="eager")
    results, _ = fast(module, [rows], zeros(operation.state), starts)
    expected, _ = carried(module, [rows], zeros(operation.state), starts)
    torch.testing.assert_close(results, expected, rtol=0, atol=1e-12)
    results.sum().backward()
    assert all(weight.grad is not None for weight in module.parameters())
    assert module.read._expanded is None  # and nothing is left behind
