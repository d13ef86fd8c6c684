"""Normalisations commute with the group, and do what they say where the group does nothing."""

import numpy as np
import pytest
import torch

from symgen.algebra.catalogue import group
from symgen.algebra.fieldtype import FieldType, parse
from symgen.compiler import compile_spec, plan_spec
from symgen.nn.network import build
from symgen.nn.norm import FieldNorm, RunningNorm
from tests.families.laws import TOLERANCE, assert_equivariant
from tests.families.problems import observations, problem

FIELDS = {
    "permutation": ("D4", "grid 3x3: 2 trivial + quotient(s) + regular"),
    "signs": ("D2", "grid 2x3: trivial + sign(r) + sign(s)"),
    "signed permutation": ("C4", "point: standard + trivial + 2 sign"),
    "plane": ("D3", "point: 2 standard + trivial"),
    "plane on tokens": ("C3", "tokens 3: standard"),
    "sums of tokens": ("S4", "tokens 4: 2 trivial"),
    "nothing moves": ("C1", "grid 2x2: 3 trivial"),
}


def asymmetric(field: FieldType, count: int, seed: int = 0) -> torch.Tensor:
    """Observations that favour some entries: means from -3 to 3, deviations from 0.1 to 3."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((count, field.size)) * np.linspace(0.1, 3, field.size) + np.linspace(
        -3, 3, field.size
    )
    return torch.from_numpy(x.reshape(count, *field.shape))


def error(norm: RunningNorm, field: FieldType, x: torch.Tensor) -> float:
    """The largest equivariance error with any element."""
    y = norm(x).numpy()
    moved = [
        norm(torch.from_numpy(field.act(g, x.numpy()))).numpy() - field.act(g, y)
        for g in field.group.elements
    ]
    return float(np.abs(moved).max())


@pytest.mark.parametrize("clip", [None, 0.7])
@pytest.mark.parametrize("name", FIELDS)
def test_running_normalisation_commutes_with_the_group(name, clip):
    field = parse(group(FIELDS[name][0]), FIELDS[name][1])
    norm, x = RunningNorm(field, clip=clip), asymmetric(field, 7, seed=1)
    for k in range(4):
        norm.update(asymmetric(field, 50, seed=k))
        assert error(norm, field, x) < 1e-12
    assert (norm(x) - x).abs().max() > 0.1
    if field.group.generators:  # control: moments of the entries one by one do not commute
        norm.mean += torch.linspace(-1, 1, field.size)
        norm.variance *= torch.linspace(0.5, 2, field.size)
        assert error(norm, field, x) > 1e-2


def test_without_a_group_the_moments_are_the_usual_ones():
    field = parse(group("C1"), "grid 2x2: 3 trivial")
    norm, batches = RunningNorm(field), [asymmetric(field, n, seed=n) for n in (1, 5, 64)]
    for batch in batches:
        norm.update(batch)
    together = torch.cat(batches).flatten(1)
    assert norm.count == 70
    assert torch.allclose(norm.mean, together.mean(0), atol=1e-12)
    # the variance that an unused network starts with counts for nothing
    assert torch.allclose(norm.variance, together.var(0, correction=0), atol=1e-12)
    whitened = norm(together.view(-1, *field.shape)).flatten(1)
    assert whitened.mean(0).abs().max() < 1e-6
    assert (whitened.std(0, correction=0) - 1).abs().max() < 1e-5


def test_moments_are_averages_over_orbits():
    field = parse(group("C4"), "grid 3x3: trivial")
    norm, x = RunningNorm(field), asymmetric(field, 200)
    norm.update(x)
    means, squares = x.mean(0).flatten(), x.square().mean(0).flatten()
    for orbit in ([0, 2, 6, 8], [1, 3, 5, 7], [4]):
        assert torch.allclose(norm.mean[orbit], means[orbit].mean().expand(len(orbit)))
        # the deviation of an entry from the mean of its orbit
        deviation = (squares - 2 * means * norm.mean + norm.mean**2)[orbit].mean()
        assert torch.allclose(norm.variance[orbit], deviation.expand(len(orbit)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", FIELDS)
def test_without_statistics_nothing_is_changed(name, dtype):
    """An observation is as large as it is: what was never normalised is never clipped."""
    field = parse(group(FIELDS[name][0]), FIELDS[name][1])
    norm, x = RunningNorm(field, clip=10.0).to(dtype), 1e6 * asymmetric(field, 7).to(dtype)
    assert torch.equal(norm(x), x)
    norm.update(x / 1e6)
    assert not torch.equal(norm(x), x)  # control
    assert norm(x).abs().max() <= 10.001


def test_outliers_are_clipped_in_units_of_standard_deviations():
    field = parse(group("C1"), "point: 2 trivial")
    x = 100 * asymmetric(field, 100)
    for clip, largest in ((2.0, 2.0), (None, None)):
        norm = RunningNorm(field, clip=clip)
        norm.update(x)
        found = norm(torch.full((1, 1, 2), 1e6, dtype=x.dtype)).flatten()
        wanted = (
            (1e6 - norm.mean) / norm.variance.sqrt()
            if largest is None
            else torch.full_like(found, largest)
        )
        assert torch.allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("train", "clip"),
    [
        ({"algorithm": "ppo", "clip_observations": 5.0}, 5.0),
        ({"algorithm": "ppo", "clip_observations": None}, None),
        ({"algorithm": "ppo"}, 10.0),
        (None, 10.0),
    ],
)
def test_the_bound_is_an_option(train, clip):
    spec = {
        "symgen": 1,
        "environment": {"adapter": "gymnasium_env", "id": "CartPole-v1"},
        "symmetry": {"group": "D1", "states": {"observation": "4 sign"}, "actions": "regular"},
        "network": {"family": "group_mlp", "hidden": "4 regular"},
        **({} if train is None else {"train": {**train, "steps": 1000}}),
    }
    assert compile_spec(spec, verify=False).network.steps["normal_observation"].clip == clip


def test_normalised_observations_stay_apart():
    """With statistics as they are met (Acrobot's second velocity, of deviation 2.3) and with the
    usual bound.
    """
    field = parse(group("D1"), "point: sign")
    norm = RunningNorm(field, clip=10.0)
    norm.update(2.3 * torch.randn(1000, 1, 1, generator=torch.Generator().manual_seed(0)))
    assert len(norm(torch.tensor([10.1, 15.0, 28.2]).view(3, 1, 1)).unique()) == 3


@pytest.mark.parametrize(
    "world", ["C4 two pictures", "D3 plane", "D2 grid 4x6", "C4 dict of everything"]
)
def test_networks_stay_equivariant_when_they_normalise(world):
    this = problem(world, "group_mlp")
    network = build(plan_spec(this), this.interface)
    before = network.value(observations(this.interface, 4))
    for seed in range(3):
        given = observations(this.interface, 32, seed)
        for name, x in given.items():
            if x.dtype.kind == "f":
                given[name] = x * np.linspace(0.1, 3, x[0].size).reshape(x.shape[1:]) + np.linspace(
                    -3, 3, x.shape[-1]
                )
        network.update_normalisation(given)
    assert not torch.equal(network.value(observations(this.interface, 4)), before)
    assert_equivariant(network, this)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("name", "text"), [("D4", "grid 3x3: 4 regular"), ("C4", "point: 3 quotient(rr) + trivial")]
)
def test_field_norm_commutes_and_normalises(name, text, dtype):
    field = parse(group(name), text)
    norm, x = FieldNorm(field).to(dtype), asymmetric(field, 5).to(dtype)
    y = norm(x)
    assert y.mean(-1).abs().max() < 1e-5
    assert (y.var(-1, correction=0) - 1).abs().max() < 1e-2
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2, len(norm.weight)))
        norm.bias.copy_(torch.linspace(-1, 1, len(norm.bias)))
        y = norm(x).numpy()
        for g in field.group.elements:
            moved = norm(torch.from_numpy(field.act(g, x.numpy()))).numpy()
            assert np.abs(moved - field.act(g, y)).max() <= 10 * TOLERANCE[dtype]
        assert (
            np.abs(norm(x.flip(-1)).numpy() - y[..., ::-1]).max() > 1e-2
        )  # control: channels are told apart


def test_field_norm_refuses_signs():
    with pytest.raises(ValueError, match="LayerNorm does not commute with the fibre 2 sign"):
        FieldNorm(parse(group("D1"), "grid 2x2: 2 sign"))
