"""The laws of plans and networks, measured over every element of the group and with the control
beside each error.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from symgen.algebra import base as bases
from symgen.algebra.fieldtype import FieldType, vector
from symgen.algebra.representation import Representation, absolute, direct_sum, trivial
from symgen.algebra.steerable import thresholds, with_gates
from symgen.algebra.triangles import triangle_tables
from symgen.nn.network import Network, build
from symgen.operations import (
    attention,
    embedding,
    group_conv,
    norm,
    recurrent,
    scale,
    sensors,
    steerable_conv,
    tied_linear,
)
from symgen.operations.operation import Operation
from symgen.plan.invariants import validate
from symgen.plan.plan import Plan
from symgen.problem.group_action import act_on_term
from symgen.problem.problem import Problem
from tests.families.problems import observations

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
POWER = 1e-3
"""Smallest control, and smallest error that counts as broken; relative."""
STRONG = 0.03
"""Smallest control of a network that is chosen for a test: training may still shrink it."""


class EquivarianceError(NamedTuple):
    """How far an output is from commuting with one element, relative to its largest entry, and the
    control.
    """

    element: str
    output: str
    error: float
    control: float


@torch.no_grad()
def equivariance_errors(
    network: Network, problem: Problem, dtype: torch.dtype, batch: int = 8
) -> list[EquivarianceError]:
    """The equivariance error of policy and critics for every element of the group.

    The control leaves the output unmoved where the element moves it (the action, where it is
    judged), and takes another observation where not.
    """
    given, words = observations(problem.interface, batch), problem.group.elements
    moved = {
        term.name: np.concatenate(
            [
                act_on_term(term, problem.observation[term.name], word, given[term.name])
                for word in words
            ]
        )
        for term in problem.interface.terms
    }
    acts = np.random.default_rng(1).standard_normal((batch, problem.action.size))
    moved_acts = np.concatenate([problem.action.act(word, acts) for word in words])
    model = copy.deepcopy(network).to(dtype).eval()
    before, after = outputs(model, given, acts), outputs(model, moved, moved_acts)
    unmoved = outputs(model, moved, np.concatenate([acts] * len(words)))
    moving = {output.name: problem.action for output in model.outputs if output.moves == "action"}
    if problem.action.is_signed_permutation:
        moving["log_std"] = absolute(problem.action)
    judging = {output.name for output in model.outputs if output.reads == "action"}
    result = []
    for name, one in before.items():
        x, scale, shape = one.numpy(), float(one.abs().max()), (len(words), *one.shape)
        pairs = zip(
            after[name].numpy().reshape(shape), unmoved[name].numpy().reshape(shape), strict=True
        )
        for word, (y, still) in zip(words, pairs, strict=True):
            expected = moving[name].act(word, x) if name in moving else x
            if name in judging and _moves(problem.action, word):
                other = still
            else:
                other = x if name in moving and _moves(moving[name], word) else np.roll(x, 1, 0)
            result.append(
                EquivarianceError(
                    word, name, _gap(y, expected) / scale, _gap(other, expected) / scale
                )
            )
    return result


def outputs(
    model: Network, given: Mapping[str, np.ndarray], acts: np.ndarray
) -> dict[str, torch.Tensor]:
    """Every output by name."""
    seen, _ = model(given)
    seen.pop("scale", None)  # the same for all observations
    judging = tuple(output.name for output in model.outputs if output.reads == "action")
    if not judging:
        return seen
    return {**seen, **model.heads(model.encode(given), judging, torch.from_numpy(acts))}


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())


def _moves(action: Representation, word: str) -> bool:
    return not np.allclose(action.matrix(word), np.eye(action.size))


def assert_equivariant(network: Network, problem: Problem) -> None:
    """policy(g.o) = g.policy(o), value(g.o) = value(o), q(g.o, g.a) = q(o, a), in both dtypes and
    with power.
    """
    for dtype, tolerance in TOLERANCE.items():
        for row in equivariance_errors(network, problem, dtype):
            assert row.error <= tolerance, f"{dtype}: {row}"
            assert row.control > POWER, f"{dtype}: no power, {row}"


def has_power(network: Network, problem: Problem) -> bool:
    """Whether every control is quite large: attention that starts saturated hardly sees what it is
    shown.
    """
    return all(row.control > STRONG for row in equivariance_errors(network, problem, torch.float64))


def assert_broken(network: Network, problem: Problem) -> None:
    """Every element but the identity is seen not to commute with the network."""
    found: dict[str, float] = {}
    for row in equivariance_errors(network, problem, torch.float64):
        found[row.element] = max(row.error, found.get(row.element, 0.0))
    assert found.pop("") <= TOLERANCE[torch.float64]
    assert all(error > POWER for error in found.values()), f"holds by accident: {found}"


@torch.no_grad()
def assert_uses_everything(network: Network, problem: Problem) -> None:
    """Policy and critics depend on every observation term, the critics on every component of an
    action they judge.
    """
    given, other = observations(problem.interface, 16), observations(problem.interface, 16, seed=1)
    acts = np.random.default_rng(1).standard_normal((16, problem.action.size))
    model = copy.deepcopy(network).double().eval()
    before = outputs(model, given, acts)
    for name in given:
        for output, x in outputs(model, {**given, name: other[name]}, acts).items():
            assert _relative(x, before[output]) > POWER, f"the {output} does not depend on {name}"
    judging = [output.name for output in model.outputs if output.reads == "action"]
    for k in range(problem.action.size if judging else 0):
        changed = acts.copy()
        changed[:, k] += 1
        after = outputs(model, given, changed)
        for name in judging:
            assert _relative(after[name], before[name]) > POWER, f"{name} ignores component {k}"


def _relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


def train(network: Network, problem: Problem, steps: int = 10, rate: float = 3e-3) -> None:
    """Optimiser steps towards random targets, and running statistics of observations that favour
    one side.
    """
    torch.manual_seed(1)
    given = observations(problem.interface, 16, seed=2)
    lopsided = {
        name: x
        if x.dtype.kind in "iu"
        else x * 2 + np.linspace(-1, 1, x[0].size).reshape(x.shape[1:])
        for name, x in given.items()
    }
    network.update_normalisation(lopsided)
    acts = np.random.default_rng(3).standard_normal((16, problem.action.size)) + 0.5
    targets = {name: torch.randn_like(x) + 1 for name, x in outputs(network, given, acts).items()}
    optimiser = torch.optim.Adam(network.parameters(), rate)
    for _ in range(steps):
        loss = sum(
            (x - targets[name]).square().mean() for name, x in outputs(network, given, acts).items()
        )
        if "scale" in network.steps:
            scale = network.steps["scale"]()
            loss = loss + (scale * torch.arange(1, len(scale) + 1)).sum().cos()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def assert_plan(plan: Plan, problem: Problem) -> None:
    """Valid; its weights are those of the network, and those of linear steps are dim Hom, by
    characters.
    """
    network = build(validate(plan), problem.interface)
    built = sum(p.numel() for p in network.parameters())
    assert plan.weights + plan.training_weights == built
    assert dict(plan.terms) == dict(problem.observation)
    counted = 0
    for step in plan.steps:
        operation = step.operation
        if operation.bound == "exact" and type(operation) in COUNTS:
            assert step.weights == COUNTS[type(operation)](operation), (
                f"{step.name} of {plan.family}"
            )
            counted += 1
    assert counted > 0 or all(
        step.operation.bound != "exact" or step.weights == 0 for step in plan.steps
    )


def hom_by_characters(target: FieldType, source: FieldType) -> int:
    """dim Hom = the mean over the group of the product of characters (Serre, Linear
    representations, section 2.3).
    """
    traces = [_character(target, word) * _character(source, word) for word in target.group.elements]
    mean = sum(traces) / len(traces)
    assert abs(mean - round(mean)) < 1e-9
    return round(mean)


def _character(field: FieldType, word: str) -> float:
    fixed = (field.base.permutation(word) == np.arange(field.base.size)).sum()
    return float(fixed * np.trace(field.fibre.matrix(word)))


def _affine(target: FieldType, *sources: FieldType) -> int:
    return sum(
        hom_by_characters(target, source) for source in (*sources, vector(trivial(target.group)))
    )


def _linear(target: FieldType, *sources: FieldType, scope: str = "feature") -> int:
    if scope == "place":
        target, *rest = (vector(field.fibre) for field in (target, *sources))
        return _affine(target, *rest)
    return _affine(target, *sources)


def _at_places(
    target: FieldType, sources: tuple[FieldType, ...], points: tuple[FieldType, ...]
) -> int:
    """The sources place by place, with one bias, and the points to all places."""
    read = sum(hom_by_characters(target, point) for point in points)
    return read + _linear(target, *sources, scope="place")


def _place_memory(cell: sensors.PlaceMemory) -> int:
    gates, hidden = (vector(field.fibre) for field in (cell.gates, cell.hidden))
    read = _at_places(cell.gates, cell.sources, cell.points)
    return read + hom_by_characters(gates, hidden)


def _convolution(conv: group_conv.GroupConv) -> int:
    """The kernel, and one shift (and with a norm one scale) for each orbit of channels."""
    side, fibre = conv.sampling.kernel, vector(conv.target.fibre)
    around = FieldType(bases.resize(conv.source.base, side, side), conv.source.fibre)
    scales = {"none": 0, "batch": int(fibre.entry_orbits.max()) + 1, "layer": _affine(fibre)}
    return _affine(fibre, around) + scales[conv.norm]


def _attention(block: attention.GraphAttention) -> int:
    """Norm, queries, keys, values and output, the labels of the graph matrices, triangles, and the
    two-layer map.
    """
    place, ((copies, atom),) = vector(block.field.fibre), block.field.fibre.blocks
    labels = block.graph.fibre_labels(atom)
    weights = 2 * copies + 4 * hom_by_characters(place, place) + copies
    mixed = [name for name in block.matrices if name in ("q", "k", "v")]
    weights += len(mixed) * copies * len(set(labels[labels >= 0].tolist()))
    on_scores = len(block.matrices) - len(mixed)
    weights += on_scores * block.heads * len(set(block.graph.labels.reshape(-1).tolist()) - {-1})
    if block.triangles:
        weights += block.triangles * block.heads * triangle_tables(block.graph.base).label_count
    if block.expansion:
        hidden = vector(direct_sum((copies * block.expansion, atom)))
        weights += 2 * copies + _affine(hidden, place) + _affine(place, hidden)
    return weights


def _cell(cell: recurrent.GRU | recurrent.LSTM, gates: int) -> int:
    """Of every gate a map of the input with its bias, and a map of what was the output."""
    of_input = _affine(cell.hidden, cell.source)
    return gates * (of_input + hom_by_characters(cell.hidden, cell.hidden))


COUNTS: dict[type[Operation], Callable[[Any], int]] = {
    tied_linear.TiedLinear: lambda o: _linear(o.target, o.source, scope=o.scope),
    embedding.Nonlinear: lambda o: _linear(o.target, *o.sources, scope=o.scope),
    embedding.PatchEmbedding: lambda o: _affine(
        vector(o.target.fibre),
        FieldType(bases.resize(o.source.base, o.patch, o.patch), o.source.fibre),
    ),
    embedding.JoinToken: lambda o: _affine(vector(o.field.fibre)),
    norm.FieldNorm: lambda o: 2 * _affine(vector(o.field.fibre)),
    norm.NormedTanh: lambda o: 2 * _affine(vector(o.field.fibre)),
    scale.ContinuousScale: lambda o: int(o.target.entry_orbits.max()) + 1,
    group_conv.GroupConv: _convolution,
    steerable_conv.SteerableLinear: lambda o: (
        _affine(vector(with_gates(o.target.fibre, o.vectors)), *o.sources)
        + thresholds(o.target.fibre, o.vectors)
    ),
    attention.GraphAttention: _attention,
    recurrent.GRU: lambda o: _cell(o, 3),
    recurrent.LSTM: lambda o: _cell(o, 4),
    sensors.PlaceLayer: lambda o: _at_places(o.target, o.sources, o.points),
    sensors.PlaceMemory: _place_memory,
}
