"""steerable_conv where pixels are turned between pixels: what is said of it, and that it learns."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch

from symgen.algebra import plane
from symgen.compiler import check_spec, compile_spec
from symgen.errors import SpecError
from symgen.nn.network import Network
from tests.families.examples import World
from tests.families.problems import problem

TURNS = {
    "C8": ["4 regular"] * 2,
    "D8": ["3 regular"] * 2,
    "C3": ["6 regular"] * 2,
    "SO2": ["8 trivial + 4 irrep(1) + 2 irrep(2)", "8 trivial + 4 irrep(1)"],
    "O2": ["8 trivial + 4 irrep(1) + 2 irrep(2)", "8 trivial + 4 irrep(1) + 2 sign"],
}


def spec(
    group,
    side=33,
    constraint="exact",
    family="steerable_conv",
    actions="trivial",
    layers=None,
    **network,
):
    fields = TURNS.get(group, ["4 regular"] * 2) if layers is None else layers
    made = {"layers": [{"fields": each, "kernel": 5, "pool": 2} for each in fields], **network}
    return {
        "symgen": 1,
        "environment": {"adapter": "gridworld", "view": "rgb", "moves": "turn", "resolution": side},
        "symmetry": {
            "group": group,
            "states": "plane",
            "actions": actions,
            "constraint": constraint,
        },
        "network": {"family": family, **(made if family == "steerable_conv" else {})},
    }


@pytest.mark.parametrize("group", TURNS)
def test_turns_between_pixels_are_approximate_and_never_exact(group):
    report = compile_spec(spec(group), seed=0).verification
    assert report.holds
    assert not report.exact
    between = [row for row in report.rows if row.verdict == "approximate"]
    assert {row.generator for row in between} > {"r"}  # by another angle too
    for row in between:
        assert (
            1e-4 < row.error < 0.06 < row.tolerance == 0.1
        )  # the interpolation error is there, and small
        assert row.control > 3 * row.error
    pixels = {row.generator for row in report.rows if row.verdict == "exact"}
    assert (
        pixels
        == {"C8": {"r^2"}, "D8": {"r^2", "s"}, "C3": set(), "SO2": {"r^16"}, "O2": {"r^16", "s"}}[
            group
        ]
    )
    assert all(
        row.error <= 1e-12
        for row in report.rows
        if row.generator in pixels and row.dtype == "float64"
    )
    assert "smooth pictures" in str(report)


@pytest.mark.parametrize("group", ["C4", "D2"])
def test_a_plane_of_a_group_of_the_pixels_is_exact(group):
    report = compile_spec(spec(group), seed=0).verification
    assert report.exact


UNUSUAL = {
    "C6": ("grid 6x6(r=mirror)", "write states: plane;"),
    "SO2": ("grid 6x6(r=mirror)", "write states: plane;"),
    "C4": ("grid 4x6(r=half_turn)", "write states: grid, or states: plane;"),
    "C2 x C2": ("grid 4x6(r=mirror, r2=flip)", "use the family group_conv"),
}


@pytest.mark.parametrize("group", UNUSUAL)
def test_a_grid_that_the_group_moves_in_another_way_is_refused(group):
    states, hint = UNUSUAL[group]
    world = World(group, {"observation": f"{states}: 2 trivial"}, "3 trivial")
    with pytest.raises(ValueError, match=f"code='plane-action'.*{hint}"):
        problem(world, "steerable_conv", {"layers": ["2 trivial"]})


def test_a_plane_of_two_pixels_is_refused():
    """Inside the disc nothing is left but the middle, where no direction is."""
    layers = [{"fields": "4 regular", "pool": 2}, "4 regular"]
    small, large = ({"observation": f"plane {side}x{side}: 3 trivial"} for side in (4, 5))
    with pytest.raises(ValueError, match=r"code='stride'.*leaves plane 2x2"):
        problem(World("D2", small, "quotient(s)"), "steerable_conv", {"layers": layers})
    problem(World("D2", large, "quotient(s)"), "steerable_conv", {"layers": layers})


def test_a_network_that_no_group_binds_is_seen_to_break():
    """The control: a plain convolutional network of smooth pictures is far from following turns."""
    report = compile_spec(spec("C8", constraint="none", family="cnn"), seed=0).verification
    assert {row.verdict for row in report.rows} <= {"broken", "no power"}
    assert max(row.error for row in report.rows) > 0.1


def test_relaxed_is_exact_at_first_and_the_dial_has_power():
    exact, loose = (
        compile_spec(spec("C4", constraint=c, side=17), seed=0)
        for c in ("exact", {"relaxed": {"regulariser": 1e-3}})
    )
    x = np.random.default_rng(0).integers(0, 256, (3, 17, 17, 3), dtype=np.uint8)
    assert torch.allclose(
        exact.network(x)[0]["policy"], loose.network(x)[0]["policy"], atol=1e-6
    )  # the same weights, pixel by pixel
    kernel = loose.network.steps["conv1"].kernel
    assert kernel.penalty().item() == 0.0
    assert {step.operation.bound for step in loose.plan.steps if step.name.startswith("conv")} == {
        "relaxed"
    }
    assert loose.plan.step("conv1").weights > 20 * exact.plan.step("conv1").weights
    with torch.no_grad():
        kernel.weight[:, 0] += 0.3
    assert kernel.penalty().item() > 1e-3
    assert not loose.verify().exact
    with torch.no_grad():
        kernel.weight[:, [0, 4, 20, 24]] = 0.1  # what is equal on an orbit of pixels commutes
    assert loose.verify().rows[0].verdict in ("exact", "no power")


def test_the_penalty_pulls_back():
    network = compile_spec(spec("C4", constraint="relaxed", side=17), seed=0).network
    kernel = network.steps["conv1"].kernel
    with torch.no_grad():
        kernel.weight.add_(torch.randn_like(kernel.weight) * 0.1)
    before = kernel.penalty().item()
    optimiser = torch.optim.SGD([kernel.weight], 50.0)
    for _ in range(20):
        optimiser.zero_grad()
        kernel.penalty().backward()
        optimiser.step()
    assert kernel.penalty().item() < 0.5 * before


@pytest.mark.parametrize(
    ("group", "generators"), [("C4", ["r"]), ("C8", ["r"]), ("D2", ["r", "s"])]
)
def test_symmetry_breaking_is_measured_and_penalised(group, generators):
    compiled = compile_spec(
        spec(group, constraint={"relaxed": {"regulariser": 0.5}}, side=17), verify=False
    )
    network = compiled.network
    found = network.symmetry_breaking()
    assert set(found) == {
        key for k in (1, 2) for key in (f"conv{k}", *(f"conv{k}/{g}" for g in generators))
    }
    assert max(found.values()) < 1e-6
    assert network.penalty().item() == 0.0
    with torch.no_grad():
        network.steps["conv1"].kernel.weight[:, 0] += 0.3
    found = network.symmetry_breaking()
    assert found["conv1"] > 3e-3 > 1e-6 > found["conv2"]
    assert found["conv1/r"] > 3e-3
    cost = network.steps["conv1"].kernel.penalty().item()
    assert network.penalty().item() == pytest.approx(cost)
    problem = compiled.problem
    training = problem.constraint.training(problem, problem.constraint_options)
    loss = training.penalty(network, None, None, {}, None, None)
    assert loss.item() == pytest.approx(0.5 * cost)


@pytest.mark.parametrize("setting", [{"banks": 3}, {"index": "input"}, {"form": "residual"}])
def test_settings_of_other_families_are_refused(setting):
    with pytest.raises(SpecError) as caught:
        check_spec(spec("C4", constraint={"relaxed": setting}))
    assert [each.code for each in caught.value.diagnostics] == ["unavailable-constraint"]


@pytest.mark.parametrize(
    "group", ["SO2", *(pytest.param(name, marks=pytest.mark.slow) for name in ("D4", "C8"))]
)
def test_it_is_an_ordinary_network(group):
    network = compile_spec(spec(group, side=17), verify=False, seed=0).network
    x = torch.rand(2, 17, 17, 3) * 255
    expected = network(x)[0]["policy"]
    for mode in (True, False):
        for other in (copy.deepcopy(network.train(mode)), pickle.loads(pickle.dumps(network))):
            assert torch.equal(other(x)[0]["policy"], expected)
            assert list(other.state_dict()) == list(network.state_dict())
            with other.expanded():
                assert torch.allclose(other(x)[0]["policy"], expected, atol=1e-6)
    assert not [name for name in network.state_dict() if "basis" in name or "inside" in name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
        assert torch.allclose(compiled(x)[0]["policy"], expected, atol=1e-5)
        exported = torch.export.export(network, (x,)).module()
    assert torch.allclose(exported(x)[0]["policy"], expected, atol=1e-5)


SIDE = 17


def task(count, seed, angle=None):
    """Pictures of two bumps, near or far apart, at any angle (or one): does not depend on how the
    picture is turned.
    """
    random, places = np.random.default_rng(seed), plane.centred((SIDE, SIDE))
    angles = random.uniform(0, 2 * np.pi, count) if angle is None else np.full(count, angle)
    apart = np.where(random.random(count) < 0.5, 2.0, 4.5)
    label = apart > 3
    arm = apart[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    shift = random.uniform(-1, 1, (count, 2))
    pictures = sum(
        np.exp(-0.5 * ((places - (shift + k * arm)[:, None]) ** 2).sum(-1) / 2.2) for k in (-1, 1)
    )
    return torch.tensor(
        np.repeat(pictures.reshape(count, SIDE, SIDE, 1), 3, -1) * 255.0
    ), torch.tensor(label).float()


def accuracy(network: Network, pictures, label) -> float:
    with torch.no_grad():
        return float(((network.value(pictures) > 0) == label.bool()).float().mean())


@pytest.mark.parametrize("group", ["C8", pytest.param("SO2", marks=pytest.mark.slow)])
def test_it_learns_at_one_angle_what_holds_at_every_angle(group):
    """Trained on pictures of one orientation, tested on all; a plain network fails that."""
    found = {}
    for family, constraint in (("steerable_conv", "exact"), ("cnn", "none")):
        torch.manual_seed(0)
        layers = ["2 regular"] * 2 if group == "C8" else ["6 trivial + 4 irrep(1)"] * 2
        network = compile_spec(
            spec(group, SIDE, constraint, family, layers=layers), verify=False, seed=0
        ).network
        pictures, label = task(96, 0, angle=0.3)
        optimiser = torch.optim.Adam(
            network.parameters(), 1e-2 if family == "steerable_conv" else 1e-3
        )
        for step in range(60):
            chosen = torch.arange(32) + 32 * (step % 3)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                network.value(pictures[chosen]), label[chosen]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert accuracy(network, *task(192, 1, angle=0.3)) > 0.9
        found[family] = accuracy(network, *task(192, 2))
    assert found["steerable_conv"] > 0.9
    assert found["cnn"] < found["steerable_conv"] - 0.1


def test_windows_that_see_no_pixel_are_refused():
    layers = [{"fields": "4 regular", "kernel": 1, "padding": 1}]
    with pytest.raises(SpecError, match="windows would see no pixel"):
        check_spec({**spec("C8"), "network": {"family": "steerable_conv", "layers": layers}})
