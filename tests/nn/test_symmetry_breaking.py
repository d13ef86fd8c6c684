"""Symmetry-breaking norms against dense matrices: the Reynolds projector, and rho_out(g) W -
W rho_in(g) written out.
"""

import numpy as np
import pytest
import torch

from symgen.algebra import graph as graphs
from symgen.algebra.base import point as single
from symgen.algebra.base import union
from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.algebra.relaxation import Relaxation
from symgen.algebra.representation import direct_sum
from symgen.algebra.representation import parse as fibre
from symgen.compiler import plan_spec
from symgen.nn.graph_matrix import GraphMatrices
from symgen.nn.network import Network, build
from symgen.nn.symmetry_breaking import BrokenMaps, penalty, symmetry_breaking
from symgen.nn.tied_linear import TiedLinear
from symgen.operations.maps import fine_labels
from tests.families.problems import problem
from tests.laws import reynolds

RESIDUAL = Relaxation(form="residual")
FORMS = [
    RESIDUAL,
    Relaxation(form="banks", banks=2),
    Relaxation(form="banks", banks=3, index="input"),
    Relaxation(form="banks", banks=1),
]
MAPS = [
    ("C1", "point: 3 trivial", "grid 2x2: trivial"),
    ("C2", "grid 2x3: trivial + sign", "point: 2 regular"),
    ("C4", "point: regular + standard", "grid 3x3: 2 trivial"),
    ("D2", "point: quotient(s) + quotient(rs) + sign", "grid 2x3: 2 trivial"),
    ("D3", "graph 3(r=1 2 0, s=0 2 1): 2 trivial", "point: standard + sign"),
    ("D4", "point: regular + quotient(s)", "grid 3x3: trivial + sign"),
    ("S4", "point: standard + permutation", "tokens 4: 2 trivial"),
]


def by_hand(matrix: np.ndarray, target, source) -> dict[str, float]:
    """The same from matrices that are written out."""
    size = np.linalg.norm(matrix)
    found = {"": np.linalg.norm(matrix - reynolds(matrix, target, source)) / size}
    for generator in source.group.generators:
        found[generator] = (
            np.linalg.norm(target.matrix(generator) @ matrix - matrix @ source.matrix(generator))
            / size
        )
    return found


def perturbed(module: torch.nn.Module) -> None:
    """Broken at random."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.endswith(("delta", "banks.weight")):
                weight += 0.3 * torch.randn(weight.shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize(("name", "target", "source"), MAPS, ids=lambda value: value)
@pytest.mark.parametrize("scope", ["feature", "place"])
@pytest.mark.parametrize("how", FORMS, ids=str)
def test_maps(name, target, source, scope, how):
    to, of = (parse(group(name), text) for text in (target, source))
    of = FieldType(to.base, of.fibre) if scope == "place" else of
    torch.manual_seed(0)
    linear = TiedLinear(to, of, scope, bias=False, relaxation=how).double()
    assert all(size <= 1e-12 for size in symmetry_breaking(linear).values())
    if linear.matrix.relaxation is None:  # the group exchanges no channels on either side
        assert symmetry_breaking(linear) == {}
        return
    perturbed(linear)
    if not linear.matrix().any():  # banks of nothing: no map but zero is equivariant
        assert set(symmetry_breaking(linear)) == {"", *to.group.generators, "spread"}
        return
    ends = (
        (to.fibre, of.fibre) if scope == "place" else (to.as_representation, of.as_representation)
    )
    expected = by_hand(linear.matrix().detach().numpy(), *ends)
    found = symmetry_breaking(linear)
    if how.form == "banks":
        w, part = linear.matrix.banks.weight.detach().numpy(), linear.matrix.banks.part.numpy()
        ranges = [[np.ptp(bank[part == each]) for each in np.unique(part)] for bank in w]
        assert found.pop("spread") == pytest.approx(np.max(ranges, 1).mean(), abs=1e-12)
    assert found == pytest.approx(expected, abs=1e-12)
    if name == "C1":
        assert expected == {"": 0.0}  # nothing to break
    else:
        assert (
            expected[""] > 1e-2
        )  # scaling the axes of the plane commutes with a mirror, so a generator may be kept


def test_biases_count():
    to, of = (parse(group("D1"), text) for text in ("point: regular", "point: 2 sign"))
    torch.manual_seed(0)
    linear = TiedLinear(to, of, relaxation=RESIDUAL).double()
    with torch.no_grad():
        linear.bias.delta[0] += 1.0
    matrix, bias = (each.detach().numpy() for each in linear.expand())
    # half of what was added lies in the exact subspace, the other half is at a right angle to it
    size = np.sqrt((matrix**2).sum() + (bias**2).sum())
    assert symmetry_breaking(linear) == pytest.approx(
        {"": np.sqrt(0.5) / size, "s": np.sqrt(2) / size}, abs=1e-12
    )


@pytest.mark.parametrize("labels", ["distance", "offset"])
@pytest.mark.parametrize(
    ("name", "atom"), [("C4", "regular"), ("D2", "quotient(s)"), ("D4", "trivial")]
)
def test_graph_matrices(name, atom, labels):
    """One graph matrix per channel is a block diagonal matrix of (place, channel) pairs."""
    acting = group(name)
    base = parse(acting, "grid 3x3: trivial").base
    graph, copy = graphs.build(base, "complete", labels), fibre(acting, atom)
    field = FieldType(union(single(acting), base), direct_sum((2, copy)))
    torch.manual_seed(0)
    module = GraphMatrices(
        graph.fibre_labels(copy), 2, 2, 1, fine=fine_labels(graph), field=field
    ).double()
    assert all(size <= 1e-12 for size in symmetry_breaking(_beside(module, field)).values())
    perturbed(module)
    sets = module().detach().numpy().reshape(2, field.fibre.size, field.base.size, field.base.size)
    dense = []
    for matrices in sets:
        matrix = np.zeros((*field.shape, *field.shape))
        for channel, each in enumerate(matrices):
            matrix[:, channel, :, channel] = each
        dense.append(matrix.reshape(field.size, field.size))
    found = [by_hand(matrix, field.as_representation, field.as_representation) for matrix in dense]
    squares = [np.linalg.norm(matrix) ** 2 for matrix in dense]
    expected = {
        key: float(
            np.sqrt(
                sum(each[key] ** 2 * s for each, s in zip(found, squares, strict=True))
                / sum(squares)
            )
        )
        for key in found[0]
    }
    assert symmetry_breaking(_beside(module, field)) == pytest.approx(expected, abs=1e-12)
    assert min(expected.values()) > 0.05


def _beside(module: GraphMatrices, field: FieldType) -> torch.nn.Module:
    """With an exact map beside it, which counts for nothing."""
    place = FieldType(single(field.group), field.fibre)
    return torch.nn.ModuleList([TiedLinear(place, place), module])


def test_modules_of_another_kind_measure_themselves():
    class Scaled(torch.nn.Module):
        """Two numbers that a mirror exchanges; equal ones are exact."""

        def __init__(self) -> None:
            super().__init__()
            self.pair = torch.nn.Parameter(torch.tensor([3.0, 1.0], dtype=torch.float64))

        def broken_maps(self) -> BrokenMaps:
            return BrokenMaps(
                self.pair, self.pair - self.pair.mean(), ("s",), lambda _, pair: pair.flip(0)
            )

        def penalty(self) -> torch.Tensor:
            return self.pair.var(unbiased=False)

    module = torch.nn.Sequential(Scaled())
    assert symmetry_breaking(module) == pytest.approx({"": (2 / 10) ** 0.5, "s": (8 / 10) ** 0.5})
    assert penalty(module).item() == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["C4", "D1"])
def test_steerable_kernels(name):
    """Against the Reynolds projection of the kernel, which turns pixels and channels."""
    pytest.importorskip("escnn")
    from symgen.nn.steerable_kernel import SteerableKernel

    fibre_of = fibre(group(name), "regular + trivial")
    torch.manual_seed(0)
    kernel = SteerableKernel(fibre_of, fibre_of, 3, relaxation=Relaxation("pixels")).double()
    assert symmetry_breaking(kernel)[""] <= 1e-12
    assert penalty(kernel).item() <= 1e-24
    with torch.no_grad():
        kernel.weight += 0.3 * torch.randn_like(kernel.weight)
    assert penalty(kernel).item() > 1e-3
    matrix = kernel().detach().permute(0, 2, 3, 1).reshape(fibre_of.size, -1).numpy()
    window = parse(group(name), f"grid 3x3: {fibre_of}").as_representation
    assert symmetry_breaking(kernel) == pytest.approx(by_hand(matrix, fibre_of, window), abs=1e-12)
    assert 0.05 < symmetry_breaking(kernel)[""] < 1


def test_an_exact_module_breaks_nothing():
    acting = group("C4")
    place = parse(acting, "point: regular")
    assert symmetry_breaking(TiedLinear(place, place)) == {}
    assert penalty(TiedLinear(place, place)) is None


# ------------------------------------------------------------------------------------------------
# whole networks

NETWORKS = {
    "residual": (
        "graph_attention",
        {"width": 32, "heads": 1, "readout": "both", "global": {"layers": 1}},
        {},
    ),
    "banks": ("group_mlp", {"hidden": "2 regular", "depth": 1}, {"banks": 3}),
    "residual mlp": ("group_mlp", {"hidden": "2 regular", "depth": 1}, {"form": "residual"}),
}


def network(name: str) -> Network:
    family, options, how = NETWORKS[name]
    this = problem("C4 grid 5x5", family, options, {"relaxed": how})
    torch.manual_seed(0)
    return build(plan_spec(this), this.interface).double()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_says_so_by_step_and_generator(name):
    built = network(name)
    sizes = built.symmetry_breaking()
    relaxed = {step.name for step in built.plan.steps if step.operation.bound == "relaxed"}
    assert {key.split("/")[0] for key in sizes} == relaxed
    assert max(sizes.values()) <= 1e-12
    perturbed(built)
    after = built.symmetry_breaking()
    assert set(after) == set(sizes)
    assert {step for step in relaxed if after[step] > 1e-3 and after[f"{step}/r"] > 1e-3} == relaxed
    assert all((f"{step}/spread" in after) == (name == "banks") for step in relaxed)


def test_relaxed_weights_are_those_of_the_banks():
    built = network("banks")
    weights = built.relaxed_weights()
    assert {key.split("/")[0] for key in weights} == {
        key for key in built.symmetry_breaking() if "/" not in key
    }
    assert all(each.shape[0] == 3 and np.allclose(each, 1 / 3) for each in weights.values())
    perturbed(built)
    assert np.ptp(weights["policy"]) == 0  # a copy
    assert np.ptp(built.relaxed_weights()["policy"]) > 0.01
    assert network("residual").relaxed_weights() == {}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_penalty_and_its_gradient(name):
    built = network(name)
    assert built.penalty().item() == pytest.approx(0, abs=1e-24)
    perturbed(built)
    cost = built.penalty()
    cost.backward()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for path, weight in built.named_parameters():
            if weight.grad is None:
                assert not path.endswith(("delta", "banks.weight"))
                continue
            entry = tuple(rng.integers(size) for size in weight.shape)
            values = []
            for shift in (1e-5, -2e-5):
                weight[entry] += shift
                values.append(built.penalty().item())
            weight[entry] += 1e-5
            assert weight.grad[entry].item() == pytest.approx(
                (values[0] - values[1]) / 2e-5, rel=1e-6, abs=1e-10
            )
